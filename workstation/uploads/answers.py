"""Refusals of the upload doors, as JSON in both languages."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from workstation.errors import WorkstationError

__all__ = ["COMMON", "VERSION", "failure", "refused"]

VERSION = "1.0.0"
COMMON = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}


async def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, WorkstationError)
    return failure(error.status, error.code, error.text.vi, error.text.en)


def failure(status: int, code: str, vi: str, en: str) -> Response:
    body = {"error": {"code": code, "message": {"vi": vi, "en": en}, "details": {}}}
    return JSONResponse(body, status, COMMON)
