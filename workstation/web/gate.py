"""The one gate before every page, API, DICOMweb and websocket.

Pure ASGI. It takes away headers only we may write, finds out who calls, refuses strangers and
foreign origins, and puts the principal at ``scope["state"]["principal"]``. Whatever is not named
public here is closed.
"""

import json
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from enum import Enum
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import cookie_parser

from plugins.nouns import Text
from workstation.roles import Principal
from workstation.web.addresses import Proxies, header
from workstation.web.identity import Identities
from workstation.web.refusals import drained
from workstation.web.security import security_headers
from workstation.web.sockets import OpenSockets, SocketGuard

__all__ = [
    "BACKGROUND_HEADER",
    "COOKIE",
    "USER_HEADER",
    "Gate",
    "Zone",
    "session_cookie",
    "zone_of",
]

COOKIE = "hoichan_session"
USER_HEADER = b"x-hoichan-user"
# A page that refreshes by itself says so with "1": a tab left open must not keep a session alive.
BACKGROUND_HEADER = b"x-hoichan-background"
OURS = b"x-hoichan-"
FORWARDED = b"x-forwarded-"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Observe = Callable[[str, str, int, float], None]


class Zone(Enum):
    """Who may enter, and how a stranger is turned away."""

    PUBLIC = "public"  # everybody
    MACHINE = "machine"  # a stranger gets 401
    PAGE = "page"  # a stranger is led to the sign-in page


PUBLIC_PATHS = frozenset(
    {
        "/login",
        "/logout",
        "/session/status",
        "/session/guard.js",
        "/session/icon.svg",
        "/favicon.ico",
        "/healthz",
        "/metrics",
    }
)
# Our published program code, without data: a browser may fetch it while somebody types a password.
PUBLIC_FOLDERS = ("/assets/", "/static/")
MACHINE_FOLDERS = (
    "/api/",
    "/dicom-web/",
    "/slides/v1/",  # "/slides" is a page
    "/uploads/",
    "/live/",
    "/_stcore/",
    "/media/",
    "/component/",
)


def zone_of(path: str) -> Zone:
    """The zone of a path below the base path."""
    if path in PUBLIC_PATHS or path.startswith(PUBLIC_FOLDERS):
        return Zone.PUBLIC
    return Zone.MACHINE if f"{path}/".startswith(MACHINE_FOLDERS) else Zone.PAGE


class Gate:
    """ASGI middleware around everything.

    Parameters
    ----------
    app : ASGI application
        Sees paths below `base_path` only, with ``root_path`` set.
    policy : str
        The content security policy of every answer.
    observe : callable, optional
        Told method, zone, status and seconds of every request.
    """

    def __init__(
        self,
        app: App,
        identities: Identities,
        sockets: OpenSockets,
        *,
        base_path: str = "",
        proxies: Proxies,
        policy: str,
        observe: Observe | None = None,
    ) -> None:
        self.app = app
        self.identities = identities
        self.sockets = sockets
        self.base_path = base_path
        self.proxies = proxies
        self.dress = {https: Dress(policy, https=https) for https in (False, True)}
        self.observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if scope["type"] == "http" and has_body(scope):
            receive, send = drained(scope, receive, send)
        background = header(scope, BACKGROUND_HEADER) == "1"
        scope, https = self._entering(scope)
        zone = zone_of(scope["path"].removeprefix(self.base_path))
        if scope["type"] == "http":
            send = self._dressed(scope, send, https, zone)
        if not self._below_base(scope):
            await self._outside(scope, send)
        elif self._is_foreign(scope):
            await refuse(
                scope,
                send,
                403,
                "foreign_origin",
                Text(
                    "Yêu cầu này đến từ một trang web khác nên bị từ chối.",
                    "This request comes from another web site and is refused.",
                ),
            )
        elif zone is Zone.PUBLIC:
            await self.app(scope, receive, send)
        else:
            principal = await self._principal(scope, prolong=not background)
            if principal is None:
                await self._stranger(scope, send, zone)
            else:
                await self._admit(scope, receive, send, principal)

    async def _admit(
        self, scope: Scope, receive: Receive, send: Send, principal: Principal
    ) -> None:
        scope["state"] = {**scope.get("state", {}), "principal": principal}
        if principal.session is not None:
            scope["headers"].append((USER_HEADER, principal.session.encode("latin-1")))
        if scope["type"] == "http":
            await self.app(scope, receive, send)
        else:
            await self._socket(scope, receive, send, principal)

    async def _socket(
        self, scope: Scope, receive: Receive, send: Send, principal: Principal
    ) -> None:
        reference = principal.session
        if reference is None:  # a token's socket lasts as long as its owner keeps it
            await self.app(scope, receive, send)
            return

        async def stands() -> bool:
            return await self.identities.of_reference(reference) is not None

        guard = SocketGuard(receive, send, stands)
        self.sockets.add(reference, guard)
        try:
            await self.app(scope, guard.receive, guard.send)
        finally:
            self.sockets.remove(reference, guard)
            await guard.finish()

    def _entering(self, scope: Scope) -> tuple[Scope, bool]:
        """A copy of the scope that says only what we know to be true."""
        client, https = self.proxies.client(scope)
        scope = dict(scope)
        scope["headers"] = [
            (name, value)
            for name, value in scope["headers"]
            if not name.startswith((OURS, FORWARDED))
        ]
        port = scope["client"][1] if scope.get("client") else 0
        scope["client"] = (client, port)
        if https:
            scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"
        scope["root_path"] = self.base_path
        return scope, https

    def _below_base(self, scope: Scope) -> bool:
        """Whether the path is ours, written so that all who read it find the same place.

        Dot segments and an escaped base path would name one place to us and another to a child.
        """
        path: str = scope["path"]
        raw: bytes = scope.get("raw_path") or path.encode()
        home = self.base_path + "/"
        if not path.startswith(home) or not raw.startswith(home.encode()):
            return False
        return {".", ".."}.isdisjoint(path.split("/"))

    async def _outside(self, scope: Scope, send: Send) -> None:
        if scope["path"] in ("/", self.base_path) and scope["type"] == "http":
            await answer(send, 307, b"", [(b"location", self.base_path.encode() + b"/")])
            return
        await refuse(
            scope, send, 404, "not_found", Text("Không có trang này.", "There is no such page.")
        )

    def _is_foreign(self, scope: Scope) -> bool:
        """Whether another site's page makes the browser ask (cross-site request forgery)."""
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return False
        origin = header(scope, b"origin")
        if not origin:
            return header(scope, b"sec-fetch-site") in ("cross-site", "same-site")
        try:
            parts = urlsplit(origin)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
            own = urlsplit("//" + header(scope, b"host"))
            own_port = own.port or (443 if scope["scheme"] in ("https", "wss") else 80)
        except ValueError:
            return True
        return not parts.hostname or (parts.hostname, port) != (own.hostname, own_port)

    async def _principal(self, scope: Scope, prolong: bool) -> Principal | None:
        host = scope["client"][0]
        authorization = header(scope, b"authorization")
        if authorization:
            kind, _, token = authorization.partition(" ")
            # A wrong token is refused even beside a good cookie: the caller means the token.
            if kind.lower() != "bearer" or not token.strip():
                return None
            return await self.identities.of_token(token.strip(), host)
        cookie = session_cookie(scope)
        if not cookie:
            return None
        return await self.identities.of_cookie(cookie, host, prolong=prolong)

    async def _stranger(self, scope: Scope, send: Send, zone: Zone) -> None:
        if (
            scope["type"] == "websocket"
            or zone is Zone.MACHINE
            or scope["method"]
            not in (
                "GET",
                "HEAD",
            )
        ):
            await refuse(
                scope,
                send,
                401,
                "not_authenticated",
                Text("Hãy đăng nhập.", "Please sign in."),
                [(b"www-authenticate", b'Bearer realm="hoichan"')],
            )
            return
        target = scope["path"]
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        location = f"{self.base_path}/login?next={quote(target, safe='/')}"
        await answer(send, 303, b"", [(b"location", location.encode("latin-1"))])

    def _dressed(self, scope: Scope, send: Send, https: bool, zone: Zone) -> Send:
        """``send`` that adds our headers to every answer, and tells `observe`."""
        dress, observe = self.dress[https], self.observe
        start = time.perf_counter()

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": dress.over(message.get("headers", ()))}
                if observe is not None:
                    seconds = time.perf_counter() - start
                    observe(scope["method"], zone.value, message["status"], seconds)
            await send(message)

        return dressed


class Dress:
    """The headers of every answer, which no application beneath may replace."""

    def __init__(self, policy: str, *, https: bool) -> None:
        self.headers = security_headers(policy, https=https)
        self.names = frozenset(name for name, _ in self.headers)

    def over(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """An application's headers and ours."""
        names = self.names
        return [pair for pair in headers if pair[0].lower() not in names] + self.headers


def has_body(scope: Scope) -> bool:
    """Whether the request says that a body follows (RFC 9112 6)."""
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names or b"transfer-encoding" in names


def session_cookie(scope: Scope) -> str:
    """The value of our session cookie, or ""."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            # Not http.cookies: it stops at the first cookie of another program it dislikes.
            found = cookie_parser(value.decode("latin-1")).get(COOKIE)
            if found:
                return found
    return ""


async def answer(
    send: Send,
    status: int,
    body: bytes,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    """Send a whole answer."""
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status, "headers": [length, *(headers or [])]}
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def refuse(
    scope: Scope,
    send: Send,
    status: int,
    code: str,
    text: Text,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    """Turn a request away: JSON in both languages, or a websocket that never opens."""
    if scope["type"] == "websocket":
        # Before the handshake the server answers 403 by itself.
        await send({"type": "websocket.close", "code": 4000 + status, "reason": ""})
        return
    error = {"code": code, "message": {"vi": text.vi, "en": text.en}, "details": {}}
    body = json.dumps({"error": error}, ensure_ascii=False).encode()
    kind = (b"content-type", b"application/json; charset=utf-8")
    await answer(send, status, body, [kind, *(headers or [])])
