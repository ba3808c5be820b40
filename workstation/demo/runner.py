"""``hoichan demo``: a small network of hospitals that works, from nothing, within a minute."""

import argparse
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from dicom_node import scu
from dicom_node.errors import NotFound as ObjectNotFound
from dicom_node.errors import PeerError
from dicom_node.peers import Peer
from dicom_node.records import ReadScope
from plugins.nouns import State
from workstation.commands.console import Console, settings_of
from workstation.commands.pushing import dicom_files
from workstation.commands.running import (
    address,
    prepared,
    ui_and_front,
    with_free_dicom_port,
)
from workstation.consult import case
from workstation.consult.rows import CaseRecord
from workstation.context import Context, open_context
from workstation.demo.cases import EMERGENCY, ROUTINE, PushFailed, open_case, push, study_uids
from workstation.demo.people import HOSPITALS, STAFF, Login, admit_staff, found_hospitals
from workstation.demo.studies import PHANTOMS, write_phantom
from workstation.errors import WorkstationError
from workstation.roles import SYSTEM
from workstation.settings import Settings, SettingsError, demo_password
from workstation.supervisor import Part, Supervisor, listening_socket

__all__ = ["demo"]

logger = logging.getLogger(__name__)

FOLDER = Path("hoichan-data") / "demo"
QUIET_SECONDS = 2.0
ANSWER_SECONDS = 90.0
UNSET_PORT = -1
RECEIVER = "DEMO_A"


def demo(options: argparse.Namespace, console: Console) -> int:
    """Serve, with sample hospitals, users and studies; returns when stopped."""
    settings = settings_of(
        options,
        data=FOLDER,
        http_port=UNSET_PORT,
        dicom_port=UNSET_PORT,
        dicom_host="127.0.0.1",
        quiet_seconds=QUIET_SECONDS,
    )
    studies = chosen_studies(options.studies)
    json_file = Path(options.json).expanduser().resolve() if options.json else None
    if json_file is not None:
        json_file.unlink(missing_ok=True)  # an old one would say too early that all is ready
    console.say("Chuẩn bị dữ liệu…", "Preparing data…")
    settings = with_free_dicom_port(
        prepared(
            replace(
                settings,
                http_port=usual_or_free(settings.http_host, settings.http_port, 8080),
                dicom_port=usual_or_free(settings.dicom_host, settings.dicom_port, 11112),
            )
        )
    )
    settings, web = ui_and_front(settings)
    run = DemoRun(settings, console, studies, json_file)
    pacs = Part(
        "PACS DEMO_A",
        "receiving-pacs",
        {"ae_title": RECEIVER, "port": run.pacs_port, "folder": str(run.pacs_folder)},
    )
    parts = [Part("node", "node"), Part("worker", "worker"), pacs, *web]
    supervisor = Supervisor(settings, parts, settings.data / "run" / "demo.json", "WARNING")
    failed = threading.Event()

    def fill() -> None:
        try:
            run.fill()
        except (PushFailed, WorkstationError, PeerError, OSError, TimeoutError) as error:
            vi, en = (
                (error.text.vi, error.text.en)
                if isinstance(error, WorkstationError)
                else (str(error), str(error))
            )
            console.complain(vi, en)
            failed.set()
            supervisor.stop()
        except Exception:
            logger.exception("the demo could not be filled")
            failed.set()
            supervisor.stop()

    console.say("Khởi động các phần…", "Starting the parts…")
    run.begin()
    supervisor.run(fill)
    return 1 if failed.is_set() else 0


def chosen_studies(folder: str | None) -> list[Path]:
    """The DICOM files of ``--studies``; an empty list asks for phantoms."""
    if folder is None:
        return []
    path = Path(folder).expanduser()
    files = dicom_files(path) if path.exists() else []
    if not files:
        raise SettingsError(
            f"--studies: không có tệp DICOM nào trong {folder}.",
            f"--studies: there is no DICOM file in {folder}.",
        )
    return files


def usual_or_free(host: str, port: int, usual: int) -> int:
    """The port asked for; when none was, the usual one if it is free, else 0 for any."""
    if port != UNSET_PORT:
        return port
    try:
        listening_socket(host, usual).close()
    except OSError:
        return 0
    return usual


class DemoRun:
    """Fills a demo and tells about it. Running it again finds everything and adds nothing."""

    def __init__(
        self, settings: Settings, console: Console, studies: list[Path], json_file: Path | None
    ) -> None:
        self.settings = settings
        self.console = console
        self.studies = studies
        self.json_file = json_file
        self.memory = settings.data / "demo.json"
        self.pacs_folder = settings.data / "pacs-demo-a"
        before = self.remembered()
        with closing(listening_socket("127.0.0.1", pacs_port(before))) as probe:
            self.pacs_port = probe.getsockname()[1]
        with closing(open_context(settings)) as context:
            found_hospitals(context, self.pacs_port)
            self.logins = admit_staff(context, demo_password(), logins_of(before))
        self.phantom_files: dict[str, list[Path]] = {}
        self.drawing: threading.Thread | None = None
        self.scratch = tempfile.TemporaryDirectory(prefix="hoichan-demo-")

    @property
    def node(self) -> Peer:
        return Peer(self.settings.ae_title, "127.0.0.1", self.settings.dicom_port)

    def remembered(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def begin(self) -> None:
        """Draw the phantoms while the parts start."""
        if not self.studies:
            self.drawing = threading.Thread(target=self.draw, name="phantoms", daemon=True)
            self.drawing.start()

    def draw(self) -> None:
        with closing(open_context(self.settings)) as context:
            for phantom in PHANTOMS:
                if not holds(context, phantom.study_instance_uid):
                    folder = Path(self.scratch.name) / phantom.key
                    files = write_phantom(phantom, folder, context.clock())
                    self.phantom_files[phantom.key] = files

    def fill(self) -> None:
        """Push the studies, open the cases, wait until all answers, tell."""
        with closing(open_context(self.settings)) as context:
            if self.studies:
                self.push_studies(context)
            else:
                self.push_phantoms(context)
            self.scratch.cleanup()
            self.wait_until_all_answers(context)
            told = self.told(context)
        write_private(self.memory, told)
        if self.json_file is not None:
            write_private(self.json_file, told)
        self.tell(told)

    def push_phantoms(self, context: Context) -> None:
        if self.drawing is not None:
            if self.drawing.is_alive():
                self.console.say("Tạo ảnh CT mẫu…", "Drawing CT phantoms…")
            self.drawing.join()
        for phantom in PHANTOMS:
            files = self.phantom_files.get(phantom.key)
            if files:
                self.send(phantom.site, files)
            elif not holds(context, phantom.study_instance_uid):
                raise PushFailed(f"the phantom {phantom.key} could not be drawn")
        uid = {phantom.key: phantom.study_instance_uid for phantom in PHANTOMS}
        open_case(context, "requester.a", uid["haemorrhage"], EMERGENCY)
        open_case(context, "requester.b", uid["normal"], ROUTINE)

    def push_studies(self, context: Context) -> None:
        self.send("DEMO_A", self.studies)
        held = [uid for uid in study_uids(self.studies) if holds(context, uid)]
        if not held:
            raise PushFailed("no study of --studies came into the archive")
        open_case(context, "requester.a", held[0], EMERGENCY)

    def send(self, calling_ae: str, files: list[Path]) -> None:
        total = len(files)
        told = time.monotonic()

        def progress(sent: int) -> None:
            nonlocal told
            if time.monotonic() - told > 2:
                told = time.monotonic()
                self.console.say(f"  {sent}/{total} ảnh", f"  {sent} of {total} images")

        self.console.say(
            f"{calling_ae} gửi {total} ảnh qua C-STORE…",
            f"{calling_ae} sends {total} images by C-STORE…",
        )
        push(self.node, calling_ae, files, progress)

    def wait_until_all_answers(self, context: Context) -> None:
        """The web side is healthy, both AEs answer, and the cases wait in the queue."""
        self.console.say("Chờ mọi phần trả lời…", "Waiting until every part answers…")
        deadline = time.monotonic() + ANSWER_SECONDS
        while not (self.web_answers() and self.aes_answer() and all_queued(context)):
            if time.monotonic() > deadline:
                raise TimeoutError("the demo did not become ready; see the lines above")
            time.sleep(0.2)

    def web_answers(self) -> bool:
        try:
            answer = httpx.get(address(self.settings) + "healthz", timeout=10, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def aes_answer(self) -> bool:
        try:
            scu.echo(self.node, RECEIVER)
            scu.echo(Peer(RECEIVER, "127.0.0.1", self.pacs_port), self.settings.ae_title)
        except PeerError:
            return False
        return True

    def told(self, context: Context) -> dict[str, Any]:
        """Everything a script needs."""
        return {
            "url": address(self.settings),
            "http_port": self.settings.http_port,
            "dicom": {
                "host": "127.0.0.1",
                "port": self.settings.dicom_port,
                "ae_title": self.settings.ae_title,
            },
            "sites": [
                {"code": code, "name": name, "tier": tier, "ae_title": code}
                for code, name, tier, _ in HOSPITALS
            ],
            "users": [
                {
                    "username": member.username,
                    "password": self.logins[member.username].password,
                    "token": self.logins[member.username].token,
                    "roles": [str(member.role)],
                    "site": member.site,
                    "language": member.language,
                }
                for member in STAFF
            ],
            "receiving_pacs": {
                "ae_title": RECEIVER,
                "host": "127.0.0.1",
                "port": self.pacs_port,
                "folder": str(self.pacs_folder),
            },
            "cases": [
                {
                    "id": record.id,
                    "number": record.number,
                    "state": str(record.state),
                    "priority": str(record.priority),
                    "requesting_site": record.requesting_site,
                    "study_instance_uids": [s.study_instance_uid for s in record.studies],
                }
                for record in submitted(context)
            ],
        }

    def tell(self, told: Mapping[str, Any]) -> None:
        say = self.console.say
        print()
        say(f"Mở trình duyệt: {told['url']}", f"Open in a browser: {told['url']}")
        print()
        head = self.console.choose(
            "tài khoản,mật khẩu,cơ sở,vai trò,tiếng", "user,password,site,role,language"
        )
        self.console.table(
            [
                tuple(head.split(",")),
                *(
                    (u["username"], u["password"], u["site"], ", ".join(u["roles"]), u["language"])
                    for u in told["users"]
                ),
            ]
        )
        print()
        node, pacs = told["dicom"], told["receiving_pacs"]
        print(f"DICOM: {node['ae_title']} @ {node['host']}:{node['port']}")
        say(
            f"PACS nhận kết quả của DEMO_A: {pacs['ae_title']} @ {pacs['host']}:{pacs['port']}, "
            f"thư mục {pacs['folder']}",
            f"DEMO_A's PACS, where opinions land: {pacs['ae_title']} @ {pacs['host']}:"
            f"{pacs['port']}, folder {pacs['folder']}",
        )
        say("Dừng: Ctrl-C", "Stop: Ctrl-C")


def pacs_port(before: Mapping[str, Any]) -> int:
    """The PACS keeps its port from run to run if it can."""
    port = int(before.get("receiving_pacs", {}).get("port", 0))
    return usual_or_free("127.0.0.1", UNSET_PORT, port) if port else 0


def holds(context: Context, study_instance_uid: str) -> bool:
    try:
        context.archive.study(study_instance_uid, scope=ReadScope(everything=True))
    except ObjectNotFound:
        return False
    return True


def submitted(context: Context) -> list[CaseRecord]:
    """Cases of the demo that were sent."""
    views = case.list_cases(context, SYSTEM).rows
    return [view.record for view in views if view.record.state is not State.DRAFT]


def all_queued(context: Context) -> bool:
    """Whether every case has left "submitted": its images are complete."""
    return all(record.state is not State.SUBMITTED for record in submitted(context))


def logins_of(before: Mapping[str, Any]) -> dict[str, Login]:
    return {
        user["username"]: Login(user["password"], user["token"]) for user in before.get("users", ())
    }


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all, for our eyes only: it holds passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2)
    temporary.replace(path)
