"""Slides behind the real front: who may see what is on the glass, and what is made on arrival."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from dicom_node.archive import Archive
from dicom_node.slides import slide_id
from tests.dicom_node.slides.glass import Glass, put
from tests.workstation.web.serving import served
from workstation import accounts
from workstation.accounts import SYSTEM, Principal
from workstation.consult.intake import take_in
from workstation.context import Context
from workstation.web.doorkeeper import AccessLog, Doorkeeper
from workstation.web.front import front_app


@pytest.fixture(params=["", "/hoi-chan"])
def front(
    context: Context, people: dict[str, Principal], request: pytest.FixtureRequest
) -> Iterator[str]:
    behind = replace(context, settings=replace(context.settings, base_path=request.param))
    with served(front_app(behind, ui_ports=(9,), ui_secret="secret")) as url:
        yield url + request.param


def as_user(context: Context, front: str, username: str) -> httpx.Client:
    token = accounts.issue_token(context, SYSTEM, username, "test")
    return httpx.Client(
        base_url=f"{front}/slides", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )


def test_a_slide_through_the_front(context: Context, front: str) -> None:
    glass = Glass()
    put(context.archive, glass.level(), glass.level(role="LABEL", InstanceNumber=2))
    slide = slide_id(glass.shared["SeriesInstanceUID"])
    with as_user(context, front, "technician.a") as ours:
        (one,) = ours.get(f"/v1/studies/{glass.shared['StudyInstanceUID']}").json()["items"]
        assert one["slide"] == slide
        facts = ours.get(f"/v1/{slide}").json()
        base = f"/v1/{slide}/{facts['version']}"
        for _ in range(2):  # the rule asked, the rule remembered
            tile = ours.get(f"{base}/0/0/0/0/0")
            assert tile.status_code == 200
            assert tile.headers["content-type"] == "image/jpeg"
        assert ours.get(f"{base}/label").status_code == 200
    with as_user(context, front, "technician.b") as theirs:
        for path in (f"/v1/{slide}", f"{base}/0/0/0/0/0", f"{base}/label", f"{base}/thumbnail"):
            assert theirs.get(path).status_code == 404
    for path in (f"/v1/{slide}", f"{base}/0/0/0/0/0"):
        assert httpx.get(f"{front}/slides{path}").status_code == 401
    # the page of that name asks who one is, as every page does
    assert httpx.get(f"{front}/slides").is_redirect


@pytest.mark.parametrize(
    ("username", "may"),
    [
        ("requester.a", True),
        ("technician.a", True),
        ("pathologist", True),
        ("radiologist", False),
        ("coordinator", False),
        ("admin", False),
    ],
)
def test_who_may_see_labels(
    context: Context, people: dict[str, Principal], username: str, may: bool
) -> None:
    log = AccessLog(context)
    scope: dict[str, Any] = {"type": "http", "state": {"principal": people[username]}}
    try:
        assert Doorkeeper(context, log).may_see_labels(scope) is may
    finally:
        log.close()


def test_what_is_known_is_said_at_once_and_not_for_long(
    context: Context, people: dict[str, Principal], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AccessLog(context)
    doorkeeper = Doorkeeper(context, log)

    def scope() -> dict[str, Any]:
        return {"type": "http", "state": {"principal": people["requester.a"]}}

    try:
        assert doorkeeper.known_scope(scope()) is None
        asked = doorkeeper.read_scope(scope())
        assert doorkeeper.known_scope(scope()) == asked
        doorkeeper.forget()
        assert doorkeeper.known_scope(scope()) is None
        doorkeeper.read_scope(scope())
        monkeypatch.setattr("workstation.web.doorkeeper.MEMORY_SECONDS", 0.0)
        assert doorkeeper.known_scope(scope()) is None
    finally:
        log.close()


def test_a_slide_is_indexed_when_it_arrives(
    context: Context, people: dict[str, Principal], monkeypatch: pytest.MonkeyPatch
) -> None:
    glass = Glass()
    put(context.archive, glass.level(), glass.level(20, 12, spacing=0.001, InstanceNumber=2))
    take_in(context)
    folder = context.archive.settings.folder / "slides"
    made = list(folder.rglob("*.idx"))
    assert [one.parent.name for one in made] == [slide_id(glass.shared["SeriesInstanceUID"])]
    # Whoever opens it now has nothing to wait for.
    monkeypatch.setattr(Archive, "frame_offsets", None)
    front = front_app(context, ui_ports=(9,), ui_secret="secret")
    with served(front) as url, as_user(context, url, "technician.a") as ours:
        facts = ours.get(f"/v1/{made[0].parent.name}").json()
    assert facts["version"] == made[0].stem
    assert len(facts["levels"]) == 2
