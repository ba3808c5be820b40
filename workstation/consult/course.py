"""What people do to a request that was sent, up to the outcome; the opinion is elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from plugins.nouns import State
from workstation import access
from workstation.access import Action
from workstation.consult.clocks import OUTCOME_DUE
from workstation.consult.deliveries import is_home
from workstation.consult.moves import ACCESS_AFTER_CLOSING, known, move, revoke_grants
from workstation.consult.rows import CaseRecord
from workstation.consult.sending import assign_to, queue_if_ready, require_consulted_site, send
from workstation.consult.transitions import Event, Party
from workstation.context import Context
from workstation.database import case_readers, users
from workstation.errors import Conflict, InvalidRequest, NotAllowed
from workstation.roles import SYSTEM, Principal
from workstation.sessions import principal_from

__all__ = [
    "DECISIONS",
    "acknowledge",
    "assign",
    "cancel",
    "close",
    "complete",
    "decide",
    "decline",
    "mark_delivered",
    "redirect",
    "remember_reader",
    "report_incomplete",
    "start_reading",
]

DECISIONS = ("adopted", "partly", "not adopted")


def report_incomplete(
    context: Context, principal: Principal, case_id: str, missing: Sequence[str], reason: str = ""
) -> CaseRecord:
    """Say what is missing; the clock waits unless it is an emergency."""
    items = [item.strip() for item in missing if item.strip()]
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        return move(
            context,
            connection,
            principal,
            case,
            Event.REPORT_INCOMPLETE,
            {"missing": items},
            missing=items,
            reason=reason or "; ".join(items),
        )


def complete(context: Context, principal: Principal, case_id: str) -> CaseRecord:
    """Say that what was missing is there; the case goes back to where it waited."""
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        case = move(context, connection, principal, case, Event.COMPLETE, {"missing": []})
        return queue_if_ready(context, connection, case)


def assign(
    context: Context, principal: Principal, case_id: str, username: str | None = None
) -> CaseRecord:
    """Give the case to an expert; experts give it to themselves only (default)."""
    username = username or principal.username
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Event.ASSIGN, case)
        if Party.COORDINATOR not in access.parties(principal, case):
            if username != principal.username:
                raise NotAllowed(
                    "not_coordinator",
                    "Chỉ điều phối viên phân công cho người khác.",
                    "Only a coordinator assigns to others.",
                )
        else:
            _require_expert(connection, case, username)
        return assign_to(context, connection, principal, case, username)


def start_reading(
    context: Context, principal: Principal, case_id: str, *, take_over: bool = False
) -> CaseRecord:
    """Open the case as an expert.

    A waiting case becomes the principal's and is read from now on. One that somebody else reads is
    opened beside them and stays theirs, unless ``take_over``.
    """
    now = context.clock()
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.WRITE, case)
        _open(connection, principal, case, now)
        if case.state in (State.QUEUED, State.ASSIGNED, State.READING):
            mine = case.assignee is not None and case.assignee.username == principal.username
            if case.state is State.QUEUED or (take_over and not mine):
                case = assign_to(context, connection, principal, case, principal.username)
                mine = True
            if mine and case.state is State.ASSIGNED:
                started = {} if case.started_at else {"started_at": now}
                case = move(context, connection, principal, case, Event.START, started)
        return case


def decline(context: Context, principal: Principal, case_id: str, reason: str) -> CaseRecord:
    """Experts hand their case back to the queue; coordinators refuse it for their site."""
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        mine = case.assignee is not None and case.assignee.username == principal.username
        if Party.COORDINATOR in access.parties(principal, case) and not mine:
            case = move(context, connection, principal, case, Event.REFUSE, reason=reason)
            revoke_grants(context, connection, principal, case)
            return known(connection, context.clock(), case_id)
        access.require(principal, Event.HAND_BACK, case)
        if not mine:
            raise NotAllowed(
                "not_assignee",
                "Ca này không được phân công cho bạn.",
                "This case is not assigned to you.",
            )
        cleared = {"assignee": None}
        return move(context, connection, principal, case, Event.HAND_BACK, cleared, reason=reason)


def redirect(
    context: Context, principal: Principal, case_id: str, site: str, reason: str
) -> CaseRecord:
    """Send the case to another site.

    All grants end. A requester's own redirection is sent at once; a coordinator's waits until the
    requester submits it again, which is the holder's consent to the new site (Art 69).
    """
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Event.REDIRECT, case)
        require_consulted_site(connection, site)
        if site == case.consulted_site:
            raise InvalidRequest(
                "same_site", "Ca đang ở cơ sở này rồi.", "The case is at this site already."
            )
        revoke_grants(context, connection, principal, case)
        elsewhere = {"consulted_site": site, "assignee": None}
        case = move(
            context,
            connection,
            principal,
            case,
            Event.REDIRECT,
            elsewhere,
            reason=reason,
            site=site,
        )
        if Party.REQUESTER in access.parties(principal, case):
            case = send(context, connection, principal, case)
        return case


def cancel(context: Context, principal: Principal, case_id: str, reason: str) -> CaseRecord:
    """Withdraw a request before it is answered; the experts' access ends."""
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        case = move(context, connection, principal, case, Event.CANCEL, reason=reason)
        revoke_grants(context, connection, principal, case)
        return known(connection, context.clock(), case_id)


def mark_delivered(context: Context, connection: Connection, case_id: str) -> None:
    """The newest opinion has landed wherever it was sent; nothing more when it was read already."""
    case = known(connection, context.clock(), case_id)
    if case.state is State.FINAL and is_home(connection, case_id):
        move(context, connection, SYSTEM, case, Event.DELIVER)


def acknowledge(context: Context, principal: Principal, case_id: str) -> CaseRecord:
    """The requester has read the opinion."""
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        return move(context, connection, principal, case, Event.ACKNOWLEDGE)


def decide(
    context: Context, principal: Principal, case_id: str, decision: str, reason: str = ""
) -> CaseRecord:
    """The treating doctor's decision on the opinion (law 15/2023/QH15 Art 64)."""
    if decision not in DECISIONS:
        raise InvalidRequest(
            "unknown_decision",
            "Quyết định phải là: theo, theo một phần hoặc không theo.",
            f"The decision is one of {', '.join(DECISIONS)}.",
            choices=list(DECISIONS),
        )
    if decision != "adopted" and not reason.strip():
        raise InvalidRequest(
            "reason_missing",
            "Cần ghi lý do khi không theo hoàn toàn.",
            "Say why the advice is not followed in full.",
            field="reason",
        )
    values = {"decision": decision, "reason": reason.strip(), "by": principal.username}
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        return move(
            context,
            connection,
            principal,
            case,
            Event.DECIDE,
            {"decision": values},
            decision=decision,
        )


def close(
    context: Context, principal: Principal, case_id: str, outcome: Mapping[str, Any]
) -> CaseRecord:
    """Report the outcome and close; after a month of silence the coordinator may close."""
    now = context.clock()
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Event.CLOSE, case)
        if Party.REQUESTER in access.parties(principal, case):
            values = _outcome(outcome)
        else:
            # due_at of this state is a month after it began
            if case.due_at is None or now < case.due_at:
                raise Conflict(
                    "outcome_not_overdue",
                    f"Chờ cơ sở yêu cầu báo kết quả trong {OUTCOME_DUE.days} ngày.",
                    f"The requesting site has {OUTCOME_DUE.days} days to report the outcome.",
                )
            values = {"no_response": True}
        columns = {"outcome": values, "closed_at": now}
        case = move(context, connection, principal, case, Event.CLOSE, columns)
        revoke_grants(context, connection, principal, case, after=ACCESS_AFTER_CLOSING)
        return case


def _require_expert(connection: Connection, case: CaseRecord, username: str) -> None:
    row = connection.execute(select(users).where(users.c.username == username)).first()
    if row is not None and row.active:
        expert = principal_from(row)
        if Party.EXPERT in access.parties(expert, case):
            return
    raise InvalidRequest(
        "not_an_expert",
        "Người này không thể đọc ca này (khác cơ sở, khác chuyên khoa hoặc là người yêu cầu).",
        "This user cannot read this case (other site, other area, or the requester).",
        field="username",
    )


def remember_reader(
    context: Context, principal: Principal, case: CaseRecord, every: timedelta = timedelta()
) -> None:
    """Write down that the principal has the case open now, if that was not done lately."""
    now = context.clock()
    mine = (case_readers.c.case_id == case.id) & (case_readers.c.username == principal.username)
    with context.database.read() as connection:
        seen_at = connection.scalar(select(case_readers.c.seen_at).where(mine))
    if seen_at is not None and now - seen_at < every:
        return
    with context.database.begin() as connection:
        _open(connection, principal, case, now)


def _open(connection: Connection, principal: Principal, case: CaseRecord, at: datetime) -> None:
    mine = (case_readers.c.case_id == case.id) & (case_readers.c.username == principal.username)
    if not connection.execute(update(case_readers).where(mine).values(seen_at=at)).rowcount:
        connection.execute(
            insert(case_readers).values(
                case_id=case.id, username=principal.username, opened_at=at, seen_at=at
            )
        )


def _outcome(given: Mapping[str, Any]) -> dict[str, Any]:
    diagnosis = str(given.get("diagnosis") or "").strip()
    if not diagnosis:
        raise InvalidRequest(
            "outcome_missing",
            "Cần chẩn đoán cuối cùng để đóng ca.",
            "The final diagnosis is needed to close the case.",
            field="diagnosis",
        )
    return {
        "diagnosis": diagnosis,
        "treatment": str(given.get("treatment") or "").strip(),
        "transferred": bool(given.get("transferred", False)),
        "transferred_to": str(given.get("transferred_to") or "").strip(),
        "died": bool(given.get("died", False)),
        "note": str(given.get("note") or "").strip(),
    }
