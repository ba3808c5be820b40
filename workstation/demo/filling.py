"""What the demo is filled with: people, studies, cases; and telling how to get in."""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from dicom_node import scu
from dicom_node.errors import NotFound as ObjectNotFound
from dicom_node.errors import PeerError
from dicom_node.peers import Peer
from dicom_node.records import ReadScope
from plugins.nouns import State
from workstation.commands.console import Console
from workstation.commands.parts import address
from workstation.consult import case
from workstation.consult.rows import CaseRecord
from workstation.context import Context, open_context
from workstation.demo.cases import (
    BIOPSY,
    EMERGENCY,
    ROUTINE,
    STROKE,
    PushFailed,
    open_case,
    push,
    study_uids,
)
from workstation.demo.memory import MEMORY, PACS_FOLDER, RECEIVER, remembered
from workstation.demo.people import HOSPITALS, STAFF, Login, admit_staff, found_hospitals
from workstation.demo.slides import SLIDE, write_slide
from workstation.demo.studies import PHANTOMS, write_phantom
from workstation.roles import SYSTEM
from workstation.settings import Settings, demo_password

__all__ = ["Filling"]

ANSWER_SECONDS = 90.0


class Filling:
    """Fills a demo and tells about it. Doing it again finds everything and adds nothing.

    Parameters
    ----------
    studies : list of Path
        Real files to push; an empty list draws phantoms.
    json_file : Path or None
        Where to tell scripts.
    pacs_port : int
        Where the receiving PACS listens.
    """

    def __init__(
        self,
        settings: Settings,
        console: Console,
        studies: list[Path],
        json_file: Path | None,
        pacs_port: int,
    ) -> None:
        self.settings = settings
        self.console = console
        self.studies = studies
        self.json_file = json_file
        self.pacs_port = pacs_port
        self.pacs_folder = settings.data / PACS_FOLDER
        self.logins: dict[str, Login] = {}
        self.phantom_files: dict[str, list[Path]] = {}
        self.scratch = tempfile.TemporaryDirectory(prefix="hoichan-demo-")
        self.context = open_context(settings)

    def close(self) -> None:
        self.scratch.cleanup()
        self.context.close()

    @property
    def node(self) -> Peer:
        return Peer(self.settings.ae_title, "127.0.0.1", self.settings.dicom_port)

    def prepare(self) -> None:
        """People and pictures: what can be made while the parts start."""
        self.console.say("Tạo bệnh viện và người dùng…", "Making hospitals and users…")
        found_hospitals(self.context, self.pacs_port)
        before = logins_of(remembered(self.settings))
        self.logins = admit_staff(self.context, demo_password(), before)
        if self.studies:
            return
        folder, now = Path(self.scratch.name), self.context.clock()
        missing = [p for p in PHANTOMS if not holds(self.context, p.study_instance_uid)]
        if missing:
            self.console.say("Tạo ảnh CT mẫu…", "Drawing CT phantoms…")
        for phantom in missing:
            files = write_phantom(phantom, folder / phantom.key, now)
            self.phantom_files[phantom.key] = files
        if not holds(self.context, SLIDE.study_instance_uid):
            self.console.say("Vẽ tiêu bản mẫu…", "Drawing a slide…")
            self.phantom_files[SLIDE.key] = write_slide(SLIDE, folder / SLIDE.key, now)

    def fill(self) -> None:
        """Push the studies, open the cases, wait until all answers, tell."""
        if self.studies:
            self.push_studies()
        else:
            self.push_phantoms()
        self.wait_until_all_answers()
        told = self.told()
        write_private(self.settings.data / MEMORY, told)
        if self.json_file is not None:
            write_private(self.json_file, told)
        self.tell(told)

    def push_phantoms(self) -> None:
        for made in (*PHANTOMS, SLIDE):
            if made.key in self.phantom_files:
                self.send(made.site, self.phantom_files[made.key])
        uid = {phantom.key: phantom.study_instance_uid for phantom in PHANTOMS}
        open_case(self.context, "requester.a", uid["haemorrhage"], EMERGENCY)
        open_case(self.context, "requester.b", uid["normal"], ROUTINE)
        open_case(self.context, "requester.a", uid["stroke"], STROKE)
        open_case(self.context, "requester.b", SLIDE.study_instance_uid, BIOPSY)

    def push_studies(self) -> None:
        self.send("DEMO_A", self.studies)
        held = [uid for uid in study_uids(self.studies) if holds(self.context, uid)]
        if not held:
            raise PushFailed("no study of --studies came into the archive")
        open_case(self.context, "requester.a", held[0], EMERGENCY)

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

    def wait_until_all_answers(self) -> None:
        """The web side is healthy, both AEs answer, and the cases wait in the queue."""
        self.console.say("Chờ mọi phần trả lời…", "Waiting until every part answers…")
        deadline = time.monotonic() + ANSWER_SECONDS
        while not (self.web_answers() and self.aes_answer() and all_queued(self.context)):
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

    def told(self) -> dict[str, Any]:
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
                for record in submitted(self.context)
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


def holds(context: Context, study_instance_uid: str) -> bool:
    try:
        context.archive.study(study_instance_uid, scope=ReadScope(everything=True))
    except ObjectNotFound:
        return False
    return True


def submitted(context: Context) -> list[CaseRecord]:
    """Cases of the demo that were sent, in the order of their numbers."""
    records = (view.record for view in case.list_cases(context, SYSTEM).rows)
    sent = [record for record in records if record.state is not State.DRAFT]
    return sorted(sent, key=lambda record: record.number or "")


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
