"""Exporter: everything drawn on a slide as Microscopy Bulk Simple Annotations, one a slide."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.objects import (
    IMAGE_REGION,
    Algorithm,
    AnnotationGroup,
    GraphicType,
    annotation_groups,
    bulk_annotations,
    class_code,
)
from plugins.contributions import Contribution, Exporter
from plugins.documents import signed_opinion
from plugins.nouns import Export, PointSet, Text
from plugins.slide_marks import marked_slides, slide_identity

__all__ = ["contribute"]


def encode(export: Export) -> Sequence[Dataset]:
    opinion = signed_opinion(export)
    made = []
    for number, slide in enumerate(marked_slides(export, opinion), 1):
        groups = [
            *annotation_groups(slide.marks, export.uid, opinion.language),
            *(_group(one, export) for one in slide.point_sets),
        ]
        if groups:
            identity = slide_identity(export, slide, 9007, number)
            made.append(bulk_annotations(opinion, identity, slide.source, groups))
    return made


def _group(one: PointSet, export: Export) -> AnnotationGroup:
    """A point set, in the precision it came in.

    Raises
    ------
    ValueError
        Its points are not what was signed.
    """
    if one.load is None:
        raise ValueError(f"the points of the set {one.id} are not at hand")
    points, starts = one.load()
    said = one.classification
    name = said.get("name", "")
    code = Code(**said["code"]) if said.get("code") else class_code(name)
    return AnnotationGroup(
        uid=export.uid(f"points/{one.id}"),
        label=name or one.name,
        graphic_type=GraphicType(one.graphic_type),
        points=points,
        starts=starts if len(starts) else None,
        colour=said.get("colour", ""),
        description=one.name,
        algorithm=Algorithm(one.algorithm, "") if one.algorithm else None,
        type=code if name else IMAGE_REGION,
    )


def contribute() -> Iterator[Contribution]:
    yield Exporter(
        "bulk_annotations",
        Text("Nét vẽ trên tiêu bản (ANN)", "Annotations of slides (ANN)"),
        encode=encode,
    )
