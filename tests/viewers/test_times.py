"""A series of several times, slices by wheel and times by slider; and a second window."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from plugins.results import Result
from tests.viewers import findings
from tests.viewers.driver import (
    breathe,
    cell_pixels,
    drag,
    drawn,
    overlay,
    place_of,
    point_at,
    rested,
    until,
)
from tests.viewers.resultsite import Kept, ResultSite

OpenPage = Callable[..., Page]
PLACES, TIMES = 4, 6


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResultSite]:
    files = findings.perfusion_stack(tmp_path_factory.mktemp("files"), PLACES, TIMES)
    made = ResultSite(tmp_path_factory.mktemp("archive"), files).start()
    yield made
    made.stop()


@pytest.fixture
def kept(site: ResultSite) -> Kept:
    """A mask on the first image of each place, as perfusion results have them."""
    (headers,) = site.studies.values()
    firsts = [ds for ds in headers if str(ds.AcquisitionTime)[4:6] in ("30", "32")]
    assert len(firsts) == PLACES

    def compute(edits: Any) -> Result:
        return findings.squares(firsts, edits)

    made = Kept(compute)
    site.kept[:] = [made]
    site.frame_requests.clear()
    return made


def shows(page: Page, place: int, seconds: str, time: int) -> None:
    corner = page.locator(".hv-grid .hv-cell").first.locator(".hv-tr")
    expect(corner).to_contain_text(f"Lát {place}/{PLACES}")
    expect(corner).to_contain_text(f"t = {seconds} s ({time}/{TIMES})")


def brightness(page: Page) -> int:
    breathe(page)
    return int(cell_pixels(page)[..., 0].max())


ASKED = """() => JSON.stringify(
  performance.getEntriesByType("resource")
    .filter((one) => one.name.includes("/frames/") && !one.name.includes("thumbnail"))
    .sort((one, other) => one.startTime - other.startTime)
    .map((one) => one.name)
)"""
FILL = """c => {
  if (!c.width) return 0;  // nothing is drawn
  const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
  const counts = new Array(256).fill(0);
  for (let i = 3; i < data.length; i += 4) if (data[i] > 0) counts[data[i]]++;
  return counts.indexOf(Math.max(...counts));
}"""


def alpha(page: Page) -> int:
    """How dense the layer is, 0-255: the commonest opacity, which is not its border's."""
    found: int = page.locator("canvas.hv-layers").first.evaluate(FILL)
    return found


def wheel(page: Page, by: int) -> None:
    page.mouse.move(*point_at(page, 0.5, 0.4))
    page.mouse.wheel(0, 100 * by)
    breathe(page)


def test_the_wheel_goes_through_slices_and_keys_through_time(
    site: ResultSite, open_page: OpenPage
) -> None:
    page = open_page(site.page())
    drawn(page)
    shows(page, 3, "2,0", 1)
    wheel(page, -1)
    shows(page, 2, "0,0", 1)
    dim = brightness(page)
    page.locator(".hv-cell").first.focus()
    for time, seconds in enumerate(("4,0", "8,0", "12,0"), start=2):
        page.keyboard.press("ArrowRight")
        shows(page, 2, seconds, time)
    until(page, lambda: brightness(page) > dim)
    # the table was elsewhere at 12 s: the nearest time there, and back again at the same time
    wheel(page, 1)
    shows(page, 3, "10,0", 3)
    wheel(page, -1)
    shows(page, 2, "12,0", 4)
    page.keyboard.press("End")
    shows(page, 4, "10,0", 3)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    shows(page, 3, "6,0", 2)


def test_slider_and_cine_stay_at_their_place(site: ResultSite, open_page: OpenPage) -> None:
    page = open_page(site.page())
    drawn(page)
    slider = page.get_by_role("slider", name="Thời điểm")
    slider.fill(str(TIMES - 1))
    shows(page, 3, "22,0", 6)
    expect(slider).to_have_attribute("aria-valuetext", "t = 22,0 s (6/6)")
    page.get_by_role("button", name="Chạy theo thời gian").click()
    expect(page.locator(".hv-times output")).not_to_contain_text("(6/6)")
    seen = {overlay(page, "tr").splitlines()[0] for _ in range(5) if not page.wait_for_timeout(120)}
    assert seen == {f"Lát 3/{PLACES}"}
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Chạy theo thời gian")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_an_impatient_reader_keeps_the_window(site: ResultSite, open_page: OpenPage) -> None:
    """Images asked for before the first one has come bring no window of their own."""
    site.faults.frames_held = True
    try:
        page = open_page(site.page())
        expect(page.locator(".hv-tr").first).to_contain_text("t = ")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        breathe(page)
    finally:
        site.faults.frames_held = False
    shows(page, 3, "10,0", 3)
    drawn(page)
    expect(page.locator(".hv-progress").first).to_be_hidden()
    rested(page)
    expect(page.locator(".hv-bl").first).to_contain_text("W 400 · L 150")


def test_the_times_of_the_place_come_first(site: ResultSite, open_page: OpenPage) -> None:
    site.frame_requests.clear()
    page = open_page(site.page())
    drawn(page)
    expect(page.locator(".hv-progress").first).to_be_hidden()
    assert len(site.frame_requests) == PLACES * TIMES
    # as the page asked: on their way over several connections they may overtake each other
    asked_for = json.loads(page.evaluate(ASKED))
    (headers,) = site.studies.values()
    places = {str(ds.SOPInstanceUID): float(ds.ImagePositionPatient[2]) for ds in headers}
    asked = [
        places[re.search(r"/instances/([\d.]+)/", path)[1]]  # type: ignore[index]
        for path in asked_for
    ]
    assert asked[:TIMES] == [10.0] * TIMES
    # then each slice at this time, before the rest
    assert set(asked[TIMES : TIMES + PLACES - 1]) == {0.0, 5.0, 15.0}


def test_a_layer_lies_on_every_time_of_its_place(
    site: ResultSite, kept: Kept, open_page: OpenPage
) -> None:
    page = open_page(site.room_page("vi"))
    drawn(page)
    expect(page.locator("canvas.hv-layers")).to_be_visible()
    page.locator(".hv-cell").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    shows(page, 3, "10,0", 3)
    expect(page.locator("canvas.hv-layers")).to_be_visible()
    until(page, lambda: alpha(page) > 0)
    # going to a finding keeps the time the reader is at
    wheel(page, 1)
    shows(page, 4, "10,0", 3)
    page.locator("[data-focus='goto-middle']").click()
    shows(page, 3, "10,0", 3)


@pytest.fixture
def screens(chromium: Browser, site: ResultSite, kept: Kept) -> Iterator[tuple[Page, Page]]:
    """The reading room and the viewer in a window of its own, of one browser."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    room, screen = context.new_page(), context.new_page()
    for page in (room, screen):
        page.set_default_timeout(90_000)
    room.goto(site.room_page("vi"))
    drawn(room)
    screen.goto(site.page())
    drawn(screen)
    yield room, screen
    context.close()


def test_the_second_screen_shows_what_the_first_does(
    site: ResultSite, kept: Kept, screens: tuple[Page, Page]
) -> None:
    room, screen = screens
    expect(screen.locator("canvas.hv-layers")).to_be_visible()
    until(screen, lambda: alpha(screen) > 0)
    dense = alpha(screen)
    room.get_by_role("slider", name="Độ đậm: Hình vuông").fill("5")
    until(screen, lambda: 0 < alpha(screen) < dense / 2)
    room.locator("[data-focus='layer-square']").uncheck()
    expect(screen.locator("canvas.hv-layers")).to_have_attribute("width", "0")
    room.locator("[data-focus='layer-square']").check()
    until(screen, lambda: alpha(screen) > 0)
    # a point dragged there is corrected in the panel here, once
    expect(screen.locator(".hv-knob-ring")).to_have_count(1)
    box = place_of(screen, screen.locator(".hv-knob-ring"))
    start = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    drag(screen, start, (start[0] + 40, start[1]))
    site.wait(lambda: kept.puts)
    assert len(kept.puts) == 1
    assert kept.puts[0]["handles"]["middle"][0][0] > 0
    expect(room.locator(".rs-head .hc-badge")).to_contain_text("Đã sửa")
    # the brush of the panel paints there too
    room.get_by_role("button", name="Tô thêm").click()
    expect(screen.locator(".hv-cell.hv-brushing")).to_have_count(1)
    drag(screen, point_at(screen, 0.3, 0.3), point_at(screen, 0.35, 0.3))
    site.wait(lambda: kept.puts[-1].get("strokes"))
    assert len(kept.puts[-1]["strokes"]) == 1


@pytest.mark.parametrize("is_silent", [False, True], ids=["with a word", "without a word"])
def test_nobody_answers_for_the_layers_of_a_closed_room(
    kept: Kept, screens: tuple[Page, Page], is_silent: bool
) -> None:
    room, screen = screens
    until(screen, lambda: alpha(screen) > 0)
    if is_silent:  # as when its window crashes
        room.evaluate("addEventListener('pagehide', e => e.stopImmediatePropagation(), true)")
    # a room that is there answers when it is asked, and keeps its layers
    screen.wait_for_timeout(12_000)
    assert alpha(screen) > 0
    room.goto("about:blank")
    expect(screen.locator("canvas.hv-layers")).to_have_attribute("width", "0")


# Nothing else runs in the page until the server answers.
STAND_STILL = """setTimeout(() => {
  const request = new XMLHttpRequest();
  request.open("GET", "/frames/none", false);
  request.send();
})"""


def test_a_room_that_was_only_busy_shows_its_layers_again(
    site: ResultSite, kept: Kept, screens: tuple[Page, Page]
) -> None:
    room, screen = screens
    until(screen, lambda: alpha(screen) > 0)
    site.faults.frames_held = True
    try:
        room.evaluate(STAND_STILL)
        expect(screen.locator("canvas.hv-layers")).to_have_attribute("width", "0")
    finally:
        site.faults.frames_held = False
    until(screen, lambda: alpha(screen) > 0)
