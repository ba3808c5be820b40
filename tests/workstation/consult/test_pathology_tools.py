"""A real slide through the whole host: judged on arrival, counted on request, into the report."""

from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicom_node.errors import CannotDecode
from tests.factories import EVERYTHING, from_site
from tests.workstation.results import all_computed, row
from tests.workstation.slides import PYRAMID, drawn, read_slide, slide_case
from workstation.accounts import Principal
from workstation.consult import annotations, coverage, results
from workstation.consult import draft as drafts
from workstation.consult.result_runs import mark_study
from workstation.consult.studies import load_study
from workstation.context import Context

NEST = [(900, 1300), (1500, 1300), (1500, 1900), (900, 1900)]


def test_a_real_slide_is_judged_counted_and_reported(
    context: Context, people: dict[str, Principal], test_data: Path
) -> None:
    reader = people["pathologist"]
    case = slide_case(context, people, test_data, ContainerIdentifier="26-1 A1")
    (study,) = case.study_instance_uids
    with context.database.begin() as connection:
        mark_study(context, connection, study)
    all_computed(context)
    found = results.list_results(context, reader, case.id)
    (adequacy,) = found.items  # what is counted on request was not started
    assert {one.analysis for one in found.startable} == {"nuclei_count", "mitoses"}
    content = adequacy.record.content
    assert content is not None
    tissue = next(one for one in content["values"] if one["key"] == "tissue_0")
    assert 0.3 < tissue["value"] < 1.64  # mm²; the whole slide is 1.64
    blurred = next(one for one in content["values"] if one["key"] == "blurred_0")
    assert blurred["value"] < 5
    assert content["summary"]["vi"].startswith("Tiêu bản 26-1 A1:")
    assert coverage.get_coverage(context, reader, case.id).unseen == 1

    nuclei = _counted(context, reader, case.id, study, "nuclei_count", {"regions": [_sent(
        context, reader, case, "polygon", NEST)]})  # fmt: skip
    count = next(one for one in nuclei["values"] if one["key"] == "region 0 nuclei")
    assert 50 < count["value"] < 3000
    area = next(one for one in nuclei["values"] if one["key"] == "region 0 area")
    assert area["value"] == pytest.approx((600 * 0.499e-3) ** 2, rel=1e-3)

    box = _sent(context, reader, case, "rectangle", NEST, origin={"fixed_area_mm2": 2})
    marks = _sent(context, reader, case, "counter", [(1000, 1400), (1100, 1500), (10, 10)])
    mitoses = _counted(
        context, reader, case.id, study, "mitoses", {"boxes": [box], "counters": [marks]}
    )
    assert next(o for o in mitoses["values"] if o["key"] == "box 0 count")["value"] == 2

    draft = drafts.get_draft(context, reader, case.id)
    assert draft.template.id == "pathology"
    texts = {**draft.content["sections"], **draft.suggestions}
    assert "Số phân bào 2" in texts["mitoses"]
    assert "Diện tích vùng 0,090 mm²" in texts["ki67"]
    assert not texts.get("adequacy")  # nobody has confirmed it


def _sent(
    context: Context, reader: Principal, case: Any, kind: str, pixels: Any, **more: Any
) -> dict[str, Any]:
    """A mark that is kept, as the viewer then sends it."""
    slide = read_slide(context, case)
    mark = annotations.add(context, reader, case.id, drawn(slide, kind, pixels, **more))
    return {
        "annotation_id": mark.id,
        "series_instance_uid": slide.series_instance_uid,
        "kind": kind,
        "label": "",
        "points_mm": [[round(x, 5), round(y, 5)] for x, y, _ in mark.points_mm],
    }


def _counted(
    context: Context,
    reader: Principal,
    case_id: str,
    study: str,
    analysis: str,
    form: dict[str, Any],
) -> Any:
    """Start, hand over what was drawn, wait, confirm; the content."""
    begun = results.start(context, reader, case_id, analysis, study).record
    edited = results.edit(context, reader, case_id, begun.id, {"form": form}, begun.revision)
    all_computed(context)
    made = row(context, edited.record.id)
    assert made.state == "edited", made.error
    results.confirm(context, reader, case_id, made.id, made.revision, acknowledge_red=True)
    return made.content


def test_tiles_that_cannot_be_decoded_are_no_glass(
    context: Context, people: dict[str, Principal], test_data: Path
) -> None:
    """They are drawn as stripes, in which a program would find no tissue."""
    (path,) = (test_data / PYRAMID).glob("level-2-*.dcm")
    broken = path.read_bytes().replace(b"\xff\xda", b"\x00\x00")  # no scan begins
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    context.archive.store_bytes(broken, from_site("DEMO_A"))
    study = load_study(context.archive, ds.StudyInstanceUID, scope=EVERYTHING)
    assert study.load_slide is not None
    with pytest.raises(CannotDecode):
        study.load_slide(study.series[0])
