"""Slows down whoever tries passwords.

Failures count per user and address together, per address, and per user. The first is strict;
the others are wide enough for a hospital behind one address, and for a user whom somebody else
tries to lock out. Each try is written down before the password is looked at, so tries made at the
same moment count too.
"""

import hashlib
import hmac
import unicodedata
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from workstation.context import Context
from workstation.database import sign_in_attempts as attempts
from workstation.errors import TooManyAttempts

__all__ = ["admit", "succeed"]

WINDOW = timedelta(minutes=15)
PER_USER_AND_HOST = 5
PER_HOST = 40
PER_USER = 60
SHORTEST_WAIT = timedelta(seconds=30)


def admit(context: Context, username: str, host: str) -> int:
    """Write down a try and return its number for `succeed`.

    Raises
    ------
    TooManyAttempts
        With ``seconds`` to wait in its details. Refused tries do not lengthen the wait.
    """
    now = context.clock()
    name_hash = _name_hash(context, username)
    with context.database.begin() as connection:
        connection.execute(delete(attempts).where(attempts.c.at < now - 2 * WINDOW))
        wait = max(
            _wait(connection, _same(name_hash, host), PER_USER_AND_HOST, now),
            _wait(connection, attempts.c.host == host, PER_HOST, now),
            _wait(connection, attempts.c.name_hash == name_hash, PER_USER, now),
        )
        if wait <= timedelta():
            row = insert(attempts).values(name_hash=name_hash, host=host, at=now, succeeded=False)
            return int(connection.execute(row.returning(attempts.c.id)).scalar_one())
    seconds = max(1, round(wait.total_seconds()))
    raise TooManyAttempts(
        "too_many_attempts",
        f"Đã nhập sai quá nhiều lần. Hãy thử lại sau {seconds} giây.",
        f"Too many failed attempts. Try again in {seconds} seconds.",
        seconds=seconds,
    )


def succeed(connection: Connection, context: Context, attempt: int, username: str) -> None:
    """The password was right: forget the user's failures from this address."""
    host = connection.scalar(select(attempts.c.host).where(attempts.c.id == attempt))
    failures = and_(_same(_name_hash(context, username), host or ""), ~attempts.c.succeeded)
    connection.execute(update(attempts).where(failures).values(succeeded=True))


def _same(name_hash: str, host: str) -> ColumnElement[bool]:
    return and_(attempts.c.name_hash == name_hash, attempts.c.host == host)


def _wait(
    connection: Connection, which: ColumnElement[bool], allowed: int, now: datetime
) -> timedelta:
    """How long still to wait: doubling with each failure beyond the allowed, up to the window."""
    failed, last = connection.execute(
        select(func.count(), func.max(attempts.c.at)).where(
            which, ~attempts.c.succeeded, attempts.c.at > now - WINDOW
        )
    ).one()
    if failed < allowed:
        return timedelta()
    doublings = min(failed - allowed, 10)
    until: datetime = last + min(WINDOW, SHORTEST_WAIT * 2**doublings)
    return until - now


def _name_hash(context: Context, username: str) -> str:
    typed = unicodedata.normalize("NFC", username).strip().casefold()
    return hmac.new(context.secret("throttle"), typed.encode(), hashlib.sha256).hexdigest()
