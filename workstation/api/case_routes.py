"""Consult cases: from the request to the outcome."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from plugins.nouns import Priority, State
from workstation import access
from workstation.api.bodies import (
    AssignBody,
    CaseBody,
    CaseChange,
    CloseBody,
    DecideBody,
    IncompleteBody,
    ReasonBody,
    RedirectBody,
    StartBody,
)
from workstation.api.dependencies import Caller, Here, Moment
from workstation.api.encoding import case_json, event_json, plain, reader_json
from workstation.api.shapes import Case, CaseGivenAway, Cases, Event, Reader, answers, many
from workstation.consult import case as cases
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.errors import InvalidRequest
from workstation.roles import Principal

__all__ = ["router"]

router = APIRouter(tags=["cases"])


@router.get("/cases", summary="Danh sách ca / Worklist", responses=answers(Cases))
def list_cases(
    context: Here,
    principal: Caller,
    state: Annotated[list[str], Query(description="queued, reading … (nhiều / several)")] = [],  # noqa: B006
    priority: Annotated[list[str], Query(description="P0, P1 …")] = [],  # noqa: B006
    area: str = "",
    mine: Annotated[bool, Query(description="Tôi gửi hoặc tôi đọc / Asked or read by me")] = False,
    search: Annotated[str, Query(description="Tên, mã, số ca / Name, id, case number")] = "",
    study: Annotated[str, Query(description="Study Instance UID")] = "",
    since: Annotated[Moment | None, Query(description="Đổi sau lúc / Changed after")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    found = cases.list_cases(
        context,
        principal,
        states=_choices(state, State, "state"),
        priorities=_choices(priority, Priority, "priority"),
        area=area,
        mine=mine,
        search=search,
        study_instance_uid=study,
        since=since,
        limit=limit,
        offset=offset,
    )
    items = [case_json(row) for row in found.rows]
    return {"items": items, "total": found.total, "at": plain(found.at)}


@router.post(
    "/cases",
    status_code=201,
    summary="Tạo phiếu yêu cầu / Make a request",
    responses=answers(Case, 201),
)
def create_case(context: Here, principal: Caller, body: CaseBody) -> dict[str, Any]:
    made = cases.create(context, principal, body.fields(), submit=body.submit)
    return _shown(context, principal, made)


@router.get("/cases/{id}", summary="Một ca / One case", responses=answers(Case))
def read_case(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    return _shown(context, principal, cases.get(context, principal, id))


@router.patch(
    "/cases/{id}", summary="Sửa phiếu yêu cầu / Change the request", responses=answers(Case)
)
def change_case(context: Here, principal: Caller, id: str, body: CaseChange) -> dict[str, Any]:
    changed = cases.update_request(context, principal, id, body.fields())
    return _shown(context, principal, changed)


@router.get(
    "/cases/{id}/events", summary="Diễn biến ca / What happened", responses=answers(many(Event))
)
def list_events(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    found = cases.history(context, principal, id)
    return {"items": [event_json(one) for one in found], "total": len(found)}


@router.get(
    "/cases/{id}/readers",
    summary="Ai đang mở ca / Who has the case open",
    responses=answers(many(Reader)),
)
def list_readers(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    found = cases.readers(context, principal, id)
    return {"items": [reader_json(one) for one in found], "total": len(found)}


@router.post("/cases/{id}/submit", summary="Gửi / Send", responses=answers(Case))
def submit(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    return _shown(context, principal, cases.submit(context, principal, id))


@router.post(
    "/cases/{id}/incomplete",
    summary="Báo thiếu dữ liệu / Report what is missing",
    responses=answers(Case),
)
def report_incomplete(
    context: Here, principal: Caller, id: str, body: IncompleteBody
) -> dict[str, Any]:
    changed = cases.report_incomplete(context, principal, id, body.missing, body.reason)
    return _shown(context, principal, changed)


@router.post(
    "/cases/{id}/complete", summary="Đã bổ sung đủ / All is there now", responses=answers(Case)
)
def complete(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    return _shown(context, principal, cases.complete(context, principal, id))


@router.post("/cases/{id}/assign", summary="Phân công / Assign", responses=answers(Case))
def assign(
    context: Here, principal: Caller, id: str, body: AssignBody | None = None
) -> dict[str, Any]:
    username = body.username if body else None
    return _shown(context, principal, cases.assign(context, principal, id, username))


@router.post("/cases/{id}/start", summary="Mở để đọc / Open for reading", responses=answers(Case))
def start(
    context: Here, principal: Caller, id: str, body: StartBody | None = None
) -> dict[str, Any]:
    take_over = body.take_over if body else False
    opened = cases.start_reading(context, principal, id, take_over=take_over)
    return _shown(context, principal, opened)


@router.post(
    "/cases/{id}/decline",
    summary="Trả lại hoặc từ chối / Hand back or refuse",
    responses=answers(Case | CaseGivenAway),
)
def decline(context: Here, principal: Caller, id: str, body: ReasonBody) -> dict[str, Any]:
    return _shown(context, principal, cases.decline(context, principal, id, body.reason))


@router.post(
    "/cases/{id}/redirect",
    summary="Chuyển cơ sở khác / Redirect",
    responses=answers(Case | CaseGivenAway),
)
def redirect(context: Here, principal: Caller, id: str, body: RedirectBody) -> dict[str, Any]:
    changed = cases.redirect(context, principal, id, body.consulted_site, body.reason)
    return _shown(context, principal, changed)


@router.post("/cases/{id}/cancel", summary="Hủy / Cancel", responses=answers(Case))
def cancel(context: Here, principal: Caller, id: str, body: ReasonBody) -> dict[str, Any]:
    return _shown(context, principal, cases.cancel(context, principal, id, body.reason))


@router.post(
    "/cases/{id}/acknowledge", summary="Xác nhận đã đọc / Acknowledge", responses=answers(Case)
)
def acknowledge(context: Here, principal: Caller, id: str) -> dict[str, Any]:
    return _shown(context, principal, cases.acknowledge(context, principal, id))


@router.post(
    "/cases/{id}/decide", summary="Quyết định của bác sĩ điều trị / Decide", responses=answers(Case)
)
def decide(context: Here, principal: Caller, id: str, body: DecideBody) -> dict[str, Any]:
    changed = cases.decide(context, principal, id, body.decision, body.reason)
    return _shown(context, principal, changed)


@router.post(
    "/cases/{id}/close",
    summary="Báo kết quả và đóng / Report the outcome, close",
    responses=answers(Case),
)
def close(
    context: Here, principal: Caller, id: str, body: CloseBody | None = None
) -> dict[str, Any]:
    outcome = body.model_dump() if body else {}
    return _shown(context, principal, cases.close(context, principal, id, outcome))


def _shown(context: Context, principal: Principal, record: CaseRecord) -> dict[str, Any]:
    if not access.parties(principal, record):
        # just given away (redirected, refused): no more of it than its caller knew
        return {"id": record.id, "number": record.number, "state": str(record.state)}
    readers = cases.readers(context, principal, record.id)
    return case_json(cases.view(context, principal, record), readers)


def _choices(
    given: list[str], kind: type[State] | type[Priority], field: str
) -> list[State | Priority]:
    try:
        return [kind(one) for text in given for one in text.split(",") if one]
    except ValueError:
        known = ", ".join(kind)
        raise InvalidRequest(
            "invalid_choice",
            f"Mục {field} phải là một trong: {known}.",
            f"The field {field} is one of {known}.",
            field=field,
        ) from None
