"""The viewer on real studies in a real browser: what is drawn is what was scanned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Locator, Page, expect
from scipy.ndimage import map_coordinates

from tests.viewers.driver import (
    breathe,
    cell_pixels,
    click,
    drag,
    drawn,
    hounsfield,
    loaded,
    overlay,
    pixel_under,
    point_at,
    rested,
    until,
)
from tests.viewers.site import Site

OpenPage = Callable[..., Page]
TILTED_FRAMES = 28
# The first viewport's canvas has the size of its place.
FILLED = """() => {
  const canvas = document.querySelector(".hv-grid .hv-cell canvas");
  const ratio = window.devicePixelRatio;
  return Math.abs(canvas.width - canvas.parentElement.clientWidth * ratio) < 2;
}"""
HAS_COME = "i => i.complete && i.naturalWidth > 0"
CHEST_FRAMES = 24


def only_mark(site: Site) -> dict[str, Any]:
    site.wait(lambda: site.marks)
    (mark,) = site.marks.values()
    return mark


def corner(page: Page, name: str, cell: int = 0) -> Locator:
    """The words in a corner of a viewport, to wait for."""
    return page.locator(".hv-grid .hv-cell").nth(cell).locator(f".hv-{name}")


def planes_drawn(page: Page) -> None:
    """Wait until the three planes are there and none of them is black."""
    expect(page.locator(".hv-grid")).to_have_attribute("data-layout", "mpr")
    for cell in range(3):
        until(page, lambda cell=cell: cell_pixels(page, cell).max() > 120)  # type: ignore[misc]


def value_of(mark: dict[str, Any], name: str) -> float:
    return next(float(m["value"]) for m in mark["measurements"] if m["name"] == name)


def test_first_image_is_the_middle_one(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(tilted.page())
    loaded(page, TILTED_FRAMES)
    expect(corner(page, "tr")).to_contain_text("Ảnh 15/28")
    expect(corner(page, "br")).to_contain_text("Nghiêng giàn 18,5°")
    first = tilted.frame_requests[0].split("/instances/")[1].split("/")[0]
    positions = sorted(
        float(ds.ImagePositionPatient[2]) for of in tilted.studies.values() for ds in of
    )
    asked = pydicom.dcmread(tilted.paths[first], stop_before_pixels=True)
    rank = positions.index(float(asked.ImagePositionPatient[2]))
    assert rank in (13, 14)


def test_each_frame_is_fetched_once(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(tilted.page())
    loaded(page, TILTED_FRAMES)
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    expect(corner(page, "tr")).to_contain_text("Ảnh 21/28")
    rested(page)
    assert len(tilted.frame_requests) == TILTED_FRAMES


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("1", "W 80 · L 40"),
        ("2", "W 40 · L 40"),
        ("3", "W 8 · L 32"),
        ("4", "W 200 · L 75"),
        ("5", "W 2800 · L 600"),
        ("6", "W 400 · L 40"),
        ("7", "W 1500 · L -600"),
        ("8", "W 600 · L 170"),
    ],
)
def test_window_keys(tilted: Site, open_page: OpenPage, key: str, expected: str) -> None:
    page = open_page(tilted.page(language="en"))
    loaded(page, TILTED_FRAMES)
    page.keyboard.press(key)
    expect(corner(page, "bl")).to_contain_text(expected)


def test_window_is_exact(tilted: Site, open_page: OpenPage) -> None:
    """The narrow stroke window shows each HU of its eight as a step of its own."""
    page = open_page(tilted.page())
    loaded(page, TILTED_FRAMES)
    page.keyboard.press("3")
    expect(corner(page, "bl")).to_contain_text("W 8 · L 32")
    drawn = np.unique(rested(page)[..., 0])
    assert drawn.min() == 0
    assert drawn.max() == 255
    assert len(drawn) > 8


def test_probe_reads_hounsfield(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(tilted.page())
    loaded(page, TILTED_FRAMES)
    page.keyboard.press("p")
    click(page, point_at(page, 0.47, 0.37))
    mark = only_mark(tilted)
    ds = pydicom.dcmread(tilted.paths[mark["sop_instance_uid"]])
    row, column = pixel_under(ds, mark["points_mm"][0])
    assert value_of(mark, "value") == hounsfield(ds)[round(row), round(column)]
    assert mark["measurements"][0]["unit"] == "[hnsf'U]"


def test_length_on_a_tilted_slice(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(tilted.page())
    loaded(page, TILTED_FRAMES)
    page.keyboard.press("l")
    start, end = point_at(page, 0.45, 0.3), point_at(page, 0.53, 0.62)
    drag(page, start, end)
    mark = only_mark(tilted)
    ds = pydicom.dcmread(tilted.paths[mark["sop_instance_uid"]])
    a, b = (np.asarray(point) for point in mark["points_mm"])
    assert value_of(mark, "length") == pytest.approx(float(np.linalg.norm(a - b)), abs=1e-6)
    # both ends lie on the tilted plane
    normal = np.cross(*np.reshape(np.asarray(ds.ImageOrientationPatient, float), (2, 3)))
    origin = np.asarray(ds.ImagePositionPatient, float)
    assert abs((a - origin) @ normal) < 1e-3
    assert abs((b - origin) @ normal) < 1e-3
    # and as many millimetres apart as the mouse went at the scale the image is drawn at
    rows = np.hypot(
        *np.subtract(pixel_under(ds, mark["points_mm"][0]), pixel_under(ds, mark["points_mm"][1]))
    ) * float(ds.PixelSpacing[0])
    assert rows == pytest.approx(float(np.linalg.norm(a - b)), rel=1e-4)
    drawn = cell_pixels(page).shape[0]  # the image's 512 rows fill the viewport's height
    scale = 512 * float(ds.PixelSpacing[0]) / drawn
    went = float(np.hypot(end[0] - start[0], end[1] - start[1])) * scale
    assert value_of(mark, "length") == pytest.approx(went, rel=0.02)


@pytest.mark.parametrize(("key", "kind"), [("r", "rectangle"), ("e", "ellipse")])
def test_region_statistics(tilted: Site, open_page: OpenPage, key: str, kind: str) -> None:
    page = open_page(tilted.page())
    loaded(page, TILTED_FRAMES)
    page.keyboard.press(key)
    drag(page, point_at(page, 0.45, 0.6), point_at(page, 0.49, 0.66))
    mark = only_mark(tilted)
    assert mark["kind"] == kind
    ds = pydicom.dcmread(tilted.paths[mark["sop_instance_uid"]])
    corners = np.array([pixel_under(ds, point) for point in mark["points_mm"]])
    rows, columns = np.mgrid[0 : ds.Rows, 0 : ds.Columns]
    if kind == "rectangle":
        low, high = corners.min(axis=0), corners.max(axis=0)
        inside = (rows >= low[0]) & (rows <= high[0]) & (columns >= low[1]) & (columns <= high[1])
        area = float(np.prod((high - low) * np.asarray(ds.PixelSpacing, float)))
    else:
        centre = corners.mean(axis=0)
        half = np.abs(corners - centre).max(axis=0)
        inside = ((rows - centre[0]) / half[0]) ** 2 + ((columns - centre[1]) / half[1]) ** 2 <= 1
        area = float(np.pi * np.prod(half * np.asarray(ds.PixelSpacing, float)))
    values = hounsfield(ds)[inside]
    assert value_of(mark, "mean") == pytest.approx(values.mean(), abs=0.35)
    assert value_of(mark, "standard_deviation") == pytest.approx(values.std(), abs=0.35)
    assert value_of(mark, "area") == pytest.approx(area, rel=1e-3)


def test_feet_first_is_the_right_way_up(chest: Site, open_page: OpenPage) -> None:
    """The drawn pixels are the file's pixels, right and left, up and down as they were."""
    page = open_page(chest.page())
    loaded(page, CHEST_FRAMES)
    page.keyboard.press("7")
    page.keyboard.press("b")  # without the strip the viewport keeps its proportions all the same
    expect(page.locator(".hv-strip")).to_be_hidden()
    until(page, lambda: page.evaluate(FILLED))
    expect(corner(page, "bl")).to_contain_text("W 1500 · L -600")
    expect(corner(page, "left")).to_have_text("R")
    expect(corner(page, "top")).to_have_text("A")
    page.keyboard.press("p")
    click(page, point_at(page, 0.5, 0.5))
    mark = only_mark(chest)
    ds = pydicom.dcmread(chest.paths[mark["sop_instance_uid"]])
    drawn = rested(page)[..., 0].astype(float)
    height, width = drawn.shape
    left = (width - height) // 2
    square = drawn[:, left : left + height]
    at = (np.arange(64) + 0.5) / 64
    shown = square[(at * height).astype(int)][:, (at * height).astype(int)]
    scanned = hounsfield(ds)[(at * ds.Rows).astype(int)][:, (at * ds.Columns).astype(int)]
    expected = np.clip((scanned + 1350) / 1500, 0, 1) * 255
    assert np.corrcoef(shown.ravel(), expected.ravel())[0, 1] > 0.97
    for turned in (expected[::-1], expected[:, ::-1]):
        assert np.corrcoef(shown.ravel(), turned.ravel())[0, 1] < 0.9


def test_slices_are_in_true_order(chest: Site, open_page: OpenPage) -> None:
    """Scrolling down goes steadily one way through the patient, whatever Instance Number says."""
    page = open_page(chest.page(language="en"))
    loaded(page, CHEST_FRAMES)
    page.keyboard.press("Home")
    seen = []
    for number in range(1, 6):
        expect(page.locator(".hv-tr").first).to_contain_text(f"Image {number}/24")
        line = next(one for one in overlay(page, "tr").splitlines() if "Location" in one)
        seen.append(float(line.split()[1]))
        page.keyboard.press("ArrowDown")
    steps = np.diff(seen)
    assert np.all(steps > 0) or np.all(steps < 0), seen
    assert np.allclose(np.abs(steps), 1.0, atol=0.11)


def test_planes_of_a_tilted_head_say_so(tilted: Site, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(tilted.page(language="en"))
    loaded(page, TILTED_FRAMES)
    page.keyboard.press("6")
    page.keyboard.press("m")
    page.wait_for_function(
        "() => document.querySelectorAll('.hv-honesty:not(:empty)').length === 3"
    )
    notice = "Resampled: tilt of 18.5° corrected, slices unevenly spaced (1.1–7.0 mm)"
    expect(page.locator(".hv-honesty").first).to_have_text(notice)
    planes_drawn(page)
    for cell in range(3):
        drawn = rested(page, cell)
        assert drawn.max() > 200, f"plane {cell} is black"
        assert 0.05 < (drawn > 60).mean() < 0.9
    assert [overlay(page, "tl", cell).split("\n")[0] for cell in range(3)] == [
        "Axial",
        "Coronal",
        "Sagittal",
    ]
    # a click moves the crosshairs: the other planes follow
    before = overlay(page, "tr", 1), overlay(page, "tr", 2)
    click(page, point_at(page, 0.4, 0.4, 0))
    until(page, lambda: (overlay(page, "tr", 1), overlay(page, "tr", 2)) != before)


def test_planes_of_an_even_stack_need_no_notice(chest: Site, open_page: OpenPage) -> None:
    page = open_page(chest.page(language="en"))
    loaded(page, CHEST_FRAMES)
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    expect(page.locator(".hv-tr").first).to_contain_text("Image 6/24")
    stood = overlay(page, "tr")
    page.keyboard.press("m")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.hv-tr')].filter(e =>"
        " e.textContent.includes('Slice')).length === 3"
    )
    planes_drawn(page)
    assert page.locator(".hv-honesty:not(:empty)").count() == 0
    # the axial plane opens where the reader stood, and counts and scrolls like the stack
    until(page, lambda: overlay(page, "tr").replace("Slice", "Image") == stood)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".hv-tr").first).to_contain_text("Slice 8/24")
    page.keyboard.press("Shift+Digit1")
    expect(page.locator(".hv-tr").first).to_contain_text("Image 8/24")
    page.keyboard.press("m")
    expect(page.locator(".hv-tr").first).to_contain_text("Slice 8/24")
    planes_drawn(page)


def test_layouts_and_back(tilted: Site, open_page: OpenPage) -> None:
    """Planes, four viewports, one viewport: the image is never left black, nothing is refetched."""
    page = open_page(tilted.page())
    loaded(page, TILTED_FRAMES)
    for keys, layout in (
        ("m", "mpr"),
        ("Shift+Digit4", "2x2"),
        ("m", "mpr"),
        ("Shift+Digit2", "1x2"),
        ("Shift+Digit1", "1x1"),
    ):
        page.keyboard.press(keys)
        expect(page.locator(".hv-grid")).to_have_attribute("data-layout", layout)
        until(page, lambda: cell_pixels(page).max() > 120)
        assert rested(page).max() > 120, keys
    expect(corner(page, "tr")).to_contain_text("Ảnh 15/28")
    assert len(tilted.frame_requests) == TILTED_FRAMES


def test_page_switch_keeps_image_and_cache(tilted: Site, open_page: OpenPage) -> None:
    """Leave the page and come back, as in Streamlit: drawn again, no frame fetched twice."""
    page = open_page(f"{tilted.url}/host")
    loaded(page, TILTED_FRAMES)
    for _ in range(3):
        page.evaluate("unmount()")
        breathe(page)
        page.evaluate("mount()")
        loaded(page, TILTED_FRAMES)
        page.keyboard.press("m")
        planes_drawn(page)
    assert len(tilted.frame_requests) == TILTED_FRAMES


def test_typing_in_the_report_leaves_the_viewer_alone(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(f"{tilted.url}/host")
    loaded(page, TILTED_FRAMES)
    page.keyboard.press("ArrowDown")
    expect(corner(page, "tr")).to_contain_text("Ảnh 16/28")
    page.evaluate("document.querySelector('#place').firstChild.shadowRoot.firstChild.id = 'same'")
    before = overlay(page, "tr"), overlay(page, "bl")
    page.locator("#report").click()
    for key in "123lmk":
        page.keyboard.press(key)
        page.evaluate("mount({ theme: 'dark', run: Math.random() })")  # what a rerun does
    breathe(page)
    assert (overlay(page, "tr"), overlay(page, "bl")) == before
    assert page.locator("#report").input_value() == "123lmk"
    assert page.evaluate(
        "document.querySelector('#place').firstChild.shadowRoot.firstChild.id === 'same'"
    )
    assert len(tilted.frame_requests) == TILTED_FRAMES


def test_language_changes_in_place(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(f"{tilted.url}/host")
    loaded(page, TILTED_FRAMES)
    page.evaluate("mount({ language: 'en' })")
    expect(corner(page, "tr")).to_contain_text("Image 15/28")
    assert len(tilted.frame_requests) == TILTED_FRAMES


def test_probe_on_a_reformatted_plane(tilted: Site, open_page: OpenPage) -> None:
    """The un-sheared volume holds, at a place in the patient, what the slices hold there."""
    page = open_page(tilted.page())
    loaded(page, TILTED_FRAMES)
    page.keyboard.press("m")
    expect(page.locator(".hv-honesty").first).not_to_be_empty()
    drawn(page, 2)
    page.keyboard.press("p")
    for number, (x, y) in enumerate([(0.5, 0.42), (0.4, 0.55), (0.6, 0.45)], start=1):
        click(page, point_at(page, x, y, 2))
        tilted.wait(lambda wanted=number: len(tilted.marks) == wanted)
    headers = sorted(
        (pydicom.dcmread(path) for path in tilted.paths.values()),
        key=lambda ds: float(ds.ImagePositionPatient[2]),
    )
    axes = np.reshape(np.asarray(headers[0].ImageOrientationPatient, float), (2, 3))
    normal = np.cross(*axes)
    along = np.array([np.asarray(ds.ImagePositionPatient, float) @ normal for ds in headers])
    for mark in tilted.marks.values():
        assert mark["origin"]["reformatted"]
        assert mark["origin"]["resampled"]
        place = float(np.asarray(mark["points_mm"][0]) @ normal)
        below = int(np.searchsorted(along, place)) - 1
        share = (place - along[below]) / (along[below + 1] - along[below])
        values = []
        for ds in headers[below : below + 2]:
            row, column = pixel_under(ds, mark["points_mm"][0])
            values.append(
                map_coordinates(hounsfield(ds).astype(float), [[row], [column]], order=1)[0]
            )
        expected = values[0] * (1 - share) + values[1] * share
        # voxels lie 2 mm apart between slices 7 mm apart, and hold whole HU
        assert value_of(mark, "value") == pytest.approx(expected, abs=6)


def test_a_gap_is_left_black(
    make_site: Callable[..., Site], test_data: Path, open_page: OpenPage
) -> None:
    """A slice is missing: the planes show where, instead of inventing tissue."""
    files = sorted((test_data / "ct_body" / "chest_lidc_ffs").glob("*.dcm"))
    ordered = sorted(
        files,
        key=lambda f: float(pydicom.dcmread(f, stop_before_pixels=True).ImagePositionPatient[2]),
    )
    site = make_site(*ordered[:10], *ordered[14:])
    page = open_page(site.page(language="en"))
    loaded(page, len(ordered) - 4)
    page.keyboard.press("7")
    page.keyboard.press("m")
    expect(page.locator(".hv-honesty").first).to_contain_text("gaps left black: 1")
    planes_drawn(page)
    rows = rested(page, 1).max(axis=(1, 2)) > 40
    inside = rows[rows.argmax() : len(rows) - rows[::-1].argmax()]
    assert (~inside).sum() > 3, "no black band across the coronal plane"


def test_cine_runs_and_stops(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(tilted.page())
    loaded(page, TILTED_FRAMES)
    before = overlay(page, "tr")
    page.keyboard.press(" ")
    until(page, lambda: overlay(page, "tr") != before)
    page.keyboard.press(" ")
    expect(page.locator("[data-command=cine]")).to_have_attribute("aria-pressed", "false")
    rested(page)  # an image that was on its way may still come
    stopped = overlay(page, "tr")
    page.wait_for_timeout(800)
    assert overlay(page, "tr") == stopped


def test_mouse_wheel_window_pan_and_zoom(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(tilted.page(language="en"))
    loaded(page, TILTED_FRAMES)
    page.mouse.move(*point_at(page, 0.5, 0.5))
    page.mouse.wheel(0, 120)
    expect(corner(page, "tr")).to_contain_text("Image 16/28")
    page.keyboard.press("1")
    expect(corner(page, "bl")).to_contain_text("W 80 · L 40")
    drag(page, point_at(page, 0.5, 0.5), point_at(page, 0.6, 0.5))
    until(page, lambda: float(overlay(page, "bl").split()[1]) > 85)
    assert overlay(page, "bl").splitlines()[0].endswith("L 40")
    page.keyboard.press("z")
    drag(page, point_at(page, 0.5, 0.4), point_at(page, 0.5, 0.6))
    until(page, lambda: overlay(page, "bl").splitlines()[1] != "100 %")
    page.keyboard.press("v")
    expect(page.locator(".hv-bl").first).to_contain_text("100 %")
    page.keyboard.press("i")
    expect(page.locator(".hv-badges").first).to_contain_text("INVERTED")
    pixels = rested(page)
    assert pixels[20, pixels.shape[1] // 2].min() > 200  # air above the head


def test_thumbnail_dragged_into_a_viewport(
    make_site: Callable[..., Site], test_data: Path, open_page: OpenPage
) -> None:
    files = [p for p in (test_data / "ct_head" / "philips_phantom_study").rglob("*") if p.is_file()]
    site = make_site(*files)
    page = open_page(site.page(language="en"))
    expect(page.locator(".hv-thumb")).to_have_count(3)
    drawn(page)
    expect(corner(page, "tl")).to_contain_text("(localizer)")
    assert page.locator("[data-command=layout-mpr]").get_attribute("title") is not None
    page.keyboard.press("Shift+Digit2")
    drawn(page, 1)
    page.locator(".hv-thumb").nth(2).drag_to(page.locator(".hv-cell").nth(0))
    expect(page.locator(".hv-tl").first).to_contain_text("Exam Summary")
    page.keyboard.press("]")
    expect(page.locator(".hv-tl").first).to_contain_text("localizer")
    page.keyboard.press("m")  # a scout has no planes, and the viewports say why
    expect(page.locator(".hv-sentence").first).to_contain_text("fewer than three slices")
    for picture in page.locator(".hv-thumb img").all():
        until(page, lambda picture=picture: picture.evaluate(HAS_COME))  # type: ignore[misc]
