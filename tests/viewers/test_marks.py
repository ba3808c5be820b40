"""Marks are on the server at once, come back, are shared, and survive a server that is away."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.viewers.driver import (
    breathe,
    click,
    drag,
    loaded,
    overlay,
    point_at,
    press,
    pull,
    release,
)
from tests.viewers.site import CASE, Site

OpenPage = Callable[..., Page]
FRAMES = 28


@pytest.fixture
def reader(tilted: Site, open_page: OpenPage) -> Page:
    page = open_page(tilted.page(user="binh"))
    loaded(page, FRAMES)
    return page


def draw_length(page: Page) -> None:
    page.keyboard.press("l")
    drag(page, point_at(page, 0.45, 0.35), point_at(page, 0.55, 0.45))


def test_every_kind_goes_to_the_server(tilted: Site, reader: Page) -> None:
    draw_length(reader)
    reader.keyboard.press("e")
    drag(reader, point_at(reader, 0.55, 0.5), point_at(reader, 0.58, 0.54))
    reader.keyboard.press("r")
    drag(reader, point_at(reader, 0.42, 0.6), point_at(reader, 0.46, 0.7))
    reader.keyboard.press("a")
    drag(reader, point_at(reader, 0.4, 0.75), point_at(reader, 0.5, 0.8))
    click(reader, point_at(reader, 0.58, 0.72))
    reader.keyboard.press("p")
    click(reader, point_at(reader, 0.5, 0.25))
    reader.keyboard.press("t")
    drag(reader, point_at(reader, 0.36, 0.3), point_at(reader, 0.3, 0.2))
    reader.keyboard.type("Giảm tỷ trọng")
    reader.keyboard.press("Enter")
    tilted.wait(lambda: len(tilted.marks) == 6)
    by_kind = {mark["kind"]: mark for mark in tilted.marks.values()}
    assert set(by_kind) == {"length", "ellipse", "rectangle", "angle", "probe", "arrow"}
    assert by_kind["arrow"]["text"] == "Giảm tỷ trọng"
    counts = {kind: len(mark["points_mm"]) for kind, mark in by_kind.items()}
    assert counts == {
        "length": 2,
        "ellipse": 4,
        "rectangle": 4,
        "angle": 3,
        "probe": 1,
        "arrow": 2,
    }
    assert tilted.revision == 6  # each was sent once, when it was whole
    for mark in by_kind.values():
        assert mark["frame_of_reference_uid"]
        assert mark["sop_class_uid"] == "1.2.840.10008.5.1.4.1.1.2"
        assert mark["frame_number"] == 1


def test_escape_drops_what_is_being_drawn(tilted: Site, reader: Page) -> None:
    reader.keyboard.press("a")
    drag(reader, point_at(reader, 0.4, 0.75), point_at(reader, 0.5, 0.8))
    reader.keyboard.press("Escape")
    reader.keyboard.press("t")
    drag(reader, point_at(reader, 0.36, 0.3), point_at(reader, 0.3, 0.2))
    reader.keyboard.press("Escape")
    # they are sent in the order they are drawn: what was dropped would be there before this one
    draw_length(reader)
    tilted.wait(lambda: tilted.marks)
    reader.wait_for_timeout(1000)
    assert [mark["kind"] for mark in tilted.marks.values()] == ["length"]
    expect(reader.locator(".hv-body")).to_have_attribute("data-marks", "1")


def test_marks_come_back_after_a_reload(tilted: Site, reader: Page) -> None:
    draw_length(reader)
    tilted.wait(lambda: tilted.marks)
    (mark,) = tilted.marks.values()
    reader.reload()
    loaded(reader, FRAMES)
    expect(reader.locator(".hv-body")).to_have_attribute("data-marks", "1")
    reader.keyboard.press("n")
    length = mark["measurements"][0]["value"]
    shown = f"{length:.1f}".replace(".", ",")
    expect(reader.locator(".hv-mark b")).to_have_text(f"{shown}\u00a0mm")
    expect(reader.locator(".hv-cell svg text").first).to_contain_text(shown)
    assert len(tilted.marks) == 1
    assert tilted.marks[mark["id"]]["revision"] == mark["revision"]  # showing changes nothing


def test_another_reader_sees_them(tilted: Site, reader: Page, open_page: OpenPage) -> None:
    other = open_page(tilted.page(user="chi"))
    loaded(other, FRAMES)
    draw_length(reader)
    expect(other.locator(".hv-body")).to_have_attribute("data-marks", "1")
    other.keyboard.press("n")
    expect(other.locator(".hv-mark small")).to_contain_text("BS. Binh")
    assert other.locator(".hv-remove").count() == 0  # another's mark is not ours to delete
    reader.keyboard.press("Control+z")
    expect(other.locator(".hv-body")).to_have_attribute("data-marks", "0")


def test_undo_redo_delete(tilted: Site, reader: Page) -> None:
    draw_length(reader)
    tilted.wait(lambda: tilted.marks)
    reader.keyboard.press("Control+z")
    tilted.wait(lambda: all(mark["deleted"] for mark in tilted.marks.values()))
    expect(reader.locator(".hv-body")).to_have_attribute("data-marks", "0")
    reader.keyboard.press("Control+y")
    tilted.wait(lambda: [m["deleted"] for m in tilted.marks.values()].count(False) == 1)
    expect(reader.locator(".hv-body")).to_have_attribute("data-marks", "1")
    reader.keyboard.press("n")
    reader.locator(".hv-jump").click()
    expect(reader.locator("[data-command=delete]")).to_be_enabled()
    reader.keyboard.press("Delete")
    tilted.wait(lambda: all(mark["deleted"] for mark in tilted.marks.values()))


def test_moving_a_mark_changes_it(tilted: Site, reader: Page) -> None:
    draw_length(reader)
    tilted.wait(lambda: tilted.marks)
    (mark,) = tilted.marks.values()
    before = mark["measurements"][0]["value"]
    reader.keyboard.press("w")
    reader.mouse.move(*point_at(reader, 0.55, 0.45))
    breathe(reader)
    reader.mouse.down()
    breathe(reader)
    reader.mouse.move(*point_at(reader, 0.57, 0.52), steps=2)
    reader.wait_for_timeout(1000)  # a hand that hesitates makes one change, not two
    reader.mouse.move(*point_at(reader, 0.6, 0.6), steps=2)
    breathe(reader)
    reader.mouse.up()
    tilted.wait(lambda: mark["revision"] == 2)
    assert mark["measurements"][0]["value"] > before * 1.2
    assert len(tilted.marks) == 1
    reader.keyboard.press("Control+z")
    tilted.wait(lambda: abs(mark["measurements"][0]["value"] - before) < 1e-6)


def test_a_server_that_is_away_loses_nothing(tilted: Site, reader: Page) -> None:
    tilted.faults.away = True
    draw_length(reader)
    expect(reader.locator(".hv-save.hv-trouble")).to_contain_text("Chưa lưu 1 phép đo")
    reader.keyboard.press("n")
    expect(reader.locator(".hv-mark em")).to_have_text("chưa lưu")
    tilted.faults.away = False
    tilted.wait(lambda: tilted.marks)
    expect(reader.locator(".hv-save")).to_be_hidden()
    expect(reader.locator(".hv-mark")).to_have_attribute("data-state", "saved")


def test_an_unsaved_mark_survives_a_reload(tilted: Site, reader: Page) -> None:
    tilted.faults.refuse_marks = False
    tilted.faults.away = True
    draw_length(reader)
    expect(reader.locator(".hv-save.hv-trouble")).to_be_visible()
    tilted.faults.away = False
    reader.reload()
    loaded(reader, FRAMES)
    tilted.wait(lambda: tilted.marks)
    assert len(tilted.marks) == 1


def test_a_refused_mark_says_why(tilted: Site, reader: Page) -> None:
    tilted.faults.refuse_marks = True
    draw_length(reader)
    reader.keyboard.press("n")
    expect(reader.locator(".hv-mark em")).to_contain_text("Bạn không được phép.")
    tilted.faults.refuse_marks = False
    reader.locator(".hv-save").click()
    tilted.wait(lambda: tilted.marks)


def test_read_only_without_the_right(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(tilted.page(permissions="see"))
    loaded(page, FRAMES)
    expect(page.locator("[data-command=tool-length]")).to_be_disabled()
    page.keyboard.press("l")
    expect(page.locator(".hv-toast")).to_contain_text("Chỉ xem")
    drag(page, point_at(page, 0.45, 0.35), point_at(page, 0.55, 0.45))
    page.wait_for_timeout(1000)
    assert not tilted.marks


@pytest.mark.parametrize("is_covered", [False, True], ids=["before the cover", "under the cover"])
def test_signed_out_and_back(tilted: Site, reader: Page, is_covered: bool) -> None:
    """The session ends while the reader draws: the mark waits, and is saved after signing in."""
    cover = reader.locator("#hoichan-signed-out")
    reader.keyboard.press("l")
    press(reader, point_at(reader, 0.45, 0.35))
    pull(reader, point_at(reader, 0.55, 0.45))
    # From here the page may hear of it at any time: it asks for others' marks by itself.
    tilted.faults.signed_out = True
    if is_covered:
        expect(cover).to_be_visible()
    release(reader)
    expect(cover).to_be_visible()
    assert not tilted.marks
    tilted.faults.signed_out = False
    expect(cover).to_be_hidden()
    tilted.wait(lambda: tilted.marks)
    expect(reader.locator(".hv-body")).to_have_attribute("data-marks", "1")
    assert len(tilted.marks) == 1
    assert overlay(reader, "tr").startswith("Ảnh 15/28")


def test_key_image_into_the_draft(tilted: Site, reader: Page) -> None:
    """On a page of its own there is no report to tell: the draft itself gets the image."""
    reader.keyboard.press("1")
    reader.keyboard.press("k")
    expect(reader.locator(".hv-toast")).to_contain_text("Đã thêm")
    expect(reader.locator(".hv-badge.hv-key")).to_be_visible()
    (image,) = tilted.draft["content"]["key_images"]
    assert (image["window_width"], image["window_center"]) == (80, 40)
    assert image["sop_instance_uid"] in tilted.paths
    reader.keyboard.press("k")
    expect(reader.locator(".hv-toast")).to_contain_text("đã là ảnh then chốt")
    assert len(tilted.draft["content"]["key_images"]) == 1
    # a page that is loaded anew knows it from the draft
    reader.reload()
    expect(reader.locator(".hv-badge.hv-key")).to_be_visible()


def test_the_badge_follows_the_report(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(f"{tilted.url}/host")
    loaded(page, FRAMES)
    page.evaluate("window.addEventListener('hoichan:key-image', e => (window.told = e.detail))")
    page.keyboard.press("k")
    badge = page.locator(".hv-badge.hv-key")
    expect(badge).to_be_visible()
    told = page.evaluate("window.told")
    tell = "d => window.dispatchEvent(new CustomEvent('hoichan:key-images', { detail: d }))"
    page.evaluate(tell, {"case_id": "of another case", "key_images": []})
    page.keyboard.press("ArrowDown")
    expect(badge).to_have_count(0)
    page.keyboard.press("ArrowUp")
    expect(badge).to_be_visible()
    page.evaluate(tell, {"case_id": CASE, "key_images": []})
    expect(badge).to_have_count(0)
    page.evaluate(tell, {"case_id": CASE, "key_images": [told["key_image"]]})
    expect(badge).to_be_visible()


def test_key_image_told_to_the_report(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(f"{tilted.url}/host")
    loaded(page, FRAMES)
    page.evaluate("window.addEventListener('hoichan:key-image', e => (window.told = e.detail))")
    page.keyboard.press("k")
    page.wait_for_function("() => window.told")
    told = page.evaluate("window.told")
    assert told["case_id"] == CASE
    assert told["key_image"]["frame_number"] == 1
    assert not tilted.draft


def test_the_report_shows_an_image(tilted: Site, open_page: OpenPage) -> None:
    page = open_page(f"{tilted.url}/host")
    loaded(page, FRAMES)
    (headers,) = tilted.studies.values()
    ds = min(headers, key=lambda one: float(one.ImagePositionPatient[2]))
    page.evaluate(
        "d => window.dispatchEvent(new CustomEvent('hoichan:show', { detail: d }))",
        {
            "case_id": CASE,
            "study_instance_uid": str(ds.StudyInstanceUID),
            "series_instance_uid": str(ds.SeriesInstanceUID),
            "sop_instance_uid": str(ds.SOPInstanceUID),
            "frame_number": 1,
        },
    )
    expect(page.locator(".hv-tr").first).to_contain_text(re.compile(r"Ảnh (1|28)/28"))
