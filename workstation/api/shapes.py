"""What the API answers, as schemas for its OpenAPI page; made from the domain's own dataclasses.

`encoding` makes the values. That both agree is tested on every answer of every API test.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydicom.sr.coding import Code as DicomCode

from dicom_node import records
from plugins import nouns, results
from workstation import accounts, audit, sites
from workstation import studies as study_views
from workstation.api.bodies import DraftContent
from workstation.api.encoding import SIGNED_FIELDS
from workstation.consult import (
    coverage,
    deliveries,
    drawing_import,
    result_reads,
    rows,
    statistics,
)
from workstation.consult import results as domain_results

__all__ = [
    "AeTitle",
    "Annotation",
    "Annotations",
    "AuditRow",
    "Case",
    "CaseGivenAway",
    "Cases",
    "Conflict",
    "Coverage",
    "Delivery",
    "DisplaySet",
    "Draft",
    "Echo",
    "Event",
    "Failure",
    "Imported",
    "Ledger",
    "Opinion",
    "Plugins",
    "PointSet",
    "Quarantined",
    "Reader",
    "Result",
    "Results",
    "Revision",
    "Session",
    "Site",
    "Statistics",
    "StoreResult",
    "Study",
    "StudyWithSeries",
    "Token",
    "User",
    "Verification",
    "answers",
    "many",
]

T = TypeVar("T")


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Text(Shape):
    vi: str
    en: str


class Person(Shape):
    username: str
    name: str
    site: str
    licence_number: str


class Code(Shape):
    value: str
    scheme_designator: str
    meaning: str


_KNOWN: dict[Any, Any] = {
    nouns.Text: Text,
    nouns.Person: Person,
    DicomCode: Code,
    Path: str,
}


def shape_of(dataclass: type, name: str = "", without: Sequence[str] = (), **more: Any) -> Any:
    """A schema of a dataclass as `encoding.plain` writes it, with fields added or replaced."""
    # what the nouns name for type checkers alone
    named = {"Code": DicomCode, "ConfirmedResult": results.ConfirmedResult}
    hints = get_type_hints(dataclass, localns=named)
    found = {
        field.name: (_type(hints[field.name]), ...)
        for field in fields(dataclass)
        if field.name not in {*without, *more}
    }
    added = {key: (value, ...) for key, value in more.items()}
    values: Any = {**found, **added}
    return create_model(name or dataclass.__name__, __base__=Shape, **values)


def _type(hint: Any) -> Any:
    if hint in _KNOWN:
        return _KNOWN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        _KNOWN[hint] = shape_of(hint)
        return _KNOWN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return Union[tuple(_type(one) for one in arguments)]  # noqa: UP007
    if origin is tuple and arguments[-1] is not Ellipsis:
        return list[Union[tuple(_type(one) for one in arguments)]]  # type: ignore[misc]  # noqa: UP007
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[str, _type(arguments[1])]  # type: ignore[misc]
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return list[_type(arguments[0])]  # type: ignore[misc]
    return hint


class Listed(Shape, Generic[T]):
    items: list[T]
    total: int


class Problem(Shape):
    code: str
    message: Text
    details: dict[str, Any]


class Failure(Shape):
    """Every error."""

    error: Problem


class Session(Shape):
    username: str
    name: str
    site: str
    site_name: str
    roles: list[str]
    language: str
    permissions: list[str]


class Token(Shape):
    token: str
    username: str
    label: str


class Revision(Shape):
    revision: int


Site = shape_of(sites.Site)
AeTitle = shape_of(sites.AeTitle)
Echo = shape_of(sites.Echo)
User = shape_of(accounts.User)

_case_of_study: Any = shape_of(study_views.CaseOfStudy)
Study = shape_of(records.StudyRecord, "Study", cases=list[_case_of_study])
StudyWithSeries = shape_of(
    records.StudyRecord,
    "StudyWithSeries",
    cases=list[_case_of_study],
    series=list[shape_of(records.SeriesRecord, "Series")],  # type: ignore[misc]
)
DisplaySet = shape_of(nouns.DisplaySet)

Reader = create_model(
    "Reader", __base__=Person, opened_at=(str, ...), seen_at=(str, ...), assigned=(bool, ...)
)
_case = {
    "requesting_department": str,
    "consent_basis": str,
    "share_scope": str,
    "images_to_follow": bool,
    "missing": list[str],
    "concordance": str,
    "transfer": str,
    "decision": dict[str, Any],
    "outcome": dict[str, Any],
    "started_at": str | None,
    "signed_at": str | None,
    "closed_at": str | None,
    "paused_at": str | None,
    "studies": list[shape_of(rows.CaseStudy)],  # type: ignore[misc]
    "revision": int,
    "header_only": bool,
    "permissions": list[str],
    "time_left_seconds": float | None,
    "columns": dict[str, str],
}
CaseRow = shape_of(nouns.Case, "CaseRow", ("results",), **_case)
Case = shape_of(nouns.Case, "Case", ("results",), **_case, readers=list[Reader])  # type: ignore[valid-type]


class CaseGivenAway(Shape):
    """A case that its caller may not see any more (redirected, refused)."""

    id: str
    number: str
    state: str


class Cases(Shape):
    items: list[CaseRow]  # type: ignore[valid-type]
    total: int
    at: str


class Event(Shape):
    id: int
    case_id: str
    kind: str
    actor: str
    at: str
    detail: dict[str, Any]


Annotation = shape_of(nouns.Annotation)


class Annotations(Shape):
    items: list[Annotation]  # type: ignore[valid-type]
    total: int
    revision: int


class SectionShape(Shape):
    key: str
    title: Text
    required: bool
    placeholder: Text | None


class Template(Shape):
    id: str
    title: Text
    sections: list[SectionShape]


class DraftResult(Shape):
    """A confirmed result that would be signed with the opinion."""

    id: str
    title: Text
    content_hash: str
    confirmed_by: Person
    confirmed_at: str


class Draft(Shape):
    content: DraftContent
    revision: int
    updated_at: str | None
    template: Template
    questions: list[shape_of(nouns.Question)]  # type: ignore[valid-type]
    results: list[DraftResult]
    suggestions: dict[str, str]
    readers: list[Reader]  # type: ignore[valid-type]


LayerContent = shape_of(
    results.Layer,
    "LayerContent",
    ("array", "load"),
    dtype=str,
    shape=list[int],
    sha256=str,
    url=str,
)
ResultContent = shape_of(results.Result, "ResultContent", layers=list[LayerContent])  # type: ignore[valid-type]


class Result(Shape):
    """A result; ``content`` is current when ``content_revision`` is ``revision``."""

    id: str
    analysis: str
    title: Text
    study_instance_uid: str
    case_id: str | None
    state: results.ResultState
    revision: int
    content_revision: int
    content_hash: str
    progress: float
    message: Text
    error: Text | None
    confirmed_by: Person | None
    confirmed_at: str | None
    edits: dict[str, Any]
    permissions: list[str]
    withheld: list[shape_of(result_reads.Withheld)]  # type: ignore[valid-type]
    content: ResultContent | None  # type: ignore[valid-type]


class Results(Shape):
    items: list[Result]
    startable: list[shape_of(domain_results.Startable)]  # type: ignore[valid-type]


SignedResult = shape_of(
    results.Result,
    "SignedResult",
    [name for name in results.Result.__dataclass_fields__ if name not in SIGNED_FIELDS],
    id=str,
    edits=dict[str, Any],
    confirmed_by=Person,
    confirmed_at=str,
    layer_hashes=dict[str, str],
)
Imported = shape_of(drawing_import.Imported)
Ledger = shape_of(coverage.Ledger)
Coverage = shape_of(coverage.Coverage)
PointSet = shape_of(nouns.PointSet, without=("load",))
Opinion = shape_of(
    nouns.Opinion,
    results=list[SignedResult],  # type: ignore[valid-type]
    point_sets=list[PointSet],  # type: ignore[valid-type]
)
Delivery = shape_of(deliveries.Delivery, exporter_title=Text)
Quarantined = shape_of(records.QuarantineRecord, "Quarantined")
Conflict = shape_of(records.ConflictRecord, "Conflict")
StoreResult = shape_of(records.StoreResult)
Statistics = shape_of(statistics.Statistics)
AuditRow = shape_of(audit.AuditRow)


class Contribution(Shape):
    kind: str
    id: str
    title: Text | str


class Guest(Shape):
    name: str
    version: str
    source: str
    error: str
    contributions: list[Contribution]


class Plugins(Shape):
    items: list[Guest]
    total: int
    failures: list[dict[str, Any]]


class Verification(Shape):
    broken: shape_of(audit.BrokenRow) | None  # type: ignore[valid-type]


def many(shape: Any) -> Any:
    """The schema of a list."""
    return Listed.__class_getitem__(shape)


def answers(shape: Any = None, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route: what it answers, and that its errors are envelopes."""
    found: dict[int | str, dict[str, Any]] = {"4XX": {"model": Failure}}
    if shape is not None:
        found[status] = {"model": shape}
    return found
