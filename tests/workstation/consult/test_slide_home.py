"""A pathologist's opinion comes home: words, numbers, pictures and drawings, in a real Orthanc."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dicom_node.objects import read_bulk_annotations
from dicom_node.peers import Peer
from dicom_node.records import ReadScope
from dicom_node.scu.store import SendResult
from dicom_node.slides import slide_id
from plugins.nouns import State
from tests.dicom_node.objects.judges import dciodvfy, dsrdump, pdf_text
from tests.dicom_node.objects.test_bulk_annotations import KNOWN_FALSE
from tests.peers import orthanc
from tests.workstation.cases import written
from tests.workstation.conftest import PASSWORD
from tests.workstation.consult.test_outbox import deliver_all, receives, rows
from tests.workstation.slides import drawn, read_slide, slide_case
from workstation.accounts import Principal
from workstation.consult import annotations, outbox, point_sets
from workstation.consult import case as cases
from workstation.consult import opinion as opinions
from workstation.consult.point_sets import NewPointSet
from workstation.context import Context

EVERYTHING = ReadScope(everything=True)
TUMOUR = {
    "name": "U",
    "colour": "#e6194b",
    "code": {"value": "108369006", "scheme_designator": "SCT", "meaning": "Neoplasm"},
}
# a hundredth of a micrometre, in mm
EXACT = 1e-5


def files_of(context: Context, exporter: str) -> list[Path]:
    return [
        context.archive.instance(one["sop_instance_uid"], scope=EVERYTHING).path
        for row in rows(context)
        if row.exporter == exporter
        for one in row.objects
    ]


def test_a_pathologists_opinion_comes_home(
    context: Context, people: dict[str, Principal], test_data: Path, tmp_path: Path
) -> None:
    pathologist = people["pathologist"]
    case = slide_case(context, people, test_data)
    slide = read_slide(context, case)

    def mark(kind: str, pixels: Any, **more: Any) -> str:
        content = drawn(slide, kind, pixels, **more)
        return annotations.add(context, pathologist, case.id, content).id

    outline = [(500.5, 600.25), (900, 610), (880, 1000.75)]
    ids = [
        mark("polygon", outline, classification=TUMOUR, text="ổ xâm nhập"),
        mark("length", [(10, 10), (30, 10)]),
        mark("counter", [(5, 5), (6, 9), (40, 7)], origin={"area_mm2": 2}),
    ]
    cells = (np.random.default_rng(8).random((3000, 2)) * 2000).astype(np.float32)
    new = NewPointSet(cells, classification={"name": "Ki-67", "colour": "#a8541c"})
    ids.append(point_sets.add(context, pathologist, case.id, "", new).id)
    key = {
        "study_instance_uid": slide.study_instance_uid,
        "series_instance_uid": slide.series_instance_uid,
        "sop_instance_uid": slide.sop_instance_uid,
        "caption": "Vùng xâm nhập",
        "region": {
            "slide": slide_id(slide.series_instance_uid),
            "x": 400,
            "y": 500,
            "width": 600,
            "height": 600,
        },
    }
    _, revision = written(context, pathologist, case, annotation_ids=ids, key_images=[key])
    with orthanc(tmp_path / "orthanc") as far:
        receives(context, far.peer)
        opinions.sign(
            context, pathologist, case.id, kind="final", password=PASSWORD, draft_revision=revision
        )
        assert deliver_all(context) == {"landed"}
        held = far.instances()
    assert {one["StudyInstanceUID"] for one in held} == {slide.study_instance_uid}
    assert {one["Modality"] for one in held} >= {"SR", "DOC", "KO"}
    assert {one["Modality"] for one in held} & {"ANN", "SEG"}
    assert cases.get(context, people["requester.a"], case.id).state is State.DELIVERED

    for row in rows(context):
        for path in files_of(context, row.exporter):
            verdict = dciodvfy(path)
            assert [e for e in verdict.errors if KNOWN_FALSE not in e] == [], verdict.text
    (report,) = files_of(context, "tid1500")
    said = dsrdump(report).text
    assert '(108369006,SCT,"Neoplasm")' in said
    assert '"1.5" (/mm2,UCUM' in said
    (page,) = files_of(context, "pdf")
    document = bytes(pydicom.dcmread(page).EncapsulatedDocument)
    text = pdf_text(document, tmp_path)
    assert "ổ xâm nhập" in text
    assert "1,50/mm²" in text
    assert "Số lượng 3000" in text
    (annotation_file,) = files_of(context, "bulk_annotations")
    ds = pydicom.dcmread(annotation_file)
    if ds.Modality == "ANN":
        groups = {group.label: group for group in read_bulk_annotations(ds).groups}
        back = slide.to_mm(groups["U"].points)
        assert np.abs(back - slide.to_mm(np.array(outline))).max() < EXACT
        np.testing.assert_array_equal(groups["Ki-67"].points, cells)


def test_points_that_no_object_can_carry_are_called_refused(
    context: Context,
    people: dict[str, Principal],
    test_data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A PACS without annotations could take outlines as a mask; points have no inside."""

    def refusing(peer: Peer, own: str, files: Sequence[Path]) -> list[SendResult]:
        sent = [pydicom.dcmread(path) for path in files]
        return [
            SendResult(path, ds.SOPClassUID, ds.SOPInstanceUID, None, "not offered", refused=True)
            for path, ds in zip(files, sent, strict=True)
        ]

    pathologist = people["pathologist"]
    case = slide_case(context, people, test_data)
    content = drawn(read_slide(context, case), "point", [(5, 5)])
    mark = annotations.add(context, pathologist, case.id, content)
    _, revision = written(context, pathologist, case, annotation_ids=[mark.id])
    receives(context, Peer("FAR", "127.0.0.1", 104))
    opinions.sign(
        context, pathologist, case.id, kind="final", password=PASSWORD, draft_revision=revision
    )
    monkeypatch.setattr(outbox, "store", refusing)
    deliver_all(context)
    (row,) = [row for row in rows(context) if row.exporter == "bulk_annotations"]
    assert row.state == "refused"
    assert "not offered" in row.last_error["en"]
