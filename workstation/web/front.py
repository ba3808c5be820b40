"""The front: one ASGI application for the one port.

::

    Gate ─┬ /login /logout /session/…   sign-in, rendered here
          ├ /dicom-web                  dicom_node.web over the archive
          ├ /slides                     whole slides, tile by tile
          ├ /uploads                    files on their way in, resumable
          ├ /api                        workstation.api
          ├ /viewer                     the viewer on a page of its own
          ├ /assets /static             our bundle, Streamlit's files: immutable, compressed
          ├ /healthz /metrics
          └ everything else             Streamlit: proxied to children, or mounted here
"""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from dicom_node.web import dicomweb_app, slides_app
from plugins.nouns import Text
from viewers import DIST
from workstation.api import api_app
from workstation.context import Context
from workstation.ui import session
from workstation.uploads.tus import tus_app
from workstation.web.addresses import Proxies
from workstation.web.api_docs import api_docs_routes
from workstation.web.assets import ImmutableFiles
from workstation.web.doorkeeper import AccessLog, Doorkeeper
from workstation.web.gate import SAFE_METHODS, Gate
from workstation.web.health import Health, Metrics
from workstation.web.identity import Identity
from workstation.web.login import SignIn
from workstation.web.proxy import Proxy, without_session_cookie
from workstation.web.security import content_security_policy, inline_script_hashes
from workstation.web.shell import Shell
from workstation.web.sockets import OpenSockets
from workstation.web.streamlit_app import Freezer, streamlit_app, streamlit_files
from workstation.web.viewer import Viewer

__all__ = ["front_app"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

NOT_FOUND = Text("Không tìm thấy.", "Not found.")
FAILED = Text(
    "Máy chủ gặp lỗi; không có gì bị mất. Hãy thử lại.",
    "The server met an error; nothing is lost. Please try again.",
)


def front_app(context: Context, ui_ports: Sequence[int] = (), ui_secret: str = "") -> Gate:
    """Put the front together.

    Parameters
    ----------
    ui_ports : sequence of int
        Where the Streamlit children listen; none mounts Streamlit in this process.
    ui_secret : str
        What the children know us by.
    """
    context.plugins.gather()
    settings = context.settings
    base_path = settings.base_path
    identity = Identity(context)
    sockets = OpenSockets()
    access_log = AccessLog(context)
    doorkeeper = Doorkeeper(context, access_log)
    proxy = Proxy(ui_ports, ui_secret, base_path, settings.language)
    health = Health(context, lambda: [child.is_healthy for child in proxy.children])
    metrics = Metrics(context, health, sockets)
    streamlit = None
    if not ui_ports:
        session.provide(context)
        streamlit = streamlit_app()
    ui: App = WithoutCookie(Freezer(streamlit)) if streamlit is not None else proxy

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(access_log.close)
            await stack.enter_async_context(proxy.lifespan())
            if streamlit is not None:
                await stack.enter_async_context(streamlit.lifespan()(app))
            Freezer.freeze()
            yield

    bundle = ImmutableFiles(DIST)
    static = ImmutableFiles(streamlit_files() / "static", compress=True)
    app = Starlette(
        routes=[
            *SignIn(context, identity, sockets).routes(),
            Route("/healthz", health.respond, methods=["GET"]),
            Route("/metrics", metrics.respond, methods=["GET"]),
            Route("/assets/{path:path}", bundle.respond, methods=["GET", "HEAD"]),
            Route("/static/{path:path}", static.respond, methods=["GET", "HEAD"]),
            Route("/viewer", Viewer(context).respond, methods=["GET"]),
            *api_docs_routes(base_path),
            Mount("/api", Forgetting(api_app(context), doorkeeper)),
            Mount("/dicom-web", dicomweb_app(context.archive, doorkeeper)),
            Mount("/uploads", tus_app(context)),
            Mount("/", Shell(ui, base_path)),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: http_error, Exception: server_error},
    )
    index = (streamlit_files() / "index.html").read_text(encoding="utf-8")
    return Gate(
        TilesFirst(app, slides_app(context.archive, doorkeeper), base_path),
        identity,
        sockets,
        base_path=base_path,
        proxies=Proxies(settings.trusted_proxies),
        policy=content_security_policy(inline_script_hashes(index)),
        observe=metrics.observe,
    )


class TilesFirst:
    """Sends what is below ``/slides/`` straight there, as `Mount` would.

    A field of view is dozens of tiles: to try every route for each took as long as to answer.
    """

    def __init__(self, app: App, slides: App, base_path: str) -> None:
        self.app = app
        self.slides = slides
        self.root = base_path + "/slides"
        self.folder = self.root + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self.folder):
            scope["root_path"] = self.root
            await self.slides(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class Forgetting:
    """After a change through the API the doorkeeper asks the access rule again."""

    def __init__(self, app: App, doorkeeper: Doorkeeper) -> None:
        self.app = app
        self.doorkeeper = doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return

        async def forgetting(message: Message) -> None:
            self.doorkeeper.forget()
            await send(message)

        await self.app(scope, receive, forgetting)


class WithoutCookie:
    """Streamlit in this process learns no more than one in a child."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "headers" in scope:
            scope = {**scope, "headers": without_session_cookie(scope["headers"])}
        await self.app(scope, receive, send)


def error_body(code: str, text: Text) -> dict[str, object]:
    return {"error": {"code": code, "message": {"vi": text.vi, "en": text.en}, "details": {}}}


async def http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    text = NOT_FOUND if status == 404 else Text("Yêu cầu không hợp lệ.", "The request is invalid.")
    code = "not_found" if status == 404 else f"http_{status}"
    return JSONResponse(error_body(code, text), status, headers)


async def server_error(request: Request, error: Exception) -> Response:
    """Starlette logs the traceback; the caller learns nothing of it."""
    return JSONResponse(error_body("internal", FAILED), 500)
