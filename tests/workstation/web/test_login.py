"""Signing in and out as a browser does it."""

import re
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette

from tests.workstation.conftest import PASSWORD
from tests.workstation.web.serving import served
from workstation import accounts
from workstation.accounts import SYSTEM, Role
from workstation.context import Context
from workstation.web.addresses import Proxies
from workstation.web.gate import COOKIE, Gate
from workstation.web.identity import Identity
from workstation.web.login import FORM_COOKIE, SignIn
from workstation.web.security import content_security_policy
from workstation.web.sockets import OpenSockets


@pytest.fixture
def browser(context: Context) -> Iterator[httpx.Client]:
    for username, language in (("requester.a", "vi"), ("requester.b", "en")):
        accounts.create_user(
            context,
            SYSTEM,
            username=username,
            name="Bác sĩ",
            site="DEMO_A",
            roles=[Role.REQUESTER],
            password=PASSWORD,
            language=language,
        )
    identity, sockets = Identity(context), OpenSockets()
    gate = Gate(
        Starlette(routes=SignIn(context, identity, sockets).routes()),
        identity,
        sockets,
        proxies=Proxies(["127.0.0.1"]),
        policy=content_security_policy(),
    )
    with served(gate) as url, httpx.Client(base_url=url) as client:
        yield client


def sign_in(
    browser: httpx.Client,
    username: str = "requester.a",
    password: str = PASSWORD,
    target: str = "/",
    **headers: str,
) -> httpx.Response:
    page = browser.get("/login", params={"next": target})
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    return browser.post(
        "/login", data={**fields, "username": username, "password": password}, headers=headers
    )


def test_the_right_password_leads_back_with_a_cookie(browser: httpx.Client) -> None:
    answer = sign_in(browser, target="/worklist?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/worklist?x=1")
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(COOKIE))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "Path=/" in cookie
    assert "secure" not in cookie.lower()
    assert browser.get("/session/status").json() == {
        "signed_in": True,
        "username": "requester.a",
        "language": "vi",
    }


def test_the_cookie_is_secure_behind_https(browser: httpx.Client) -> None:
    answer = sign_in(browser, **{"x-forwarded-proto": "https"})
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(COOKIE))
    assert "Secure" in cookie


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/logout",
        "/_stcore/health",
        "",
    ],
)
def test_signing_in_never_leads_elsewhere(browser: httpx.Client, target: str) -> None:
    assert sign_in(browser, target=target).headers["location"] == "/"


@pytest.mark.parametrize(
    ("username", "password"), [("requester.a", "wrong"), ("nobody", PASSWORD), ("", "")]
)
def test_a_wrong_password_and_an_unknown_user_look_the_same(
    browser: httpx.Client, username: str, password: str
) -> None:
    answer = sign_in(browser, username, password)
    assert answer.status_code == 401
    assert "Tên đăng nhập hoặc mật khẩu không đúng." in answer.text
    assert COOKIE not in browser.cookies


def test_the_form_is_written_in_both_languages(browser: httpx.Client) -> None:
    vietnamese = browser.get("/login", headers={"accept-language": "vi-VN"}).text
    assert '<html lang="vi">' in vietnamese
    assert "Mật khẩu" in vietnamese
    english = browser.get("/login?lang=en", headers={"accept-language": "vi-VN"}).text
    assert '<html lang="en">' in english
    assert "Password" in english
    # The choice is remembered.
    assert '<html lang="en">' in browser.get("/login", headers={"accept-language": "vi"}).text
    assert "wrong" in sign_in(browser, password="no").text


def test_after_signing_in_the_browser_remembers_the_language_of_the_user(
    browser: httpx.Client,
) -> None:
    sign_in(browser, "requester.b")
    browser.post("/logout")
    assert '<html lang="en">' in browser.get("/login").text


def test_what_was_typed_cannot_write_html(browser: httpx.Client) -> None:
    answer = sign_in(browser, '"><script>alert(1)</script>', "x", target='/"><b>')
    assert "<script>alert" not in answer.text
    assert '"><b>' not in answer.text


def test_a_form_without_its_cookie_is_refused_and_can_be_sent_again(browser: httpx.Client) -> None:
    data = {"username": "requester.a", "password": PASSWORD, "form": "x" * 32, "next": "/"}
    refused = browser.post("/login", data=data)
    assert refused.status_code == 403
    assert FORM_COOKIE in browser.cookies
    data["form"] = browser.cookies[FORM_COOKIE]
    assert browser.post("/login", data=data).status_code == 303


def test_another_site_cannot_sign_a_browser_in(browser: httpx.Client) -> None:
    assert sign_in(browser, origin="http://evil.example").status_code == 403


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"a=" + b"x" * 20_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(50)), "application/x-www-form-urlencoded"),
        (b"\xff=\xfe", "application/x-www-form-urlencoded"),
    ],
)
def test_odd_forms_get_a_page_not_an_error(
    browser: httpx.Client, content: bytes, kind: str
) -> None:
    answer = browser.post("/login", content=content, headers={"content-type": kind})
    assert answer.status_code == 400
    assert 'name="password"' in answer.text


def test_guessing_is_slowed_down_with_a_sentence(browser: httpx.Client) -> None:
    for _ in range(5):
        assert sign_in(browser, password="guess").status_code == 401
    answer = sign_in(browser)  # even the right one, now
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Hãy thử lại sau" in answer.text
    answer = browser.get("/login?lang=en")
    assert "Try again in" in sign_in(browser).text
    # Another address is not shut out.
    assert sign_in(browser, **{"x-forwarded-for": "203.0.113.77"}).status_code == 303


def test_signing_out_signs_out(browser: httpx.Client) -> None:
    sign_in(browser)
    cookie = browser.cookies[COOKIE]
    answer = browser.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert COOKIE not in browser.cookies
    stolen = browser.get("/session/status", headers={"cookie": f"{COOKIE}={cookie}"})
    assert stolen.json() == {"signed_in": False}


def test_a_link_signs_out_only_on_our_own_pages(browser: httpx.Client) -> None:
    sign_in(browser)
    foreign = browser.get("/logout", headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 200
    assert '<form method="post" action="/logout">' in foreign.text
    assert browser.get("/session/status").json()["signed_in"] is True
    own = browser.get("/logout", headers={"sec-fetch-site": "same-origin"})
    assert own.status_code == 303
    assert browser.get("/session/status").json()["signed_in"] is False


def test_signing_in_again_ends_the_session_before(browser: httpx.Client) -> None:
    sign_in(browser)
    first = browser.cookies[COOKIE]
    second = browser.post(
        "/login",
        data={
            "username": "requester.b",
            "password": PASSWORD,
            "form": browser_nonce(browser),
            "next": "/",
        },
    )
    assert second.status_code == 303
    assert browser.cookies[COOKIE] != first
    old = browser.get("/session/status", headers={"cookie": f"{COOKIE}={first}"})
    assert old.json() == {"signed_in": False}


def browser_nonce(browser: httpx.Client) -> str:
    browser.cookies.set(FORM_COOKIE, "n" * 32)
    return "n" * 32


def test_who_is_signed_in_needs_no_form(browser: httpx.Client) -> None:
    sign_in(browser)
    answer = browser.get("/login?next=/worklist")
    assert (answer.status_code, answer.headers["location"]) == (303, "/worklist")


def test_the_page_works_without_any_script_or_outside_file(browser: httpx.Client) -> None:
    page = browser.get("/login").text
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', page):
        assert address.startswith("/"), address
    assert browser.get("/session/icon.svg").headers["content-type"] == "image/svg+xml"
    assert "javascript" in browser.get("/session/guard.js").headers["content-type"]
