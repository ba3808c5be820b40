"""Moving a case along its states: row, event, clocks and audit together."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from plugins.nouns import Priority
from workstation import audit
from workstation.access import not_found, require
from workstation.audit import AuditEvent
from workstation.consult import clocks, events
from workstation.consult.rows import CaseRecord, find
from workstation.consult.transitions import TRANSITIONS, Event
from workstation.context import Context
from workstation.database import counters, share_grants
from workstation.errors import InvalidRequest
from workstation.roles import Principal

__all__ = ["grant", "known", "move", "next_number", "reclock", "revoke_grants"]

# How long experts keep their access after a case is closed, for an addendum.
ACCESS_AFTER_CLOSING = timedelta(days=90)


def known(connection: Connection, at: datetime, case_id: str) -> CaseRecord:
    """The case of that id; `NotFound` without one. The caller applies the rule."""
    case = find(connection, at, case_id)
    if case is None:
        raise not_found()
    return case


def move(
    context: Context,
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    event: Event,
    changes: dict[str, Any] | None = None,
    **detail: Any,
) -> CaseRecord:
    """Let `event` happen to `case`; return the case as it is then.

    Parameters
    ----------
    connection : Connection
        From `Database.begin`; `case` was read in it.
    changes : dict, optional
        Columns set besides the state and the clocks.
    detail
        What else the event tells; ``reason`` where the table asks for one.

    Raises
    ------
    NotFound, NotAllowed, Conflict
        As `access.require`.
    InvalidRequest
        A reason is needed and was not given.
    """
    require(principal, event, case)
    line = TRANSITIONS[case.state, event]
    if line.needs_reason and not str(detail.get("reason") or "").strip():
        raise InvalidRequest(
            "reason_missing", "Cần ghi rõ lý do.", "A reason is needed.", field="reason"
        )
    now = context.clock()
    columns: dict[str, Any] = {**(changes or {}), "state": str(line.target)}
    paused = timedelta(seconds=case.paused_seconds)
    if clocks.pauses(case.priority, line.target):
        columns["paused_at"] = now
    elif case.paused_at is not None:
        paused += now - case.paused_at
        columns.update(paused_at=None, paused_seconds=round(paused.total_seconds()))
    columns["due_at"] = clocks.due_at(
        case.priority,
        line.target,
        submitted_at=columns.get("submitted_at", case.submitted_at),
        signed_at=columns.get("signed_at", case.signed_at),
        entered_at=now,
        paused=paused,
    )
    detail = {"from": str(case.state), "to": str(line.target), **detail}
    events.append(connection, principal, now, case.id, str(event), detail, columns)
    return known(connection, now, case.id)


def reclock(case: CaseRecord, priority: Priority, at: datetime) -> dict[str, Any]:
    """The clock columns of a case that gets another priority without moving.

    In an emergency no time is forgiven: what was paused before counts again.
    """
    columns: dict[str, Any] = {}
    paused = timedelta(seconds=case.paused_seconds)
    if priority.is_emergency:
        paused = timedelta()
        columns.update(paused_at=None, paused_seconds=0)
    elif clocks.pauses(priority, case.state) and case.paused_at is None:
        columns["paused_at"] = at
    columns["due_at"] = clocks.due_at(
        priority,
        case.state,
        submitted_at=case.submitted_at,
        signed_at=case.signed_at,
        entered_at=case.updated_at,
        paused=paused,
    )
    return columns


def grant(context: Context, connection: Connection, principal: Principal, case: CaseRecord) -> None:
    """Let the consulted site read this case (law 15/2023/QH15 Art 69)."""
    now = context.clock()
    connection.execute(
        insert(share_grants).values(
            case_id=case.id,
            granted_to=case.consulted_site,
            scope=case.share_scope,
            granted_by=principal.username,
            granted_at=now,
        )
    )
    audit.record(
        connection,
        AuditEvent.SHARE_GRANT,
        principal,
        at=now,
        case_id=case.id,
        granted_to=case.consulted_site,
        scope=case.share_scope,
    )


def revoke_grants(
    context: Context,
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    *,
    after: timedelta = timedelta(),
) -> None:
    """End the grants of a case, now or `after` some time."""
    now = context.clock()
    living = (share_grants.c.case_id == case.id) & share_grants.c.revoked_at.is_(None)
    ending: dict[str, Any] = {"expires_at": now + after} if after else {"revoked_at": now}
    if connection.execute(update(share_grants).where(living).values(**ending)).rowcount:
        audit.record(
            connection,
            AuditEvent.SHARE_GRANT,
            principal,
            at=now,
            case_id=case.id,
            ends_at=(now + after).isoformat(),
        )


def next_number(connection: Connection, at: datetime) -> str:
    """The next case number of the year in Vietnam, without gaps: HC-2026-000123."""
    year = at.astimezone(clocks.VIETNAM).year
    name = f"case {year}"
    mine = counters.c.name == name
    # one writer at a time: nobody takes the same number between these two statements
    if connection.execute(update(counters).where(mine).values(value=counters.c.value + 1)).rowcount:
        value = connection.scalar(select(counters.c.value).where(mine))
    else:
        value = 1
        connection.execute(insert(counters).values(name=name, value=value))
    return f"HC-{year}-{value:06d}"
