"""Whole slides: the index of each, and the bytes and pixels of its tiles."""

from dicom_node.slides.geometry import SlideGeometry
from dicom_node.slides.index import SlideIndex, slide_id
from dicom_node.slides.shelf import Shelf, index_slides, slide_index
from dicom_node.slides.source import SlideSource

__all__ = [
    "Shelf",
    "SlideGeometry",
    "SlideIndex",
    "SlideSource",
    "index_slides",
    "slide_id",
    "slide_index",
]
