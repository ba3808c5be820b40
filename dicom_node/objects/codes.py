"""Codes of our documents. Meanings of our own scheme exist in both languages.

``99HOICHAN`` marks a private coding scheme (PS3.3 8.2); the documents that use it say whose it is.
"""

import hashlib
from typing import Final

from pydicom.sr.coding import Code

from dicom_node.objects.text import code_meaning

__all__ = ["PRIVATE_SCHEME", "SECTION_TEXT", "UNITS", "VALUE_NAMES"]

PRIVATE_SCHEME: Final = "99HOICHAN"

DIAGNOSTIC_IMAGING_REPORT: Final = Code("18748-4", "LN", "Diagnostic imaging report")
IMAGING_MEASUREMENT_REPORT: Final = Code("126000", "DCM", "Imaging Measurement Report")
IMAGING_MEASUREMENTS: Final = Code("126010", "DCM", "Imaging Measurements")
IMAGING_PROCEDURE: Final = Code("363679005", "SCT", "Imaging procedure")
MICROSCOPY: Final = Code("117259009", "SCT", "Microscopy")
COMPUTED_TOMOGRAPHY: Final = Code("77477000", "SCT", "Computed tomography")
OF_INTEREST: Final = Code("113000", "DCM", "Of Interest")
KEY_OBJECT_DESCRIPTION: Final = Code("113012", "DCM", "Key Object Description")
KEY_IMAGES: Final = Code("121180", "DCM", "Key Images")
REQUEST: Final = Code("121062", "DCM", "Request")
FINDING: Final = Code("121071", "DCM", "Finding")
FINDINGS: Final = Code("121070", "DCM", "Findings")
COMMENT: Final = Code("121106", "DCM", "Comment")
SUMMARY: Final = Code("121111", "DCM", "Summary")
PROCEDURE_REPORTED: Final = Code("121058", "DCM", "Procedure reported")
SOURCE: Final = Code("260753009", "SCT", "Source")
SOURCE_OF_MEASUREMENT: Final = Code("121112", "DCM", "Source of Measurement")
LANGUAGE: Final = Code("121049", "DCM", "Language of Content Item and Descendants")
COUNTRY: Final = Code("121046", "DCM", "Country of Language")

ADVISORY: Final = Code("ADVISORY", PRIVATE_SCHEME, "Advisory opinion")
QUESTIONS: Final = Code("QUESTIONS", PRIVATE_SCHEME, "Questions and answers")
QUESTION: Final = Code("QUESTION", PRIVATE_SCHEME, "Question")
ANSWER: Final = Code("ANSWER", PRIVATE_SCHEME, "Answer")
CASE_NUMBER: Final = Code("CASENUMBER", PRIVATE_SCHEME, "Consult case number")
VERSION: Final = Code("VERSION", PRIVATE_SCHEME, "Version of the opinion")
REVISION: Final = Code("REVISION", PRIVATE_SCHEME, "Change from the former version")
CONTENT_HASH: Final = Code("CONTENTHASH", PRIVATE_SCHEME, "SHA-256 of the signed content")
MEASUREMENTS: Final = Code("MEASUREMENTS", PRIVATE_SCHEME, "Measurements")
ASSESSMENT: Final = Code("ASSESSMENT", PRIVATE_SCHEME, "Assessment")
CONCORDANCE: Final = Code("CONCORDANCE", PRIVATE_SCHEME, "Concordance with the local reading")
TRANSFER: Final = Code("TRANSFER", PRIVATE_SCHEME, "Recommendation on transfer")
SECTION: Final = Code("SECTION", PRIVATE_SCHEME, "Section")
PIXEL_VALUE: Final = Code("PIXELVALUE", PRIVATE_SCHEME, "Pixel value")
MEASURED_VALUE: Final = Code("VALUE", PRIVATE_SCHEME, "Measured value")
COUNT: Final = Code("COUNT", PRIVATE_SCHEME, "Number of marked objects")
COUNT_DENSITY: Final = Code("COUNTDENSITY", PRIVATE_SCHEME, "Marked objects per area")

# heading (CID 7001) → concept of the text below it (CID 7002)
SECTION_TEXT: Final = {
    FINDINGS: FINDING,
    Code("121076", "DCM", "Conclusions"): Code("121077", "DCM", "Conclusion"),
    Code("121074", "DCM", "Recommendations"): Code("121075", "DCM", "Recommendation"),
    Code("121072", "DCM", "Impressions"): Code("121073", "DCM", "Impression"),
    Code("121064", "DCM", "Current Procedure Descriptions"): Code(
        "121065", "DCM", "Procedure Description"
    ),
}

CONCLUSIONS: Final = frozenset(
    heading for heading in SECTION_TEXT if heading.value in ("121072", "121076")
)

ATTENUATION: Final = Code("112031", "DCM", "Attenuation Coefficient")
LENGTH: Final = Code("410668003", "SCT", "Length")
ANGLE: Final = Code("1483009", "SCT", "Angle")
AREA: Final = Code("42798000", "SCT", "Area")
MEAN: Final = Code("373098007", "SCT", "Mean")
STANDARD_DEVIATION: Final = Code("386136009", "SCT", "Standard Deviation")
MINIMUM: Final = Code("255605001", "SCT", "Minimum")
MAXIMUM: Final = Code("56851009", "SCT", "Maximum")

HOUNSFIELD: Final = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
MICROMETRE: Final = Code("um", "UCUM", "um")
SQUARE_MICROMETRE: Final = Code("um2", "UCUM", "um2")
NO_UNITS: Final = Code("1", "UCUM", "no units")

# what people and viewers write → UCUM
UNITS: Final = {
    "mm": Code("mm", "UCUM", "mm"),
    "cm": Code("cm", "UCUM", "cm"),
    "um": MICROMETRE,
    "mm2": Code("mm2", "UCUM", "mm2"),
    "mm²": Code("mm2", "UCUM", "mm2"),
    "cm2": Code("cm2", "UCUM", "cm2"),
    "um2": SQUARE_MICROMETRE,
    "/mm2": Code("/mm2", "UCUM", "per square millimeter"),
    "deg": Code("deg", "UCUM", "degree"),
    "°": Code("deg", "UCUM", "degree"),
    "HU": HOUNSFIELD,
    "[hnsf'U]": HOUNSFIELD,
    "ml": Code("ml", "UCUM", "ml"),
    "mL": Code("ml", "UCUM", "ml"),
    "%": Code("%", "UCUM", "percent"),
    "s": Code("s", "UCUM", "s"),
    "1": NO_UNITS,
    "": NO_UNITS,
    "px": Code("{pixels}", "UCUM", "pixels"),
    "{pixel}": Code("{pixels}", "UCUM", "pixels"),
    "{pixels}": Code("{pixels}", "UCUM", "pixels"),
    "{count}": Code("{count}", "UCUM", "count"),
}

# name of a drawn number → (concept, derivation); the concept of an intensity follows its unit
VALUE_NAMES: Final[dict[str, tuple[Code | None, Code | None]]] = {
    "length": (LENGTH, None),
    "angle": (ANGLE, None),
    "area": (AREA, None),
    "mean": (None, MEAN),
    "standard_deviation": (None, STANDARD_DEVIATION),
    "minimum": (None, MINIMUM),
    "maximum": (None, MAXIMUM),
    "value": (None, None),
    "count": (COUNT, None),
    "density": (COUNT_DENSITY, None),
}

# key → (code value, Vietnamese, English)
_CONCORDANCE = {
    "concordant": ("CONC-FULL", "Đồng thuận", "Concordant"),
    "minor": ("CONC-MINOR", "Khác biệt nhỏ", "Minor discrepancy"),
    "major": ("CONC-MAJOR", "Khác biệt lớn", "Major discrepancy"),
    "not_applicable": (
        "CONC-NONE",
        "Không có kết quả tại chỗ để so sánh",
        "No local reading to compare",
    ),
}
_TRANSFER = {
    "none": ("TRANS-NO", "Không đề nghị chuyển", "Transfer not recommended"),
    "recommended": ("TRANS-YES", "Đề nghị chuyển", "Transfer recommended"),
    "urgent": ("TRANS-URGENT", "Đề nghị chuyển khẩn", "Urgent transfer recommended"),
}
# what a heading says in a Vietnamese text report; codes stay what they are (PS3.3 8.3)
_VIETNAMESE = {
    DIAGNOSTIC_IMAGING_REPORT: "Kết quả hội chẩn hình ảnh từ xa",
    REQUEST: "Yêu cầu hội chẩn",
    FINDING: "Mô tả",
    COMMENT: "Ghi chú",
    KEY_IMAGES: "Ảnh then chốt",
    Code("121077", "DCM", "Conclusion"): "Kết luận",
    Code("121075", "DCM", "Recommendation"): "Đề nghị",
    Code("121073", "DCM", "Impression"): "Nhận định",
    Code("121065", "DCM", "Procedure Description"): "Kỹ thuật",
    ADVISORY: "Ý kiến tư vấn",
    QUESTIONS: "Trả lời từng câu hỏi",
    QUESTION: "Câu hỏi",
    ANSWER: "Trả lời",
    CASE_NUMBER: "Mã ca hội chẩn",
    VERSION: "Phiên bản ý kiến",
    REVISION: "Thay đổi so với phiên bản trước",
    CONTENT_HASH: "SHA-256 của nội dung đã ký",
    MEASUREMENTS: "Số đo",
    ASSESSMENT: "Đánh giá chung",
    CONCORDANCE: "So với kết quả đọc tại chỗ",
    TRANSFER: "Đề nghị chuyển cơ sở",
}


def localized(code: Code, language: str) -> Code:
    """The code with its meaning in `language`, where we have it."""
    if language == "vi" and code in _VIETNAMESE:
        return Code(code.value, code.scheme_designator, _VIETNAMESE[code])
    return code


def class_code(name: str) -> Code:
    """A code of our own for a class of drawings that a reader named."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:10].upper()
    return Code(f"CLASS-{digest}", PRIVATE_SCHEME, code_meaning(name))


def assessment(of: Code, key: str, language: str) -> Code:
    """The coded answer of concordance or transfer; an unknown key stands for itself."""
    table = _CONCORDANCE if of == CONCORDANCE else _TRANSFER
    value, vi, en = table.get(key, ("OTHER", key, key))
    return Code(value, PRIVATE_SCHEME, code_meaning(vi if language == "vi" else en))


def intensity(unit: Code) -> Code:
    """The concept of a pixel statistic: attenuation where the unit is HU."""
    return ATTENUATION if unit == HOUNSFIELD else PIXEL_VALUE
