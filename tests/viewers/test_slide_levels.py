"""Which level is drawn at which magnification: as sharp as the slide is, whatever its steps."""

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page

from tests.dicom_node.slides.glass import Glass
from tests.viewers.slidedriver import opened, sharp, stage_pixels
from tests.viewers.slidesite import SlideSite

pytestmark = pytest.mark.usefixtures("bundle")

# What each level shows all over.
COLOURS = ((200, 60, 60), (60, 200, 60), (60, 60, 200))


def slide(make_slides: Callable[..., SlideSite], step: int) -> SlideSite:
    """Three levels at 0.25 µm, each `step` times smaller than the one before."""
    glass = Glass()

    def level(number: int) -> object:
        edge = 4096 // step**number
        tile = np.full((256, 256, 3), COLOURS[number], np.uint8)
        spacing = 0.00025 * step**number
        return glass.level(edge, edge, (256, 256), spacing=spacing, pixels=lambda *_: tile)

    return make_slides(*map(level, range(3)))


def drawn(page: Page) -> int:
    """The level whose colour is seen in the middle."""
    pixels = stage_pixels(page).astype(int)
    middle = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]
    return int(np.argmin([np.abs(middle - colour).max() for colour in COLOURS]))


@pytest.mark.parametrize(
    ("step", "levels"),
    # At 40x, 20x, 10x and 5x.
    [(2, (0, 1, 2, 2)), (4, (0, 0, 1, 1))],
)
def test_no_level_is_stretched_where_a_larger_one_is_here(
    step: int,
    levels: tuple[int, ...],
    make_slides: Callable[..., SlideSite],
    open_page: Callable[..., Page],
) -> None:
    page = opened(open_page(slide(make_slides, step).page()))
    for key, scale, level in zip("6543", (1, 0.5, 0.25, 0.125), levels, strict=True):
        page.keyboard.press(key)
        sharp(page, scale=scale)
        assert drawn(page) == level, key
