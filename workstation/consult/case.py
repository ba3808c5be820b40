"""A consult case: made, changed, looked at. The whole course is reached from here.

Each function checks the rule (`access`), changes the case and writes event and audit in one
transaction. The pages and the API call the same functions.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from plugins.nouns import Case, Person, Priority, State
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult import events
from workstation.consult.course import (
    acknowledge,
    assign,
    cancel,
    close,
    complete,
    decide,
    decline,
    mark_delivered,
    redirect,
    report_incomplete,
    start_reading,
)
from workstation.consult.events import CaseEvent
from workstation.consult.matching import (
    adopt_draft,
    attach,
    change_studies,
    complete_study,
    own_studies,
    receive_study,
)
from workstation.consult.moves import known, reclock
from workstation.consult.request import checked, new_questions, patient_of, require_same_patient
from workstation.consult.result_rows import confirmed_results
from workstation.consult.rows import CaseRecord, measurements, noun
from workstation.consult.sending import queue_if_ready, require_consulted_site, send
from workstation.consult.views import CaseView, view_of
from workstation.consult.worklist import list_cases
from workstation.context import Context
from workstation.database import case_readers, users
from workstation.errors import Conflict, NotAllowed
from workstation.roles import SYSTEM, Principal, Role

__all__ = [
    "CaseView",
    "Reader",
    "acknowledge",
    "assign",
    "cancel",
    "close",
    "complete",
    "complete_study",
    "create",
    "decide",
    "decline",
    "get",
    "history",
    "list_cases",
    "load_case",
    "mark_delivered",
    "readers",
    "receive_study",
    "redirect",
    "report_incomplete",
    "start_reading",
    "submit",
    "update_request",
    "view",
]

# Someone who opened a case this recently is said to have it open.
OPEN_FOR = timedelta(minutes=30)
# Looking at the same case again is written down this often.
SEEN_EVERY = timedelta(minutes=30)


@dataclass(frozen=True)
class Reader:
    """Someone else who has the case open or reads it."""

    person: Person
    opened_at: datetime
    seen_at: datetime
    assigned: bool


def create(
    context: Context,
    principal: Principal,
    request: Mapping[str, Any],
    *,
    submit: bool = False,
) -> CaseRecord:
    """Make a case of the principal's site from the fields of the request form.

    A study that came in unasked already has a draft without a requester: that draft is adopted.
    With ``submit`` the request is sent in the same transaction, so it is sent whole or not made.
    """
    _require_requester(principal)
    fields = dict(request)
    questions = new_questions(fields.pop("questions", ()))
    wanted = list(dict.fromkeys(fields.pop("study_instance_uids", ())))
    values = {"area": "radiology", "priority": str(Priority.P3), **checked(fields)}
    studies = own_studies(context, principal, wanted)
    require_same_patient(studies)
    if studies:
        values.update(patient_of(studies[0]))
    now = context.clock()
    with context.database.begin() as connection:
        require_consulted_site(connection, values.get("consulted_site"))
        values.update(requester=principal.username, questions=questions)
        draft = adopt_draft(context, connection, principal, wanted)
        if draft is not None:
            case_id = draft.id
            detail = {"studies": wanted}
            events.append(connection, principal, now, case_id, "adopted", detail, values)
        else:
            case_id = _insert(connection, principal, now, values, wanted)
        for study in studies:
            attach(connection, case_id, study)
        case = known(connection, now, case_id)
        return send(context, connection, principal, case) if submit else case


def update_request(
    context: Context, principal: Principal, case_id: str, changes: Mapping[str, Any]
) -> CaseRecord:
    """Change fields of the form. Once sent, what was asked and consented to stays.

    Later clinical facts, a name for an unknown patient, more studies and the priority may still
    be added.
    """
    fields = dict(changes)
    questions = fields.pop("questions", None)
    wanted = fields.pop("study_instance_uids", None)
    values = checked(fields)
    now = context.clock()
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        only_priority = set(changes) == {"priority"}
        access.require(principal, Action.CHANGE_PRIORITY if only_priority else Action.EDIT, case)
        if case.state is not State.DRAFT:
            _require_late_fields(changes)
        if "consulted_site" in values:
            require_consulted_site(connection, values["consulted_site"])
        if "clinical" in values:
            values["clinical"] = {**case.clinical, **values["clinical"]}
        if questions is not None:
            values["questions"] = new_questions(questions, case.questions)
        if wanted is not None:
            values.update(change_studies(context, connection, principal, case, wanted))
        elif case.studies:
            for column in ("name", "name_folded", "id", "birth_date", "sex"):
                values.pop(f"patient_{column}", None)  # the images say who it is
        if "priority" in values:
            values.update(reclock(case, Priority(values["priority"]), now))
        detail = {"fields": sorted(changes)}
        if case.requester is None and not only_priority:
            values["requester"] = principal.username
        events.append(connection, principal, now, case_id, "changed", detail, values)
        case = known(connection, now, case_id)
        return queue_if_ready(context, connection, case)


def submit(context: Context, principal: Principal, case_id: str) -> CaseRecord:
    """Send the request; also the requester's consent to a redirection."""
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        return send(context, connection, principal, case)


def get(context: Context, principal: Principal, case_id: str) -> CaseRecord:
    """The case, or `NotFound` where the principal may not know of it.

    That somebody saw whose case it is goes to the audit, once in a while.
    """
    now = context.clock()
    with context.database.read() as connection:
        case = known(connection, now, case_id)
    access.require(principal, Action.SEE_HEADER, case)
    identified = not principal.is_system and access.may(principal, Action.SEE, case)
    if identified and context.is_time(("saw", principal.username, case_id), SEEN_EVERY):
        with context.database.begin() as connection:
            audit.record(
                connection,
                AuditEvent.ORDER_RECORD,
                principal,
                at=now,
                case_id=case_id,
                kind="seen",
            )
    return case


def view(context: Context, principal: Principal, record: CaseRecord) -> CaseView:
    """What the principal may see of a case it got from one of these functions."""
    with context.database.read() as connection:
        measured = measurements(connection, [record.id])[record.id]
        results = confirmed_results(context, connection, record.id)
    return view_of(context, principal, record, measured, context.clock(), results=results)


def load_case(context: Context, case_id: str, principal: Principal = SYSTEM) -> Case:
    """The case as guests see it."""
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.SEE, case)
        results = confirmed_results(context, connection, case_id)
        return noun(case, measurements(connection, [case_id])[case_id], results)


def history(context: Context, principal: Principal, case_id: str) -> list[CaseEvent]:
    """What happened to the case, oldest first; without what the queue must not know."""
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.SEE_HEADER, case)
        found = events.history(connection, case_id)
    if access.may(principal, Action.SEE, case):
        return found
    plain = ("from", "to", "username", "site")
    return [
        CaseEvent(
            event.id,
            event.case_id,
            event.kind,
            event.actor,
            event.at,
            {key: event.detail[key] for key in plain if key in event.detail},
            {},
        )
        for event in found
    ]


def readers(context: Context, principal: Principal, case_id: str) -> list[Reader]:
    """The others who have the case open or assigned."""
    now = context.clock()
    with context.database.read() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.SEE_HEADER, case)
        rows = connection.execute(
            select(case_readers, users.c.name, users.c.site, users.c.roles)
            .join(users, users.c.username == case_readers.c.username)
            .where(
                case_readers.c.case_id == case_id,
                case_readers.c.username != principal.username,
                case_readers.c.seen_at > now - OPEN_FOR,
            )
            .order_by(case_readers.c.opened_at)
        ).all()
    assignee = case.assignee.username if case.assignee else ""
    return [
        Reader(
            Person(row.username, row.name, row.site, tuple(row.roles)),
            row.opened_at,
            row.seen_at,
            row.username == assignee,
        )
        for row in rows
    ]


def _insert(
    connection: Connection,
    principal: Principal,
    at: datetime,
    values: Mapping[str, Any],
    studies: Sequence[str],
) -> str:
    case_id = str(uuid.uuid4())
    row = {
        "id": case_id,
        "state": str(State.DRAFT),
        "requesting_site": principal.site,
        "created_at": at,
        **values,
    }
    events.append_first(connection, principal, at, row, {"studies": list(studies)})
    return case_id


_LATE_FIELDS = {
    "clinical",
    "priority",
    "study_instance_uids",
    "images_to_follow",
    "patient_name",
    "patient_id",
    "patient_birth_date",
    "patient_sex",
}


def _require_late_fields(changes: Mapping[str, Any]) -> None:
    fixed = sorted(set(changes) - _LATE_FIELDS)
    if fixed:
        raise Conflict(
            "request_already_sent",
            "Phiếu đã gửi: chỉ còn bổ sung thông tin lâm sàng, ảnh và mức ưu tiên.",
            "The request was sent: only clinical facts, images and priority can still be added.",
            fields=fixed,
        )


def _require_requester(principal: Principal) -> None:
    if not principal.has(Role.REQUESTER):
        raise NotAllowed(
            "not_requester",
            "Chỉ bác sĩ yêu cầu được tạo phiếu hội chẩn.",
            "Only a requesting doctor makes a consult request.",
        )
