"""Every document pleases judges who know nothing of us, on real headers and on hostile text."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    KeyObjectSelectionDocumentStorage,
)

from dicom_node.objects import (
    Author,
    DocumentKind,
    Identity,
    KeyImage,
    Mark,
    MarkKind,
    QuestionAnswer,
    Reference,
    basic_text,
    drawn_value,
    encapsulated_pdf,
    key_images,
    measurement_report,
    opinion_pdf,
    opinion_pictures,
    secondary_captures,
)
from plugins.testing import ct_header, uid
from tests.dicom_node.objects.conftest import AUTHOR, first_header, signed_opinion
from tests.dicom_node.objects.judges import (
    assert_valid,
    dciodvfy,
    dsrdump,
    encoded,
    written,
)

REPORTS = [measurement_report, basic_text, key_images]


@pytest.mark.parametrize("build", REPORTS)
def test_a_report_on_a_real_header_is_valid(
    build: Any, real_header: Dataset, identity: Identity, tmp_path: Path
) -> None:
    report = build(signed_opinion(real_header), identity)

    text = assert_valid(report, tmp_path)

    assert "Nguyễn^Văn An^^TS." in text
    read = pydicom.dcmread(written(report, tmp_path))
    assert read.StudyInstanceUID == signed_opinion(real_header).study_instance_uid
    assert read.SpecificCharacterSet == "ISO_IR 192"


def test_a_pdf_on_a_real_header_is_valid(
    real_header: Dataset, identity: Identity, tmp_path: Path
) -> None:
    opinion = signed_opinion(real_header)
    pdf = opinion_pdf(opinion)

    made = encapsulated_pdf(opinion, identity, pdf)

    assert_valid(made, tmp_path, report=False)
    assert bytes(made.EncapsulatedDocument)[: len(pdf)] == pdf
    assert made.EncapsulatedDocumentLength == len(pdf)


def test_pages_as_images_on_a_real_header_are_valid(
    real_header: Dataset, identity: Identity, tmp_path: Path
) -> None:
    opinion = signed_opinion(real_header)
    pages = opinion_pictures(opinion)

    made = secondary_captures(opinion, identity, pages, [uid(f"p{n}") for n in range(len(pages))])

    for ds in made:
        assert_valid(ds, tmp_path, report=False)


def test_the_report_without_space_is_valid_on_a_real_header(
    real_header: Dataset, identity: Identity, tmp_path: Path
) -> None:
    base = signed_opinion(real_header)
    square = ((1.0, 1.0), (9.0, 1.0), (9.0, 9.0), (1.0, 9.0))
    marks = tuple(replace(mark, points_px=square) for mark in base.marks)

    report = measurement_report(replace(base, marks=marks), identity, in_space=False)

    assert "SCOORD3D" not in assert_valid(report, tmp_path)


LONG = "Nhồi máu não diện rộng bán cầu đại não trái, xóa ranh giới chất xám–chất trắng. " * 400
HOSTILE = {
    "long": LONG,
    "controls": "a\x00b\x07c\x1bd\x7fe\ud800f\u202eg\r\nh\ti",
    "backslashes": "C:\\phim\\1 \\ 2^3=4",
    "markup": "#let x = 1; *đậm* <b>b</b> $x^2$ @ref // không phải lệnh",
    "empty": "",
    "spaces": " \n \t ",
    "other scripts": "患者 ຄົນເຈັບ អ្នកជំងឺ 😀 العربية",
    "decomposed": "Nguye\u0302\u0303n Thi\u0323 Hoa\u0300",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("build", [*REPORTS, None], ids=["tid1500", "text", "kos", "pdf"])
def test_hostile_text_everywhere_still_goes_home(
    build: Any, text: str, identity: Identity, tmp_path: Path
) -> None:
    keywords = ("PatientID", "StudyDescription", "StudyID", "AccessionNumber", "PatientSex")
    keywords += ("ReferringPhysicianName", "StudyDate", "StudyTime", "IssuerOfPatientID")
    header = ct_header(**dict.fromkeys(keywords, text))
    base = signed_opinion(header)
    opinion = replace(
        base,
        title=text,
        request=replace(base.request, number=text, reason=text, requester=text),
        author=Author(text, text, text, text),
        institution=text,
        station=text,
        software_version=text,
        content_hash=text,
        reason=text,
        passages=tuple(replace(passage, title=text, text=text) for passage in base.passages),
        answers=(QuestionAnswer(text, text),),
        key_images=tuple(replace(image, caption=text) for image in base.key_images),
        marks=tuple(replace(mark, label=text, text=text) for mark in base.marks),
        concordance=text,
        transfer=text,
    )

    if build is None:
        made = encapsulated_pdf(opinion, identity, opinion_pdf(opinion))
        assert_valid(made, tmp_path, report=False)
    else:
        assert_valid(build(opinion, identity), tmp_path)


@pytest.mark.parametrize("name", [LONG, HOSTILE["controls"], "a=b=c=d=e", "a^b^c^d^e^f^g", "^^^^"])
def test_a_hostile_patient_name_still_goes_home(
    name: str, identity: Identity, tmp_path: Path
) -> None:
    report = basic_text(signed_opinion(ct_header(PatientName=name)), identity)

    assert_valid(report, tmp_path)
    groups = str(report.PatientName).split("=")
    assert len(groups) <= 3
    assert all(len(group.split("^")) <= 5 and len(group) <= 64 for group in groups)


def test_uids_are_kept_even_where_they_break_the_rules(test_data: Path, identity: Identity) -> None:
    """The document must join the study as its PACS knows it, leading zeros and all."""
    header = first_header(test_data, "modalities/xa/XA-MONO2-8-12x-catheter.dcm")

    report = basic_text(signed_opinion(header), identity)

    assert pydicom.dcmread(io.BytesIO(encoded(report))).StudyInstanceUID == (
        "999.999.1.19941016.083000"
    )


def test_an_empty_header_is_enough(identity: Identity, tmp_path: Path) -> None:
    opinion = signed_opinion(Dataset())

    for build in REPORTS:
        made = build(opinion, identity)
        assert_valid(made, tmp_path)
        assert (made.PatientName, made.PatientID, made.StudyDate) == ("", "", "")


def test_an_opinion_with_nothing_but_an_author_is_valid(identity: Identity, tmp_path: Path) -> None:
    opinion = signed_opinion(
        ct_header(), passages=(), answers=(), key_images=(), marks=(), evidence=(), concordance="",
        transfer="",
    )  # fmt: skip

    assert_valid(measurement_report(opinion, identity), tmp_path)
    assert_valid(basic_text(opinion, identity), tmp_path)
    assert key_images(opinion, identity) is None


def test_the_same_opinion_gives_the_same_bytes(identity: Identity) -> None:
    opinion = signed_opinion(ct_header())

    def build() -> list[bytes]:
        pdf = encapsulated_pdf(opinion, identity, opinion_pdf(opinion))
        return [encoded(build(opinion, identity)) for build in REPORTS] + [encoded(pdf)]

    assert build() == build()


def test_what_each_object_is(identity: Identity) -> None:
    opinion = signed_opinion(ct_header())
    made = [build(opinion, identity) for build in REPORTS]
    made.append(encapsulated_pdf(opinion, identity, opinion_pdf(opinion)))

    assert [(ds.SOPClassUID, ds.Modality) for ds in made] == [
        (Comprehensive3DSRStorage, "SR"),
        (BasicTextSRStorage, "SR"),
        (KeyObjectSelectionDocumentStorage, "KO"),
        (EncapsulatedPDFStorage, "DOC"),
    ]
    assert {ds.StudyInstanceUID for ds in made} == {uid("study")}
    assert {ds.PatientID for ds in made} == {"P1"}


def test_highdicom_reads_the_measurements_back(identity: Identity, tmp_path: Path) -> None:
    opinion = signed_opinion(ct_header())

    report = highdicom.sr.srread(written(measurement_report(opinion, identity), tmp_path))

    regions = report.content.get_planar_roi_measurement_groups()
    others = report.content.get_image_measurement_groups()
    assert len(regions) == 3
    assert len(regions) + len(others) == len(opinion.marks)
    rectangle = next(g for g in regions if g.tracking_identifier == "M rectangle")
    assert [m.value for m in rectangle.get_measurements()] == [100.0, 35.25, 4.5]
    assert rectangle.roi.value.tolist()[1] == [11.0, 1.0, 5.0]
    assert rectangle.roi.frame_of_reference_uid == uid("space")
    (length,) = (
        m for g in others if g.tracking_identifier == "M length" for m in g.get_measurements()
    )
    assert (length.value, length.unit.value, length.name.value) == (10.0, "mm", "410668003")


def test_an_algorithm_is_named_with_version_and_parameters(
    identity: Identity, tmp_path: Path
) -> None:
    text = assert_valid(measurement_report(signed_opinion(ct_header()), identity), tmp_path)

    assert '(111001,DCM,"Algorithm Name")="probe"' in text
    assert '(111003,DCM,"Algorithm Version")="1.2"' in text
    assert '(111002,DCM,"Algorithm Parameters")="radius_px = 1"' in text


def test_a_mark_of_someone_else_names_that_person(identity: Identity, tmp_path: Path) -> None:
    text = assert_valid(measurement_report(signed_opinion(ct_header()), identity), tmp_path)

    assert text.count('"Person Observer Name")="Trần^Thị Bình"') == 1
    assert text.count('"Person Observer Name")="Nguyễn^Văn An^^TS."') == 1


def test_the_text_report_says_everything(identity: Identity, tmp_path: Path) -> None:
    text = assert_valid(basic_text(signed_opinion(ct_header()), identity), tmp_path)

    for part in (
        "Ý kiến tư vấn — bác sĩ điều trị quyết định",
        "HC-2026-000123",
        "Có chảy máu không?",
        "Không thấy chảy máu.",
        "Giảm tỷ trọng vùng chẩm trái.",
        '(121076,DCM,"Kết luận")',
        '(121077,DCM,"Kết luận")="Nhồi máu não."',
        '(121062,DCM,"Yêu cầu hội chẩn")="Nghi đột quỵ não"',
        "Khác biệt nhỏ",
        "Đề nghị chuyển khẩn",
        "Độ dài 10,0 mm",
        "Vùng nhồi máu",
    ):
        assert part in text


def test_an_english_opinion_is_english(identity: Identity, tmp_path: Path) -> None:
    opinion = signed_opinion(ct_header(), language="en")

    text = assert_valid(basic_text(opinion, identity), tmp_path)

    assert "Advisory opinion" in text
    assert '(121062,DCM,"Request")' in text
    assert "Length 10.0 mm" in text
    assert '(en,RFC5646,"English")' in text


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        (DocumentKind.PRELIMINARY, ("PRELIMINARY", "PARTIAL", "UNVERIFIED")),
        (DocumentKind.FINAL, ("FINAL", "COMPLETE", "VERIFIED")),
        (DocumentKind.ADDENDUM, ("FINAL", "COMPLETE", "VERIFIED")),
        (DocumentKind.AMENDED, ("FINAL", "COMPLETE", "VERIFIED")),
    ],
)
def test_flags_follow_the_kind(
    kind: DocumentKind, flags: tuple[str, str, str], identity: Identity, tmp_path: Path
) -> None:
    previous = Reference(uid("study"), uid("old series"), str(BasicTextSRStorage), uid("old"))
    opinion = signed_opinion(ct_header(), kind=kind, version=2, predecessors=(previous,))

    report = basic_text(opinion, identity)

    assert_valid(report, tmp_path)
    assert (report.PreliminaryFlag, report.CompletionFlag, report.VerificationFlag) == flags
    (study,) = report.PredecessorDocumentsSequence
    reference = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == uid("old")


def test_a_mark_on_another_study_is_pertinent_evidence(identity: Identity, tmp_path: Path) -> None:
    prior = Reference(uid("prior"), uid("prior series"), "1.2.840.10008.5.1.4.1.1.2", uid("p1"))
    mark = Mark(
        uid("m"), MarkKind.LENGTH, "M1", AUTHOR, prior, uid("other space"),
        ((0, 0, 0), (3, 4, 0)), (), (drawn_value("length", 5, "mm"),),
    )  # fmt: skip
    opinion = signed_opinion(ct_header(), marks=(mark,), key_images=(KeyImage(prior, "phim cũ"),))

    report = measurement_report(opinion, identity)

    assert_valid(report, tmp_path)
    assert report.PertinentOtherEvidenceSequence[0].StudyInstanceUID == uid("prior")
    assert key_images(opinion, identity) is None, "a KOS names images of its own study"
    assert_valid(basic_text(opinion, identity), tmp_path)


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        (MarkKind.ELLIPSE, ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))),
        (MarkKind.POLYGON, ((0.0, 0.0, 0.0),)),
        (MarkKind.POLYGON, ((0, 0, 0), (9, 0, 0), (9, 9, 0), (0, 9, 7))),
        (MarkKind.LENGTH, ()),
        (MarkKind.LENGTH, ((float("nan"), 0.0, 0.0), (1.0, 1.0, 1.0))),
        (MarkKind.PROBE, ()),
    ],
)
def test_a_drawing_without_an_honest_shape_keeps_its_numbers(
    kind: MarkKind, points: Any, identity: Identity, tmp_path: Path
) -> None:
    base = signed_opinion(ct_header())
    values = (drawn_value("area", 12.5, "mm2"), drawn_value("mean", float("nan"), "HU"))
    mark = replace(base.marks[0], kind=kind, points_mm=points, values=values)

    text = assert_valid(measurement_report(replace(base, marks=(mark,)), identity), tmp_path)

    assert '"Area")="12.5"' in text
    assert "nan" not in text.lower()
    assert "SCOORD" not in text


def test_a_frame_is_named_only_where_there_are_several(identity: Identity, tmp_path: Path) -> None:
    ct = Reference(uid("study"), uid("series"), "1.2.840.10008.5.1.4.1.1.2", uid("i"), 1)
    us = Reference(uid("study"), uid("series"), "1.2.840.10008.5.1.4.1.1.3.1", uid("j"), 1)
    opinion = signed_opinion(ct_header(), key_images=(KeyImage(ct), KeyImage(us)))

    report = key_images(opinion, identity)

    assert report is not None
    assert_valid(report, tmp_path)
    images = [item for item in report.ContentSequence if item.ValueType == "IMAGE"]
    frames = [item.ReferencedSOPSequence[0].get("ReferencedFrameNumber") for item in images]
    assert frames == [None, 1]


def test_times_follow_the_clock_of_the_study(identity: Identity) -> None:
    here = basic_text(signed_opinion(ct_header()), identity)
    there = basic_text(signed_opinion(ct_header(TimezoneOffsetFromUTC="-0330")), identity)

    assert (here.ContentTime, here.TimezoneOffsetFromUTC) == ("100405", "+0700")
    assert (there.ContentTime, there.TimezoneOffsetFromUTC) == ("233405", "-0330")
    assert there.ContentDate == "20261122"


class TestTheJudgesCanFail:
    """Negative controls: each judge catches what it is there for."""

    def test_dciodvfy_misses_a_missing_observer(self, identity: Identity, tmp_path: Path) -> None:
        report = basic_text(signed_opinion(ct_header()), identity)
        del report.VerifyingObserverSequence
        assert dciodvfy(written(report, tmp_path)).errors

    def test_dciodvfy_misses_a_study_uid(self, identity: Identity, tmp_path: Path) -> None:
        report = basic_text(signed_opinion(ct_header()), identity)
        del report.StudyInstanceUID
        assert dciodvfy(written(report, tmp_path)).errors

    def test_dciodvfy_sees_a_value_too_long(self, identity: Identity, tmp_path: Path) -> None:
        made = encapsulated_pdf(signed_opinion(ct_header()), identity, b"%PDF-1.7 ")
        made.AccessionNumber = "x" * 17
        assert dciodvfy(written(made, tmp_path)).errors

    def test_dsrdump_refuses_an_illegal_relationship(
        self, identity: Identity, tmp_path: Path
    ) -> None:
        report = key_images(signed_opinion(ct_header()), identity)
        assert report is not None
        report.ContentSequence[-1].RelationshipType = "INFERRED FROM"
        assert dsrdump(written(report, tmp_path)).errors

    def test_dsrdump_refuses_a_number_in_a_text_report(
        self, identity: Identity, tmp_path: Path
    ) -> None:
        numbers = measurement_report(signed_opinion(ct_header()), identity)
        numbers.SOPClassUID = BasicTextSRStorage
        numbers.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
        assert dsrdump(written(numbers, tmp_path)).errors
