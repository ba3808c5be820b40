"""A reader's hands and eyes on the viewer's page."""

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, expect

__all__ = [
    "breathe",
    "canvas_pixels",
    "cell_pixels",
    "click",
    "drag",
    "drawn",
    "hounsfield",
    "loaded",
    "overlay",
    "pixel_under",
    "place_of",
    "point_at",
    "press",
    "pull",
    "release",
    "rested",
    "until",
]

IS_DRAWN = """c => {
  if (!c.width || !c.height) return false;
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  for (let i = 0; i < d.length; i += 400) if (d[i] > 30) return true;
  return false;
}"""

PNG = """c => new Promise((done) => requestAnimationFrame(() => {
  if (!c.width || !c.height) done([]);
  else c.toBlob((b) => b.arrayBuffer().then((a) => done([...new Uint8Array(a)])), 'image/png');
}))"""

# One frame takes what was done, the next draws it, a third what lies over it.
THREE_FRAMES = """async () => {
  for (let i = 0; i < 3; i++) {
    await new Promise(requestAnimationFrame);
    await new Promise((done) => setTimeout(done, 15));
  }
}"""


def loaded(page: Page, count: int) -> None:
    """Wait until the first viewport shows an image and all of its series have come."""
    cell = page.locator(".hv-grid .hv-cell").first
    expect(cell.locator(".hv-tr")).to_contain_text(f"/{count}")
    expect(cell.locator(".hv-bl")).to_contain_text("%")
    expect(cell.locator(".hv-progress")).to_be_hidden()
    drawn(page)


def until(page: Page, condition: Callable[[], Any], seconds: float = 90) -> None:
    """Wait until `condition()` holds, while the page goes on."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        page.wait_for_timeout(50)


def drawn(page: Page, cell: int = 0) -> None:
    """Wait until a viewport is not black."""
    canvas = page.locator(".hv-grid .hv-cell canvas").nth(cell)
    until(page, lambda: canvas.evaluate(IS_DRAWN))


def rested(page: Page, cell: int = 0) -> NDArray[np.uint8]:
    """What a viewport shows once it shows the same twice over."""
    seen = [cell_pixels(page, cell)]

    def is_still() -> bool:
        page.wait_for_timeout(150)
        breathe(page)
        seen.append(cell_pixels(page, cell))
        return np.array_equal(seen[-1], seen[-2])

    until(page, is_still)
    return seen[-1]


def place_of(page: Page, thing: Locator) -> FloatRect:
    """Where a visible thing is on the page, once it has come to rest there."""
    expect(thing).to_be_visible()
    seen = [thing.bounding_box()]

    def is_still() -> bool:
        page.wait_for_timeout(100)
        breathe(page)
        seen.append(thing.bounding_box())
        return seen[-1] is not None and seen[-1] == seen[-2]

    until(page, is_still)
    found = seen[-1]
    assert found is not None
    return found


def overlay(page: Page, corner: str, cell: int = 0) -> str:
    """The words in a corner ("tl", "tr", "bl", "br") of a viewport."""
    return page.locator(".hv-grid .hv-cell").nth(cell).locator(f".hv-{corner}").inner_text()


def cell_pixels(page: Page, cell: int = 0) -> NDArray[np.uint8]:
    """What is drawn in a viewport, (rows, columns, 3); only the images, nothing written on them."""
    return canvas_pixels(page.locator(".hv-grid .hv-cell canvas").nth(cell))[..., :3]


def canvas_pixels(canvas: Locator) -> NDArray[np.uint8]:
    """(rows, columns, 4) of a canvas; one empty pixel while it has no size."""
    data = canvas.evaluate(PNG)
    if not data:
        return np.zeros((1, 1, 4), np.uint8)
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGBA"))


def point_at(page: Page, x: float, y: float, cell: int = 0) -> tuple[float, float]:
    """The page position of a share (0-1) of a viewport."""
    box = page.locator(".hv-grid .hv-cell").nth(cell).bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def breathe(page: Page) -> None:
    """Let the page draw what it has heard, however busy the machine is."""
    page.evaluate(THREE_FRAMES)


def press(page: Page, at: tuple[float, float]) -> None:
    """Put the pen down."""
    breathe(page)
    page.mouse.move(*at)
    breathe(page)
    page.mouse.down()
    breathe(page)


def pull(page: Page, *through: tuple[float, float]) -> None:
    for at in through:
        page.mouse.move(*at, steps=2)
        breathe(page)


def release(page: Page) -> None:
    page.mouse.up()
    breathe(page)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    press(page, start)
    pull(page, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end)
    release(page)


def click(page: Page, at: tuple[float, float]) -> None:
    """One click; tools wait 400 ms of the page's time for the second of a double one."""
    breathe(page)
    page.mouse.click(*at)
    page.evaluate("new Promise((done) => setTimeout(done, 600))")
    breathe(page)


def pixel_under(ds: pydicom.Dataset, point: list[float]) -> tuple[float, float]:
    """Continuous (row, column) of a patient position on the image (PS3.3 C.7.6.2.1.1)."""
    row, column = np.reshape(np.asarray(ds.ImageOrientationPatient, float), (2, 3))
    between_rows, between_columns = map(float, ds.PixelSpacing)
    away = np.asarray(point) - np.asarray(ds.ImagePositionPatient, float)
    return float(away @ column / between_rows), float(away @ row / between_columns)


def hounsfield(ds: pydicom.Dataset) -> Any:
    return ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
