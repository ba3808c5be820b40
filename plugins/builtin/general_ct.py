"""Report template for any CT: technique, findings, conclusion, recommendation."""

from collections.abc import Iterator, Mapping

from pydicom.sr.coding import Code

from plugins.contributions import Contribution, ReportTemplate
from plugins.nouns import Case, Section, Study, Text

__all__ = ["contribute"]

# headings of PS3.16 CID 7001
SECTIONS = (
    Section(
        key="technique",
        title=Text("Kỹ thuật", "Technique"),
        code=Code("121064", "DCM", "Current Procedure Descriptions"),
        placeholder=Text(
            "Vùng chụp, thuốc cản quang, bề dày lát, chất lượng ảnh…",
            "Region, contrast agent, slice thickness, image quality…",
        ),
    ),
    Section(
        key="findings",
        title=Text("Mô tả hình ảnh", "Findings"),
        code=Code("121070", "DCM", "Findings"),
        required=True,
        placeholder=Text("Những gì thấy trên phim…", "What the images show…"),
    ),
    Section(
        key="conclusion",
        title=Text("Kết luận", "Conclusion"),
        code=Code("121076", "DCM", "Conclusions"),
        required=True,
        placeholder=Text("Chẩn đoán hình ảnh…", "Imaging diagnosis…"),
    ),
    Section(
        key="recommendation",
        title=Text("Đề nghị", "Recommendation"),
        code=Code("121074", "DCM", "Recommendations"),
        placeholder=Text(
            "Hướng xử trí, chụp thêm, theo dõi, chuyển cơ sở…",
            "Management, further imaging, follow-up, transfer…",
        ),
    ),
)


def wants(study: Study) -> bool:
    return "CT" in study.modalities


def draft(case: Case) -> Mapping[str, str]:
    """Start empty: a text nobody wrote must not be signed by accident."""
    return {section.key: "" for section in SECTIONS}


def contribute() -> Iterator[Contribution]:
    yield ReportTemplate(
        "general_ct",
        Text("Cắt lớp vi tính (chung)", "Computed tomography (general)"),
        wants=wants,
        sections=SECTIONS,
        draft=draft,
    )
