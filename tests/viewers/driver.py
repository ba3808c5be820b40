"""A reader's hands and eyes on the viewer's page."""

import io
import time
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

__all__ = [
    "breathe",
    "cell_pixels",
    "click",
    "drag",
    "drawn",
    "hounsfield",
    "loaded",
    "overlay",
    "pixel_under",
    "point_at",
]

IS_DRAWN = """c => {
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  for (let i = 0; i < d.length; i += 400) if (d[i] > 30) return true;
  return false;
}"""


def loaded(page: Page, count: int) -> None:
    """Wait until the first viewport shows an image and all of its series have come."""
    cell = page.locator(".hv-grid .hv-cell").first
    expect(cell.locator(".hv-tr")).to_contain_text(f"/{count}", timeout=45_000)
    expect(cell.locator(".hv-bl")).to_contain_text("%")
    expect(cell.locator(".hv-progress")).to_be_hidden(timeout=45_000)
    drawn(page)


def drawn(page: Page, cell: int = 0, seconds: float = 20) -> None:
    """Wait until a viewport is not black."""
    deadline = time.monotonic() + seconds
    while not page.locator(".hv-grid .hv-cell canvas").nth(cell).evaluate(IS_DRAWN):
        assert time.monotonic() < deadline, f"viewport {cell} stays black"
        page.wait_for_timeout(100)


def overlay(page: Page, corner: str, cell: int = 0) -> str:
    """The words in a corner ("tl", "tr", "bl", "br") of a viewport."""
    return page.locator(".hv-grid .hv-cell").nth(cell).locator(f".hv-{corner}").inner_text()


def cell_pixels(page: Page, cell: int = 0) -> NDArray[np.uint8]:
    """What is drawn in a viewport, (rows, columns, 3); only the images, nothing written on them."""
    data = (
        page.locator(".hv-grid .hv-cell canvas")
        .nth(cell)
        .evaluate(
            "c => new Promise(done => requestAnimationFrame(() => c.toBlob(b =>"
            " b.arrayBuffer().then(a => done([...new Uint8Array(a)])), 'image/png')))"
        )
    )
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))


def point_at(page: Page, x: float, y: float, cell: int = 0) -> tuple[float, float]:
    """The page position of a share (0-1) of a viewport."""
    box = page.locator(".hv-grid .hv-cell").nth(cell).bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def breathe(page: Page) -> None:
    """Let the page draw what it has heard, however busy the machine is."""
    page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
    page.wait_for_timeout(40)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    breathe(page)
    page.mouse.move(*start)
    breathe(page)
    page.mouse.down()
    breathe(page)
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=2)
    breathe(page)
    page.mouse.move(*end, steps=2)
    breathe(page)
    page.mouse.up()
    breathe(page)


def click(page: Page, at: tuple[float, float]) -> None:
    """One click; tools wait 400 ms for the second of a double one."""
    breathe(page)
    page.mouse.click(*at)
    page.wait_for_timeout(600)
    breathe(page)


def pixel_under(ds: pydicom.Dataset, point: list[float]) -> tuple[float, float]:
    """Continuous (row, column) of a patient position on the image (PS3.3 C.7.6.2.1.1)."""
    row, column = np.reshape(np.asarray(ds.ImageOrientationPatient, float), (2, 3))
    between_rows, between_columns = map(float, ds.PixelSpacing)
    away = np.asarray(point) - np.asarray(ds.ImagePositionPatient, float)
    return float(away @ column / between_rows), float(away @ row / between_columns)


def hounsfield(ds: pydicom.Dataset) -> Any:
    return ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
