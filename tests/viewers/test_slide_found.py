"""Points a program counted lie on the slide: their colours, legend, opacity, on and off."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.dicom_node.slides.glass import Glass
from tests.viewers.site import CASE
from tests.viewers.slidedriver import opened, sharp, until, view
from tests.viewers.slidesite import SlideSite
from tests.viewers.test_slide_marks import colour_at

pytestmark = pytest.mark.usefixtures("bundle")

Open = Callable[..., Page]
URL = "/api/v1/results/r1/layers/nuclei_0"


def pale(*_: int) -> np.ndarray:
    return np.full((256, 256, 3), 235, np.uint8)


@pytest.fixture(scope="module")
def glass(make_slides: Callable[..., SlideSite]) -> SlideSite:
    return make_slides(Glass().level(1024, 1024, (256, 256), spacing=0.0005, pixels=pale))


def tell(page: Page, glass: SlideSite, **changes: Any) -> None:
    (level,) = glass.datasets
    layer = {
        "result_id": "r1",
        "key": "nuclei_0",
        "title": {"vi": "Nhân đã đếm", "en": "Nuclei counted"},
        "kind": "points",
        "url": URL,
        "dtype": "float32",
        "shape": [3, 3],
        "series_instance_uid": level.SeriesInstanceUID,
        "frames": [],
        "segments": [
            {"number": 1, "label": {"vi": "Âm tính", "en": "Negative"}, "colour": [40, 90, 230]},
            {"number": 2, "label": {"vi": "Dương tính", "en": "Positive"}, "colour": [230, 30, 30]},
        ],
        "unit": "",
        "range": [0, 1],
        "palette": "",
        "opacity": 1,
        "visible": True,
        **changes,
    }
    page.evaluate(
        "d => window.dispatchEvent(new CustomEvent('hoichan:layers', { detail: d }))",
        {"case_id": CASE, "layers": [layer]},
    )


def test_points_lie_where_they_were_counted(glass: SlideSite, open_page: Open) -> None:
    page = opened(open_page(glass.page()))
    points = np.array([(300, 300, 1), (512, 512, 2), (700, 400, 2)], "<f4")
    page.route(f"**{URL}", lambda route: route.fulfill(body=points.tobytes()))
    tell(page, glass)
    layer = page.locator(".hs-points")
    expect(layer).to_have_attribute("data-count", "3")
    page.keyboard.press("5")
    sharp(page, scale=1)
    assert colour_at(page, (512, 512))[:3] == pytest.approx([230, 30, 30], abs=40)
    assert colour_at(page, (300, 300))[:3] == pytest.approx([40, 90, 230], abs=40)
    assert colour_at(page, (450, 450))[3] == 0
    legend = page.locator(".hs-legend")
    expect(legend).to_contain_text("Âm tính")
    expect(legend).to_contain_text("Dương tính")
    tell(page, glass, opacity=0.4)
    until(page, lambda: abs(colour_at(page, (512, 512))[3] - 0.4 * 255) <= 12)
    tell(page, glass, visible=False)
    expect(layer).to_have_attribute("data-drawn", "none")
    expect(legend).to_be_hidden()
    tell(page, glass)
    page.keyboard.press("0")
    sharp(page)
    assert view(page).scale < 1
    # "show it" brings all of them into the window
    page.evaluate(
        "d => window.dispatchEvent(new CustomEvent('hoichan:show-layer', { detail: d }))",
        {"case_id": CASE, "result_id": "r1", "key": "nuclei_0", "segment": 0},
    )
    until(page, lambda: view(page).scale > 1)
    sharp(page)
    here = view(page)
    assert (here.x, here.y) == pytest.approx((500.5, 406.5), abs=2)
    assert here.scale > 1
