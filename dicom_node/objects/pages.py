"""The printed opinion: PDF/A made by typst, the same bytes from the same opinion.

Layout is in ``pages.typ``; this module says what stands where, in the opinion's language. Text
goes in as data, never as markup, so nothing a person types can change the page.
"""

import json
import logging
from datetime import date, datetime
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

import typst
from pydicom.sr.coding import Code

from dicom_node.objects import codes, modules
from dicom_node.objects.content import DocumentKind, KeyImage, Mark, SignedOpinion
from dicom_node.objects.outlines import outlines
from dicom_node.objects.text import one_line, valid_date
from dicom_node.objects.typeface import FAMILIES, FONTS, MISSING, printable
from dicom_node.objects.values import describe_value
from dicom_node.objects.words import ADVISORY, KIND_TITLES, LABELS, MARK_KINDS, SEXES, revision

__all__ = ["PDF_STANDARD", "opinion_pdf", "opinion_pictures"]

# level a: tagged, so that a screen reader can read it, and archival (ISO 19005-2)
PDF_STANDARD: Final = "a-2a"

logger = logging.getLogger(__name__)

TEMPLATE: Final = Path(__file__).parent / "pages.typ"


def opinion_pdf(opinion: SignedOpinion) -> bytes:
    """Print the opinion.

    Pictures that are neither PNG nor JPEG are left out: a page without them says everything.
    """
    at = int(opinion.signed_at.timestamp())
    made: bytes = _typeset(opinion, pdf_standards=PDF_STANDARD, timestamp=at)
    return made


def opinion_pictures(opinion: SignedOpinion) -> list[bytes]:
    """The same pages as PNG pictures, 150 pixels an inch."""
    made: bytes | list[bytes] = _typeset(opinion, format="png", ppi=150.0)
    return made if isinstance(made, list) else [made]


def _typeset(opinion: SignedOpinion, **form: Any) -> Any:
    report = _printable(_report(opinion))
    report["boxes"] = MISSING in json.dumps(report, ensure_ascii=False)
    report["labels"] = {key: word.in_language(opinion.language) for key, word in LABELS.items()}
    try:
        return _compiled(report, [image.picture for image in opinion.key_images], form)
    except typst.TypstError:
        logger.exception("the page of %s fails with its pictures", opinion.content_hash)
        return _compiled(report, [b"" for _ in opinion.key_images], form)


def _compiled(report: dict[str, Any], pictures: list[bytes], form: dict[str, Any]) -> Any:
    inputs = {
        **report,
        "pictures": [list(picture) for picture in pictures],
        "shown": [bool(picture) for picture in pictures],
    }
    return typst.compile(
        TEMPLATE.read_bytes(),
        font_paths=typst.Fonts(include_system_fonts=False, font_paths=[str(FONTS)]),
        sys_inputs={"report": json.dumps(inputs, ensure_ascii=False)},
        **form,
    )


def _report(opinion: SignedOpinion) -> dict[str, Any]:
    language = opinion.language
    signed = modules.local_time(opinion)
    return {
        "language": "vi" if language == "vi" else "en",
        "fonts": list(FAMILIES),
        "title": one_line(opinion.title),
        "kind": KIND_TITLES[opinion.kind].in_language(language),
        "preliminary": opinion.kind is DocumentKind.PRELIMINARY,
        "advisory": ADVISORY.in_language(language),
        "version": str(opinion.version),
        "revision": revision(opinion.kind, opinion.version, opinion.reason, language),
        "institution": one_line(opinion.institution),
        "requesting": one_line(opinion.request.requesting_institution),
        "number": one_line(opinion.request.number, 64),
        "priority": opinion.request.priority,
        "patient": _patient(opinion),
        "request": {
            "reason": opinion.request.reason,
            "facts": [list(fact) for fact in opinion.request.facts if fact[1].strip()],
        },
        "answers": [{"question": a.question, "answer": a.answer} for a in opinion.answers],
        "sections": [
            {
                "title": one_line(passage.title),
                "text": passage.text,
                "strong": passage.code in codes.CONCLUSIONS,
            }
            for passage in opinion.passages
            if passage.text.strip()
        ],
        "assessments": _assessments(opinion),
        "measurements": [_measurement(mark, language) for mark in opinion.marks],
        "images": [
            _image(number, image, opinion.marks)
            for number, image in enumerate(opinion.key_images, 1)
        ],
        "signature": {
            "name": one_line(opinion.author.name or opinion.author.username),
            "licence": one_line(opinion.author.licence_number, 64),
            "organization": one_line(opinion.author.organization or opinion.institution),
            "at": _moment(signed, language),
        },
        "hash": wrap(one_line(opinion.content_hash), 32),
    }


def _patient(opinion: SignedOpinion) -> list[list[str]]:
    """Pairs of label and value, in reading order."""
    language, header, request = opinion.language, opinion.header, opinion.request
    word = {key: label.in_language(language) for key, label in LABELS.items()}
    birth = valid_date(str(header.get("PatientBirthDate") or ""))
    studied = valid_date(str(header.get("StudyDate") or ""))
    requester = ", ".join(
        part for part in (request.requester, request.requesting_department) if part
    )
    pairs = [
        (word["name"], _spoken_name(modules.patient_name(header))),
        (word["patient_id"], modules.string(header, "PatientID")),
        (word["birth"], _date(birth, language)),
        (word["sex"], _sex(str(header.get("PatientSex") or ""), language)),
        (
            word["study"],
            modules.string(header, "StudyDescription") or str(header.get("Modality") or ""),
        ),
        (word["study_date"], _date(studied, language)),
        (word["requester"], requester),
        (word["accession"], modules.string(header, "AccessionNumber")),
    ]
    return [[label, one_line(value) or "—"] for label, value in pairs]


def _assessments(opinion: SignedOpinion) -> list[list[str]]:
    language = opinion.language
    given: tuple[tuple[Code, str], ...] = (
        (codes.CONCORDANCE, opinion.concordance),
        (codes.TRANSFER, opinion.transfer),
    )
    return [
        [codes.localized(name, language).meaning, codes.assessment(name, key, language).meaning]
        for name, key in given
        if key.strip()
    ]


def _measurement(mark: Mark, language: str) -> dict[str, Any]:
    algorithm = mark.algorithm or next((v.algorithm for v in mark.values if v.algorithm), None)
    by_hand = LABELS["by_hand"].in_language(language)
    kind = MARK_KINDS[mark.kind].in_language(language)
    if mark.classification is not None:
        kind += f" · {one_line(mark.classification.name, 64)}"
    return {
        "label": one_line(mark.label, 64),
        "kind": kind,
        "place": one_line(mark.place, 64),
        "text": mark.text if mark.text.strip() != mark.label.strip() else "",
        "values": [describe_value(value, language) for value in mark.values],
        "by": f"{algorithm.name} {algorithm.version}".strip() if algorithm else by_hand,
        "author": one_line(mark.author.name or mark.author.username),
    }


def _image(number: int, image: KeyImage, marks: tuple[Mark, ...]) -> dict[str, Any]:
    return {
        "number": number,
        "caption": one_line(image.caption, 600),
        "uid": image.reference.sop_instance_uid,
        "frame": image.reference.frame_number or 1,
        "place": one_line(image.place, 64),
        "shape": list(image.shape),
        "outlines": [
            {
                "label": one_line(outline.label, 64),
                "points": [list(point) for point in outline.points],
                "closed": outline.is_closed,
            }
            for outline in outlines(image, marks)
        ],
    }


def _spoken_name(name: str) -> str:
    """A Person Name as people say it: prefix, family, given, middle, suffix; alphabetic group."""
    groups = name.split("=")
    alphabetic = next((group for group in groups if group.strip("^ ")), "")
    parts = [*alphabetic.split("^"), "", "", "", ""][:5]
    family, given, middle, prefix, suffix = parts
    return " ".join(part for part in (prefix, family, given, middle, suffix) if part)


def _date(value: str, language: str) -> str:
    if not value:
        return ""
    day = date(int(value[:4]), int(value[4:6]), int(value[6:]))
    return f"{day:%d/%m/%Y}" if language == "vi" else f"{day.day} {day:%b %Y}"


def _moment(at: datetime, language: str) -> str:
    if language == "vi":
        return f"{at:%H:%M}, ngày {at:%d} tháng {at:%m} năm {at:%Y}"
    return f"{at:%H:%M}, {at.day} {at:%B %Y}"


def _sex(value: str, language: str) -> str:
    word = SEXES.get(value.strip().upper())
    return word.in_language(language) if word else ""


def _printable(value: Any) -> Any:
    """Every string of the report with only characters that the fonts have."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return value
