"""The gate on real sockets: who gets in, what is taken away, what ends when a session does."""

import asyncio
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.factories import ct_image, file_bytes
from tests.peers import free_ports
from tests.workstation.conftest import PASSWORD
from tests.workstation.web.serving import is_listening, served, wait_for
from workstation import accounts
from workstation.accounts import SYSTEM
from workstation.context import Context
from workstation.web import refusals, sockets
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


@contextmanager
def upload(door: Door, length: int | None, **headers: str) -> Iterator[socket.socket]:
    """A stranger's connection that has announced a body of so many bytes, or a chunked one."""
    address = httpx.URL(door.url)
    path = f"{address.path.rstrip('/')}/dicom-web/studies"
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((address.host, address.port or 80), timeout=60) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{size}\r\n{more}\r\n".encode())
        yield line


def answered(line: socket.socket) -> bytes:
    """The whole answer, up to the end of the line."""
    said = b""
    try:
        while piece := line.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said


@pytest.mark.parametrize("length", [50_000_000_000, None])
def test_a_stranger_is_answered_before_the_upload(door: Door, length: int | None) -> None:
    with upload(door, length) as line:
        said = answered(line)  # not one byte was sent
    assert said.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in said.lower()
    assert b"H\xc3\xa3y \xc4\x91\xc4\x83ng nh\xe1\xba\xadp." in said


def test_who_asks_first_need_not_send(door: Door) -> None:
    with upload(door, 8_000_000, Expect="100-continue") as line:
        said = answered(line)
    assert said.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in said


@pytest.mark.parametrize("length", [8_000_000, 400_000_000])
def test_who_sends_on_without_looking_finds_the_answer(door: Door, length: int) -> None:
    sent = 0
    with upload(door, length) as line:
        try:
            while sent < length:
                sent += line.send(bytes(100_000))
        except (BrokenPipeError, ConnectionResetError):
            pass
        said = answered(line)
    assert said.startswith(b"HTTP/1.1 401 ")
    assert sent < 40_000_000, "what the kernels hold and a little more"


def test_a_small_body_is_taken_in_and_the_connection_lives_on(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The body follows its head when this machine gets to it.
    monkeypatch.setattr(refusals, "LINGERING_SECONDS", 60.0)
    address = httpx.URL(door.url)
    connection = http.client.HTTPConnection(address.host, address.port, timeout=60)
    for _ in range(3):
        connection.request("POST", f"{address.path.rstrip('/')}/api/v1/cases", body=bytes(60_000))
        answer = connection.getresponse()
        assert answer.status == 401
        assert answer.getheader("connection") != "close"
        answer.read()
    connection.close()


def test_a_small_body_that_never_comes_is_not_waited_for(door: Door) -> None:
    with upload(door, 1000) as line:
        line.sendall(b"x")
        assert answered(line).startswith(b"HTTP/1.1 401 ")


def test_real_clients_are_told_why_their_upload_is_refused(door: Door, tmp_path: Path) -> None:
    large = tmp_path / "large.dcm"
    large.write_bytes(bytes(30_000_000))
    url = door.url + "/dicom-web/studies"
    for more in ([], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"], ["-T", large]):
        body = [] if more[:1] == ["-T"] else ["--data-binary", f"@{large}"]
        command = ["curl", "-sS", "-o", tmp_path / "said", "-w", "%{http_code}", *body, *more, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == "401", (more, done.stderr)
        assert "not_authenticated" in (tmp_path / "said").read_text()
    assert httpx.post(url, content=large.read_bytes(), timeout=60).status_code == 401
    image = dcmread(BytesIO(file_bytes(ct_image(Rows=2048, Columns=2048))))
    with pytest.raises(requests.HTTPError) as caught:
        DICOMwebClient(door.url + "/dicom-web").store_instances([image] * 3)
    assert caught.value.response.status_code == 401


def test_nginx_passes_the_refusal_on(door: Door, tmp_path: Path) -> None:
    address = httpx.URL(door.url)
    (port,) = free_ports(1)
    (tmp_path / "nginx.conf").write_text(
        f"""daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;
events {{}}
http {{
    access_log off; client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy;
    fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://{address.host}:{address.port};
            proxy_http_version 1.1; proxy_request_buffering off; client_max_body_size 0;
        }}
    }}
}}
"""
    )
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-p", tmp_path, "-c", tmp_path / "nginx.conf"])
    try:
        wait_for(lambda: is_listening(port))
        url = str(address.copy_with(port=port)).rstrip("/") + "/dicom-web/studies"
        for _ in range(5):
            assert httpx.post(url, content=bytes(20_000_000), timeout=60).status_code == 401
    finally:
        nginx.terminate()
        nginx.wait()


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
            assert websocket.recv(60) == f"got {word}"


def test_signing_out_in_one_tab_closes_the_websockets_of_all(door: Door) -> None:
    with (
        connect(door.websocket, additional_headers=door.signed_in()) as one,
        connect(door.websocket, additional_headers=door.signed_in()) as two,
    ):
        answer = door.client.post(door.url + "/logout", headers=door.signed_in())
        assert answer.status_code == 303
        for websocket in (one, two):
            with pytest.raises(ConnectionClosed):
                websocket.recv(60)
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
        assert websocket.recv(60) == "got still here"
        accounts.change_user(context, SYSTEM, "radiologist", active=False)
        with pytest.raises(ConnectionClosed):
            websocket.recv(60)
        assert websocket.close_code == sockets.SIGNED_OUT


def talk_on(websocket: ClientConnection) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        websocket.send("still here")
        websocket.recv(60)
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
    connection = http.client.HTTPConnection(url.host, url.port, timeout=60)
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
        assert [websocket.recv(60) for _ in range(300)] == [f"got {n}" for n in range(300)]


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
