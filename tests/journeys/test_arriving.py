"""A slide over a slow line, in browsers: read up to 10x while the rest is on its way."""

import base64
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
from tests.viewers.slidedriver import frame, opened, place_of, sharp, stage_pixels, until, view
from viewers import build

# Hundreds of blocks, each written to the disk and answered.
pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

# Of what takes a hundred blocks, or a conversion, on a machine that does other things too.
LONG = 400_000
SIZE = 12_288


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


class SlowLine:
    """A line on which blocks wait until they are let through, one after another."""

    def __init__(self, page: Page, blocks: int) -> None:
        self.left = blocks
        self.sent: list[int] = []
        self.waiting: list[Any] = []
        page.route("**/uploads/*/blocks/*", self._take)

    def let_through(self) -> None:
        """One block more."""
        self.left += 1
        if self.waiting:
            self._pass(self.waiting.pop(0))

    def _take(self, route: Any) -> None:
        if self.left:
            self._pass(route)
        else:
            self.waiting.append(route)

    def _pass(self, route: Any) -> None:
        self.left -= 1
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
    expect(item).to_contain_text("Tiêu bản đã mở xem được", timeout=LONG)
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
    expect(item).to_have_attribute("data-state", "done", timeout=LONG)
    expect(item).to_contain_text("Tiêu bản đã vào kho ảnh")
    technician.screenshot(path=str(tmp_path / "04-done.png"))
    assert sorted(line.sent) == list(range(blocks)), "no block is sent twice"
    expect(arrival).to_have_count(0, timeout=LONG)
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


def seen_cells(running: Product, case: str) -> int:
    """How many cells of the pathologist's ledger were seen."""
    items = running.clients["pathologist"].get(f"/api/v1/cases/{case}/coverage").json()["items"]
    return sum(
        base64.b64decode(one["seen"]).count(byte) * byte.bit_count()
        for one in items
        for byte in range(1, 256)
    )


def test_the_place_under_the_eye_becomes_sharp_before_the_rest_is_here(
    running: Product, sign_in: Callable[..., Page], tmp_path: Path
) -> None:
    svs = tmp_path / "slide20.svs"
    write_svs(svs, SIZE)
    # A scan at 20x: its next level is 5x, too little to count as seen at 10x.
    data = svs.read_bytes().replace(b"AppMag = 40|MPP = 0.25", b"AppMag = 20|MPP = 0.50")
    svs.write_bytes(data)
    blocks = -(-len(data) // block_bytes_for(len(data)))
    technician = sign_in("technician.a", "/slides")
    line = SlowLine(technician, blocks // 4)
    item = send(technician, svs)
    technician.get_by_label("Mã người bệnh").fill("BN 43")
    technician.get_by_label("Mã giải phẫu bệnh").fill("GPB-43")
    technician.get_by_role("button", name="Gửi 1 tệp").click()
    expect(item).to_contain_text("Bước tiếp theo", timeout=LONG)
    uploads = running.clients["technician.a"].get("/uploads/").json()["items"]
    (upload,) = [one for one in uploads if one["name"] == svs.name]
    # All that may come has come: what follows is asked for because it is looked at.
    until(technician, lambda: line.left == 0 and line.waiting, LONG / 1000)
    case = ask(running, upload["outcome"]["studies"][0])

    page = sign_in("pathologist", f"/reading?case={case['id']}")
    opened(page)
    arrival = page.locator(".hs-arrival")
    expect(arrival).to_contain_text("hiện xem nét đến 5×")
    page.mouse.move(500, 400)
    page.keyboard.press("5")
    sharp(page, scale=1.0)
    expect(arrival).to_contain_text("ảnh kéo giãn · chỗ này được gửi trước")
    page.screenshot(path=str(tmp_path / "08-asked-for.png"))
    before, stretched, sent = view(page), stage_pixels(page).astype(int), len(line.sent)
    assert seen_cells(running, case["id"]) == 0

    told: list[str] = []
    page.on("response", lambda answer: told.append(answer.url))

    def answered() -> int:
        return sum("/wish?" in url for url in told)

    def is_sharp() -> bool:
        return "ảnh kéo giãn" not in (arrival.text_content() or "")

    while not is_sharp():
        assert len(line.sent) < sent + 24, "the place is not asked for first"
        line.let_through()
        until(technician, lambda: line.waiting, LONG / 1000)
        # The viewer hears what has come when it asks next.
        told.clear()
        until(page, lambda: answered() or is_sharp(), LONG / 1000)
    sharp(page)
    page.screenshot(path=str(tmp_path / "09-sharp-in-place.png"))
    now = stage_pixels(page).astype(int)
    assert view(page) == before
    assert np.abs(np.diff(now, axis=1)).mean() > 1.2 * np.abs(np.diff(stretched, axis=1)).mean()
    assert np.abs(now - stretched).mean() < 30
    # The upload is far from its end, and the slide said to be so.
    expect(item).to_have_attribute("data-state", "receiving")
    assert len(line.sent) < blocks / 2
    words = r"Đang nhận tiêu bản: \d+ % · hiện xem nét đến 5× · riêng chỗ này đã nét$"
    expect(arrival).to_contain_text(re.compile(words))
    # What was sharp counts as seen, and no more.
    until(page, lambda: seen_cells(running, case["id"]), LONG / 1000)
    width, height = frame(page)[2:]
    assert seen_cells(running, case["id"]) <= (width / 400 + 1) * (height / 400 + 1)
    technician.screenshot(path=str(tmp_path / "10-still-sending.png"))


def test_the_next_step_is_a_link(
    running: Product, sign_in: Callable[..., Page], test_data: Path, tmp_path: Path
) -> None:
    page = sign_in("requester.a", "/slides")
    item = send(page, test_data / SVS)
    page.get_by_role("button", name="Gửi 1 tệp").click()
    expect(item).to_contain_text(
        "Tiêu bản đã vào kho ảnh. Bước tiếp theo: Gửi hội chẩn", timeout=LONG
    )
    page.screenshot(path=str(tmp_path / "06-next-step.png"))
    item.get_by_role("button", name="Gửi hội chẩn").click()
    expect(page).to_have_url(re.compile(r"/request"))
    page.screenshot(path=str(tmp_path / "07-request.png"))
