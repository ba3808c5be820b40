"""Large slides in blocks: out of order, checked, resumed, shown early, and equal in the end."""

import base64
import hashlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from benchmarks.slides.scene import write_svs
from dicom_node.archive import Query
from dicom_node.pixels.cache import DerivedCache
from dicom_node.records import ReadScope
from dicom_node.slides import Shelf, SlideIndex, SlideSource
from dicom_node.slides.render import Region, received, render
from tests.workstation.conftest import Clock
from tests.workstation.test_uploads import FACTS, TUS
from tests.workstation.web.serving import served
from workstation import accounts
from workstation.accounts import SYSTEM, Principal
from workstation.context import Context
from workstation.database import uploads
from workstation.uploads import blocks as door
from workstation.uploads import rows
from workstation.uploads.preview import due_previews, show_early
from workstation.uploads.processing import due_uploads, process_upload, requeue_uploads
from workstation.uploads.rows import PreviewState, UploadState
from workstation.web.front import front_app

BLOCK = 16_384
EVERYTHING = ReadScope(everything=True)


class Sender:
    """A program that sends blocks as it is told to."""

    def __init__(self, context: Context, url: str, username: str) -> None:
        token = accounts.issue_token(context, SYSTEM, username, "test")
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    def create(self, name: str, size: int, facts: dict[str, Any] | None = None) -> httpx.Response:
        said = {"name": name, "size": size, "facts": facts or {}}
        return self.http.post("/uploads/blocks", json=said)

    def put(self, upload_id: str, number: Any, data: bytes, **headers: str) -> httpx.Response:
        digest = base64.b64encode(hashlib.blake2b(data, digest_size=32).digest()).decode()
        said = {"Upload-Checksum": f"blake2b {digest}"} | headers
        address = f"/uploads/{upload_id}/blocks/{number}"
        return self.http.put(address, content=data, headers=said)

    def block(self, upload_id: str, number: int, whole: bytes) -> dict[str, Any]:
        answer = self.put(upload_id, number, whole[number * BLOCK : (number + 1) * BLOCK])
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def state(self, upload_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/uploads/{upload_id}/blocks").json()
        return found

    def finish(self, upload_id: str, whole: bytes) -> httpx.Response:
        digest = hashlib.blake2b(whole, digest_size=32).hexdigest()
        return self.http.put(f"/uploads/{upload_id}/digest", json={"blake2b": digest})

    def send_until(self, upload_id: str, whole: bytes, *, readable: bool = False) -> list[int]:
        """Send what is wanted, all of it or until the slide can be read; say in which order."""
        sent = []
        state = self.state(upload_id)
        while state["wanted"] and not (readable and state["is_readable"]):
            number = state["wanted"][0]
            state = self.block(upload_id, number, whole)
            sent.append(number)
        return sent


@pytest.fixture(autouse=True)
def _small_blocks(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "block_bytes_for", lambda size: BLOCK)
    requeue_uploads(context)


@pytest.fixture
def front(context: Context, people: dict[str, Principal]) -> Iterator[str]:
    with served(front_app(context, ui_ports=(9,), ui_secret="secret")) as url:
        yield url


@pytest.fixture
def sender(context: Context, front: str) -> Sender:
    return Sender(context, front, "technician.a")


@pytest.fixture(scope="module")
def svs(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("svs") / "slide.svs"
    write_svs(path, 4096)
    return path.read_bytes()


def test_a_slide_is_read_before_it_is_here_and_stays_what_it_was(
    context: Context, sender: Sender, svs: bytes, tmp_path: Path
) -> None:
    begun = sender.create("slide.svs", len(svs), FACTS)
    assert begun.status_code == 201
    upload_id = begun.json()["id"]
    assert begun.json()["wanted"] == [0]
    sent = sender.send_until(upload_id, svs, readable=True)
    state = sender.state(upload_id)
    assert state["is_readable"]
    assert state["offset"] / len(svs) < 0.25
    assert state["readable_at"] == pytest.approx(state["offset"] / len(svs), abs=0.02)
    assert not state["is_shown"]
    assert due_uploads(context) == []

    assert due_previews(context) == [upload_id]
    assert show_early(context, upload_id) is PreviewState.DONE
    assert due_previews(context) == []
    assert show_early(context, upload_id) is None
    state = sender.state(upload_id)
    assert state["is_shown"]
    (study,) = context.archive.studies(Query(), scope=ReadScope(sites=frozenset({"DEMO_A"})))
    assert state["outcome"]["studies"] == [study.study_instance_uid]
    assert (study.patient_name, study.accession_number) == ("Trần^Văn Bình", "GPB-7")
    stored = {
        one.sop_instance_uid: one.sha256
        for one in context.archive.instances(Query(), scope=EVERYTHING)
    }
    shelf = Shelf(context.archive)
    (early,) = shelf.of_study(study.study_instance_uid, EVERYTHING)
    assert early.facts["levels"][0]["received"] == 0
    assert early.facts["width"] == 4096
    assert early.facts["mpp"] == pytest.approx([0.25, 0.25])
    before = shelf.arriving(early)
    assert before is not None
    # A picture at full scale is stretched from what is here; who measures is told that it is.
    source = SlideSource(context.archive, DerivedCache(tmp_path / "tiles", 0))
    region = Region(1024, 1024, 512, 512, 1.0)
    assert render(source, early, region, [0]).std() > 3
    assert not received(early, region, [0]).any()
    assert received(early, Region(0, 0, 4096, 4096, 0.25), [0]).all()

    sent += sender.send_until(upload_id, svs)
    assert sorted(sent) == list(range(state["blocks"]))  # no block twice
    after = shelf.arriving(early)
    assert after is not None
    assert before < after <= 1
    # All bytes are here, and nobody knows yet whether they are the sender's file.
    assert due_uploads(context) == []
    assert sender.finish(upload_id, svs).json()["state"] == "due"
    assert rows.content_path(context, upload_id).read_bytes() == svs
    assert process_upload(context, upload_id) is UploadState.DONE
    kept = {
        one.sop_instance_uid: one.sha256
        for one in context.archive.instances(Query(), scope=EVERYTHING)
    }
    assert stored.items() < kept.items()
    items = sender.http.get("/uploads/").json()["items"]
    assert [item["outcome"]["conflicts"] for item in items] == [0]
    (whole,) = shelf.of_study(study.study_instance_uid, EVERYTHING)
    assert whole.facts["received"]["frames"] == whole.facts["received"]["expected"]
    for key in ("to_slide_mm", "width", "height", "frame_of_reference_uid", "sop_instance_uid"):
        assert whole.facts[key] == early.facts[key]
    assert shelf.arriving(whole) is None
    assert not rows.folder_of(context, upload_id).exists()


def shown(context: Context, sender: Sender, svs: bytes) -> tuple[str, SlideIndex]:
    """An upload of which the levels up to 10x are in the archive, and no more is here."""
    upload_id = sender.create("slide.svs", len(svs), FACTS).json()["id"]
    sender.send_until(upload_id, svs, readable=True)
    assert show_early(context, upload_id) is PreviewState.DONE
    (study,) = sender.state(upload_id)["outcome"]["studies"]
    (index,) = Shelf(context.archive).of_study(study, EVERYTHING)
    return upload_id, index


def reader(context: Context, url: str, username: str) -> httpx.Client:
    token = accounts.issue_token(context, SYSTEM, username, "test")
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def test_the_place_under_the_eye_comes_first_and_is_what_it_will_be(
    context: Context, sender: Sender, front: str, svs: bytes
) -> None:
    upload_id, index = shown(context, sender, svs)
    root = f"/slides/v1/{index.slide}/{index.version}"
    wish = f"{root}/wish?level=0&column=9&row=10&columns=3&rows=2"
    places = [(column, row) for row in (10, 11) for column in (9, 10, 11)]
    batch = f"{root}/tiles?at=" + ",".join(f"0.0.0.{column}.{row}" for column, row in places)
    own = reader(context, front, "requester.a")
    planned = sender.state(upload_id)["wanted"]
    assert own.post(wish).json() == {"here": []}
    refused = own.get(f"{root}/0/0/0/9/10")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_received")
    assert own.get(batch).content == bytes(4 * len(places))

    # To another hospital there is no such slide, and its wish changes nothing.
    other = reader(context, front, "requester.b")
    before = sender.state(upload_id)["wanted"]
    for far in ("column=0&row=0", "column=12&row=12"):
        address = f"{root}/wish?level=0&{far}&columns=4&rows=4"
        assert other.post(address).status_code == 404
    assert other.get(f"{root}/0/0/0/9/10").status_code == 404
    assert httpx.post(f"{front}{wish}").status_code == 401
    assert sender.state(upload_id)["wanted"] == before != planned

    # The blocks of the box come first, every fourth one goes on as planned.
    sent = 0
    while len(here := own.post(wish).json()["here"]) < len(places):
        number = sender.state(upload_id)["wanted"][0]
        sender.block(upload_id, number, svs)
        sent += 1
    assert sorted(map(tuple, here)) == sorted(places)
    tile_bytes = index.facts["levels"][0]["tile_width"] ** 2 // 2  # more than any has
    assert sent <= 8 + 2 * len(places) * tile_bytes // BLOCK
    assert sender.state(upload_id)["offset"] < len(svs) * 0.6
    early = {place: own.get(f"{root}/0/0/0/{place[0]}/{place[1]}") for place in places}
    assert {answer.headers["content-type"] for answer in early.values()} == {"image/jpeg"}
    together = own.get(batch).content
    for answer in early.values():
        (length,) = struct.unpack_from("<I", together)
        assert together[4 : 4 + length] == answer.content
        together = together[4 + length :]
    # The slide is no more complete for that.
    facts = own.get(f"/slides/v1/{index.slide}").json()
    assert (facts["version"], facts["levels"][0]["received"]) == (index.version, 0)
    assert facts["received"]["frames"] < facts["received"]["expected"]

    sender.send_until(upload_id, svs)
    sender.finish(upload_id, svs)
    assert process_upload(context, upload_id) is UploadState.DONE
    (study,) = sender.http.get("/uploads/").json()["items"][0]["outcome"]["studies"]
    (whole,) = Shelf(context.archive).of_study(study, EVERYTHING)
    assert whole.version != index.version
    source = SlideSource(context.archive, DerivedCache(Path("/nowhere"), 0))
    for (column, row), answer in early.items():
        frame = whole.frame(0, 0, 0, column, row)
        assert answer.content == source.stored(whole, frame) == source.tile(whole, frame)[0]
    # Nothing is left of the arrival.
    folder = context.archive.settings.folder / "slides" / "announced"
    assert list(folder.iterdir()) == []
    assert own.post(wish).json() == {"here": None}


def test_wishes_of_what_is_not_there(
    context: Context, sender: Sender, front: str, svs: bytes
) -> None:
    upload_id, index = shown(context, sender, svs)
    root = f"/slides/v1/{index.slide}/{index.version}/wish"
    own = reader(context, front, "requester.a")
    planned = sender.state(upload_id)["wanted"]
    for query, status in (
        ("level=9&column=0&row=0&columns=1&rows=1", 404),
        ("level=0&column=-1&row=0&columns=1&rows=1", 400),
        ("level=0&column=0&row=0&columns=1", 400),
        ("level=0&column=1e3&row=0&columns=1&rows=1", 400),
        ("level=0&column=99999999&row=99999999&columns=99999999&rows=99999999", 200),
        ("level=0&column=0&row=0&columns=0&rows=0", 200),
        ("level=1&column=0&row=0&columns=4&rows=4", 200),  # it is here
    ):
        assert own.post(f"{root}?{query}").status_code == status, query
    assert sender.state(upload_id)["wanted"] == planned
    # Who stops sending takes the file along: there is no tile then, and no error.
    rows.remove_upload(context, accounts.principal_of(context, "technician.a"), upload_id)
    query = "level=0&column=0&row=0&columns=4&rows=4"
    assert own.post(f"{root}?{query}").json() == {"here": None}


def test_a_server_that_dies_loses_the_block_under_way(
    context: Context, people: dict[str, Principal], svs: bytes
) -> None:
    with served(front_app(context, ui_ports=(9,), ui_secret="secret")) as url:
        first = Sender(context, url, "technician.a")
        upload_id = first.create("slide.svs", len(svs), FACTS).json()["id"]
        for _ in range(9):
            first.block(upload_id, first.state(upload_id)["wanted"][0], svs)
        whole = first.state(upload_id)
    # Between the bytes and the word that they are here: as a power cut leaves it.
    with rows.content_path(context, upload_id).open("r+b") as file:
        file.seek(whole["wanted"][0] * BLOCK)
        file.write(b"half of a block")
    with served(front_app(context, ui_ports=(9,), ui_secret="secret")) as url:
        again = Sender(context, url, "technician.a")
        state = again.state(upload_id)
        assert (state["offset"], state["wanted"]) == (whole["offset"], whole["wanted"])
        again.send_until(upload_id, svs)
        again.finish(upload_id, svs)
    assert rows.content_path(context, upload_id).read_bytes() == svs
    assert due_uploads(context) == [upload_id]


def test_a_file_that_changed_while_it_was_sent_is_refused(
    context: Context, sender: Sender, svs: bytes
) -> None:
    upload_id = sender.create("slide.svs", len(svs), FACTS).json()["id"]
    sender.send_until(upload_id, svs)
    sender.finish(upload_id, svs + b"x")
    assert process_upload(context, upload_id) is UploadState.REFUSED
    (item,) = sender.http.get("/uploads/").json()["items"]
    assert item["error"]["code"] == "changed"
    assert context.archive.instances(Query(), scope=EVERYTHING) == []


def test_wrong_blocks_are_answered_and_change_nothing(
    context: Context, sender: Sender, svs: bytes
) -> None:
    data = svs[: 3 * BLOCK + 100]
    upload_id = sender.create("slide.svs", len(data), FACTS).json()["id"]
    block = data[:BLOCK]
    for number in (4, 10**8, "-1", "1e3", "0x1", "٣", "9" * 40):
        assert sender.put(upload_id, number, block).status_code == 404
    assert sender.put(upload_id, 0, block + b"x").status_code == 413
    assert sender.put(upload_id, 0, block[:-1]).status_code == 422
    assert sender.put(upload_id, 3, block).status_code == 413
    wrong = base64.b64encode(bytes(32)).decode()
    checks = {
        f"blake2b {wrong}": 460,
        f"sha1 {wrong}": 422,
        "blake2b ***": 422,
        "blake2b AAAA": 422,
        "": 422,
    }
    for said, status in checks.items():
        answer = sender.put(upload_id, 0, block, **{"Upload-Checksum": said})
        assert answer.status_code == status
    assert sender.state(upload_id)["offset"] == 0
    assert rows.content_path(context, upload_id).read_bytes() == bytes(len(data))
    for digest in ("", "x" * 64, "AB" * 32, 5, None):
        address = f"/uploads/{upload_id}/digest"
        assert sender.http.put(address, json={"blake2b": digest}).status_code == 422
    # The right one, twice.
    assert sender.block(upload_id, 0, data)["offset"] == BLOCK
    assert sender.block(upload_id, 0, data)["offset"] == BLOCK
    assert sender.block(upload_id, 3, data)["offset"] == BLOCK + 100


def test_wrong_beginnings(sender: Sender) -> None:
    for size in (0, -5, 10**15):
        assert sender.create("x.svs", size).status_code == 422
    for body in (b"", b"[]", b"{", b'{"name": "x", "size": "5"}', b'{"size": 5}'):
        assert sender.http.post("/uploads/blocks", content=body).status_code == 422
    big = json.dumps({"name": "x", "size": 5, "facts": {"patient_id": "x" * 70_000}})
    assert sender.http.post("/uploads/blocks", content=big).status_code == 422
    assert sender.create("x.svs", 5, {"mpp": "a lot"}).status_code == 422


def test_blocks_are_for_their_sender_only(context: Context, front: str, sender: Sender) -> None:
    upload_id = sender.create("x.svs", 100_000, FACTS).json()["id"]
    for username in ("requester.a", "technician.b"):
        other = Sender(context, front, username)
        assert other.http.get(f"/uploads/{upload_id}/blocks").status_code == 404
        assert other.put(upload_id, 0, bytes(BLOCK)).status_code == 404
        assert other.finish(upload_id, b"").status_code == 404
    assert Sender(context, front, "radiologist").create("x.svs", 10).status_code == 403
    assert httpx.post(f"{front}/uploads/blocks", json={}).status_code == 401
    assert httpx.put(f"{front}/uploads/{upload_id}/blocks/0").status_code == 401


def test_tus_and_blocks_keep_apart(sender: Sender) -> None:
    upload_id = sender.create("x.svs", 100_000, FACTS).json()["id"]
    piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    address = f"/uploads/{upload_id}"
    assert sender.http.head(address, headers=TUS).status_code == 409
    assert sender.http.patch(address, content=b"x", headers=TUS | piece).status_code == 409
    made = sender.http.post("/uploads/", headers=TUS | {"Upload-Length": "10"})
    location = made.headers["location"]
    assert sender.http.get(f"{location}/blocks").status_code == 409
    assert sender.put(location.rpartition("/")[2], 0, b"0123456789").status_code == 409
    assert sender.http.delete(address, headers=TUS).status_code == 204
    assert sender.put(upload_id, 0, bytes(BLOCK)).status_code in (404, 409)


def test_a_full_disk_is_said_and_the_block_can_come_again(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = sender.create("x.svs", 100_000, FACTS).json()["id"]

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(door, "_write", full)
        answer = sender.put(upload_id, 0, bytes(BLOCK))
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "upload_room")
    assert sender.state(upload_id)["offset"] == 0
    assert sender.put(upload_id, 0, bytes(BLOCK)).json()["offset"] == BLOCK


def test_blocks_nobody_goes_on_with_expire(
    context: Context, sender: Sender, clock: Clock, svs: bytes
) -> None:
    upload_id = sender.create("slide.svs", len(svs), FACTS).json()["id"]
    clock.move(days=6)
    sender.block(upload_id, 0, svs)
    clock.move(days=6)
    assert rows.remove_expired(context) == 0
    clock.move(days=2)
    assert rows.remove_expired(context) == 1
    assert not rows.folder_of(context, upload_id).exists()


def test_other_words_after_a_preview_change_no_header(
    context: Context, sender: Sender, svs: bytes
) -> None:
    """The instances shown early have the sender's first words: others would be in conflict."""
    upload_id = sender.create("slide.svs", len(svs), FACTS).json()["id"]
    sender.send_until(upload_id, svs, readable=True)
    assert show_early(context, upload_id) is PreviewState.DONE
    sender.send_until(upload_id, svs)
    sender.finish(upload_id, svs)
    with context.database.begin() as connection:
        connection.execute(uploads.update().values(facts={**FACTS, "patient_name": "Lê^Thị Mai"}))
    assert process_upload(context, upload_id) is UploadState.DONE
    with context.database.read() as connection:
        outcome = connection.execute(select(uploads.c.outcome)).scalar_one()
    assert outcome["conflicts"] == 0
    (study,) = context.archive.studies(Query(), scope=EVERYTHING)
    assert study.patient_name == "Trần^Văn Bình"


def test_a_slide_of_one_level_is_shown_when_it_is_here(
    context: Context, sender: Sender, test_data: Path
) -> None:
    path = test_data / "wsi/svs_cmu1_small_region/CMU-1-Small-Region.svs"
    data = path.read_bytes()
    upload_id = sender.create(path.name, len(data), FACTS).json()["id"]
    sender.send_until(upload_id, data)
    assert sender.state(upload_id)["readable_at"] is None
    assert due_previews(context) == []
    sender.finish(upload_id, data)
    assert process_upload(context, upload_id) is UploadState.DONE
