"""Websockets end when the session that opened them does."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["SIGNED_OUT", "OpenSockets", "SocketGuard"]

Message = MutableMapping[str, Any]
SIGNED_OUT = 4401  # close code: "sign in again", in the range for applications (RFC 6455 7.4.2)
CHECK_SECONDS = 20.0


class OpenSockets:
    """The guards of open websockets, by session reference."""

    def __init__(self) -> None:
        self._guards: defaultdict[str, set[SocketGuard]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(len(guards) for guards in self._guards.values())

    def add(self, reference: str, guard: "SocketGuard") -> None:
        self._guards[reference].add(guard)

    def remove(self, reference: str, guard: "SocketGuard") -> None:
        self._guards[reference].discard(guard)
        if not self._guards[reference]:
            del self._guards[reference]

    def close(self, reference: str) -> None:
        """End every websocket of a session."""
        for guard in tuple(self._guards.get(reference, ())):
            guard.end()


class SocketGuard:
    """Wraps ``receive`` and ``send`` of one websocket; `end` looks like a client that left.

    Parameters
    ----------
    is_alive : callable
        Asked every `CHECK_SECONDS` whether the session still stands.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
        is_alive: Callable[[], Awaitable[bool]],
    ) -> None:
        self._receive = receive
        self._send = send
        self._is_alive = is_alive
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._checked_at = self._loop.time()
        self._pending: asyncio.Task[Message] | None = None
        self._accepted = False
        self._closed = False

    def end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    async def receive(self) -> Message:
        while not self._ended.done():
            if self._pending is None:
                self._pending = asyncio.ensure_future(self._receive())
            await asyncio.wait(
                {self._pending, self._ended},
                timeout=max(0.0, self._checked_at + CHECK_SECONDS - self._loop.time()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            # By the clock, not by silence: a client that talks all the time is asked about too.
            if not self._ended.done() and self._is_due() and not await self._is_alive():
                self.end()
            elif self._pending.done():
                message, self._pending = self._pending.result(), None
                return message
        return {"type": "websocket.disconnect", "code": SIGNED_OUT, "reason": ""}

    def _is_due(self) -> bool:
        now = self._loop.time()
        if now < self._checked_at + CHECK_SECONDS:
            return False
        self._checked_at = now
        return True

    async def send(self, message: Message) -> None:
        if self._closed:
            return
        self._accepted = self._accepted or message["type"] == "websocket.accept"
        self._closed = message["type"] == "websocket.close"
        await self._send(message)

    async def finish(self) -> None:
        """Tell the client why, if it was us who ended it."""
        if self._pending is not None:
            self._pending.cancel()
        if self._ended.done() and self._accepted and not self._closed:
            await self.send({"type": "websocket.close", "code": SIGNED_OUT, "reason": ""})
