"""The whole product as a hospital runs it: behind nginx, below a prefix, with real sockets.

One `hoichan demo` serves every test here; nginx uses the very lines of ``docs/howto/nginx.md``.
"""

import io
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pydicom
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dicom_node import scu
from dicom_node.errors import PeerError
from dicom_node.peers import Peer
from tests.conftest import REPOSITORY
from tests.peers import free_ports, run_dcmtk
from tests.viewers.driver import until

pytestmark = pytest.mark.journey

PREFIX = "/hoichan"
PASSWORD = "một mật khẩu thử"
COOKIE = "hoichan_session"


def wait_for(condition: Callable[[], Any], seconds: float = 90.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)
    return found


@dataclass
class Demo:
    """A running demo: what it said, where it is, and nginx before it."""

    told: dict[str, Any]
    process: "subprocess.Popen[bytes]"
    data: Path
    nginx: str

    @property
    def direct(self) -> str:
        return str(self.told["url"]).rstrip("/")

    def token(self, username: str) -> dict[str, str]:
        token = next(u["token"] for u in self.told["users"] if u["username"] == username)
        return {"authorization": f"Bearer {token}"}

    def study(self, site: str) -> str:
        case = next(c for c in self.told["cases"] if c["requesting_site"] == site)
        return str(case["study_instance_uids"][0])

    def case(self, site: str) -> str:
        return str(next(c for c in self.told["cases"] if c["requesting_site"] == site)["id"])

    def parts(self) -> dict[str, dict[str, Any]]:
        status = json.loads((self.data / "run" / "demo.json").read_text())
        return {part["name"]: part for part in status["parts"]}

    def node(self) -> Peer:
        dicom = self.told["dicom"]
        return Peer(dicom["ae_title"], dicom["host"], dicom["port"])


def start_demo(data: Path, *arguments: str) -> "tuple[subprocess.Popen[bytes], dict[str, Any]]":
    told_file = data.parent / "told.json"
    told_file.unlink(missing_ok=True)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "hoichan", "demo", "--data", str(data), "--json", str(told_file),
            "--http-port", "0", "--dicom-port", "0", *arguments,
        ],
        env={**os.environ, "HOICHAN_DEMO_PASSWORD": PASSWORD, "LANG": "C.UTF-8"},
        stdout=subprocess.PIPE,
        cwd=data.parent,
    )  # fmt: skip
    try:
        wait_for(lambda: told_file.exists() or process.poll() is not None, 180)
        assert process.poll() is None, "the demo ended early"
    except BaseException:
        process.kill()
        raise
    return process, json.loads(told_file.read_text())


def nginx_configuration(folder: Path, port: int, upstream: str) -> str:
    """The documented lines, without TLS, on our port and towards our server."""
    text = (REPOSITORY / "docs" / "howto" / "nginx.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    lines = lines.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    lines = re.sub(r" *ssl_certificate.*\n", "", lines)
    lines = lines.replace("http://127.0.0.1:8080", upstream)
    user = "user root root;" if os.geteuid() == 0 else ""
    return f"""
{user}
pid {folder}/pid;
error_log {folder}/error.log;
daemon off;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {lines}
}}
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    data = tmp_path_factory.mktemp("demo") / "data"
    process, told = start_demo(data, "--base-path", PREFIX, "--ui-workers", "2")
    folder = tmp_path_factory.mktemp("nginx")
    (port,) = free_ports(1)
    upstream = f"http://127.0.0.1:{told['http_port']}"
    configuration = folder / "nginx.conf"
    configuration.write_text(nginx_configuration(folder, port, upstream))
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-p", str(folder), "-c", str(configuration)])
    try:
        wait_for(lambda: is_listening(port))
        yield Demo(told, process, data, f"http://127.0.0.1:{port}{PREFIX}")
    finally:
        nginx.terminate()
        nginx.wait(20)
        process.terminate()
        process.wait(60)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def anonymous(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.nginx, timeout=60) as client:
        yield client


def sign_in(demo: Demo, username: str) -> httpx.Client:
    client = httpx.Client(base_url=demo.nginx, timeout=60)
    page = client.get("/login")
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    answer = client.post("/login", data={**fields, "username": username, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client


def test_the_demo_tells_everything_a_script_needs(demo: Demo) -> None:
    told = demo.told
    assert {site["code"]: site["tier"] for site in told["sites"]} == {
        "DEMO_A": "lower",
        "DEMO_B": "lower",
        "DEMO_HUB": "upper",
    }
    assert {
        "requester.a", "technician.a", "requester.b", "technician.b",
        "radiologist", "pathologist", "coordinator", "admin",
    } <= {user["username"] for user in told["users"]}  # fmt: skip
    by_role: dict[str, set[str]] = {}
    for user in told["users"]:
        for role in user["roles"]:
            by_role.setdefault(role, set()).add(user["language"])
    assert by_role.keys() == {
        "requester", "technician", "radiologist", "pathologist", "coordinator", "administrator",
    }  # fmt: skip
    assert all(languages == {"vi", "en"} for languages in by_role.values())
    emergencies = [case for case in told["cases"] if case["priority"] in ("P0", "P1")]
    assert [case["state"] for case in emergencies] == ["queued", "queued"]
    assert Path(told["receiving_pacs"]["folder"]).is_dir()


def test_both_aes_answer_strangers_tools(demo: Demo) -> None:
    dicom, pacs = demo.told["dicom"], demo.told["receiving_pacs"]
    for each in (dicom, pacs):
        done = run_dcmtk("echoscu", "-aec", each["ae_title"], each["host"], str(each["port"]))
        assert done.returncode == 0, done.stderr


def test_phantoms_and_a_slide_came_in_by_c_store(demo: Demo, anonymous: httpx.Client) -> None:
    found = {}
    for user in ("technician.a", "technician.b"):
        answer = anonymous.get("/dicom-web/studies", headers=demo.token(user))
        found[user] = sorted(study["00201208"]["Value"][0] for study in answer.json())
    assert found == {"technician.a": [30, 30, 332], "technician.b": [5, 30]}


def test_health_and_metrics_name_no_patient(demo: Demo, anonymous: httpx.Client) -> None:
    # A part that answers late for once does not work, until it is asked again.
    health = wait_for(lambda: (said := anonymous.get("/healthz")).is_success and said)
    assert health.json()["checks"] == {
        "database": True, "archive": True, "disk": True, "ui": True,
        "node": True, "worker": True, "receiving-pacs": True,
    }  # fmt: skip
    # nginx keeps others out of it, as documented; directly it answers.
    assert anonymous.get("/metrics").status_code == 403
    metrics = httpx.get(demo.direct + "/metrics").text
    assert 'hoichan_cases{state="queued"} 4.0' in metrics
    assert "hoichan_http_requests_total" in metrics
    assert not re.search("TRẦN|NGUYỄN|DEMO-A|1\\.2\\.826", metrics + health.text)


DOORS = [
    "/dicom-web/studies/{study}",
    "/dicom-web/studies/{study}/metadata",
    "/dicom-web/studies/{study}/rendered",
    "/dicom-web/studies/{study}/thumbnail",
    "/dicom-web/studies/{study}/series",
    "/dicom-web/studies/{study}/instances",
    "/dicom-web/studies/{study}/series/{series}",
    "/dicom-web/studies/{study}/series/{series}/metadata",
    "/dicom-web/studies/{study}/series/{series}/rendered",
    "/dicom-web/studies/{study}/series/{series}/thumbnail",
    "/dicom-web/studies/{study}/series/{series}/instances",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/1/rendered",
    "/dicom-web/studies/{study}/series/{series}/instances/{instance}/thumbnail",
    "/api/v1/studies/{study}",
    "/api/v1/studies/{study}/display-sets",
    "/api/v1/cases/{case}",
    "/api/v1/cases/{case}/events",
    "/api/v1/cases/{case}/annotations",
    "/api/v1/cases/{case}/opinions",
    "/api/v1/cases/{case}/deliveries",
    "/viewer?study={study}",
    "/viewer?case={case}",
    "/viewer?case={other_case}&study={study}",
]
# Searching inside a study one may not see finds nothing, or no study: both tell nothing.
SEARCHES = ("/series", "/instances")


@pytest.fixture(scope="module")
def uids(demo: Demo) -> dict[str, str]:
    study = demo.study("DEMO_A")
    (first, *_) = httpx.get(
        f"{demo.nginx}/dicom-web/studies/{study}/instances", headers=demo.token("requester.a")
    ).json()
    return {
        "study": study,
        "series": first["0020000E"]["Value"][0],
        "instance": first["00080018"]["Value"][0],
        "case": demo.case("DEMO_A"),
        "other_case": demo.case("DEMO_B"),
    }


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("stranger", ["requester.b", "technician.b", "pathologist", "admin"])
@pytest.mark.parametrize("key", ["token", "cookie"])
def test_another_hospitals_study_does_not_exist_at_any_door(
    demo: Demo,
    signed_in: Callable[[str], httpx.Client],
    anonymous: httpx.Client,
    uids: dict[str, str],
    door: str,
    stranger: str,
    key: str,
) -> None:
    path = door.format(**uids)
    if key == "token":
        answer = anonymous.get(path, headers=demo.token(stranger))
    else:
        answer = signed_in(stranger).get(path)
    if path.endswith(SEARCHES) and answer.status_code in (200, 204):
        assert answer.content in (b"", b"[]")
    else:
        assert answer.status_code == 404, answer.text[:500]
    assert "TRẦN" not in answer.text


@pytest.mark.parametrize("door", [door for door in DOORS if "other_case" not in door])
def test_the_own_hospital_and_the_expert_find_it_at_every_door(
    demo: Demo, anonymous: httpx.Client, uids: dict[str, str], door: str
) -> None:
    for user in ("requester.a", "technician.a", "radiologist"):
        answer = anonymous.get(door.format(**uids), headers=demo.token(user))
        assert answer.status_code == 200, (user, answer.text[:500])


@pytest.fixture(scope="module")
def signed_in(demo: Demo) -> Iterator[Callable[[str], httpx.Client]]:
    clients: dict[str, httpx.Client] = {}

    def of(username: str) -> httpx.Client:
        if username not in clients:
            clients[username] = sign_in(demo, username)
        return clients[username]

    yield of
    for client in clients.values():
        client.close()


def test_strangers_are_turned_away_at_every_door(
    anonymous: httpx.Client, uids: dict[str, str]
) -> None:
    for door in DOORS:
        answer = anonymous.get(door.format(**uids))
        if door.startswith("/viewer"):
            assert answer.status_code == 303
            assert answer.headers["location"].startswith(f"{PREFIX}/login?next={PREFIX}/viewer")
        else:
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
    for page in ("/", "/worklist", "/reading?case=1"):
        assert anonymous.get(page).status_code == 303
    for machine in ("/_stcore/host-config", "/_stcore/metrics", "/api/docs", "/api/openapi.json"):
        assert anonymous.get(machine).status_code == 401


def test_the_api_explains_itself_with_files_of_this_machine(
    signed_in: Callable[[str], httpx.Client],
) -> None:
    client = signed_in("admin")
    page = client.get("/api/docs")
    addresses = re.findall(r'(?:src|href|data-openapi)="([^"]+)"', page.text)
    assert len(addresses) == 5
    for address in addresses:
        assert address.startswith(PREFIX + "/")
        assert client.get(address.removeprefix(PREFIX)).status_code == 200, address
    assert "/v1/cases" in client.get("/api/openapi.json").json()["paths"]


def test_a_study_comes_in_by_stow_through_nginx(demo: Demo, anonymous: httpx.Client) -> None:
    study = demo.study("DEMO_B")
    token = demo.token("technician.b")
    whole = anonymous.get(f"/dicom-web/studies/{study}", headers=token)
    kind = whole.headers["content-type"]
    boundary = re.search(r'boundary="?([^";]+)', kind)
    assert boundary is not None
    part = whole.content.split(b"--" + boundary[1].encode())[1].partition(b"\r\n\r\n")[2]
    dataset = pydicom.dcmread(io.BytesIO(part))
    dataset.StudyInstanceUID = pydicom.uid.generate_uid()
    dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + buffer.getvalue() + b"\r\n--x--\r\n"
    headers = {"content-type": 'multipart/related; type="application/dicom"; boundary=x'}
    stored = anonymous.post("/dicom-web/studies", content=body, headers={**headers, **token})
    assert stored.status_code == 200, stored.text
    found = f"/dicom-web/studies/{dataset.StudyInstanceUID}"
    assert anonymous.get(found, headers=token).status_code == 200
    assert anonymous.get(found, headers=demo.token("technician.a")).status_code == 404
    # A reader brings in nothing.
    refused = anonymous.post(
        "/dicom-web/studies", content=body, headers={**headers, **demo.token("radiologist")}
    )
    assert refused.status_code == 403


def stream(demo: Demo, **headers: str) -> Any:
    url = demo.nginx.replace("http", "ws") + "/_stcore/stream"
    return connect(
        url,
        additional_headers=headers,
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
    )


def test_the_pages_websocket_opens_for_a_session_only(
    demo: Demo, signed_in: Callable[[str], httpx.Client]
) -> None:
    cookie = f"{COOKIE}={signed_in('radiologist').cookies[COOKIE]}"
    origin = demo.nginx.removesuffix(PREFIX)
    with stream(demo, cookie=cookie, origin=origin) as websocket:
        assert websocket.subprotocol == "streamlit"
    for headers in (
        {},
        {"x-hoichan-user": "0" * 64},
        {"cookie": cookie, "origin": "http://evil.example"},
        demo.token("radiologist"),
    ):
        with pytest.raises(InvalidStatus), stream(demo, **headers):
            pass


def read_to_the_end(websocket: Any) -> None:
    try:
        while True:
            websocket.recv(60)
    except ConnectionClosed:
        pass


def test_signing_out_closes_the_pages_of_every_tab(demo: Demo) -> None:
    with closing(sign_in(demo, "radiologist.en")) as client:
        cookie = f"{COOKIE}={client.cookies[COOKIE]}"
        with stream(demo, cookie=cookie) as one, stream(demo, cookie=cookie) as two:
            assert client.post("/logout").status_code == 303
            for websocket in (one, two):
                read_to_the_end(websocket)
                assert websocket.close_code == 4401
        for path in ("/api/v1/session", "/dicom-web/studies"):
            assert client.get(path, headers={"cookie": cookie}).status_code == 401
        with pytest.raises(InvalidStatus), stream(demo, cookie=cookie):
            pass


def test_another_site_can_change_nothing(
    demo: Demo, signed_in: Callable[[str], httpx.Client], uids: dict[str, str]
) -> None:
    client = signed_in("requester.a")
    forged = {"origin": "http://evil.example"}
    cancel = f"/api/v1/cases/{uids['case']}/cancel"
    assert client.post(cancel, json={"reason": "x"}, headers=forged).status_code == 403
    assert client.post("/logout", headers=forged).status_code == 403
    assert client.get(f"/api/v1/cases/{uids['case']}").json()["state"] == "queued"


@pytest.fixture
def browser(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="vi-VN")
    context.set_default_timeout(60_000)
    yield context
    context.close()


def sign_in_with(page: Page, demo: Demo, username: str) -> None:
    page.goto(demo.nginx + "/")
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    page.click("button")


def test_a_reader_finds_the_emergency_in_a_browser_and_nothing_is_refused(
    demo: Demo, browser: BrowserContext
) -> None:
    page = browser.new_page()
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    outside: list[str] = []
    page.on("request", lambda r: outside.append(r.url) if "127.0.0.1" not in r.url else None)
    sign_in_with(page, demo, "radiologist")
    expect(page.get_by_text("TRẦN VĂN THỬ")).to_be_visible()
    assert page.url.startswith(demo.nginx + "/")
    assert page.title() == "Hội chẩn"
    assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []
    assert [text for text in wrong if "_stcore/health" not in text] == []


def test_a_tab_left_behind_is_covered_and_comes_back(demo: Demo, browser: BrowserContext) -> None:
    tab = browser.new_page()
    sign_in_with(tab, demo, "radiologist")
    expect(tab.get_by_text("TRẦN VĂN THỬ")).to_be_visible()
    other = browser.new_page()
    other.goto(demo.nginx + "/session/done")
    browser.request.post(demo.nginx + "/logout")
    other.goto(demo.nginx + "/login")  # any page of ours makes the others look
    cover = tab.get_by_role("alertdialog")
    expect(cover).to_be_visible()
    expect(cover).to_contain_text("Phiên làm việc đã kết thúc")
    with browser.expect_page() as opened:
        cover.get_by_role("button", name="Đăng nhập lại").click()
    again = opened.value
    again.fill("#username", "radiologist")
    again.fill("#password", PASSWORD)
    again.click("button")
    expect(tab.get_by_role("alertdialog")).to_have_count(0)
    # The tab may hear of the session before the page that began it is on its way.
    until(tab, lambda: again.is_closed() or "/session/done" in again.url)


def test_the_signed_opinion_lands_in_the_asking_hospitals_pacs(
    demo: Demo, signed_in: Callable[[str], httpx.Client], uids: dict[str, str]
) -> None:
    client = signed_in("radiologist")
    case = f"/api/v1/cases/{uids['case']}"
    assert client.post(f"{case}/start", json={}).status_code == 200
    draft = client.get(f"{case}/draft").json()
    content = {
        **draft["content"],
        "sections": {each["key"]: "Xuất huyết 30 ml." for each in draft["template"]["sections"]},
        "answers": {each["id"]: "Có." for each in draft["questions"]},
        "concordance": "concordant",
        "transfer": "none",
    }
    saved = client.put(f"{case}/draft", json={"content": content, "revision": draft["revision"]})
    assert saved.status_code == 200, saved.text
    revision = saved.json()["revision"]
    body = {"kind": "final", "password": PASSWORD, "draft_revision": revision}
    signed = client.post(f"{case}/opinions", json=body)
    assert signed.status_code in (200, 201), signed.text

    requester = signed_in("requester.a")

    def landed() -> list[dict[str, Any]]:
        items = requester.get(f"{case}/deliveries").json()["items"]
        return items if items and all(item["state"] == "landed" for item in items) else []

    wait_for(landed, 180)
    assert {item["destination"] for item in landed()} == {"DEMO_A"}
    pacs = demo.told["receiving_pacs"]
    objects = [path for path in Path(pacs["folder"]).rglob("*") if path.is_file()]
    studies = set()
    for path in objects:
        with path.open("rb") as file:
            if file.read(132)[128:] == b"DICM":
                studies.add(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID)
    assert studies == {uids["study"]}
    # And a stranger's tool finds it there.
    found = run_dcmtk(
        "findscu", "-S", "-aec", pacs["ae_title"], "-k", "QueryRetrieveLevel=SERIES",
        "-k", f"StudyInstanceUID={uids['study']}", "-k", "Modality", "-k", "SeriesInstanceUID",
        pacs["host"], str(pacs["port"]),
    )  # fmt: skip
    assert re.search(r"\(0008,0060\) CS \[SR", found.stderr + found.stdout)
    assert client.get(case).json()["state"] in ("final", "delivered")


def test_a_killed_part_comes_back_and_pages_say_so_meanwhile(
    demo: Demo, signed_in: Callable[[str], httpx.Client]
) -> None:
    client = signed_in("radiologist")
    before = demo.parts()
    for name in ("ui 1", "ui 2", "node", "worker", "PACS DEMO_A"):
        os.kill(before[name]["pid"], signal.SIGKILL)
    answer = client.get("/worklist", headers={"accept": "text/html"})
    assert answer.status_code in (200, 503)
    if answer.status_code == 503:
        assert "khởi động lại" in answer.text
    wait_for(lambda: all(demo.parts()[name]["restarts"] >= 1 for name in before if name != "front"))
    wait_for(lambda: httpx.get(demo.direct + "/healthz").status_code == 200)
    wait_for(lambda: client.get("/worklist", headers={"accept": "text/html"}).status_code == 200)

    def node_answers() -> bool:
        try:
            scu.echo(demo.node(), "DEMO_A")
        except PeerError:
            return False
        return True

    wait_for(node_answers)
    os.kill(before["front"]["pid"], signal.SIGKILL)
    wait_for(lambda: demo.parts()["front"]["restarts"] >= 1)
    # The port stayed open: requests waited for the new front, and the session still stands.
    assert client.get("/api/v1/session").json()["username"] == "radiologist"


def test_running_again_finds_everything_and_adds_nothing_and_stops_clean(
    tmp_path: Path, demo: Demo
) -> None:
    """Last: the first demo makes room (two at once would share the machine's two cores)."""
    family = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(family) >= 6
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    assert psutil.wait_procs(family, timeout=60)[1] == []
    process, told = start_demo(demo.data)
    try:
        assert [case["id"] for case in told["cases"]] == [case["id"] for case in demo.told["cases"]]
        assert [user["token"] for user in told["users"]] == [
            user["token"] for user in demo.told["users"]
        ]
        studies = httpx.get(
            told["url"] + "dicom-web/studies", headers=demo.token("technician.a")
        ).json()
        assert len(studies) == 3
    finally:
        process.terminate()
        assert process.wait(60) == 0
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 5)[0]
    assert PASSWORD in process.stdout.read().decode()
