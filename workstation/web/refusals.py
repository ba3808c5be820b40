"""Refusing an upload that is still on its way: the answer goes out early and arrives all the same.

A server that answers and closes while bytes lie unread resets the connection, and the answer may be
lost with it: a proxy then tells its client "bad gateway". So after an early answer we go on reading
for a moment and throw away what comes (RFC 9112 9.6); but only for a moment, and little.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from workstation.web.addresses import header

__all__ = ["drained"]

# A body of this length is taken in before the answer, and the connection lives on.
SMALL_BYTES = 64 * 1024
# After an early answer: how much is still thrown away, and how long the other side has to read it.
LINGERING_BYTES = 1024 * 1024
LINGERING_SECONDS = 1.0
CLOSE = (b"connection", b"close")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def drained(scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """``receive`` and ``send`` for an application that may refuse before it has read a request."""
    body = _Body(scope, receive)
    closing = False

    async def sending(message: Message) -> None:
        nonlocal closing
        if message["type"] == "http.response.start" and message["status"] >= 400:
            if body.is_small:
                await body.discard(SMALL_BYTES, LINGERING_SECONDS)
            if not body.is_whole:
                closing = True
                kept = [each for each in message.get("headers", ()) if each[0].lower() != CLOSE[0]]
                message = {**message, "headers": [*kept, CLOSE]}
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if closing and is_last:
            await send({**message, "more_body": True})
            end = time.monotonic() + LINGERING_SECONDS
            await body.discard(LINGERING_BYTES, LINGERING_SECONDS)
            if not body.is_whole:  # not read any more, so that the other side stops, and looks
                await asyncio.sleep(max(0.0, end - time.monotonic()))
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return body.receive, sending


class _Body:
    """The body of one request. ``is_whole`` also when nobody sends it any more."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._length = header(scope, b"content-length")
        # Without either header there is no body (RFC 9112 6.3).
        self.is_whole = not (self._length or header(scope, b"transfer-encoding"))

    @property
    def is_small(self) -> bool:
        """Whether it is said to be: one of unknown length is not waited for.

        Nor may a long one be asked for. Who expects "100 Continue" then never sends it.
        """
        return self._length.isdecimal() and int(self._length) <= SMALL_BYTES

    async def receive(self) -> Message:
        message = await self._receive()
        self.is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def discard(self, most: int, seconds: float) -> None:
        """Throw away what comes, until the end of the body or one of the limits."""
        length = 0
        try:
            async with asyncio.timeout(seconds):
                while not self.is_whole and length < most:
                    length += len((await self.receive()).get("body", b""))
        except TimeoutError:
            pass
