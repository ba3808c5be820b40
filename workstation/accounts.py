"""Users and their tokens: kept by administrators, and by users for themselves."""

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from workstation import audit, passwords
from workstation.audit import AuditEvent
from workstation.context import Context
from workstation.database import sessions, sites, tokens, users
from workstation.errors import Conflict, InvalidRequest, NotFound
from workstation.roles import SYSTEM, Principal, Role
from workstation.sessions import (
    TOKEN_PREFIX,
    confirm_password,
    principal_for_reference,
    principal_for_session,
    principal_for_token,
    principal_from,
    revoke_sessions,
    session_reference,
    sign_in,
    sign_out,
)

__all__ = [
    "SYSTEM",
    "Principal",
    "Role",
    "User",
    "change_language",
    "change_password",
    "change_user",
    "confirm_password",
    "create_user",
    "get_user",
    "issue_token",
    "list_users",
    "principal_for_reference",
    "principal_for_session",
    "principal_for_token",
    "principal_of",
    "revoke_tokens",
    "session_reference",
    "sign_in",
    "sign_out",
]

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
LANGUAGES = ("vi", "en")


@dataclass(frozen=True, slots=True)
class User:
    """A user as an administrator sees one."""

    username: str
    name: str
    site: str
    roles: tuple[Role, ...]
    licence_number: str
    language: str
    active: bool
    created_at: datetime


def create_user(
    context: Context,
    principal: Principal,
    *,
    username: str,
    name: str,
    site: str,
    roles: Collection[Role | str],
    password: str,
    licence_number: str = "",
    language: str = "vi",
    enforce_policy: bool = True,
) -> User:
    """Add a user. ``enforce_policy=False`` is for the demo, whose passwords are printed."""
    _require_administrator(principal)
    username = username.strip().casefold()
    if not USERNAME.fullmatch(username) or username == SYSTEM.username:
        raise InvalidRequest(
            "invalid_username",
            "Tên đăng nhập gồm 2–64 chữ thường không dấu, chữ số hoặc . _ @ -",
            "A user name has 2 to 64 lower-case letters, digits or . _ @ -",
        )
    values = _checked(
        name=name, roles=roles, licence_number=licence_number, language=language, active=True
    )
    if enforce_policy:
        passwords.check_policy(password, username)
    password_hash = passwords.hash_password(password)
    now = context.clock()
    with context.database.begin() as connection:
        _require_site(connection, site)
        taken = select(users.c.username).where(users.c.username == username)
        if connection.execute(taken).first():
            raise Conflict(
                "username_taken",
                f"Đã có tài khoản tên {username}.",
                f"There is already a user called {username}.",
            )
        connection.execute(
            insert(users).values(
                username=username,
                site=site,
                password_hash=password_hash,
                created_at=now,
                **values,
            )
        )
        audit.record(
            connection,
            AuditEvent.ROLES_CHANGED,
            principal,
            at=now,
            username=username,
            user_site=site,
            roles=values["roles"],
        )
    return get_user(context, principal, username)


def change_user(context: Context, principal: Principal, username: str, **changes: Any) -> User:
    """Change some of name, site, roles, licence_number, language, active, password.

    A new password or an account made inactive ends all its sessions; the latter its tokens too.
    """
    _require_administrator(principal)
    password = changes.pop("password", None)
    enforce_policy = changes.pop("enforce_policy", True)
    site = changes.pop("site", None)
    values = _checked(**changes)
    if password is not None:
        if enforce_policy:
            passwords.check_policy(password, username)
        values["password_hash"] = passwords.hash_password(password)
    now = context.clock()
    with context.database.begin() as connection:
        before = _row(connection, username)
        if site is not None:
            _require_site(connection, site)
            values["site"] = site
        if values:
            mine = users.c.username == username
            connection.execute(update(users).where(mine).values(**values))
        if Role.ADMINISTRATOR in before.roles:
            _require_some_administrator(connection)
        if password is not None or values.get("active") is False:
            revoke_sessions(connection, now, sessions.c.username == username)
        if values.get("active") is False:
            _revoke_tokens(connection, now, username)
        rights = {key: values[key] for key in ("roles", "site", "active") if key in values}
        audit.record(
            connection,
            AuditEvent.ROLES_CHANGED if rights else AuditEvent.USER_CHANGED,
            principal,
            at=now,
            username=username,
            changed=sorted(values),
            before={key: getattr(before, key) for key in rights},
            after=rights,
        )
    return get_user(context, principal, username)


def change_password(context: Context, principal: Principal, current: str, new: str) -> None:
    """Let users change their own password; their other sessions end."""
    confirm_password(context, principal, current)
    passwords.check_policy(new, principal.username)
    password_hash = passwords.hash_password(new)
    now = context.clock()
    with context.database.begin() as connection:
        mine = users.c.username == principal.username
        connection.execute(update(users).where(mine).values(password_hash=password_hash))
        others = (sessions.c.username == principal.username) & (
            sessions.c.id_hash != (principal.session or "")
        )
        revoke_sessions(connection, now, others)
        audit.record(
            connection,
            AuditEvent.USER_CHANGED,
            principal,
            at=now,
            username=principal.username,
            changed=["password_hash"],
        )


def change_language(context: Context, principal: Principal, language: str) -> None:
    """Let users choose the language they are spoken to in."""
    values = _checked(language=language)
    with context.database.begin() as connection:
        mine = users.c.username == principal.username
        connection.execute(update(users).where(mine).values(**values))


def issue_token(
    context: Context,
    principal: Principal,
    username: str,
    label: str = "",
    days: float | None = None,
) -> str:
    """Make a bearer token with the rights of `username`; it is shown once and kept as a hash.

    Users make tokens for themselves, administrators for anyone.
    """
    if username != principal.username:
        _require_administrator(principal)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    now = context.clock()
    with context.database.begin() as connection:
        _row(connection, username)
        connection.execute(
            insert(tokens).values(
                id_hash=hashlib.sha256(token.encode()).hexdigest(),
                username=username,
                label=label,
                created_at=now,
                expires_at=None if days is None else now + timedelta(days=days),
            )
        )
        audit.record(
            connection,
            AuditEvent.USER_CHANGED,
            principal,
            at=now,
            username=username,
            changed=["tokens"],
        )
    return token


def revoke_tokens(context: Context, principal: Principal, username: str) -> None:
    """Make every token of `username` useless."""
    if username != principal.username:
        _require_administrator(principal)
    now = context.clock()
    with context.database.begin() as connection:
        _row(connection, username)
        _revoke_tokens(connection, now, username)
        audit.record(
            connection,
            AuditEvent.USER_CHANGED,
            principal,
            at=now,
            username=username,
            changed=["tokens"],
        )


def get_user(context: Context, principal: Principal, username: str) -> User:
    if username != principal.username:
        _require_administrator(principal)
    with context.database.read() as connection:
        return _user(_row(connection, username))


def list_users(context: Context, principal: Principal) -> list[User]:
    """All users for an administrator; the experts of the own site for its coordinator."""
    if not (principal.is_system or principal.has(Role.ADMINISTRATOR, Role.COORDINATOR)):
        raise NotFound("not_found", "Không tìm thấy.", "Not found.")
    wanted = select(users).order_by(users.c.site, users.c.username)
    if not (principal.is_system or principal.has(Role.ADMINISTRATOR)):
        wanted = wanted.where(users.c.site == principal.site, users.c.active)
    with context.database.read() as connection:
        return [_user(row) for row in connection.execute(wanted)]


def principal_of(context: Context, username: str) -> Principal:
    """Act as that user, for commands run by whoever owns the installation."""
    with context.database.read() as connection:
        row = _row(connection, username)
    return principal_from(row)


def _checked(**values: Any) -> dict[str, Any]:
    unknown = values.keys() - {"name", "roles", "licence_number", "language", "active"}
    if unknown:
        raise TypeError(f"a user has no {', '.join(sorted(unknown))}")
    values = {key: value for key, value in values.items() if value is not None}
    if "name" in values and not str(values["name"]).strip():
        raise InvalidRequest("name_missing", "Thiếu họ và tên.", "The name is missing.")
    if "language" in values and values["language"] not in LANGUAGES:
        raise InvalidRequest(
            "unknown_language", "Ngôn ngữ phải là vi hoặc en.", "The language is vi or en."
        )
    if "roles" in values:
        try:
            values["roles"] = sorted({str(Role(role)) for role in values["roles"]})
        except ValueError:
            known = ", ".join(Role)
            raise InvalidRequest(
                "unknown_role", f"Vai trò phải thuộc: {known}.", f"A role is one of {known}."
            ) from None
        if not values["roles"]:
            raise InvalidRequest("role_missing", "Cần ít nhất một vai trò.", "A user needs a role.")
    return values


def _require_administrator(principal: Principal) -> None:
    if not (principal.is_system or principal.has(Role.ADMINISTRATOR)):
        raise NotFound("not_found", "Không tìm thấy.", "Not found.")


def _require_site(connection: Connection, code: str) -> None:
    if connection.execute(select(sites.c.code).where(sites.c.code == code)).first() is None:
        raise InvalidRequest("unknown_site", f"Không có cơ sở {code}.", f"There is no site {code}.")


def _require_some_administrator(connection: Connection) -> None:
    rows = connection.execute(select(users.c.roles).where(users.c.active))
    if not any(Role.ADMINISTRATOR in row.roles for row in rows):
        raise Conflict(
            "last_administrator",
            "Phải còn ít nhất một quản trị viên đang hoạt động.",
            "At least one active administrator must remain.",
        )


def _revoke_tokens(connection: Connection, at: datetime, username: str) -> None:
    living = tokens.c.revoked_at.is_(None)
    mine = tokens.c.username == username
    connection.execute(update(tokens).where(mine, living).values(revoked_at=at))


def _row(connection: Connection, username: str) -> Row[Any]:
    row = connection.execute(select(users).where(users.c.username == username)).first()
    if row is None:
        raise NotFound("user_not_found", "Không có tài khoản này.", "There is no such user.")
    return row


def _user(row: Row[Any]) -> User:
    roles = tuple(Role(role) for role in row.roles)
    return User(
        row.username,
        row.name,
        row.site,
        roles,
        row.licence_number,
        row.language,
        row.active,
        row.created_at,
    )
