"""The bytes of one request on their way to the end of an upload's file."""

import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TypeVar

from anyio import to_thread

from workstation.context import Context
from workstation.errors import Conflict, WorkstationError
from workstation.uploads.rows import Upload, content_path

__all__ = ["Checksum", "Piece", "in_thread"]

# Gathered before a thread writes; a hop per network packet would cost more.
BLOCK = 1 << 20
# Algorithm and digest.
Checksum = tuple[str, bytes]

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Do what waits for disk or database beside the event loop."""
    return await to_thread.run_sync(work)


class Piece:
    """The bytes of one request on their way to the end of the file; nobody else writes to it."""

    def __init__(self, descriptor: int, begin: int, size: int, expected: Checksum | None) -> None:
        self.descriptor = descriptor
        self.begin = self.end = begin
        self.size = size
        self.expected = expected
        self.hash = hashlib.new(expected[0], usedforsecurity=False) if expected else None

    @classmethod
    def open(
        cls, context: Context, upload: Upload, offset: int, expected: Checksum | None
    ) -> "Piece":
        """Raises Conflict when another request writes, or the file ends elsewhere."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(content_path(context, upload.id), flags, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            here = os.fstat(descriptor).st_size
        except BlockingIOError:
            os.close(descriptor)
            raise Locked(
                "upload_locked", "Một kết nối khác đang gửi tệp này.", "Another request is sending."
            ) from None
        if here != offset:
            os.close(descriptor)
            raise Conflict(
                "upload_offset", f"Tệp đã có {here} byte.", f"The file has {here} bytes."
            )
        return cls(descriptor, offset, upload.size, expected)

    async def take(self, stream: AsyncIterator[bytes]) -> None:
        """Write what comes. Raises InvalidRequest for bytes beyond the promised length."""
        block = bytearray()
        async for data in stream:
            block += data
            if len(block) >= BLOCK:
                full, block = block, bytearray()
                await in_thread(partial(self._write, full))
        await in_thread(partial(self._write, block))

    def finish(self) -> bool:
        """Make the bytes durable; False when they are not what the checksum says."""
        if self.expected and self.hash is not None and self.hash.digest() != self.expected[1]:
            self._take_back()
            return False
        os.fsync(self.descriptor)
        return True

    def interrupted(self) -> None:
        """The connection broke: without a checksum what came is good to go on from."""
        if self.expected:
            self._take_back()
        else:
            os.fsync(self.descriptor)

    def close(self) -> None:
        os.close(self.descriptor)

    def _take_back(self) -> None:
        os.ftruncate(self.descriptor, self.begin)

    def _write(self, data: bytes | bytearray) -> None:
        if self.end + len(data) > self.size:
            self._take_back()
            raise TooLong(
                "upload_too_long", "Gửi nhiều byte hơn đã báo.", "More bytes came than promised."
            )
        view = memoryview(data)
        if self.hash is not None:
            self.hash.update(view)
        while view:
            written = os.pwrite(self.descriptor, view, self.end)
            self.end += written
            view = view[written:]


class Locked(WorkstationError):
    status = 423


class TooLong(WorkstationError):
    status = 413
