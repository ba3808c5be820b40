"""What callers send. Every field is described in both languages for the OpenAPI page."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AeTitleBody",
    "AeTitleChange",
    "AnnotationBody",
    "AnnotationChange",
    "AnnotationsBody",
    "AssignBody",
    "CaseBody",
    "CaseChange",
    "CloseBody",
    "CoverageBody",
    "DecideBody",
    "DraftBody",
    "IncompleteBody",
    "OpinionBody",
    "PasswordBody",
    "PatientBody",
    "QuestionBody",
    "ReasonBody",
    "RedirectBody",
    "RegionBody",
    "ReleaseBody",
    "ResultConfirmation",
    "ResultEdits",
    "ResultReopening",
    "ResultStart",
    "SiteBody",
    "SiteChange",
    "StartBody",
    "TokenBody",
    "UserBody",
    "UserChange",
]

Point = Annotated[list[float], Field(min_length=3, max_length=3)]
_CLASSIFICATION = (
    "Lớp / Class: {name, colour: #rrggbb, code: {value, scheme_designator, meaning}}; "
    "{}: không có / none"
)


class Body(BaseModel):
    """Unknown fields are refused: a typing mistake must not be lost in silence."""

    model_config = ConfigDict(extra="forbid")


class QuestionBody(Body):
    id: str | None = Field(None, description="Mã câu hỏi đã có / Id of a question already asked")
    text: str = Field(description="Nội dung câu hỏi / The question")


class PatientBody(Body):
    """Only for a request sent ahead of its images; afterwards the images say who it is."""

    name: str = Field("", description="Họ tên / Name (DICOM: HỌ^TÊN ĐỆM TÊN)")
    id: str = Field("", description="Mã người bệnh / Patient id")
    birth_date: str = Field("", description="Ngày sinh YYYYMMDD / Birth date")
    sex: str = Field("", description="M, F, O")


class CaseChange(Body):
    """Fields of the consult request (*phiếu yêu cầu hội chẩn*) to change."""

    area: str | None = Field(None, description="Lĩnh vực / Area: radiology, pathology")
    priority: str | None = Field(None, description="Ưu tiên / Priority: P0 P1 PF P2 P3 PP PC")
    consulted_site: str | None = Field(None, description="Cơ sở được yêu cầu / Site asked")
    study_instance_uids: list[str] | None = Field(
        None, description="Các lần chụp của cơ sở mình / Studies of the own site"
    )
    reason: str | None = Field(None, description="Lý do hội chẩn / Reason for the consult")
    questions: list[str | QuestionBody] | None = Field(
        None, description="Câu hỏi, mỗi câu được trả lời riêng / Questions, each answered"
    )
    clinical: dict[str, str | bool | int | float | None] | None = Field(
        None,
        description=(
            "Tiền sử, tình trạng, diễn biến, chẩn đoán tại chỗ… / history, status_on_admission, "
            "course, local_dx, local_read, onset_time, nihss …"
        ),
    )
    consent_basis: str | None = Field(
        None,
        description=(
            "Căn cứ đồng ý / Consent basis: written, electronic, emergency_art61, art19_1"
        ),
    )
    share_scope: str | None = Field(
        None,
        description="Phạm vi chia sẻ / Share scope: expert, network_deidentified, training",
    )
    requesting_department: str | None = Field(None, description="Khoa / Department")
    images_to_follow: bool | None = Field(
        None, description="Ảnh gửi sau (chỉ cấp cứu) / Images to follow (emergencies only)"
    )
    patient: PatientBody | None = Field(None, description="Người bệnh / Patient")

    def fields(self) -> dict[str, Any]:
        """The fields that were sent, as the domain names them."""
        given = self.model_dump(exclude_unset=True, exclude={"patient", "submit"})
        given = {key: one for key, one in given.items() if one is not None}
        if self.patient is not None:
            patient = self.patient.model_dump(exclude_unset=True)
            given.update({f"patient_{key}": one for key, one in patient.items()})
        return given


class CaseBody(CaseChange):
    """A new consult request; with ``submit`` it is sent at once, or not made at all."""

    submit: bool = Field(False, description="Gửi ngay / Send at once")


class AssignBody(Body):
    username: str | None = Field(
        None, description="Chuyên gia; bỏ trống: nhận cho mình / Expert; empty: oneself"
    )


class StartBody(Body):
    take_over: bool = Field(
        False, description="Nhận thay người đang đọc / Take over from whoever reads it"
    )


class ReasonBody(Body):
    reason: str = Field(description="Lý do / Reason")


class IncompleteBody(Body):
    missing: list[str] = Field(description="Còn thiếu gì / What is missing")
    reason: str = Field("", description="Ghi chú / Note")


class RedirectBody(Body):
    consulted_site: str = Field(description="Cơ sở mới / The new site")
    reason: str = Field(description="Lý do / Reason")


class DecideBody(Body):
    decision: str = Field(description="adopted (theo), partly (một phần), not adopted (không)")
    reason: str = Field("", description="Lý do khi không theo hết / Why not in full")


class CloseBody(Body):
    diagnosis: str = Field("", description="Chẩn đoán cuối cùng / Final diagnosis")
    treatment: str = Field("", description="Điều trị đã làm / Treatment given")
    transferred: bool = Field(False, description="Đã chuyển tuyến / Was transferred")
    transferred_to: str = Field("", description="Nơi chuyển đến / Transferred to")
    died: bool = Field(False, description="Tử vong / Died")
    note: str = Field("", description="Ghi chú / Note")


class MeasurementBody(Body):
    name: str = Field(
        description=("length, angle, area, count, density, mean, standard_deviation, minimum, …")
    )
    value: float
    unit: str = Field(description="UCUM: mm, mm2, deg, [hnsf'U] …")


class AnnotationChange(Body):
    """What may change of a mark; lengths, angles and areas are computed again from the points."""

    points_mm: list[Point] | None = Field(None, description="Các điểm (x, y, z) mm / Points")
    text: str | None = Field(None, description="Ghi chú / Text")
    measurements: list[MeasurementBody] | None = Field(None, description="Số đo / Measurements")
    origin: dict[str, Any] | None = Field(None, description="Vẽ bằng gì / What made it")
    classification: dict[str, Any] | None = Field(None, description=_CLASSIFICATION)


class AnnotationBody(Body):
    """A mark drawn on an image, in patient or slide millimetres."""

    id: str | None = Field(None, description="UUID: gửi lại không bị nhân đôi / retry-safe UUID")
    kind: str = Field(description="length angle ellipse rectangle probe arrow point polyline …")
    study_instance_uid: str
    series_instance_uid: str = ""
    sop_instance_uid: str = Field("", description="Trống nếu vẽ trên mặt tái tạo / Empty on MPR")
    sop_class_uid: str = ""
    frame_number: int = Field(1, ge=1)
    frame_of_reference_uid: str = ""
    points_mm: list[Point]
    text: str = ""
    measurements: list[MeasurementBody] = []
    origin: dict[str, Any] = {}
    classification: dict[str, Any] = Field({}, description=_CLASSIFICATION)


class AnnotationsBody(Body):
    """Several marks, saved all or not at all."""

    items: list[AnnotationBody] = Field(max_length=5_000, description="Các nét vẽ / The marks")


class RegionBody(Body):
    """A part of a slide, in pixels of its level 0."""

    slide: str = Field(pattern=r"^[0-9a-f]{32}$", description="Tên trong địa chỉ / Its name")
    x: float
    y: float
    width: float = Field(gt=0)
    height: float = Field(gt=0)


class KeyImageBody(Body):
    study_instance_uid: str
    series_instance_uid: str = ""
    sop_instance_uid: str
    sop_class_uid: str = ""
    frame_number: int = Field(1, ge=1)
    window_center: float | None = None
    window_width: float | None = None
    caption: str = ""
    region: RegionBody | None = Field(None, description="Phần của tiêu bản / Part of a slide")


class DraftContent(Body):
    template_id: str = ""
    language: str = "vi"
    sections: dict[str, str] = Field({}, description="Các mục / Sections by key")
    answers: dict[str, str] = Field({}, description="Trả lời theo câu hỏi / Answers by question")
    key_images: list[KeyImageBody] = Field([], description="Ảnh then chốt / Key images")
    annotation_ids: list[str] = Field([], description="Nét vẽ được dẫn / Marks referred to")
    concordance: str = Field("", description="concordant, minor, major, not_applicable")
    transfer: str = Field("", description="none, recommended, urgent")


class DraftBody(Body):
    content: DraftContent
    revision: int = Field(ge=0, description="Bản đang sửa / The revision that was edited")


class OpinionBody(Body):
    kind: str = Field(description="preliminary, final, addendum, amended")
    password: str = Field(description="Nhập lại mật khẩu để ký / The password again")
    draft_revision: int = Field(description="Bản nháp đã xem / The draft that was seen")
    reason: str | None = Field(
        None, description="Bổ sung hoặc sửa vì sao / Why an addendum or amended opinion"
    )
    results: dict[str, str] = Field(
        {},
        description=(
            "Kết quả đã xác nhận mà người ký đã thấy: mã → content_hash / "
            "Confirmed results the signer saw: id → content_hash"
        ),
    )


class ResultStart(Body):
    analysis: str = Field(description="Mã phép phân tích / Id of the analysis")
    study_instance_uid: str


class CoverageBody(Body):
    series_instance_uid: str = Field(max_length=64, description="Tiêu bản / The slide")
    cell_um: float = Field(gt=0, le=10_000, description="Cạnh ô, µm / Edge of a cell, µm")
    columns: int = Field(ge=1, le=100_000)
    rows: int = Field(ge=1, le=100_000)
    seen: str = Field(
        max_length=1_000_000,
        description="Base64, một bit mỗi ô / One bit a cell, row by row, lowest bit first",
    )


class ResultEdits(Body):
    edits: dict[str, Any] = Field(
        description=(
            "Mọi chỉnh sửa, cũ và mới / All corrections: series, parameters, handles, strokes, "
            "rejected, reads, form"
        )
    )
    revision: int = Field(ge=1, description="Bản đã xem / The revision that was seen")


class ResultConfirmation(Body):
    revision: int = Field(ge=1, description="Bản đã xem / The revision that was seen")
    acknowledge_red: bool = Field(
        False, description="Đã biết chất lượng ở mức đỏ / I know that the quality is red"
    )


class ResultReopening(Body):
    revision: int | None = Field(None, ge=1, description="Bản đã xem / The revision that was seen")


class SiteBody(Body):
    code: str = Field(description="DEMO_A")
    name: str
    tier: str = Field(description="lower (tuyến dưới), upper (tuyến trên)")
    phone: str = ""


class SiteChange(Body):
    name: str | None = None
    tier: str | None = None
    phone: str | None = None
    active: bool | None = None


class AeTitleChange(Body):
    host: str | None = Field(None, description="Địa chỉ / Address")
    port: int | None = Field(None, ge=0, le=65535)
    sends: bool | None = Field(None, description="Được gửi ảnh cho ta / May store to us")
    receives: bool | None = Field(None, description="Nhận kết quả / Receives opinions")
    allowed_hosts: list[str] | None = Field(
        None, description="Chỉ từ các địa chỉ này / Only from these addresses or networks"
    )
    tls: bool | None = Field(None, description="Ta gọi AE này bằng TLS / We call it inside TLS")
    tls_pinned: str | None = Field(
        None,
        description=(
            "PEM: chứng chỉ của AE hoặc CA của nó; trống: theo CA và tên máy / "
            "the AE's certificate or its CA; empty: by CA and host name"
        ),
    )


class AeTitleBody(AeTitleChange):
    ae_title: str


class UserBody(Body):
    username: str
    name: str
    site: str
    roles: list[str] = Field(
        description="requester technician radiologist pathologist coordinator administrator"
    )
    password: str
    licence_number: str = Field("", description="Số giấy phép hành nghề / Licence number")
    language: str = "vi"


class UserChange(Body):
    name: str | None = None
    site: str | None = None
    roles: list[str] | None = None
    licence_number: str | None = None
    language: str | None = None
    active: bool | None = None
    password: str | None = None


class TokenBody(Body):
    label: str = Field("", description="Dùng cho việc gì / What it is for")
    days: float | None = Field(None, gt=0, description="Hiệu lực (ngày) / Valid for days")


class PasswordBody(Body):
    current: str
    new: str


class ReleaseBody(Body):
    site: str = Field(description="Cơ sở đã gửi / The site that sent it")
