"""Hospitals: the tenants of the installation."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from workstation import audit
from workstation.audit import AuditEvent
from workstation.context import Context
from workstation.database import sites
from workstation.errors import Conflict, InvalidRequest, NotFound
from workstation.roles import Principal, Role

__all__ = [
    "Site",
    "change_site",
    "create_site",
    "get_site",
    "list_sites",
    "not_found",
    "record_change",
    "require_administrator",
    "site_row",
]

CODE = re.compile(r"[A-Z0-9][A-Z0-9_]{0,31}")
TIERS = ("lower", "upper")


@dataclass(frozen=True, slots=True)
class Site:
    """A hospital. ``tier`` is "lower" (asks) or "upper" (is asked, and may ask)."""

    code: str
    name: str
    tier: str
    phone: str
    active: bool
    created_at: datetime


def create_site(
    context: Context, principal: Principal, *, code: str, name: str, tier: str, phone: str = ""
) -> Site:
    """Add a hospital; `code` is its stable name in URLs and requests, such as DEMO_A."""
    require_administrator(principal)
    if not CODE.fullmatch(code):
        raise InvalidRequest(
            "invalid_site_code",
            "Mã cơ sở gồm 1–32 chữ hoa không dấu, chữ số hoặc _.",
            "A site code has 1 to 32 upper-case letters, digits or _.",
        )
    values = _checked_site({"name": name, "tier": tier, "phone": phone})
    now = context.clock()
    with context.database.begin() as connection:
        if _find_site(connection, code) is not None:
            raise Conflict(
                "site_exists", f"Đã có cơ sở mã {code}.", f"There is already a site {code}."
            )
        connection.execute(insert(sites).values(code=code, created_at=now, **values))
        record_change(connection, principal, now, site_code=code, changed=sorted(values))
    return get_site(context, code)


def change_site(context: Context, principal: Principal, code: str, **changes: Any) -> Site:
    """Change some of name, tier, phone, active. An inactive site's users cannot sign in."""
    require_administrator(principal)
    values = _checked_site(changes)
    now = context.clock()
    with context.database.begin() as connection:
        site_row(connection, code)
        if values:
            connection.execute(update(sites).where(sites.c.code == code).values(**values))
        record_change(connection, principal, now, site_code=code, changed=sorted(values))
    return get_site(context, code)


def get_site(context: Context, code: str) -> Site:
    with context.database.read() as connection:
        return _site(site_row(connection, code))


def list_sites(context: Context) -> list[Site]:
    """All sites, by code; their names are no secret to anyone signed in."""
    with context.database.read() as connection:
        return [_site(row) for row in connection.execute(select(sites).order_by(sites.c.code))]


def require_administrator(principal: Principal) -> None:
    """Pass for administrators and commands; for others these doors do not exist."""
    if not (principal.is_system or principal.has(Role.ADMINISTRATOR)):
        raise not_found()


def not_found() -> NotFound:
    """What is told of what is not there, and of what is not the caller's."""
    return NotFound("not_found", "Không tìm thấy.", "Not found.")


def site_row(connection: Connection, code: str) -> Row[Any]:
    """The row of a site; `NotFound` without one."""
    row = _find_site(connection, code)
    if row is None:
        raise NotFound("site_not_found", f"Không có cơ sở {code}.", f"There is no site {code}.")
    return row


def record_change(
    connection: Connection, principal: Principal, at: datetime, **subject: Any
) -> None:
    audit.record(connection, AuditEvent.CONFIGURATION_CHANGED, principal, at=at, **subject)


def _find_site(connection: Connection, code: str) -> Row[Any] | None:
    return connection.execute(select(sites).where(sites.c.code == code)).first()


def _checked_site(values: dict[str, Any]) -> dict[str, Any]:
    unknown = values.keys() - {"name", "tier", "phone", "active"}
    if unknown:
        raise TypeError(f"a site has no {', '.join(sorted(unknown))}")
    values = {key: value for key, value in values.items() if value is not None}
    if "name" in values and not values["name"].strip():
        raise InvalidRequest("name_missing", "Thiếu tên cơ sở.", "The site has no name.")
    if "tier" in values and values["tier"] not in TIERS:
        raise InvalidRequest(
            "unknown_tier",
            "Tuyến phải là lower (tuyến dưới) hoặc upper (tuyến trên).",
            "The tier is lower or upper.",
        )
    return values


def _site(row: Row[Any]) -> Site:
    return Site(row.code, row.name, row.tier, row.phone, row.active, row.created_at)
