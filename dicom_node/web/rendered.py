"""Rendered frames and thumbnails (PS3.18 8.3.5, 10.4.1.1.3, 10.4.1.1.4)."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dicom_node.errors import NotAcceptable, NotFound
from dicom_node.pixels.attributes import Attributes
from dicom_node.pixels.display import to_screen
from dicom_node.pixels.picture import Viewport, encode_picture, fit
from dicom_node.web.errors import BadRequest
from dicom_node.web.frames import frame_numbers
from dicom_node.web.holdings import Holding
from dicom_node.web.media import MediaRange, accepted
from dicom_node.web.representative import representative
from dicom_node.web.responses import is_fresh, multipart_stream, payload, stream
from dicom_node.web.service import Service, service_of, target_of
from kernels import VoiFunction, Window

__all__ = ["Rendering", "rendering_of", "retrieve_rendered", "retrieve_thumbnail"]

_PICTURES = ("image/jpeg", "image/png")
_PDF = "application/pdf"
_FUNCTIONS = {
    "linear": VoiFunction.LINEAR,
    "linear-exact": VoiFunction.LINEAR_EXACT,
    "linear_exact": VoiFunction.LINEAR_EXACT,
    "sigmoid": VoiFunction.SIGMOID,
}
_LARGEST = 8192
_THUMBNAIL = Viewport(256, 256)


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a frame is to be drawn; part of the key it is cached under."""

    media_type: str
    window: Window | None = None
    viewport: Viewport | None = None
    quality: int = 90


def rendering_of(request: Request, media_type: str, viewport: Viewport | None) -> Rendering:
    """Read ``window``, ``viewport`` and ``quality``. Raises BadRequest.

    ``annotation`` and ``iccprofile`` are accepted and change nothing.
    """
    query = request.query_params
    if "viewport" in query:
        viewport = _viewport(query["viewport"])
    return Rendering(
        media_type,
        _window(query["window"]) if "window" in query else None,
        viewport,
        _whole(query.get("quality", "90"), 1, 100, "quality"),
    )


def _whole(text: str, least: int, most: int, name: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise BadRequest(f"{name} is not a whole number") from None
    if not least <= value <= most:
        raise BadRequest(f"{name} lies between {least} and {most}")
    return value


def _window(text: str) -> Window:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (2, 3):
        raise BadRequest("window is center,width,function")
    function = _FUNCTIONS.get(parts[2].lower() if len(parts) == 3 else "linear")
    if function is None:
        raise BadRequest("the window function is linear, linear-exact or sigmoid")
    try:
        return Window(float(parts[0]), float(parts[1]), function)
    except ValueError as error:
        raise BadRequest(f"window: {error}") from None


def _viewport(text: str) -> Viewport:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (2, 6):
        raise BadRequest("viewport is width,height or width,height,sx,sy,sw,sh")
    size = [_whole(part, 1, _LARGEST, "viewport") for part in parts[:2]]
    biggest = 1 << 31
    source = [_whole(part or "0", -biggest, biggest, "viewport") for part in parts[2:]]
    return Viewport(*size, *source)


async def retrieve_rendered(request: Request) -> Response:
    """``GET …/rendered`` of a study, series, instance or frames."""
    return await _retrieve(request, viewport=None)


async def retrieve_thumbnail(request: Request) -> Response:
    """``GET …/thumbnail`` of a study, series, instance or frame."""
    return await _retrieve(request, viewport=_THUMBNAIL)


async def _retrieve(request: Request, viewport: Viewport | None) -> Response:
    service, target = service_of(request), target_of(request)
    numbers = frame_numbers(request) if "frames" in request.path_params else []
    ranges = accepted(request)

    def from_disk() -> Response | tuple[Holding, list[int], Rendering, bool]:
        if target.instance:
            holding = service.holding(request, target)
        else:
            scope = service.read_scope(request)
            record = representative(service.archive, target, scope)
            holding = service.checked(request, service.holdings.of(record))
        service.accessed(request, "rendered", holding.record.study_instance_uid, 1)
        document = None if numbers else _document(service, holding, ranges)
        if document is not None:
            return document
        media_type, in_parts = _form(ranges, len(numbers))
        rendering = rendering_of(request, media_type, viewport)
        chosen = numbers or [holding.middle_frame]
        if max(chosen) >= len(holding.frames):
            raise NotFound(f"there is no frame {max(chosen) + 1}")
        tag = _tag(holding, chosen[0], rendering)
        if not in_parts:
            if is_fresh(request, tag):
                return Response(status_code=304, headers={"ETag": tag})
            data = service.cache.get(_key(holding, chosen[0], rendering))
            if data is not None:
                return payload(data, media_type, tag)
        return holding, chosen, rendering, in_parts

    answer = await service.workers.read(from_disk)
    if isinstance(answer, Response):
        return answer
    holding, chosen, rendering, in_parts = answer
    if in_parts:
        return _many(service, holding, chosen, rendering)
    data = await service.workers.compute(
        request, lambda: draw(service, holding, chosen[0], rendering)
    )
    return payload(data, rendering.media_type, _tag(holding, chosen[0], rendering))


def _form(ranges: list[MediaRange], count: int) -> tuple[str, bool]:
    """The picture format to answer in, and whether in parts. Raises NotAcceptable."""
    for one in ranges:
        for name in _PICTURES:
            if one.covers(name) and (count < 2 or one.multipart or one.is_any):
                return name, one.multipart or count > 1
    raise NotAcceptable("pictures are given as image/jpeg or image/png")


def _document(service: Service, holding: Holding, ranges: list[MediaRange]) -> Response | None:
    """An encapsulated PDF is its own rendering (PS3.18 Table 8.7.4-1)."""
    if len(holding.table):
        return None
    header = holding.header()
    if (header.get("00420012", {}).get("Value") or [""])[0] != _PDF:
        return None
    uri = header.get("00420011", {}).get("BulkDataURI", "")
    if not uri or not any(one.covers(_PDF) and not one.multipart for one in ranges):
        return None
    _, offset, length = uri.split("/")
    data = holding.pieces(int(offset), int(length))
    return stream(service.workers, data, _PDF, {"Content-Security-Policy": "sandbox"})


def draw(service: Service, holding: Holding, number: int, rendering: Rendering) -> bytes:
    """Draw one frame, or take it from the cache.

    Raises
    ------
    CannotDecode, BadRequest
    """
    key = _key(holding, number, rendering)
    data = service.cache.get(key)
    if data is not None:
        return data
    frames = holding.frames
    attributes = Attributes(holding.header(), number, holding.read)
    screen = to_screen(frames.array(number), frames.description, attributes, rendering.window)
    try:
        picture = fit(screen, rendering.viewport, _aspect(attributes))
    except ValueError as error:
        raise BadRequest(str(error)) from None
    data = encode_picture(picture, rendering.media_type, rendering.quality)
    service.cache.put(key, data)
    return data


def _aspect(attributes: Attributes) -> float:
    """Height of a pixel by its width (PS3.3 C.7.6.3.1.7)."""
    macro = attributes.group("PixelMeasuresSequence") or attributes
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        pair = macro.numbers(keyword)
        if len(pair) == 2 and min(pair) > 0:
            return min(max(pair[0] / pair[1], 0.1), 10.0)
    return 1.0


def _many(service: Service, holding: Holding, numbers: list[int], rendering: Rendering) -> Response:
    def parts() -> Iterator[tuple[str, str, Iterator[bytes]]]:
        for number in numbers:
            yield rendering.media_type, "", iter((draw(service, holding, number, rendering),))

    return multipart_stream(service.workers, parts(), rendering.media_type, computing=True)


def _key(holding: Holding, number: int, rendering: Rendering) -> str:
    return f"picture {holding.record.sha256} {number} {rendering!r}"


def _tag(holding: Holding, number: int, rendering: Rendering) -> str:
    shown = hashlib.blake2b(repr(rendering).encode(), digest_size=8).hexdigest()
    return f'"{holding.record.sha256[:32]}-{number}-{shown}"'
