"""Exporter: outlines on slides as Segmentations, for a PACS that refuses bulk annotations."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom_node.objects import (
    GraphicType,
    SlideSegment,
    annotation_groups,
    slide_segmentation,
)
from plugins.contributions import Contribution, Exporter
from plugins.documents import signed_opinion
from plugins.interchange import ellipse_outline
from plugins.nouns import Export, Text
from plugins.slide_marks import MarkedSlide, marked_slides, slide_identity

__all__ = ["contribute"]

OUTLINES = (GraphicType.POLYGON, GraphicType.RECTANGLE, GraphicType.ELLIPSE)


def encode(export: Export) -> Sequence[Dataset]:
    opinion = signed_opinion(export)
    made = []
    for number, slide in enumerate(marked_slides(export, opinion), 1):
        segments = _segments(slide, export, opinion.language)
        identity = slide_identity(export, slide, 9008, number)
        found = slide_segmentation(opinion, identity, slide.header, segments) if segments else None
        if found is not None:
            made.append(found)
    return made


def _segments(slide: MarkedSlide, export: Export, language: str) -> list[SlideSegment]:
    """One segment for each class of outlines; what has no inside is left out."""
    segments: dict[tuple[str, str], SlideSegment] = {}
    for group in annotation_groups(slide.marks, export.uid, language):
        if group.graphic_type not in OUTLINES:
            continue
        outlines = [_outline(one, group.graphic_type) for one in group.outlines]
        key = (group.label, group.type.value)
        before = segments.get(key)
        segments[key] = SlideSegment(
            label=group.label,
            type=group.type,
            outlines=[*(before.outlines if before else ()), *outlines],
            colour=group.colour,
            tracking_uid=group.uid,
        )
    return list(segments.values())


def _outline(points: NDArray[np.float64], graphic: GraphicType) -> NDArray[np.float64]:
    return ellipse_outline(points) if graphic is GraphicType.ELLIPSE else points


def contribute() -> Iterator[Contribution]:
    yield Exporter(
        "slide_segmentation",
        Text("Vùng vẽ trên tiêu bản (SEG)", "Outlines of slides (SEG)"),
        encode=encode,
        fallback_for="bulk_annotations",
    )
