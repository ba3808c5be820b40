"""Pictures of a slide: regions, thumbnails, label and overview, and the table of its colours."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from dicom_node.errors import NotFound
from dicom_node.pixels.picture import encode_picture
from dicom_node.slides import SlideIndex
from dicom_node.slides.colour import table
from dicom_node.slides.render import (
    Region,
    associated_picture,
    default_paths,
    render,
    whole,
)
from dicom_node.slides.source import JPEG, PNG
from dicom_node.web.errors import BadRequest
from dicom_node.web.responses import payload
from dicom_node.web.slide_room import SlideRoom, number_of, room_of

__all__ = [
    "retrieve_colours",
    "retrieve_label",
    "retrieve_overview",
    "retrieve_region",
    "retrieve_thumbnail",
]

_LARGEST = 8192
_MOST_PIXELS = 1 << 25
_QUALITY = 90


async def retrieve_region(request: Request) -> Response:
    """``GET /v1/{slide}/{version}/rendered``: a region in pixels of level 0"""
    room = room_of(request)
    media_type = _media_type(request)
    calibrated = _is_calibrated(request)
    plane = int(number_of(request, "plane", 0, 0, 10_000))
    quality = int(number_of(request, "quality", _QUALITY, 1, 100))

    def draw(index: SlideIndex) -> bytes:
        room.check_levels(request, index)
        facts = index.facts
        region = Region(
            x := number_of(request, "x", 0),
            y := number_of(request, "y", 0),
            number_of(request, "width", max(facts["width"] - x, 1), 1e-3),
            number_of(request, "height", max(facts["height"] - y, 1), 1e-3),
            number_of(request, "scale", 1, 1e-6, 64),
        )
        columns, rows = region.size
        if max(columns, rows) > _LARGEST or columns * rows > _MOST_PIXELS:
            raise BadRequest(f"a picture has at most {_LARGEST} pixels a side")
        try:
            picture = render(room.source, index, region, _paths(request, index), plane, calibrated)
        except ValueError as error:
            raise BadRequest(str(error)) from None
        return encode_picture(picture, media_type, quality)

    return await _picture(request, room, media_type, draw)


async def retrieve_thumbnail(request: Request) -> Response:
    """``GET /v1/{slide}/{version}/thumbnail?size=512&icc=1``"""
    room = room_of(request)
    size = int(number_of(request, "size", 512, 16, 2048))
    media_type = _media_type(request)
    calibrated = _is_calibrated(request)

    def draw(index: SlideIndex) -> bytes:
        room.check_levels(request, index)
        key = f"thumbnail {index.slide} {index.version} {size} {calibrated} {media_type}"
        data = room.cache.get(key)
        if data is None:
            try:
                region = whole(index, size)
                paths = default_paths(index)
                picture = render(room.source, index, region, paths, calibrated=calibrated)
            except ValueError as error:
                # No small level has come yet, and nobody waits for millions of tiles.
                raise NotFound(str(error)) from None
            data = encode_picture(picture, media_type, _QUALITY)
            room.cache.put(key, data)
        return data

    return await _picture(request, room, media_type, draw)


async def retrieve_label(request: Request) -> Response:
    """``GET /v1/{slide}/{version}/label``, for those who may see it"""
    return await _associated(request, "label")


async def retrieve_overview(request: Request) -> Response:
    """``GET /v1/{slide}/{version}/overview``, for those who may see the label on it"""
    return await _associated(request, "overview")


async def _associated(request: Request, name: str) -> Response:
    room = room_of(request)

    def draw(index: SlideIndex) -> bytes:
        if not room.sees_labels(request):
            raise NotFound(f"the {name} is not the caller's to see")
        return encode_picture(associated_picture(room.source, index, name), JPEG, _QUALITY)

    return await _picture(request, room, JPEG, draw)


async def retrieve_colours(request: Request) -> Response:
    """``GET /v1/{slide}/{version}/icc?path=0``: 33 x 33 x 33 colours, red fastest"""
    room = room_of(request)
    number = int(number_of(request, "path", 0, 0, 10_000))

    def work() -> Response:
        index = room.index(request)
        paths = index.facts["optical_paths"]
        if number >= len(paths) or paths[number]["icc"] is None:
            raise NotFound("the optical path has no profile")
        profile = index.array(f"icc {paths[number]['icc']}").tobytes()
        return payload(table(profile), "application/octet-stream")

    return await room.workers.read(work)


async def _picture(
    request: Request, room: SlideRoom, media_type: str, draw: Callable[[SlideIndex], bytes]
) -> Response:
    """Answer with what `draw` makes of the index the request names."""
    index = await room.workers.read(lambda: room.index(request))

    def work() -> Response:
        data = draw(index)
        room.accessed(request.scope, "rendered", index)
        return payload(data, media_type)

    return await room.workers.compute(request, work)


def _is_calibrated(request: Request) -> bool:
    return request.query_params.get("icc", "1") != "0"


def _paths(request: Request, index: SlideIndex) -> list[int]:
    text = request.query_params.get("path", "")
    if not text:
        return default_paths(index)
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        raise BadRequest("path is a list of numbers from 0, parted by commas")
    return [int(part) for part in parts]


def _media_type(request: Request) -> str:
    name = request.query_params.get("format", "jpeg")
    if name not in ("jpeg", "png"):
        raise BadRequest("format is jpeg or png")
    return PNG if name == "png" else JPEG
