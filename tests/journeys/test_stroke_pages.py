"""A stroke at three in the morning, in a real browser: score, see, correct, confirm, report, sign.

The scan is the demo's phantom; the asking hospital's PACS is Orthanc.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.test_consult import ask, draft_case, landed, push, until
from tests.journeys.test_stroke import (
    COMPREHENSIVE_3D_SR,
    PARAMETRIC_MAP,
    SEGMENTATION,
    STROKE,
    results,
    settled,
)
from tests.peers import Orthanc, orthanc
from tests.product import PASSWORD, Product, product
from tests.viewers.driver import drag, drawn, place_of, point_at
from viewers import build
from workstation.demo.studies import write_phantom

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

ANALYSES = ("stroke_ncct", "stroke_aspects", "stroke_ctp")


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc"), ae_title="PACS_A") as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, pacs: Orthanc) -> Iterator[Product]:
    build.build()
    with product(tmp_path_factory.mktemp("product"), {"DEMO_A": pacs.peer}) as served:
        yield served


@pytest.fixture(scope="module")
def case(running: Product, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The case in the queue, computed."""
    folder = tmp_path_factory.mktemp("files")
    files = write_phantom(STROKE, folder, datetime.now(UTC))
    push(running, folder, "DEMO_A")
    draft_case(running, len(files))
    case_id: str = ask(running, str(STROKE.study_instance_uid))["id"]
    for analysis in ANALYSES:
        settled(running, case_id, analysis, "computed")
    return case_id


@pytest.fixture
def page(sign_in: Callable[..., Page], case: str) -> Page:
    return sign_in("radiologist", f"/reading?case={case}")


def turn_to(page: Page, title: str) -> Locator:
    """Open a result; its card."""
    page.locator(".rs-nav button", has_text=title).click()
    expect(page.locator(".rs-head h2")).to_contain_text(title)
    return page.locator(".rs-card")


def number(page: Page, key: str) -> str:
    """A value as it is written, once nothing is being computed."""
    expect(page.locator(".rs-progress")).to_have_count(0)
    return page.locator(f"[data-value='{key}'] b").first.inner_text()


def lock(page: Page) -> None:
    button = page.locator("[data-focus='lock']")
    # at one moment of the page's clock: five seconds part the two presses, however slow we are
    page.clock.set_fixed_time(page.evaluate("Date.now()") / 1000 + 1)
    button.click()
    expect(button).to_have_text("Nhấn lần nữa để khóa")
    button.click()


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Xác nhận kết quả…").click()
    dialog = page.get_by_role("dialog")
    red = dialog.get_by_role("checkbox")
    if red.count():
        red.check()
    dialog.get_by_role("button", name="Tôi xác nhận").click()
    expect(page.locator(".rs-head .hc-badge")).to_contain_text("Đã xác nhận")


def open_results(page: Page) -> None:
    page.get_by_role("button", name=re.compile("Kết quả cần xem")).click()
    expect(page.locator(".rs-card")).to_be_visible()


def reveal(page: Page) -> None:
    button = page.locator("[data-focus='reveal']")
    if button.count():
        button.click()


def test_a_stroke_at_three_in_the_morning(
    running: Product, pacs: Orthanc, case: str, page: Page, tmp_path: Path
) -> None:
    def shot(name: str) -> None:
        page.wait_for_timeout(400)
        page.screenshot(path=tmp_path / f"{name}.png")

    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    drawn(page)
    open_results(page)

    # The plain scan: blood and midline at once, the dark regions only after one's own score.
    turn_to(page, "CLVT sọ não không tiêm")
    reveal(page)
    expect(page.locator(".rs-withheld")).to_contain_text("trước khi tự chấm ASPECTS")
    expect(page.locator("[data-layer='haemorrhage']")).to_have_count(1)
    expect(page.locator("[data-layer='hypodensity'], [data-layer='difference']")).to_have_count(0)
    shot("1-withheld")
    page.locator("[data-focus='score-stroke_aspects']").click()
    expect(page.locator(".rs-aspects")).to_be_visible()
    reveal(page)
    shot("2-aspects-first")
    page.locator("[data-focus='left-M2']").click()
    lock(page)
    expect(page.locator(".rs-aid").first).to_be_visible()
    shot("3-aspects-aid")
    page.locator("[data-focus='left-I']").click()
    lock(page)
    expect(page.locator("[aria-current='step']")).to_have_attribute("data-read", "final")
    lock(page)
    expect(page.locator(".rs-stepper .rs-done")).to_have_count(3)
    expect(page.get_by_role("button", name="Xác nhận kết quả…")).to_be_enabled()
    confirm(page)

    # A midline point is dragged, and the shift follows.
    turn_to(page, "CLVT sọ não không tiêm")
    expect(page.locator(".rs-withheld")).to_have_count(0)
    expect(page.locator("[data-layer='hypodensity']")).to_have_count(1)
    page.locator("[data-focus='layer-hypodensity']").check()
    page.locator("[data-focus='goto-hypodensity']").click()
    shot("4-ncct")
    page.locator("[data-focus='goto-septum']").click()
    before = number(page, "shift")
    box = place_of(page, page.locator("[data-handle='septum'] .hv-knob-ring").first)
    start = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    drag(page, start, (start[0] + 40, start[1]))
    expect(page.locator("[data-value='shift'] b").first).not_to_have_text(before)
    shot("5-shift")

    # The dark region is brushed larger.
    volume = number(page, "hypodensity_1_volume")
    page.locator("[data-focus='goto-hypodensity']").click()
    page.locator("[data-focus='brush-hypodensity-false']").click()
    drag(page, point_at(page, 0.62, 0.4), point_at(page, 0.66, 0.5))
    page.keyboard.press("Escape")
    expect(page.locator(".hv-brushing")).to_have_count(0)
    until(lambda: results(running, case)["stroke_ncct"]["edits"].get("strokes"))
    settled(running, case, "stroke_ncct", "edited")
    expect(page.locator(".rs-progress")).to_have_count(0)
    after = results(running, case)["stroke_ncct"]["content"]["values"]
    assert any(one["key"].startswith("hypodensity_") for one in after)
    shot(f"6-brushed-from-{volume.split()[0]}")
    confirm(page)

    # Perfusion: times under the slider, the threshold moved.
    turn_to(page, "tưới máu")
    reveal(page)
    shot("7-perfusion")
    page.locator("[data-map='tmax']").click()
    late = number(page, "hypoperfused")
    page.locator("[data-focus='control-late_s']").fill("8")
    expect(page.locator("[data-value='hypoperfused'] b").first).not_to_have_text(late)
    expect(page.locator(".hv-tr").first).to_contain_text("t = ")
    page.locator(".hv-cell").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".hv-tr").first).to_contain_text(re.compile(r"\(2/\d+\)"))
    expect(page.locator("canvas.hv-layers").first).to_be_visible()
    page.locator("[data-map='tmax']").scroll_into_view_if_needed()
    shot("8-tmax")
    expect(page.locator(".rs-progress")).to_have_count(0)
    confirm(page)
    expect(page.get_by_role("button", name=re.compile("Kết quả cần xem"))).to_have_count(0)

    # The report has what was confirmed; the reader mends and signs it.
    page.get_by_role("tab", name="Ý kiến").click()
    field = page.locator("[data-place='sections.ischaemia']")
    shot("9-report")
    page.get_by_role("button", name="Chèn số đo đã xác nhận").click()
    expect(field).to_have_value(re.compile("ASPECTS"))
    fill_rest(page)
    shot("10-filled")
    # A key image that the report leaves out is none on the image either, at once.
    badge = page.locator(".hv-badge.hv-key")
    expect(badge).to_have_count(0)
    page.get_by_role("button", name="+ Ảnh đang xem").click()
    expect(badge).to_have_count(1)
    page.locator(".rp-image").get_by_role("button", name="Bỏ").click()
    expect(page.locator(".rp-image")).to_have_count(0)
    expect(badge).to_have_count(0)
    expect(page.locator(".rp-save")).to_have_text(re.compile("Đã lưu"))
    page.get_by_role("button", name="Ký và gửi").click()
    page.locator("#rp-password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("[data-landed=true]")).to_be_visible()
    shot("11-landed")
    until(landed(running, case))
    kinds = {one["SOPClassUID"] for one in pacs.instances()}
    assert {SEGMENTATION, PARAMETRIC_MAP, COMPREHENSIVE_3D_SR} <= kinds
    # nothing of the dark regions was even asked for before the first score was stored
    scored = next(i for i, url in enumerate(sent) if url.endswith("/edits"))
    assert not [url for url in sent[:scored] if "/layers/hypodensity" in url]
    reads = results(running, case)["stroke_aspects"]["edits"]["reads"]
    assert "hypodensity" in reads["independent"]["seen"]["stroke_ncct"]["withheld"]
    assert reads["aided"]["seen"]["stroke_ncct"]["withheld"] == []


def fill_rest(page: Page) -> None:
    for area in page.locator(".rp-field:has(.rp-required) [data-place^='sections.']").all():
        if not area.input_value():
            area.fill("Nhồi máu động mạch não giữa trái.")
    for place in ("answers.q1", "answers.q2"):
        page.locator(f"[data-place='{place}']").fill("Có nhồi máu; không thấy chảy máu.")
    page.locator("[data-place='concordance']").select_option("concordant")
    page.locator("[data-place='transfer']").select_option("urgent")
    expect(page.locator(".rp-save")).to_have_text(re.compile("Đã lưu"))
