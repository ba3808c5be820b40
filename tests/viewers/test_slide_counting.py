"""Counting from the slide viewer: what is asked of the server for the mark that is chosen."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.viewers.slidedriver import opened
from tests.viewers.slidesite import SlideSite
from tests.viewers.test_slide_marks import glass, kept

__all__ = ["glass"]
pytestmark = pytest.mark.usefixtures("bundle")


def test_a_drawn_region_is_sent_to_be_counted(
    glass: SlideSite, open_page: Callable[..., Page]
) -> None:
    glass.marks.clear()
    page = opened(open_page(glass.page()))
    asked: list[tuple[str, str, Any]] = []

    def answer(route: Route) -> None:
        request = route.request
        asked.append((request.method, request.url, json.loads(request.post_data or "null")))
        started = {"id": "r1", "revision": 3, "edits": {"parameters": {"choice": "hot_spot"}}}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(started))

    page.route("**/results", answer)
    page.route("**/results/r1/edits", answer)
    page.keyboard.press("4")
    page.wait_for_timeout(900)
    count = page.locator('[data-command="count"]')
    expect(count).to_be_disabled()
    page.keyboard.press("o")
    for x, y in ((600, 250), (660, 260), (630, 320)):
        page.mouse.click(x, y)
        page.wait_for_timeout(60)
    page.keyboard.press("Enter")
    (mark,) = kept(glass)
    page.wait_for_timeout(300)
    if count.is_disabled():
        page.mouse.click(600, 250)  # on its first corner
    expect(count).to_be_enabled()
    count.click()
    expect(page.get_by_text("Đang đếm")).to_be_visible()
    for _ in range(100):  # the routes above answer only while Playwright waits
        if len(asked) == 2:
            break
        page.wait_for_timeout(100)
    (_, _, start), (method, url, sent) = asked
    assert start == {
        "analysis": "nuclei_count",
        "study_instance_uid": mark["study_instance_uid"],
    }
    assert method == "PUT"
    assert url.endswith("/results/r1/edits")
    assert sent["revision"] == 3
    assert sent["edits"]["parameters"] == {"choice": "hot_spot"}  # what was set before stays
    (region,) = sent["edits"]["form"]["regions"]
    assert region["kind"] == "polygon"
    for point, own in zip(region["points_mm"], mark["points_mm"], strict=True):
        assert point == pytest.approx(own[:2], abs=1e-5)
