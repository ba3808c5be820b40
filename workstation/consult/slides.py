"""The slides of a case, as far as marks on them need: which instance is level 0, where its pixels
lie."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from dicom_node.archive import Archive
from dicom_node.errors import NotFound as NotHeld
from dicom_node.records import ReadScope
from dicom_node.slides.shelf import slide_index
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.errors import InvalidRequest

__all__ = ["Slide", "chosen_slide", "held_image", "slide_of_series", "slides_of"]


@dataclass(frozen=True)
class Slide:
    """One slide. ``affine`` is (2, 3): corners of level-0 pixels to slide millimetres."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    frame_of_reference_uid: str
    width: int
    height: int
    mpp: tuple[float, float] | None
    affine: NDArray[np.float64]
    z_mm: float

    def to_mm(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, 2) columns and rows to (n, 3) slide millimetres."""
        flat = np.asarray(pixels, np.float64) @ self.affine[:, :2].T + self.affine[:, 2]
        return np.column_stack([flat, np.full(len(flat), self.z_mm)])

    def to_pixels(self, points_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, 2 or 3) slide millimetres to (n, 2) columns and rows."""
        flat = np.asarray(points_mm, np.float64)[:, :2] - self.affine[:, 2]
        pixels: NDArray[np.float64] = flat @ np.linalg.inv(self.affine[:, :2]).T
        return pixels


def slide_of_series(
    archive: Archive, study_instance_uids: frozenset[str], series_instance_uid: str
) -> Slide | None:
    """The slide of that series, where it is one of these studies and has any level."""
    try:
        scope = ReadScope(studies=study_instance_uids)
        facts = slide_index(archive, series_instance_uid, scope).facts
    except NotHeld:
        return None
    if not facts["sop_instance_uid"]:
        return None
    mpp = facts["mpp"]
    return Slide(
        study_instance_uid=facts["study_instance_uid"],
        series_instance_uid=facts["series_instance_uid"],
        sop_instance_uid=facts["sop_instance_uid"],
        sop_class_uid=facts["sop_class_uid"],
        frame_of_reference_uid=facts["frame_of_reference_uid"],
        width=int(facts["width"]),
        height=int(facts["height"]),
        mpp=None if mpp is None else (float(mpp[0]), float(mpp[1])),
        affine=np.asarray(facts["to_slide_mm"], np.float64),
        z_mm=float(facts["z_mm"]),
    )


def held_image(
    archive: Archive, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str
) -> dict[str, str] | None:
    """What we know of an image that something refers to; None when we do not hold it.

    Of a slide it is level 0, whichever level was named: its millimetres are those of the slide.
    Level 0 of a concatenation is the instance its parts were cut from, which nobody holds.
    """
    studies = frozenset({study_instance_uid})
    try:
        instance = archive.instance(
            sop_instance_uid,
            scope=ReadScope(studies=studies),
            study_instance_uid=study_instance_uid,
        )
    except NotHeld:
        slide = slide_of_series(archive, studies, series_instance_uid)
        return _level_0(slide) if slide and slide.sop_instance_uid == sop_instance_uid else None
    if instance.sop_class_uid == VLWholeSlideMicroscopyImageStorage:
        slide = slide_of_series(archive, studies, instance.series_instance_uid)
        if slide is not None:
            return _level_0(slide)
    return {
        "sop_class_uid": instance.sop_class_uid,
        "series_instance_uid": instance.series_instance_uid,
    }


def _level_0(slide: Slide) -> dict[str, str]:
    return {
        "sop_class_uid": slide.sop_class_uid,
        "series_instance_uid": slide.series_instance_uid,
        "sop_instance_uid": slide.sop_instance_uid,
        "frame_of_reference_uid": slide.frame_of_reference_uid,
    }


def slides_of(context: Context, case: CaseRecord) -> Iterator[Slide]:
    """Every slide of a case."""
    studies = frozenset(case.study_instance_uids)
    scope = ReadScope(studies=studies)
    for study in case.study_instance_uids:
        try:
            found = context.archive.study_series(study, scope=scope)
        except NotHeld:
            continue  # images still to follow
        for series in found:
            if series.modality == "SM":
                slide = slide_of_series(context.archive, studies, series.series_instance_uid)
                if slide is not None:
                    yield slide


def chosen_slide(context: Context, case: CaseRecord, series_instance_uid: str) -> Slide:
    """The slide of that series; without one, the only slide of the case.

    Raises
    ------
    InvalidRequest
        The case has no such slide, or several and none was named.
    """
    if series_instance_uid:
        studies = frozenset(case.study_instance_uids)
        slide = slide_of_series(context.archive, studies, series_instance_uid)
        if slide is None:
            raise InvalidRequest(
                "slide_not_of_case",
                "Tiêu bản này không thuộc ca hội chẩn.",
                "This slide does not belong to the case.",
                field="series",
            )
        return slide
    found = list(slides_of(context, case))
    if len(found) != 1:
        raise InvalidRequest(
            "slide_not_named",
            "Hãy chọn tiêu bản: ca có nhiều hoặc không có tiêu bản nào.",
            "Name the slide: the case has several, or none.",
            field="series",
        )
    return found[0]
