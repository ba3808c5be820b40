"""What the client reads when something is wrong: one JSON object, in both languages."""

import logging
import traceback

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dicom_node.errors import (
    CannotDecode,
    CannotUnderstand,
    DicomNodeError,
    NotAcceptable,
    NotFound,
    OutOfResources,
)

__all__ = [
    "BadRequest",
    "Forbidden",
    "UnsupportedMediaType",
    "error_response",
    "error_response_for",
    "handlers",
]

logger = logging.getLogger(__name__)


class BadRequest(DicomNodeError):
    """The request itself is wrong; the message says what."""

    http_status = 400


class Forbidden(DicomNodeError):
    """The caller may not do this at all."""

    http_status = 403


class UnsupportedMediaType(DicomNodeError):
    """The body is of a type the service does not take."""

    http_status = 415


_MESSAGES: dict[str, tuple[str, str]] = {
    "bad_request": ("Yêu cầu không hợp lệ.", "The request is not valid."),
    "forbidden": (
        "Tài khoản này không được gửi ảnh.",
        "This account may not store images.",
    ),
    "not_found": (
        "Không tìm thấy, hoặc bạn không có quyền xem.",
        "Not found, or not yours to see.",
    ),
    "not_received": (
        "Ô ảnh này chưa nhận được.",
        "This tile has not been received yet.",
    ),
    "method_not_allowed": (
        "Phương thức không được hỗ trợ ở địa chỉ này.",
        "This address does not support the method.",
    ),
    "not_acceptable": (
        "Máy chủ không có dạng dữ liệu mà yêu cầu chấp nhận.",
        "The server has no form of this that the request accepts.",
    ),
    "cannot_decode": (
        "Không giải mã được điểm ảnh; chỉ có thể lấy dữ liệu gốc.",
        "The pixels do not decode; only the stored data can be had.",
    ),
    "unsupported_media_type": (
        "Máy chủ không nhận loại nội dung này.",
        "The server does not take this type of content.",
    ),
    "range_not_satisfiable": (
        "Đoạn byte yêu cầu nằm ngoài dữ liệu.",
        "The bytes asked for lie outside the data.",
    ),
    "out_of_resources": (
        "Máy chủ hết chỗ lưu trữ; hãy báo quản trị viên và gửi lại sau.",
        "The server is out of room; tell the administrator and send again later.",
    ),
    "cannot_understand": (
        "Dữ liệu không phải là DICOM mà máy chủ đọc được.",
        "The data are not DICOM the server can read.",
    ),
    "internal": (
        "Máy chủ gặp lỗi; lỗi đã được ghi lại.",
        "The server failed; the failure was logged.",
    ),
}

_CODES: tuple[tuple[type[DicomNodeError], str], ...] = (
    (BadRequest, "bad_request"),
    (Forbidden, "forbidden"),
    (UnsupportedMediaType, "unsupported_media_type"),
    (NotFound, "not_found"),
    (CannotDecode, "cannot_decode"),
    (NotAcceptable, "not_acceptable"),
    (OutOfResources, "out_of_resources"),
    (CannotUnderstand, "cannot_understand"),
)
_STATUS_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    416: "range_not_satisfiable",
}


def error_response(
    status: int, code: str, detail: str = "", headers: dict[str, str] | None = None
) -> Response:
    """Build the body; `detail` is technical English for who reads the network log."""
    vietnamese, english = _MESSAGES.get(code, _MESSAGES["internal"])
    error = {
        "code": code,
        "message": {"vi": vietnamese, "en": english},
        "details": {"reason": detail} if detail else {},
    }
    base = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return JSONResponse({"error": error}, status, base | (headers or {}))


async def _node_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DicomNodeError)
    code = next((name for kind, name in _CODES if isinstance(error, kind)), "internal")
    if code == "internal":
        return await _unforeseen(request, error)
    # 404 says nothing more: the reason could tell that the object exists elsewhere.
    return error_response(error.http_status, code, "" if code == "not_found" else str(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405 and request.method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    code = _STATUS_CODES.get(error.status_code, "bad_request")
    return error_response(error.status_code, code, headers=headers)


async def _unforeseen(request: Request, error: Exception) -> Response:
    # The text of an exception may quote values of a data set, so only the places are logged.
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s in %s %s\n%s", type(error).__name__, request.method, request.url.path, places)
    return error_response(500, "internal")


async def error_response_for(request: Request, error: Exception) -> Response:
    """The answer to whatever an endpoint raised."""
    if isinstance(error, HTTPException):
        return await _http_error(request, error)
    if isinstance(error, DicomNodeError):
        return await _node_error(request, error)
    return await _unforeseen(request, error)


# What Starlette itself raises, before an endpoint is reached: 404 and 405.
handlers = {HTTPException: _http_error}
