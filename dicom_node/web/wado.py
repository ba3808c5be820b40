"""Whole instances: one, a series, a study (PS3.18 10.4.1.1.1)."""

import zipfile
from collections.abc import Iterator
from io import RawIOBase
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian
from starlette.requests import Request
from starlette.responses import Response

from dicom_node.errors import CannotDecode, NotAcceptable, NotFound
from dicom_node.pixels.frames import Frames
from dicom_node.pixels.transcode import can_transcode_instance, transcoded
from dicom_node.web.holdings import Holding
from dicom_node.web.media import ANY_SYNTAX, DICOM, MediaRange, accepted
from dicom_node.web.metadata import matching
from dicom_node.web.responses import is_fresh, multipart_stream, stream
from dicom_node.web.service import Service, base_url, instance_url, service_of, target_of

__all__ = ["retrieve_instances"]

_ZIP = "application/zip"


async def retrieve_instances(request: Request) -> Response:
    """``GET /studies/{study}`` and its series and instances."""
    service, target = service_of(request), target_of(request)
    ranges, base = accepted(request), base_url(request)

    def work() -> Response:
        records = service.archive.instances(matching(target), scope=service.read_scope(request))
        if not records:
            raise NotFound("nothing is held under these UIDs")
        holdings = [service.holdings.of(record) for record in records]
        if not service.sees_labels(request):
            holdings = [one for one in holdings if not one.holds_label]
        if not holdings:
            raise NotFound("what is held is not the caller's to see")
        for one in ranges:
            response = _in_form(request, service, holdings, one, base)
            if response is not None:
                service.accessed(request, "instances", target.study, len(holdings))
                return response
        raise NotAcceptable("instances are given as application/dicom, in multipart or alone")

    return await service.workers.read(work)


def _in_form(
    request: Request, service: Service, holdings: list[Holding], one: MediaRange, base: str
) -> Response | None:
    """Answer in one accepted form, or None when it does not fit."""
    if one.type == _ZIP and not one.multipart:
        return stream(service.workers, _zipped(holdings), _ZIP)
    if not one.covers(DICOM):
        return None
    syntaxes = [_syntax(holding, one) for holding in holdings]
    if not all(syntaxes):
        return None
    if one.multipart or one.is_any:
        parts = (
            (f"{DICOM}; transfer-syntax={syntax}", instance_url(base, holding.record), data)
            for holding, syntax, data in _checked(holdings, syntaxes)
        )
        return multipart_stream(service.workers, parts, DICOM, _is_work(holdings, syntaxes))
    if len(holdings) > 1:
        return None
    return _alone(request, service, holdings[0], syntaxes[0])


def _is_work(holdings: list[Holding], syntaxes: list[str]) -> bool:
    """Whether anything must be transcoded."""
    stored = [holding.record.transfer_syntax_uid for holding in holdings]
    return stored != syntaxes


def _alone(request: Request, service: Service, holding: Holding, syntax: str) -> Response:
    tag = f'"{holding.record.sha256[:32]}-{syntax}"'
    if is_fresh(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    headers = {"ETag": tag}
    working = _is_work([holding], [syntax])
    _, syntax, data = next(_checked([holding], [syntax]))
    if syntax == holding.record.transfer_syntax_uid:
        headers["Content-Length"] = str(holding.record.size)
    content_type = f"{DICOM}; transfer-syntax={syntax}"
    return stream(service.workers, data, content_type, headers, working)


def _syntax(holding: Holding, one: MediaRange) -> str:
    """The transfer syntax to give an instance in; "" when none that is accepted can be made.

    Where none is named the standard means Explicit VR Little Endian. Pixels nobody can decode,
    video first of all, are then given as they are, rather than not at all.
    """
    stored = holding.record.transfer_syntax_uid
    for syntax in one.syntaxes or (str(ExplicitVRLittleEndian),):
        if syntax in (ANY_SYNTAX, stored):
            return stored
        if _can_give(holding, syntax):
            return syntax
    return "" if one.syntaxes else stored


def _can_give(holding: Holding, syntax: str) -> bool:
    try:
        return can_transcode_instance(_frames(holding), syntax)
    except CannotDecode:
        return False


def _frames(holding: Holding) -> Frames | None:
    """The frames to transcode; None when the instance has no pixels. Raises CannotDecode."""
    return holding.frames if len(holding.table) else None


def _checked(
    holdings: list[Holding], syntaxes: list[str]
) -> Iterator[tuple[Holding, str, Iterator[bytes]]]:
    """Yield each instance with the bytes of its file, as stored where transcoding fails."""
    for holding, syntax in zip(holdings, syntaxes, strict=True):
        record = holding.record
        if syntax != record.transfer_syntax_uid:
            pieces = transcoded(record.path, _frames(holding), syntax)
            try:
                first = next(pieces)
            except (CannotDecode, NotFound):  # broken or cut off
                syntax = record.transfer_syntax_uid
            else:
                yield holding, syntax, _prepended(first, pieces)
                continue
        yield holding, syntax, holding.file_pieces()


def _prepended(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


class _Outbox(RawIOBase):
    """A file that hands on what is written to it; zip files need no seeking back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def drain(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _zipped(holdings: list[Holding]) -> Iterator[bytes]:
    """A zip of the stored files, not compressed, named by their UIDs."""
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w") as archive:
        for holding in holdings:
            record = holding.record
            name = f"{record.series_instance_uid}/{record.sop_instance_uid}.dcm"
            # A fixed date: when a copy was made is nobody's business.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            with archive.open(entry, "w", force_zip64=True) as file:
                for piece in holding.file_pieces():
                    file.write(piece)
                    yield outbox.drain()
    yield outbox.drain()
