"""Pen and bubbles: seen when there, silent when not."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.scenes import slide_tile
from kernels import SlideWarning, slide_warnings


def overview() -> NDArray[np.uint8]:
    """A clean overview at 8 µm: tissue on the left, glass on the right."""
    return slide_tile(768)


def test_clean_slides_give_no_warning() -> None:
    assert slide_warnings(overview()) == {}
    assert slide_warnings(np.full((200, 200, 3), 243, np.uint8)) == {}
    assert slide_warnings(np.zeros((0, 0, 3), np.uint8)) == {}


@pytest.mark.parametrize(
    ("warning", "ink"),
    [
        (SlideWarning.PEN_BLUE, (30, 60, 170)),
        (SlideWarning.PEN_GREEN, (20, 130, 60)),
        (SlideWarning.PEN_RED, (200, 30, 40)),
        (SlideWarning.PEN_BLACK, (25, 25, 30)),
    ],
)
@pytest.mark.parametrize("on_tissue", [False, True])
def test_each_ink_is_named(
    warning: SlideWarning, ink: tuple[int, int, int], on_tissue: bool
) -> None:
    picture = overview()
    left = 60 if on_tissue else 560
    cv2.line(picture, (left, 100), (left + 120, 600), ink, 14)
    found = slide_warnings(picture)
    assert set(found) == {warning}
    drawn = 514 * 14 * (8e-3) ** 2
    assert found[warning] == pytest.approx(drawn, rel=0.15)


def test_a_bubble_is_seen() -> None:
    picture = overview()
    cv2.circle(picture, (640, 300), 70, (150, 152, 150), 4)
    found = slide_warnings(picture)
    assert set(found) == {SlideWarning.BUBBLE}
    assert found[SlideWarning.BUBBLE] == pytest.approx(np.pi * 68**2 * (8e-3) ** 2, rel=0.15)


def test_small_marks_are_not_worth_a_warning() -> None:
    picture = overview()
    cv2.circle(picture, (640, 300), 12, (30, 60, 170), -1)
    assert slide_warnings(picture) == {}
    assert SlideWarning.PEN_BLUE in slide_warnings(picture, least_mm2=0.01)


@pytest.mark.parametrize(
    ("path", "size"),
    [("wsi/ome_tiff_he", 0.5), ("wsi/ome_tiff_ki67", 0.5)],
)
def test_real_tissue_gives_no_warning(test_data, path: str, size: float) -> None:  # type: ignore[no-untyped-def]
    import tifffile

    files = sorted((test_data / path).glob("*.tif*"))
    assert files
    for file in files:
        picture = tifffile.imread(file)
        picture = picture if picture.shape[-1] == 3 else np.moveaxis(picture, 0, -1)
        small = cv2.resize(picture, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
        assert slide_warnings(small, 8 * size, least_mm2=0.02) == {}


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: slide_warnings(np.zeros((9, 9), np.uint8)), "rgb"),
        (lambda: slide_warnings(np.zeros((9, 9, 3), np.uint8), 0), "pixel_um"),
        (lambda: slide_warnings(np.zeros((9, 9, 3), np.uint8), 8, -1), "least_mm2"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
