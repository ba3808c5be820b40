"""Hospitals, their AE titles, and users."""

from typing import Any

from fastapi import APIRouter, Response

from workstation import accounts, sites
from workstation.api.bodies import (
    AeTitleBody,
    AeTitleChange,
    SiteBody,
    SiteChange,
    TokenBody,
    UserBody,
    UserChange,
)
from workstation.api.dependencies import Caller, Here
from workstation.api.encoding import listed, plain
from workstation.api.shapes import AeTitle, Echo, Site, Token, User, answers, many

__all__ = ["router"]

router = APIRouter()


@router.get(
    "/sites", tags=["sites"], summary="Các cơ sở / All sites", responses=answers(many(Site))
)
def list_sites(context: Here, principal: Caller) -> dict[str, Any]:
    return listed(sites.list_sites(context))


@router.post(
    "/sites",
    tags=["sites"],
    status_code=201,
    summary="Thêm cơ sở / Add a site",
    responses=answers(Site, 201),
)
def create_site(context: Here, principal: Caller, body: SiteBody) -> Any:
    return plain(sites.create_site(context, principal, **body.model_dump()))


@router.patch(
    "/sites/{code}", tags=["sites"], summary="Sửa cơ sở / Change a site", responses=answers(Site)
)
def change_site(context: Here, principal: Caller, code: str, body: SiteChange) -> Any:
    changes = body.model_dump(exclude_unset=True)
    return plain(sites.change_site(context, principal, code, **changes))


@router.get(
    "/sites/{code}/ae-titles",
    tags=["sites"],
    summary="AE title / AE titles",
    responses=answers(many(AeTitle)),
)
def list_ae_titles(context: Here, principal: Caller, code: str) -> dict[str, Any]:
    return listed(sites.list_ae_titles(context, principal, code))


@router.post(
    "/sites/{code}/ae-titles",
    tags=["sites"],
    status_code=201,
    summary="Thêm AE / Add an AE",
    responses=answers(AeTitle, 201),
)
def add_ae_title(context: Here, principal: Caller, code: str, body: AeTitleBody) -> Any:
    values = body.model_dump(exclude_none=True)
    return plain(sites.add_ae_title(context, principal, code, **values))


@router.patch(
    "/sites/{code}/ae-titles/{ae_title}",
    tags=["sites"],
    summary="Sửa AE / Change an AE",
    responses=answers(AeTitle),
)
def change_ae_title(
    context: Here, principal: Caller, code: str, ae_title: str, body: AeTitleChange
) -> Any:
    changes = body.model_dump(exclude_unset=True)
    return plain(sites.change_ae_title(context, principal, code, ae_title, **changes))


@router.delete(
    "/sites/{code}/ae-titles/{ae_title}",
    tags=["sites"],
    status_code=204,
    summary="Bỏ AE / Remove an AE",
    responses=answers(),
)
def remove_ae_title(context: Here, principal: Caller, code: str, ae_title: str) -> Response:
    sites.remove_ae_title(context, principal, code, ae_title)
    return Response(status_code=204)


@router.post(
    "/sites/{code}/ae-titles/{ae_title}/echo",
    tags=["sites"],
    summary="Thử C-ECHO / Test an AE",
    responses=answers(Echo),
)
def echo(context: Here, principal: Caller, code: str, ae_title: str) -> Any:
    return plain(sites.echo(context, principal, code, ae_title))


@router.get("/users", tags=["users"], summary="Tài khoản / Users", responses=answers(many(User)))
def list_users(context: Here, principal: Caller) -> dict[str, Any]:
    return listed(accounts.list_users(context, principal))


@router.post(
    "/users",
    tags=["users"],
    status_code=201,
    summary="Thêm tài khoản / Add a user",
    responses=answers(User, 201),
)
def create_user(context: Here, principal: Caller, body: UserBody) -> Any:
    return plain(accounts.create_user(context, principal, **body.model_dump()))


@router.patch(
    "/users/{username}",
    tags=["users"],
    summary="Sửa tài khoản / Change a user",
    responses=answers(User),
)
def change_user(context: Here, principal: Caller, username: str, body: UserChange) -> Any:
    changes = body.model_dump(exclude_unset=True)
    return plain(accounts.change_user(context, principal, username, **changes))


@router.post(
    "/users/{username}/tokens",
    tags=["users"],
    status_code=201,
    summary="Cấp token, chỉ hiện một lần / Issue a token, shown once",
    responses=answers(Token, 201),
)
def issue_token(context: Here, principal: Caller, username: str, body: TokenBody) -> dict[str, Any]:
    token = accounts.issue_token(context, principal, username, body.label, body.days)
    return {"token": token, "username": username, "label": body.label}


@router.delete(
    "/users/{username}/tokens",
    tags=["users"],
    status_code=204,
    summary="Thu hồi mọi token / Revoke all tokens",
    responses=answers(),
)
def revoke_tokens(context: Here, principal: Caller, username: str) -> Response:
    accounts.revoke_tokens(context, principal, username)
    return Response(status_code=204)
