"""Layers and handles over the images: on the right pixels, under the reader's hand."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from tests.viewers import findings
from tests.viewers.driver import breathe, canvas_pixels, drag, drawn, place_of, until
from tests.viewers.resultsite import Kept, ResultSite

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module", params=[18.5, 0.0], ids=["tilted", "straight"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ResultSite]:
    files = findings.tilted_stack(tmp_path_factory.mktemp("files"), request.param)
    made = ResultSite(tmp_path_factory.mktemp("archive"), files, "/hoichan").start()
    yield made
    made.stop()


@pytest.fixture
def kept(site: ResultSite) -> Kept:
    (headers,) = site.studies.values()
    made = Kept(lambda edits: findings.squares(headers, edits))
    site.kept[:] = [made]
    site.layer_requests.clear()
    return made


def opened(site: ResultSite, open_page: OpenPage) -> Page:
    page = open_page(site.room_page("en"))
    drawn(page)
    expect(page.locator("canvas.hv-layers")).to_be_visible()
    until(page, lambda: pixels(page, "canvas.hv-layers")[..., 3].any())
    return page


def pixels(page: Page, selector: str) -> NDArray[np.uint8]:
    """(rows, columns, 4) of a canvas."""
    return canvas_pixels(page.locator(selector).first)


def edges(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Top, bottom, left, right of what is true."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([rows[0], rows[-1] + 1, columns[0], columns[-1] + 1], float)


def image_and_layer(page: Page) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Edges of the bright square and of the mask over it, and image pixels per canvas pixel.

    Both as they are once the page has come to rest: one is read after the other.
    """

    seen: list[NDArray[np.float64]] = []

    def is_still() -> bool:
        breathe(page)
        image = pixels(page, ".hv-grid canvas.cornerstone-canvas")[..., 0] > 127
        layer = pixels(page, "canvas.hv-layers")[..., 3] > 0
        if not image.any() or not layer.any():
            return False
        seen.append(np.array([edges(image), edges(layer)]))
        return len(seen) > 1 and np.array_equal(seen[-1], seen[-2])

    until(page, is_still)
    image, layer = seen[-1]
    (top, bottom), _ = findings.SQUARE
    return image, layer, (bottom - top) / (image[1] - image[0])


def test_a_mask_lies_on_its_pixels(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    image, layer, pixel = image_and_layer(page)
    assert np.abs(layer - image).max() * pixel <= 0.5
    # zoomed and moved, it stays there
    page.locator(".hv-cell").first.focus()
    for _ in range(3):
        page.keyboard.press("+")
    box = page.locator(".hv-cell").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 300)
    page.mouse.down(button="middle")
    page.mouse.move(box["x"] + 160, box["y"] + 330, steps=4)
    page.mouse.up(button="middle")
    zoomed, layer, smaller = image_and_layer(page)
    assert smaller < pixel / 1.5
    assert np.abs(layer - zoomed).max() * smaller <= 0.5


def test_scrolling_asks_for_nothing(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    page.locator(".hv-cell").first.focus()
    for key in ("Home", "ArrowDown", "ArrowDown", "End"):
        page.keyboard.press(key)
        image, layer, pixel = image_and_layer(page)
        assert np.abs(layer - image).max() * pixel <= 0.5
    assert site.layer_requests == ["square"]


def density(page: Page) -> float:
    """Alpha of what is filled, 0-255."""
    alpha = pixels(page, "canvas.hv-layers")[..., 3]
    return float(np.median(alpha[alpha > 0])) if alpha.any() else 0.0


def test_opacity_and_visibility(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    canvas = page.locator("canvas.hv-layers")
    assert density(page) == pytest.approx(0.35 * 255, abs=2)
    page.get_by_role("slider", name="Opacity: Square").fill("80")
    until(page, lambda: density(page) == pytest.approx(0.8 * 255, abs=2))
    page.locator("[data-focus='layer-square']").uncheck()
    expect(canvas).to_have_attribute("width", "0")


def knob_middle(page: Page) -> tuple[float, float]:
    box = place_of(page, page.locator(".hv-knob-ring"))
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_handle_is_dragged(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    (headers,) = site.studies.values()
    middle = findings.sorted_frames(headers)[2]
    x, y = knob_middle(page)
    _, _, pixel = image_and_layer(page)
    drag(page, (x, y), (x + 40, y + 25))
    site.wait(lambda: kept.puts)
    (moved,) = kept.puts[-1]["handles"]["middle"]
    (top, bottom), (left, right) = findings.SQUARE
    ratio = page.evaluate("devicePixelRatio")
    row = (top + bottom - 1) / 2 + 25 * pixel * ratio
    column = (left + right - 1) / 2 + 40 * pixel * ratio
    wanted = np.array(findings.at_pixel(middle, row, column))
    # half a pixel of 0.8 mm, on the slice's own plane
    assert np.linalg.norm(np.array(moved) - wanted) < 0.4
    # all numbers follow
    tile = page.locator("[data-value='x'] b").first
    expect(tile).to_contain_text(f"{moved[0]:.1f}")
    expect(page.locator(".rs-head .hc-badge")).to_contain_text("Edited")
    # and one step back is one step back
    page.locator("[data-focus='undo']").click()
    site.wait(lambda: kept.puts[-1].get("handles", {}) == {})


def test_a_handle_moves_by_keys(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    knob = page.locator(".hv-knob")
    expect(knob).to_have_attribute("aria-label", "Middle")
    knob.focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    site.wait(lambda: kept.puts)
    (moved,) = kept.puts[-1]["handles"]["middle"]
    (start,) = findings.squares(next(iter(site.studies.values())), {}).handles[0].points_mm
    assert moved[0] > start[0] + 1
    assert moved[1:] == pytest.approx(start[1:], abs=1e-3)
    # the arrow belonged to the handle, not to the stack
    assert page.locator(".hv-tr").first.inner_text().startswith("Image 3/5")


def test_a_handle_is_only_on_its_slice(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    expect(page.locator(".hv-knob-ring")).to_be_visible()
    page.locator(".hv-cell").first.focus()
    page.keyboard.press("End")
    expect(page.locator(".hv-knob-ring")).to_be_hidden()
    page.locator("[data-focus='goto-middle']").click()
    expect(page.locator(".hv-knob-ring")).to_be_visible()


def test_pick_again_takes_the_next_click(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    page.locator("[data-focus='pick-middle']").click()
    expect(page.locator(".rs-hint")).to_contain_text("Click in the image")
    x, y = knob_middle(page)
    page.mouse.click(x - 70, y - 40)
    site.wait(lambda: kept.puts)
    expect(page.locator(".hv-picking")).to_have_count(0)

    def is_there() -> bool:
        after = knob_middle(page)
        return bool(np.hypot(after[0] - x + 70, after[1] - y + 40) < 2)

    until(page, is_there)


def test_the_brush(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    page.locator("[data-focus='brush-square-false']").click()
    box = page.locator(".hv-cell").first.bounding_box()
    assert box is not None
    start = (box["x"] + 0.4 * box["width"], box["y"] + 0.8 * box["height"])
    drag(page, start, (start[0] + 60, start[1]))
    site.wait(lambda: kept.puts)
    (stroke,) = kept.puts[-1]["strokes"]
    assert stroke["layer"] == "square"
    assert stroke["slice"] == 2
    assert stroke["erase"] is False
    assert stroke["radius_mm"] == 4
    points = np.array(stroke["points_mm"])
    assert np.ptp(points[:, 0]) > 5
    # the stroke lies in the plane of the slice
    (headers,) = site.studies.values()
    middle = findings.sorted_frames(headers)[2]
    across, down = np.reshape(np.asarray(middle.ImageOrientationPatient, float), (2, 3))
    away = (points - np.asarray(middle.ImagePositionPatient, float)) @ np.cross(across, down)
    assert np.abs(away).max() < 1e-6
    # the answer brings another layer, fetched once
    site.wait(lambda: site.layer_requests == ["square", "square"])
    # no window was dragged
    assert "W 80 · L 40" in page.locator(".hv-bl").first.inner_text()
    page.locator(".hv-cell").first.focus()
    page.keyboard.press("Escape")
    expect(page.locator("[data-focus='brush-square-false']")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_layers_on_reformatted_planes(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    page.locator(".hv-cell").first.focus()
    page.keyboard.press("m")
    expect(page.locator("canvas.hv-layers")).to_have_count(3)
    drawn(page, cell=0)
    image, layer, pixel = image_and_layer(page)
    assert np.abs(layer - image).max() * pixel <= 1.0


def test_values_under_the_pointer(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    x, y = knob_middle(page)
    page.mouse.move(x + 30, y + 10)
    expect(page.locator(".hv-readout").first).to_have_text("Square")
