"""Counting from the slide viewer: what is asked of the server for the mark that is chosen."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.viewers.driver import breathe
from tests.viewers.slidedriver import opened, sharp
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
    sharp(page)
    count = page.locator('[data-command="count"]')
    expect(count).to_be_disabled()
    page.keyboard.press("o")
    for x, y in ((600, 250), (660, 260), (630, 320)):
        page.mouse.click(x, y)
    page.keyboard.press("Enter")
    breathe(page)
    (mark,) = kept(glass)
    # what the server has, the page must have heard
    expect(page.locator(".hs-body")).to_have_attribute("data-unsaved", "0")
    expect(count).to_be_enabled()
    count.click()
    expect(page.locator(".hs-toast")).to_contain_text("Đang đếm")
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
