"""The worklist: the cases a principal may know of, most pressing first."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from dicom_node.names import fold
from plugins.nouns import Priority, State
from workstation import access, audit
from workstation.audit import AuditEvent
from workstation.consult.rows import measurements, records
from workstation.consult.views import CaseView, view_of
from workstation.context import Context
from workstation.database import case_studies, cases
from workstation.roles import Principal

__all__ = ["Worklist", "list_cases"]

MOST_ROWS = 500
# A change bears the time its transaction began, and may be seen only when it ends (a writer waits
# 15 seconds at most): whoever asks "since then" is told of a little more, rather than too little.
OVERLAP = timedelta(seconds=20)


@dataclass(frozen=True)
class Worklist:
    """A page of rows, how many there are in all, and the ``since`` of the next question.

    That lies a little in the past, so a row may come twice; none is missed.
    """

    rows: tuple[CaseView, ...]
    total: int
    at: datetime


def list_cases(
    context: Context,
    principal: Principal,
    *,
    states: Collection[State | str] = (),
    priorities: Collection[Priority | str] = (),
    area: str = "",
    mine: bool = False,
    search: str = "",
    study_instance_uid: str = "",
    since: datetime | None = None,
    limit: int = 100,
    offset: int = 0,
) -> Worklist:
    """The cases that `principal` may know of and that match.

    Parameters
    ----------
    search : str
        Words that begin words of the patient's name (folded: ``d`` finds *đ*), or a part of case
        number or patient id. Where identity is not shown, only case numbers match.
    since : datetime, optional
        Only what changed after that time; pass the ``at`` of the previous answer.
    """
    now = context.clock()
    conditions = [access.visible(principal, now)]
    if states:
        conditions.append(cases.c.state.in_([str(State(one)) for one in states]))
    if priorities:
        conditions.append(cases.c.priority.in_([str(Priority(one)) for one in priorities]))
    if area:
        conditions.append(cases.c.area == area)
    if mine:
        me = principal.username
        conditions.append(or_(cases.c.requester == me, cases.c.assignee == me))
    if since is not None:
        conditions.append(cases.c.updated_at > since)
    if study_instance_uid:
        conditions.append(_has_study(principal, now, study_instance_uid))
    if search.strip():
        conditions.append(_found(principal, now, search))
        with context.database.begin() as connection:
            audit.record(connection, AuditEvent.QUERY, principal, at=now, door="worklist")
    where = and_(*conditions)
    with context.database.read() as connection:
        total = connection.scalar(select(func.count()).select_from(cases).where(where)) or 0
        found = records(
            connection, now, where, _most_pressing_first(), min(limit, MOST_ROWS), offset
        )
        measured = measurements(connection, [record.id for record in found])
    rows = tuple(
        view_of(context, principal, record, measured[record.id], now, with_columns=True)
        for record in found
    )
    return Worklist(rows, total, now - OVERLAP)


def _found(principal: Principal, now: datetime, search: str) -> ColumnElement[bool]:
    words = [_escaped(word) for word in fold(search).split()]
    named = and_(
        *(
            or_(
                cases.c.patient_name_folded.like(f"{word}%", escape="\\"),
                cases.c.patient_name_folded.like(f"% {word}%", escape="\\"),
            )
            for word in words
        )
    )
    part = f"%{_escaped(search.strip())}%"
    by_identity = or_(named, cases.c.patient_id.ilike(part, escape="\\"))
    return or_(
        cases.c.number.ilike(part, escape="\\"),
        and_(by_identity, access.identified(principal, now)),
    )


def _has_study(principal: Principal, now: datetime, study_instance_uid: str) -> ColumnElement[bool]:
    holding = select(case_studies.c.case_id).where(
        case_studies.c.study_instance_uid == study_instance_uid
    )
    return and_(cases.c.id.in_(holding), access.identified(principal, now))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _most_pressing_first() -> tuple[ColumnElement[Any], ...]:
    """Emergencies, then by deadline; drafts and what is over come last, newest first."""
    ended = (State.CLOSED, State.CANCELLED, State.DECLINED, State.DRAFT)
    emergencies = [str(priority) for priority in Priority if priority.is_emergency]
    return (
        case((cases.c.state.in_([str(state) for state in ended]), 1), else_=0),
        case((cases.c.priority.in_(emergencies), 0), else_=1),
        case((cases.c.due_at.is_(None), 1), else_=0),
        cases.c.due_at,
        cases.c.updated_at.desc(),
        cases.c.id,
    )
