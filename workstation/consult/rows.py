"""A case as its row has it, with the names that belong to it; always one query for all cases."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from pydicom.sr.coding import Code
from sqlalchemy import ColumnElement, Connection, Row, Select, select

from plugins.nouns import Case, Measurement, Person, Priority, Question, State
from plugins.results import ConfirmedResult
from workstation.access import granted
from workstation.database import case_studies, cases, sites, study_measurements, users

__all__ = ["CaseRecord", "CaseStudy", "find", "measurements", "noun", "records", "without_identity"]

_requesting, _consulted = sites.alias("requesting"), sites.alias("consulted")
_requester, _assignee = users.alias("asking"), users.alias("reading")


@dataclass(frozen=True, slots=True)
class CaseStudy:
    """What we hold of one study of a case."""

    study_instance_uid: str
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int
    last_received_at: datetime | None


@dataclass(frozen=True)
class CaseRecord:
    """The row of a case. ``granted``: the consulted site holds an active share grant."""

    id: str
    number: str
    state: State
    priority: Priority
    area: str
    requesting_site: str
    requesting_site_name: str
    requesting_department: str
    consulted_site: str
    consulted_site_name: str
    requester: Person | None
    assignee: Person | None
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    reason: str
    clinical: Mapping[str, Any]
    questions: tuple[Question, ...]
    consent_basis: str
    share_scope: str
    images_to_follow: bool
    missing: tuple[str, ...]
    concordance: str
    transfer: str
    decision: Mapping[str, Any]
    outcome: Mapping[str, Any]
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    signed_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    paused_at: datetime | None
    paused_seconds: int
    updated_at: datetime
    revision: int
    granted: bool
    studies: tuple[CaseStudy, ...] = ()

    @property
    def requester_username(self) -> str:
        return self.requester.username if self.requester else ""

    @property
    def study_instance_uids(self) -> tuple[str, ...]:
        return tuple(study.study_instance_uid for study in self.studies)


def records(
    connection: Connection,
    at: datetime,
    where: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]] = (),
    limit: int | None = None,
    offset: int = 0,
) -> list[CaseRecord]:
    """The cases for which `where` holds, with people, sites and studies: two queries in all."""
    wanted = _wanted(at).where(where).order_by(*order).limit(limit).offset(offset or None)
    rows = connection.execute(wanted).all()
    studies = _studies(connection, [row.id for row in rows])
    return [_record(row, studies[row.id]) for row in rows]


def find(connection: Connection, at: datetime, case_id: str) -> CaseRecord | None:
    """The case of that id, whoever asks; the caller applies the rule."""
    return next(iter(records(connection, at, cases.c.id == case_id)), None)


def measurements(
    connection: Connection, case_ids: Iterable[str]
) -> dict[str, tuple[Measurement, ...]]:
    """The plugins' measurements of each case's studies, oldest first."""
    found: dict[str, tuple[Measurement, ...]] = defaultdict(tuple)
    same_study = study_measurements.c.study_instance_uid == case_studies.c.study_instance_uid
    rows = connection.execute(
        select(case_studies.c.case_id, study_measurements)
        .join(study_measurements, same_study)
        .where(case_studies.c.case_id.in_(list(case_ids)))
        .order_by(study_measurements.c.id)
    )
    for row in rows:
        measurement = Measurement(
            name=_code(row.name),
            value=row.value,
            unit=_code(row.unit),
            series_instance_uid=row.series_instance_uid,
            algorithm=row.plugin,
            algorithm_version=row.plugin_version,
            parameters=row.parameters,
        )
        found[row.case_id] = (*found[row.case_id], measurement)
    return found


def noun(
    record: CaseRecord,
    measured: tuple[Measurement, ...] = (),
    results: tuple[ConfirmedResult, ...] = (),
) -> Case:
    """The case as guests see it."""
    shared = {
        field.name: getattr(record, field.name)
        for field in fields(Case)
        if hasattr(record, field.name)
    }
    modalities = sorted({name for study in record.studies for name in study.modalities})
    return Case(
        **shared,
        modalities=tuple(modalities),
        instance_count=sum(study.instance_count for study in record.studies),
        measurements=measured,
        results=results,
    )


def without_identity(record: CaseRecord) -> CaseRecord:
    """What a queue needs: no name, number or birth date, no images, no clinical notes."""
    return replace(
        record,
        patient_name="",
        patient_id="",
        patient_birth_date="",
        clinical={},
        decision={},
        outcome={},
        studies=tuple(replace(study, study_instance_uid="") for study in record.studies),
    )


def _wanted(at: datetime) -> Select[Any]:
    def person(alias: Any, prefix: str) -> list[ColumnElement[Any]]:
        names = ("name", "site", "roles", "licence_number")
        return [alias.c[name].label(f"{prefix}_{name}") for name in names]

    return (
        select(
            cases,
            _requesting.c.name.label("requesting_site_name"),
            _consulted.c.name.label("consulted_site_name"),
            *person(_requester, "requester"),
            *person(_assignee, "assignee"),
            granted(at).label("granted"),
        )
        .join(_requesting, _requesting.c.code == cases.c.requesting_site)
        .outerjoin(_consulted, _consulted.c.code == cases.c.consulted_site)
        .outerjoin(_requester, _requester.c.username == cases.c.requester)
        .outerjoin(_assignee, _assignee.c.username == cases.c.assignee)
    )


def _studies(connection: Connection, case_ids: list[str]) -> dict[str, tuple[CaseStudy, ...]]:
    found: dict[str, tuple[CaseStudy, ...]] = defaultdict(tuple)
    rows = connection.execute(
        select(case_studies)
        .where(case_studies.c.case_id.in_(case_ids))
        .order_by(case_studies.c.study_instance_uid)
    )
    for row in rows:
        study = CaseStudy(
            row.study_instance_uid,
            tuple(row.modalities),
            row.series_count,
            row.instance_count,
            row.last_received_at,
        )
        found[row.case_id] = (*found[row.case_id], study)
    return found


def _record(row: Row[Any], studies: tuple[CaseStudy, ...]) -> CaseRecord:
    values = dict(row._mapping)
    values.update(
        number=row.number or "",
        state=State(row.state),
        priority=Priority(row.priority),
        consulted_site=row.consulted_site or "",
        consulted_site_name=row.consulted_site_name or "",
        requester=_person(row, "requester"),
        assignee=_person(row, "assignee"),
        questions=tuple(Question(one["id"], one["text"]) for one in row.questions),
        missing=tuple(row.missing),
        granted=bool(row.granted),
        studies=studies,
    )
    return CaseRecord(**{field.name: values[field.name] for field in fields(CaseRecord)})


def _person(row: Row[Any], prefix: str) -> Person | None:
    values = row._mapping
    if values[prefix] is None:
        return None
    return Person(
        values[prefix],
        values[f"{prefix}_name"],
        values[f"{prefix}_site"],
        tuple(values[f"{prefix}_roles"]),
        values[f"{prefix}_licence_number"],
    )


def _code(value: Mapping[str, str]) -> Code:
    return Code(value["value"], value["scheme_designator"], value["meaning"])
