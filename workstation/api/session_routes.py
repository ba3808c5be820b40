"""Who am I, and what may I do at all."""

from typing import Any

from fastapi import APIRouter, Response

from workstation import accounts
from workstation.api.bodies import PasswordBody
from workstation.api.dependencies import Caller, Here
from workstation.api.shapes import Session, answers
from workstation.roles import Principal, Role
from workstation.sites import get_site

__all__ = ["router"]

router = APIRouter(tags=["session"])

_PERMISSIONS: dict[str, frozenset[Role]] = {
    "create case": frozenset({Role.REQUESTER}),
    "read cases": frozenset({Role.RADIOLOGIST, Role.PATHOLOGIST}),
    "assign cases": frozenset({Role.COORDINATOR}),
    "upload studies": frozenset({Role.REQUESTER, Role.TECHNICIAN}),
    "statistics": frozenset(Role),
    "administer": frozenset({Role.ADMINISTRATOR}),
    "test ae titles": frozenset({Role.TECHNICIAN, Role.ADMINISTRATOR}),
}


@router.get("/session", summary="Phiên làm việc / The session", responses=answers(Session))
def read_session(context: Here, principal: Caller) -> dict[str, Any]:
    return _session(principal, get_site(context, principal.site).name)


@router.post(
    "/session/password",
    status_code=204,
    summary="Đổi mật khẩu / Change the password",
    responses=answers(),
)
def change_password(context: Here, principal: Caller, body: PasswordBody) -> Response:
    accounts.change_password(context, principal, body.current, body.new)
    return Response(status_code=204)


def _session(principal: Principal, site_name: str) -> dict[str, Any]:
    return {
        "username": principal.username,
        "name": principal.name,
        "site": principal.site,
        "site_name": site_name,
        "roles": sorted(principal.roles),
        "language": principal.language,
        "permissions": [name for name, roles in _PERMISSIONS.items() if principal.has(*roles)],
    }
