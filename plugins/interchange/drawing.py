"""One drawing in pixels of level 0, and what a file held of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plugins.nouns import AnnotationKind, Text

__all__ = [
    "FARTHEST_PX",
    "LONGEST_NAME",
    "NO_COLOUR",
    "Drawing",
    "Drawings",
    "Ignored",
    "InterchangeError",
    "Notes",
    "class_of",
    "points_of",
]

# beyond any slide: 10 cm at 0.1 µm per pixel, ten times over
FARTHEST_PX = 1e7
LONGEST_NAME = 64
NO_COLOUR = "#ffd400"


class InterchangeError(ValueError):
    """A file that cannot be taken, in one sentence of both languages."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.text = Text(vi, en)


@dataclass(frozen=True)
class Drawing:
    """One shape.

    Attributes
    ----------
    points : (n, 2) float64
        Columns and rows of level 0, from the top left corner of its first pixel; in the order
        `plugins.nouns.Annotation` states for the kind.
    classification : mapping
        As of `plugins.nouns.Annotation`.
    rings : tuple of int
        Points of the outer ring and of each hole, where `points` bridges them (`rings.bridge`).
    origin : mapping
        What the other program knew besides.
    """

    kind: AnnotationKind
    points: NDArray[np.float64] = field(repr=False)
    name: str = ""
    classification: Mapping[str, Any] = field(default_factory=dict)
    rings: tuple[int, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    measurements: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """What was left out, and how often."""

    reason: Text
    count: int


@dataclass(frozen=True)
class Drawings:
    """All drawings of a file. ``mpp`` is µm per pixel of level 0 where the file states it."""

    items: tuple[Drawing, ...]
    ignored: tuple[Ignored, ...] = ()
    mpp: float | None = None


class Notes:
    """Counts what is left out while a file is read."""

    def __init__(self) -> None:
        self._counts: dict[Text, int] = {}

    def ignore(self, vi: str, en: str, count: int = 1) -> None:
        reason = Text(vi, en)
        self._counts[reason] = self._counts.get(reason, 0) + count

    @property
    def ignored(self) -> tuple[Ignored, ...]:
        return tuple(Ignored(reason, count) for reason, count in self._counts.items())


def points_of(given: ArrayLike | Iterable[Any]) -> NDArray[np.float64]:
    """(n, 2) finite pixel coordinates; a third number of each is dropped.

    Raises
    ------
    ValueError
    """
    try:
        points = np.asarray(given, dtype=np.float64)
    except (TypeError, OverflowError) as error:
        raise ValueError("coordinates are not numbers") from error
    if points.ndim != 2 or points.shape[1] not in (2, 3) or not len(points):
        raise ValueError("coordinates are not pairs")
    points = np.ascontiguousarray(points[:, :2])
    if not (np.abs(points) <= FARTHEST_PX).all():  # not a number fails here too
        raise ValueError("coordinates are beyond any slide")
    return points


def class_of(name: Any, colour: str | None) -> dict[str, Any]:
    """A class without a code; none without a name."""
    name = str(name or "").strip()
    while len(name.encode()) > LONGEST_NAME:
        name = name[:-1]
    return {"name": name, "colour": colour or NO_COLOUR} if name else {}
