"""Sending a request, and queueing it once its images are here."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from plugins.nouns import State
from workstation import access
from workstation.consult.moves import grant, known, move, next_number
from workstation.consult.request import require_complete
from workstation.consult.rows import CaseRecord
from workstation.consult.transitions import Event
from workstation.context import Context
from workstation.database import arrivals, sites
from workstation.errors import InvalidRequest
from workstation.roles import SYSTEM, Principal

__all__ = ["assign_to", "queue_if_ready", "require_consulted_site", "send"]


def send(
    context: Context, connection: Connection, principal: Principal, case: CaseRecord
) -> CaseRecord:
    """Send a request (or again, after a redirection): number, grant, and the queue when ready."""
    access.require(principal, Event.SUBMIT, case)
    require_complete(case)
    now = context.clock()
    changes: dict[str, Any] = {"submitted_at": now, "paused_seconds": 0}
    if not case.number:
        changes["number"] = next_number(connection, now)
    if case.requester is None:  # a draft that intake made: whoever sends it asks
        changes["requester"] = principal.username
    case = move(
        context,
        connection,
        principal,
        case,
        Event.SUBMIT,
        changes,
        consent_basis=case.consent_basis,
        share_scope=case.share_scope,
        site=case.consulted_site,
    )
    grant(context, connection, principal, case)
    return queue_if_ready(context, connection, known(connection, now, case.id))


def queue_if_ready(context: Context, connection: Connection, case: CaseRecord) -> CaseRecord:
    """Queue a sent case whose images are here: all of them, or in an emergency the first."""
    has_images = any(study.instance_count for study in case.studies)
    if case.state is not State.SUBMITTED or not has_images:
        return case
    if not case.priority.is_emergency and _is_arriving(connection, case.study_instance_uids):
        return case
    case = move(context, connection, SYSTEM, case, Event.QUEUE)
    if case.assignee is not None:  # it was somebody's before something was found missing
        case = assign_to(context, connection, SYSTEM, case, case.assignee.username)
    return case


def assign_to(
    context: Context,
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    username: str,
) -> CaseRecord:
    given = {"assignee": username}
    return move(context, connection, principal, case, Event.ASSIGN, given, username=username)


def require_consulted_site(connection: Connection, code: str | None) -> None:
    """Opinions are asked from active upper-tier sites."""
    if not code:
        return
    row = connection.execute(select(sites).where(sites.c.code == code)).first()
    if row is None or not row.active or row.tier != "upper":
        raise InvalidRequest(
            "unknown_consulted_site",
            f"{code} không phải cơ sở hội chẩn đang hoạt động.",
            f"{code} is no active site that gives opinions.",
            field="consulted_site",
        )


def _is_arriving(connection: Connection, study_instance_uids: Iterable[str]) -> bool:
    """Whether intake still waits for one of the studies to go quiet."""
    waiting = arrivals.c.study_instance_uid.in_(list(study_instance_uids))
    return connection.execute(select(arrivals.c.site).where(waiting)).first() is not None
