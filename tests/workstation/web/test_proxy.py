"""The proxy between real servers: streams, websockets, stickiness, and a child that dies."""

import asyncio
import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.workstation.web.serving import served, wait_for
from workstation.processes import serve
from workstation.supervisor import listening_socket
from workstation.web import proxy as module
from workstation.web.gate import COOKIE, USER_HEADER
from workstation.web.proxy import SECRET_HEADER, Proxy
from workstation.web.shell import Shell
from workstation.web.streamlit_app import SecretCheck

SECRET = "between front and child"


def child_app(name: str) -> Any:
    async def show(request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "child": name,
                "path": request.url.path,
                "query": request.url.query,
                "headers": dict(request.headers),
            }
        )

    async def count(request: Request) -> JSONResponse:
        digest, length = hashlib.sha256(), 0
        async for chunk in request.stream():
            digest.update(chunk)
            length += len(chunk)
        return JSONResponse({"length": length, "sha256": digest.hexdigest()})

    async def drip(request: Request) -> StreamingResponse:
        async def drops() -> Any:
            for number in range(3):
                yield f"drop {number}\n".encode()
                await asyncio.sleep(0.3)

        return StreamingResponse(drops(), media_type="text/plain")

    async def page(request: Request) -> PlainTextResponse:
        html = "<html lang='x'><head><title>Streamlit</title></head><body>hi</body></html>"
        return PlainTextResponse(html, media_type="text/html")

    async def health(request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    async def stream(websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        await websocket.accept(subprotocol=offered[0] if offered else None)
        await websocket.send_json(
            {"child": name, "headers": dict(websocket.headers), "path": websocket.url.path}
        )
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("text") == "bye":
                    await websocket.close(4999)
                    return
                if message.get("text") is not None:
                    await websocket.send_text("got " + message["text"])
                else:
                    await websocket.send_bytes(message["bytes"][::-1])
        except WebSocketDisconnect:
            pass

    app = Starlette(
        routes=[
            Route("/_stcore/health", health),
            WebSocketRoute("/_stcore/stream", stream),
            Route("/count", count, methods=["POST", "PUT"]),
            Route("/drip", drip),
            Route("/page", page),
            Route("/{path:path}", show, methods=["GET", "POST"]),
        ]
    )
    return SecretCheck(app, SECRET, SECRET_HEADER)


class AsIfGate:
    """Names the user by a header of the test, as the gate does by the cookie."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = [
                (USER_HEADER if name == b"x-test-user" else name, value)
                for name, value in scope["headers"]
            ]
            scope = {**scope, "headers": headers, "root_path": "/hoichan"}
        await self.app(scope, receive, send)


@dataclass
class Rig:
    url: str
    client: httpx.Client
    proxy: Proxy
    ports: list[int]
    stop_child: Callable[[int], None]
    start_child: Callable[[int], None]

    @property
    def websocket(self) -> str:
        return self.url.replace("http", "ws") + "/_stcore/stream"


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    # A child that is slow with us is not gone.
    monkeypatch.setattr(module, "CHECK_TIMEOUT_SECONDS", 60.0)
    listeners = [listening_socket("127.0.0.1", 0) for _ in range(2)]
    ports = [listener.getsockname()[1] for listener in listeners]
    running: dict[int, tuple[threading.Thread, threading.Event]] = {}

    def start_child(index: int) -> None:
        stop, ready = threading.Event(), threading.Event()
        # A descriptor of its own: the listening socket outlives the child, as in production.
        descriptor = listeners[index].dup().detach()
        thread = threading.Thread(
            target=serve, args=(child_app(f"child {index}"), descriptor, stop, ready.set)
        )
        thread.start()
        assert ready.wait(60)
        running[index] = (thread, stop)

    def stop_child(index: int) -> None:
        thread, stop = running.pop(index)
        stop.set()
        thread.join(20)

    proxy = Proxy(ports, SECRET, "/hoichan", "vi")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        async with proxy.lifespan():
            yield

    app = Starlette(routes=[Mount("/", AsIfGate(Shell(proxy, "/hoichan")))], lifespan=lifespan)
    with ExitStack() as stack:
        for index in range(2):
            start_child(index)
        stack.callback(lambda: [stop_child(index) for index in list(running)])
        url = stack.enter_context(served(app))
        client = stack.enter_context(
            httpx.Client(base_url=url + "/hoichan", headers={"x-test-user": "session 1"})
        )
        yield Rig(url + "/hoichan", client, proxy, ports, stop_child, start_child)
    for listener in listeners:
        listener.close()


def test_a_child_sees_the_request_below_the_base_path_and_no_keys(rig: Rig) -> None:
    seen = rig.client.get(
        "/deep/thư%20mục?x=1&y=%C4%83",
        headers={
            "cookie": f"a=1; {COOKIE}=secret; b=2",
            "authorization": "Bearer hch_x",
            "origin": "http://here",
            "accept-language": "vi",
        },
    ).json()
    assert seen["path"] == "/deep/thư mục"
    assert seen["query"] == "x=1&y=%C4%83"
    headers = seen["headers"]
    assert headers["cookie"] == "a=1; b=2"
    assert headers["x-hoichan-user"] == "session 1"
    assert headers["accept-language"] == "vi"
    assert not {"authorization", "origin", "x-hoichan-secret"} & headers.keys()


def test_nobody_but_the_front_can_ask_a_child(rig: Rig) -> None:
    url = f"http://127.0.0.1:{rig.ports[0]}/"
    forged = {"x-hoichan-user": "session 1"}
    assert httpx.get(url, headers=forged).status_code == 403
    assert httpx.get(url, headers={**forged, "x-hoichan-secret": "guess"}).status_code == 403
    with (
        pytest.raises(InvalidStatus),
        connect(f"ws://127.0.0.1:{rig.ports[0]}/_stcore/stream", additional_headers=forged),
    ):
        pass


def test_a_caller_without_a_session_gets_no_page(rig: Rig) -> None:
    assert httpx.get(rig.url + "/").status_code == 401


def test_no_path_leads_to_another_host(rig: Rig) -> None:
    address = httpx.URL(rig.url)
    # "%2f@host" after the base path would make the child's address a user name.
    target = f"/hoichan%2f@127.0.0.1:{rig.ports[0]}/anywhere"
    connection = http.client.HTTPConnection(address.host, address.port, timeout=60)
    try:
        connection.request("GET", target, headers={"x-test-user": "session 1"})
        assert connection.getresponse().status == 404
    finally:
        connection.close()


def test_sessions_stick_to_their_child_and_spread(rig: Rig) -> None:
    of_session: dict[str, set[str]] = {}
    for _ in range(3):
        for number in range(12):
            user = f"session {number}"
            answer = rig.client.get("/", headers={"x-test-user": user}).json()
            of_session.setdefault(user, set()).add(answer["child"])
            with connect(rig.websocket, additional_headers={"x-test-user": user}) as websocket:
                of_session[user].add(json.loads(websocket.recv(60))["child"])
    assert all(len(children) == 1 for children in of_session.values())
    assert len(set.union(*of_session.values())) == 2


def test_uploads_stream_through(rig: Rig) -> None:
    block = bytes(range(256)) * 4096  # 1 MiB

    def body() -> Iterator[bytes]:
        for _ in range(48):
            yield block

    whole = hashlib.sha256(block * 48).hexdigest()
    chunked = rig.client.post("/count", content=body()).json()
    assert chunked == {"length": 48 * len(block), "sha256": whole}
    sized = rig.client.put("/count", content=block * 48).json()
    assert sized == chunked
    assert rig.client.post("/count").json()["length"] == 0


def test_an_upload_broken_off_does_not_make_the_child_ill(rig: Rig) -> None:
    child = rig.proxy.child_of("session 1")
    address = httpx.URL(rig.url)
    with socket.create_connection((address.host, address.port or 80), timeout=60) as line:
        head = "POST /hoichan/count HTTP/1.1\r\nHost: x\r\nX-Test-User: session 1\r\n"
        line.sendall(f"{head}Content-Length: 100\r\n\r\nabc".encode())
        time.sleep(0.3)
    deadline = time.monotonic() + 0.6  # the next check would make it well again
    while time.monotonic() < deadline:
        assert child.is_healthy
        time.sleep(0.01)


def test_answers_come_as_they_are_made(rig: Rig) -> None:
    with rig.client.stream("GET", "/drip") as answer:
        drops = [chunk for chunk in answer.iter_raw() if chunk]
    assert b"".join(drops) == b"drop 0\ndrop 1\ndrop 2\n"
    assert len(drops) == 3


def test_pages_are_dressed(rig: Rig) -> None:
    page = rig.client.get("/page", headers={"accept": "text/html"})
    assert "<title>Hội chẩn</title>" in page.text
    assert '<script src="/hoichan/session/guard.js" data-base="/hoichan"' in page.text
    assert int(page.headers["content-length"]) == len(page.content)


def test_websockets_carry_text_and_bytes_both_ways(rig: Rig) -> None:
    headers = {"x-test-user": "session 1", "cookie": f"{COOKIE}=secret"}
    with connect(
        rig.websocket,
        additional_headers=headers,
        max_size=None,
        subprotocols=["streamlit", "token", "session"],  # type: ignore[list-item]
    ) as websocket:
        assert websocket.subprotocol == "streamlit"
        first = json.loads(websocket.recv(60))
        assert first["path"] == "/_stcore/stream"
        assert "cookie" not in first["headers"]
        websocket.send("xin chào")
        assert websocket.recv(60) == "got xin chào"
        big = bytes(range(256)) * 20_000  # 5 MB
        websocket.send(big)
        assert websocket.recv(60) == big[::-1]
        websocket.send("bye")
        with pytest.raises(ConnectionClosed):
            websocket.recv(60)
        assert websocket.close_code == 4999


def test_the_child_learns_that_the_browser_left(rig: Rig) -> None:
    headers = {"x-test-user": "session 1"}
    with connect(rig.websocket, additional_headers=headers) as websocket:
        websocket.recv(60)
    # The next connection works: nothing is left hanging.
    with connect(rig.websocket, additional_headers=headers) as websocket:
        websocket.recv(60)


def test_while_a_child_is_gone_a_page_says_so_and_comes_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = rig.proxy.child_of("session 1")
    index = rig.proxy.children.index(child)
    with monkeypatch.context() as impatient:
        impatient.setattr(module, "CHECK_TIMEOUT_SECONDS", 1.0)
        with connect(rig.websocket, additional_headers={"x-test-user": "session 1"}) as websocket:
            websocket.recv(60)
            rig.stop_child(index)
            with pytest.raises(ConnectionClosed):
                websocket.recv(60)
        wait_for(lambda: not child.is_healthy)
    wait_for(lambda: rig.proxy.children[1 - index].is_healthy)
    page = rig.client.get("/", headers={"accept": "text/html"})
    assert page.status_code == 503
    assert "Đang khởi động lại" in page.text
    assert 'http-equiv="refresh"' in page.text
    assert page.headers["retry-after"] == "2"
    machine = rig.client.get("/_stcore/host-config")
    assert machine.status_code == 503
    assert set(machine.json()["error"]["message"]) == {"vi", "en"}
    # The other child's sessions notice nothing.
    other = next(f"s{n}" for n in range(99) if rig.proxy.child_of(f"s{n}") is not child)
    assert rig.client.get("/", headers={"x-test-user": other}).status_code == 200
    rig.start_child(index)
    wait_for(lambda: child.is_healthy)
    assert rig.client.get("/").status_code == 200
