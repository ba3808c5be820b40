"""Marks of a slide sorted into groups of annotations: by class, shape and what found them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from dicom_node.objects import codes
from dicom_node.objects.bulk_annotations import (
    IMAGE_REGION,
    AnnotationGroup,
    GraphicType,
    GroupMeasurement,
)
from dicom_node.objects.content import Mark, MarkKind
from dicom_node.objects.words import MARK_KINDS

__all__ = ["annotation_groups", "graphic_type_of"]

_GRAPHICS: Final = {
    MarkKind.POINT: GraphicType.POINT,
    MarkKind.PROBE: GraphicType.POINT,
    MarkKind.TEXT: GraphicType.POINT,
    MarkKind.COUNTER: GraphicType.POINT,
    MarkKind.ELLIPSE: GraphicType.ELLIPSE,
    MarkKind.RECTANGLE: GraphicType.RECTANGLE,
    MarkKind.POLYGON: GraphicType.POLYGON,
}
_INDEXED: Final = (GraphicType.POLYLINE, GraphicType.POLYGON)
# numbers of a group are single floats: micrometres keep what a cell measures
_MEASURED: Final = {
    codes.AREA: (codes.SQUARE_MICROMETRE, {"mm2": 1e6, "um2": 1.0}),
    codes.LENGTH: (codes.MICROMETRE, {"mm": 1e3, "um": 1.0}),
}

Key = tuple[str, str, str, GraphicType, str]


def graphic_type_of(mark: Mark) -> GraphicType:
    """The shape a mark has among annotations."""
    if mark.kind is MarkKind.FREEHAND and mark.is_closed:
        return GraphicType.POLYGON
    return _GRAPHICS.get(mark.kind, GraphicType.POLYLINE)


def annotation_groups(
    marks: Sequence[Mark], uid: Callable[[str], str], language: str
) -> Iterator[AnnotationGroup]:
    """Yield the groups of marks that have pixels; a text stands alone, its text is the label.

    Parameters
    ----------
    uid : callable
        The same UID for the same name.
    """
    sorted_marks: dict[Key, list[Mark]] = {}
    for mark in marks:
        if mark.points_px:
            sorted_marks.setdefault(_key(mark), []).append(mark)
    for key, members in sorted_marks.items():
        yield _group(members, uid("group/" + "/".join(map(str, key))), language)


def _key(mark: Mark) -> Key:
    found_by = f"{mark.algorithm.name} {mark.algorithm.version}" if mark.algorithm else ""
    of_class = mark.classification
    return (
        of_class.name if of_class else "",
        of_class.code.value if of_class else "",
        found_by,
        graphic_type_of(mark),
        mark.uid if mark.kind is MarkKind.TEXT else "",
    )


def _group(members: Sequence[Mark], uid: str, language: str) -> AnnotationGroup:
    first = members[0]
    graphic = graphic_type_of(first)
    points = [np.array(mark.points_px, np.float64) for mark in members]
    if first.kind is MarkKind.FREEHAND and graphic is GraphicType.POLYGON:
        points = [one[:-1] for one in points]  # a polygon closes itself
    starts = np.cumsum([0, *(len(one) for one in points[:-1])])
    of_class = first.classification
    if first.kind is MarkKind.TEXT:
        label = first.text
    elif of_class is not None:
        label = of_class.name
    else:
        label = MARK_KINDS[first.kind].in_language(language)
    return AnnotationGroup(
        uid=uid,
        label=label,
        graphic_type=graphic,
        points=np.vstack(points),
        starts=starts if graphic in _INDEXED else None,
        type=of_class.code if of_class else IMAGE_REGION,
        colour=of_class.colour if of_class else "",
        description="; ".join(_said(mark) for mark in members),
        algorithm=first.algorithm,
        measurements=tuple(_measurements(members, graphic)),
    )


def _said(mark: Mark) -> str:
    return f"{mark.label}: {mark.text}" if mark.text.strip() else mark.label


def _measurements(members: Sequence[Mark], graphic: GraphicType) -> Iterator[GroupMeasurement]:
    """Numbers that every member has, one annotation each."""
    if graphic is GraphicType.POINT:
        return
    for name, (unit, factors) in _MEASURED.items():
        values = [
            value.number * factors[value.unit.value]
            for mark in members
            for value in mark.values
            if value.name == name and value.unit.value in factors
        ]
        if len(values) == len(members):
            yield GroupMeasurement(name, unit, np.array(values, np.float32))
