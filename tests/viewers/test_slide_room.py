"""Slides in the hands of a reader: tray, walk, lock, ledger, key images, trouble, languages."""

import base64
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.dicom_node.slides.glass import Glass
from tests.viewers.site import CASE
from tests.viewers.slidedriver import map_pixels, opened, sharp, until, view
from tests.viewers.slidesite import SlideSite

pytestmark = pytest.mark.usefixtures("bundle")

Open = Callable[..., Page]


def spotted(_path: int, _plane: int, row: int, column: int) -> np.ndarray:
    """Tissue on the diagonal, glass elsewhere."""
    colour = (180, 90, 160) if row == column else (245, 245, 245)
    return np.tile(np.array(colour, np.uint8), (256, 256, 1))


@pytest.fixture(scope="module")
def pair(make_slides: Callable[..., SlideSite]) -> SlideSite:
    """Two slides of one study, 2048 pixels of 0.5 µm, each with a small level."""
    datasets = []
    study = Glass().shared["StudyInstanceUID"]
    for name in ("A1", "A2"):
        glass = Glass(StudyInstanceUID=study)
        for size, spacing in ((2048, 0.0005), (512, 0.002)):
            level = glass.level(size, size, (256, 256), spacing=spacing, pixels=spotted)
            level.ContainerIdentifier = name
            datasets.append(level)
    label = Glass(StudyInstanceUID=study, SeriesInstanceUID=datasets[0].SeriesInstanceUID)
    datasets.append(label.level(64, 48, (64, 48), role="LABEL"))
    return make_slides(*datasets)


@pytest.fixture(autouse=True)
def fresh(pair: SlideSite) -> None:
    pair.ledgers.clear()
    pair.draft.clear()
    pair.shows_labels, pair.slides_away = True, False
    pair.slide_requests.clear()


def test_the_tray_says_what_is_unread_and_opens_the_next(pair: SlideSite, open_page: Open) -> None:
    page = opened(open_page(pair.page()))
    slides = page.locator(".hs-slide")
    expect(slides).to_have_count(2)
    shown = page.locator(".hs-slide.hs-shown")
    first = shown.get_attribute("data-slide")
    expect(page.locator(".hs-slide.hs-fresh")).to_have_count(1)
    page.keyboard.press("]")
    expect(page.locator(".hs-slide.hs-fresh")).to_have_count(0)
    expect(shown).not_to_have_attribute("data-slide", first or "")
    sharp(page)
    page.reload()
    opened(page)
    expect(page.locator(".hs-slide.hs-fresh")).to_have_count(0)


def test_the_next_slide_is_fetched_ahead(pair: SlideSite, open_page: Open) -> None:
    page = opened(open_page(pair.page()))
    ahead(pair)
    expect(page.locator(".hs-pane")).to_have_count(1)


def ahead(site: SlideSite) -> None:
    """Wait until the small pictures of both slides have been asked for."""
    slides = {site.slide(one.SeriesInstanceUID) for one in site.datasets}

    def have_come() -> bool:
        asked = [path for path in site.slide_requests if "thumbnail?size=1024" in path]
        return {path.split("/v1/")[1].split("/")[0] for path in asked} == slides

    site.wait(have_come)


def test_labels_are_for_those_who_may_see_them(pair: SlideSite, open_page: Open) -> None:
    page = opened(open_page(pair.page()))
    page.get_by_title("Xem nhãn tiêu bản").first.click()
    expect(page.locator(".hs-glass img").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".hs-glass")).to_have_count(0)
    pair.shows_labels = False
    page.reload()
    opened(page)
    expect(page.get_by_title("Xem nhãn tiêu bản", exact=True)).to_have_count(0)
    page.get_by_title("Bạn không có quyền xem nhãn tiêu bản.").first.click()
    expect(page.locator(".hs-toast")).to_contain_text("không có quyền")
    expect(page.locator(".hs-glass")).to_have_count(0)


def test_a_slide_without_a_label_says_so(pair: SlideSite, open_page: Open) -> None:
    page = opened(open_page(pair.page()))
    button = page.get_by_title("không có ảnh nhãn")
    # asked and measured in one go: the word stays for a few seconds only
    pane, said = button.evaluate(
        "button => { button.click(); const root = button.getRootNode();"
        " return ['.hs-pane', '.hs-toast'].map(one =>"
        " root.querySelector(one).getBoundingClientRect().toJSON()); }"
    )
    expect(page.locator(".hs-toast")).to_contain_text("không có ảnh nhãn")
    # a word at the edge: the tissue in the middle stays to be seen
    assert said["width"] > 0
    assert said["y"] > pane["y"] + 0.75 * pane["height"]
    assert said["x"] < pane["x"] + 0.1 * pane["width"]


def test_two_slides_move_as_one_as_they_were_laid(pair: SlideSite, open_page: Open) -> None:
    page = opened(open_page(pair.page()))
    page.keyboard.press("Shift+Digit2")
    page.locator(".hs-pane").nth(1).wait_for()
    sharp(page, 1)
    # the second lies turned, and a little aside
    page.keyboard.press("r")
    page.keyboard.press("3")
    sharp(page, 1, scale=0.25)
    page.keyboard.press("/")
    page.keyboard.press("3")
    sharp(page, 0, scale=0.25)
    page.keyboard.press("Shift+L")
    first, second = view(page, 0), view(page, 1)
    page.keyboard.press("4")
    page.keyboard.press("d")
    sharp(page, 0, scale=0.5)
    sharp(page, 1, scale=0.5)
    now, other = view(page, 0), view(page, 1)
    assert other.degrees - now.degrees == pytest.approx(second.degrees - first.degrees)
    # what goes right in the first goes right on the screen in the second: up on its slide
    assert now.x - first.x > 50
    assert other.y - second.y == pytest.approx(-(now.x - first.x), abs=2)
    assert other.x == pytest.approx(second.x, abs=2)
    page.keyboard.press("Shift+L")
    page.keyboard.press("a")
    sharp(page, 0)
    assert view(page, 0).x < now.x - 50
    sharp(page, 1)
    assert view(page, 1) == other


def test_a_magnification_asked_for_while_a_panel_opens_is_kept(
    pair: SlideSite, open_page: Open
) -> None:
    """The page is narrower already, and the slide is drawn anew only a frame later."""
    page = opened(open_page(pair.page()))
    page.locator(".hs-stage").evaluate(
        "async stage => {"
        " const press = key => document.body.dispatchEvent("
        " new KeyboardEvent('keydown', { key, bubbles: true }));"
        " const width = stage.clientWidth; press('n');"
        " while (stage.clientWidth === width) await new Promise(done => setTimeout(done, 0));"
        " press('5'); }"
    )
    expect(page.locator(".hs-panel")).to_be_visible()
    sharp(page)
    assert view(page).scale == pytest.approx(1)


def test_a_walk_shows_every_field_with_tissue(pair: SlideSite, open_page: Open) -> None:
    page = opened(open_page(pair.page(), width=700, height=520))
    page.keyboard.press("5")
    sharp(page, scale=1)
    # tissue is told from glass by the small picture
    until(page, lambda: map_pixels(page)[0, -1].min() > 200)
    page.locator(".hs-stages").hover()
    page.keyboard.press("Space")
    progress = page.locator(".hs-progress")
    expect(progress).to_contain_text("Vi trường 1/")
    total = int(progress.locator("b").inner_text().split("/")[1])
    box = page.locator(".hs-pane").bounding_box()
    assert box is not None
    seen = np.zeros((2048, 2048), bool)
    for step in range(total):
        sharp(page)
        here = view(page)
        left, top = here.x - box["width"] / 2, here.y - box["height"] / 2
        rows = slice(max(0, int(top)), int(top + box["height"]) + 1)
        seen[rows, max(0, int(left)) : int(left + box["width"]) + 1] = True
        if step < total - 1:
            page.keyboard.press("Space")
            expect(progress).to_contain_text(f"Vi trường {step + 2}/")
    tissue = np.kron(np.eye(8, dtype=bool), np.ones((256, 256), bool))
    assert (seen | ~tissue).mean() > 0.995
    assert total < 25, "glass is passed over"
    page.keyboard.press("Space")
    expect(page.locator(".hs-toast")).to_contain_text("hết các vi trường")
    page.keyboard.press("Escape")
    expect(progress).to_be_hidden()


def test_what_was_seen_at_ten_times_is_kept_with_the_case(pair: SlideSite, open_page: Open) -> None:
    page = opened(open_page(pair.page()))
    series = next(
        one.SeriesInstanceUID
        for one in pair.datasets
        if pair.slide(one.SeriesInstanceUID) == page.locator(".hs-pane").get_attribute("data-slide")
    )
    page.keyboard.press("3")
    sharp(page)
    page.wait_for_timeout(1500)
    assert series not in pair.ledgers
    page.keyboard.press("4")
    pair.wait(lambda: series in pair.ledgers)
    ledger = pair.ledgers[series]
    # 1024 µm in cells of 200 µm
    assert (ledger["cell_um"], ledger["columns"], ledger["rows"]) == (200, 6, 6)
    bits = np.unpackbits(
        np.frombuffer(base64.b64decode(ledger["seen"]), np.uint8), bitorder="little"
    )[:36].reshape(6, 6)
    assert bits[2, 2]
    assert not bits[0].any(), "above the window"
    page.reload()
    opened(page)
    page.keyboard.press("5")
    page.keyboard.press("s")
    pair.wait(lambda: pair.ledgers[series]["seen"] != ledger["seen"])
    again = np.unpackbits(
        np.frombuffer(base64.b64decode(pair.ledgers[series]["seen"]), np.uint8),
        bitorder="little",
    )[:36].reshape(6, 6)
    assert (again >= bits).all(), "what was seen before stays seen"
    assert again.sum() > bits.sum()


def test_a_key_image_is_the_field_on_the_screen(pair: SlideSite, open_page: Open) -> None:
    page = opened(open_page(pair.page()))
    page.keyboard.press("5")
    sharp(page, scale=1)
    here, box = view(page), page.locator(".hs-pane").bounding_box()
    assert box is not None
    page.keyboard.press("k")
    expect(page.locator(".hs-toast")).to_contain_text("Đã thêm ảnh then chốt")
    (image,) = pair.draft["content"]["key_images"]
    region = image["region"]
    assert region["slide"] == page.locator(".hs-pane").get_attribute("data-slide")
    assert region["x"] == pytest.approx(here.x - box["width"] / 2, abs=1)
    assert region["width"] == pytest.approx(box["width"], abs=2)
    assert region["height"] == pytest.approx(box["height"], abs=2)
    assert "20×" in image["caption"]
    page.keyboard.press("k")
    expect(page.locator(".hs-toast")).to_contain_text("đã là ảnh then chốt")
    # and back to it from afar
    page.keyboard.press("0")
    sharp(page)
    assert view(page).scale < 0.5
    detail = {"case_id": CASE, **image}
    page.evaluate(
        "d => window.dispatchEvent(new CustomEvent('hoichan:show', { detail: d }))", detail
    )
    sharp(page, scale=1)
    assert view(page).x == pytest.approx(here.x, abs=1)


def test_keys_typed_into_the_report_stay_there(pair: SlideSite, open_page: Open) -> None:
    page = open_page(f"{pair.url}/host?case={CASE}&language=vi")
    opened(page)
    ahead(pair)
    before = view(page)
    page.locator("#report").fill("")
    page.locator("#report").press_sequentially("WASD 567 rf?")
    page.wait_for_timeout(600)
    assert page.locator("#report").input_value() == "WASD 567 rf?"
    assert view(page) == before
    page.locator(".hs-stages").click(position={"x": 300, "y": 300})
    page.keyboard.press("5")
    sharp(page, scale=1)
    # a rerun of the host's page changes nothing: the same pane stays, and nothing is asked again
    page.locator(".hs-pane").evaluate("pane => (pane.isOld = true)")
    before_rerun = set(pair.slide_requests)
    requests = len(pair.slide_requests)
    page.evaluate("window.mount({ language: 'en' })")
    expect(page.get_by_title("Slide tray (B)")).to_be_visible()
    page.wait_for_timeout(400)
    assert page.locator(".hs-pane").evaluate("pane => pane.isOld")
    assert view(page).scale == pytest.approx(1)
    since = [one for one in pair.slide_requests[requests:] if "thumbnail?size=256" not in one]
    assert not before_rerun.intersection(since)
    assert not [one for one in since if "/studies/" in one]
    page.evaluate("window.unmount()")
    expect(page.locator(".hs-pane")).to_have_count(0)


def test_a_server_that_is_away_is_said_and_asked_again(pair: SlideSite, open_page: Open) -> None:
    page = opened(open_page(pair.page()))
    pair.slides_away = True
    page.keyboard.press("6")
    notice = page.locator(".hs-notice")
    expect(notice).to_contain_text("Mất kết nối")
    pair.slides_away = False
    # an event, not a click: it may just have asked again by itself, and closed
    notice.get_by_role("button").dispatch_event("click")
    sharp(page, scale=2)
    expect(notice).to_be_hidden()


def test_a_tray_that_does_not_come_can_be_asked_for_again(pair: SlideSite, open_page: Open) -> None:
    pair.slides_away = True
    page = open_page(pair.page(language="en"))
    expect(page.get_by_role("alert")).to_contain_text("The slide tray could not be loaded")
    pair.slides_away = False
    page.get_by_role("button", name="Try again").click()
    opened(page)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_help_lists_the_keys(pair: SlideSite, open_page: Open, language: str) -> None:
    page = opened(open_page(pair.page(language=language)))
    page.keyboard.press("?")
    words = page.locator(".hs-help").inner_text()
    wanted = ("Phím tắt", "1,25×") if language == "vi" else ("Keyboard help", "1.25×")
    assert all(word in words for word in wanted)
    page.keyboard.press("Escape")
    expect(page.locator(".hs-help")).to_have_count(0)
