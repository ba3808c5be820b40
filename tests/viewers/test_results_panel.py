"""The panel of results: states, quality, corrections, confirmation; both languages."""

import functools
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from plugins.results import Grade
from tests.viewers import findings, strokefindings
from tests.viewers.driver import until
from tests.viewers.resultsite import Kept, ResultSite

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResultSite]:
    files = findings.tilted_stack(tmp_path_factory.mktemp("files"))
    made = ResultSite(tmp_path_factory.mktemp("archive"), files).start()
    yield made
    made.stop()


@pytest.fixture
def keep(site: ResultSite) -> Callable[..., Kept]:
    """Put a made-up stroke result into the case."""
    (headers,) = site.studies.values()
    site.kept.clear()
    site.startable.clear()
    site.layer_requests.clear()
    site.may = ("edit", "confirm")
    site.are_lists_held = site.are_lists_stale = False

    def keep(grade: Grade = Grade.AMBER, is_held: bool = False) -> Kept:
        made = Kept(functools.partial(strokefindings.stroke, headers, grade=grade), is_held)
        site.kept.append(made)
        return made

    return keep


def opened(site: ResultSite, open_page: OpenPage, language: str = "en") -> Page:
    page = open_page(site.room_page(language))
    expect(page.locator(".rs-card")).to_be_visible()
    return page


def draws(page: Page, *keys: str) -> None:
    """Wait until the layers that the viewer was last told to draw are these."""
    last = "heard.filter(([n]) => n === 'hoichan:layers').at(-1)"
    shown = f"{last}?.[1].layers.filter(l => l.visible).map(l => l.key)"
    until(page, lambda: page.evaluate(shown) == list(keys))


def test_progress_cancel_and_again(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    kept = keep(is_held=True)
    page = opened(site, open_page)
    expect(page.locator(".rs-head .hc-badge")).to_contain_text("Computing")
    expect(page.locator(".rs-progress")).to_contain_text("Finding the midline plane")
    expect(page.get_by_role("button", name="Confirm result")).to_have_count(0)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".rs-head .hc-badge")).to_contain_text("Stopped")
    kept.is_held = False
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".rs-head .hc-badge")).to_contain_text("not confirmed")
    expect(page.locator("[data-value='blood'] b").first).to_contain_text("18.4")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("vi", ["HỖ TRỢ QUYẾT ĐỊNH – không thay chẩn đoán", "Máy tính – chưa xác nhận", "18,4 mL"]),
        ("en", ["DECISION SUPPORT – not a diagnosis", "Computed – not confirmed", "18.4 mL"]),
    ],
)
def test_words_in_both_languages(
    site: ResultSite,
    keep: Callable[..., Kept],
    open_page: OpenPage,
    language: str,
    words: list[str],
) -> None:
    keep()
    page = opened(site, open_page, language)
    for sentence in words:
        expect(page.locator(".rs")).to_contain_text(sentence)
    other = page.locator(".rs").inner_text()
    strangers = ("Confirm", "Layers", "Reject") if language == "vi" else ("Xác nhận", "Lớp", "Loại")
    assert not [word for word in strangers if word in other]


def test_red_hides_numbers_until_asked(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    kept = keep(Grade.RED)
    page = opened(site, open_page)
    expect(page.locator("[data-grade='red']")).to_contain_text("NOT ACCEPTABLE")
    expect(page.locator("[data-grade='red']")).to_contain_text("Gantry tilt")
    panel = page.locator(".rs")
    for number in ("18.4", "17.6", "61.3", "DEFUSE"):
        expect(panel).not_to_contain_text(number)
    expect(page.locator(".rs-chart, .rs-map, .rs-layer")).to_have_count(0)
    draws(page)
    expect(page.get_by_role("button", name="Confirm result")).to_be_disabled()
    page.get_by_role("button", name="Show them anyway").click()
    expect(panel).to_contain_text("18.4")
    draws(page, "blood")
    # to confirm it takes an acknowledgement of its own
    page.get_by_role("button", name="Confirm result").click()
    yes = page.get_by_role("button", name="I confirm")
    expect(yes).to_be_disabled()
    page.get_by_label("I have read the reasons above", exact=False).check()
    yes.click()
    expect(page.locator(".rs-head .hc-badge")).to_contain_text("Confirmed")
    assert kept.red_acknowledged


def test_confirmed_by_a_named_reader_and_reopened(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    kept = keep()
    page = opened(site, open_page)
    page.get_by_role("button", name="Confirm result").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("I, BS. Radiologist,")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert kept.state == "computed"
    page.get_by_role("button", name="Confirm result").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".rs-head")).to_contain_text("Confirmed by BS. Radiologist")
    # nothing can be turned in a confirmed result
    expect(page.locator("[data-focus='control-threshold']")).to_be_disabled()
    expect(page.locator(".rs-brush")).to_have_count(0)
    page.get_by_role("button", name="Reopen").click()
    expect(page.locator("[data-focus='control-threshold']")).to_be_enabled()


def test_parameters_are_sent_once_the_hand_rests(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    kept = keep()
    page = opened(site, open_page)
    kept.is_held = True
    slider = page.locator("[data-focus='control-threshold']")
    slider.focus()
    # the page's own clock: however slow the machine, the four keys are one movement of the hand
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 60)
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        page.clock.run_for(100)
    expect(page.locator("[data-control='threshold'] output")).to_have_text("8.0 s")
    assert kept.puts == []
    page.clock.resume()
    site.wait(lambda: kept.puts)
    assert kept.puts[0]["parameters"] == {"threshold": 8}
    # the numbers of before are shown as such, and cannot be confirmed
    expect(page.locator(".rs-progress")).to_contain_text("the numbers below are the previous ones")
    expect(page.get_by_role("button", name="Confirm result")).to_be_disabled()
    kept.is_held = False
    expect(page.locator(".rs-head .hc-badge")).to_contain_text("Edited")
    assert len(kept.puts) == 1
    page.locator("[data-focus='control-method']").select_option("bsvd")
    page.locator("[data-focus='control-motion']").uncheck()
    site.wait(lambda: len(kept.puts) > 1 and "motion" in kept.puts[-1]["parameters"])
    assert kept.puts[-1]["parameters"] == {"threshold": 8, "method": "bsvd", "motion": False}
    page.locator("[data-focus='discard']").click()
    site.wait(lambda: kept.puts[-1] == {})


def test_a_group_is_rejected(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    kept = keep()
    page = opened(site, open_page)
    page.locator("[data-focus='reject-b']").click()
    site.wait(lambda: kept.puts)
    assert kept.puts[-1]["rejected"] == ["b"]
    expect(page.locator("[data-group='b']")).to_contain_text("rejected")
    page.locator("[data-focus='reject-b']").click()
    site.wait(lambda: kept.puts[-1]["rejected"] == [])


def test_another_series(site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage) -> None:
    kept = keep()
    page = opened(site, open_page)
    expect(page.locator(".rs-series")).to_contain_text("soft kernel, whole head")
    choice = page.locator("[data-focus='series'] option")
    # the one in use is no alternative to itself
    expect(choice).to_have_text(["The series in use", "Series 3 “Bone 1.0 H60s”"])
    page.locator("[data-focus='series']").select_option(index=1)
    site.wait(lambda: kept.puts)
    assert kept.puts[-1] == {"series": strokefindings.OTHER_SERIES}


def test_maps_side_by_side(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    keep()
    page = opened(site, open_page)
    expect(page.locator(".rs-map canvas")).to_have_count(2)
    tmax = page.locator("[data-map='tmax']")
    expect(tmax).to_contain_text("12 s")
    tmax.click()
    draws(page, "blood", "tmax")
    page.locator("[data-map='cbf']").click()
    draws(page, "blood", "cbf")
    # drawn from the arrays that are here: each was fetched once
    until(page, lambda: sorted(site.layer_requests) == ["blood", "cbf", "tmax"])


def test_every_part_says_how(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    keep()
    page = opened(site, open_page)
    expect(page.locator("[data-value='nwu']")).to_contain_text("not measurable")
    page.locator("[data-value='blood'] summary").first.click()
    expect(page.locator("[data-value='blood'] details p").first).to_contain_text("half-maximum")
    expect(page.locator(".rs-tile[data-value='blood']")).to_contain_text("95 % CI 15.9–21.0")
    page.locator(".rs-steps summary").click()
    expect(page.locator(".rs-steps li")).to_have_count(2)
    expect(page.locator(".rs-steps")).to_contain_text("28 slices, tilt 18.5°")
    expect(page.locator("[data-table='criteria'] tbody tr")).to_have_count(2)
    expect(page.locator("[data-chart='tdc'] polyline")).to_have_count(2)


def test_who_may_only_look(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    keep()
    site.may = ()
    page = opened(site, open_page)
    expect(page.locator("[data-value='blood'] b").first).to_contain_text("18.4")
    expect(page.locator("[data-focus='control-threshold']")).to_be_disabled()
    expect(page.get_by_role("button", name=re.compile("Confirm|Reopen"))).to_have_count(0)
    last = "heard.filter(([n]) => n === 'hoichan:handles').at(-1)"
    until(page, lambda: page.evaluate(f"{last}?.[1].handles.length > 0"))
    assert page.evaluate(f"{last}[1].handles.every(h => !h.editable)")


def test_an_analysis_is_started_by_hand(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    study = next(iter(site.studies))
    title = {"vi": "Tưới máu CT", "en": "CT perfusion"}
    site.startable.append({"analysis": "stroke", "title": title, "study_instance_uid": study})
    page = open_page(site.room_page("en"))
    button = page.get_by_role("button", name="Compute: CT perfusion")
    expect(button).to_be_visible()
    keep()
    button.click()
    expect(page.locator("[data-value='blood'] b").first).to_contain_text("18.4")


def test_another_readers_edit_is_not_overwritten(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    kept = keep()
    page = opened(site, open_page)
    # the page does not hear of it before it sends its own
    with site.lock:
        site.are_lists_held = True
        kept.revision += 1
        kept.edits = {"rejected": ["a"]}
    page.locator("[data-focus='reject-b']").click()
    expect(page.locator(".rs-work")).to_contain_text("Somebody else has just edited")
    assert kept.puts == []
    expect(page.locator("[data-group='a']")).to_contain_text("rejected")
    expect(page.locator("[data-group='b']")).not_to_contain_text("rejected")
    site.are_lists_held = False


def test_an_old_answer_does_not_take_back_the_readers_edit(
    site: ResultSite, keep: Callable[..., Kept], open_page: OpenPage
) -> None:
    """A list asked for before the first edit, and coming after it, has the shared result."""
    kept = keep()
    page = open_page("about:blank")
    page.clock.install()
    page.goto(site.room_page("en"))
    expect(page.locator(".rs-card")).to_be_visible()
    # by the page's own clock, so that no later list mends what the old one did
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 60)
    site.are_lists_stale = site.are_lists_held = True
    # one that is on its way already is answered, and then asked for again
    until(page, lambda: page.clock.run_for(1_000) or site.lists_waiting)  # type: ignore[func-returns-value]
    with page.expect_response(re.compile("/edits$")):
        page.locator("[data-focus='reject-b']").click()
        page.clock.run_for(10)
    with page.expect_response(re.compile("/results$")):
        site.are_lists_held = site.are_lists_stale = False
    page.wait_for_timeout(500)
    expect(page.locator("[data-group='b']")).to_contain_text("rejected")
    page.locator("[data-focus='reject-a']").click()
    page.clock.run_for(10)
    site.wait(lambda: len(kept.puts) > 1)
    assert kept.puts[-1]["rejected"] == ["b", "a"]
