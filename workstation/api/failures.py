"""Every error as the same envelope: a code for machines, a sentence in both languages."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dicom_node.errors import DicomNodeError
from plugins.nouns import Text
from workstation.api.encoding import plain
from workstation.errors import TooManyAttempts, WorkstationError

__all__ = ["handle_failures"]

logger = logging.getLogger(__name__)

_BY_STATUS = {
    404: ("not_found", Text("Không tìm thấy.", "Not found.")),
    405: ("method_not_allowed", Text("Phương thức không dùng được.", "Method not allowed.")),
    413: ("too_large", Text("Dữ liệu gửi lên quá lớn.", "The request is too large.")),
    422: ("malformed", Text("Dữ liệu gửi lên không đúng.", "The request is malformed.")),
    507: ("no_room", Text("Máy chủ hết chỗ lưu.", "The server has no room left.")),
}
_OTHER = ("failure", Text("Máy chủ gặp lỗi; hãy thử lại.", "The server failed; try again."))


def handle_failures(app: FastAPI) -> None:
    """Answer all errors of `app` with the envelope."""
    app.add_exception_handler(WorkstationError, _domain)
    app.add_exception_handler(DicomNodeError, _node)
    app.add_exception_handler(RequestValidationError, _shape)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OverflowError, _out_of_range)
    app.add_exception_handler(Exception, _unforeseen)


def _envelope(
    status: int, code: str, text: Text, details: Any = None, headers: Any = None
) -> JSONResponse:
    error = {"code": code, "message": {"vi": text.vi, "en": text.en}, "details": details or {}}
    return JSONResponse({"error": error}, status, headers)


def _domain(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, WorkstationError)
    headers = None
    if isinstance(error, TooManyAttempts):
        headers = {"Retry-After": str(error.details.get("seconds", 1))}
    return _envelope(error.status, error.code, error.text, plain(error.details), headers)


def _node(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DicomNodeError)
    code, text = _BY_STATUS.get(error.http_status, _OTHER)
    return _envelope(error.http_status, code, text)


def _shape(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # where and what, never the value: it may be a patient's
    problems = [
        {"field": ".".join(str(part) for part in one["loc"]), "problem": one["msg"]}
        for one in error.errors()
    ]
    fields = ", ".join(one["field"] for one in problems)
    text = Text(f"Dữ liệu gửi lên không đúng: {fields}.", f"The request is malformed: {fields}.")
    return _envelope(422, "malformed", text, {"problems": problems})


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code, text = _BY_STATUS.get(error.status_code, _OTHER)
    return _envelope(error.status_code, code, text, headers=error.headers)


def _out_of_range(request: Request, error: Exception) -> JSONResponse:
    """A page or row number beyond what databases count to."""
    return _envelope(422, *_BY_STATUS[422])


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    route = request.scope.get("route")  # the pattern, not the address with what it names
    logger.error("%s %s failed", request.method, getattr(route, "path", "?"), exc_info=error)
    return _envelope(500, *_OTHER)
