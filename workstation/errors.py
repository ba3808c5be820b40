"""Errors a person may meet: a status for machines, one sentence in both languages.

::

    WorkstationError
    ├─ InvalidRequest      422
    ├─ NotAuthenticated    401
    ├─ NotAllowed          403   (only where the thing itself may be known)
    ├─ NotFound            404   (also for what lies outside the caller's scope)
    ├─ Conflict            409
    └─ TooManyAttempts     429
"""

from plugins.nouns import Text

__all__ = [
    "Conflict",
    "InvalidRequest",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "TooManyAttempts",
    "WorkstationError",
]


class WorkstationError(Exception):
    """Root. ``code`` is stable for machines; ``text`` is for people; neither names a patient."""

    status = 500

    def __init__(self, code: str, vi: str, en: str, **details: object) -> None:
        super().__init__(en)
        self.code = code
        self.text = Text(vi, en)
        self.details = details


class InvalidRequest(WorkstationError):
    status = 422


class NotAuthenticated(WorkstationError):
    status = 401


class NotAllowed(WorkstationError):
    status = 403


class NotFound(WorkstationError):
    status = 404


class Conflict(WorkstationError):
    status = 409


class TooManyAttempts(WorkstationError):
    status = 429
