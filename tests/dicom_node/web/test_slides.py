"""Slides over HTTP: their JSON, tiles, batches and pictures."""

import os
import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit

from dicom_node.slides import slide_id
from tests.dicom_node.slides.glass import Glass, item, put, stored_file, tile_colour
from tests.dicom_node.web.serving import Served, serve
from tests.factories import open_archive
from tests.viewers.tissue import red_for_blue


@pytest.fixture(scope="module")
def glass() -> Glass:
    return Glass(StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.1")


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory, glass: Glass) -> Iterator[Served]:
    """A slide of DEMO_A: level 0 sparse and incomplete JPEG, level 1 native and whole."""
    with open_archive(tmp_path_factory.mktemp("archive")) as archive:
        places = [(0, 0, row, column) for row in range(3) for column in range(2)]
        base = glass.level(
            sparse=places,
            syntax=JPEGBaseline8Bit,
            PhotometricInterpretation="YBR_FULL_422",
        )
        base.OpticalPathSequence[0].ObjectiveLensPower = "20"
        put(archive, base, glass.level(20, 12, spacing=0.001, InstanceNumber=2))
        part = Glass(StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.2")
        put(archive, part.level(frames=slice(0, 4)))
        with serve(archive) as service:
            yield service


@pytest.fixture
def web(hall: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hall.slides, timeout=60) as client:
        yield client


def about(web: httpx.Client, series: str = "1.2.3.1") -> dict[str, Any]:
    found: dict[str, Any] = web.get(f"/v1/{slide_id(series)}").raise_for_status().json()
    return found


def version(facts: dict[str, Any]) -> str:
    return f"/v1/{facts['slide']}/{facts['version']}"


def opened(data: bytes) -> Any:
    return np.asarray(Image.open(BytesIO(data)))


def test_the_tray_lists_every_slide_of_a_study(web: httpx.Client) -> None:
    items = web.get("/v1/studies/1.2.3").json()["items"]
    assert {one["slide"] for one in items} == {slide_id("1.2.3.1"), slide_id("1.2.3.2")}
    assert items[0]["title"] == "26-1234 A1"
    assert web.get("/v1/studies/9.9.9").json() == {"items": []}
    assert web.get("/v1/studies/elsewhere").status_code == 400


def test_what_a_slide_is(web: httpx.Client) -> None:
    facts = about(web)
    assert (facts["width"], facts["height"]) == (40, 24)
    assert facts["objective_power"] == 20
    assert facts["mpp"] == [0.5, 0.5]
    assert [level["downsample"] for level in facts["levels"]] == [[1, 1], [2, 2]]
    assert facts["levels"][0]["columns"] == 3
    assert facts["to_slide_mm"] == [[0, -0.0005, 25.00025], [-0.0005, 0, 50.00025]]
    assert facts["received"] == {"frames": 10, "expected": 10}
    assert facts["optical_paths"][0]["index"] == 0
    assert facts["icc"] is False
    # Nothing of where files are, or of whom.
    text = str(facts)
    for secret in ("objects/", "NGUYEN", "P1", ".dcm", "sha256"):
        assert secret not in text


def test_it_is_asked_again_and_seldom_sent_again(web: httpx.Client) -> None:
    answer = web.get(f"/v1/{slide_id('1.2.3.1')}")
    assert answer.headers["cache-control"] == "private, no-cache"
    again = web.get(f"/v1/{slide_id('1.2.3.1')}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_tile(web: httpx.Client) -> None:
    path = f"{version(about(web))}/0/0/0/1/2"
    for _ in range(2):  # from a thread, and at once
        answer = web.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["vary"] == "Cookie"
        assert np.abs(opened(answer.content).astype(int) - tile_colour(0, 0, 2, 1)).max() < 4
    tag = answer.headers["etag"]
    fresh = web.get(path, headers={"If-None-Match": tag})
    assert (fresh.status_code, fresh.content) == (304, b"")
    head = web.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(answer.content))
    assert web.post(path).status_code in (404, 405)


def test_a_tile_that_has_to_be_made(web: httpx.Client) -> None:
    path = f"{version(about(web))}/1/0/0/1/1"
    first, second = web.get(path), web.get(path)
    assert first.content == second.content
    assert first.headers["content-type"] == "image/jpeg"
    assert np.abs(opened(first.content).astype(int) - tile_colour(0, 0, 1, 1)).max() < 4


def test_a_place_where_nothing_was_scanned(web: httpx.Client) -> None:
    answer = web.get(f"{version(about(web))}/0/0/0/2/0")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_tile_that_has_not_come(web: httpx.Client) -> None:
    answer = web.get(f"{version(about(web, '1.2.3.2'))}/0/0/0/2/2")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_received"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "place",
    ["9/0/0/0/0", "0/1/0/0/0", "0/0/1/0/0", "0/0/0/3/0", "0/0/0/0/3", "0/0/0/0", "a/0/0/0/0"],
)
def test_tiles_that_are_none(web: httpx.Client, place: str) -> None:
    answer = web.get(f"{version(about(web))}/{place}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("name", ["0" * 32, "%2e%2e%2f", "x"])
def test_slides_and_versions_that_are_none(web: httpx.Client, name: str) -> None:
    assert web.get(f"/v1/{name}").status_code == 404
    assert web.get(f"/v1/{name}/{'0' * 16}/0/0/0/0/0").status_code == 404
    assert web.get(f"/v1/{slide_id('1.2.3.1')}/{name}/0/0/0/0/0").status_code == 404


def test_a_field_of_view_in_one_request(web: httpx.Client) -> None:
    base = version(about(web))
    asked = ["0.0.0.1.2", "0.0.0.2.0", "1.0.0.1.1", "0.0.0.0.0"]
    body = web.get(f"{base}/tiles", params={"at": ",".join(asked)}).content
    found = []
    while body:
        (length,) = struct.unpack_from("<I", body)
        found.append(body[4 : 4 + length])
        body = body[4 + length :]
    alone = [web.get(f"{base}/{place.replace('.', '/')}").content for place in asked]
    assert found == alone
    assert found[1] == b""


def test_a_tile_that_is_lost_costs_the_others_nothing(hall: Served, web: httpx.Client) -> None:
    glass = Glass(StudyInstanceUID="1.7", SeriesInstanceUID="1.7.1")
    dataset = glass.level()
    put(hall.archive, dataset)
    base = version(about(web, "1.7.1"))
    path = stored_file(hall.archive, dataset)
    os.truncate(path, path.stat().st_size - 8 * 16 * 3)
    body = web.get(f"{base}/tiles?at=0.0.0.2.2,0.0.0.0.0").content
    assert struct.unpack_from("<I", body) == (0,)
    assert body[8:10] == b"\xff\xd8"
    assert web.get(f"{base}/0/0/0/2/2").status_code == 404
    assert web.get(f"{base}/rendered").status_code == 200  # striped where it is lost


@pytest.mark.parametrize("at", ["", "1.2.3", "0.0.0.0.x", "0.0.0.0.0," * 300])
def test_batches_that_make_no_sense(web: httpx.Client, at: str) -> None:
    assert web.get(f"{version(about(web))}/tiles", params={"at": at}).status_code == 400


def test_a_region(web: httpx.Client) -> None:
    url = f"{version(about(web))}/rendered"
    box = {"x": 10, "y": 4, "width": 12, "height": 8, "format": "png"}
    picture = opened(web.get(url, params=box).content)
    assert picture.shape == (8, 12, 3)
    assert np.abs(picture[0, 0].astype(int) - tile_colour(0, 0, 0, 0)).max() < 4
    assert np.abs(picture[-1, -1].astype(int) - tile_colour(0, 0, 1, 1)).max() < 4
    half = web.get(url, params=box | {"scale": 0.5, "format": "jpeg"})
    assert half.headers["content-type"] == "image/jpeg"
    assert opened(half.content).shape == (4, 6, 3)


@pytest.mark.parametrize(
    "query",
    [
        {"x": "left"},
        {"scale": "0"},
        {"scale": "nan"},
        {"width": "100000", "height": "100000"},
        {"format": "gif"},
        {"path": "a"},
        {"quality": "0"},
    ],
)
def test_regions_that_make_no_sense(web: httpx.Client, query: dict[str, str]) -> None:
    answer = web.get(f"{version(about(web))}/rendered", params=query)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]["vi"]


def test_a_path_nobody_scanned_is_not_there(web: httpx.Client) -> None:
    for query in ({"path": "4"}, {"plane": "3"}):
        assert web.get(f"{version(about(web))}/rendered", params=query).status_code == 404
    assert web.get(f"{version(about(web))}/icc").status_code == 404


def test_a_thumbnail(web: httpx.Client) -> None:
    url = f"{version(about(web))}/thumbnail"
    picture = opened(web.get(url, params={"size": 20}).content)
    assert picture.shape == (12, 20, 3)


def test_a_thumbnail_in_the_scanners_own_colours(hall: Served, web: httpx.Client) -> None:
    """The colours of the tiles, for who corrects them by the table themselves."""
    glass = Glass(StudyInstanceUID="1.8", SeriesInstanceUID="1.8.1")

    def flat(*_: int) -> NDArray[np.uint8]:
        return np.full((8, 16, 3), (210, 120, 40), np.uint8)

    put(hall.archive, glass.level(pixels=flat, OpticalPathSequence=[red_for_blue()]))
    url = f"{version(about(web, '1.8.1'))}/thumbnail"
    corrected, own, again = (
        opened(web.get(url, params={"size": 40, "format": "png"} | more).content)[5, 5]
        for more in ({}, {"icc": "0"}, {"icc": "1"})
    )
    assert np.abs(corrected.astype(int) - (40, 120, 210)).max() <= 4
    assert own.tolist() == [210, 120, 40]
    assert again.tolist() == corrected.tolist()


def test_new_instances_make_a_new_version(hall: Served, web: httpx.Client) -> None:
    glass = Glass(StudyInstanceUID="1.5", SeriesInstanceUID="1.5.1")
    put(hall.archive, glass.level())
    old = about(web, "1.5.1")
    put(hall.archive, glass.level(20, 12, spacing=0.001, InstanceNumber=2))
    new = about(web, "1.5.1")
    assert old["version"] != new["version"]
    assert (len(old["levels"]), len(new["levels"])) == (1, 2)
    # Who has the old one open goes on.
    assert web.get(f"{version(old)}/0/0/0/0/0").status_code == 200
    assert web.get(f"{version(old)}/1/0/0/0/0").status_code == 404
    assert web.get(f"{version(new)}/1/0/0/0/0").status_code == 200


def test_a_profile_comes_as_a_table(hall: Served, web: httpx.Client) -> None:
    from PIL import ImageCms

    profile = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    glass = Glass(StudyInstanceUID="1.6", SeriesInstanceUID="1.6.1")
    dataset = glass.level()
    dataset.OpticalPathSequence = [item(OpticalPathIdentifier="1", ICCProfile=profile)]
    put(hall.archive, dataset)
    facts = about(web, "1.6.1")
    assert facts["icc"]
    answer = web.get(f"{version(facts)}/icc")
    cube = np.frombuffer(answer.content, np.uint8).reshape(33, 33, 33, 3)
    assert np.abs(cube[32, 0, 0].astype(int) - (0, 0, 255)).max() <= 1
    assert np.abs(cube[0, 0, 32].astype(int) - (255, 0, 0)).max() <= 1


def test_another_site_sees_nothing(web: httpx.Client) -> None:
    facts = about(web)
    base = version(facts)
    of_b = {"X-Site": "DEMO_B"}
    for path in (
        f"/v1/{facts['slide']}",
        f"{base}/0/0/0/0/0",
        f"{base}/1/0/0/0/0",
        f"{base}/tiles?at=0.0.0.0.0",
        f"{base}/rendered",
        f"{base}/thumbnail",
        f"{base}/icc",
        f"{base}/label",
        f"{base}/overview",
    ):
        mine = web.get(path, headers={"X-Site": "DEMO_A"})
        refused = web.get(path, headers=of_b | {"If-None-Match": "*"})
        assert refused.status_code == 404
        absent = web.get(path.replace(facts["slide"], "0" * 32), headers=of_b)
        # To a stranger a slide that exists looks like one that does not.
        assert refused.content == absent.content
        assert mine.status_code in (200, 404)
    assert web.get("/v1/studies/1.2.3", headers=of_b).json() == {"items": []}


def test_who_saw_what_is_told(hall: Served, web: httpx.Client) -> None:
    base = version(about(web))
    web.get(f"{base}/0/0/0/0/0")
    hall.doorkeeper.events.clear()
    web.get("/v1/studies/1.2.3")
    about(web)
    web.get(f"{base}/0/0/0/0/0")
    web.get(f"{base}/tiles?at=0.0.0.0.0,0.0.0.2.0,1.0.0.0.0")
    web.get(f"{base}/rendered?width=4&height=4")
    web.get(f"{base}/0/0/0/0/0", headers={"X-Site": "DEMO_B"})
    assert hall.doorkeeper.events == [
        ("metadata", "1.2.3", 2),
        ("metadata", "1.2.3", 1),
        ("frames", "1.2.3", 1),
        ("frames", "1.2.3", 2),
        ("rendered", "1.2.3", 1),
    ]
