"""Dresses the one page of Streamlit as ours: title, icon, darkness, and the session guard."""

import html
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from plugins.nouns import Text
from workstation.ui.theme import OPTIONS
from workstation.web.gate import refuse

__all__ = ["Shell", "dress"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Streamlit keeps what comes here in memory, and no page of ours asks for files: they come in by
# ``/uploads``, which writes to the disk and knows limits.
FILES_OF_PAGES = "/_stcore/upload_file"
DROPPED = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
BACKGROUND = OPTIONS["theme.backgroundColor"]  # no white flash in a dark room


def dress(page: str, base_path: str, language: str) -> str:
    """Rewrite Streamlit's ``index.html``.

    Every change stands alone, so that a new Streamlit loses at most a detail. No inline script
    is added or changed: the content security policy knows Streamlit's by its hash.
    """
    base = html.escape(base_path, quote=True)
    head = (
        f"<style>html,body{{background:{BACKGROUND};color-scheme:dark}}</style>"
        f'<link rel="icon" href="{base}/session/icon.svg" type="image/svg+xml">'
        f'<script src="{base}/session/guard.js" data-base="{base}" '
        f'data-language="{language}" defer></script>'
    )
    page = re.sub(r"<title>[^<]*</title>", "<title>Hội chẩn</title>", page, count=1)
    page = re.sub(r'<link rel="shortcut icon"[^>]*>', "", page, count=1)
    page = re.sub(r'<link rel="service-desc"[^>]*>', "", page, count=1)
    page = re.sub(r'<html lang="[^"]*"', f'<html lang="{language}"', page, count=1)
    return page.replace("</head>", head + "</head>", 1)


class Shell:
    """ASGI middleware around the UI: rewrites HTML pages, takes no files, passes all else on."""

    def __init__(self, app: App, base_path: str) -> None:
        self.app = app
        self.base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_for_files(scope):
            text = Text("Không nhận tệp ở đây.", "Files are not taken here.")
            await refuse(scope, send, 404, "not_found", text)
            return
        accepts = next((v for k, v in scope.get("headers", ()) if k == b"accept"), b"")
        if scope["type"] != "http" or scope["method"] != "GET" or b"text/html" not in accepts:
            await self.app(scope, receive, send)
            return
        scope = dict(scope)
        # We must read what we rewrite, all of it.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in DROPPED]
        principal = scope.get("state", {}).get("principal")
        language = "en" if principal is not None and principal.language == "en" else "vi"
        started: Message | None = None
        body = bytearray()

        async def rewriting(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start" and _is_html(message):
                started = message
                return
            if started is None:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            page = dress(body.decode(), self.base_path, language).encode()
            dropped = (b"content-length", b"etag", b"last-modified")
            headers = [pair for pair in started["headers"] if pair[0].lower() not in dropped]
            headers.append((b"content-length", str(len(page)).encode()))
            await send({**started, "headers": headers})
            await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, rewriting)

    def _is_for_files(self, scope: Scope) -> bool:
        path: str = scope["path"].removeprefix(self.base_path)
        return f"{path}/".startswith(FILES_OF_PAGES + "/")


def _is_html(message: Message) -> bool:
    kind: bytes = dict(message["headers"]).get(b"content-type", b"")
    return kind.startswith(b"text/html")
