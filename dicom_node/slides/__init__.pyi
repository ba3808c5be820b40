from .geometry import SlideGeometry
from .index import SlideIndex, slide_id
from .shelf import Shelf, index_slides, slide_index
from .source import SlideSource

__all__ = [
    "Shelf",
    "SlideGeometry",
    "SlideIndex",
    "SlideSource",
    "index_slides",
    "slide_id",
    "slide_index",
]
