"""Signing in and out, rendered by the server before anything of Streamlit loads."""

import secrets
from html import escape
from urllib.parse import parse_qs

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from plugins.nouns import Text
from workstation import accounts
from workstation.context import Context
from workstation.errors import NotAuthenticated, TooManyAttempts
from workstation.web.addresses import safe_next
from workstation.web.gate import COOKIE, session_cookie
from workstation.web.identity import Identity
from workstation.web.pages import STATIC, language_links, page
from workstation.web.sockets import OpenSockets

__all__ = ["SignIn"]

FORM_COOKIE = "hoichan_form"
LANGUAGE_COOKIE = "hoichan_language"
LONGEST_FORM = 16_384
YEAR_SECONDS = 31_536_000
# A password check costs memory and tenths of a second on purpose; strangers get two at a time.
AT_ONCE = 2

SIGN_IN = Text("Đăng nhập", "Sign in")
SIGN_OUT = Text("Đăng xuất", "Sign out")
USERNAME = Text("Tên đăng nhập", "User name")
PASSWORD = Text("Mật khẩu", "Password")
STALE_FORM = Text(
    "Trang đăng nhập đã cũ hoặc trình duyệt không nhận cookie. Hãy thử lại.",
    "The sign-in page was too old, or the browser refuses cookies. Please try again.",
)
BAD_FORM = Text("Biểu mẫu không hợp lệ. Hãy thử lại.", "The form is not valid. Please try again.")


class SignIn:
    """The routes ``/login``, ``/logout`` and ``/session/…``."""

    def __init__(self, context: Context, identity: Identity, sockets: OpenSockets) -> None:
        self.context = context
        self.identity = identity
        self.sockets = sockets
        self.base_path = context.settings.base_path
        self.limiter = anyio.CapacityLimiter(AT_ONCE)

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.show, methods=["GET"]),
            Route("/login", self.sign_in, methods=["POST"]),
            Route("/logout", self.ask_sign_out, methods=["GET"]),
            Route("/logout", self.sign_out, methods=["POST"]),
            Route("/session/status", self.status, methods=["GET"]),
            Route("/session/done", self.done, methods=["GET"]),
            Route("/session/guard.js", self.guard, methods=["GET"]),
            Route("/session/icon.svg", self.icon, methods=["GET"]),
            Route("/favicon.ico", self.icon, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        target = safe_next(request.query_params.get("next", ""), self.base_path)
        cookie = session_cookie(request.scope)
        if cookie and await self.identity.of_cookie(cookie, host(request), prolong=False):
            return RedirectResponse(target, 303)
        return self.form(request, target)

    async def sign_in(self, request: Request) -> Response:
        fields = await form_fields(request)
        if fields is None:
            return self.form(request, self.base_path + "/", BAD_FORM, status=400)
        target = safe_next(fields.get("next", ""), self.base_path)
        nonce = request.cookies.get(FORM_COOKIE, "")
        if not nonce or not secrets.compare_digest(nonce.encode(), fields.get("form", "").encode()):
            return self.form(request, target, STALE_FORM, status=403)
        username, password = fields.get("username", "").strip(), fields.get("password", "")
        try:
            principal, cookie = await anyio.to_thread.run_sync(
                accounts.sign_in,
                self.context,
                username,
                password,
                host(request),
                limiter=self.limiter,
            )
        except TooManyAttempts as error:
            seconds = str(error.details.get("seconds", 60))
            refused = self.form(request, target, error.text, username, status=error.status)
            refused.headers["retry-after"] = seconds
            return refused
        except NotAuthenticated as error:
            return self.form(request, target, error.text, username, status=error.status)
        old = session_cookie(request.scope)
        if old:  # the browser changes hands: what the last user left open ends
            await self.end(old)
        response = RedirectResponse(target, 303, {"cache-control": "no-store"})
        self.set_cookie(request, response, COOKIE, cookie)
        self.set_cookie(request, response, LANGUAGE_COOKIE, principal.language, YEAR_SECONDS)
        response.delete_cookie(FORM_COOKIE, path=self.base_path + "/login")
        return response

    async def ask_sign_out(self, request: Request) -> Response:
        """A link of our own pages signs out; another site's link must be confirmed."""
        if request.headers.get("sec-fetch-site") == "same-origin":
            return await self.sign_out(request)
        language = self.language(request)
        content = (
            f"<h1>{escape(SIGN_OUT.in_language(language))}</h1>"
            f'<form method="post" action="{escape(self.base_path)}/logout">'
            f"<button>{escape(SIGN_OUT.in_language(language))}</button></form>"
        )
        return page(SIGN_OUT, content, language=language, base_path=self.base_path)

    async def sign_out(self, request: Request) -> Response:
        cookie = session_cookie(request.scope)
        if cookie:
            await self.end(cookie)
        response = RedirectResponse(self.base_path + "/login", 303, {"cache-control": "no-store"})
        response.delete_cookie(COOKIE, path=self.base_path + "/", httponly=True, samesite="lax")
        return response

    async def end(self, cookie: str) -> None:
        """Revoke a session and close its websockets, in every tab."""
        await anyio.to_thread.run_sync(accounts.sign_out, self.context, cookie)
        self.identity.forget(cookie)
        self.sockets.close(accounts.session_reference(self.context, cookie))

    async def status(self, request: Request) -> Response:
        """Whether the browser is signed in. Asking prolongs the session only with ``used=1``.

        Always 200: a page that watches its session is not an error in anybody's console.
        """
        cookie = session_cookie(request.scope)
        prolong = request.query_params.get("used") == "1"
        principal = (
            await self.identity.of_cookie(cookie, host(request), prolong=prolong)
            if cookie
            else None
        )
        answer: dict[str, object] = {"signed_in": principal is not None}
        if principal is not None:
            answer |= {"username": principal.username, "language": principal.language}
        return JSONResponse(answer, headers={"cache-control": "no-store"})

    async def done(self, request: Request) -> Response:
        """Where signing in again in another tab ends; the guard closes it."""
        language = self.language(request)
        title = Text("Đã đăng nhập", "Signed in")
        text = Text(
            "Bạn có thể đóng thẻ này và quay lại trang đang làm dở.",
            "You may close this tab and go back to the page you were on.",
        )
        home = Text("Mở danh sách ca", "Open the worklist")
        content = (
            f"<h1>{escape(title.in_language(language))}</h1>"
            f"<p>{escape(text.in_language(language))}</p>"
            f'<a class="button" href="{escape(self.base_path)}/">'
            f"{escape(home.in_language(language))}</a>"
        )
        head = self.guard_tag(language)
        return page(title, content, language=language, base_path=self.base_path, head=head)

    async def guard(self, request: Request) -> Response:
        headers = {"cache-control": "no-cache"}
        return FileResponse(STATIC / "guard.js", headers=headers, media_type="text/javascript")

    async def icon(self, request: Request) -> Response:
        headers = {"cache-control": "public, max-age=86400"}
        return FileResponse(STATIC / "icon.svg", headers=headers, media_type="image/svg+xml")

    def form(
        self,
        request: Request,
        target: str,
        notice: Text | None = None,
        username: str = "",
        status: int = 200,
    ) -> Response:
        """The sign-in page, with a nonce both in a cookie and in the form."""
        language = self.language(request)
        nonce = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
        shown = ""
        if notice is not None:
            sentence = escape(notice.in_language(language))
            shown = f'<p class="notice" role="alert"><span>{sentence}</span></p>'
        autofocus_name, autofocus_password = ("", " autofocus") if username else (" autofocus", "")
        content = (
            f"<h1>{escape(SIGN_IN.in_language(language))}</h1>{shown}"
            f'<form method="post" action="{escape(self.base_path)}/login">'
            f'<input type="hidden" name="form" value="{escape(nonce)}">'
            f'<input type="hidden" name="next" value="{escape(target)}">'
            f'<label for="username">{escape(USERNAME.in_language(language))}</label>'
            f'<input id="username" name="username" value="{escape(username)}" required '
            f'maxlength="64" autocomplete="username" autocapitalize="none" '
            f'spellcheck="false"{autofocus_name}>'
            f'<label for="password">{escape(PASSWORD.in_language(language))}</label>'
            f'<input id="password" name="password" type="password" required maxlength="1024" '
            f'autocomplete="current-password"{autofocus_password}>'
            f"<button>{escape(SIGN_IN.in_language(language))}</button></form>"
        )
        response = page(
            SIGN_IN,
            content,
            language=language,
            base_path=self.base_path,
            status=status,
            head=self.guard_tag(language),
            footer=language_links(f"{self.base_path}/login", language, next=target),
        )
        self.set_cookie(request, response, FORM_COOKIE, nonce, path="/login")
        if request.query_params.get("lang") in ("vi", "en"):
            self.set_cookie(request, response, LANGUAGE_COOKIE, language, YEAR_SECONDS)
        return response

    def guard_tag(self, language: str) -> str:
        """Tells other tabs to look at their session; does not watch the page it is on."""
        base = escape(self.base_path, quote=True)
        return (
            f'<script src="{base}/session/guard.js" data-base="{base}" '
            f'data-language="{language}" data-watch="no" defer></script>'
        )

    def language(self, request: Request) -> str:
        """What was chosen by a link, then before, then in the browser, then by the settings."""
        preferred = request.headers.get("accept-language", "")[:2].lower()
        for choice in (
            request.query_params.get("lang"),
            request.cookies.get(LANGUAGE_COOKIE),
            preferred,
        ):
            if choice in ("vi", "en"):
                return choice
        return self.context.settings.language

    def set_cookie(
        self,
        request: Request,
        response: Response,
        name: str,
        value: str,
        max_age: int | None = None,
        path: str = "/",
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=self.base_path + path,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )


def host(request: Request) -> str:
    """The client's address as the gate found it."""
    return request.client.host if request.client else ""


async def form_fields(request: Request) -> dict[str, str] | None:
    """Fields of a small URL-encoded form; None when it is anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return None
    body = bytearray()
    async for chunk in request.stream():
        body.extend(chunk)
        if len(body) > LONGEST_FORM:
            return None
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=16)
    except ValueError:
        return None
    return {name: values[-1] for name, values in fields.items()}
