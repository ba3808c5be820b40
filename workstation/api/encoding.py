"""Domain values as JSON: keys are the names of the nouns' fields, times ISO 8601 in UTC."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from pydicom.sr.coding import Code

from plugins.nouns import Annotation, Opinion, Person, PointSet, Text
from plugins.results import ConfirmedResult
from workstation.audit import AuditRow
from workstation.consult.case import Reader
from workstation.consult.deliveries import Delivery
from workstation.consult.draft import Draft
from workstation.consult.events import CaseEvent
from workstation.consult.results import Results, ResultView
from workstation.consult.views import CaseView
from workstation.studies import StudyView

__all__ = [
    "SIGNED_FIELDS",
    "annotation_json",
    "audit_json",
    "case_json",
    "delivery_json",
    "draft_json",
    "event_json",
    "listed",
    "opinion_json",
    "plain",
    "point_set_json",
    "reader_json",
    "result_json",
    "results_json",
    "study_json",
]

# Of the row of a case, for its JSON; the noun has the rest.
_RECORD_FIELDS = (
    "requesting_department",
    "consent_basis",
    "share_scope",
    "images_to_follow",
    "missing",
    "concordance",
    "transfer",
    "decision",
    "outcome",
    "started_at",
    "signed_at",
    "closed_at",
    "paused_at",
    "studies",
    "revision",
)


# Of a signed result: what it says. Its layers are the opinion's own objects.
SIGNED_FIELDS = (
    "analysis",
    "title",
    "version",
    "study_instance_uid",
    "series_instance_uids",
    "grade",
    "reasons",
    "summary",
    "values",
)


def plain(value: Any) -> Any:
    """Any value of the domain as JSON values."""
    if isinstance(value, Person):
        return {
            "username": value.username,
            "name": value.name,
            "site": value.site,
            "licence_number": value.licence_number,
        }
    if isinstance(value, Code):
        return {
            "value": value.value,
            "scheme_designator": value.scheme_designator,
            "meaning": value.meaning,
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(one) for one in value)
    if isinstance(value, Path):
        return value.name  # where it lies on our disk is nobody's business
    return value


def listed(values: Iterable[Any]) -> dict[str, Any]:
    """A whole list, as lists are answered."""
    items = [plain(one) for one in values]
    return {"items": items, "total": len(items)}


def case_json(view: CaseView, readers: list[Reader] | None = None) -> dict[str, Any]:
    """A case for a worklist line, or with `readers` for its page."""
    case = plain(replace(view.case, results=()))
    del case["results"]
    record = {name: plain(getattr(view.record, name)) for name in _RECORD_FIELDS}
    shown = {
        **case,
        **record,
        "header_only": view.header_only,
        "permissions": list(view.permissions),
        "time_left_seconds": view.time_left_seconds,
        "columns": dict(view.columns),
    }
    if view.header_only:
        shown["study_instance_uids"] = []
    if readers is not None:
        shown["readers"] = [reader_json(one) for one in readers]
    return shown


def event_json(event: CaseEvent) -> dict[str, Any]:
    """An event; the columns it set are the database's own matter."""
    return {key: one for key, one in plain(event).items() if key != "changes"}


def annotation_json(annotation: Annotation) -> dict[str, Any]:
    shown: dict[str, Any] = plain(annotation)
    return shown


def draft_json(draft: Draft, readers: list[Reader]) -> dict[str, Any]:
    title = draft.template.title
    return {
        "content": plain(draft.content),
        "revision": draft.revision,
        "updated_at": plain(draft.updated_at),
        "template": {
            "id": draft.template.id,
            "title": plain(title if isinstance(title, Text) else Text(title, title)),
            "sections": [
                {
                    "key": section.key,
                    "title": plain(section.title),
                    "required": section.required,
                    "placeholder": plain(section.placeholder),
                }
                for section in draft.template.sections
            ],
        },
        "questions": plain(draft.questions),
        "results": [
            {
                "id": one.id,
                "title": plain(one.title),
                "content_hash": one.content_hash,
                "confirmed_by": plain(one.confirmed_by),
                "confirmed_at": plain(one.confirmed_at),
            }
            for one in draft.results
        ],
        "suggestions": dict(draft.suggestions),
        "readers": [reader_json(one) for one in readers],
    }


def opinion_json(opinion: Opinion) -> dict[str, Any]:
    shown: dict[str, Any] = plain(replace(opinion, results=(), point_sets=()))
    shown["point_sets"] = [point_set_json(one) for one in opinion.point_sets]
    shown["results"] = [_signed_result(one) for one in opinion.results]
    return shown


def point_set_json(one: PointSet) -> dict[str, Any]:
    """A point set without its points; they have an address of their own."""
    return {
        field.name: plain(getattr(one, field.name)) for field in fields(one) if field.name != "load"
    }


def _signed_result(confirmed: ConfirmedResult) -> dict[str, Any]:
    result = confirmed.result
    return {
        "id": confirmed.id,
        **{name: plain(getattr(result, name)) for name in SIGNED_FIELDS},
        "edits": plain(confirmed.edits),
        "confirmed_by": plain(confirmed.confirmed_by),
        "confirmed_at": plain(confirmed.confirmed_at),
        "layer_hashes": dict(confirmed.layer_hashes),
    }


def results_json(results: Results, base_path: str) -> dict[str, Any]:
    return {
        "items": [result_json(one, base_path) for one in results.items],
        "startable": [plain(one) for one in results.startable],
    }


def result_json(view: ResultView, base_path: str) -> dict[str, Any]:
    """A result; its layers have the address of their bytes, below our prefix."""
    record = view.record
    shown: dict[str, Any] = {
        "id": record.id,
        "analysis": record.analysis,
        "title": plain(record.title),
        "study_instance_uid": record.study_instance_uid,
        "case_id": record.case_id,
        "state": record.state.value,
        "revision": record.revision,
        "content_revision": record.content_revision,
        "content_hash": record.content_hash,
        "progress": record.progress,
        "message": plain(record.message),
        "error": plain(record.error),
        "confirmed_by": plain(record.confirmed_by),
        "confirmed_at": plain(record.confirmed_at),
        "edits": record.edits,
        "permissions": list(view.permissions),
        "withheld": [plain(one) for one in view.withheld],
        "content": None,
    }
    if record.content is not None:
        address = f"{base_path}/api/v1/results/{record.id}/layers"
        layers = [
            {**layer, "url": f"{address}/{layer['key']}{_layer_query(view, layer)}"}
            for layer in record.content["layers"]
        ]
        shown["content"] = {**record.content, "layers": layers}
    return shown


def _layer_query(view: ResultView, layer: Mapping[str, Any]) -> str:
    """Which bytes; and whose readers they are for, where a shared layer was withheld at first."""
    query = f"?revision={view.record.content_revision}"
    is_shared = view.record.case_id is None and view.case_id is not None
    return f"{query}&case={view.case_id}" if is_shared and layer.get("withheld_until") else query


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    shown: dict[str, Any] = plain(delivery)
    if isinstance(delivery.exporter_title, str):
        shown["exporter_title"] = {"vi": delivery.exporter_title, "en": delivery.exporter_title}
    return shown


def study_json(view: StudyView, with_series: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {**plain(view.study), "cases": plain(view.cases)}
    if with_series:
        shown["series"] = plain(view.series)
    return shown


def audit_json(row: AuditRow) -> dict[str, Any]:
    shown: dict[str, Any] = plain(row)
    return shown


def reader_json(reader: Reader) -> dict[str, Any]:
    """Someone else who has a case open."""
    return {
        **plain(reader.person),
        "opened_at": plain(reader.opened_at),
        "seen_at": plain(reader.seen_at),
        "assigned": reader.assigned,
    }
