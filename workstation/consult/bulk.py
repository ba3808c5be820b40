"""What of an import becomes marks one by one, and what becomes a point set."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dicom_node.objects import AnnotationGroup, GraphicType
from plugins.interchange import Drawing, ellipse_outline
from plugins.interchange.drawing import NO_COLOUR
from plugins.nouns import AnnotationKind as Kind
from workstation.consult.dicom_drawings import coded_class, group_kind
from workstation.consult.measuring import POINT_COUNTS
from workstation.consult.point_sets import NewPointSet

__all__ = ["sorted_out"]

# a person counts hundreds; thousands were counted by a program
MOST_COUNTED = 1000
_GRAPHICS = {
    Kind.POINT: "POINT",
    Kind.PROBE: "POINT",
    Kind.TEXT: "POINT",
    Kind.COUNTER: "POINT",
    Kind.POLYGON: "POLYGON",
    Kind.RECTANGLE: "POLYGON",
    Kind.ELLIPSE: "POLYGON",
}


def sorted_out(
    found: Iterable[Drawing | AnnotationGroup], most: int
) -> tuple[list[Drawing], list[NewPointSet]]:
    """Drawings to keep as marks, at most `most`, and the point sets of all the rest."""
    drawings: list[Drawing] = []
    sets: list[NewPointSet] = []
    for one in found:
        if isinstance(one, Drawing):
            drawings.append(one)
        elif one.count <= MOST_COUNTED:
            drawings += _marks(one)
        else:
            sets.append(_set(one))
    marks = [one for one in drawings if _is_mark(one)]
    rest = [one for one in drawings if not _is_mark(one)]
    if len(marks) > most:
        marks, rest = [], drawings
    return marks, [*sets, *_by_class(rest)]


def _is_mark(drawing: Drawing) -> bool:
    most = MOST_COUNTED if drawing.kind is Kind.COUNTER else POINT_COUNTS[drawing.kind][1]
    return len(drawing.points) <= most


def _marks(group: AnnotationGroup) -> list[Drawing]:
    said = coded_class(group.type, group.colour)
    if not said and group.colour:
        said = {"name": group.label.strip()[:64] or "ANN", "colour": group.colour}
    origin = {"imported": "dicom"}
    if group.algorithm is not None:
        origin |= {
            "algorithm": group.algorithm.name,
            "algorithm_version": group.algorithm.version,
        }
    parts: Sequence[NDArray[np.floating]] = (
        [group.points] if group.graphic_type is GraphicType.POINT else group.outlines
    )
    return [
        Drawing(
            group_kind(group.graphic_type, len(points)),
            np.asarray(points, np.float64),
            name="" if said.get("name") == group.label else group.label,
            classification=said,
            origin=origin,
        )
        for points in parts
    ]


def _set(group: AnnotationGroup) -> NewPointSet:
    points, starts, graphic = group.points, group.starts, group.graphic_type.value
    if group.graphic_type in (GraphicType.ELLIPSE, GraphicType.RECTANGLE):
        outlines = [np.asarray(one, np.float64) for one in group.outlines]
        if group.graphic_type is GraphicType.ELLIPSE:
            outlines = [ellipse_outline(one) for one in outlines]
        points, starts, graphic = np.vstack(outlines), _starts(outlines), "POLYGON"
    said = coded_class(group.type, group.colour)
    if not said and group.label.strip():
        said = {"name": group.label.strip()[:64], "colour": group.colour or NO_COLOUR}
    return NewPointSet(
        points=np.asarray(points, np.float32),
        starts=np.empty(0, np.uint32) if starts is None else np.asarray(starts, np.uint32),
        graphic_type=graphic,
        name=group.label,
        classification=said,
        algorithm=f"{group.algorithm.name} {group.algorithm.version}" if group.algorithm else "",
    )


def _by_class(drawings: Sequence[Drawing]) -> list[NewPointSet]:
    """One set for each class and shape."""
    members: dict[tuple[str, str], list[Drawing]] = {}
    for one in drawings:
        key = (one.classification.get("name", ""), _GRAPHICS.get(one.kind, "POLYLINE"))
        members.setdefault(key, []).append(one)
    sets = []
    for (name, graphic), of_class in members.items():
        outlines = [
            ellipse_outline(one.points) if one.kind is Kind.ELLIPSE else one.points
            for one in of_class
        ]
        sets.append(
            NewPointSet(
                points=np.vstack(outlines).astype(np.float32),
                starts=_starts(outlines) if graphic != "POINT" else np.empty(0, np.uint32),
                graphic_type=graphic,
                name=name or next((one.name for one in of_class if one.name), ""),
                classification=of_class[0].classification,
            )
        )
    return sets


def _starts(outlines: Sequence[NDArray[np.floating]]) -> NDArray[np.uint32]:
    lengths = [0, *(len(one) for one in outlines[:-1])]
    return np.cumsum(lengths).astype(np.uint32)
