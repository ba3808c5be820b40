"""Signing in and out, and finding the principal behind a cookie or a token.

A cookie carries a signed random id; the row of that id can be revoked. The table holds only the
id's SHA-256, which is also the session's *reference*: it names a session and opens nothing.
"""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadSignature, Signer
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from workstation import audit, passwords, throttle
from workstation.audit import AuditEvent
from workstation.context import Context
from workstation.database import sessions, sites, tokens, users
from workstation.errors import NotAllowed, NotAuthenticated
from workstation.roles import Principal, Role

__all__ = [
    "confirm_password",
    "principal_for_reference",
    "principal_for_session",
    "principal_for_token",
    "principal_from",
    "revoke_sessions",
    "session_reference",
    "sign_in",
    "sign_out",
]

TOKEN_PREFIX = "hch_"
# Moving the expiry costs a write; once a minute is often enough.
SLIDE = timedelta(minutes=1)
# Ended sessions are looked at by nobody; the audit has the sign-ins.
KEPT_AFTER_END = timedelta(days=30)
# However busy, a session ends after this many times `session_hours`: open tabs are left behind.
LONGEST = 4


def sign_in(
    context: Context, username: str, password: str, host: str = ""
) -> tuple[Principal, str]:
    """Start a session; return the principal and the value of the cookie ``hoichan_session``.

    Raises
    ------
    NotAuthenticated
        The same, and after the same work, for an unknown user and for a wrong password.
    TooManyAttempts
    """
    attempt = throttle.admit(context, username, host)
    row = _user(context, username)
    right = passwords.matches(password, row.password_hash if row is not None else None)
    now = context.clock()
    if row is None or not right:
        someone = Principal(row.username if row else "?", "", row.site if row else "", frozenset())
        with context.database.begin() as connection:
            audit.record(
                connection,
                AuditEvent.LOGIN,
                replace(someone, host=host),
                at=now,
                outcome="failure",
            )
        raise NotAuthenticated(
            "wrong_credentials",
            "Tên đăng nhập hoặc mật khẩu không đúng.",
            "The user name or the password is wrong.",
        )
    session_id = secrets.token_urlsafe(32)
    reference = _digest(session_id)
    principal = principal_from(row, reference, host)
    renewed = passwords.hash_password(password) if passwords.is_outdated(row.password_hash) else ""
    with context.database.begin() as connection:
        throttle.succeed(connection, context, attempt, username)
        connection.execute(delete(sessions).where(sessions.c.expires_at < now - KEPT_AFTER_END))
        connection.execute(
            insert(sessions).values(
                id_hash=reference,
                username=principal.username,
                created_at=now,
                last_seen_at=now,
                expires_at=now + _span(context),
                host=host,
            )
        )
        if renewed:
            mine = users.c.username == principal.username
            connection.execute(update(users).where(mine).values(password_hash=renewed))
        audit.record(connection, AuditEvent.LOGIN, principal, at=now)
    return principal, _signer(context).sign(session_id).decode()


def sign_out(context: Context, cookie_value: str) -> None:
    """End the session of a cookie; no error when there is none."""
    reference = session_reference(context, cookie_value)
    principal = principal_for_reference(context, reference) if reference else None
    if principal is not None:
        now = context.clock()
        with context.database.begin() as connection:
            revoke_sessions(connection, now, sessions.c.id_hash == reference)
            audit.record(connection, AuditEvent.LOGOUT, principal, at=now)


def principal_for_session(context: Context, cookie_value: str, host: str = "") -> Principal | None:
    """Who holds this cookie, or None; using a session keeps it alive."""
    reference = session_reference(context, cookie_value)
    return principal_for_reference(context, reference, host) if reference else None


def principal_for_reference(
    context: Context, reference: str, host: str = "", *, prolong: bool = True
) -> Principal | None:
    """The principal of a session by its reference; only for parts the gate let through already.

    ``prolong=False`` looks without using: a page that only watches its session does not keep it.
    """
    now = context.clock()
    wanted = (
        select(users, sessions.c.created_at.label("began_at"), sessions.c.last_seen_at)
        .join(sessions, sessions.c.username == users.c.username)
        .join(sites, sites.c.code == users.c.site)
        .where(
            sessions.c.id_hash == reference,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
            users.c.active,
            sites.c.active,
        )
    )
    with context.database.read() as connection:
        row = connection.execute(wanted).first()
    if row is None:
        return None
    if prolong and now - row.last_seen_at >= SLIDE:
        expires_at = min(now + _span(context), row.began_at + LONGEST * _span(context))
        with context.database.begin() as connection:
            connection.execute(
                update(sessions)
                .where(sessions.c.id_hash == reference)
                .values(last_seen_at=now, expires_at=expires_at)
            )
    return principal_from(row, reference, host)


def principal_for_token(context: Context, bearer: str, host: str = "") -> Principal | None:
    """Who holds this bearer token, or None."""
    if not bearer.startswith(TOKEN_PREFIX):
        return None
    now = context.clock()
    wanted = (
        select(users, tokens.c.expires_at)
        .join(tokens, tokens.c.username == users.c.username)
        .join(sites, sites.c.code == users.c.site)
        .where(
            tokens.c.id_hash == _digest(bearer),
            tokens.c.revoked_at.is_(None),
            users.c.active,
            sites.c.active,
        )
    )
    with context.database.read() as connection:
        row = connection.execute(wanted).first()
    if row is None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return principal_from(row, None, host)


def confirm_password(context: Context, principal: Principal, password: str) -> None:
    """Ask again who sits there, before something is signed or the password changed.

    Raises
    ------
    NotAllowed
        The password is wrong; the session stays.
    TooManyAttempts
    """
    attempt = throttle.admit(context, principal.username, principal.host)
    row = _user(context, principal.username)
    right = passwords.matches(password, row.password_hash if row is not None else None)
    now = context.clock()
    with context.database.begin() as connection:
        if right:
            throttle.succeed(connection, context, attempt, principal.username)
        else:
            audit.record(connection, AuditEvent.LOGIN, principal, at=now, outcome="failure")
    if not right:
        raise NotAllowed("wrong_password", "Mật khẩu không đúng.", "The password is wrong.")


def revoke_sessions(connection: Connection, at: datetime, which: ColumnElement[bool]) -> None:
    """End the sessions for which `which` holds."""
    living = sessions.c.revoked_at.is_(None)
    connection.execute(update(sessions).where(which, living).values(revoked_at=at))


def _user(context: Context, username: str) -> Row[Any] | None:
    wanted = (
        select(users)
        .join(sites, sites.c.code == users.c.site)
        .where(users.c.username == username.strip().casefold(), users.c.active, sites.c.active)
    )
    with context.database.read() as connection:
        return connection.execute(wanted).first()


def principal_from(row: Row[Any], session: str | None = None, host: str = "") -> Principal:
    """The principal of a row of `users`."""
    roles = frozenset(Role(role) for role in row.roles)
    return Principal(row.username, row.name, row.site, roles, row.language, session, host)


def _span(context: Context) -> timedelta:
    return timedelta(hours=context.settings.session_hours)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _signer(context: Context) -> Signer:
    return Signer(context.secret("session"), salt="hoichan.session", digest_method=hashlib.sha256)


def session_reference(context: Context, cookie_value: str) -> str:
    """The reference of the session a cookie names; "" when we did not sign it."""
    try:
        return _digest(_signer(context).unsign(cookie_value).decode())
    except (BadSignature, UnicodeDecodeError):
        return ""
