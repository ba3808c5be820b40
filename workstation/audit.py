"""Who did what: append-only events, each hashed together with its predecessor.

An event is written in the transaction of the act it tells of, so neither exists without the
other. The database refuses to change or delete rows; `verify` finds rows changed all the same.
Event names follow PS3.15 A.5.3; codes are of PS3.16 CID 400 and 401, or ours where none fits.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from workstation.context import Context
from workstation.database import audit_events, counters
from workstation.errors import NotFound
from workstation.roles import Principal, Role

__all__ = [
    "CODES",
    "AuditEvent",
    "AuditRow",
    "BrokenRow",
    "head",
    "list_events",
    "record",
    "verify",
]

GENESIS = "0" * 64
COUNTER = "audit"


class AuditEvent(StrEnum):
    """What is recorded."""

    APPLICATION_START = "application start"
    APPLICATION_STOP = "application stop"
    LOGIN = "login"
    LOGOUT = "logout"
    INSTANCES_RECEIVED = "instances received"
    INSTANCES_SENT = "instances sent"
    INSTANCES_ACCESSED = "instances accessed"
    QUERY = "query"
    EXPORT = "export"
    IMPORT = "import"
    STUDY_DELETED = "study deleted"
    ORDER_RECORD = "order record"
    PROCEDURE_RECORD = "procedure record"
    ROLES_CHANGED = "security roles changed"
    USER_CHANGED = "user security attributes changed"
    CONFIGURATION_CHANGED = "security configuration"
    AUDIT_LOG_USED = "audit log used"
    QUARANTINE = "quarantine"
    ANNOTATION = "annotation"
    RESULT = "result"
    SIGN = "sign"
    SHARE_GRANT = "share grant"
    DECISION = "decision"
    DELIVERY = "delivery"


# DICOM codes of the events that have one (PS3.16 CID 400 "Audit Event ID", 401 "Type Code").
CODES: Mapping[AuditEvent, tuple[str, str]] = {
    AuditEvent.APPLICATION_START: ("110100", "110120"),
    AuditEvent.APPLICATION_STOP: ("110100", "110121"),
    AuditEvent.LOGIN: ("110114", "110122"),
    AuditEvent.LOGOUT: ("110114", "110123"),
    AuditEvent.INSTANCES_RECEIVED: ("110104", ""),
    AuditEvent.INSTANCES_SENT: ("110104", ""),
    AuditEvent.INSTANCES_ACCESSED: ("110103", ""),
    AuditEvent.QUERY: ("110112", ""),
    AuditEvent.EXPORT: ("110106", ""),
    AuditEvent.IMPORT: ("110107", ""),
    AuditEvent.STUDY_DELETED: ("110105", ""),
    AuditEvent.ORDER_RECORD: ("110109", ""),
    AuditEvent.PROCEDURE_RECORD: ("110111", ""),
    AuditEvent.ROLES_CHANGED: ("110113", "110136"),
    AuditEvent.USER_CHANGED: ("110113", "110137"),
    AuditEvent.CONFIGURATION_CHANGED: ("110113", "110129"),
    AuditEvent.AUDIT_LOG_USED: ("110101", ""),
}


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """The first row that does not fit the chain, and why."""

    sequence: int
    reason: str


def record(
    connection: Connection,
    event: AuditEvent,
    actor: Principal,
    *,
    at: datetime,
    outcome: str = "success",
    **subject: Any,
) -> int:
    """Append one event inside the caller's writing transaction; return its number.

    Parameters
    ----------
    connection : Connection
        From `Database.begin`, which lets one writer in at a time: the predecessor stays the last.
    outcome : str
        "success" or "failure".
    subject
        JSON values that say what it was about: UIDs, ids, counts. Never a patient's name.
    """
    sequence, previous_hash = head(connection)
    values = {
        "sequence": sequence + 1,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "event": str(event),
        "actor": actor.username,
        "site": actor.site,
        "host": actor.host,
        "outcome": outcome,
        "subject": subject,
        "previous_hash": previous_hash,
    }
    connection.execute(insert(audit_events).values(**values, row_hash=_hash(values)))
    _count(connection, sequence + 1)
    return sequence + 1


def head(connection: Connection) -> tuple[int, str]:
    """Number and hash of the last row; (0, zeros) of an empty log.

    Kept outside (on paper, in another system), it proves later that nothing before was changed.
    """
    last = connection.execute(
        select(audit_events.c.sequence, audit_events.c.row_hash)
        .order_by(audit_events.c.sequence.desc())
        .limit(1)
    ).first()
    return (last.sequence, last.row_hash) if last else (0, GENESIS)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event of the log."""

    sequence: int
    at: str
    event: str
    codes: tuple[str, str]
    actor: str
    site: str
    host: str
    outcome: str
    subject: Mapping[str, Any]
    row_hash: str


def list_events(
    context: Context,
    principal: Principal,
    *,
    event: str = "",
    actor: str = "",
    site: str = "",
    before: int | None = None,
    limit: int = 100,
) -> list[AuditRow]:
    """The log, latest first, for administrators; reading it is itself recorded."""
    if not (principal.is_system or principal.has(Role.ADMINISTRATOR)):
        raise NotFound("not_found", "Không tìm thấy.", "Not found.")
    wanted = select(audit_events).order_by(audit_events.c.sequence.desc()).limit(limit)
    for column, value in (
        (audit_events.c.event, event),
        (audit_events.c.actor, actor),
        (audit_events.c.site, site),
    ):
        if value:
            wanted = wanted.where(column == value)
    if before is not None:
        wanted = wanted.where(audit_events.c.sequence < before)
    with context.database.begin() as connection:
        rows = connection.execute(wanted).all()
        record(connection, AuditEvent.AUDIT_LOG_USED, principal, at=context.clock())
    return [
        AuditRow(
            row.sequence,
            row.at,
            row.event,
            CODES.get(AuditEvent(row.event), ("", "")),
            row.actor,
            row.site,
            row.host,
            row.outcome,
            row.subject,
            row.row_hash,
        )
        for row in rows
    ]


def verify(context: Context) -> BrokenRow | None:
    """Walk the whole chain; return the first row that does not fit, or None."""
    expected, previous_hash = 1, GENESIS
    with context.database.read() as connection:
        for row in _rows(connection):
            if row.sequence != expected:
                return BrokenRow(expected, f"row {expected} is missing")
            if row.previous_hash != previous_hash:
                return BrokenRow(row.sequence, "it does not follow the row before it")
            if row.row_hash != _hash(_hashed_values(row)):
                return BrokenRow(row.sequence, "its content was changed")
            expected, previous_hash = expected + 1, row.row_hash
        counted = connection.scalar(select(counters.c.value).where(counters.c.name == COUNTER))
    if counted is not None and counted != expected - 1:
        return BrokenRow(
            expected, f"the log ends at row {expected - 1}, yet {counted} were written"
        )
    return None


def _rows(connection: Connection) -> Iterator[Row[Any]]:
    statement = select(audit_events).order_by(audit_events.c.sequence)
    yield from connection.execution_options(yield_per=1000).execute(statement)


def _hashed_values(row: Row[Any]) -> dict[str, Any]:
    return {
        column.name: row._mapping[column.name]
        for column in audit_events.columns
        if column.name != "row_hash"
    }


def _hash(values: Mapping[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _count(connection: Connection, sequence: int) -> None:
    """Remember how many rows there are: a log cut off at its end fits its own chain."""
    changed = connection.execute(
        update(counters).where(counters.c.name == COUNTER).values(value=sequence)
    )
    if changed.rowcount == 0:
        connection.execute(insert(counters).values(name=COUNTER, value=sequence))
