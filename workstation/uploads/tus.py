"""Resumable uploads by the tus protocol, version 1.0: creation, expiration, checksum, termination.

::

    POST   /          a new upload: Upload-Length, Upload-Metadata   201 Location
    HEAD   /{id}      how many bytes are here                        200 Upload-Offset
    PATCH  /{id}      more bytes from Upload-Offset on               204 Upload-Offset
    DELETE /{id}      nobody wants it any more                       204
    GET    /          the caller's uploads, for the page             JSON
    POST   /{id}/again   other facts for a refused file              JSON

Beside them the routes of `blocks`, for large slides.

Bytes go to the disk as they come. What a broken connection brought stays, unless the piece came
with a checksum: then it counts whole or not at all.
"""

import asyncio
import base64
import binascii
import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workstation.context import Context
from workstation.errors import Conflict, InvalidRequest, WorkstationError
from workstation.roles import Principal
from workstation.uploads import rows
from workstation.uploads.answers import COMMON, VERSION, failure, refused
from workstation.uploads.blocks import BlockDoor
from workstation.uploads.encoding import upload_json
from workstation.uploads.piece import Checksum, Piece, in_thread
from workstation.uploads.rows import Upload, UploadState

__all__ = ["tus_app"]

EXTENSIONS = "creation,expiration,checksum,termination"
ALGORITHMS = ("sha1", "sha256", "md5")
PIECE_TYPE = "application/offset+octet-stream"
CHECKSUM_MISMATCH = 460
LONGEST_METADATA = 16_384
LARGEST_BODY = 65_536


def tus_app(context: Context) -> Starlette:
    """The application below ``<base>/uploads``; the gate has found out who calls."""
    blocks = BlockDoor(context)
    tus = _Tus(context, blocks)
    return Starlette(
        routes=[
            *blocks.routes,
            Route("/", tus.options, methods=["OPTIONS"]),
            Route("/", tus.create, methods=["POST"]),
            Route("/", tus.listed, methods=["GET"]),
            Route("/{id}", tus.options, methods=["OPTIONS"]),
            Route("/{id}", tus.head, methods=["HEAD"]),
            Route("/{id}", tus.append, methods=["PATCH"]),
            Route("/{id}", tus.remove, methods=["DELETE"]),
            Route("/{id}/again", tus.again, methods=["POST"]),
        ],
        exception_handlers={WorkstationError: refused},
    )


class _Tus:
    def __init__(self, context: Context, blocks: BlockDoor) -> None:
        self.context = context
        self.blocks = blocks

    async def options(self, request: Request) -> Response:
        headers = {
            **COMMON,
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            "Tus-Max-Size": str(self.context.settings.largest_upload_bytes),
        }
        return Response(status_code=204, headers=headers)

    async def create(self, request: Request) -> Response:
        if (wrong := _wrong_version(request)) is not None:
            return wrong
        length = _number(request, "upload-length")
        metadata = _metadata(request.headers.get("upload-metadata", ""))
        name = metadata.get("filename", "")
        facts = _object(metadata.get("facts", "{}"))
        upload = await in_thread(
            lambda: rows.begin_upload(self.context, _caller(request), name, length, facts)
        )
        path = str(request.scope["root_path"]).rstrip("/")
        return Response(
            status_code=201,
            headers={
                **COMMON,
                "Location": f"{path}/{upload.id}",
                "Upload-Expires": _expires(upload),
            },
        )

    async def head(self, request: Request) -> Response:
        if (wrong := _wrong_version(request)) is not None:
            return wrong
        upload = _in_one_piece(await self._upload(request))
        headers = {
            **COMMON,
            "Upload-Offset": str(await in_thread(lambda: self._offset(upload))),
            "Upload-Length": str(upload.size),
        }
        return Response(status_code=200, headers=headers)

    async def append(self, request: Request) -> Response:
        if (wrong := _wrong_version(request)) is not None:
            return wrong
        if request.headers.get("content-type", "") != PIECE_TYPE:
            return failure(415, "bad_type", f"Cần {PIECE_TYPE}.", f"Send {PIECE_TYPE}.")
        upload = _in_one_piece(await self._upload(request))
        offset = _number(request, "upload-offset")
        expected = _checksum(request)
        if upload.state is not UploadState.RECEIVING:
            return failure(409, "complete", "Tệp đã gửi xong.", "The file is complete.")
        piece = await in_thread(lambda: Piece.open(self.context, upload, offset, expected))
        try:
            try:
                await piece.take(request.stream())
            except ClientDisconnect:
                await asyncio.shield(in_thread(piece.interrupted))
                return Response(status_code=400, headers=COMMON)
            if not await in_thread(piece.finish):
                return failure(
                    CHECKSUM_MISMATCH,
                    "checksum",
                    "Dữ liệu bị sai khi truyền.",
                    "Checksum mismatch.",
                )
        finally:
            piece.close()
        await in_thread(lambda: self._arrived(upload, piece.end))
        headers = {
            **COMMON,
            "Upload-Offset": str(piece.end),
            "Upload-Expires": _expires(upload),
        }
        return Response(status_code=204, headers=headers)

    async def remove(self, request: Request) -> Response:
        if (wrong := _wrong_version(request)) is not None:
            return wrong
        await in_thread(
            lambda: rows.remove_upload(self.context, _caller(request), request.path_params["id"])
        )
        return Response(status_code=204, headers=COMMON)

    async def listed(self, request: Request) -> Response:
        def answer() -> list[dict[str, Any]]:
            found = rows.list_uploads(self.context, _caller(request))
            return [self._told(each) for each in found]

        return JSONResponse({"items": await in_thread(answer)}, headers=COMMON)

    def _told(self, upload: Upload) -> dict[str, Any]:
        if upload.block_bytes and upload.state is UploadState.RECEIVING:
            return self.blocks.told(upload)
        return upload_json(upload, self._offset(upload))

    async def again(self, request: Request) -> Response:
        body = b""
        async for block in request.stream():
            body += block
            if len(body) > LARGEST_BODY:
                raise InvalidRequest("too_long", "Dữ liệu quá dài.", "The body is too long.")
        facts = _object(body.decode("utf-8", "replace"))
        upload = await in_thread(
            lambda: rows.try_again(self.context, _caller(request), request.path_params["id"], facts)
        )
        return JSONResponse(upload_json(upload, upload.size), headers=COMMON)

    async def _upload(self, request: Request) -> Upload:
        return await in_thread(
            lambda: rows.get_upload(self.context, _caller(request), request.path_params["id"])
        )

    def _offset(self, upload: Upload) -> int:
        if upload.state is not UploadState.RECEIVING:
            return upload.size
        try:
            return rows.content_path(self.context, upload.id).stat().st_size
        except FileNotFoundError:
            return 0

    def _arrived(self, upload: Upload, end: int) -> None:
        if end == upload.size:
            rows.make_due(self.context, upload.id)
        else:
            rows.touch(self.context, upload.id)


def _in_one_piece(upload: Upload) -> Upload:
    """The upload, unless it comes in blocks: its file has its full size from the beginning."""
    if upload.block_bytes:
        raise Conflict("in_blocks", "Tệp này gửi theo khối.", "This file comes in blocks.")
    return upload


class BadHeader(WorkstationError):
    status = 400


def _caller(request: Request) -> Principal:
    principal: Principal = request.scope["state"]["principal"]
    return principal


def _wrong_version(request: Request) -> Response | None:
    if request.headers.get("tus-resumable") == VERSION:
        return None
    response = failure(412, "tus_version", f"Cần tus {VERSION}.", f"Speak tus {VERSION}.")
    response.headers["Tus-Version"] = VERSION
    return response


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadHeader("bad_header", f"Thiếu {name} hợp lệ.", f"A valid {name} is missing.")
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """``Upload-Metadata``: keys with Base64 values."""
    if len(header) > LONGEST_METADATA:
        raise BadHeader("bad_header", "Upload-Metadata quá dài.", "Upload-Metadata is too long.")
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            raise BadHeader(
                "bad_header", "Upload-Metadata sai.", "Upload-Metadata is not valid."
            ) from None
    return found


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadHeader("bad_facts", "Thông tin không phải JSON.", "The facts are not JSON.")
    return value


def _checksum(request: Request) -> Checksum | None:
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    algorithm, _, value = header.partition(" ")
    try:
        if algorithm in ALGORITHMS:
            return algorithm, base64.b64decode(value, validate=True)
    except binascii.Error:
        pass
    raise BadHeader("bad_checksum", "Upload-Checksum sai.", "Upload-Checksum is not valid.")


def _expires(upload: Upload) -> str:
    return upload.expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT")
