"""Report templates of pathology: one for anything, and three whose placeholders list what a report
of that biopsy has to answer, in our own words.

What programs counted is filled in only when a reader has confirmed it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pydicom.sr.coding import Code

from plugins.contributions import ReportTemplate
from plugins.nouns import Case, Section, Study, Text
from plugins.reader import language
from plugins.results import ConfirmedResult, Value

__all__ = ["SECTIONS", "TEMPLATES"]

FINDINGS: Final = Code("121070", "DCM", "Findings")
CONCLUSIONS: Final = Code("121076", "DCM", "Conclusions")
RECOMMENDATIONS: Final = Code("121074", "DCM", "Recommendations")
PROCEDURE: Final = Code("121064", "DCM", "Current Procedure Descriptions")

SECTIONS: Final = (
    Section(
        "specimen",
        Text("Bệnh phẩm và tiêu bản đã xem", "Specimens and slides reviewed"),
        PROCEDURE,
        required=True,
        placeholder=Text(
            "Vị trí, cách lấy, ngày lấy; số khối nến, số tiêu bản, phương pháp nhuộm; từng cái: "
            "mã, độ phóng đại quét (µm/pixel)…",
            "Site, procedure, date; blocks, slides, stains; of each slide: name, scan resolution "
            "(µm a pixel)…",
        ),
    ),
    Section(
        "adequacy",
        Text("Chất lượng mẫu và tiêu bản", "Adequacy"),
        FINDINGS,
        placeholder=Text(
            "Đủ / hạn chế / không đủ để chẩn đoán; lý do (ít mô, dập nát, mờ, gấp, nhuộm)…",
            "Adequate / limited / inadequate for diagnosis; why (scant, crushed, out of focus, "
            "folded, stain)…",
        ),
    ),
    Section(
        "gross",
        Text("Đại thể", "Gross findings"),
        FINDINGS,
        placeholder=Text(
            "Theo mô tả của nơi gửi: kích thước, số mảnh, màu sắc, mật độ…",
            "As described by the sender: size, pieces, colour, consistency…",
        ),
    ),
    Section(
        "microscopy",
        Text("Vi thể", "Microscopy"),
        FINDINGS,
        required=True,
        placeholder=Text("Cấu trúc, tế bào, mô đệm…", "Architecture, cells, stroma…"),
    ),
    Section(
        "diagnosis",
        Text("Chẩn đoán mô bệnh học (từng bệnh phẩm)", "Diagnosis, specimen by specimen"),
        CONCLUSIONS,
        required=True,
        placeholder=Text("A. …\nB. …", "A. …\nB. …"),
    ),
    Section(
        "classification",
        Text("Típ và độ (WHO)", "WHO type and grade"),
        CONCLUSIONS,
        placeholder=Text(
            "Típ mô học, độ, hệ phân độ và lần xuất bản…",
            "Histological type, grade, grading system and edition…",
        ),
    ),
    Section(
        "invasion",
        Text("Xâm nhập, diện cắt, mạch, thần kinh", "Invasion, margins, LVI, PNI"),
        FINDINGS,
        placeholder=Text(
            "Xâm nhập đến đâu; diện cắt (mm); xâm nhập mạch (LVI); quanh thần kinh (PNI): có / "
            "không / không đánh giá được…",
            "Extent of invasion; margins (mm); lymphovascular (LVI), perineural (PNI): present / "
            "absent / cannot be assessed…",
        ),
    ),
    Section(
        "mitoses",
        Text("Phân bào trên mm²", "Mitoses per mm²"),
        FINDINGS,
        placeholder=Text(
            "Số phân bào, diện tích đếm (mm²), số/mm²…", "Mitoses, area counted (mm²), per mm²…"
        ),
    ),
    Section(
        "ki67",
        Text("Ki-67", "Ki-67"),
        FINDINGS,
        placeholder=Text(
            "%; số nhân đếm (nên ≥ 500); cách chọn vùng…",
            "%; nuclei counted (500 or more); how the region was chosen…",
        ),
    ),
    Section(
        "ihc",
        Text("Hóa mô miễn dịch", "Immunohistochemistry"),
        FINDINGS,
        placeholder=Text(
            "Mỗi dòng: dấu ấn | dòng kháng thể | kết quả | % | cường độ | chứng",
            "A line each: marker | clone | result | % | intensity | control",
        ),
    ),
    Section(
        "differential",
        Text("Chẩn đoán phân biệt, bàn luận", "Differential and discussion"),
        FINDINGS,
        placeholder=Text(
            "Chẩn đoán phân biệt; so với chẩn đoán tại chỗ…",
            "Differential; compared with the local diagnosis…",
        ),
    ),
    Section(
        "confidence",
        Text("Mức độ chắc chắn", "Confidence"),
        CONCLUSIONS,
        required=True,
        placeholder=Text(
            "Xác định / nghĩ nhiều đến / gợi ý / không đủ để chẩn đoán",
            "Definite / most likely / suggestive / insufficient for diagnosis",
        ),
    ),
    Section(
        "defer_to_glass",
        Text("Cần xem lam kính", "Defer to glass"),
        RECOMMENDATIONS,
        placeholder=Text(
            "Không / có: tiêu bản nào, vì sao (lấy nét, độ phóng đại, vi khuẩn, phân bào…)",
            "No / yes: which slides, why (focus, magnification, organisms, mitoses…)",
        ),
    ),
    Section(
        "stains",
        Text("Đề nghị nhuộm thêm", "Further stains requested"),
        RECOMMENDATIONS,
        placeholder=Text(
            "Cắt sâu, hóa mô miễn dịch, nhuộm đặc biệt, sinh học phân tử; trên block nào…",
            "Deeper levels, immunohistochemistry, special stains, molecular tests; on which block…",
        ),
    ),
    Section(
        "recommendation",
        Text("Đề nghị", "Recommendation"),
        RECOMMENDATIONS,
        placeholder=Text(
            "Sinh thiết lại, gửi khối nến hoặc lam kính, hội chẩn đa chuyên khoa, chuyển tuyến…",
            "Repeat biopsy, send block or glass, multidisciplinary meeting, transfer…",
        ),
    ),
)

# section key -> placeholder, where a biopsy asks for more than the general template
BREAST: Final = {
    "specimen": Text(
        "Bên; vị trí (múi giờ, cách núm vú mm); sinh thiết lõi kim / hút chân không; số lõi, chiều "
        "dài mm; vôi hóa trên phim lấy mẫu; hướng dẫn hình ảnh…",
        "Side; site (clock, mm from nipple); core or vacuum-assisted; cores, length mm; "
        "calcifications on specimen radiograph; guidance…",
    ),
    "microscopy": Text(
        "Tổn thương xâm nhập: có/không; ống, nhân, phân bào; tại chỗ (DCIS): kiểu, độ nhân, hoại "
        "tử; vôi hóa nằm ở đâu; tân sản thùy; mô vú quanh u; TIL…",
        "Invasive: present/absent; tubules, nuclei, mitoses; in situ (DCIS): pattern, nuclear "
        "grade, necrosis; where calcifications lie; lobular neoplasia; surrounding tissue; TIL…",
    ),
    "classification": Text(
        "Típ xâm nhập; độ Nottingham = ống 1–3 + nhân 1–3 + phân bào 1–3 (ghi diện tích đếm); "
        "DCIS: độ nhân thấp / trung gian / cao; nhóm B1–B5…",
        "Invasive type; Nottingham = tubules 1–3 + nuclei 1–3 + mitoses 1–3 (state the area "
        "counted); DCIS: low / intermediate / high nuclear grade; category B1–B5…",
    ),
    "invasion": Text(
        "Chiều dài u xâm nhập lớn nhất trên một lõi (mm); vi xâm nhập; LVI; diện cắt không đánh "
        "giá trên sinh thiết lõi…",
        "Longest invasive focus in one core (mm); microinvasion; LVI; margins are not assessed on "
        "cores…",
    ),
    "ihc": Text(
        "ER: % và cường độ | PR: % và cường độ | HER2: 0 / 1+ / 2+ (ISH?) / 3+ | Ki-67: % | cơ "
        "biểu mô (p63, SMMHC) nếu nghi xâm nhập; mỗi dòng: dấu ấn | dòng | kết quả | %",
        "ER: % and intensity | PR: % and intensity | HER2: 0 / 1+ / 2+ (ISH?) / 3+ | Ki-67: % | "
        "myoepithelium (p63, SMMHC) if invasion is in doubt; a line each: marker | clone | result "
        "| %",
    ),
}
GASTRIC: Final = {
    "specimen": Text(
        "Vị trí: hang vị / góc bờ cong nhỏ / thân vị / tâm vị / tổn thương; số mảnh từng lọ; hình "
        "ảnh nội soi; thuốc ức chế bơm proton, kháng sinh gần đây…",
        "Site: antrum / incisura / body / cardia / lesion; pieces a pot; endoscopy; recent proton "
        "pump inhibitor or antibiotics…",
    ),
    "microscopy": Text(
        "Từng vị trí: viêm mạn (0–3), hoạt động (0–3), teo tuyến (0–3), dị sản ruột (0–3, típ), "
        "H. pylori (0–3, phương pháp nhuộm); loét; loạn sản; u…",
        "Site by site: chronic inflammation (0–3), activity (0–3), atrophy (0–3), intestinal "
        "metaplasia (0–3, type), H. pylori (0–3, by which stain); ulcer; dysplasia; tumour…",
    ),
    "classification": Text(
        "Viêm: giai đoạn OLGA / OLGIM khi đủ mẫu; loạn sản: không / không xác định / độ thấp / độ "
        "cao; carcinôm: típ WHO, Laurén (ruột / lan tỏa / hỗn hợp), độ biệt hóa…",
        "Gastritis: OLGA / OLGIM stage when sampling allows; dysplasia: none / indefinite / low "
        "grade / high grade; carcinoma: WHO type, Laurén (intestinal / diffuse / mixed), grade…",
    ),
    "invasion": Text(
        "Xâm nhập: không / nghi ngờ / lớp đệm niêm mạc / ít nhất lớp cơ niêm hoặc sâu hơn; LVI…",
        "Invasion: none / suspected / lamina propria / muscularis mucosae or deeper; LVI…",
    ),
    "ihc": Text(
        "Khi carcinôm: HER2 (0–3+, ISH nếu 2+), MMR (MLH1, PMS2, MSH2, MSH6), PD-L1 (CPS), EBER; "
        "cytokeratin nếu nghi tế bào nhẫn; mỗi dòng: dấu ấn | dòng | kết quả | %",
        "In carcinoma: HER2 (0–3+, ISH if 2+), MMR (MLH1, PMS2, MSH2, MSH6), PD-L1 (CPS), EBER; "
        "cytokeratin if signet-ring cells are in doubt; a line each: marker | clone | result | %",
    ),
}
PROSTATE: Final = {
    "specimen": Text(
        "PSA; hệ thống / nhắm đích (PI-RADS, vị trí); từng lọ: bên, vùng, số lõi, chiều dài mm…",
        "PSA; systematic / targeted (PI-RADS, site); pot by pot: side, zone, cores, length mm…",
    ),
    "microscopy": Text(
        "Từng lọ: carcinôm có/không; số lõi có u / tổng số; mm u và % mỗi lõi; kiểu Gleason; sàng; "
        "ung thư nội ống (IDC-P); PIN độ cao; ASAP; viêm…",
        "Pot by pot: carcinoma present/absent; cores involved / total; mm and % of tumour a core; "
        "Gleason patterns; cribriform; intraductal (IDC-P); high-grade PIN; ASAP; inflammation…",
    ),
    "classification": Text(
        "Gleason nguyên phát + thứ phát = tổng; nhóm độ ISUP 1–5; % kiểu 4 khi 7; từng lọ và cao "
        "nhất; típ khác tuyến nang…",
        "Gleason primary + secondary = score; ISUP grade group 1–5; % of pattern 4 in 7; by pot "
        "and highest; other than acinar…",
    ),
    "invasion": Text(
        "Quanh thần kinh (PNI); mô mỡ ngoài tuyến; túi tinh; LVI: có / không…",
        "Perineural (PNI); extraprostatic fat; seminal vesicle; LVI: present / absent…",
    ),
    "ihc": Text(
        "Tế bào đáy (p63, CK 34βE12 / CK5/6), AMACR khi ổ nhỏ; mỗi dòng: dấu ấn | dòng | kết quả",
        "Basal cells (p63, 34βE12 / CK5/6), AMACR in small foci; a line each: marker | clone | "
        "result",
    ),
}

CAUTION: Final = Text(
    "Số đếm có máy tính hỗ trợ; người ký đã xem và xác nhận.",
    "Counted with a computer's help; seen and confirmed by the undersigned.",
)
# analysis -> section its confirmed values go to
PLACES: Final = {"slide_adequacy": "adequacy", "mitoses": "mitoses", "nuclei_count": "ki67"}


def wants(study: Study) -> bool:
    return "SM" in study.modalities


def draft(case: Case) -> Mapping[str, str]:
    """What readers have confirmed, line by line; nothing else is ever filled in."""
    texts = dict.fromkeys((section.key for section in SECTIONS), "")
    for analysis, key in PLACES.items():
        confirmed = case.result(analysis)
        if confirmed is not None:
            lines = _lines(confirmed)
            if lines:
                texts[key] = "\n".join([*lines, _in(CAUTION)])
    return texts


def _lines(confirmed: ConfirmedResult) -> list[str]:
    """One line a region, box or slide, and how it was measured."""
    result = confirmed.result
    rejected = confirmed.edits.get("rejected") or ()
    groups: dict[str, list[Value]] = {}
    for value in result.values:
        if value.group not in rejected:
            groups.setdefault(value.group, []).append(value)
    lines = [
        f"{_in(values[0].group_label)}: {'; '.join(map(_shown, values))}."
        for values in groups.values()
    ]
    lines += [f"{_in(reason)}." for reason in result.reasons if lines]
    choice = _choice(confirmed)
    return [*lines, choice] if choice and lines else lines


def _choice(confirmed: ConfirmedResult) -> str:
    """What the reader said about how the region was chosen."""
    for control in confirmed.result.controls:
        if control.key == "choice":
            words = next((text for key, text in control.choices if key == control.value), None)
            return f"{_in(control.label)}: {_in(words)}." if words else ""
    return ""


def _shown(value: Value) -> str:
    label = _in(value.label)
    if value.value is None:
        return f"{label}: {_in(value.note)}"
    unit = "" if value.unit.value.startswith("{") else f" {value.unit.meaning}"
    number = f"{value.value:.{value.digits}f}"
    if value.low is not None and value.high is not None:
        number += f" ({value.low:.{value.digits}f}–{value.high:.{value.digits}f})"
    if language() == "vi":
        number = number.replace(".", ",")
    note = f" ({_in(value.note)})" if value.note is not None else ""
    method = f" [{_in(value.method)}]" if value.method else ""
    return f"{label} {number}{unit}{note}{method}"


def _in(text: Text | None) -> str:
    return "" if text is None else text.in_language(language())


def _template(
    key: str, title: Text, placeholders: Mapping[str, Text], precedence: int
) -> ReportTemplate:
    return ReportTemplate(
        key,
        title,
        wants=wants,
        sections=tuple(
            replace(section, placeholder=placeholders.get(section.key, section.placeholder))
            for section in SECTIONS
        ),
        draft=draft,
        precedence=precedence,
    )


TEMPLATES: Final = (
    _template("pathology", Text("Giải phẫu bệnh", "Pathology"), {}, 10),
    _template(
        "pathology_breast",
        Text("Giải phẫu bệnh – sinh thiết vú", "Pathology – breast core biopsy"),
        BREAST,
        9,
    ),
    _template(
        "pathology_gastric",
        Text("Giải phẫu bệnh – sinh thiết dạ dày", "Pathology – gastric biopsy"),
        GASTRIC,
        8,
    ),
    _template(
        "pathology_prostate",
        Text("Giải phẫu bệnh – sinh thiết tuyến tiền liệt", "Pathology – prostate biopsy"),
        PROSTATE,
        7,
    ),
)
