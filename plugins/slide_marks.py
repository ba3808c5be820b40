"""What a signed opinion has drawn on each slide of the study it goes home to."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from dicom_node.objects import Identity, Mark, Reference, SignedOpinion
from plugins.nouns import Export, PointSet

__all__ = ["MarkedSlide", "marked_slides", "slide_identity"]


@dataclass(frozen=True)
class MarkedSlide:
    """Level 0 of a slide, with the marks and point sets on it."""

    source: Reference
    header: Dataset
    marks: tuple[Mark, ...]
    point_sets: tuple[PointSet, ...]


def marked_slides(export: Export, opinion: SignedOpinion) -> Iterator[MarkedSlide]:
    """Yield the slides that carry anything, in the order of the opinion."""
    sources = dict.fromkeys(
        Reference(*entry)
        for entry in export.evidence
        if entry[0] == export.study_instance_uid and entry[2] == VLWholeSlideMicroscopyImageStorage
    )
    for source in sources:
        header = export.images.get(source.sop_instance_uid)
        marks = tuple(mark for mark in opinion.marks if mark.reference == source)
        sets = tuple(
            one
            for one in export.opinion.point_sets
            if one.sop_instance_uid == source.sop_instance_uid
        )
        if header is not None and (marks or sets):
            yield MarkedSlide(source, header, marks, sets)


def slide_identity(export: Export, slide: MarkedSlide, series_number: int, number: int) -> Identity:
    """One series for each version of the opinion; in it one instance for each slide."""
    return Identity(
        series_instance_uid=export.uid("series"),
        sop_instance_uid=export.uid(f"instance/{slide.source.sop_instance_uid}"),
        series_number=series_number + 10 * export.opinion.version,
        instance_number=number,
    )
