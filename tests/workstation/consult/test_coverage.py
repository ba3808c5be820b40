"""What a reader looked at: added up, held against the tissue, signed with the opinion."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from sqlalchemy import insert

from dicom_node.slides.announced import announce
from plugins.contributions import Exporter
from plugins.results import Grade, Result
from tests.dicom_node.objects.judges import pdf_text
from tests.dicom_node.slides.glass import Glass, put
from tests.factories import EVERYTHING
from tests.workstation.cases import written
from tests.workstation.conftest import PASSWORD
from tests.workstation.slides import read_slide, slide_case
from workstation.accounts import Principal
from workstation.consult import coverage
from workstation.consult import opinion as opinions
from workstation.consult.coverage import Ledger
from workstation.consult.export import encode as exported
from workstation.consult.result_content import encode
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.database import results
from workstation.errors import InvalidRequest, NotAllowed, NotFound

COLUMNS, ROWS = 6, 8  # 2220 x 2967 pixels of 0.499 µm in cells of 200 µm


@pytest.fixture
def case(context: Context, people: dict[str, Principal], test_data: Path) -> CaseRecord:
    return slide_case(context, people, test_data)


def bits(*cells: int) -> str:
    flags = np.zeros(COLUMNS * ROWS, np.uint8)
    flags[list(cells)] = 1
    return base64.b64encode(np.packbits(flags, bitorder="little").tobytes()).decode()


def ledger(context: Context, case: CaseRecord, *cells: int) -> Ledger:
    uid = read_slide(context, case).series_instance_uid
    return Ledger(uid, 200.0, COLUMNS, ROWS, bits(*cells))


def know_tissue(context: Context, case: CaseRecord, *cells: int) -> None:
    """An analysis has told where the tissue is."""
    slide = read_slide(context, case)
    grid = {"cell_um": 200.0, "columns": COLUMNS, "rows": ROWS, "tissue": bits(*cells)}
    result = Result(
        analysis="slide_adequacy",
        title=coverage.TITLE,
        version="1",
        study_instance_uid=slide.study_instance_uid,
        series_instance_uids=(slide.series_instance_uid,),
        grade=Grade.GREEN,
        detail={"tissue": {slide.series_instance_uid: grid}},
    )
    with context.database.begin() as connection:
        connection.execute(
            insert(results).values(
                id="r1",
                study_instance_uid=slide.study_instance_uid,
                analysis="slide_adequacy",
                state="computed",
                revision=1,
                content_revision=1,
                content=encode(result, {}),
                content_hash="x",
                content_key="",
                wanted_at=context.clock(),
            )
        )


def test_what_was_seen_adds_up(
    context: Context, people: dict[str, Principal], case: CaseRecord
) -> None:
    reader = people["pathologist"]
    coverage.keep(context, reader, case.id, ledger(context, case, 0, 9))
    both = coverage.keep(context, reader, case.id, ledger(context, case, 9, 47))
    assert both.seen == bits(0, 9, 47)
    assert coverage.get_coverage(context, reader, case.id).items == (both,)
    assert coverage.get_coverage(context, people["requester.a"], case.id).items == ()


def test_share_of_tissue_that_was_not_seen(
    context: Context, people: dict[str, Principal], case: CaseRecord
) -> None:
    reader = people["pathologist"]
    assert coverage.get_coverage(context, reader, case.id).unseen is None
    know_tissue(context, case, *range(10, 20))
    assert coverage.get_coverage(context, reader, case.id).unseen == 1
    coverage.keep(context, reader, case.id, ledger(context, case, *range(13, 30)))
    found = coverage.get_coverage(context, reader, case.id)
    assert found.unseen == pytest.approx(0.3)
    assert found.sentence is not None
    assert found.sentence.vi == "30 % diện tích mô chưa được xem ở ≥ 10×."


def test_a_slide_without_its_original_level_is_signed_as_such(
    context: Context, people: dict[str, Principal], case: CaseRecord
) -> None:
    """Nobody knows whether it was ever stored: the slide is not called incomplete for that."""
    glass = Glass(StudyInstanceUID=case.study_instance_uids[0])
    image_type = ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]
    put(context.archive, glass.level(ImageType=image_type, ContainerIdentifier="K2"))
    sentence = coverage.get_coverage(context, people["pathologist"], case.id).sentence
    assert sentence is not None
    assert sentence.vi == "Tiêu bản K2: mức nét nhất hiện có là bản lấy mẫu lại."
    assert sentence.en == "Slide K2: the sharpest level there is is a resampled one."


def test_a_slide_that_is_still_arriving_is_signed_as_such(
    context: Context, people: dict[str, Principal], case: CaseRecord
) -> None:
    """Its largest level is announced, and not here."""
    reader = people["pathologist"]
    assert coverage.get_coverage(context, reader, case.id).sentence is None
    slide = read_slide(context, case)
    base = context.archive.header(slide.sop_instance_uid, scope=EVERYTHING)
    larger = json.loads(json.dumps(base))
    larger["00080018"]["Value"] = ["2.25.1"]
    for tag in ("00480006", "00480007"):
        larger[tag]["Value"] = [2 * base[tag]["Value"][0]]
    spacing = larger["52009229"]["Value"][0]["00289110"]["Value"][0]["00280030"]
    spacing["Value"] = [float(value) / 2 for value in spacing["Value"]]
    folder = context.archive.settings.folder
    announce(folder, [larger])
    # As a new level that is stored would: what was indexed before the announcement goes.
    for path in (folder / "slides").glob("*/*.idx"):
        path.unlink()
    sentence = coverage.get_coverage(context, reader, case.id).sentence
    assert sentence is not None
    assert sentence.vi.endswith("chưa nhận đủ: chưa có độ phóng đại cao nhất.")
    _, revision = written(context, reader, case)
    opinion = opinions.sign(
        context, reader, case.id, kind="final", password=PASSWORD, draft_revision=revision
    )
    (kept,) = opinion.results
    assert kept.result.summary == sentence
    assert kept.result.grade is Grade.AMBER
    assert list(opinions.verify_opinions(context)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": 60},
        {"cell_um": 50.0},
        {"seen": "AAAA"},
        {"seen": "?"},
        {"cell_um": 0.0},
        {"columns": 100_000, "rows": 100_000},
    ],
)
def test_a_ledger_that_fits_no_slide_is_refused(
    context: Context, people: dict[str, Principal], case: CaseRecord, changes: dict[str, object]
) -> None:
    given = replace(ledger(context, case, 1), **changes)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest):
        coverage.keep(context, people["pathologist"], case.id, given)


def test_only_readers_of_the_case_keep_one(
    context: Context, people: dict[str, Principal], case: CaseRecord
) -> None:
    given = ledger(context, case, 1)
    with pytest.raises(NotAllowed):
        coverage.keep(context, people["requester.a"], case.id, given)
    with pytest.raises(NotFound):
        coverage.get_coverage(context, people["requester.b"], case.id)
    with pytest.raises(InvalidRequest):
        coverage.keep(
            context, people["pathologist"], case.id, replace(given, series_instance_uid="1.2")
        )


def test_it_is_signed_with_the_opinion_and_in_the_pdf(
    context: Context, people: dict[str, Principal], case: CaseRecord, tmp_path: Path
) -> None:
    reader = people["pathologist"]
    know_tissue(context, case, *range(7, 15))
    coverage.keep(context, reader, case.id, ledger(context, case, *range(7, 13)))
    _, revision = written(context, reader, case)
    opinion = opinions.sign(
        context,
        reader,
        case.id,
        kind="final",
        password=PASSWORD,
        draft_revision=revision,
    )
    (kept,) = opinion.results
    assert kept.result.analysis == "coverage"
    assert kept.result.values[0].value == pytest.approx(25.0)
    assert kept.confirmed_by.username == "pathologist"
    coverage.keep(context, reader, case.id, ledger(context, case, 13, 14))  # later changes nothing
    (again,) = opinions.list_opinions(context, reader, case.id)[0].results
    assert again.result.values[0].value == pytest.approx(25.0)
    assert list(opinions.verify_opinions(context)) == []
    exporter = context.plugins.get(Exporter, "pdf")
    assert exporter is not None
    (made,) = exported(context, exporter, opinion.id, case.study_instance_uids[0])
    path = context.archive.instance(made.sop_instance_uid, scope=EVERYTHING).path
    words = " ".join(pdf_text(pydicom.dcmread(path).EncapsulatedDocument, tmp_path).split())
    assert "Mô chưa xem ở ≥ 10×" in words
    assert "25" in words.partition("Mô chưa xem ở ≥ 10×")[2][:40]
