"""Building answers: JSON, one payload, many parts."""

import gzip
import hashlib
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dicom_node.errors import NotAcceptable
from dicom_node.web import multipart
from dicom_node.web.media import DICOM_JSON, JSON, MediaRange, first_covered
from dicom_node.web.workers import Workers

__all__ = ["IMMUTABLE", "dicom_json", "json_type", "multipart_stream", "payload"]

# A stored instance never changes; but it is a patient's, so only the reader's browser keeps it.
IMMUTABLE = "private, max-age=31536000, immutable"
# Kept for the session that asked: whoever signs in to the same browser next asks us again.
VARY = "Accept, Cookie"
# Studies grow: ask again each time, and get 304 when nothing came.
REVALIDATE = "private, no-cache"
_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
_WORTH_PACKING = 2048


def json_type(ranges: list[MediaRange]) -> str:
    """The JSON media type to answer with. Raises NotAcceptable."""
    found = first_covered(ranges, (DICOM_JSON, JSON))
    if found is None:
        raise NotAcceptable("only application/dicom+json is served here")
    return found


def dicom_json(
    request: Request, body: bytes, media_type: str, headers: dict[str, str] | None = None
) -> Response:
    """Answer with JSON: tagged, and packed if the client takes that.

    A series' metadata shrink twentyfold, which a district hospital's line is glad of.
    """
    tag = f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    found = {"Cache-Control": REVALIDATE, "ETag": tag, "Vary": "Accept, Accept-Encoding"}
    found |= _NOSNIFF | (headers or {})
    if is_fresh(request, tag):
        return Response(status_code=304, headers=found)
    if len(body) > _WORTH_PACKING and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 1)
        found["Content-Encoding"] = "gzip"
    return Response(body, headers=found, media_type=media_type)


def is_fresh(request: Request, tag: str) -> bool:
    """Whether the client holds this already (RFC 9110 13.1.2)."""
    known = request.headers.get("if-none-match", "")
    return known == "*" or tag.removeprefix("W/") in known


def payload(
    data: bytes, content_type: str, tag: str = "", headers: dict[str, str] | None = None
) -> Response:
    """Answer with the bytes of something that never changes."""
    found = {"Cache-Control": IMMUTABLE, "Vary": VARY, "Content-Type": content_type}
    if tag:
        found["ETag"] = tag
    return Response(data, headers=found | _NOSNIFF | (headers or {}))


def multipart_type(payload_type: str, boundary: str) -> str:
    """The Content-Type of a multipart answer."""
    return f'multipart/related; type="{payload_type}"; boundary={boundary}'


def multipart_stream(
    workers: Workers,
    parts: Iterator[tuple[str, str, Iterator[bytes]]],
    payload_type: str,
    computing: bool = False,
) -> Response:
    """Answer with many parts, each made when it is its turn.

    Parameters
    ----------
    workers : Workers
    parts : iterator of (content type, location, pieces)
    payload_type : str
        The ``type`` parameter of the whole.
    computing : bool
        Making the parts takes CPU rather than disk.
    """
    boundary = multipart.boundary()

    def pieces() -> Iterator[bytes]:
        first = True
        for content_type, location, data in parts:
            yield multipart.part_head(boundary, content_type, location, first)
            yield from data
            first = False
        yield multipart.closing(boundary)

    content_type = multipart_type(payload_type, boundary)
    return stream(workers, pieces(), content_type, computing=computing)


def stream(
    workers: Workers,
    pieces: Iterator[bytes],
    content_type: str,
    headers: dict[str, str] | None = None,
    computing: bool = False,
) -> Response:
    """Answer with pieces as they come."""
    found = {"Cache-Control": IMMUTABLE, "Vary": VARY, "Content-Type": content_type}
    body = workers.stream(pieces, computing)
    return StreamingResponse(body, headers=found | _NOSNIFF | (headers or {}))
