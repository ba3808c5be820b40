"""What every route needs: the context of the application, and who calls."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from pydantic import AfterValidator

from workstation.context import Context
from workstation.errors import NotAuthenticated
from workstation.roles import Principal

__all__ = ["Caller", "FileBody", "Here", "Moment"]

# Inside these years a moment can be told in every time zone.
_FIRST_YEAR, _LAST_YEAR = 2, 9998


def _context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


def _principal(request: Request) -> Principal:
    """Whom the gate let in; the API itself knows no cookies and tokens."""
    principal = request.scope.get("state", {}).get("principal")
    if not isinstance(principal, Principal):
        raise NotAuthenticated("not_signed_in", "Hãy đăng nhập.", "Sign in first.")
    return principal


async def _file(request: Request) -> bytes:
    """A file, sent as the body itself or as the first file of a form."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    async with request.form(max_files=1, max_fields=10) as form:
        for value in form.values():
            if not isinstance(value, str):
                return await value.read()
    return b""


def _in_range(value: datetime) -> datetime:
    try:
        if _FIRST_YEAR <= value.astimezone(UTC).year <= _LAST_YEAR:
            return value
    except OverflowError:
        pass
    raise ValueError("ngoài khoảng ngày dùng được / outside the dates that can be used")


Moment = Annotated[datetime, AfterValidator(_in_range)]
FileBody = Annotated[bytes, Depends(_file)]
Here = Annotated[Context, Depends(_context)]
Caller = Annotated[Principal, Depends(_principal)]
