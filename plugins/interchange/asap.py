"""Annotations of ASAP (Automated Slide Analysis Platform), in."""

import re
from xml.etree.ElementTree import Element

from plugins.interchange.drawing import Drawing, Drawings, Notes, class_of, points_of
from plugins.interchange.markup import read_xml
from plugins.interchange.rings import is_upright_rectangle
from plugins.nouns import AnnotationKind as Kind

__all__ = ["read_asap"]

_OUTLINES = frozenset({"Polygon", "Spline", "Rectangle"})


def read_asap(data: bytes) -> Drawings:
    """Dots, point sets, polygons, splines and rectangles; the group is the class.

    Raises
    ------
    InterchangeError
    """
    root = read_xml(data, "ASAP_Annotations")
    colours = {
        group.get("Name", ""): _colour(group) for group in root.iterfind("AnnotationGroups/Group")
    }
    notes = Notes()
    items = []
    for annotation in root.iterfind("Annotations/Annotation"):
        try:
            drawing = _drawing(annotation, colours)
        except ValueError:
            notes.ignore("Hình không hợp lệ", "Malformed shape")
            continue
        if drawing is None:
            kind = annotation.get("Type", "")[:40]
            notes.ignore(f"Loại hình {kind}", f"Shape {kind}")
        else:
            items.append(drawing)
    return Drawings(tuple(items), notes.ignored)


def _drawing(annotation: Element, colours: dict[str, str | None]) -> Drawing | None:
    kind = annotation.get("Type", "")
    found = sorted(
        annotation.iterfind("Coordinates/Coordinate"), key=lambda one: int(one.get("Order", "0"))
    )
    points = points_of([(float(one.get("X", "nan")), float(one.get("Y", "nan"))) for one in found])
    if kind in _OUTLINES:
        if len(points) < 3:
            raise ValueError("an outline of fewer than three points")
        shape = Kind.RECTANGLE if is_upright_rectangle(points) else Kind.POLYGON
    elif kind in ("Dot", "PointSet"):
        shape = Kind.POINT if len(points) == 1 else Kind.COUNTER
    else:
        return None
    group = annotation.get("PartOfGroup", "None")
    colour = _colour(annotation) or colours.get(group)
    return Drawing(
        shape,
        points,
        name=annotation.get("Name", "").strip()[:2000],
        classification=class_of("" if group == "None" else group, colours.get(group) or colour),
        origin={"imported": "asap"} | ({"colour": colour} if colour and group == "None" else {}),
    )


def _colour(element: Element) -> str | None:
    given = element.get("Color", "").lower()
    return given if re.fullmatch(r"#[0-9a-f]{6}", given) else None
