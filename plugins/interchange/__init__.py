"""Drawings of other programs on slides: QuPath, ASAP, ImageScope. Bytes in, drawings out.

Nothing here knows slides or cases: coordinates are columns and rows of level 0, (0, 0) at the top
left *corner* of the first pixel, as QuPath has them.
"""

from plugins.interchange.asap import read_asap
from plugins.interchange.drawing import Drawing, Drawings, Ignored, InterchangeError
from plugins.interchange.formats import Format, read_drawings, sniff
from plugins.interchange.imagescope import read_imagescope
from plugins.interchange.qupath import read_geojson, write_geojson
from plugins.interchange.rings import bridge, ellipse_outline, rings_of

__all__ = [
    "Drawing",
    "Drawings",
    "Format",
    "Ignored",
    "InterchangeError",
    "bridge",
    "ellipse_outline",
    "read_asap",
    "read_drawings",
    "read_geojson",
    "read_imagescope",
    "rings_of",
    "sniff",
    "write_geojson",
]
