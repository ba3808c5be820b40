"""Words our documents print, in both languages."""

from dataclasses import dataclass
from typing import Final

from dicom_node.objects.content import DocumentKind, MarkKind

__all__ = [
    "ADVISORY",
    "ANNOTATIONS",
    "FOLLOWS",
    "KIND_TITLES",
    "LABELS",
    "MARK_KINDS",
    "SERIES_DESCRIPTION",
    "SEXES",
    "VALUE_LABELS",
    "Word",
    "revision",
]


@dataclass(frozen=True, slots=True)
class Word:
    vi: str
    en: str

    def in_language(self, language: str) -> str:
        return self.vi if language == "vi" else self.en


# Law 15/2023/QH15, articles 64 and 80: the treating doctor decides and stays responsible
ADVISORY: Final = Word(
    "Ý kiến tư vấn — bác sĩ điều trị quyết định và chịu trách nhiệm.",
    "Advisory opinion — the treating doctor decides and stays responsible.",
)
SERIES_DESCRIPTION: Final = Word("Ý kiến hội chẩn từ xa", "Remote consult opinion")
ANNOTATIONS: Final = Word("Nét vẽ của ý kiến hội chẩn", "Annotations of the consult opinion")
KEY_IMAGES: Final = Word("Ảnh then chốt của ý kiến hội chẩn", "Key images of the consult opinion")

KIND_TITLES: Final = {
    DocumentKind.PRELIMINARY: Word("Kết luận sơ bộ", "Preliminary conclusion"),
    DocumentKind.FINAL: Word("Kết luận chính thức", "Final conclusion"),
    DocumentKind.ADDENDUM: Word("Báo cáo bổ sung", "Addendum"),
    DocumentKind.AMENDED: Word("Báo cáo sửa đổi", "Amended report"),
}

# what a new version does to the one before it
FOLLOWS: Final = {
    DocumentKind.FINAL: Word(
        "Thay cho kết luận sơ bộ (phiên bản {previous}).",
        "Takes the place of the preliminary conclusion (version {previous}).",
    ),
    DocumentKind.ADDENDUM: Word(
        "Bổ sung cho phiên bản {previous}; phiên bản đó vẫn có giá trị.",
        "Adds to version {previous}, which stays valid.",
    ),
    DocumentKind.AMENDED: Word(
        "Sửa đổi và thay thế phiên bản {previous}.", "Corrects and replaces version {previous}."
    ),
}

MARK_KINDS: Final = {
    MarkKind.LENGTH: Word("khoảng cách", "length"),
    MarkKind.ANGLE: Word("góc", "angle"),
    MarkKind.ELLIPSE: Word("vùng elip", "elliptical region"),
    MarkKind.RECTANGLE: Word("vùng chữ nhật", "rectangular region"),
    MarkKind.PROBE: Word("điểm đo", "probe"),
    MarkKind.ARROW: Word("mũi tên", "arrow"),
    MarkKind.POINT: Word("điểm", "point"),
    MarkKind.POLYLINE: Word("đường gấp khúc", "polyline"),
    MarkKind.POLYGON: Word("vùng đa giác", "polygonal region"),
    MarkKind.FREEHAND: Word("đường tự do", "freehand line"),
    MarkKind.COUNTER: Word("đếm", "count"),
    MarkKind.TEXT: Word("chữ", "text"),
    MarkKind.RESULT: Word("kết quả phân tích", "result of an analysis"),
}

VALUE_LABELS: Final = {
    "length": Word("Độ dài", "Length"),
    "angle": Word("Góc", "Angle"),
    "area": Word("Diện tích", "Area"),
    "mean": Word("Trung bình", "Mean"),
    "standard_deviation": Word("Độ lệch chuẩn", "SD"),
    "minimum": Word("Nhỏ nhất", "Minimum"),
    "maximum": Word("Lớn nhất", "Maximum"),
    "value": Word("Giá trị", "Value"),
    "count": Word("Số lượng", "Count"),
    "density": Word("Mật độ", "Density"),
}

SEXES: Final = {"M": Word("Nam", "Male"), "F": Word("Nữ", "Female"), "O": Word("Khác", "Other")}

# labels of the printed page
LABELS: Final = {
    "consulted": Word("Cơ sở tư vấn", "Consulting hospital"),
    "requesting": Word("Cơ sở yêu cầu", "Requesting hospital"),
    "number": Word("Mã ca", "Case"),
    "version": Word("Phiên bản", "Version"),
    "patient": Word("Người bệnh", "Patient"),
    "name": Word("Họ và tên", "Name"),
    "patient_id": Word("Mã người bệnh", "Patient ID"),
    "birth": Word("Ngày sinh", "Date of birth"),
    "sex": Word("Giới tính", "Sex"),
    "study": Word("Kỹ thuật", "Examination"),
    "study_date": Word("Ngày chụp", "Examination date"),
    "requester": Word("Bác sĩ yêu cầu", "Requested by"),
    "accession": Word("Số phiếu chỉ định", "Accession number"),
    "request": Word("Yêu cầu hội chẩn", "Request"),
    "answers": Word("Trả lời từng câu hỏi", "Questions and answers"),
    "measurements": Word("Số đo", "Measurements"),
    "mark": Word("Dấu", "Mark"),
    "value": Word("Kết quả", "Result"),
    "method": Word("Cách đo", "Method"),
    "author": Word("Người đo", "By"),
    "by_hand": Word("đo tay", "by hand"),
    "images": Word("Ảnh then chốt", "Key images"),
    "image": Word("Ảnh", "Image"),
    "frame": Word("khung", "frame"),
    "signed": Word("Bác sĩ tư vấn", "Consulting doctor"),
    "confirmed": Word("xác nhận điện tử", "electronic confirmation"),
    "licence": Word("Số giấy phép hành nghề", "Licence number"),
    "hash": Word("SHA-256 của nội dung đã ký", "SHA-256 of the signed content"),
    "page": Word("Trang", "Page"),
    "not_final": Word(
        "Kết luận sơ bộ — có thể thay đổi trong kết luận chính thức.",
        "Preliminary — may change in the final conclusion.",
    ),
    "boxes": Word(
        "Dấu □ thay cho ký tự không in được; bản SR giữ nguyên văn.",
        "□ stands for a character that could not be printed; the SR has the full text.",
    ),
}


def revision(kind: DocumentKind, version: int, reason: str, language: str) -> str:
    """What this version does to the former, and why; empty for a first version."""
    if version < 2 or kind not in FOLLOWS:
        return reason.strip()
    follows = FOLLOWS[kind].in_language(language).format(previous=version - 1)
    return f"{follows} {reason.strip()}".strip()
