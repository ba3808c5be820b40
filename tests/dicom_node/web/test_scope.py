"""Nobody sees a patient who is not theirs: every door, as a table."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.dicom_node.web.serving import Served, serve
from tests.factories import ct_image, file_bytes, from_site, open_archive

STUDY, SERIES, INSTANCE = "1.2.3", "1.2.3.1", "1.2.3.1.1"
BASE = f"/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
DOORS = [
    f"/studies/{STUDY}",
    f"/studies/{STUDY}/metadata",
    f"/studies/{STUDY}/thumbnail",
    f"/studies/{STUDY}/rendered",
    f"/studies/{STUDY}/series",
    f"/studies/{STUDY}/instances",
    f"/studies/{STUDY}/series/{SERIES}",
    f"/studies/{STUDY}/series/{SERIES}/metadata",
    f"/studies/{STUDY}/series/{SERIES}/thumbnail",
    f"/studies/{STUDY}/series/{SERIES}/rendered",
    f"/studies/{STUDY}/series/{SERIES}/instances",
    BASE,
    f"{BASE}/metadata",
    f"{BASE}/rendered",
    f"{BASE}/thumbnail",
    f"{BASE}/frames/1",
    f"{BASE}/frames/1/rendered",
    f"{BASE}/frames/1/thumbnail",
]
SEARCHES = [
    "/studies",
    f"/studies?StudyInstanceUID={STUDY}",
    "/studies?PatientID=P1",
    "/series",
    f"/series?StudyInstanceUID={STUDY}",
    "/instances",
    f"/instances?SOPInstanceUID={INSTANCE}",
]


@pytest.fixture(scope="module")
def of_a(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One instance of DEMO_A."""
    folder: Path = tmp_path_factory.mktemp("archive")
    with open_archive(folder) as archive:
        dataset = ct_image(
            StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, SOPInstanceUID=INSTANCE
        )
        archive.store_bytes(file_bytes(dataset), from_site("DEMO_A"))
        with serve(archive) as service:
            yield service


def bulk_door(service: Served) -> str:
    (row,) = httpx.get(f"{service.url}{BASE}/metadata", headers={"X-Site": "DEMO_A"}).json()
    return str(row["7FE00010"]["BulkDataURI"]).removeprefix(service.url)


@pytest.mark.parametrize("door", [*DOORS, "bulk"])
def test_its_own_site_may_and_another_may_not(of_a: Served, door: str) -> None:
    path = bulk_door(of_a) if door == "bulk" else door
    # The order matters: what the first caller made us remember must not help the second.
    assert httpx.get(of_a.url + path, headers={"X-Site": "DEMO_A"}).status_code == 200
    refused = httpx.get(of_a.url + path, headers={"X-Site": "DEMO_B"})
    assert refused.status_code == 404
    unknown = path.replace("1.2.3", "9.8.7")
    absent = httpx.get(of_a.url + unknown, headers={"X-Site": "DEMO_B"})
    # To the stranger, a study that exists looks just like one that does not.
    assert refused.content == absent.content
    assert httpx.get(of_a.url + path, headers={"X-Site": "DEMO_A"}).status_code == 200


@pytest.mark.parametrize("search", SEARCHES)
def test_searches_show_only_ones_own(of_a: Served, search: str) -> None:
    assert len(httpx.get(of_a.url + search, headers={"X-Site": "DEMO_A"}).json()) == 1
    assert httpx.get(of_a.url + search, headers={"X-Site": "DEMO_B"}).status_code == 204


@pytest.mark.parametrize("tag", ["*", '"0"'])
def test_an_entity_tag_opens_no_door(of_a: Served, tag: str) -> None:
    headers = {"X-Site": "DEMO_B", "If-None-Match": tag}
    for door in (f"{BASE}/frames/1", f"{BASE}/metadata", f"{BASE}/rendered", BASE):
        assert httpx.get(of_a.url + door, headers=headers).status_code == 404


def test_an_instance_under_another_study_is_not_there(of_a: Served) -> None:
    assert httpx.get(f"{of_a.url}{BASE}/frames/1").status_code == 200
    for path in (
        f"/studies/1.9/series/{SERIES}/instances/{INSTANCE}/frames/1",
        f"/studies/{STUDY}/series/1.9/instances/{INSTANCE}/frames/1",
    ):
        assert httpx.get(of_a.url + path).status_code == 404


def test_who_saw_what_is_told(of_a: Served) -> None:
    of_a.doorkeeper.events.clear()
    for door in (f"{BASE}/frames/1", f"{BASE}/metadata", f"{BASE}/rendered", BASE, "/studies"):
        httpx.get(of_a.url + door)
    httpx.get(of_a.url + bulk_door(of_a))
    httpx.get(f"{of_a.url}{BASE}/frames/1", headers={"X-Site": "DEMO_B"})
    assert of_a.doorkeeper.events == [
        ("frames", STUDY, 1),
        ("metadata", STUDY, 1),
        ("rendered", STUDY, 1),
        ("instances", STUDY, 1),
        ("query", "", 1),
        ("metadata", STUDY, 1),
        ("bulkdata", STUDY, 1),
    ]
