"""Annotations of Aperio ImageScope, in."""

import math
from xml.etree.ElementTree import Element

import numpy as np

from plugins.interchange.drawing import Drawing, Drawings, Notes, class_of, points_of
from plugins.interchange.markup import read_xml
from plugins.interchange.rings import is_upright_rectangle
from plugins.nouns import AnnotationKind as Kind

__all__ = ["read_imagescope"]

# Region/@Type of ImageScope; @GeoShape of other writers of the format goes before it
_TYPES = {"0": "area", "1": "rectangle", "2": "ellipse", "3": "arrow", "4": "ruler"}
_SHAPES = {
    "area": "area",
    "points": "area",  # the outline by its points
    "polygon": "area",
    "rectangle": "rectangle",
    "ellipse": "ellipse",
    "arrow": "arrow",
    "ruler": "ruler",
}


def read_imagescope(data: bytes) -> Drawings:
    """Regions of every layer; the layer's name and colour are the class.

    Regions marked negative (to be left out of the analysis) come as drawings of their own whose
    origin says ``negative``.

    Raises
    ------
    InterchangeError
    """
    root = read_xml(data, "Annotations")
    notes = Notes()
    items = []
    for layer in root.iterfind("Annotation"):
        colour = _colour(layer.get("LineColor", ""))
        name = layer.get("Name", "").strip() or _description(layer)
        for region in layer.iterfind("Regions/Region"):
            try:
                items.append(_drawing(region, name, colour))
            except ValueError:
                notes.ignore("Vùng không hợp lệ", "Malformed region")
    return Drawings(tuple(items), notes.ignored, _mpp(root))


def _drawing(region: Element, layer: str, colour: str | None) -> Drawing:
    points = points_of(
        [
            (float(one.get("X", "nan")), float(one.get("Y", "nan")))
            for one in region.iterfind("Vertices/Vertex")
        ]
    )
    shape = _SHAPES.get(region.get("GeoShape", "").lower()) or _TYPES.get(region.get("Type", "0"))
    negative = region.get("NegativeROA", "0") == "1"
    text = region.get("Text", "")
    kind = Kind.POLYGON
    if len(points) == 1:
        kind = Kind.POINT
    elif shape in ("arrow", "ruler") or (len(points) == 2 and shape == "area"):
        kind = {"arrow": Kind.ARROW, "ruler": Kind.LENGTH}.get(shape or "", Kind.LENGTH)
        if len(points) != 2:
            kind = Kind.POLYLINE
    elif shape == "ellipse":
        kind, points = Kind.ELLIPSE, _axis_ends(points)
    elif shape == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        kind = Kind.RECTANGLE
        points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    elif is_upright_rectangle(points):
        kind = Kind.RECTANGLE
    elif len(points) < 3:
        raise ValueError("an outline of fewer than three points")
    origin: dict[str, object] = {"imported": "imagescope"}
    if negative:
        origin["negative"] = True
    if colour and not layer:
        origin["colour"] = colour
    return Drawing(
        kind,
        points,
        name="" if text == "null" else text.strip()[:2000],
        classification=class_of(layer, colour),
        origin=origin,
    )


def _axis_ends(points: np.ndarray) -> np.ndarray:
    """Axis ends of the upright ellipse in the box around the vertices, major axis first."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    if right <= left or bottom <= top:
        raise ValueError("an ellipse without extent")
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    across = [(left, middle_y), (right, middle_y)]
    upright = [(middle_x, top), (middle_x, bottom)]
    wide = right - left >= bottom - top
    return np.array(across + upright if wide else upright + across)


def _colour(given: str) -> str | None:
    """``#rrggbb`` of a Windows COLORREF, 0x00bbggrr."""
    if not given.isdigit() or len(given) > 10:
        return None
    value = int(given)
    return f"#{value & 255:02x}{value >> 8 & 255:02x}{value >> 16 & 255:02x}"


def _description(layer: Element) -> str:
    for attribute in layer.iterfind("Attributes/Attribute"):
        if attribute.get("Name") == "Description":
            return attribute.get("Value", "").strip()
    return ""


def _mpp(root: Element) -> float | None:
    try:
        value = float(root.get("MicronsPerPixel", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None
