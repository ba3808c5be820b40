"""Threads for what blocks, so that the event loop never does."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

__all__ = ["Workers"]

T = TypeVar("T")


class Workers:
    """Two bounded pools: a decode never keeps a stored frame waiting.

    Parameters
    ----------
    readers : int
        Threads that wait for disk and index.
    decoders : int
        Threads that compute; more than cores gains nothing.
    """

    def __init__(self, readers: int, decoders: int) -> None:
        self._readers = ThreadPoolExecutor(readers, "dicomweb-read")
        self._decoders = ThreadPoolExecutor(decoders, "dicomweb-pixels")
        self._decoding = asyncio.Semaphore(decoders)

    async def read(self, work: Callable[[], T]) -> T:
        """Run `work`, which waits for disk or index, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def compute(self, request: Request, work: Callable[[], T]) -> T:
        """Run `work`, which takes CPU, in a thread, unless the client is gone by its turn.

        A reader who scrolls leaves a trail of requests nobody waits for any more.
        """
        async with self._decoding:
            if await request.is_disconnected():
                raise ClientDisconnect()
            return await asyncio.get_running_loop().run_in_executor(self._decoders, work)

    async def stream(
        self, pieces: Iterator[bytes], computing: bool = False
    ) -> AsyncIterator[bytes]:
        """Draw pieces one by one in a thread: of those that compute, if making them takes CPU.

        When the client leaves, the server cancels us; the iterator is closed then, so that its
        ``finally`` blocks run at once and no file stays open.
        """
        threads = self._decoders if computing else self._readers
        loop, source = asyncio.get_running_loop(), _Source(pieces)
        try:
            while (piece := await loop.run_in_executor(threads, source.draw)) is not None:
                yield piece
        finally:
            # Not here: the last `draw` may still be running in its thread. When the service itself
            # is closing, the threads take nothing more.
            with contextlib.suppress(RuntimeError):
                threads.submit(source.close)

    def close(self) -> None:
        """Let running work end; take no more."""
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._decoders.shutdown(wait=False, cancel_futures=True)


class _Source:
    """An iterator that may be closed from another thread than the one drawing from it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._lock = threading.Lock()

    def draw(self) -> bytes | None:
        with self._lock:
            return next(self._pieces, None)

    def close(self) -> None:
        with self._lock:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()
