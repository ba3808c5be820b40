"""What a viewer says when images do not come, cannot be decoded, or there is no graphics card."""

from collections.abc import Callable
from pathlib import Path

import pydicom
from playwright.sync_api import Page, Playwright, expect

from tests.viewers.driver import (
    click,
    drag,
    drawn,
    hounsfield,
    loaded,
    overlay,
    pixel_under,
    point_at,
    rested,
)
from tests.viewers.site import Site

OpenPage = Callable[..., Page]
MakeSite = Callable[..., Site]


def test_damaged_image_is_named_and_the_rest_is_read(
    make_site: MakeSite, test_data: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    """One slice's codestream is broken: its viewport says so, its neighbours are shown."""
    files = sorted((test_data / "ct_body" / "chest_lidc_ffs").glob("*.dcm"))[:5]
    ds = pydicom.dcmread(files[0])
    ds.compress(pydicom.uid.RLELossless)
    frame = bytearray(ds.PixelData)
    frame[16:] = b"\x00" * (len(frame) - 16)  # what follows the two items' heads
    ds.PixelData = bytes(frame)
    broken = tmp_path / "broken.dcm"
    ds.save_as(broken)
    site = make_site(broken, *files[1:])
    page = open_page(site.page(language="en"))
    drawn(page)
    order = sorted(
        (pydicom.dcmread(path, stop_before_pixels=True) for path in files),
        key=lambda one: float(one.ImagePositionPatient[2]),
    )
    place = [one.ImagePositionPatient for one in order].index(ds.ImagePositionPatient)
    page.keyboard.press("Home")
    damaged = "This image could not be decoded. The file may be damaged."
    for index in range(5):
        expect(page.locator(".hv-tr").first).to_contain_text(f"Image {index + 1}/5")
        said = damaged if index == place else ""
        expect(page.locator(".hv-sentence").first).to_have_text(said)
        page.keyboard.press("ArrowDown")
    page.keyboard.press("m")
    expect(page.locator(".hv-sentence").first).to_contain_text("1 slice could not be loaded")


def test_missing_frames_are_said_and_retried(tilted: Site, open_page: OpenPage) -> None:
    """The server is away when the images should come, and comes back."""
    tilted.faults.frames_away = True
    page = open_page(tilted.page())
    expect(page.locator(".hv-sentence").first).to_contain_text("mất kết nối")
    tilted.faults.frames_away = False
    loaded(page, 28)
    expect(page.locator(".hv-sentence").first).to_be_empty()


def test_a_slow_line_gets_htj2k(tilted: Site, open_page: OpenPage) -> None:
    """A third of the bytes, and the same values."""
    tilted.faults.frame_seconds = 1.5
    page = open_page("about:blank")
    kinds: list[str] = []
    page.on(
        "response",
        lambda answer: (
            "/frames/" in answer.url
            and "thumbnail" not in answer.url
            and kinds.append(answer.headers.get("content-type", ""))
        ),
    )
    page.goto(tilted.page(language="en"))
    loaded(page, 28)
    assert "1.2.840.10008.1.2.4.201" not in kinds[0]
    sent = page.evaluate(
        "performance.getEntriesByType('resource').filter(e => e.name.includes('/frames/')"
        " && !e.name.includes('thumbnail')).map(e => e.encodedBodySize)"
    )
    assert min(sent) < max(sent) * 0.5
    page.keyboard.press("p")
    for _ in range(13):  # the last to come
        page.keyboard.press("ArrowDown")
    expect(page.locator(".hv-tr").first).to_contain_text("Image 28/28")
    click(page, point_at(page, 0.5, 0.5))
    tilted.wait(lambda: tilted.marks)
    (mark,) = tilted.marks.values()
    ds = pydicom.dcmread(tilted.paths[mark["sop_instance_uid"]])
    row, column = pixel_under(ds, mark["points_mm"][0])
    assert mark["measurements"][0]["value"] == hounsfield(ds)[round(row), round(column)]


def test_absent_frame_is_said(tilted: Site, open_page: OpenPage) -> None:
    tilted.faults.frames_missing = True
    page = open_page(tilted.page(language="en"))
    expect(page.locator(".hv-sentence").first).to_contain_text("does not have this image")
    page.keyboard.press("m")
    expect(page.locator(".hv-sentence").first).to_contain_text("28 slices could not be loaded")


def test_case_that_cannot_be_read(tilted: Site, open_page: OpenPage) -> None:
    tilted.faults.away = True
    page = open_page(tilted.page())
    expect(page.locator(".hv-waiting")).to_contain_text("Không tải được danh sách loạt ảnh")
    tilted.faults.away = False
    page.get_by_role("button", name="Thử lại").click()
    loaded(page, 28)


def test_uncalibrated_image_measures_pixels(
    make_site: MakeSite, test_data: Path, open_page: OpenPage
) -> None:
    files = list((test_data / "modalities" / "cr_dx").glob("*"))
    plain = [f for f in files if "PixelSpacing" not in pydicom.dcmread(f, force=True)]
    site = make_site(plain[0])
    page = open_page(site.page(language="en"))
    drawn(page)
    expect(page.locator(".hv-badges").first).to_contain_text("lengths in pixels")
    expect(page.locator(".hv-scale").first).to_be_hidden()
    page.keyboard.press("l")
    drag(page, point_at(page, 0.45, 0.4), point_at(page, 0.55, 0.5))
    site.wait(lambda: site.marks)
    (mark,) = site.marks.values()
    assert mark["measurements"][0]["unit"] == "{pixel}"
    assert mark["origin"]["uncalibrated"]


def test_ultrasound_is_in_colour_and_lossy(
    make_site: MakeSite, test_data: Path, open_page: OpenPage
) -> None:
    clips = {
        f: pydicom.dcmread(f, stop_before_pixels=True, force=True)
        for f in (test_data / "modalities" / "us").glob("*")
        if f.is_file()
    }
    clip = next(f for f, ds in clips.items() if ds.get("NumberOfFrames") == 8)
    site = make_site(clip)
    page = open_page(site.page(language="en"))
    loaded(page, 8)
    expect(page.locator(".hv-badge.hv-warn")).to_contain_text("LOSSY")
    pixels = rested(page).astype(int)
    assert abs(pixels[..., 0] - pixels[..., 2]).max() > 100
    assert "W " not in overlay(page, "bl")


def test_without_webgl_single_slices_on_the_cpu(tilted: Site, driver: Playwright) -> None:
    browser = driver.chromium.launch(
        executable_path="/usr/bin/chromium",
        args=["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-3d-apis"],
    )
    try:
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(tilted.page(language="en"))
        expect(page.locator(".hc-notice")).to_contain_text("no WebGL")
        loaded(page, 28)
        page.keyboard.press("1")
        page.keyboard.press("ArrowDown")
        expect(page.locator(".hv-tr").first).to_contain_text("Image 16/28")
        page.keyboard.press("m")
        expect(page.locator(".hv-sentence").first).to_contain_text("has no WebGL")
    finally:
        browser.close()


def test_a_document_has_a_page_for_a_picture(
    make_site: MakeSite, test_data: Path, open_page: OpenPage
) -> None:
    images = sorted((test_data / "ct_body" / "chest_lidc_ffs").glob("*.dcm"))[:3]
    (report, *_) = sorted(p for p in (test_data / "modalities" / "sr").rglob("*") if p.is_file())
    site = make_site(*images, report)
    page = open_page(site.page(language="en"))
    loaded(page, 3)
    expect(page.locator(".hv-thumb")).to_have_count(2)
    document = page.locator(".hv-thumb", has=page.locator(".hv-picture .hc-icon"))
    expect(document).to_have_count(1)
    document.click()
    expect(page.locator(".hv-sentence").first).to_contain_text("nothing that can be shown here")
