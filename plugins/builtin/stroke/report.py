"""Report template of a stroke CT: fields of a stroke read, prefilled from confirmed results only.

Windows and limits of treatment stay with the guideline (QĐ 3312/QĐ-BYT, 05/11/2024): the template
asks for what it needs and decides nothing.
"""

from collections.abc import Mapping, Sequence

from pydicom.sr.coding import Code

from plugins.builtin.stroke.series import Role, candidates
from plugins.contributions import ReportTemplate
from plugins.nouns import Case, Section, Study, Text
from plugins.reader import language
from plugins.results import ConfirmedResult, Result, Value

__all__ = ["TEMPLATE"]

FINDINGS = Code("121070", "DCM", "Findings")

SECTIONS = (
    Section(
        "technique",
        Text("Kỹ thuật", "Technique"),
        Code("121064", "DCM", "Current Procedure Descriptions"),
        placeholder=Text(
            "CLVT không tiêm / mạch máu / tưới máu; bề dày lát, nghiêng, cử động, phủ hết não…",
            "Non-contrast / angiography / perfusion; thickness, tilt, motion, whole brain covered…",
        ),
    ),
    Section(
        "haemorrhage",
        Text("Chảy máu", "Haemorrhage"),
        FINDINGS,
        required=True,
        placeholder=Text(
            "Không / có / chưa rõ; trong não, não thất, dưới nhện, dưới hay ngoài màng cứng; "
            "vị trí, bên, thể tích mL (phương pháp), tràn não thất…",
            "Absent / present / indeterminate; intracerebral, ventricular, subarachnoid, subdural, "
            "extradural; site, side, volume mL (method), ventricular extension…",
        ),
    ),
    Section(
        "ischaemia",
        Text("Thiếu máu", "Ischaemia"),
        FINDINGS,
        required=True,
        placeholder=Text(
            "Bên; dấu hiệu sớm; ASPECTS từng vùng và tổng; tăng đậm động mạch; nhồi máu cũ…",
            "Side; early signs; ASPECTS by region and total; hyperdense artery; old infarcts…",
        ),
    ),
    Section(
        "mass_effect",
        Text("Hiệu ứng khối", "Mass effect"),
        FINDINGS,
        placeholder=Text(
            "Lệch đường giữa mm, não thất, não úng thủy, tụt kẹt…",
            "Midline shift mm, ventricles, hydrocephalus, herniation…",
        ),
    ),
    Section(
        "vessels",
        Text("Mạch máu (CTA)", "Vessels (CTA)"),
        FINDINGS,
        placeholder=Text(
            "Vị trí tắc, bên; tổn thương nối tiếp; tuần hoàn bàng hệ (Tan 0–3 / mCTA); "
            "phình mạch; cổ, quai chủ…",
            "Occlusion site, side; tandem lesion; collaterals (Tan 0–3 / mCTA); aneurysm; "
            "neck, arch…",
        ),
    ),
    Section(
        "perfusion",
        Text("Tưới máu (CTP)", "Perfusion (CTP)"),
        FINDINGS,
        placeholder=Text(
            "Chất lượng; thể tích CBF < 30 %, Tmax > 6 s; chênh lệch; ngưỡng và phần mềm…",
            "Quality; volumes CBF < 30 %, Tmax > 6 s; mismatch; thresholds and software…",
        ),
    ),
    Section(
        "other",
        Text("Khác", "Other findings"),
        FINDINGS,
        placeholder=Text(
            "Bệnh giả đột quỵ, phát hiện tình cờ, xương sọ, so với phim cũ…",
            "Stroke mimic, incidental findings, skull, comparison…",
        ),
    ),
    Section(
        "conclusion",
        Text("Kết luận", "Conclusion"),
        Code("121076", "DCM", "Conclusions"),
        required=True,
        placeholder=Text("Chẩn đoán hình ảnh…", "Imaging diagnosis…"),
    ),
    Section(
        "recommendation",
        Text("Đề nghị", "Recommendation"),
        Code("121074", "DCM", "Recommendations"),
        placeholder=Text(
            "Xử trí tại chỗ / chuyển cơ sở; chụp lại lúc nào…",
            "Treat here / transfer; when to scan again…",
        ),
    ),
    Section(
        "communication",
        Text("Báo kết quả khẩn", "Critical result"),
        FINDINGS,
        placeholder=Text(
            "Đã báo cho ai, lúc nào, đọc lại lúc nào…", "Told to whom, when, read back when…"
        ),
    ),
)

CAUTION = Text(
    "Số đo có máy tính hỗ trợ, chỉ để hỗ trợ quyết định; người ký đã xem ảnh và xác nhận.",
    "Computer-assisted measurements, decision support only; seen and confirmed by the undersigned.",
)
# value keys of the non-contrast analysis that belong to a section, by the start of their group
HAEMORRHAGE_GROUP, HYPODENSITY_GROUP, VESSEL_GROUP = "haemorrhage", "hypodensity", "vessel"
MASS_EFFECT_GROUP = "midline"


def wants(study: Study) -> bool:
    """A head CT with a non-contrast, angiography or perfusion series."""
    return any(candidates(study, role) for role in Role)


def draft(case: Case) -> Mapping[str, str]:
    """What readers have confirmed, as sentences; nothing else is ever filled in."""
    texts = dict.fromkeys((section.key for section in SECTIONS), "")
    plain = case.result("stroke_ncct")
    if plain is not None:
        texts["technique"] = _technique(plain)
        texts["haemorrhage"] = _sentences(plain, HAEMORRHAGE_GROUP)
        texts["ischaemia"] = _sentences(plain, HYPODENSITY_GROUP, VESSEL_GROUP)
        texts["mass_effect"] = _sentences(plain, MASS_EFFECT_GROUP, "ventricles")
    scores = case.result("stroke_aspects")
    if scores is not None:
        parts = [_sentences(scores, "aspects", "pc_aspects"), texts["ischaemia"]]
        texts["ischaemia"] = "\n".join(part for part in parts if part)
    for section, analysis in (("vessels", "stroke_cta"), ("perfusion", "stroke_ctp")):
        found = case.result(analysis)
        if found is not None:
            texts[section] = _everything(found)
    return {
        key: f"{text}\n{_in(CAUTION)}" if text and key != "technique" else text
        for key, text in texts.items()
    }


def _technique(confirmed: ConfirmedResult) -> str:
    result = confirmed.result
    reasons = [_in(reason) for reason in result.reasons]
    return ". ".join(part for part in (_in(result.reason), *reasons) if part)


def _sentences(confirmed: ConfirmedResult, *starts: str) -> str:
    """One line a group of values whose name begins so."""
    result = confirmed.result
    groups: dict[str, list[Value]] = {}
    for value in result.values:
        if value.group.startswith(starts) and not _is_rejected(confirmed, value.group):
            groups.setdefault(value.group, []).append(value)
    return "\n".join(_line(values) for values in groups.values())


def _everything(confirmed: ConfirmedResult) -> str:
    shown: Sequence[Value] = [v for v in confirmed.result.values if v.value is not None or v.note]
    lines = [_shown(value) for value in shown]
    return "\n".join([*lines, _method(confirmed.result)])


def _method(result: Result) -> str:
    words = Text("Phần mềm", "Software")
    return f"{_in(words)}: hoichan {result.analysis} {result.version}."


def _line(values: Sequence[Value]) -> str:
    title = next((v.group_label for v in values if v.group_label is not None), None)
    body = "; ".join(_shown(value) for value in values)
    return f"{_in(title)}: {body}." if title is not None else f"{body}."


def _shown(value: Value) -> str:
    label = _in(value.label)
    if value.value is None:
        words = _in(value.note) or _in(Text("không đo được", "not measurable"))
        return f"{label}: {words}"
    unit = "" if value.unit.value in ("1", "{score}", "{ratio}") else f" {value.unit.meaning}"
    number = f"{value.value:.{value.digits}f}"
    if value.low is not None and value.high is not None and value.low != value.high:
        number = f"{number} ({value.low:.{value.digits}f}–{value.high:.{value.digits}f})"
    if language() == "vi":
        number = number.replace(".", ",")
    method = f" [{_in(value.method)}]" if value.method else ""
    return f"{label} {number}{unit}{method}"


def _is_rejected(confirmed: ConfirmedResult, group: str) -> bool:
    return group in (confirmed.edits.get("rejected") or ())


def _in(text: Text | None) -> str:
    return "" if text is None else text.in_language(language())


TEMPLATE = ReportTemplate(
    "stroke",
    Text("Đột quỵ – CLVT sọ não", "Stroke – head CT"),
    wants=wants,
    sections=SECTIONS,
    draft=draft,
    precedence=10,
)
