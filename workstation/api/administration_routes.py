"""Quarantine, guests, statistics and the audit."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from workstation import audit, quarantine
from workstation.access import not_found
from workstation.api.bodies import ReleaseBody
from workstation.api.dependencies import Caller, Here, Moment
from workstation.api.encoding import audit_json, plain
from workstation.api.shapes import (
    AuditRow,
    Conflict,
    Plugins,
    Quarantined,
    Statistics,
    StoreResult,
    Verification,
    answers,
    many,
)
from workstation.consult.statistics import statistics
from workstation.roles import Role

__all__ = ["router"]

router = APIRouter()


@router.get(
    "/quarantine",
    tags=["quarantine"],
    summary="Cách ly / Quarantine",
    responses=answers(many(Quarantined)),
)
def list_quarantined(
    context: Here,
    principal: Caller,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    found, total = quarantine.list_quarantined(context, principal, limit, offset)
    return {"items": plain(found), "total": total}


@router.get(
    "/quarantine/conflicts",
    tags=["quarantine"],
    summary="Trùng UID / Conflicts",
    responses=answers(many(Conflict)),
)
def list_conflicts(
    context: Here,
    principal: Caller,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    found = quarantine.list_conflicts(context, principal, limit, offset)
    return {"items": plain(found), "total": len(found)}


@router.post(
    "/quarantine/{id}/release",
    tags=["quarantine"],
    summary="Trả về cơ sở / Give to a site",
    responses=answers(StoreResult),
)
def release(context: Here, principal: Caller, id: int, body: ReleaseBody) -> Any:
    return plain(quarantine.release(context, principal, id, body.site))


@router.post(
    "/quarantine/{id}/discard",
    tags=["quarantine"],
    status_code=204,
    summary="Xóa / Discard",
    responses=answers(),
)
def discard(context: Here, principal: Caller, id: int) -> Response:
    quarantine.discard(context, principal, id)
    return Response(status_code=204)


@router.get(
    "/plugins", tags=["plugins"], summary="Phần mở rộng / Guests", responses=answers(Plugins)
)
def list_plugins(context: Here, principal: Caller) -> dict[str, Any]:
    """Every guest found; why one failed only for administrators."""
    trusted = principal.is_system or principal.has(Role.ADMINISTRATOR)
    items = [
        {
            "name": guest.name,
            "version": guest.version,
            "source": guest.source,
            "error": guest.error if trusted else ("failed" if guest.error else ""),
            "contributions": [
                {"kind": type(one).__name__, "id": one.id, "title": plain(one.title)}
                for one in guest.contributions
            ],
        }
        for guest in context.plugins.guests
    ]
    failures = plain(context.plugins.failures) if trusted else []
    return {"items": items, "total": len(items), "failures": failures}


@router.get(
    "/statistics",
    tags=["statistics"],
    summary="Thống kê / Statistics",
    responses=answers(Statistics),
)
def read_statistics(
    context: Here,
    principal: Caller,
    since: Moment | None = None,
    until: Moment | None = None,
) -> Any:
    return plain(statistics(context, principal, since=since, until=until))


@router.get(
    "/audit",
    tags=["audit"],
    summary="Nhật ký truy cập / Audit log",
    responses=answers(many(AuditRow)),
)
def list_audit(
    context: Here,
    principal: Caller,
    event: str = "",
    actor: str = "",
    site: str = "",
    before: Annotated[int | None, Query(description="Trước dòng / Before this row")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    found = audit.list_events(
        context, principal, event=event, actor=actor, site=site, before=before, limit=limit
    )
    return {"items": [audit_json(one) for one in found], "total": len(found)}


@router.get(
    "/audit/verification",
    tags=["audit"],
    summary="Kiểm tra chuỗi / Verify the chain",
    responses=answers(Verification),
)
def verify_audit(context: Here, principal: Caller) -> dict[str, Any]:
    if not (principal.is_system or principal.has(Role.ADMINISTRATOR)):
        raise not_found()
    return {"broken": plain(audit.verify(context))}
