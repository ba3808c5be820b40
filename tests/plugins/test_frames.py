"""Where a point of the patient lies on an image."""

import math

import pytest

from plugins.frames import Frame, frames_of, to_pixels
from plugins.testing import ct_header, ct_series


def frame(**changes: object) -> Frame:
    (one,) = frames_of(ct_series([ct_header(1, (-100.0, -80.0, 30.0), **changes)]))  # type: ignore[arg-type]
    return one


def test_the_first_pixel_s_centre_is_half_a_pixel_in() -> None:
    assert to_pixels(frame(), [(-100.0, -80.0, 30.0)]) == ((0.5, 0.5),)


@pytest.mark.parametrize("tilt", [0.0, -18.5, 30.0])
def test_there_and_back_on_a_tilted_slice(tilt: float) -> None:
    angle = math.radians(tilt)
    column, row = 123.25, 45.75
    point = (
        -100.0 + (column - 0.5) * 0.4,
        -80.0 + (row - 0.5) * 0.8 * math.cos(angle),
        30.0 + (row - 0.5) * 0.8 * math.sin(angle),
    )

    (found,) = to_pixels(frame(tilt_deg=tilt, PixelSpacing=[0.8, 0.4]), [point])

    assert found == pytest.approx((column, row))


def test_a_point_outside_the_slice_has_no_pixel() -> None:
    inside, outside = (0.0, 0.0, 32.4), (0.0, 0.0, 32.6)

    assert to_pixels(frame(), [inside])
    assert to_pixels(frame(), [inside, outside]) == ()


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
)
def test_an_image_without_a_place_has_no_pixels(keyword: str) -> None:
    assert to_pixels(frame(**{keyword: None}), [(0.0, 0.0, 30.0)]) == ()


def test_a_nan_has_no_pixel() -> None:
    assert to_pixels(frame(), [(math.nan, 0.0, 30.0)]) == ()
