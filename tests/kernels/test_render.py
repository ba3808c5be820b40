"""Rendered frames: windowed, cut, scaled, packed."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from kernels import Display, Viewport, Window, display, encode, named_palette, render

RANDOM = np.random.default_rng(20)
FRAME = RANDOM.integers(-200, 300, (60, 90)).astype(np.int16)
HOW = Display(voi=Window(40, 400))


def test_without_a_viewport_a_frame_is_just_windowed() -> None:
    assert np.array_equal(render(FRAME, HOW), display(FRAME, HOW))
    colour = RANDOM.integers(0, 256, (5, 6, 3)).astype(np.uint8)
    assert np.array_equal(render(colour), colour)
    assert np.array_equal(
        render(FRAME, HOW, palette=named_palette("hot iron")),
        named_palette("hot iron")[display(FRAME, HOW)],
    )


def test_a_viewport_cuts_and_mirrors() -> None:
    whole = display(FRAME, HOW)
    cut = render(FRAME, HOW, Viewport(20, 10, left=30, top=5, width=20, height=10))
    assert np.array_equal(cut, whole[5:15, 30:50])
    mirrored = render(FRAME, HOW, Viewport(20, 10, left=30, top=5, width=-20, height=-10))
    assert np.array_equal(mirrored, whole[5:15, 30:50][::-1, ::-1])


@pytest.mark.parametrize("box", [(45, 30), (30, 500), (1, 1), (200, 200)])
def test_the_image_fits_its_box_and_keeps_its_aspect(box: tuple[int, int]) -> None:
    found = render(FRAME, HOW, Viewport(*box))
    rows, columns = found.shape
    assert columns <= box[0]
    assert rows <= box[1]
    zoom = min(box[0] / 90, box[1] / 60)
    assert abs(columns - 90 * zoom) <= 1
    assert abs(rows - 60 * zoom) <= 1


def test_shrinking_averages_areas() -> None:
    whole = display(FRAME, HOW).astype(float)
    found = render(FRAME, HOW, Viewport(30, 20)).astype(float)
    expected = whole.reshape(20, 3, 30, 3).mean(axis=(1, 3))
    assert np.abs(found - expected).max() <= 1


def test_pixels_that_are_not_square_are_shown_in_proportion() -> None:
    assert render(FRAME, HOW, pixel_aspect=2.0).shape == (120, 90)
    assert render(FRAME, HOW, pixel_aspect=0.5).shape == (60, 180)
    assert render(FRAME, HOW, Viewport(90, 90), pixel_aspect=2.0).shape == (90, 68)


@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3)])
def test_png_is_lossless_and_jpeg_close(shape: tuple[int, ...]) -> None:
    image = RANDOM.integers(0, 256, shape).astype(np.uint8)
    back = np.asarray(Image.open(BytesIO(encode(image, "png"))))
    assert np.array_equal(back, image)
    smooth = np.full(shape, 120, np.uint8)
    packed = encode(smooth, "jpeg", 90)
    assert packed[:2] == b"\xff\xd8"
    assert np.abs(np.asarray(Image.open(BytesIO(packed))).astype(int) - 120).max() <= 2
    assert len(encode(image, "jpeg", 30)) < len(encode(image, "jpeg", 95))


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: render(np.zeros(4), HOW), "frame"),
        (lambda: render(np.zeros((4, 4, 4), np.uint8)), "frame"),
        (lambda: render(np.zeros((4, 4, 3), np.int16)), "frame"),
        (lambda: render(FRAME, HOW, pixel_aspect=0), "pixel_aspect"),
        (lambda: render(FRAME, HOW, Viewport(10, 10, left=80, width=20)), "viewport"),
        (lambda: render(FRAME, HOW, Viewport(10, 10, top=60)), "viewport"),
        (lambda: Viewport(0, 10), "columns"),
        (lambda: Viewport(10, 10**6), "rows"),
        (lambda: Viewport(10, 10, left=-1), "left"),
        (lambda: Viewport(10, 10, width=0), "width"),
        (lambda: Viewport(10, 10, height=float("nan")), "height"),
        (lambda: encode(np.zeros((0, 4), np.uint8), "png"), "image"),
        (lambda: encode(np.zeros((4, 4)), "png"), "image"),
        (lambda: encode(np.zeros((4, 4), np.uint8), "gif"), "format"),
        (lambda: encode(np.zeros((4, 4), np.uint8), "jpeg", 0), "quality"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
