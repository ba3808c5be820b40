"""The way home of a signed opinion: what is to be sent where, and what became of it.

Rows are written in the transaction that signs (`plan`); the outbox sends them. An opinion for a
hospital without a receiving AE waits under an empty destination until there is one.
"""

import uuid
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from plugins.contributions import Exporter
from plugins.nouns import Label, OpinionKind
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult.moves import known
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.database import ae_titles, cases, deliveries, opinions
from workstation.errors import Conflict
from workstation.roles import Principal

__all__ = ["Delivery", "is_home", "list_deliveries", "plan", "readdress", "retry"]

DUE, SENT, LANDED, REFUSED = "due", "sent", "landed", "refused"


@dataclass(frozen=True)
class Delivery:
    """One exporter's objects for one study, on the way to one AE."""

    id: str
    opinion_id: str
    case_id: str
    destination: str
    study_instance_uid: str
    exporter: str
    exporter_title: Label
    state: str
    attempts: int
    next_attempt_at: datetime | None
    objects: tuple[dict[str, str], ...]
    proof: str
    last_error: dict[str, str]
    created_at: datetime
    sent_at: datetime | None
    landed_at: datetime | None


def plan(context: Context, connection: Connection, case: CaseRecord, opinion_id: str) -> int:
    """Write what must be sent of a new opinion; return how many rows.

    One row for each receiving AE of the asking site, study, and exporter that is no fallback.
    """
    destinations = _receiving(connection, case.requesting_site) or [""]
    exporters = [one.id for one in context.plugins.of(Exporter) if not one.fallback_for]
    now = context.clock()
    rows = [
        {
            "id": str(uuid.uuid4()),
            "opinion_id": opinion_id,
            "case_id": case.id,
            "destination": destination,
            "study_instance_uid": study_instance_uid,
            "exporter": exporter,
            "state": DUE,
            "next_attempt_at": now,
            "created_at": now,
        }
        for destination in destinations
        for study_instance_uid in case.study_instance_uids
        for exporter in exporters
    ]
    if rows:
        connection.execute(insert(deliveries), rows)
    return len(rows)


def readdress(connection: Connection, site: str, at: datetime) -> None:
    """A hospital has a receiving AE now: its first gets what waited for one."""
    destinations = _receiving(connection, site)
    if not destinations:
        return
    of_site = select(cases.c.id).where(cases.c.requesting_site == site)
    connection.execute(
        update(deliveries)
        .where(deliveries.c.destination == "", deliveries.c.case_id.in_(of_site))
        .values(destination=destinations[0], state=DUE, next_attempt_at=at, last_error={})
    )


def is_home(connection: Connection, case_id: str) -> bool:
    """Whether everything of the newest opinion that was to be sent has landed (or is refused)."""
    newest = connection.scalar(
        select(opinions.c.id)
        .where(opinions.c.case_id == case_id, opinions.c.kind != OpinionKind.PRELIMINARY)
        .order_by(opinions.c.version.desc())
        .limit(1)
    )
    wanted = select(deliveries.c.state).where(deliveries.c.opinion_id == newest)
    states = set(connection.scalars(wanted))
    return LANDED in states and states <= {LANDED, REFUSED}


def list_deliveries(context: Context, principal: Principal, case_id: str) -> list[Delivery]:
    """All deliveries of a case, newest opinion first."""
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.SEE_HEADER, case)
        rows = connection.execute(
            select(deliveries)
            .join(opinions, opinions.c.id == deliveries.c.opinion_id)
            .where(deliveries.c.case_id == case_id)
            .order_by(opinions.c.version.desc(), deliveries.c.destination, deliveries.c.exporter)
        ).all()
    header_only = not access.may(principal, Action.SEE, case)
    return [_delivery(context, row, header_only) for row in rows]


def retry(context: Context, principal: Principal, case_id: str, delivery_id: str) -> Delivery:
    """Send again now what has not landed; also after a refusal (the PACS may have changed)."""
    now = context.clock()
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.RETRY_DELIVERY, case)
        row = _row(connection, case_id, delivery_id)
        if row.state == LANDED:
            raise Conflict(
                "already_landed", "Kết quả đã đến nơi.", "This has landed already.", id=delivery_id
            )
        readdress(connection, case.requesting_site, now)
        # attempts begin anew, and so do the waits between them
        values: dict[str, Any] = {"next_attempt_at": now, "attempts": 0}
        if row.state == REFUSED:
            values["state"] = DUE
        itself = deliveries.c.id == delivery_id
        connection.execute(update(deliveries).where(itself).values(**values))
        audit.record(
            connection,
            AuditEvent.DELIVERY,
            principal,
            at=now,
            delivery=delivery_id,
            case=case_id,
            state="retry",
        )
        row = _row(connection, case_id, delivery_id)
    return _delivery(context, row, not access.may(principal, Action.SEE, case))


def _receiving(connection: Connection, site: str) -> list[str]:
    wanted = select(ae_titles.c.ae_title).where(ae_titles.c.site == site, ae_titles.c.receives)
    return list(connection.scalars(wanted.order_by(ae_titles.c.ae_title)))


def _row(connection: Connection, case_id: str, delivery_id: str) -> Row[Any]:
    row = connection.execute(
        select(deliveries).where(deliveries.c.id == delivery_id, deliveries.c.case_id == case_id)
    ).first()
    if row is None:
        raise access.not_found()
    return row


def _delivery(context: Context, row: Row[Any], header_only: bool) -> Delivery:
    exporter = context.plugins.get(Exporter, row.exporter)
    values = dict(row._mapping)
    values["exporter_title"] = exporter.title if exporter else row.exporter
    values["objects"] = () if header_only else tuple(row.objects)
    if header_only:
        values["study_instance_uid"] = ""
    return Delivery(**{field.name: values[field.name] for field in fields(Delivery)})
