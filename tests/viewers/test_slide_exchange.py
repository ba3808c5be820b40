"""Files of other programs in and ours out, from the list of marks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.dicom_node.slides.glass import Glass
from tests.viewers.slidedriver import opened
from tests.viewers.slidesite import SlideSite

pytestmark = pytest.mark.usefixtures("bundle")

Open = Callable[..., Page]


def pale(*_: int) -> np.ndarray:
    return np.full((256, 256, 3), 235, np.uint8)


@pytest.fixture(scope="module")
def glass(make_slides: Callable[..., SlideSite]) -> SlideSite:
    return make_slides(Glass().level(1024, 1024, (256, 256), spacing=0.0005, pixels=pale))


@pytest.fixture(autouse=True)
def fresh(glass: SlideSite) -> None:
    glass.imports.clear()
    glass.exports.clear()
    glass.import_answer = (201, answer())


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "format": "geojson",
        "series_instance_uid": "1.2",
        "marks": 128,
        "point_sets": 0,
        "points": 0,
        "already": 0,
        "new_classes": ["U", "Mô đệm"],
        "ignored": [],
        "revision": 9,
        **changes,
    }


def listed(page: Page) -> Page:
    """The list of marks is open."""
    opened(page).keyboard.press("n")
    page.locator(".hs-exchange").wait_for()
    return page


def bring(page: Page, file: Path, item: str) -> Any:
    page.locator('[data-exchange="import"]').click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name=item).click()
    chooser.value.set_files(file)
    return page.locator(".hs-outcome")


def test_a_file_is_sent_and_what_became_of_it_is_said(
    glass: SlideSite, open_page: Open, tmp_path: Path
) -> None:
    reason = {"vi": "Nằm ngoài tiêu bản", "en": "Beside the slide"}
    glass.import_answer = (201, answer(already=4, ignored=[{"reason": reason, "count": 3}]))
    file = tmp_path / "u.geojson"
    file.write_bytes(b'{"type": "FeatureCollection"}')
    page = listed(open_page(glass.page()))
    said = bring(page, file, "Tệp bất kỳ")
    expect(said).to_contain_text("u.geojson: 128 nét vẽ mới, 2 lớp mới (U, Mô đệm)")
    expect(said).to_contain_text("4 đã có từ trước")
    expect(said).to_contain_text("Bỏ qua 3: Nằm ngoài tiêu bản (3).")
    ((query, body),) = glass.imports
    (level,) = glass.datasets
    assert query == {"series": level.SeriesInstanceUID, "format": ""}
    assert body == file.read_bytes()
    said.get_by_role("button").click()
    expect(said).to_be_hidden()


def test_in_english_and_with_a_format(glass: SlideSite, open_page: Open, tmp_path: Path) -> None:
    glass.import_answer = (201, answer(marks=0, point_sets=1, points=40210, new_classes=[]))
    file = tmp_path / "cells.xml"
    file.write_bytes(b"<ASAP_Annotations/>")
    page = listed(open_page(glass.page(language="en")))
    said = bring(page, file, "ASAP XML")
    expect(said).to_contain_text("cells.xml: 1 new point set (40,210 points or outlines).")
    assert glass.imports[0][0]["format"] == "asap"


def test_refusals_are_said_in_words(glass: SlideSite, open_page: Open, tmp_path: Path) -> None:
    file = tmp_path / "other.dcm"
    file.write_bytes(b"x")
    message = {"vi": "Tệp này thuộc về một tiêu bản khác.", "en": "Another slide."}
    refused = {"error": {"code": "unreadable_drawings", "message": message, "details": {}}}
    page = listed(open_page(glass.page()))
    glass.import_answer = (422, refused)
    said = bring(page, file, "DICOM: ANN, SR, SEG")
    expect(said).to_contain_text("other.dcm: Tệp này thuộc về một tiêu bản khác.")
    glass.import_answer = (413, {"error": {"code": "too_large", "message": message}})
    bring(page, file, "DICOM: ANN, SR, SEG")
    expect(said).to_contain_text("Tệp quá lớn (tối đa 64 MB)")
    # too large before it travels
    sent = len(glass.imports)
    large = tmp_path / "large.json"
    with large.open("wb") as out:
        out.truncate(64_000_001)
    bring(page, large, "QuPath GeoJSON")
    expect(said).to_contain_text("large.json: Tệp quá lớn")
    assert len(glass.imports) == sent


@pytest.mark.parametrize("form", ["ann", "sr", "geojson", "seg"])
def test_marks_leave_as_a_file(glass: SlideSite, open_page: Open, form: str) -> None:
    words = {"ann": "DICOM ANN", "sr": "TID 1500", "geojson": "GeoJSON", "seg": "DICOM SEG"}
    page = listed(open_page(glass.page()))
    page.locator('[data-exchange="export"]').click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=words[form]).click()
    assert download.value.suggested_filename == f"hoichan-{form}.dcm"
    expect(page.locator(".hs-outcome")).to_contain_text(f"Đã tải xuống hoichan-{form}.dcm")
    (level,) = glass.datasets
    assert glass.exports == [{"format": form, "series": level.SeriesInstanceUID}]


def test_who_only_looks_may_export_but_not_import(glass: SlideSite, open_page: Open) -> None:
    page = listed(open_page(glass.page(permissions="see")))
    expect(page.locator('[data-exchange="import"]')).to_be_disabled()
    page.locator('[data-exchange="export"]').click()
    menu = page.get_by_role("menu")
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator(".hs-panel")).to_be_visible()
