"""Frames: as stored, or in the syntax a client can decode (PS3.18 10.4.1.1.6)."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.uid import ExplicitVRLittleEndian
from starlette.requests import Request
from starlette.responses import Response

from dicom_node.errors import CannotDecode, NotAcceptable, NotFound
from dicom_node.pixels.encode import can_transcode
from dicom_node.pixels.frames import Frames
from dicom_node.pixels.syntaxes import OCTET_STREAM, default_syntax, media_types
from dicom_node.web import multipart
from dicom_node.web.errors import BadRequest
from dicom_node.web.holdings import Holding
from dicom_node.web.media import ANY_SYNTAX, MediaRange, accepted
from dicom_node.web.responses import is_fresh, multipart_stream, multipart_type, payload
from dicom_node.web.service import Service, service_of, target_of

__all__ = ["FrameForm", "forms", "frame_numbers", "retrieve_frames"]


@dataclass(frozen=True, slots=True)
class FrameForm:
    """One way to give frames: transfer syntax, the media type it is called, one part or many."""

    media_type: str
    transfer_syntax_uid: str
    multipart: bool

    @property
    def content_type(self) -> str:
        """Of the part, or of the whole when there are no parts."""
        return f"{self.media_type}; transfer-syntax={self.transfer_syntax_uid}"


def forms(ranges: list[MediaRange], frames: Frames, count: int) -> Iterator[FrameForm]:
    """Yield every form the client accepts and we can make of these frames, best first.

    Parameters
    ----------
    ranges : list of MediaRange
        As `accepted` orders them.
    frames : Frames
    count : int
        How many frames are asked for; several need a part each.
    """
    for one in ranges:
        # "*/*" leaves the choice to us, and the standard's default is multipart.
        in_parts = one.multipart or one.is_any
        if count > 1 and not in_parts:
            continue
        for syntax in _syntaxes(one, frames):
            name = _media_type(one, syntax)
            if name and (frames.is_stored_as(syntax) or can_transcode(frames.description, syntax)):
                yield FrameForm(name, syntax, in_parts)


def stored_syntax(frames: Frames) -> str:
    """The syntax of frames given as stored. Native pixels are little endian on the web."""
    if frames.description.is_native:
        return str(ExplicitVRLittleEndian)
    return frames.description.transfer_syntax_uid


def _syntaxes(one: MediaRange, frames: Frames) -> list[str]:
    stored = stored_syntax(frames)
    if one.syntaxes:
        named = [stored if uid == ANY_SYNTAX else uid for uid in one.syntaxes]
        return list(dict.fromkeys(named))
    if one.type == OCTET_STREAM:
        return [str(ExplicitVRLittleEndian)]
    if any(one.covers(name) for name in media_types(stored)):
        return [stored]
    default = default_syntax(one.type)
    return [str(default)] if default else []


def _media_type(one: MediaRange, syntax: str) -> str:
    """What to call frames in `syntax` for this client; "" when it would not take them."""
    if one.type == OCTET_STREAM:
        return OCTET_STREAM
    return next((name for name in media_types(syntax) if one.covers(name)), "")


def frame_numbers(request: Request) -> list[int]:
    """The frames in the path, counted from 0 (the path counts from 1). Raises BadRequest."""
    numbers = []
    for text in request.path_params["frames"].split(","):
        if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
            raise BadRequest("frames are a list of numbers from 1, parted by commas")
        numbers.append(int(text) - 1)
    return numbers


async def retrieve_frames(request: Request) -> Response:
    """``GET …/instances/{instance}/frames/{frames}``"""
    service, target = service_of(request), target_of(request)
    numbers, ranges = frame_numbers(request), accepted(request)

    def from_disk() -> Response | tuple[Holding, list[FrameForm]]:
        holding = service.holding(request, target)
        if max(numbers) >= len(holding.table):
            raise NotFound(f"there is no frame {max(numbers) + 1}")
        found = list(forms(ranges, holding.frames, len(numbers)))
        if not found:
            raise NotAcceptable("no accepted media type fits the stored frames")
        service.accessed(request, "frames", target.study, 1)
        if len(numbers) > 1:
            return _many(service, holding, found[0], numbers)
        tag = _tag(holding, numbers[0], found[0])
        if is_fresh(request, tag):
            return Response(status_code=304, headers={"ETag": tag})
        if holding.frames.is_stored_as(found[0].transfer_syntax_uid):
            data = holding.frames.encoded(numbers[0], found[0].transfer_syntax_uid)
            return _single(holding, numbers[0], found[0], data)
        known = service.cache.get(_key(holding, numbers[0], found[0].transfer_syntax_uid))
        if known is not None:
            return _single(holding, numbers[0], found[0], known)
        return holding, found

    answer = await service.workers.read(from_disk)
    if isinstance(answer, Response):
        return answer
    holding, found = answer
    return await service.workers.compute(
        request, lambda: _transcoded(service, holding, numbers[0], found)
    )


def _transcoded(
    service: Service, holding: Holding, number: int, found: list[FrameForm]
) -> Response:
    """Make the best form; when the pixels do not decode, the next one that needs no decoding."""
    failure: CannotDecode | None = None
    for form in found:
        try:
            data = encoded_frame(service, holding, number, form.transfer_syntax_uid)
            return _single(holding, number, form, data)
        except CannotDecode as error:
            failure = error
    assert failure is not None
    raise failure


def encoded_frame(service: Service, holding: Holding, number: int, syntax: str) -> bytes:
    """One frame in a syntax; what had to be compressed is kept for the next reader."""
    frames = holding.frames
    if frames.is_stored_as(syntax) or syntax == ExplicitVRLittleEndian:
        return frames.encoded(number, syntax)
    key = _key(holding, number, syntax)
    data = service.cache.get(key)
    if data is None:
        data = frames.encoded(number, syntax)
        service.cache.put(key, data)
    return data


def _single(holding: Holding, number: int, form: FrameForm, data: bytes) -> Response:
    tag = _tag(holding, number, form)
    if not form.multipart:
        return payload(data, form.content_type, tag)
    boundary = multipart.boundary(holding.record.sha256)
    body = b"".join(
        (
            multipart.part_head(boundary, form.content_type, first=True),
            data,
            multipart.closing(boundary),
        )
    )
    return payload(body, multipart_type(form.media_type, boundary), tag)


def _many(service: Service, holding: Holding, form: FrameForm, numbers: list[int]) -> Response:
    def parts() -> Iterator[tuple[str, str, Iterator[bytes]]]:
        for number in numbers:
            data = encoded_frame(service, holding, number, form.transfer_syntax_uid)
            yield form.content_type, "", iter((data,))

    working = not holding.frames.is_stored_as(form.transfer_syntax_uid)
    return multipart_stream(service.workers, parts(), form.media_type, working)


def _key(holding: Holding, number: int, syntax: str) -> str:
    return f"frame {holding.record.sha256} {number} {syntax}"


def _tag(holding: Holding, number: int, form: FrameForm) -> str:
    kind = "m" if form.multipart else "s"
    return f'"{holding.record.sha256[:32]}-{number}-{form.transfer_syntax_uid}-{kind}"'
