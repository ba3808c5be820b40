"""`hoichan web` as one process: the same doors without children, for tests and small sites."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conftest import REPOSITORY
from tests.peers import free_ports
from tests.workstation.web.serving import wait_for
from workstation import accounts, sites
from workstation.accounts import SYSTEM
from workstation.context import open_context
from workstation.settings import Settings
from workstation.web.gate import COOKIE

PASSWORD = "một mật khẩu dài"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data = tmp_path_factory.mktemp("web") / "data"
    with closing(open_context(Settings(data=data))) as context:
        sites.create_site(context, SYSTEM, code="BVA", name="Bệnh viện A", tier="upper")
        accounts.create_user(
            context,
            SYSTEM,
            username="bs.an",
            name="BS. An",
            site="BVA",
            roles=["radiologist"],
            password=PASSWORD,
        )
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "hoichan", "web", "--data", str(data), "--ui-workers", "0",
            "--http-port", str(port), "--minimum-free-bytes", "0",
        ],
        env={**os.environ, "LANG": "C.UTF-8"},
        stdout=subprocess.PIPE,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=60) as client:

            def is_up() -> bool:
                try:
                    return client.get("/healthz").status_code == 200
                except httpx.TransportError:
                    return False

            wait_for(is_up, 120)
            supervisor = psutil.Process(process.pid)
            # The front alone, and what a library asks the system by a program of its own is over.
            wait_for(lambda: len(supervisor.children(recursive=True)) == 1)
            (front,) = supervisor.children()
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
    assert status == 0
    assert not front.is_running()


@pytest.fixture(scope="module")
def reader(site: httpx.Client) -> Iterator[httpx.Client]:
    client = httpx.Client(base_url=site.base_url, timeout=60)
    page = client.get("/login")
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    answer = client.post("/login", data={**fields, "username": "bs.an", "password": PASSWORD})
    assert answer.status_code == 303
    yield client
    client.close()


def test_pages_are_closed_and_then_open(site: httpx.Client, reader: httpx.Client) -> None:
    assert site.get("/", headers={"accept": "text/html"}).status_code == 303
    page = reader.get("/", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "<title>Hội chẩn</title>" in page.text
    assert "/session/guard.js" in page.text
    assert '<html lang="vi"' in page.text


def test_the_policy_allows_the_inline_script_of_streamlit_and_no_other(
    reader: httpx.Client,
) -> None:
    page = reader.get("/", headers={"accept": "text/html"})
    policy = page.headers["content-security-policy"]
    inline = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert policy.count("'sha256-") == len(inline) >= 1
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]


def test_the_files_of_streamlit_are_kept_by_the_browser_and_small(site: httpx.Client) -> None:
    index = site.get("/login").text
    assert index
    page = (Path(httpx.__file__).parent.parent / "streamlit/static/index.html").read_text()
    script = re.search(r'src="\./(static/js/index\.[^"]+)"', page)
    assert script is not None
    answer = site.get("/" + script[1], headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]


def test_the_websocket_of_pages_needs_the_session(reader: httpx.Client) -> None:
    url = str(reader.base_url).replace("http", "ws").rstrip("/") + "/_stcore/stream"
    cookie = {"cookie": f"{COOKIE}={reader.cookies[COOKIE]}"}
    with connect(url, additional_headers=cookie, subprotocols=["streamlit"]) as websocket:  # type: ignore[list-item]
        assert websocket.subprotocol == "streamlit"
    with pytest.raises(InvalidStatus), connect(url):
        pass


def test_unknown_addresses_answer_in_both_languages(reader: httpx.Client) -> None:
    answer = reader.get("/assets/none.js")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == {"vi": "Không tìm thấy.", "en": "Not found."}
    viewer = reader.get("/viewer?case=none")
    assert viewer.status_code == 404
    assert "Không tìm thấy" in viewer.text
    assert reader.get("/viewer").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "GET"])
@pytest.mark.parametrize("name", ["upload_file", "%75pload_file"])
def test_pages_take_no_files(
    site: httpx.Client, reader: httpx.Client, method: str, name: str
) -> None:
    door = f"/_stcore/{name}/a-session/a-file"
    assert site.request(method, door).status_code == 401
    body = bytes(1_000_000) if method in ("PUT", "POST") else b""
    answer = reader.request(method, door, content=body)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]["vi"] == "Không nhận tệp ở đây."


def test_no_page_asks_for_files() -> None:
    """The day one does, `workstation.web.shell` has to open its door again."""
    asking = re.compile(r"\b(file_uploader|camera_input|audio_input|accept_file|chat_input)\b")
    for package in ("workstation", "plugins", "viewers"):
        for path in (REPOSITORY / package).rglob("*.py"):
            assert not asking.search(path.read_text(encoding="utf-8")), path
