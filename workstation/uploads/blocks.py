"""Large slides in blocks, the most wanted first: by the plan, and by what readers look at.

::

    POST /blocks               {"name", "size", "facts"}: a new upload         201
    GET  /{id}/blocks          how far it is, and which blocks are wanted next
    PUT  /{id}/blocks/{n}      one block, with its digest                      the same answer
    PUT  /{id}/digest          {"blake2b"}: of the whole file, 32 bytes in hex  the same answer

A block is written when all of it has come and is what its digest says (``Upload-Checksum: blake2b``
and 32 bytes in Base64), and counts when it is on the disk; sent again it changes nothing. So a
broken connection, or a crash, loses the block that was under way. The upload is complete when every
block and the digest of the whole are here; the worker compares the two.
"""

import asyncio
import base64
import binascii
import errno
import hashlib
import json
import os
import re
from collections import OrderedDict
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dicom_node.conversion.blocks import Blocks, SparseFile
from dicom_node.conversion.priority import Plan, make_plan, with_wishes
from dicom_node.slides.announced import set_arrived_share
from dicom_node.slides.early import wished_blocks
from workstation.context import Context
from workstation.errors import Conflict, InvalidRequest, NotFound
from workstation.roles import Principal
from workstation.uploads import rows
from workstation.uploads.answers import COMMON, failure
from workstation.uploads.encoding import upload_json
from workstation.uploads.piece import TooLong, in_thread
from workstation.uploads.rows import Upload, UploadState

__all__ = ["BlockDoor"]

LARGEST_BODY = 65_536
CHECKSUM_MISMATCH = 460
NO_ROOM = 507
# As many numbers as an answer names; who sends them asks again with each.
WANTED = 8
MOST_PLANS = 256
# An upload lives as long as bytes come; to write that with each block would be a thousand times.
TOUCH_EVERY = timedelta(minutes=1)
_DIGEST_BYTES = 32


class BlockDoor:
    """The routes of uploads in blocks; the gate has found out who calls."""

    def __init__(self, context: Context) -> None:
        self.context = context
        # Of files whose directories have come, nothing that comes later changes the plan.
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/blocks", self.create, methods=["POST"]),
            Route("/{id}/blocks", self.show, methods=["GET"]),
            Route("/{id}/blocks/{number}", self.put, methods=["PUT"]),
            Route("/{id}/digest", self.finish, methods=["PUT"]),
        ]

    async def create(self, request: Request) -> Response:
        said = await _body(request)
        name, size, facts = said.get("name"), said.get("size"), said.get("facts", {})
        if not (isinstance(name, str) and type(size) is int and isinstance(facts, dict)):
            raise InvalidRequest("bad_upload", "Cần name, size, facts.", "Say name, size, facts.")

        def begin() -> dict[str, Any]:
            upload = rows.begin_upload(
                self.context, _caller(request), name, size, facts, in_blocks=True
            )
            return self.told(upload)

        return JSONResponse(await in_thread(begin), 201, COMMON)

    async def show(self, request: Request) -> Response:
        def look() -> dict[str, Any]:
            return self.told(self._upload(request))

        return JSONResponse(await in_thread(look), headers=COMMON)

    async def put(self, request: Request) -> Response:
        text = request.path_params["number"]
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise NotFound("no_block", "Không có khối này.", "There is no such block.")
        number = int(text)
        upload = await in_thread(lambda: self._upload(request))
        blocks = rows.blocks_of(self.context, upload)
        if number >= blocks.count:
            raise NotFound("no_block", "Không có khối này.", "There is no such block.")
        if upload.state is not UploadState.RECEIVING:
            raise Conflict("complete", "Tệp đã gửi xong.", "The file is complete.")
        expected = _checksum(request)
        data = bytearray()
        try:
            async for piece in request.stream():
                data += piece
                if len(data) > blocks.length(number):
                    raise TooLong("block_too_long", "Khối quá dài.", "The block is too long.")
        except ClientDisconnect:
            return Response(status_code=400, headers=COMMON)
        if len(data) != blocks.length(number):
            raise InvalidRequest("block_too_short", "Khối bị thiếu.", "The block is too short.")
        if hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest() != expected:
            vi, en = "Dữ liệu bị sai khi truyền.", "Checksum mismatch."
            return failure(CHECKSUM_MISMATCH, "checksum", vi, en)
        try:
            # A connection that breaks now must not leave half of it.
            answer = await asyncio.shield(
                in_thread(lambda: self._keep(upload, blocks, number, data))
            )
        except FileNotFoundError:  # cancelled meanwhile
            raise NotFound(
                "no_upload", "Không có lần gửi này.", "There is no such upload."
            ) from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            vi = "Máy chủ hết chỗ; hãy báo quản trị viên."
            return failure(
                NO_ROOM, "upload_room", vi, "The server has no room; tell an administrator."
            )
        return JSONResponse(answer, headers=COMMON)

    async def finish(self, request: Request) -> Response:
        digest = (await _body(request)).get("blake2b")
        if not (isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest)):
            raise InvalidRequest("bad_digest", "Mã kiểm sai.", "The digest is not valid.")

        def keep() -> dict[str, Any]:
            upload = self._upload(request)
            if upload.state is not UploadState.RECEIVING:
                raise Conflict("complete", "Tệp đã gửi xong.", "The file is complete.")
            rows.set_digest(self.context, upload.id, digest)
            self._complete(upload, rows.blocks_of(self.context, upload).here)
            return self.told(self._upload(request))

        return JSONResponse(await in_thread(keep), headers=COMMON)

    # -- what threads do

    def told(self, upload: Upload) -> dict[str, Any]:
        """How far an upload in blocks is."""
        if upload.state is not UploadState.RECEIVING:
            return upload_json(upload, upload.size) | {"wanted": []}
        blocks = rows.blocks_of(self.context, upload)
        here = blocks.here
        return self._answer(upload, blocks, here)

    def _answer(self, upload: Upload, blocks: Blocks, here: NDArray[np.bool_]) -> dict[str, Any]:
        plan = self._plan(upload, blocks)
        planned = plan.order[~here[plan.order]][:WANTED]
        share = min(1.0, plan.readable * blocks.block_bytes / upload.size)
        return upload_json(upload, blocks.received_bytes(here)) | {
            "block_bytes": blocks.block_bytes,
            "blocks": blocks.count,
            "wanted": with_wishes(
                planned.tolist(), self._wishes(upload, here), int(here.sum()), WANTED
            ),
            # From which share on the slide can be read, and whether that has come.
            "readable_at": round(share, 4) if plan.readable else None,
            "is_readable": plan.reached(here) > 0,
        }

    def _keep(self, upload: Upload, blocks: Blocks, number: int, data: bytearray) -> dict[str, Any]:
        here = blocks.here
        if not here[number]:
            _write(self.context, upload, number * blocks.block_bytes, data)
            blocks.take(number)
            here = blocks.here
        answer = self._answer(upload, blocks, here)
        if self._plan(upload, blocks).reached(here) > upload.shown_steps:
            rows.want_preview(self.context, upload.id)
        if upload.shown_steps:
            self._show_share(upload, answer["offset"] / upload.size)
        if self.context.clock() - upload.updated_at > TOUCH_EVERY:
            rows.touch(self.context, upload.id)
        self._complete(upload, here)
        return answer

    def _wishes(self, upload: Upload, here: NDArray[np.bool_]) -> list[list[int]]:
        """What readers of the slide look at and do not have."""
        folder = self.context.archive.settings.folder
        series = upload.outcome.get("series", [])
        return [one for each in series for one in wished_blocks(folder, each, here)]

    def _show_share(self, upload: Upload, share: float) -> None:
        """Tell who reads the slide already."""
        folder = self.context.archive.settings.folder
        for series in upload.outcome.get("series", []):
            set_arrived_share(folder, series, share)

    def _complete(self, upload: Upload, here: NDArray[np.bool_]) -> None:
        """Give the file to the worker when nothing more must come."""
        if here.all():
            rows.make_due_when_known(self.context, upload.id)

    def _plan(self, upload: Upload, blocks: Blocks) -> Plan:
        known = self._plans.get(upload.id)
        if known is not None:
            return known
        with SparseFile(rows.content_path(self.context, upload.id), blocks) as file:
            plan = make_plan(file, float(upload.facts.get("mpp") or 0.0))
        if plan.is_settled:
            self._plans[upload.id] = plan
            while len(self._plans) > MOST_PLANS:
                self._plans.popitem(last=False)
        return plan

    def _upload(self, request: Request) -> Upload:
        upload = rows.get_upload(self.context, _caller(request), request.path_params["id"])
        if not upload.block_bytes:
            raise Conflict("not_in_blocks", "Tệp này gửi bằng tus.", "This file comes by tus.")
        return upload


def _write(context: Context, upload: Upload, offset: int, data: bytearray) -> None:
    descriptor = os.open(rows.content_path(context, upload.id), os.O_WRONLY | os.O_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            written = os.pwrite(descriptor, view, offset)
            offset += written
            view = view[written:]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _caller(request: Request) -> Principal:
    principal: Principal = request.scope["state"]["principal"]
    return principal


def _checksum(request: Request) -> bytes:
    algorithm, _, value = request.headers.get("upload-checksum", "").partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except binascii.Error:
        digest = b""
    if algorithm != "blake2b" or len(digest) != _DIGEST_BYTES:
        raise InvalidRequest("bad_checksum", "Upload-Checksum sai.", "Say Upload-Checksum: blake2b")
    return digest


async def _body(request: Request) -> dict[str, Any]:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LARGEST_BODY:
            raise InvalidRequest("too_long", "Dữ liệu quá dài.", "The body is too long.")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InvalidRequest("bad_json", "Không phải JSON.", "This is not a JSON object.")
    return value
