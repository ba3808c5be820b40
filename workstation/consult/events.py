"""A case's own history: each change of its row is an event, in the same transaction.

The events alone are enough to rebuild the row (`replay`): whoever doubts the row asks them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from plugins.nouns import State
from workstation import audit
from workstation.audit import AuditEvent
from workstation.database import case_events, cases
from workstation.roles import Principal

__all__ = ["CaseEvent", "append", "append_first", "history", "replay", "touch"]


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One event. ``changes`` are the columns of the case that it set, as JSON values."""

    id: int
    case_id: str
    kind: str
    actor: str
    at: datetime
    detail: Mapping[str, Any]
    changes: Mapping[str, Any]


def append_first(
    connection: Connection,
    principal: Principal,
    at: datetime,
    values: Mapping[str, Any],
    detail: Mapping[str, Any],
) -> None:
    """Insert the row of a new case, with the event that tells of it."""
    connection.execute(insert(cases).values(**values, updated_at=at, revision=1))
    _insert(connection, principal, at, values["id"], "created", detail, values)


def append(
    connection: Connection,
    principal: Principal,
    at: datetime,
    case_id: str,
    kind: str,
    detail: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> None:
    """Change the row of a case, with the event that tells of it."""
    if changes:
        connection.execute(
            update(cases)
            .where(cases.c.id == case_id)
            .values(**changes, updated_at=at, revision=cases.c.revision + 1)
        )
    _insert(connection, principal, at, case_id, kind, detail, changes)


def touch(connection: Connection, at: datetime, case_ids: Iterable[str]) -> None:
    """Let worklists know that something about these cases is new (images, marks, deliveries)."""
    connection.execute(
        update(cases)
        .where(cases.c.id.in_(list(case_ids)))
        .values(updated_at=at, revision=cases.c.revision + 1)
    )


def history(connection: Connection, case_id: str) -> list[CaseEvent]:
    """All events of a case, oldest first."""
    rows = connection.execute(
        select(case_events).where(case_events.c.case_id == case_id).order_by(case_events.c.id)
    )
    return [CaseEvent(**row._mapping) for row in rows]


def replay(events: Iterable[CaseEvent]) -> dict[str, Any]:
    """The row of the case as its events tell it: column → JSON value."""
    row: dict[str, Any] = {}
    for event in events:
        row.update(event.changes)
    return row


def _insert(
    connection: Connection,
    principal: Principal,
    at: datetime,
    case_id: str,
    kind: str,
    detail: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> None:
    connection.execute(
        insert(case_events).values(
            case_id=case_id,
            kind=kind,
            actor=principal.username,
            at=at,
            detail=dict(detail),
            changes={key: as_json(value) for key, value in changes.items()},
        )
    )
    states = {key: detail[key] for key in ("from", "to") if key in detail}
    audit.record(
        connection,
        AuditEvent.PROCEDURE_RECORD if states else AuditEvent.ORDER_RECORD,
        principal,
        at=at,
        case_id=case_id,
        kind=kind,
        **states,
    )


def as_json(value: Any) -> Any:
    """A column's value as it stands in an event."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, State) else value
