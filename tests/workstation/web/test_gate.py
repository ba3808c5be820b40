"""The gate on real sockets: who gets in, what is taken away, what ends when a session does."""

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.workstation.conftest import PASSWORD
from tests.workstation.web.serving import served
from workstation import accounts
from workstation.accounts import SYSTEM
from workstation.context import Context
from workstation.web import sockets
from workstation.web.addresses import Proxies
from workstation.web.gate import COOKIE, Gate
from workstation.web.identity import Identity
from workstation.web.login import SignIn
from workstation.web.security import content_security_policy
from workstation.web.sockets import OpenSockets


async def echo(request: Request) -> JSONResponse:
    """What reaches the inside."""
    principal = getattr(request.state, "principal", None)
    return JSONResponse(
        {
            "headers": dict(request.headers.items()),
            "username": principal.username if principal else None,
            "client": request.client.host if request.client else None,
            "scheme": request.url.scheme,
        }
    )


async def chat(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text("got " + await websocket.receive_text())
    except WebSocketDisconnect:
        pass


@dataclass
class Door:
    url: str
    client: httpx.Client
    cookie: str
    reference: str
    username: str

    @property
    def websocket(self) -> str:
        return self.url.replace("http", "ws") + "/live/room"

    def signed_in(self, **headers: str) -> dict[str, str]:
        return {"cookie": f"{COOKIE}={self.cookie}", **headers}


@pytest.fixture(params=["", "/hoichan"])
def door(request: pytest.FixtureRequest, context: Context) -> Iterator[Door]:
    accounts.create_user(
        context,
        SYSTEM,
        username="radiologist",
        name="Bác sĩ",
        site="DEMO_HUB",
        roles=[accounts.Role.RADIOLOGIST],
        password=PASSWORD,
    )
    base_path = request.param
    object.__setattr__(context.settings, "base_path", base_path)
    identity, open_sockets = Identity(context), OpenSockets()
    paths = ["/", "/worklist", "/api/v1/session", "/dicom-web/studies", "/assets/x.js"]
    app = Starlette(
        routes=[
            *SignIn(context, identity, open_sockets).routes(),
            *(Route(path, echo, methods=["GET", "POST"]) for path in paths),
            WebSocketRoute("/live/room", chat),
            WebSocketRoute("/_stcore/stream", chat),
        ]
    )
    gate = Gate(
        app,
        identity,
        open_sockets,
        base_path=base_path,
        proxies=Proxies(["127.0.0.1"]),
        policy=content_security_policy(["'sha256-x'"]),
    )
    principal, cookie = accounts.sign_in(context, "radiologist", PASSWORD, "192.0.2.7")
    assert principal.session is not None
    with served(gate) as address, httpx.Client() as client:
        url = address + base_path
        yield Door(url, client, cookie, principal.session, principal.username)


@pytest.mark.parametrize("path", ["/api/v1/session", "/dicom-web/studies", "/_stcore/health"])
def test_a_stranger_at_a_machine_door_gets_401(door: Door, path: str) -> None:
    answer = door.client.get(door.url + path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert set(answer.json()["error"]["message"]) == {"vi", "en"}


def test_a_stranger_at_a_page_is_led_to_sign_in_and_back(door: Door) -> None:
    answer = door.client.get(door.url + "/worklist?x=1&y=ă")
    assert answer.status_code == 303
    login = answer.headers["location"]
    assert "/login?next=" in login
    page = door.client.get(httpx.URL(door.url).join(login))
    assert page.status_code == 200
    base = httpx.URL(door.url).path.rstrip("/")
    assert f'value="{base}/worklist?x=1&amp;y=' in page.text


def test_posting_to_a_page_as_a_stranger_is_refused_not_redirected(door: Door) -> None:
    assert door.client.post(door.url + "/worklist").status_code == 401


def test_program_code_is_public_and_everything_unknown_is_not(door: Door) -> None:
    assert door.client.get(door.url + "/assets/x.js").status_code == 200
    for path in ("/assets", "/assetsx", "/static", "/loginx", "/session/other", "//assets/x.js"):
        assert door.client.get(door.url + path).status_code in (303, 401), path


def test_a_cookie_opens_and_the_inside_learns_who_it_is(door: Door) -> None:
    answer = door.client.get(door.url + "/api/v1/session", headers=door.signed_in())
    assert answer.status_code == 200
    assert answer.json()["username"] == door.username
    assert answer.json()["headers"]["x-hoichan-user"] == door.reference


@pytest.mark.parametrize("name", ["X-Hoichan-User", "x-hoichan-secret", "X-HOICHAN-ANYTHING"])
def test_forged_headers_do_not_pass(door: Door, name: str) -> None:
    assert door.client.get(door.url + "/", headers={name: door.reference}).status_code == 303
    inside = door.client.get(door.url + "/", headers=door.signed_in(**{name: "forged"})).json()
    assert "forged" not in json.dumps(inside)


@pytest.mark.parametrize("change", [("", "x"), ("x", ""), (".", "")])
def test_a_changed_cookie_is_no_cookie(door: Door, change: tuple[str, str]) -> None:
    cookie = change[0] + door.cookie + change[1]
    answer = door.client.get(door.url + "/api/v1/session", headers={"cookie": f"{COOKIE}={cookie}"})
    assert answer.status_code == 401


def test_our_cookie_is_found_among_odd_ones_of_other_programs(door: Door) -> None:
    cookie = f'a="b; c=[{{"d": 1}}]; {COOKIE}={door.cookie}; e=@@'
    assert door.client.get(door.url + "/", headers={"cookie": cookie}).status_code == 200


def test_tokens_open_the_same_doors(door: Door, context: Context) -> None:
    token = accounts.issue_token(context, SYSTEM, "radiologist")
    good = {"authorization": f"Bearer {token}"}
    assert door.client.get(door.url + "/api/v1/session", headers=good).status_code == 200
    assert door.client.post(door.url + "/dicom-web/studies", headers=good).status_code == 200
    # A wrong token is not made good by a cookie.
    bad = door.signed_in(authorization="Bearer hch_wrong")
    assert door.client.get(door.url + "/api/v1/session", headers=bad).status_code == 401
    basic = {"authorization": "Basic eDp5"}
    assert door.client.get(door.url + "/api/v1/session", headers=basic).status_code == 401


def test_a_refused_upload_gets_its_answer_not_a_broken_line(door: Door) -> None:
    address = httpx.URL(door.url)
    length = 8_000_000
    with socket.create_connection((address.host, address.port or 80), timeout=20) as line:
        path = f"{address.path.rstrip('/')}/dicom-web/studies"
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        line.sendall(head.encode())
        for _ in range(length // 100_000):
            line.sendall(bytes(100_000))
        answer = line.recv(4096)
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # not a browser
        ({"origin": "{own}"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "https://127.0.0.1:1"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "{own}.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_other_sites_may_not_make_the_browser_change_anything(
    door: Door, headers: dict[str, str], status: int
) -> None:
    own = str(httpx.URL(door.url).copy_with(path="/")).rstrip("/")
    headers = {name: value.format(own=own) for name, value in headers.items()}
    answer = door.client.post(door.url + "/api/v1/session", headers=door.signed_in(**headers))
    assert answer.status_code == status
    reading = door.client.get(door.url + "/api/v1/session", headers=door.signed_in(**headers))
    assert reading.status_code == 200


def test_the_origin_of_an_https_site_behind_a_proxy_is_its_own(door: Door) -> None:
    headers = door.signed_in(
        host="hoichan.example", origin="https://hoichan.example", **{"x-forwarded-proto": "https"}
    )
    assert door.client.post(door.url + "/", headers=headers).status_code == 200
    del headers["x-forwarded-proto"]
    assert door.client.post(door.url + "/", headers=headers).status_code == 403


def test_the_proxy_tells_the_address_and_strangers_cannot(door: Door) -> None:
    # What the client claimed stands left of what our proxy saw.
    headers = door.signed_in(**{"x-forwarded-for": "6.6.6.6, 203.0.113.9"})
    inside = door.client.get(door.url + "/", headers=headers).json()
    assert inside["client"] == "203.0.113.9"
    assert "6.6.6.6" not in json.dumps(inside)


def test_every_answer_carries_the_security_headers(door: Door) -> None:
    for path in ("/login", "/", "/api/v1/session", "/assets/x.js"):
        headers = door.client.get(door.url + path).headers
        assert "'sha256-x'" in headers["content-security-policy"]
        assert "http" not in headers["content-security-policy"], "no other host is allowed"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in headers
    https = door.client.get(door.url + "/login", headers={"x-forwarded-proto": "https"})
    assert "strict-transport-security" in https.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hoichan-user": "{reference}"},
        {"cookie": COOKIE + "=nonsense"},
        {"cookie": COOKIE + "={cookie}", "origin": "http://evil.example"},
    ],
)
def test_websockets_of_strangers_and_other_sites_never_open(
    door: Door, headers: dict[str, str]
) -> None:
    values = {"reference": door.reference, "cookie": door.cookie}
    headers = {name: value.format(**values) for name, value in headers.items()}
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(door.websocket, additional_headers=headers),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_a_websocket_of_a_session_talks(door: Door) -> None:
    own = str(httpx.URL(door.url).copy_with(path="/")).rstrip("/")
    with connect(door.websocket, additional_headers=door.signed_in(origin=own)) as websocket:
        for word in ("one", "two"):
            websocket.send(word)
            assert websocket.recv(5) == f"got {word}"


def test_signing_out_in_one_tab_closes_the_websockets_of_all(door: Door) -> None:
    with (
        connect(door.websocket, additional_headers=door.signed_in()) as one,
        connect(door.websocket, additional_headers=door.signed_in()) as two,
    ):
        answer = door.client.post(door.url + "/logout", headers=door.signed_in())
        assert answer.status_code == 303
        for websocket in (one, two):
            with pytest.raises(ConnectionClosed):
                websocket.recv(5)
            assert websocket.close_code == sockets.SIGNED_OUT
    assert (
        door.client.get(door.url + "/api/v1/session", headers=door.signed_in()).status_code == 401
    )


def test_a_websocket_ends_when_the_session_is_ended_elsewhere(
    door: Door, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "CHECK_SECONDS", 0.1)
    with connect(door.websocket, additional_headers=door.signed_in()) as websocket:
        websocket.send("still here")
        assert websocket.recv(5) == "got still here"
        accounts.change_user(context, SYSTEM, "radiologist", active=False)
        with pytest.raises(ConnectionClosed):
            websocket.recv(5)
        assert websocket.close_code == sockets.SIGNED_OUT


def talk_on(websocket: ClientConnection) -> None:
    for _ in range(200):
        websocket.send("still here")
        websocket.recv(5)
        time.sleep(0.02)


def test_a_websocket_that_never_stops_talking_ends_with_its_session_too(
    door: Door, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "CHECK_SECONDS", 0.5)
    with connect(door.websocket, additional_headers=door.signed_in()) as websocket:
        accounts.change_user(context, SYSTEM, "radiologist", active=False)
        with pytest.raises(ConnectionClosed):
            talk_on(websocket)
        assert websocket.close_code == sockets.SIGNED_OUT


def test_watching_a_session_does_not_keep_it_alive(
    door: Door, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workstation.web.identity.MEMORY_SECONDS", 0.0)
    background = door.signed_in(**{"x-hoichan-background": "1"})
    for _ in range(11):
        clock.move(hours=1)
        answer = door.client.get(door.url + "/session/status", headers=door.signed_in())
        assert answer.json() == {"signed_in": True, "username": "radiologist", "language": "vi"}
        polled = door.client.get(door.url + "/api/v1/session", headers=background)
        assert polled.status_code == 200
    clock.move(hours=2)
    answer = door.client.get(door.url + "/session/status", headers=door.signed_in())
    assert answer.json() == {"signed_in": False}
    assert door.client.get(door.url + "/", headers=door.signed_in()).status_code == 303


def test_using_a_page_keeps_its_session_alive(
    door: Door, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workstation.web.identity.MEMORY_SECONDS", 0.0)
    for _ in range(20):
        clock.move(hours=1)
        used = door.client.get(door.url + "/session/status?used=1", headers=door.signed_in())
        assert used.json()["signed_in"] is True


def test_the_base_path_is_the_only_way_in(context: Context) -> None:
    class Nobody:
        async def of_cookie(self, cookie: str, host: str, *, prolong: bool) -> None: ...
        async def of_token(self, token: str, host: str) -> None: ...
        async def of_reference(self, reference: str) -> None: ...

    gate = Gate(
        Starlette(),
        Nobody(),
        OpenSockets(),
        base_path="/hoichan",
        proxies=Proxies([]),
        policy="",
    )
    with served(gate) as url, httpx.Client() as client:
        for path in ("/", "/hoichan"):
            answer = client.get(url + path)
            assert (answer.status_code, answer.headers["location"]) == (307, "/hoichan/")
        assert client.get(url + "/api/v1/session").status_code == 404
        assert client.get(url + "/hoichanx/").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/assets/../api/v1/session", "/assets/%2e%2e/api/v1/session", "/./worklist", "/api/%2E./live"],
)
def test_a_path_that_may_be_read_in_two_ways_is_no_path(door: Door, path: str) -> None:
    assert asked(door, path) == 404


@pytest.mark.parametrize("door", ["/hoichan"], indirect=True)
@pytest.mark.parametrize("path", ["/hoichan%2f@localhost/", "/%68oichan/worklist"])
def test_the_base_path_is_written_plainly(door: Door, path: str) -> None:
    assert asked(door, path, base="") == 404


def asked(door: Door, path: str, base: str | None = None) -> int:
    """The status of a path sent as it is written; `httpx` would tidy it up."""
    url = httpx.URL(door.url)
    connection = http.client.HTTPConnection(url.host, url.port, timeout=10)
    try:
        target = (url.path.rstrip("/") if base is None else base) + path
        connection.request("GET", target, headers=door.signed_in())
        return connection.getresponse().status
    finally:
        connection.close()


def test_many_messages_pass_the_guard_in_order(door: Door) -> None:
    with connect(door.websocket, additional_headers=door.signed_in()) as websocket:
        for number in range(300):
            websocket.send(str(number))
        assert [websocket.recv(5) for _ in range(300)] == [f"got {n}" for n in range(300)]


def test_the_guard_leaves_no_task_behind(context: Context) -> None:
    async def scene() -> int:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def send(message: Any) -> None: ...

        async def alive() -> bool:
            return True

        guard = sockets.SocketGuard(queue.get, send, alive)
        await guard.send({"type": "websocket.accept"})
        waiting = asyncio.create_task(guard.receive())
        await asyncio.sleep(0.01)
        guard.end()
        assert (await waiting)["type"] == "websocket.disconnect"
        await guard.finish()
        await asyncio.sleep(0.01)
        return len(asyncio.all_tasks())

    assert asyncio.run(scene()) == 1
