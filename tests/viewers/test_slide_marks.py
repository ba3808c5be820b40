"""Marks on slides: in millimetres through level 0, whatever was viewed; many of them; points."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dicom_node.slides import SlideGeometry
from tests.dicom_node.slides.glass import Glass
from tests.viewers.driver import drag
from tests.viewers.site import CASE
from tests.viewers.slidedriver import frame, opened, place_of, sharp, until, view
from tests.viewers.slidesite import SlideSite

pytestmark = pytest.mark.usefixtures("bundle")

Open = Callable[..., Page]
SIZE = 8192
MPP = 0.25
# Glass lies as slides do: columns along -Y, rows along -X, its first pixel's centre here.
ORIGIN_MM = (25.0, 50.0)


def pale(*_: int) -> np.ndarray:
    return np.full((512, 512, 3), 240, np.uint8)


@pytest.fixture(scope="module")
def glass(make_slides: Callable[..., SlideSite]) -> SlideSite:
    """A slide of 2 mm: 8192 pixels of 0.25 µm, and levels of a quarter and a sixteenth."""
    slide = Glass()
    return make_slides(
        *(
            slide.level(
                SIZE // step, SIZE // step, (512, 512), spacing=MPP * step / 1000, pixels=pale
            )
            for step in (4, 16, 64)
        ),
        slide.level(SIZE, SIZE, (512, 512), spacing=MPP / 1000, pixels=pale, sparse=[(0, 0, 8, 8)]),
    )


@pytest.fixture(autouse=True)
def fresh(glass: SlideSite) -> None:
    glass.marks.clear()
    glass.point_sets.clear()
    glass.revision = 0


def mm_of(pixels: Any) -> np.ndarray:
    """Level-0 pixels in slide millimetres, by the server's own geometry."""
    geometry = SlideGeometry((MPP / 1000, MPP / 1000), ORIGIN_MM)
    return geometry.to_slide_mm(np.atleast_2d(np.asarray(pixels, float)))


def level0(site: SlideSite) -> Any:
    return max(site.datasets, key=lambda one: one.TotalPixelMatrixColumns)


def kept(site: SlideSite, count: int = 1) -> list[dict[str, Any]]:
    site.wait(lambda: len(site.marks) >= count)
    return [mark for mark in site.marks.values() if not mark["deleted"]]


def pixels_at(page: Page, *places: tuple[float, float]) -> np.ndarray:
    """Level-0 pixels under places of the page."""
    here, (left, top, *size) = view(page), frame(page)
    return np.array([here.of_slide((x - left, y - top), tuple(size)) for x, y in places])


def assert_near(points_mm: Any, pixels: Any) -> None:
    """Within 0.01 µm."""
    wanted = mm_of(pixels)
    assert np.abs(np.asarray(points_mm)[:, :2] - wanted).max() <= 1e-5


@pytest.mark.parametrize("power", ["3", "5", "6"])
def test_a_mark_is_the_same_whatever_was_viewed(
    glass: SlideSite, open_page: Open, power: str
) -> None:
    page = opened(open_page(glass.page()))
    page.keyboard.press(power)
    sharp(page)
    start, end = (500.0, 300.0), (800.0, 450.0)
    ends = pixels_at(page, start, end)
    page.keyboard.press("m")
    drag(page, start, end)
    (mark,) = kept(glass)
    base = level0(glass)
    assert mark["kind"] == "length"
    assert mark["sop_instance_uid"] == base.SOPInstanceUID
    assert mark["series_instance_uid"] == base.SeriesInstanceUID
    assert mark["frame_of_reference_uid"] == base.FrameOfReferenceUID
    assert_near(mark["points_mm"], ends)
    shown = page.locator(".hs-panel .hs-mark b")
    page.keyboard.press("n")
    length = np.linalg.norm((ends[1] - ends[0]) * MPP)
    said = float(re.sub(r"[^\d,]", "", shown.inner_text()).replace(",", "."))
    assert said == pytest.approx(length, abs=0.6)


def test_every_tool_makes_its_kind(glass: SlideSite, open_page: Open) -> None:
    page = opened(open_page(glass.page()))
    page.keyboard.press("4")
    sharp(page)
    corner = (300.0, 250.0)

    def clicks(*places: tuple[float, float]) -> None:
        for x, y in places:
            page.mouse.click(corner[0] + x, corner[1] + y)

    def pull(a: tuple[float, float], b: tuple[float, float]) -> None:
        drag(page, (corner[0] + a[0], corner[1] + a[1]), (corner[0] + b[0], corner[1] + b[1]))

    page.locator(".hs-class").select_option(index=1)
    page.keyboard.press("p")
    clicks((0, 0))
    page.keyboard.press("l")
    pull((40, 0), (120, 30))
    page.keyboard.press("y")
    clicks((160, 0), (200, 40), (240, 0))
    page.keyboard.press("Enter")
    page.keyboard.press("o")
    clicks((300, 0), (360, 10), (330, 60))
    page.keyboard.press("Enter")
    page.keyboard.press("h")
    page.mouse.move(corner[0] + 400, corner[1])
    page.mouse.down()
    for x, y in ((480, 0), (480, 60), (400, 60)):
        page.mouse.move(corner[0] + x, corner[1] + y, steps=4)
    page.mouse.up()
    page.keyboard.press("x")
    pull((0, 100), (90, 160))
    page.keyboard.press("c")
    pull((120, 100), (240, 160))
    page.keyboard.press("t")
    clicks((300, 130))
    expect(page.locator(".hs-ask input")).to_be_focused()
    page.keyboard.type("Ổ xâm nhập")
    page.keyboard.press("Enter")
    page.keyboard.press("g")
    clicks((400, 100), (400, 160), (460, 160))
    page.keyboard.press("z")
    clicks((200, 240))
    page.keyboard.press("u")
    clicks((500, 240), (530, 250), (560, 240))
    kept(glass, 11)
    glass.wait(
        lambda: any(
            len(one["points_mm"]) == 3 for one in glass.marks.values() if one["kind"] == "counter"
        )
    )
    marks = kept(glass, 11)
    kinds = (
        "angle counter ellipse freehand point polygon polyline polyline rectangle rectangle text"
    )
    assert sorted(mark["kind"] for mark in marks) == kinds.split()
    by_kind = {mark["kind"]: mark for mark in marks}
    assert by_kind["polygon"]["classification"]["code"]["value"] == "108369006"
    assert by_kind["text"]["text"] == "Ổ xâm nhập"
    box = next(one for one in marks if one["origin"].get("fixed_area_mm2") == 2)
    a, b, c = (np.array(point) for point in box["points_mm"][:3])
    assert np.linalg.norm(a - b) * np.linalg.norm(b - c) == pytest.approx(2, abs=1e-9)
    long, short = (
        np.linalg.norm(np.subtract(*by_kind["ellipse"]["points_mm"][i : i + 2])) for i in (0, 2)
    )
    assert (long, short) == (pytest.approx(0.12, abs=0.002), pytest.approx(0.06, abs=0.002))
    assert by_kind["angle"]["points_mm"][1] != by_kind["angle"]["points_mm"][2]


def test_marks_survive_and_lie_where_they_were(glass: SlideSite, open_page: Open) -> None:
    page = opened(open_page(glass.page()))
    page.keyboard.press("6")
    sharp(page)
    page.keyboard.press("x")
    start, end = (520.0, 320.0), (760.0, 460.0)
    corners = pixels_at(page, start, (end[0], start[1]), end, (start[0], end[1]))
    drag(page, start, end)
    (mark,) = kept(glass)
    assert_near(mark["points_mm"], corners)
    before = [list(point) for point in mark["points_mm"]]
    page.reload()
    opened(page)
    expect(page.locator(".hs-body")).to_have_attribute("data-marks", "1")
    # from another level, turned: its outline is under its own pixels
    page.keyboard.press("4")
    page.keyboard.press("r")
    sharp(page)
    assert view(page).degrees == 90
    x, y = place_of(page, tuple((corners[0] + corners[1]) / 2))

    def is_outlined() -> bool:
        colour = page.locator(".hs-marks").evaluate(
            "(c, [x, y]) => { const b = c.getBoundingClientRect();"
            " return [...c.getContext('2d').getImageData(x - b.x - 2, y - b.y - 2, 5, 5).data]; }",
            [x, y],
        )
        near = np.abs(np.array(colour).reshape(25, 4)[:, :3] - (255, 212, 0)).max(axis=1) < 30
        return bool(near.any())

    until(page, is_outlined)
    # a corner is pulled: the opposite one stays to the bit
    page.mouse.click(x, y)
    expect(page.locator(".hs-toolbar [data-command=delete]")).to_be_enabled()
    grip = place_of(page, tuple(corners[2]))
    drag(page, grip, (grip[0] + 30, grip[1] + 20))
    glass.wait(lambda: glass.marks[mark["id"]]["points_mm"] != before)
    after = glass.marks[mark["id"]]["points_mm"]
    assert after[0] == pytest.approx(before[0], abs=1e-12)
    assert after[2] != before[2]
    page.keyboard.press("Control+z")
    glass.wait(
        lambda: np.abs(np.subtract(glass.marks[mark["id"]]["points_mm"], before)).max() < 1e-9
    )
    page.keyboard.press("Delete")
    glass.wait(lambda: glass.marks[mark["id"]]["deleted"])
    page.keyboard.press("Control+z")
    glass.wait(lambda: len(kept(glass)) == 1)


def test_marks_of_others_are_seen_and_left_alone(glass: SlideSite, open_page: Open) -> None:
    mark = server_mark(glass, "other", [[0, 0], [400, 0], [400, 400]], author="pathologist.2")
    glass.marks[mark["id"]] = mark
    glass.revision = 1
    page = opened(open_page(glass.page()))
    expect(page.locator(".hs-body")).to_have_attribute("data-marks", "1")
    page.keyboard.press("n")
    page.locator(".hs-jump").click()
    expect(page.locator(".hs-toolbar [data-command=delete]")).to_be_enabled()
    page.keyboard.press("Delete")
    page.wait_for_timeout(600)
    assert not glass.marks["other"]["deleted"]
    expect(page.locator(".hs-mark [title='Xóa']")).to_have_count(0)


def test_five_thousand_marks_are_drawn_and_stay_in_hand(glass: SlideSite, open_page: Open) -> None:
    rng = np.random.default_rng(3)
    ring = np.array([(np.cos(t), np.sin(t)) for t in np.linspace(0, 2 * np.pi, 16, endpoint=False)])
    for number in range(5000):
        middle, radius = rng.uniform(200, SIZE - 200, 2), rng.uniform(15, 60)
        glass.marks[f"m{number}"] = server_mark(
            glass, f"m{number}", middle + radius * ring, number + 1
        )
    glass.revision = 5000
    page = opened(open_page(glass.page()))
    expect(page.locator(".hs-body")).to_have_attribute("data-marks", "5000")
    expect(page.locator(".hs-marks")).to_have_attribute("data-drawn", "5000")
    page.keyboard.press("n")
    expect(page.locator(".hs-panel")).to_contain_text("và 4850 nét vẽ nữa")
    # out of sight is out of the frame
    page.keyboard.press("6")
    sharp(page, scale=1)
    # a crowd is drawn anew once the view has rested a moment
    layer = page.locator(".hs-marks")
    until(page, lambda: 0 < int(layer.get_attribute("data-drawn") or 0) < 500)
    page.keyboard.press("0")
    expect(page.locator(".hs-marks")).to_have_attribute("data-drawn", "5000")


def test_a_million_points_are_density_from_afar_and_dots_from_near(
    glass: SlideSite, open_page: Open
) -> None:
    rng = np.random.default_rng(5)
    points = rng.uniform(1000, SIZE - 1000, (1_000_000, 2)).astype(np.float32)
    # one that stands alone
    points[0] = (300.5, 300.5)
    glass.add_points(level0(glass).SeriesInstanceUID, points, "#e6194b")
    page = opened(open_page(glass.page()))
    layer = page.locator(".hs-points")
    expect(layer).to_have_attribute("data-drawn", "density")
    assert int(layer.get_attribute("data-count") or 0) == 1_000_000
    red = colour_at(page, (SIZE / 2, SIZE / 2))
    assert red[3] > 60
    assert red[0] > red[1]
    assert colour_at(page, (600, 600))[3] == 0
    assert colour_at(page, (300.5, 300.5))[3] > 0
    detail = {
        "case_id": CASE,
        "study_instance_uid": "",
        "series_instance_uid": level0(glass).SeriesInstanceUID,
        "sop_instance_uid": "",
        "frame_number": 1,
        "region": {"slide": "", "x": 200, "y": 200, "width": 300, "height": 200},
    }
    page.evaluate(
        "d => window.dispatchEvent(new CustomEvent('hoichan:show', { detail: d }))", detail
    )
    until(page, lambda: view(page).scale > 1)
    sharp(page)
    expect(layer).to_have_attribute("data-drawn", "dots")
    here = view(page)
    assert here.scale > 1
    assert np.abs(np.array(colour_at(page, (300.5, 300.5)))[:3] - (230, 25, 75)).max() < 40
    assert colour_at(page, (320, 320))[3] == 0
    page.keyboard.press("n")
    page.locator(".hs-sets input").uncheck()
    expect(layer).to_have_attribute("data-drawn", "none")


def test_bulk_polygons_are_outlines_from_near(glass: SlideSite, open_page: Open) -> None:
    rng = np.random.default_rng(7)
    middles = rng.uniform(2000, SIZE - 2000, (200_000, 1, 2))
    middles[0] = (400, 400)
    square = np.array([(-20, -20), (20, -20), (20, 20), (-20, 20)], float)
    glass.add_points(
        level0(glass).SeriesInstanceUID,
        (middles + square).reshape(-1, 2),
        "#3cb44b",
        starts=np.arange(200_000) * 4,
    )
    page = opened(open_page(glass.page()))
    layer = page.locator(".hs-points")
    expect(layer).to_have_attribute("data-drawn", "density")
    region = {"slide": "", "x": 300, "y": 300, "width": 200, "height": 150}
    detail = {
        "case_id": CASE,
        "series_instance_uid": level0(glass).SeriesInstanceUID,
        "region": region,
    }
    page.evaluate(
        "d => window.dispatchEvent(new CustomEvent('hoichan:show', { detail: d }))", detail
    )
    sharp(page, scale=2)
    expect(layer).to_have_attribute("data-drawn", "outlines")
    assert np.abs(np.array(colour_at(page, (380, 400)))[:3] - (60, 180, 75)).max() < 8
    assert colour_at(page, (400, 380))[3] > 0
    assert colour_at(page, (400, 400))[3] == 0


def test_one_class_is_one_whatever_it_was_called(glass: SlideSite, open_page: Open) -> None:
    """Drawn in Vietnamese, in English, or named by its code alone in a file of another program."""
    code = {"value": "108369006", "scheme_designator": "SCT", "meaning": "Neoplasm"}
    for number, name in enumerate(("U", "Tumour", "Neoplasm", "Ổ khác")):
        mark = server_mark(glass, str(number), [(500, 500), (900, 500), (900, 900)], number + 1)
        mark["classification"] = {"name": name, "colour": "#e6194b", "code": code}
        glass.marks[mark["id"]] = mark
    glass.revision = 4
    page = opened(open_page(glass.page(language="en")))
    page.keyboard.press("n")
    chips = page.locator(".hs-classes button")
    expect(chips).to_have_count(2)
    assert {chip.strip() for chip in chips.all_inner_texts()} == {"Tumour 3", "Ổ khác 1"}


def colour_at(page: Page, pixel: tuple[float, float]) -> list[int]:
    """RGBA of the points' layer over a level-0 pixel: the densest of its neighbours."""
    x, y = place_of(page, pixel)
    found: list[int] = page.locator(".hs-points").evaluate(
        "(c, [x, y]) => { const b = c.getBoundingClientRect();"
        " const o = document.createElement('canvas'); o.width = c.width; o.height = c.height;"
        " const p = o.getContext('2d'); p.drawImage(c, 0, 0);"
        " const [u, v] = [Math.floor(x - b.x), Math.floor(y - b.y)];"
        " return [...p.getImageData(u - 1, v - 1, 3, 3).data]; }",
        [x, y],
    )
    return max(np.array(found).reshape(9, 4).tolist(), key=lambda one: one[3])


def server_mark(
    site: SlideSite, number: str, pixels: Any, revision: int = 1, author: str = "radiologist"
) -> dict[str, Any]:
    base = level0(site)
    flat = mm_of(pixels)
    return {
        "id": number,
        "case_id": CASE,
        "kind": "polygon",
        "study_instance_uid": base.StudyInstanceUID,
        "series_instance_uid": base.SeriesInstanceUID,
        "sop_instance_uid": base.SOPInstanceUID,
        "sop_class_uid": base.SOPClassUID,
        "frame_number": 1,
        "frame_of_reference_uid": base.FrameOfReferenceUID,
        "points_mm": [[*point, 0.0] for point in flat.tolist()],
        "text": "",
        "measurements": [],
        "origin": {},
        "classification": {"name": "Tumour", "colour": "#e6194b"},
        "author": {"username": author, "name": author, "site": "DEMO_HUB"},
        "created_at": "2026-11-23T03:00:00Z",
        "updated_at": "2026-11-23T03:00:00Z",
        "revision": revision,
        "deleted": False,
    }
