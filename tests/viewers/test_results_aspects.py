"""The ASPECTS form: the reader first, the aid second, three reads kept."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.viewers import findings
from tests.viewers.driver import drawn
from tests.viewers.resultsite import Kept, ResultSite

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResultSite]:
    files = findings.tilted_stack(tmp_path_factory.mktemp("files"), count=9)
    made = ResultSite(tmp_path_factory.mktemp("archive"), files).start()
    yield made
    made.stop()


@pytest.fixture
def kept(site: ResultSite) -> Kept:
    (headers,) = site.studies.values()
    made = Kept(lambda edits: findings.aspects(headers, edits))
    site.kept[:] = [made]
    return made


def opened(site: ResultSite, open_page: OpenPage, language: str = "en") -> Page:
    page = open_page(site.room_page(language))
    expect(page.locator(".rs-aspects")).to_be_visible()
    return page


def score(page: Page, where: str, times: int = 1) -> None:
    for _ in range(times):
        page.locator(f"[data-focus='{where}']").click()


def stop_clock(page: Page) -> None:
    """The two presses that lock are at one moment: five seconds part them, however slow we are."""
    page.clock.set_fixed_time(page.evaluate("Date.now()") / 1000 + 1)


def lock(page: Page) -> None:
    stop_clock(page)
    page.locator("[data-focus='lock']").click()
    expect(page.locator("[data-focus='lock']")).to_have_text("Press again to lock")
    page.locator("[data-focus='lock']").click()


def test_the_reader_scores_first(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    toggles = page.locator(".rs-toggle")
    expect(toggles).to_have_count(20)
    assert {one.get_attribute("data-state") for one in toggles.all()} == {"normal"}
    expect(page.locator(".rs-aid")).to_have_count(0)
    expect(page.get_by_role("button", name="Confirm result")).to_be_disabled()
    score(page, "left-I")
    score(page, "left-M2")
    score(page, "right-C", 2)
    score(page, "left-M5", 3)
    total = page.locator(".rs-total")
    expect(total).to_contain_text("Right 10")
    expect(total).to_contain_text("Left 7–8")
    # one press arms, only the second locks
    stop_clock(page)
    page.locator("[data-focus='lock']").click()
    page.wait_for_timeout(600)
    assert kept.puts == []
    page.locator("[data-focus='lock']").click()
    site.wait(lambda: kept.puts)
    read = kept.puts[-1]["reads"]["independent"]
    assert read["by"] == "radiologist"
    assert read["seconds"] > 0
    assert read["at"].endswith("Z")
    left = read["regions"]["aspects"]["left"]
    assert len(left) == 10
    assert (left["I"], left["M2"], left["M5"], left["L"]) == (
        "early",
        "early",
        "not_assessable",
        "normal",
    )
    assert read["regions"]["aspects"]["right"]["C"] == "old"
    # only now the aid is here
    expect(page.locator(".rs-aid")).to_have_count(10)
    expect(page.locator("[data-region='I'] .rs-aid")).to_contain_text("-3.1")
    expect(page.locator("[data-focus='left-I']")).to_have_accessible_name(
        "I · insula, left side: early change (suggests: early change)"
    )


def test_no_answer_holds_the_aid_before(site: ResultSite, kept: Kept) -> None:
    """What the panel is not sent it cannot show; this is the server's side of the promise."""
    assert site.shown(kept)["content"]["detail"]["aid"] is None


def test_three_reads_and_the_confirmation(
    site: ResultSite, kept: Kept, open_page: OpenPage
) -> None:
    page = opened(site, open_page)
    score(page, "left-M1")
    lock(page)
    expect(page.locator("[data-read='aided']")).to_have_attribute("aria-current", "step")
    expect(page.locator(".rs-aid")).to_have_count(10)
    # the aided read begins where the first one ended
    expect(page.locator("[data-focus='left-M1']")).to_have_attribute("data-state", "early")
    score(page, "left-I")
    lock(page)
    expect(page.locator("[data-read='final']")).to_have_attribute("aria-current", "step")
    expect(page.get_by_role("button", name="Confirm result")).to_be_disabled()
    lock(page)
    site.wait(lambda: "final" in kept.puts[-1].get("reads", {}))
    reads = kept.puts[-1]["reads"]
    assert [name for name in ("independent", "aided", "final") if name in reads] == [
        "independent",
        "aided",
        "final",
    ]
    assert reads["independent"]["regions"]["aspects"]["left"]["I"] == "normal"
    assert reads["aided"]["regions"]["aspects"]["left"]["I"] == "early"
    assert reads["independent"]["at"] < reads["aided"]["at"] < reads["final"]["at"]
    expect(page.locator(".rs-stepper .rs-done")).to_have_count(3)
    # a final read that is changed keeps the one before
    page.locator("[data-focus='again']").click()
    score(page, "left-I", 3)
    lock(page)
    site.wait(lambda: kept.puts[-1]["reads"].get("earlier"))
    assert kept.puts[-1]["reads"]["earlier"][0] == reads["final"]
    page.get_by_role("button", name="Confirm result").click()
    page.get_by_role("button", name="I confirm").click()
    expect(page.locator(".rs-head .hc-badge")).to_contain_text("Confirmed")


def test_dropping_edits_keeps_reads(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    lock(page)
    site.wait(lambda: kept.puts)
    expect(page.locator("[data-focus='undo']")).to_have_count(0)
    expect(page.locator("[data-focus='discard']")).to_have_count(0)


def test_by_keyboard_alone(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    drawn(page)
    page.locator("[data-focus='right-C']").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Space"):
        page.keyboard.press(key)
    toggled = page.locator("[data-focus='left-IC']")
    expect(toggled).to_have_attribute("data-state", "early")
    expect(toggled).to_be_focused()
    # the viewer's window keys work from the form
    page.keyboard.press("3")
    expect(page.locator(".hv-bl").first).to_contain_text("W 8 · L 32")
    page.locator("[data-focus='lock']").focus()
    stop_clock(page)
    page.keyboard.press("Enter")
    expect(page.locator("[data-focus='lock']")).to_have_text("Press again to lock")
    page.keyboard.press("Enter")
    site.wait(lambda: kept.puts)


def test_both_levels_in_one_window(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    drawn(page)
    page.get_by_role("button", name="Open both levels side by side").click()
    expect(page.locator(".hv-grid")).to_have_attribute("data-layout", "1x2")
    corners = page.locator(".hv-tr")
    expect(corners.nth(0)).to_contain_text("Image 5/9")
    expect(corners.nth(1)).to_contain_text("Image 9/9")
    page.locator("[data-focus='left-C']").focus()
    page.keyboard.press("2")
    for cell in (0, 1):
        expect(page.locator(".hv-bl").nth(cell)).to_contain_text("W 40 · L 40")


def test_posterior_circulation(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page, "vi")
    page.locator("[data-focus='scale-pc_aspects']").click()
    expect(page.locator(".rs-toggle")).to_have_count(0)
    page.locator("[data-focus='posterior']").check()
    expect(page.locator(".rs-toggle")).to_have_count(8)
    score(page, "midline-pons")
    score(page, "right-thalamus")
    score(page, "midline-midbrain", 3)
    expect(page.locator(".rs-total b")).to_have_text("5–7")
    stop_clock(page)
    page.locator("[data-focus='lock']").click()
    page.locator("[data-focus='lock']").click()
    site.wait(lambda: kept.puts)
    regions = kept.puts[-1]["reads"]["independent"]["regions"]
    assert regions["pc_aspects"]["midline"] == {"midbrain": "not_assessable", "pons": "early"}


def beside(site: ResultSite, kept: Kept) -> Kept:
    """A result whose mask waits for the ASPECTS read, opened first."""
    (headers,) = site.studies.values()

    def compute(edits: Any) -> Any:
        made = findings.squares(headers, edits)
        (layer,) = made.layers
        return replace(made, layers=(replace(layer, withheld_until="aspects"),))

    made = Kept(compute)
    site.kept[:] = [made, kept]
    for one in site.kept:
        site.shown(one)
    return made


def test_what_waits_for_the_read_says_so_and_shows_both_ways_on(
    site: ResultSite, kept: Kept, open_page: OpenPage
) -> None:
    beside(site, kept)
    page = open_page(site.room_page("vi"))
    notice = page.locator(".rs-withheld")
    expect(notice).to_contain_text("“Hình vuông”")
    expect(notice).to_contain_text("trước khi tự chấm ASPECTS")
    expect(page.locator("[data-layer]")).to_have_count(0)
    expect(page.get_by_role("button", name="Xác nhận kết quả")).to_be_disabled()
    expect(page.locator(".rs-foot")).to_contain_text("Còn phần đang giữ lại")
    page.get_by_role("button", name="Chấm ASPECTS", exact=True).click()
    expect(page.locator(".rs-aspects .rs-toggle")).to_have_count(20)
    assert kept.puts == []


def test_one_click_declines_with_a_name_and_everything_comes(
    site: ResultSite, kept: Kept, open_page: OpenPage
) -> None:
    beside(site, kept)
    page = open_page(site.room_page("vi"))
    page.get_by_role("button", name="Không chấm ASPECTS, hiện ngay").click()
    site.wait(lambda: kept.puts)
    assert kept.puts == [{"reads": {"declined": {"by": "radiologist"}}}]
    expect(page.locator("[data-layer='square']")).to_have_count(1)
    expect(page.locator(".rs-withheld")).to_have_count(0)
    page.locator(".rs-nav button", has_text="ASPECTS").click()
    expect(page.locator("[data-read='declined']")).to_contain_text("Không chấm độc lập")
    expect(page.locator(".rs-toggle")).to_have_count(0)
    expect(page.locator(".rs-foot")).to_contain_text("không cần xác nhận")
    # whoever scores after all does so with the aid in sight, and the form says so
    page.get_by_role("button", name="Vẫn chấm").click()
    expect(page.locator(".rs-aid")).to_have_count(10)
    expect(page.locator("[aria-current='step']")).to_have_attribute("data-read", "aided")
    expect(page.locator("[data-focus='decline']")).to_have_count(0)


def test_the_form_itself_can_be_declined(site: ResultSite, kept: Kept, open_page: OpenPage) -> None:
    page = opened(site, open_page)
    page.get_by_role("button", name="Do not score ASPECTS").click()
    site.wait(lambda: kept.puts)
    expect(page.locator("[data-read='declined']")).to_contain_text("Not scored alone")
