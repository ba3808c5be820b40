"""What a caller may send at all, before anybody asks what it means.

Bodies are read whole, so one must not take all memory. And JSON can say what neither database nor
browser can keep: NaN, half of a surrogate pair, a NUL, a number of a thousand digits. Stored once,
such a value would break every list it is in.
"""

import json
import math
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

__all__ = ["LARGEST_BODY_BYTES", "LARGEST_FILE_BYTES", "BodyCheck", "is_keepable"]

# The longest draft: twenty sections and as many answers of 50 000 letters, three bytes each.
LARGEST_BODY_BYTES = 8_000_000
# Files of other programs, read by whoever takes them in: a million points, or as many cells.
LARGEST_FILE_BYTES = 64_000_000
_FILES = re.compile(r"/cases/[^/]+/(annotations/import|point-sets)$")
_BIGGEST_INTEGER = (1 << 63) - 1

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class BodyCheck:
    """ASGI middleware: a body too long is refused with 413, one that cannot be kept with 422."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        taken = False
        is_file = _FILES.search(scope["path"]) is not None
        largest = LARGEST_FILE_BYTES if is_file else LARGEST_BODY_BYTES

        async def checked() -> Message:
            nonlocal taken
            if taken:
                return await receive()
            body, more = bytearray(), True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return message
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > largest:
                    raise HTTPException(413)
            taken = True
            if body and not is_file and not is_keepable(body):
                raise HTTPException(422)
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self.app(scope, checked, send)


def is_keepable(body: bytes | bytearray) -> bool:
    """Whether every value of a JSON text can be stored and shown; what is no JSON is for others."""
    try:
        waiting = [json.loads(body)]
    except RecursionError:
        return False
    except ValueError:
        return True
    while waiting:
        value = waiting.pop()
        match value:
            case dict():
                waiting += value.keys()
                waiting += value.values()
            case list():
                waiting += value
            case str():
                if "\0" in value or not _is_text(value):
                    return False
            case float():
                if not math.isfinite(value):
                    return False
            case int():
                if abs(value) > _BIGGEST_INTEGER:
                    return False
    return True


def _is_text(value: str) -> bool:
    """Whether it can be written as UTF-8: no half of a surrogate pair is in it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
