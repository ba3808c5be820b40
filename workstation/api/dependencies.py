"""What every route needs: the context of the application, and who calls."""

from typing import Annotated

from fastapi import Depends, Request

from workstation.context import Context
from workstation.errors import NotAuthenticated
from workstation.roles import Principal

__all__ = ["Caller", "Here"]


def _context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


def _principal(request: Request) -> Principal:
    """Whom the gate let in; the API itself knows no cookies and tokens."""
    principal = request.scope.get("state", {}).get("principal")
    if not isinstance(principal, Principal):
        raise NotAuthenticated("not_signed_in", "Hãy đăng nhập.", "Sign in first.")
    return principal


Here = Annotated[Context, Depends(_context)]
Caller = Annotated[Principal, Depends(_principal)]
