"""Bulk data: what the header only points to (PS3.18 10.4.1.1.5, RFC 9110 14)."""

import re
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dicom_node.errors import NotAcceptable, NotFound
from dicom_node.pixels.syntaxes import OCTET_STREAM
from dicom_node.slides.roles import without_label_text
from dicom_node.web.errors import BadRequest, error_response
from dicom_node.web.frames import encoded_frame, forms
from dicom_node.web.holdings import Holding
from dicom_node.web.media import MediaRange, accepted
from dicom_node.web.responses import is_fresh, multipart_stream, stream
from dicom_node.web.service import Service, service_of, target_of

__all__ = ["byte_range", "retrieve_bulk"]

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
# Types a browser opens without running anything. A document may call itself text/html.
_HARMLESS = frozenset({"application/pdf", "image/jpeg", "image/png", "video/mp4", "video/mpeg"})


async def retrieve_bulk(request: Request) -> Response:
    """``GET …/instances/{instance}/bulk/{offset}/{length}``"""
    service, target = service_of(request), target_of(request)
    offset, length = _places(request)
    ranges = accepted(request)

    def work() -> Response:
        holding = service.holding(request, target)
        header = holding.header()
        if holding.holds_label and not service.sees_labels(request):
            header = without_label_text(header)
        # Only what the header names can be read, wherever in it that is.
        if not _names(header, f"bulk/{offset}/{length}"):
            raise NotFound("no such bulk data")
        service.accessed(request, "bulkdata", target.study, 1)
        table = holding.table
        if table.encapsulated and (offset, length) == (table.offset, table.length):
            return _frames(service, holding, ranges)
        media_type, in_parts = _media_type(header, offset, ranges)
        data = holding.pieces(offset, length)
        if in_parts:
            return multipart_stream(service.workers, iter([(media_type, "", data)]), media_type)
        return _value(request, service, holding, offset, length, media_type)

    return await service.workers.read(work)


def _places(request: Request) -> tuple[int, int]:
    texts = (request.path_params["offset"], request.path_params["length"])
    if not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in texts):
        raise BadRequest("bulk data are named by two numbers")
    return int(texts[0]), int(texts[1])


def _names(item: dict[str, Any], uri: str) -> bool:
    """Whether an element of the data set, or of an item within it, has this BulkDataURI."""
    for element in item.values():
        if element.get("BulkDataURI") == uri:
            return True
        items = element.get("Value", ()) if element.get("vr") == "SQ" else ()
        if any(_names(one, uri) for one in items):
            return True
    return False


def _frames(service: Service, holding: Holding, ranges: list[MediaRange]) -> Response:
    """Encapsulated pixel data: its frames, one part each."""
    frames = holding.frames
    form = next(forms(ranges, frames, max(len(frames), 2)), None)
    if form is None:
        raise NotAcceptable("encapsulated pixel data are given as multipart only")

    def parts() -> Iterator[tuple[str, str, Iterator[bytes]]]:
        for number in range(len(frames)):
            data = encoded_frame(service, holding, number, form.transfer_syntax_uid)
            yield form.content_type, "", iter((data,))

    return multipart_stream(service.workers, parts(), form.media_type, computing=True)


def _value(
    request: Request, service: Service, holding: Holding, offset: int, length: int, media_type: str
) -> Response:
    """One value, or the range of it that was asked for."""
    tag = f'"{holding.record.sha256[:32]}-{offset}-{length}"'
    if is_fresh(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        # A document is shown, never run in our origin.
        "Content-Security-Policy": "sandbox",
        "Content-Length": str(length),
    }
    asked = byte_range(request.headers.get("range", ""), length)
    if asked is None:
        return stream(service.workers, holding.pieces(offset, length), media_type, headers)
    first, last = asked
    if first > last:
        return error_response(
            416, "range_not_satisfiable", headers={"Content-Range": f"bytes */{length}"}
        )
    headers["Content-Range"] = f"bytes {first}-{last}/{length}"
    headers["Content-Length"] = str(last - first + 1)
    data = holding.pieces(offset + first, last - first + 1)
    response = stream(service.workers, data, media_type, headers)
    response.status_code = 206
    return response


def byte_range(value: str, length: int) -> tuple[int, int] | None:
    """Read a Range header: first and last byte, inclusive.

    None means all: no range, one we do not know, or several (which a server may ignore). A first
    byte above the last means that nothing of it exists.
    """
    match = _RANGE.fullmatch(value.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last n bytes
        count = int(last)
        return (max(length - count, 0), length - 1) if count else (1, 0)
    if last and int(last) < int(first):
        return None
    if int(first) >= length:
        return 1, 0
    return int(first), min(int(last), length - 1) if last else length - 1


def _media_type(header: dict[str, Any], offset: int, ranges: list[MediaRange]) -> tuple[str, bool]:
    """The first accepted type the value can be called, and whether in parts."""
    offers = [OCTET_STREAM]
    if header.get("00420011", {}).get("BulkDataURI", "").startswith(f"bulk/{offset}/"):
        name = (header.get("00420012", {}).get("Value") or [""])[0]
        if name in _HARMLESS:
            offers.insert(0, name)
    for one in ranges:
        for offer in offers:
            if one.covers(offer):
                return offer, one.multipart
    raise NotAcceptable(f"the value is given as {' or '.join(offers)}")
