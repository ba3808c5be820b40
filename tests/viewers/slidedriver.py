"""A reader's hands and eyes on the slide viewer."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.viewers.driver import breathe, canvas_pixels, until

__all__ = [
    "View",
    "frame",
    "lay",
    "map_pixels",
    "opened",
    "place_of",
    "sharp",
    "stage_pixels",
    "until",
    "view",
]


@dataclass(frozen=True)
class View:
    """Where a pane looks: middle in level-0 pixels, screen pixels per level-0 pixel."""

    x: float
    y: float
    scale: float
    degrees: float
    flipped: bool

    def on_screen(
        self, point: tuple[float, float], size: tuple[float, float]
    ) -> tuple[float, float]:
        """Where a level-0 pixel lies in a pane of `size`."""
        turn = math.radians(self.degrees)
        right, down = point[0] - self.x, point[1] - self.y
        across = math.cos(turn) * right - math.sin(turn) * down
        along = math.sin(turn) * right + math.cos(turn) * down
        side = -1 if self.flipped else 1
        return size[0] / 2 + side * self.scale * across, size[1] / 2 + self.scale * along

    def of_slide(
        self, place: tuple[float, float], size: tuple[float, float]
    ) -> tuple[float, float]:
        """The level-0 pixel at a place of a pane of `size`."""
        turn = math.radians(self.degrees)
        across = (place[0] - size[0] / 2) / self.scale * (-1 if self.flipped else 1)
        along = (place[1] - size[1] / 2) / self.scale
        return (
            self.x + math.cos(turn) * across + math.sin(turn) * along,
            self.y - math.sin(turn) * across + math.cos(turn) * along,
        )


def opened(page: Page) -> Page:
    """Wait for the first slide to be there, sharp."""
    page.locator(".hs-pane").first.wait_for()
    sharp(page)
    return page


def view(page: Page, pane: int = 0) -> View:
    told = page.locator(".hs-pane").nth(pane).get_attribute("data-view") or ""
    x, y, scale, degrees, flipped = map(float, told.split())
    return View(x, y, scale, degrees, bool(flipped))


def lay(page: Page, slide: str) -> None:
    """Lay another slide of the tray on the desk, and wait until it is sharp."""
    page.locator(f".hs-slide[data-slide='{slide}']").click()
    expect(page.locator(".hs-pane")).to_have_attribute("data-slide", slide)
    sharp(page)


def sharp(page: Page, pane: int = 0, scale: float | None = None) -> None:
    """Wait until the pane rests where it was sent, at `scale`, and every tile in sight has come."""
    place = page.locator(".hs-pane").nth(pane)

    seen: list[str | None] = []

    def rests() -> bool:
        seen[:] = place.evaluate("e => [e.dataset.view, e.dataset.still, e.dataset.sharp]")
        here, is_still, is_sharp = seen
        if here is None or (is_still, is_sharp) != ("true", "true"):
            return False
        return scale is None or math.isclose(float(here.split()[2]), scale, rel_tol=0.01)

    try:
        until(page, rests)
    except AssertionError:
        raise AssertionError(f"the slide does not come to rest: {seen}") from None
    breathe(page)  # what lies over the slide is drawn a frame later


def stage_pixels(page: Page, pane: int = 0) -> NDArray[np.uint8]:
    """What is drawn of the slide, (rows, columns, 3); nothing written or drawn on it."""
    return _pixels(page.locator(".hs-stage canvas").nth(pane))


def map_pixels(page: Page, pane: int = 0) -> NDArray[np.uint8]:
    """What the small map of a pane shows, (rows, columns, 3)."""
    return _pixels(page.locator(".hs-navigator canvas").nth(pane))


def _pixels(canvas: Locator) -> NDArray[np.uint8]:
    picture = Image.fromarray(canvas_pixels(canvas))
    ground = Image.new("RGBA", picture.size, (23, 27, 32, 255))
    return np.asarray(Image.alpha_composite(ground, picture).convert("RGB"))


def frame(page: Page, pane: int = 0) -> tuple[float, float, float, float]:
    """Left, top, width and height of a pane; its size as the viewer counts, in whole pixels."""
    left, top, width, height = (
        page.locator(".hs-stage")
        .nth(pane)
        .evaluate(
            "e => { const b = e.getBoundingClientRect();"
            " return [b.left, b.top, e.clientWidth, e.clientHeight]; }"
        )
    )
    return left, top, width, height


def place_of(page: Page, pixel: tuple[float, float], pane: int = 0) -> tuple[float, float]:
    """The page position of a level-0 pixel."""
    left, top, width, height = frame(page, pane)
    x, y = view(page, pane).on_screen(pixel, (width, height))
    return left + x, top + y
