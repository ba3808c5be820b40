"""The contests, by subject. Each is made by a function that sets the scene for all contenders."""

from benchmarks.groups import slides, values, volumes

ALL = [*values.ALL, *volumes.ALL, *slides.ALL]
