"""What a guest's own tests need: made-up studies, cases and opinions, and the host's judgement.

Nothing here reads a disk or a network. A test of a guest may be as short as::

    from plugins.testing import admit, case, ct_study

    def test_the_guest_enters_and_measures():
        registry = admit(emphysema)
        step = registry.get(PreprocessStep, "emphysema")
        assert list(step.run(ct_study(slices=40)))
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from plugins.contributions import Contribution
from plugins.nouns import (
    Annotation,
    AnnotationKind,
    Answer,
    Case,
    Export,
    Instance,
    KeyImage,
    Opinion,
    OpinionKind,
    Person,
    Priority,
    Question,
    Series,
    State,
    Study,
    Text,
    UidSource,
)
from plugins.registry import Guest, Registry
from plugins.results import (
    ConfirmedResult,
    Grade,
    Layer,
    LayerKind,
    Result,
    Segment,
    Value,
)

__all__ = [
    "Bench",
    "admit",
    "annotation",
    "bench",
    "case",
    "confirmed",
    "ct_header",
    "ct_series",
    "ct_study",
    "export",
    "offer",
    "opinion",
    "result",
    "uid",
]

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)

RADIOLOGIST = Person("radiologist", "TS. Nguyễn Văn An", "DEMO_HUB", ("radiologist",), "001234/BYT")
REQUESTER = Person("requester.a", "Trần Thị Bình", "DEMO_A", ("requester",))


def uid(name: str) -> str:
    """The same UID for the same name (PS3.5 B.2)."""
    return f"2.25.{int.from_bytes(hashlib.sha256(name.encode()).digest()[:15], 'big')}"


def admit(module: ModuleType) -> Registry:
    """Let a guest module in, as the host would.

    Raises
    ------
    AssertionError
        With the host's reason, when the guest would be turned away.
    """
    registry = offer(*module.contribute(), name=module.__name__)
    (guest,) = registry.guests
    assert not guest.error, guest.error
    return registry


def offer(*contributions: Contribution, name: str = "guest", version: str = "1") -> Registry:
    """A registry with one guest that gives `contributions`."""
    return Registry([Guest(name, version, "test", contributions=contributions)])


def ct_header(
    number: int = 1,
    position_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    tilt_deg: float = 0.0,
    **elements: Any,
) -> Dataset:
    """The header of one CT slice, 512 x 512 at 0.5 mm; `elements` replace or add by keyword."""
    angle = math.radians(tilt_deg)
    header = Dataset()
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": uid(f"instance {number}"),
        "StudyInstanceUID": uid("study"),
        "SeriesInstanceUID": uid("series"),
        "FrameOfReferenceUID": uid("space"),
        "StudyDate": "20261123",
        "StudyTime": "030000",
        "AccessionNumber": "A1",
        "Modality": "CT",
        "StudyDescription": "CLVT sọ não",
        "PatientName": "LÊ^THỊ HOA",
        "PatientID": "P1",
        "PatientBirthDate": "19600102",
        "PatientSex": "F",
        "SliceThickness": "5",
        "InstanceNumber": str(number),
        "ImagePositionPatient": list(position_mm),
        "ImageOrientationPatient": [1, 0, 0, 0, math.cos(angle), math.sin(angle)],
        "Rows": 512,
        "Columns": 512,
        "PixelSpacing": [0.5, 0.5],
        "SamplesPerPixel": 1,
        "RescaleIntercept": "-1024",
        "RescaleSlope": "1",
    }
    for keyword, value in (values | elements).items():
        setattr(header, keyword, value)
    return header


def ct_series(headers: Sequence[Dataset], **changes: Any) -> Series:
    """A series of those headers, one single-frame instance each."""
    instances = tuple(
        Instance(
            sop_instance_uid=str(header.SOPInstanceUID),
            sop_class_uid=str(header.SOPClassUID),
            transfer_syntax_uid=str(ExplicitVRLittleEndian),
            number_of_frames=int(header.get("NumberOfFrames") or 1),
            header=header,
        )
        for header in headers
    )
    series = Series(
        series_instance_uid=uid("series"),
        study_instance_uid=uid("study"),
        modality="CT",
        series_number="2",
        series_description="Sọ não 5 mm",
        body_part_examined="HEAD",
        instances=instances,
    )
    return replace(series, **changes)


def ct_study(slices: int = 20, spacing_mm: float = 5.0, tilt_deg: float = 0.0) -> Study:
    """A head CT of evenly spaced slices; positions rise along z as a tilted gantry leaves them."""
    # the table moves along z; along the normal, slices are closer by the cosine of the tilt
    step = spacing_mm / math.cos(math.radians(tilt_deg))
    headers = [
        ct_header(number + 1, (-128.0, -128.0, step * number), tilt_deg) for number in range(slices)
    ]
    return Study(
        study_instance_uid=uid("study"),
        site="DEMO_A",
        patient_id="P1",
        patient_name="LÊ^THỊ HOA",
        patient_birth_date="19600102",
        patient_sex="F",
        study_date="20261123",
        study_time="030000",
        accession_number="A1",
        study_description="CLVT sọ não",
        series=(ct_series(headers),),
    )


def case(**changes: Any) -> Case:
    """An emergency case with two questions; `changes` replace its fields."""
    made = Case(
        id="case-1",
        number="HC-2026-000001",
        state=State.READING,
        priority=Priority.P1,
        area="radiology",
        requesting_site="DEMO_A",
        requesting_site_name="Bệnh viện Đa khoa huyện A",
        consulted_site="DEMO_HUB",
        consulted_site_name="Bệnh viện Đa khoa Trung ương",
        requester=REQUESTER,
        assignee=RADIOLOGIST,
        patient_name="LÊ^THỊ HOA",
        patient_id="P1",
        patient_birth_date="19600102",
        patient_sex="F",
        reason="Nghi đột quỵ não giờ thứ hai",
        clinical={
            "history": "Tăng huyết áp 10 năm",
            "status_on_admission": "Glasgow 13, liệt nửa người phải",
        },
        questions=(
            Question("q1", "Có chảy máu não không?"),
            Question("q2", "Có chỉ định chuyển tuyến không?"),
        ),
        study_instance_uids=(uid("study"),),
        modalities=("CT",),
        instance_count=20,
        created_at=NOON,
        submitted_at=NOON,
        due_at=None,
        updated_at=NOON,
        requesting_department="Khoa Cấp cứu",
    )
    return replace(made, **changes)


@dataclass
class Bench:
    """A bench for tests: ``memory`` to look into, ``reports`` of how far it said it was."""

    memory: dict[str, Any] = field(default_factory=dict)
    reports: list[tuple[float, Text]] = field(default_factory=list)

    def report(self, fraction: float, message: Text) -> None:
        assert 0 <= fraction <= 1, f"a fraction is 0 to 1, not {fraction}"
        self.reports.append((fraction, message))


def bench(**memory: Any) -> Bench:
    """A bench that remembers `memory`; give it to several computations, as the host does."""
    return Bench(dict(memory))


def result(**changes: Any) -> Result:
    """A lesion of 12.5 mL as a mask on two slices of the CT study."""
    array = np.zeros((2, 8, 8), np.uint8)
    array[:, 2:5, 2:5] = 1
    made = Result(
        analysis="lesion",
        title=Text("Tổn thương", "Lesion"),
        version="1",
        study_instance_uid=uid("study"),
        series_instance_uids=(uid("series"),),
        grade=Grade.GREEN,
        values=(
            Value(
                key="volume",
                label=Text("Thể tích", "Volume"),
                value=12.5,
                unit=Code("mL", "UCUM", "milliliter"),
                name=Code("118565006", "SCT", "Volume"),
                layer="lesion",
                segment=1,
                is_main=True,
            ),
        ),
        layers=(
            Layer(
                key="lesion",
                title=Text("Tổn thương", "Lesion"),
                kind=LayerKind.MASK,
                series_instance_uid=uid("series"),
                frames=((uid("instance 1"), 1), (uid("instance 2"), 1)),
                array=array,
                segments=(
                    Segment(
                        1,
                        Text("Tổn thương", "Lesion"),
                        (220, 50, 47),
                        Code("49755003", "SCT", "Morphologically Altered Structure"),
                        Code("52988006", "SCT", "Lesion"),
                    ),
                ),
                is_editable=True,
            ),
        ),
    )
    return replace(made, **changes)


def confirmed(of_result: Result | None = None, **changes: Any) -> ConfirmedResult:
    """The result, confirmed by the radiologist at noon."""
    made = of_result or result()
    found = ConfirmedResult(
        id="7f0c1f6e-3c5a-4b52-9a57-0d1f8a2b6c01",
        result=made,
        edits={},
        confirmed_by=RADIOLOGIST,
        confirmed_at=NOON,
        layer_hashes={
            layer.key: hashlib.sha256(layer.array.tobytes()).hexdigest() for layer in made.layers
        },
    )
    return replace(found, **changes)


def annotation(
    kind: AnnotationKind = AnnotationKind.LENGTH,
    points_mm: tuple[tuple[float, float, float], ...] = ((0.0, 0.0, 0.0), (30.0, 0.0, 0.0)),
    measurements: tuple[Mapping[str, Any], ...] = ({"name": "length", "value": 30, "unit": "mm"},),
    **changes: Any,
) -> Annotation:
    """A drawing of the radiologist's on the first slice."""
    made = Annotation(
        id="5d7c1a51-0e3f-4f0e-9d32-6a35b1f3c001",
        case_id="case-1",
        kind=kind,
        study_instance_uid=uid("study"),
        series_instance_uid=uid("series"),
        sop_instance_uid=uid("instance 1"),
        sop_class_uid=str(CTImageStorage),
        frame_number=1,
        frame_of_reference_uid=uid("space"),
        points_mm=points_mm,
        text="",
        measurements=measurements,
        origin={},
        author=RADIOLOGIST,
        created_at=NOON,
        updated_at=NOON,
        revision=1,
    )
    return replace(made, **changes)


def opinion(**changes: Any) -> Opinion:
    """A signed final opinion in Vietnamese with both questions answered and one length."""
    made = Opinion(
        id="opinion-1",
        case_id="case-1",
        version=1,
        kind=OpinionKind.FINAL,
        template_id="general_ct",
        language="vi",
        sections={
            "findings": "Ổ tăng tỷ trọng vùng nhân bèo phải, 30 mm.\nKhông lệch đường giữa.",
            "conclusion": "Chảy máu não vùng nhân bèo phải.",
        },
        section_titles={
            "findings": Text("Mô tả hình ảnh", "Findings"),
            "conclusion": Text("Kết luận", "Conclusion"),
        },
        section_codes={
            "findings": Code("121070", "DCM", "Findings"),
            "conclusion": Code("121076", "DCM", "Conclusions"),
        },
        answers=(
            Answer("q1", "Có, ổ máu tụ nhân bèo phải."),
            Answer("q2", "Nên chuyển trong giờ đầu."),
        ),
        key_images=(
            KeyImage(
                study_instance_uid=uid("study"),
                series_instance_uid=uid("series"),
                sop_instance_uid=uid("instance 1"),
                sop_class_uid=str(CTImageStorage),
                window_center=40,
                window_width=80,
                caption="Ổ máu tụ",
            ),
        ),
        annotations=(annotation(),),
        concordance="concordant",
        transfer="recommended",
        author=RADIOLOGIST,
        signed_at=NOON,
        content_hash=hashlib.sha256(b"content").hexdigest(),
    )
    return replace(made, **changes)


def export(
    of_case: Case | None = None,
    of_opinion: Opinion | None = None,
    header: Dataset | None = None,
    uids: UidSource = uid,
    **changes: Any,
) -> Export:
    """What an exporter gets; `header` is that of the study the opinion goes home to."""
    signed = of_opinion or opinion()
    own = header if header is not None else ct_header()
    study = str(own.get("StudyInstanceUID") or uid("study"))
    referring: list[Any] = [*signed.key_images, *signed.annotations]
    made = Export(
        case=of_case or case(),
        opinion=signed,
        study_instance_uid=study,
        headers={study: own},
        evidence=[
            (r.study_instance_uid, r.series_instance_uid, r.sop_class_uid, r.sop_instance_uid)
            for r in referring
        ],
        institution="Bệnh viện Đa khoa Trung ương",
        uid=uids,
    )
    return replace(made, **changes)
