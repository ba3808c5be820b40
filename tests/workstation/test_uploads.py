"""Files by browser: resumable, checked, converted, stored; refused in words."""

import base64
import hashlib
import io
import json
import socket
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from dicom_node.archive import Query
from dicom_node.records import ReadScope
from tests.factories import ct_series, file_bytes
from tests.workstation.conftest import Clock
from tests.workstation.web.serving import served, wait_for
from workstation import accounts, audit
from workstation.accounts import SYSTEM, Principal
from workstation.context import Context
from workstation.database import uploads
from workstation.uploads import rows
from workstation.uploads.processing import Work, due_uploads, process_upload, requeue_uploads
from workstation.uploads.rows import UploadState
from workstation.uploads.watching import DONE, REFUSED, Seen, watch_folder
from workstation.web.front import front_app

SVS = "wsi/tiny_openslide/small.svs"
EVERYTHING = ReadScope(everything=True)
TUS = {"Tus-Resumable": "1.0.0"}
FACTS = {
    "patient_id": "BN7",
    "patient_name": "Trần^Văn Bình",
    "patient_sex": "M",
    "patient_birth_date": "1960-05-04",
    "accession_number": "GPB-7",
    "container_id": "GPB-7-A1",
    "block_id": "A1",
    "stain": "H&E",
}


class Sender:
    """A browser that speaks tus."""

    def __init__(self, context: Context, url: str, username: str) -> None:
        token = accounts.issue_token(context, SYSTEM, username, "test")
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}", **TUS}, timeout=60
        )

    def create(self, name: str, size: int, facts: dict[str, Any] | None = None) -> httpx.Response:
        values = {"filename": name, "facts": json.dumps(facts or {})}
        metadata = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items()
        )
        headers = {"Upload-Length": str(size), "Upload-Metadata": metadata}
        return self.http.post("/uploads/", headers=headers)

    def append(self, location: str, offset: int, data: bytes, **headers: str) -> httpx.Response:
        fixed = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        return self.http.patch(location, content=data, headers=fixed | headers)

    def send(self, name: str, data: bytes, facts: dict[str, Any] | None = None) -> str:
        location = self.create(name, len(data), facts).headers["location"]
        assert self.append(location, 0, data).status_code == 204
        return location.rpartition("/")[2]

    def item(self, upload_id: str) -> dict[str, Any]:
        items = self.http.get("/uploads/").json()["items"]
        return next(item for item in items if item["id"] == upload_id)


@pytest.fixture(autouse=True)
def _running(context: Context) -> None:
    """A worker of an earlier test has stopped, and left word for every conversion to stop."""
    requeue_uploads(context)


@pytest.fixture
def front(context: Context, people: dict[str, Principal]) -> Iterator[str]:
    with served(front_app(context, ui_ports=(9,), ui_secret="secret")) as url:
        yield url


@pytest.fixture
def sender(context: Context, front: str) -> Sender:
    return Sender(context, front, "technician.a")


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_slide_sent_in_pieces_becomes_a_study(
    context: Context, sender: Sender, test_data: Path
) -> None:
    data = (test_data / SVS).read_bytes()
    created = sender.create("small.svs", len(data), FACTS)
    assert created.status_code == 201
    location = created.headers["location"]
    assert created.headers["upload-expires"].endswith("GMT")
    assert sender.append(location, 0, data[:1000]).headers["upload-offset"] == "1000"
    assert sender.append(location, 900, data[900:]).status_code == 409
    digest = base64.b64encode(hashlib.sha1(data[1000:], usedforsecurity=False).digest()).decode()
    checksum = {"Upload-Checksum": f"sha1 {digest}"}
    bad = sender.append(location, 1000, data[1000:-1] + b"?", **checksum)
    assert bad.status_code == 460
    assert sender.http.head(location).headers["upload-offset"] == "1000"
    good = sender.append(location, 1000, data[1000:], **checksum)
    assert (good.status_code, good.headers["upload-offset"]) == (204, str(len(data)))
    assert sender.append(location, len(data), b"more").status_code == 409

    (upload_id,) = due_uploads(context)
    assert process_upload(context, upload_id) is UploadState.DONE
    item = sender.item(upload_id)
    assert (item["state"], item["progress"], item["outcome"]["instances"]) == ("done", 1, 1)
    (study,) = context.archive.studies(Query(), scope=ReadScope(sites=frozenset({"DEMO_A"})))
    assert study.study_instance_uid == item["outcome"]["studies"][0]
    assert (study.patient_name, study.patient_birth_date) == ("Trần^Văn Bình", "19600504")
    assert (study.modalities, study.accession_number) == (("SM",), "GPB-7")
    assert not rows.folder_of(context, upload_id).exists()
    events = [row.subject for row in audit.list_events(context, SYSTEM) if row.event == "import"]
    assert {event.get("step") for event in events} == {"begun", "stored"}
    assert "Bình" not in json.dumps(events, ensure_ascii=False)


def test_a_second_run_gives_the_same_bytes(
    context: Context, sender: Sender, test_data: Path
) -> None:
    sender.send("small.svs", (test_data / SVS).read_bytes(), FACTS)

    def run() -> dict[str, Any]:
        with context.database.begin() as connection:
            connection.execute(uploads.update().values(state=UploadState.WORKING.value))
        with context.database.read() as connection:
            row = connection.execute(select(uploads)).one()
        return Work(context, row).run()

    first, second = run(), run()  # the first died before it could say so
    assert first["studies"] == second["studies"]
    assert second["conflicts"] == 0
    stored = context.archive.instances(Query(), scope=EVERYTHING)
    assert len(stored) == first["instances"]


def test_whose_slide_it_is_can_be_said_later(
    context: Context, sender: Sender, test_data: Path
) -> None:
    upload_id = sender.send("small.svs", (test_data / SVS).read_bytes())
    assert process_upload(context, upload_id) is UploadState.REFUSED
    assert sender.item(upload_id)["error"]["code"] == "no_patient"
    again = sender.http.post(f"/uploads/{upload_id}/again", json=FACTS)
    assert again.json()["state"] == "due"
    assert sender.http.post(f"/uploads/{upload_id}/again", json=FACTS).status_code == 409
    assert process_upload(context, upload_id) is UploadState.DONE


def test_originals_are_kept_where_the_installation_wants_them(
    context: Context, sender: Sender, test_data: Path
) -> None:
    upload_id = sender.send("Trần Văn Bình.svs", (test_data / SVS).read_bytes(), FACTS)
    keeping = replace(context, settings=replace(context.settings, keep_originals=True))
    assert process_upload(keeping, upload_id) is UploadState.DONE
    (kept,) = (context.settings.data / "originals").iterdir()
    assert kept.name == f"{upload_id}.svs"
    assert kept.read_bytes() == (test_data / SVS).read_bytes()


def test_a_zip_of_dicom_goes_straight_to_the_archive(context: Context, sender: Sender) -> None:
    series = ct_series(3)
    files = {f"a/IM{n}": file_bytes(ds) for n, ds in enumerate(series)}
    upload_id = sender.send("ct.zip", zipped({**files, "readme.txt": b"hello"}))
    assert process_upload(context, upload_id) is UploadState.DONE
    outcome = sender.item(upload_id)["outcome"]
    assert (outcome["instances"], outcome["slides"]) == (3, 0)
    assert outcome["studies"] == [series[0].StudyInstanceUID]
    (instance, *_) = context.archive.instances(Query(), scope=EVERYTHING)
    assert instance.site == "DEMO_A"


def test_a_tar_as_the_browser_makes_of_a_folder(context: Context, sender: Sender) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for number, ds in enumerate(ct_series(2)):
            data = file_bytes(ds)
            entry = tarfile.TarInfo(f"CT/thư mục/{number}.dcm")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    upload_id = sender.send("CT.tar", buffer.getvalue())
    assert process_upload(context, upload_id) is UploadState.DONE
    assert sender.item(upload_id)["outcome"]["instances"] == 2


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("slip.zip", zipped({"../../etc/x": b"x"}), "unsafe_archive"),
        ("bomb.zip", zipped({"x.dcm": bytes(300_000_000)}), "unsafe_archive"),
        ("nothing.zip", zipped({"x.txt": b"x"}), "empty_archive"),
        ("x.svs", b"not a slide at all", "not_a_slide"),
    ],
)
def test_what_is_unsafe_or_nothing_is_refused(
    context: Context, sender: Sender, name: str, data: bytes, code: str
) -> None:
    upload_id = sender.send(name, data, FACTS)
    assert process_upload(context, upload_id) is UploadState.REFUSED
    error = sender.item(upload_id)["error"]
    assert error["code"] == code
    assert error["vi"] != error["en"]
    assert not (rows.folder_of(context, upload_id) / "unpacked").exists()


def test_nobody_meets_the_files_of_others(context: Context, front: str, sender: Sender) -> None:
    location = sender.create("x.svs", 10, FACTS).headers["location"]
    for username in ("requester.a", "technician.b"):
        other = Sender(context, front, username)
        assert other.http.head(location).status_code == 404
        assert other.append(location, 0, b"x").status_code == 404
        assert other.http.delete(location).status_code == 404
        assert other.http.get("/uploads/").json() == {"items": []}
    radiologist = Sender(context, front, "radiologist")
    assert radiologist.create("x.svs", 10).status_code == 403
    assert httpx.post(f"{front}/uploads/", headers=TUS).status_code == 401


@pytest.mark.parametrize(
    ("size", "headers", "status"),
    [(0, {}, 422), (10**15, {}, 422), (10, {"Tus-Resumable": "0.2.2"}, 412)],
)
def test_wrong_beginnings(sender: Sender, size: int, headers: dict[str, str], status: int) -> None:
    answer = sender.http.post("/uploads/", headers={"Upload-Length": str(size), **headers})
    assert answer.status_code == status


def test_bad_headers_and_facts_are_answered(sender: Sender) -> None:
    assert sender.http.post("/uploads/").status_code == 400
    assert sender.create("x", 5, {"patient_id": "x" * 65}).status_code == 422
    assert sender.create("x", 5, {"mpp": "a lot"}).status_code == 422
    location = sender.create("x", 5).headers["location"]
    assert sender.append(location, 0, b"123456").status_code == 413
    assert sender.http.head(location).headers["upload-offset"] == "0"
    assert (
        sender.http.patch(location, content=b"1", headers={"Upload-Offset": "0"}).status_code == 415
    )
    options = sender.http.options("/uploads/")
    assert options.headers["tus-extension"] == "creation,expiration,checksum,termination"


def test_a_broken_connection_loses_little(sender: Sender, front: str) -> None:
    location = sender.create("x.svs", 8_000_000).headers["location"]
    host, port = front.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        lines = [
            f"PATCH {location} HTTP/1.1",
            f"Host: {host}:{port}",
            f"Authorization: {sender.http.headers['Authorization']}",
            "Tus-Resumable: 1.0.0",
            "Content-Type: application/offset+octet-stream",
            "Upload-Offset: 0",
            "Content-Length: 8000000",
            "",
            "",
        ]
        connection.sendall("\r\n".join(lines).encode() + bytes(5_000_000))

    def offset() -> int:
        return int(sender.http.head(location).headers["upload-offset"])

    wait_for(lambda: offset() >= 3_000_000)
    wait_for(lambda: sender.append(location, offset(), b"go on").status_code == 204)


def test_a_cancelled_upload_leaves_nothing(context: Context, sender: Sender) -> None:
    upload_id = sender.send("x.svs", b"0123456789", FACTS)
    assert sender.http.delete(f"/uploads/{upload_id}").status_code == 204
    assert due_uploads(context) == []
    assert process_upload(context, upload_id) is None
    assert not rows.folder_of(context, upload_id).exists()


def test_what_nobody_goes_on_with_expires(context: Context, sender: Sender, clock: Clock) -> None:
    location = sender.create("x.svs", 10).headers["location"]
    upload_id = location.rpartition("/")[2]
    assert rows.remove_expired(context) == 0
    clock.move(days=8)
    assert rows.remove_expired(context) == 1
    assert not rows.folder_of(context, upload_id).exists()


def test_the_watched_folder_takes_and_tells(
    context: Context, people: dict[str, Principal], test_data: Path, tmp_path: Path
) -> None:
    watched = tmp_path / "watched"
    site = watched / "DEMO_A"
    site.mkdir(parents=True)
    (site / "a.svs").write_bytes((test_data / SVS).read_bytes())
    (site / "a.json").write_text(json.dumps(FACTS))
    (site / "b.svs").write_bytes((test_data / "wsi/bad/corrupted.svs").read_bytes())
    (site / "b.json").write_text(json.dumps(FACTS))
    (watched / "NO_SUCH_SITE").mkdir()
    (watched / "NO_SUCH_SITE/c.svs").write_bytes(b"x")
    watching = replace(context, settings=replace(context.settings, watch_dir=watched))
    seen: Seen = {}
    watch_folder(watching, seen, stable_seconds=3600)
    watch_folder(watching, seen, stable_seconds=3600)
    assert due_uploads(context) == []  # still being copied, for all we know
    watch_folder(watching, seen, stable_seconds=0)
    states = {process_upload(context, upload_id) for upload_id in due_uploads(context)}
    assert states == {UploadState.DONE, UploadState.REFUSED}
    watch_folder(watching, seen, stable_seconds=0)
    assert (site / DONE / "a.svs").is_file()
    assert (site / REFUSED / "b.svs").is_file()
    assert (site / DONE / "a.json").is_file()
    assert sorted(each.name for each in site.iterdir() if each.is_file()) == []
    assert "32704" in (site / REFUSED / "b.svs.txt").read_text()
    assert (watched / "NO_SUCH_SITE/c.svs").is_file()
    (study,) = context.archive.studies(Query(), scope=EVERYTHING)
    assert (study.site, study.patient_id) == ("DEMO_A", "BN7")
