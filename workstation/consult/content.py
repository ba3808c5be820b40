"""What is signed, as one canonical text: everything the opinion says, and what it was about.

The text is kept byte for byte and its SHA-256 with it. Reading an opinion means reading this
text; nothing that can still change is looked up.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom.sr.coding import Code
from sqlalchemy import Row

from plugins.contributions import ReportTemplate
from plugins.nouns import (
    Annotation,
    AnnotationKind,
    Answer,
    KeyImage,
    Opinion,
    OpinionKind,
    Person,
    PointSet,
    Region,
    Text,
)
from workstation.consult.result_rows import ResultRecord, frozen_json, thawed
from workstation.consult.rows import CaseRecord

__all__ = [
    "build",
    "canonical",
    "digest",
    "draft_of",
    "opinion_of",
    "point_sets_of",
    "results_of",
]

SCHEMA = "hoichan.opinion/1"


def build(
    case: CaseRecord,
    template: ReportTemplate,
    draft: Mapping[str, Any],
    marks: Sequence[Annotation],
    results: Sequence[ResultRecord],
    point_sets: Sequence[PointSet] = (),
    *,
    opinion_id: str,
    kind: OpinionKind,
    version: int,
    author: Person,
    signed_at: datetime,
    reason: str,
    predecessor: Row[Any] | None,
) -> dict[str, Any]:
    """The content of an opinion, from its draft and what the draft refers to."""
    return {
        "schema": SCHEMA,
        "id": opinion_id,
        "kind": str(kind),
        "version": version,
        "predecessor": (
            {"id": predecessor.id, "content_hash": predecessor.content_hash}
            if predecessor is not None
            else None
        ),
        "reason": reason,
        "case": {
            "id": case.id,
            "number": case.number,
            "area": case.area,
            "priority": str(case.priority),
            "requesting_site": case.requesting_site,
            "requesting_site_name": case.requesting_site_name,
            "consulted_site": case.consulted_site,
            "consulted_site_name": case.consulted_site_name,
            "request_reason": case.reason,
        },
        "patient": {
            "name": case.patient_name,
            "id": case.patient_id,
            "birth_date": case.patient_birth_date,
            "sex": case.patient_sex,
        },
        "studies": [
            {
                "study_instance_uid": study.study_instance_uid,
                "instance_count": study.instance_count,
            }
            for study in case.studies
        ],
        "template_id": template.id,
        "language": draft["language"],
        "sections": [
            {
                "key": section.key,
                "title": asdict(section.title),
                "code": _code_json(section.code),
                "text": draft["sections"].get(section.key, "").strip(),
            }
            for section in template.sections
        ],
        "questions": [
            {
                "id": question.id,
                "text": question.text,
                "answer": draft["answers"].get(question.id, "").strip(),
            }
            for question in case.questions
        ],
        "key_images": list(draft["key_images"]),
        "annotations": [_mark_json(mark) for mark in marks],
        "results": [frozen_json(result) for result in results],
        "point_sets": [_point_set_json(one) for one in point_sets],
        "concordance": draft["concordance"],
        "transfer": draft["transfer"],
        "author": _person_json(author),
        "signed_at": signed_at.isoformat(),
    }


def canonical(content: Mapping[str, Any]) -> str:
    """The one text of a content: keys sorted, no blanks, Vietnamese as it is."""
    return json.dumps(
        content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def digest(text: str) -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def opinion_of(text: str, content_hash: str, path_of: Callable[[str], Path]) -> Opinion:
    """The opinion that a canonical text says; ``path_of(sha256)`` finds a layer of a result."""
    said = json.loads(text)
    sections = said["sections"]
    predecessor = said["predecessor"]
    return Opinion(
        id=said["id"],
        case_id=said["case"]["id"],
        version=said["version"],
        kind=OpinionKind(said["kind"]),
        template_id=said["template_id"],
        language=said["language"],
        sections={one["key"]: one["text"] for one in sections},
        section_titles={one["key"]: Text(**one["title"]) for one in sections},
        section_codes={one["key"]: Code(**one["code"]) for one in sections if one["code"]},
        answers=tuple(Answer(one["id"], one["answer"]) for one in said["questions"]),
        key_images=tuple(_key_image(one) for one in said["key_images"]),
        annotations=tuple(_mark(one) for one in said["annotations"]),
        results=tuple(thawed(one, path_of) for one in results_of(said)),
        point_sets=tuple(_point_set(one) for one in point_sets_of(said)),
        concordance=said["concordance"],
        transfer=said["transfer"],
        author=_person(said["author"]),
        signed_at=datetime.fromisoformat(said["signed_at"]),
        content_hash=content_hash,
        predecessor=predecessor["id"] if predecessor else "",
        reason=said["reason"],
    )


def results_of(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The results of a content; before there were results, opinions did not tell of them."""
    found: list[dict[str, Any]] = said.get("results", [])
    return found


def draft_of(text: str) -> dict[str, Any]:
    """What an opinion says, as the content of a new draft."""
    said = json.loads(text)
    return {
        "template_id": said["template_id"],
        "language": said["language"],
        "sections": {one["key"]: one["text"] for one in said["sections"]},
        "answers": {one["id"]: one["answer"] for one in said["questions"]},
        "key_images": said["key_images"],
        "annotation_ids": [one["id"] for one in [*said["annotations"], *point_sets_of(said)]],
        "concordance": said["concordance"],
        "transfer": said["transfer"],
    }


def point_sets_of(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The point sets of a content; the first opinions do not tell of any."""
    found: list[dict[str, Any]] = said.get("point_sets", [])
    return found


def _point_set_json(one: PointSet) -> dict[str, Any]:
    said = {field.name: getattr(one, field.name) for field in fields(one) if field.name != "load"}
    said["author"] = _person_json(one.author)
    said["created_at"] = one.created_at.isoformat()
    return said


def _point_set(said: Mapping[str, Any]) -> PointSet:
    return PointSet(
        **{
            **said,
            "author": _person(said["author"]),
            "created_at": datetime.fromisoformat(said["created_at"]),
        }
    )


def _key_image(said: Mapping[str, Any]) -> KeyImage:
    region = said.get("region")
    return KeyImage(**{**said, "region": Region(**region) if region else None})


def _mark_json(mark: Annotation) -> dict[str, Any]:
    return {
        **asdict(mark),
        "kind": str(mark.kind),
        "author": _person_json(mark.author),
        "created_at": mark.created_at.isoformat(),
        "updated_at": mark.updated_at.isoformat(),
    }


def _mark(said: Mapping[str, Any]) -> Annotation:
    return Annotation(
        **{
            **said,
            "kind": AnnotationKind(said["kind"]),
            "points_mm": tuple((x, y, z) for x, y, z in said["points_mm"]),
            "measurements": tuple(said["measurements"]),
            "author": _person(said["author"]),
            "created_at": datetime.fromisoformat(said["created_at"]),
            "updated_at": datetime.fromisoformat(said["updated_at"]),
        }
    )


def _person_json(person: Person) -> dict[str, Any]:
    return {**asdict(person), "roles": sorted(person.roles)}


def _person(said: Mapping[str, Any]) -> Person:
    return Person(**{**said, "roles": tuple(said["roles"])})


def _code_json(code: Code | None) -> dict[str, str] | None:
    if code is None:
        return None
    return {
        "value": code.value,
        "scheme_designator": code.scheme_designator,
        "meaning": code.meaning,
    }
