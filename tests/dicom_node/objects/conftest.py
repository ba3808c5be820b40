"""Signed opinions on real headers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.objects import (
    Algorithm,
    Author,
    DocumentKind,
    Identity,
    KeyImage,
    Mark,
    MarkKind,
    Passage,
    QuestionAnswer,
    Reference,
    Request,
    SignedOpinion,
    drawn_value,
)
from plugins.testing import uid

# real studies of several vendors, character sets and modalities
HEADERS = [
    "ct_head/ge_tilt_infarct",
    "ct_head/philips_phantom_study",
    "ct_head/single_slices/ct_brain_single.dcm",
    "ct_head/single_slices/CT-MONO2-16-brain.dcm",
    "ct_head/single_slices/J2K_pixelrep_mismatch.dcm",
    "ct_geometry/tilt_4slices/IM-0001-0001.dcm",
    "ct_body/liver_3slices_with_seg/01.dcm",
    "ct_body/chest_lidc_ffs",
    "ct_body/abdomen_j2k_empty_uids",
    "modalities/pr_mr_liver/IM_0156",
    "modalities/mr_enhanced/BRTUM001.dcm",
    "modalities/us/us_8frames_jpeg_fragmented.dcm",
    "modalities/us/US-RGB-8-epicard.dcm",
    "modalities/xa/xa_75frames_jpeg_philips_cathsample.dcm",
    "modalities/cr_dx/CR-MONO1-10-chest.dcm",
    "modalities/cr_dx/dx_image.dcm",
    "modalities/nm_pt/NM-MONO2-16-13x-heart.dcm",
    "charsets/chrArab.dcm",
    "charsets/chrH31.dcm",
    "charsets/chrH32.dcm",
    "charsets/chrKoreanMulti.dcm",
    "charsets/chrRuss.dcm",
    "charsets/chrX1.dcm",
    "charsets/chrX2.dcm",
    "nasty/patient_id_collision",
    "nasty/orthanc",
]

AUTHOR = Author("TS. Nguyễn Văn An", "radiologist", "Bệnh viện Đa khoa Trung ương", "001234/BYT")
OTHER = Author("Trần Thị Bình", "requester.a", "Bệnh viện Đa khoa huyện A")


def first_header(test_data: Path, name: str) -> Dataset:
    """The header of the first file below `name`."""
    place = test_data / name
    path = place if place.is_file() else min(p for p in place.rglob("*") if p.is_file())
    return pydicom.dcmread(path, stop_before_pixels=True, force=True)


@pytest.fixture(params=HEADERS)
def real_header(request: pytest.FixtureRequest, test_data: Path) -> Dataset:
    return first_header(test_data, request.param)


@pytest.fixture
def identity() -> Identity:
    return Identity(uid("report series"), uid("report"), 9011)


def signed_opinion(header: Dataset, **changes: Any) -> SignedOpinion:
    """An opinion with every kind of mark; `changes` replace its fields."""
    study = str(header.get("StudyInstanceUID") or uid("study"))
    series = str(header.get("SeriesInstanceUID") or uid("series"))
    instance = str(header.get("SOPInstanceUID") or uid("instance"))
    sop_class = str(header.get("SOPClassUID") or "1.2.840.10008.5.1.4.1.1.2")
    space = str(header.get("FrameOfReferenceUID") or "")
    reference = Reference(study, series, sop_class, instance, 1)
    fields: dict[str, Any] = {
        "header": header,
        "study_instance_uid": study,
        "language": "vi",
        "kind": DocumentKind.FINAL,
        "version": 1,
        "title": "Phiếu trả lời hội chẩn từ xa",
        "request": Request(
            number="HC-2026-000123",
            reason="Nghi đột quỵ não",
            requesting_institution="Bệnh viện Đa khoa huyện A",
            requester="Trần Thị Bình",
            facts=(("Tiền sử", "Tăng huyết áp 10 năm"),),
        ),
        "author": AUTHOR,
        "signed_at": datetime(2026, 11, 23, 3, 4, 5, tzinfo=UTC),
        "institution": "Bệnh viện Đa khoa Trung ương",
        "station": "DEMO_HUB",
        "software_version": "0.1.0",
        "content_hash": "ab" * 32,
        "passages": (
            Passage("Mô tả hình ảnh", "Giảm tỷ trọng vùng chẩm trái.", Code("121070", "DCM", "F")),
            Passage("Kết luận", "Nhồi máu não.", Code("121076", "DCM", "Conclusions")),
            Passage("Ghi chú riêng", "Không có mã."),
        ),
        "answers": (QuestionAnswer("Có chảy máu không?", "Không thấy chảy máu."),),
        "key_images": (KeyImage(reference, "Vùng nhồi máu"), KeyImage(reference)),
        "marks": marks(reference, space),
        "concordance": "minor",
        "transfer": "urgent",
        "evidence": (Reference(study, series, sop_class, instance),),
    }
    return SignedOpinion(**(fields | changes))


def marks(reference: Reference, space: str) -> tuple[Mark, ...]:
    """One of each kind, in the patient's space, or in pixels where there is none."""

    def mark(kind: MarkKind, points: Any, values: Any = (), **more: Any) -> Mark:
        return Mark(
            uid=uid(f"mark {kind}"),
            kind=kind,
            label=f"M {kind}",
            author=more.pop("author", AUTHOR),
            reference=reference,
            frame_of_reference_uid=space,
            points_mm=tuple(points) if space else (),
            points_px=() if space else tuple((x, y) for x, y, _ in points),
            values=tuple(drawn_value(*value) for value in values),
            **more,
        )

    square = ((1, 1, 5), (11, 1, 5), (11, 11, 5), (1, 11, 5))
    region = (("area", 100, "mm2"), ("mean", 35.25, "HU"), ("standard_deviation", 4.5, "HU"))
    return (
        mark(MarkKind.LENGTH, square[:2], [("length", 10, "mm")]),
        mark(MarkKind.ANGLE, square[:3], [("angle", 90, "deg")]),
        mark(MarkKind.ELLIPSE, ((1, 5, 5), (11, 5, 5), (6, 1, 5), (6, 9, 5)), region),
        mark(MarkKind.RECTANGLE, square, region, text="Vùng giảm tỷ trọng", author=OTHER),
        mark(
            MarkKind.PROBE,
            square[:1],
            [("value", 55, "HU")],
            algorithm=Algorithm("probe", "1.2", {"radius_px": "1"}),
        ),
        mark(MarkKind.ARROW, square[:2], text="dấu tăng đậm động mạch"),
        mark(MarkKind.POLYLINE, square, [("length", 30, "mm")]),
        mark(MarkKind.POLYGON, square, region),
        mark(MarkKind.FREEHAND, square, [("length", 30, "mm")]),
        mark(MarkKind.POINT, square[:1]),
        mark(MarkKind.COUNTER, square[:1], [("value", 1, "{count}")]),
    )
