"""Passes pages and websockets on to the Streamlit children, each session always to the same one."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from html import escape
from typing import Any

import httpx
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, Response
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from plugins.nouns import Text
from workstation.web.addresses import header
from workstation.web.gate import COOKIE, USER_HEADER, refuse
from workstation.web.pages import page

__all__ = ["SECRET_HEADER", "Child", "Proxy", "without_session_cookie"]

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

SECRET_HEADER = b"x-hoichan-secret"
# Headers between two neighbours, not for those beyond (RFC 9110 7.6.1).
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# The gate has judged these; the child must not judge them again, nor learn the cookie or token.
JUDGED = frozenset({b"origin", b"authorization"})
WEBSOCKET_HANDSHAKE = b"sec-websocket-"
CHECK_SECONDS = 1.0
# A child that is gone breaks its connections at once; one that is only busy may take a while.
CHECK_TIMEOUT_SECONDS = 10.0
GOING_AWAY, RESTARTING = 1001, 1012
STARTING = Text("Đang khởi động lại", "Starting again")
STARTING_TEXT = Text(
    "Giao diện đang khởi động lại; trang này tự mở khi sẵn sàng, thường sau vài giây. "
    "Dữ liệu đã lưu không bị mất.",
    "The workstation's pages are starting again; this page opens by itself when they are ready, "
    "usually within seconds. Nothing saved is lost.",
)


@dataclass
class Child:
    """One Streamlit process on the loopback interface."""

    port: int
    is_healthy: bool = True

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


class _ClientLeft(Exception):
    """The client went away while it was sending."""


class Proxy:
    """ASGI application in front of the children.

    Parameters
    ----------
    ports : sequence of int
    secret : str
        Proves to a child that the identity header comes from us.
    base_path : str
        Taken off before the child sees the path.
    """

    def __init__(self, ports: Sequence[int], secret: str, base_path: str, language: str) -> None:
        self.children = [Child(port) for port in ports]
        self.secret = secret
        self.base_path = base_path
        self.language = language
        self.client = httpx.AsyncClient(
            # A page may compute for long; that a child is gone is seen by its closed connection.
            timeout=httpx.Timeout(None, connect=5.0),
            limits=httpx.Limits(max_connections=None, keepalive_expiry=20.0),
            trust_env=False,
        )

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        watch = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            await self.client.aclose()

    def child_of(self, reference: str) -> Child:
        """The child of a session, the same as long as their number is the same."""
        digest = hashlib.sha256(reference.encode()).digest()
        return self.children[int.from_bytes(digest[:8]) % len(self.children)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reference = header(scope, USER_HEADER)
        if not reference:  # a bearer token opens the machine's doors; pages need a session
            text = Text("Hãy đăng nhập bằng trình duyệt.", "Please sign in with a browser.")
            await refuse(scope, send, 401, "not_authenticated", text)
            return
        if not self._target(scope).startswith("/"):
            # It would be read as a part of the address, and lead to another host.
            text = Text("Không có trang này.", "There is no such page.")
            await refuse(scope, send, 404, "not_found", text)
            return
        child = self.child_of(reference)
        if scope["type"] == "websocket":
            await self._websocket(child, scope, receive, send)
        else:
            await self._http(child, scope, receive, send)

    async def _http(self, child: Child, scope: Scope, receive: Receive, send: Send) -> None:
        if not child.is_healthy:
            await self._unready(scope)(scope, receive, send)
            return
        headers = [
            (name, value)
            for name, value in self._forwarded(scope)
            if (name, value) != (b"content-length", b"0")
        ]
        has_body = any(name == b"content-length" for name, _ in headers) or bool(
            header(scope, b"transfer-encoding")
        )
        request = self.client.build_request(
            scope["method"],
            f"http://{child.address}{self._target(scope)}",
            headers=headers,
            content=_body(receive) if has_body else None,
        )
        # What the client did not ask for, httpx must not add.
        for name in ("accept", "accept-encoding", "user-agent"):
            if not header(scope, name.encode()):
                request.headers.pop(name, None)
        try:
            answer = await self._sent(request, again=not has_body)
        except _ClientLeft:
            return  # nobody waits for an answer, and the child is as well as before
        except httpx.TransportError:
            child.is_healthy = False
            await self._unready(scope)(scope, receive, send)
            return
        try:
            passed = [pair for pair in answer.headers.raw if pair[0].lower() not in HOP_BY_HOP]
            await send(
                {"type": "http.response.start", "status": answer.status_code, "headers": passed}
            )
            async for chunk in answer.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await answer.aclose()

    async def _sent(self, request: httpx.Request, *, again: bool) -> httpx.Response:
        try:
            return await self.client.send(request, stream=True)
        except httpx.TransportError:
            if not again:
                raise
        # An idle connection may just have been closed by the child; a new one tells the truth.
        return await self.client.send(request, stream=True)

    async def _websocket(self, child: Child, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._forwarded(scope)
            if not name.startswith(WEBSOCKET_HANDSHAKE) and name != b"host"
        ]
        subprotocols = [Subprotocol(each) for each in scope.get("subprotocols", ())]
        try:
            upstream = await connect(
                f"ws://{child.address}{self._target(scope)}",
                subprotocols=subprotocols or None,
                additional_headers=headers,
                user_agent_header=None,
                compression=None,
                max_size=None,
                ping_interval=None,
                proxy=None,
                open_timeout=30,
            )
        except (OSError, InvalidHandshake, TimeoutError):
            await send({"type": "websocket.close", "code": RESTARTING, "reason": ""})
            return
        await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol})
        outward = asyncio.create_task(_to_child(receive, upstream))
        inward = asyncio.create_task(_to_browser(upstream, send))
        try:
            await asyncio.wait({outward, inward}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (outward, inward):
                task.cancel()
            await asyncio.gather(outward, inward, return_exceptions=True)
            await upstream.close()
        if not outward.cancelled():
            return  # the browser left
        code = upstream.close_code
        await send(
            {
                "type": "websocket.close",
                # 1006 is never sent; it means that the child is gone (RFC 6455 7.4.1).
                "code": RESTARTING if code in (None, 1005, 1006) else code,
                "reason": "",
            }
        )

    def _target(self, scope: Scope) -> str:
        raw = scope.get("raw_path") or scope["path"].encode()
        target: str = raw.decode("latin-1").partition("?")[0].removeprefix(self.base_path)
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        return target

    def _forwarded(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Headers for the child: identity and secret added, session cookie taken out."""
        headers = [
            (name, value)
            for name, value in without_session_cookie(scope["headers"])
            if name not in HOP_BY_HOP and name not in JUDGED
        ]
        headers.append((SECRET_HEADER, self.secret.encode()))
        return headers

    def _unready(self, scope: Scope) -> Response:
        """The child is being started again: a page that retries by itself, or JSON."""
        if b"text/html" not in header(scope, b"accept").encode() or scope["method"] != "GET":
            message = {"vi": STARTING_TEXT.vi, "en": STARTING_TEXT.en}
            error = {"code": "starting", "message": message, "details": {}}
            return JSONResponse({"error": error}, 503, {"retry-after": "2"})
        principal = scope.get("state", {}).get("principal")
        language = principal.language if principal is not None else self.language
        content = (
            f'<h1>{escape(STARTING.in_language(language))}</h1><p role="status">'
            f"{escape(STARTING_TEXT.in_language(language))}</p>"
        )
        return page(
            STARTING,
            content,
            language=language,
            base_path=self.base_path,
            status=503,
            head='<meta http-equiv="refresh" content="2">',
            headers={"retry-after": "2"},
        )

    async def _watch(self) -> None:
        """Ask each child now and then whether it answers."""
        while True:
            await asyncio.gather(*(self._check(child) for child in self.children))
            await asyncio.sleep(CHECK_SECONDS)

    async def _check(self, child: Child) -> None:
        try:
            answer = await self.client.get(
                f"http://{child.address}/_stcore/health",
                headers=[(SECRET_HEADER, self.secret.encode())],
                timeout=CHECK_TIMEOUT_SECONDS,
            )
            is_healthy = answer.status_code == 200
        except httpx.TransportError:
            is_healthy = False
        if is_healthy != child.is_healthy:
            logger.info(
                "UI child %s %s", child.port, "answers" if is_healthy else "does not answer"
            )
        child.is_healthy = is_healthy


def without_session_cookie(
    headers: Sequence[tuple[bytes, bytes]],
) -> list[tuple[bytes, bytes]]:
    """Pages and their plugins know who the user is; the key to the doors is not for them."""
    kept = []
    for name, value in headers:
        if name == b"cookie" and COOKIE.encode() in value:
            cookies = cookie_parser(value.decode("latin-1"))
            cookies.pop(COOKIE, None)
            value = "; ".join(f"{key}={each}" for key, each in cookies.items()).encode("latin-1")
            if not value:
                continue
        kept.append((name, value))
    return kept


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientLeft
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def _to_child(receive: Receive, upstream: ClientConnection) -> None:
    """One message at a time: a slow child slows its browser down, not our memory."""
    with suppress(ConnectionClosed):
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                await upstream.close(GOING_AWAY)
                return
            data = message.get("bytes")
            await upstream.send(message["text"] if data is None else data)
    # The child closed first; `_to_browser` says so.
    await asyncio.Event().wait()


async def _to_browser(upstream: ClientConnection, send: Send) -> None:
    with suppress(ConnectionClosed):
        async for message in upstream:
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})
