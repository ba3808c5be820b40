from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from dicom_node.pixels.picture import Viewport, encode_picture, fit

GRADIENT = np.arange(100 * 200, dtype=np.uint32).reshape(100, 200).astype(np.uint8)


def test_fits_and_keeps_its_shape() -> None:
    assert fit(GRADIENT, Viewport(64, 64)).shape == (32, 64)
    assert fit(GRADIENT, None) is GRADIENT
    assert fit(GRADIENT, Viewport(400, 400)).shape == (200, 400)


def test_crops_and_mirrors() -> None:
    part = fit(GRADIENT, Viewport(20, 10, 5, 7, 20, 10))
    np.testing.assert_array_equal(part, GRADIENT[7:17, 5:25])
    mirrored = fit(GRADIENT, Viewport(20, 10, 5, 7, -20, 10))
    np.testing.assert_array_equal(mirrored, part[:, ::-1])
    turned = fit(GRADIENT, Viewport(20, 10, 5, 7, -20, -10))
    np.testing.assert_array_equal(turned, part[::-1, ::-1])


def test_pixels_that_are_not_square_are_stretched() -> None:
    assert fit(GRADIENT, Viewport(200, 1000), aspect=2.0).shape == (200, 200)


def test_a_viewport_beside_the_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        fit(GRADIENT, Viewport(10, 10, 500, 0))


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3)])
def test_png_is_exact_and_jpeg_near(shape: tuple[int, ...]) -> None:
    y, x = np.mgrid[:30, :40]
    grey = (4 * x + 2 * y).astype(np.uint8)
    picture = grey if len(shape) == 2 else np.stack([grey, grey // 2, 255 - grey], axis=2)
    exact = np.asarray(Image.open(BytesIO(encode_picture(picture, "image/png", 90))))
    np.testing.assert_array_equal(exact, picture)
    near = np.asarray(Image.open(BytesIO(encode_picture(picture, "image/jpeg", 95))))
    assert np.abs(near.astype(int) - picture).max() < 12
    assert len(encode_picture(picture, "image/jpeg", 10)) < len(
        encode_picture(picture, "image/jpeg", 95)
    )
