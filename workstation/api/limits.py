"""How much a caller may send: bodies are read whole, so one must not take all memory."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

__all__ = ["LARGEST_BODY_BYTES", "BodyLimit"]

# The longest draft: twenty sections and as many answers of 50 000 letters, three bytes each.
LARGEST_BODY_BYTES = 8_000_000

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class BodyLimit:
    """ASGI middleware; a longer body ends with 413 as soon as it is longer."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = 0

        async def counted() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > LARGEST_BODY_BYTES:
                raise HTTPException(413)
            return message

        await self.app(scope, counted, send)
