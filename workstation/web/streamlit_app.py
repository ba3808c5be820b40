"""Streamlit as an ASGI application of ours: its options, its guard, its memory."""

import asyncio
import gc
import hmac
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import streamlit
from streamlit import config as streamlit_config
from streamlit import logger as streamlit_logger

import workstation.ui
from workstation.ui import theme

__all__ = ["Freezer", "SecretCheck", "streamlit_app", "streamlit_files"]

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SCRIPT = Path(workstation.ui.__file__).with_name("app.py")
# Set in code: Streamlit reads its environment variables only under `streamlit run`.
OPTIONS: dict[str, Any] = {
    "global.developmentMode": False,
    "browser.gatherUsageStats": False,
    "runner.magicEnabled": False,
    "server.enableCORS": False,  # the gate checks origins; Streamlit would ask other hosts first
    "server.enableXsrfProtection": False,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.maxUploadSize": 0,  # no page takes files; `Shell` closes the door they would use
    "server.trustedUserHeaders": {"X-Hoichan-User": "username"},
}
FIRST_PAGES = 3
SETTLED_SECONDS = 5.0


def streamlit_files() -> Path:
    """Streamlit's own front-end: ``index.html`` and the hashed files of ``static/``."""
    return Path(streamlit.__file__).parent / "static"


def streamlit_app() -> Any:
    """The Streamlit application (`streamlit.App`) of `workstation.ui`."""
    for name, value in {**OPTIONS, **theme.OPTIONS}.items():
        streamlit_config.set_option(name, value)
    streamlit_logger.set_log_level("WARNING")  # of uvicorn's loggers too, which it took over
    return streamlit.App(SCRIPT)


class SecretCheck:
    """Lets in only who knows the secret: other programs of this machine do not."""

    def __init__(self, app: App, secret: str, header_name: bytes) -> None:
        self.app = app
        self.secret = secret.encode()
        self.header_name = header_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            given = dict(scope["headers"]).get(self.header_name, b"")
            if not hmac.compare_digest(given, self.secret):
                await _refuse(scope, send)
                return
            headers = [pair for pair in scope["headers"] if pair[0] != self.header_name]
            scope = {**scope, "headers": headers}
        await self.app(scope, receive, send)


class Freezer:
    """Keeps the collector away from what never dies.

    Streamlit runs a full collection after every page run; with all imported modules in its reach
    one costs a tenth of a second. They are frozen once loaded: at the start, and after each of the
    first pages, which still import.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self._pages = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and self._pages < FIRST_PAGES:
            self._pages += 1
            task = asyncio.create_task(self._freeze_soon())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await self.app(scope, receive, send)

    @staticmethod
    def freeze() -> None:
        gc.collect()
        gc.freeze()

    async def _freeze_soon(self) -> None:
        await asyncio.sleep(SETTLED_SECONDS)
        self.freeze()
        logger.debug("froze %d objects", gc.get_freeze_count())


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4403, "reason": ""})
        return
    await send({"type": "http.response.start", "status": 403, "headers": []})
    await send({"type": "http.response.body", "body": b""})
