"""The consult request (*phiếu yêu cầu hội chẩn*): its fields, and what blocks sending it."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from dicom_node.names import fold
from dicom_node.records import StudyRecord
from plugins.nouns import Priority, Question, Text
from workstation.consult.rows import CaseRecord
from workstation.errors import InvalidRequest

__all__ = [
    "AREAS",
    "CONSENT_BASES",
    "SHARE_SCOPES",
    "checked",
    "is_about",
    "new_questions",
    "patient_of",
    "require_complete",
    "require_same_patient",
]

AREAS = ("radiology", "pathology")
CONSENT_BASES = ("written", "electronic", "emergency_art61", "art19_1")
SHARE_SCOPES = ("expert", "network_deidentified", "training")
SEXES = ("", "M", "F", "O")
LONGEST_TEXT = 20_000
MOST_QUESTIONS = 20
MOST_CLINICAL_FIELDS = 80

_CHOICES: Mapping[str, Sequence[str]] = {
    "area": AREAS,
    "priority": [str(priority) for priority in Priority],
    "consent_basis": ("", *CONSENT_BASES),
    "share_scope": ("", *SHARE_SCOPES),
    "patient_sex": SEXES,
}
_TEXTS = ("reason", "requesting_department", "patient_name", "patient_id", "patient_birth_date")
_FIELDS = {*_CHOICES, *_TEXTS, "clinical", "images_to_follow", "consulted_site"}


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a case from fields of the form; text in NFC, as typed otherwise.

    Raises
    ------
    InvalidRequest
        A field has a value it cannot have.
    """
    result: dict[str, Any] = {}
    for key, value in values.items():
        if key not in _FIELDS:
            raise InvalidRequest(
                "unknown_field",
                f"Phiếu yêu cầu không có mục {key}.",
                f"The request has no field {key}.",
                field=key,
            )
        if key in _CHOICES and value not in _CHOICES[key]:
            known = ", ".join(choice for choice in _CHOICES[key] if choice)
            raise InvalidRequest(
                "invalid_choice",
                f"Mục {key} phải là một trong: {known}.",
                f"The field {key} is one of {known}.",
                field=key,
            )
        if key in _TEXTS:
            value = _text(key, value)
        if key == "clinical":
            value = _clinical(value)
        result[key] = bool(value) if key == "images_to_follow" else value
    if "patient_name" in result:
        result["patient_name_folded"] = fold(result["patient_name"].replace("^", " "))
    return result


def new_questions(
    given: Sequence[str | Mapping[str, Any]], before: Sequence[Question] = ()
) -> list[dict[str, str]]:
    """The questions to keep; those known by their id keep it, others get a new one."""
    known = {question.id for question in before}
    number = max((int(name[1:]) for name in known if name[1:].isdigit()), default=0)
    result: list[dict[str, str]] = []
    for one in given:
        text = _text("questions", one if isinstance(one, str) else one.get("text", ""))
        name = "" if isinstance(one, str) else str(one.get("id") or "")
        if not text:
            continue
        if name not in known or any(question["id"] == name for question in result):
            number += 1
            name = f"q{number}"
        result.append({"id": name, "text": text})
    if len(result) > MOST_QUESTIONS:
        raise InvalidRequest(
            "too_many_questions",
            f"Tối đa {MOST_QUESTIONS} câu hỏi.",
            f"At most {MOST_QUESTIONS} questions.",
        )
    return result


def require_complete(case: CaseRecord) -> None:
    """Refuse to send a request that lacks what the law or the expert cannot do without.

    Raises
    ------
    InvalidRequest
        Code ``request_incomplete``; ``fields`` in the details maps each lacking field to a
        sentence in both languages.
    """
    lacking: dict[str, Text] = {}
    emergency = case.priority.is_emergency
    if not case.reason:
        lacking["reason"] = Text("Thiếu lý do hội chẩn.", "The reason for the consult is missing.")
    if not case.questions:
        lacking["questions"] = Text("Cần ít nhất một câu hỏi.", "Ask at least one question.")
    if not case.consulted_site:
        lacking["consulted_site"] = Text("Chưa chọn nơi hội chẩn.", "Choose the site to ask.")
    if not case.consent_basis:
        lacking["consent_basis"] = Text(
            "Thiếu căn cứ đồng ý của người bệnh.", "The basis of the patient's consent is missing."
        )
    elif case.consent_basis == "emergency_art61" and not emergency:
        lacking["consent_basis"] = Text(
            "Điều 61 chỉ dùng cho ca cấp cứu.", "Article 61 is for emergencies only."
        )
    if not case.share_scope:
        lacking["share_scope"] = Text("Thiếu phạm vi chia sẻ.", "The scope of sharing is missing.")
    if not case.studies and not (case.images_to_follow and emergency):
        lacking["study_instance_uids"] = Text(
            "Cần ít nhất một lần chụp (ca cấp cứu có thể gửi ảnh sau).",
            "Attach at least one study (in an emergency images may follow).",
        )
    if lacking:
        names = ", ".join(lacking)
        raise InvalidRequest(
            "request_incomplete",
            "Phiếu yêu cầu chưa đủ: " + " ".join(text.vi for text in lacking.values()),
            "The request is not complete: " + " ".join(text.en for text in lacking.values()),
            fields={key: {"vi": text.vi, "en": text.en} for key, text in lacking.items()},
            names=names,
        )


def patient_of(study: StudyRecord) -> dict[str, Any]:
    """Patient columns of a case as the study has them."""
    return {
        "patient_name": study.patient_name,
        "patient_name_folded": fold(study.patient_name.replace("^", " ")),
        "patient_id": study.patient_id,
        "patient_birth_date": study.patient_birth_date[:8],
        "patient_sex": study.patient_sex[:1],
    }


def require_same_patient(studies: Sequence[StudyRecord]) -> None:
    """Refuse one case about two patients: the wrong study was picked."""
    if len({is_about(study) for study in studies}) > 1:
        raise InvalidRequest(
            "studies_of_different_patients",
            "Các lần chụp thuộc những người bệnh khác nhau.",
            "The studies belong to different patients.",
        )


def is_about(study: StudyRecord) -> tuple[str, ...]:
    """What tells patients of one site apart: the id, or without one name and birth date."""
    if study.patient_id:
        return (study.patient_id,)
    return (fold(study.patient_name.replace("^", " ")), study.patient_birth_date)


def _text(key: str, value: Any) -> str:
    text = unicodedata.normalize("NFC", str(value or "")).strip()
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(
            "text_too_long",
            f"Mục {key} dài quá {LONGEST_TEXT} ký tự.",
            f"The field {key} is longer than {LONGEST_TEXT} characters.",
            field=key,
        )
    return text


def _clinical(value: Mapping[str, Any]) -> dict[str, Any]:
    """Free fields of the form (history, course, vitals, stroke and pathology blocks)."""
    if len(value) > MOST_CLINICAL_FIELDS:
        raise InvalidRequest(
            "too_many_fields",
            f"Tối đa {MOST_CLINICAL_FIELDS} mục lâm sàng.",
            f"At most {MOST_CLINICAL_FIELDS} clinical fields.",
        )
    return {
        str(key)[:64]: one if isinstance(one, bool | int | float | None) else _text(str(key), one)
        for key, one in value.items()
    }
