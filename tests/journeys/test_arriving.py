"""A slide over a slow line, in browsers: read up to 10x while the rest is on its way."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from benchmarks.slides.scene import write_svs
from dicom_node.conversion.blocks import block_bytes_for
from tests.journeys.test_slides import DESK, ask, send
from tests.journeys.test_uploads import SVS
from tests.product import Product, product
from tests.viewers.slidedriver import frame, opened, place_of, sharp, stage_pixels, view
from viewers import build

pytestmark = pytest.mark.journey

SECONDS = 90_000
SIZE = 12_288
expect.set_options(timeout=SECONDS)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    build.build()
    with product(tmp_path_factory.mktemp("product")) as served:
        yield served


class Line:
    """A line that is cut when so many blocks went through, until it is mended."""

    def __init__(self, page: Page, blocks: int) -> None:
        self.left = blocks
        self.sent: list[int] = []
        self.mended = threading.Event()
        page.route("**/uploads/*/blocks/*", self._pass)

    def _pass(self, route: Any) -> None:
        if not self.mended.is_set() and not self.left:
            route.abort()
            return
        self.left -= not self.mended.is_set()
        self.sent.append(int(route.request.url.rpartition("/")[2]))
        route.continue_()


def gaps(page: Page) -> float:
    """The share of the pane where nothing is drawn, of the middle half of it."""
    seen = stage_pixels(page)
    rows, columns = seen.shape[:2]
    middle = seen[rows // 4 : -rows // 4, columns // 4 : -columns // 4].astype(int)
    return float((np.abs(middle - DESK).max(axis=2) < 8).mean())


def test_a_slide_is_read_while_it_arrives(
    running: Product, sign_in: Callable[..., Page], tmp_path: Path
) -> None:
    svs = tmp_path / "slide.svs"
    write_svs(svs, SIZE)
    size = svs.stat().st_size
    blocks = -(-size // block_bytes_for(size))
    technician = sign_in("technician.a", "/slides")
    # The line breaks with a third of the file through: more than enough to begin.
    line = Line(technician, blocks // 3)
    item = send(technician, svs)
    technician.get_by_role("button", name="Gửi 1 tệp").click()
    expect(item).to_contain_text("đã xem được đến 10×")
    expect(item).to_contain_text("Bước tiếp theo")
    expect(item).to_have_attribute("data-state", "receiving")
    technician.screenshot(path=str(tmp_path / "01-arriving.png"))
    assert len(line.sent) <= blocks // 3

    (study,) = running.clients["technician.a"].get("/api/v1/studies").json()["items"]
    case = ask(running, study["study_instance_uid"])
    page = sign_in("pathologist", f"/reading?case={case['id']}")
    opened(page)
    arrival = page.locator(".hs-arrival")
    expect(arrival).to_contain_text(re.compile(r"Đang nhận tiêu bản: \d+ %"))
    expect(arrival).to_contain_text("hiện xem nét đến 10×")
    page.screenshot(path=str(tmp_path / "02-reading.png"))
    page.mouse.move(500, 400)
    page.keyboard.press("6")
    sharp(page)
    expect(arrival).to_contain_text("ảnh kéo giãn")
    assert gaps(page) < 0.002
    # Stretched, and neither hatched nor glass: neighbours are alike, and it is not all one.
    seen = stage_pixels(page).astype(int)
    page.screenshot(path=str(tmp_path / "03-stretched.png"))
    left, top, width, height = frame(page)
    page.locator(".hs-class").select_option(index=1)
    page.keyboard.press("o")
    for x, y in ((0.4, 0.4), (0.6, 0.42), (0.5, 0.6)):
        page.mouse.click(round(left + x * width), round(top + y * height))
        page.wait_for_timeout(250)
    page.keyboard.press("Enter")
    page.keyboard.press("v")
    expect(page.locator(".rp-mark")).to_have_count(1)
    area = page.locator(".rp-mark").text_content()
    before = view(page)
    corner = place_of(page, (SIZE / 2, SIZE / 2))

    line.mended.set()
    expect(item).to_have_attribute("data-state", "done")
    expect(item).to_contain_text("Tiêu bản đã vào kho ảnh")
    technician.screenshot(path=str(tmp_path / "04-done.png"))
    assert sorted(line.sent) == list(range(blocks)), "no block is sent twice"
    expect(arrival).to_have_count(0)
    sharp(page)
    assert view(page) == before, "the reader keeps the place"
    assert place_of(page, (SIZE / 2, SIZE / 2)) == corner
    page.screenshot(path=str(tmp_path / "05-whole.png"))
    now = stage_pixels(page).astype(int)
    # The same tissue, with the detail that was not there.
    assert np.abs(now - seen).mean() < 30
    assert np.abs(np.diff(now, axis=1)).mean() > 1.2 * np.abs(np.diff(seen, axis=1)).mean()
    expect(page.locator(".rp-mark")).to_have_count(1)
    assert page.locator(".rp-mark").text_content() == area


def test_the_next_step_is_a_link(
    running: Product, sign_in: Callable[..., Page], test_data: Path, tmp_path: Path
) -> None:
    page = sign_in("requester.a", "/slides")
    item = send(page, test_data / SVS)
    page.get_by_role("button", name="Gửi 1 tệp").click()
    expect(item).to_contain_text("Tiêu bản đã vào kho ảnh. Bước tiếp theo: Gửi hội chẩn")
    page.screenshot(path=str(tmp_path / "06-next-step.png"))
    item.get_by_role("button", name="Gửi hội chẩn").click()
    expect(page).to_have_url(re.compile(r"/request"))
    page.screenshot(path=str(tmp_path / "07-request.png"))
