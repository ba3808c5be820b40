"""Slides for tests: a real pyramid that came in from hospital A, and a case about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from dicom_node.records import StudyRecord
from tests.factories import EVERYTHING, file_bytes, from_site
from tests.workstation.cases import asked
from workstation.accounts import Principal
from workstation.consult import case as cases
from workstation.consult.rows import CaseRecord
from workstation.consult.slides import Slide, slides_of
from workstation.context import Context

__all__ = ["PYRAMID", "arrive_slide", "drawn", "read_slide", "slide_case"]

PYRAMID = "wsi/dicom_cmu1_pyramid"


def arrive_slide(
    context: Context, test_data: Path, levels: int = 3, site: str = "DEMO_A", **attributes: Any
) -> StudyRecord:
    """Let the largest levels of a real slide come in."""
    study = ""
    for number in range(levels):
        (path,) = (test_data / PYRAMID).glob(f"level-{number}-*.dcm")
        ds = pydicom.dcmread(path)
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)
        context.archive.store_bytes(file_bytes(ds, ds.file_meta.TransferSyntaxUID), from_site(site))
        study = ds.StudyInstanceUID
    return context.archive.study(study, scope=EVERYTHING)


def slide_case(
    context: Context, people: Mapping[str, Principal], test_data: Path, **attributes: Any
) -> CaseRecord:
    """A pathology case about one slide, being read."""
    study = arrive_slide(context, test_data, **attributes)
    case = asked(
        context,
        dict(people),
        study,
        area="pathology",
        priority="PP",
        reason="Sinh thiết vú",
        questions=["Có xâm nhập không?"],
    )
    return cases.start_reading(context, people["pathologist"], case.id)


def read_slide(context: Context, case: CaseRecord) -> Slide:
    """The only slide of a case."""
    (slide,) = slides_of(context, case)
    return slide


def drawn(slide: Slide, kind: str, pixels: Any, **changes: Any) -> dict[str, Any]:
    """A mark at those columns and rows of level 0."""
    return {
        "kind": kind,
        "study_instance_uid": slide.study_instance_uid,
        "series_instance_uid": slide.series_instance_uid,
        "sop_instance_uid": slide.sop_instance_uid,
        "sop_class_uid": slide.sop_class_uid,
        "frame_of_reference_uid": slide.frame_of_reference_uid,
        "points_mm": slide.to_mm(np.asarray(pixels, float)).tolist(),
        **changes,
    }
