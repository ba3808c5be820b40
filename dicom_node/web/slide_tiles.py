"""Tiles: one by one for the browser's own cache, and by the dozen for a field of view."""

import re
import struct
from collections.abc import Iterable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dicom_node.errors import DicomNodeError, NotFound
from dicom_node.records import ReadScope
from dicom_node.slides import SlideIndex, SlideSource
from dicom_node.slides.levels import BLANK, NOT_RECEIVED
from dicom_node.slides.source import JPEG
from dicom_node.web.errors import BadRequest, error_response, error_response_for
from dicom_node.web.responses import IMMUTABLE, is_fresh, payload
from dicom_node.web.slide_room import SlideRoom, room_of

__all__ = ["TileDesk", "TilePlace", "retrieve_batch"]

_MOST_IN_BATCH = 256
_LENGTH = struct.Struct("<I")
_NUMBER = r"/([0-9]{1,8})"
_TILE = re.compile(r"/v1/([^/]*)/([^/]*)" + 5 * _NUMBER)
# Kept for the session that asked, as everything here.
_HEADERS = [
    (b"cache-control", IMMUTABLE.encode()),
    (b"vary", b"Cookie"),
    (b"x-content-type-options", b"nosniff"),
]


class TilePlace(NamedTuple):
    """A tile's address."""

    slide: str
    version: str
    level: int
    path: int
    plane: int
    column: int
    row: int

    @property
    def tag(self) -> str:
        place = f"{self.level}.{self.path}.{self.plane}.{self.column}.{self.row}"
        return f'"{self.version}-{place}"'


class TileDesk:
    """Answers requests for one tile.

    What is known and in the page cache is answered on the event loop: to hand it to a thread and
    back takes longer than to read it. Everything that may wait goes to a thread. Thousands of
    tiles make a slide, so the common answer is built of nothing that is not in it.
    """

    def __init__(self, room: SlideRoom) -> None:
        self._room = room

    def place_of(self, scope: Scope) -> TilePlace | None:
        """Read a tile's address; None when the request is for something else."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return None
        found = _TILE.fullmatch(scope["path"].removeprefix(scope.get("root_path", "")))
        if found is None:
            return None
        slide, version, *numbers = found.groups()
        return TilePlace(slide, version, *map(int, numbers))

    async def serve(self, place: TilePlace, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Whatever goes wrong becomes an answer too."""
        try:
            found = self._at_once(place, scope)
            response = found or await self._answer(place, Request(scope, receive))
        except Exception as error:
            response = await error_response_for(Request(scope, receive), error)
        if isinstance(response, Response):
            await response(scope, receive, send)
            return
        data, media_type = response
        headers = [
            *_HEADERS,
            (b"content-type", media_type.encode()),
            (b"content-length", b"%d" % len(data)),
            (b"etag", place.tag.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else data
        await send({"type": "http.response.body", "body": body})

    def _at_once(self, place: TilePlace, scope: Scope) -> tuple[bytes, str] | None:
        """The tile, if the caller may see it and nothing has to be waited for; else None.

        Raises NotFound.
        """
        room = self._room
        index = room.shelf.known(place.slide, place.version)
        allowed = room.doorkeeper.known_scope(scope)
        if index is None or allowed is None:
            return None
        if any(name == b"if-none-match" for name, _ in scope["headers"]):
            return None
        frame = frame_at(room, scope, index, allowed, place)
        found = room.source.tile_at_once(index, frame) if frame >= 0 else None
        if found is not None:
            room.accessed(scope, "frames", index)
        return found

    async def _answer(self, place: TilePlace, request: Request) -> Response | tuple[bytes, str]:
        room = self._room
        index = room.shelf.known(place.slide, place.version)
        allowed = room.doorkeeper.known_scope(request.scope)
        if index is None or allowed is None:
            index = await room.workers.read(lambda: self._open(place, request))
            allowed = ReadScope(everything=True)  # asked in `_open`
        frame = frame_at(room, request.scope, index, allowed, place)
        if frame == BLANK:
            return Response(status_code=204, headers={"Cache-Control": IMMUTABLE})
        early: bytes | None = None
        if frame == NOT_RECEIVED:
            early = await room.workers.read(lambda: _early(room, index, place))
            if early is None:
                return error_response(404, "not_received")
        room.accessed(request.scope, "frames", index)
        if is_fresh(request, place.tag):
            headers = {"ETag": place.tag, "Cache-Control": IMMUTABLE, "Vary": "Cookie"}
            return Response(status_code=304, headers=headers)
        if early is not None:
            return early, JPEG
        found = await room.workers.read(lambda: room.source.tile_at_hand(index, frame, place.path))
        if found is not None:
            return found
        return await room.workers.compute(
            request, lambda: room.source.tile(index, frame, place.path)
        )

    def _open(self, place: TilePlace, request: Request) -> SlideIndex:
        return self._room.shelf.version(place.slide, place.version, self._room.scope(request))


def frame_at(
    room: SlideRoom, scope: Scope, index: SlideIndex, allowed: ReadScope, place: TilePlace
) -> int:
    """The number of the frame at a place. Raises NotFound when there is none for the caller."""
    if not index.is_in(allowed):
        raise NotFound("no such slide")
    try:
        frame = index.frame(place.level, place.path, place.plane, place.column, place.row)
        shows_label = index.facts["levels"][place.level]["shows_label"]
    except IndexError as error:
        raise NotFound("the slide has no such tile") from error
    if shows_label and not room.doorkeeper.may_see_labels(scope):
        raise NotFound("the slide shows its label")
    return frame


async def retrieve_batch(request: Request) -> Response:
    """``GET /v1/{slide}/{version}/tiles?at=level.path.plane.column.row,…``"""
    room = room_of(request)
    places = list(_places(request))

    def at_hand() -> tuple[SlideIndex, list[int], list[bytes | None]]:
        index = room.index(request)
        everything = ReadScope(everything=True)  # `index` asked
        frames = [frame_at(room, request.scope, index, everything, place) for place in places]
        pairs = zip(places, frames, strict=True)
        tiles = [_at_hand(room, index, frame, place) for place, frame in pairs]
        count = sum(tile != b"" for tile in tiles)
        if count:
            room.accessed(request.scope, "frames", index, count)
        return index, frames, tiles

    index, frames, tiles = await room.workers.read(at_hand)

    def whole() -> list[bytes | None]:
        return [
            _made(room.source, index, frame, place.path) if tile is None else tile
            for place, frame, tile in zip(places, frames, tiles, strict=True)
        ]

    if None in tiles:
        tiles = await room.workers.compute(request, whole)
    body = b"".join(_LENGTH.pack(len(tile)) + tile for tile in tiles if tile is not None)
    # What has not come may come while this version of the slide is the latest.
    is_final = all(frame != NOT_RECEIVED or tile for frame, tile in zip(frames, tiles, strict=True))
    headers = None if is_final else {"Cache-Control": "no-store"}
    return payload(body, "application/octet-stream", headers=headers)


def _early(room: SlideRoom, index: SlideIndex, place: TilePlace) -> bytes | None:
    """A tile of a level that is on its way, when all of its bytes are here."""
    # Levels of several paths or planes are not taken early.
    if place.path or place.plane:
        return None
    return room.shelf.early_tile(index, place.level, place.column, place.row)


# One tile that is lost or does not decode must not cost the field of view the others.
def _at_hand(room: SlideRoom, index: SlideIndex, frame: int, place: TilePlace) -> bytes | None:
    """A tile without decoding; nothing where there is none, None where it has to be made."""
    if frame < 0:
        return (_early(room, index, place) or b"") if frame == NOT_RECEIVED else b""
    try:
        found = room.source.tile_at_hand(index, frame, place.path)
    except DicomNodeError:
        return b""
    return None if found is None else found[0]


def _made(source: SlideSource, index: SlideIndex, frame: int, path: int) -> bytes:
    try:
        return source.tile(index, frame, path)[0]
    except DicomNodeError:
        return b""


def _places(request: Request) -> Iterable[TilePlace]:
    slide, version = request.path_params["slide"], request.path_params["version"]
    texts = request.query_params.get("at", "").split(",")
    if len(texts) > _MOST_IN_BATCH:
        raise BadRequest(f"at most {_MOST_IN_BATCH} tiles come at once")
    for text in texts:
        numbers = text.split(".")
        if len(numbers) != 5 or not all(
            one.isascii() and one.isdigit() and len(one) < 9 for one in numbers
        ):
            raise BadRequest("a tile is level.path.plane.column.row")
        yield TilePlace(slide, version, *map(int, numbers))
