"""Masks, statistics, histograms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import ellipse, polygon2mask

from kernels import ellipse_mask, histogram, polygon_mask, region_statistics
from tests.kernels.arrays import guises
from tests.naive import slides as naive

RANDOM = np.random.default_rng(21)


@settings(deadline=None, max_examples=50)
@given(st.integers(3, 9), st.integers(0, 10_000), st.booleans())
def test_polygons_agree_with_the_twin(count: int, seed: int, whole: bool) -> None:
    corners = np.random.default_rng(seed).uniform(-4, 16, (count, 2))
    corners = np.rint(corners) if whole else corners  # corners on pixel centres, too
    found = polygon_mask(corners, (11, 13))
    for i, j in np.ndindex(11, 13):
        assert found[i, j] == naive.within_polygon(i, j, corners)


def test_polygons_agree_with_scikit_image() -> None:
    corners = np.array([[5.3, 4.1], [40.7, 9.2], [50.2, 60.8], [20.6, 30.4], [8.1, 70.9]])
    assert np.array_equal(polygon_mask(corners, (64, 80)), polygon2mask((64, 80), corners))


def test_neighbours_share_no_pixel_and_leave_none() -> None:
    left, right = [[0, 0], [0, 4], [9, 4], [9, 0]], [[0, 4], [0, 9], [9, 9], [9, 4]]
    one, other = polygon_mask(left, (9, 9)), polygon_mask(right, (9, 9))
    assert not (one & other).any()
    assert (one | other).all()


def test_ellipses_agree_with_scikit_image() -> None:
    found = ellipse_mask((20.2, 30.7), (12.3, 7.9), 0, (40, 60))
    rows, columns = ellipse(20.2, 30.7, 12.3, 7.9, (40, 60))
    theirs = np.zeros((40, 60), bool)
    theirs[rows, columns] = True
    assert np.array_equal(found, theirs)
    quarter = ellipse_mask((20.2, 20.7), (7.9, 12.3), 90, (40, 40))
    assert np.array_equal(quarter, ellipse_mask((20.2, 20.7), (12.3, 7.9), 0, (40, 40)))
    tilted = ellipse_mask((50, 50), (30, 10), 30, (100, 100))
    i, j = np.nonzero(tilted)
    assert np.degrees(np.arctan2(np.cov(i, j)[0, 1], 1)) > 0  # first axis leans towards columns
    assert tilted.sum() == pytest.approx(np.pi * 300, rel=0.01)


def test_statistics_leave_out_padding_and_what_is_no_number() -> None:
    values = np.array([[1.0, 2, 3, 4], [np.nan, np.inf, -2000, 50]])
    region = np.ones((2, 4), bool)
    region[1, 3] = False
    valid = values != -2000
    found = region_statistics(values, region, valid)
    assert (found.count, found.mean, found.minimum, found.maximum) == (4, 2.5, 1, 4)
    assert found.standard_deviation == pytest.approx(np.std([1, 2, 3, 4]))
    assert (found.median, found.percentile_5) == (2.5, pytest.approx(1.15))
    empty = region_statistics(values, np.zeros((2, 4), bool))
    assert empty.count == 0
    assert np.isnan(empty.mean)
    assert np.isnan(empty.percentile_95)


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64, np.uint8])
def test_histograms_agree_with_numpy(kind: type) -> None:
    values = RANDOM.integers(0, 200, (20, 30)).astype(kind)
    region = RANDOM.random((20, 30)) > 0.4
    for low, high, bins in ((0, 200, 10), (-5.5, 150.25, 37), (3, 4, 1), (0.1, 0.7, 6)):
        expected = np.histogram(values, bins, (low, high))[0]
        for guise in guises(values):
            assert np.array_equal(histogram(guise, low, high, bins), expected)
        expected = np.histogram(values[region], bins, (low, high))[0]
        assert np.array_equal(histogram(values, low, high, bins, region), expected)


def test_histograms_of_reals_agree_with_numpy_and_skip_nan() -> None:
    values = RANDOM.normal(0, 30, 20_000)
    expected = np.histogram(values, 100, (-40, 40))[0]
    assert np.array_equal(histogram(values, -40, 40, 100), expected)
    holes = np.concatenate([values, [np.nan, np.inf, -np.inf]])
    assert np.array_equal(histogram(holes, -40, 40, 100), expected)
    assert histogram(np.zeros(0), 0, 1, 4).tolist() == [0, 0, 0, 0]


TRIANGLE = [[0, 0], [5, 0], [0, 5]]


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: polygon_mask([[0, 0], [1, 1]], (5, 5)), "corners"),
        (lambda: polygon_mask([[0, 0], [1, np.nan], [2, 2]], (5, 5)), "corners"),
        (lambda: polygon_mask(TRIANGLE, (5, 5, 5)), "shape"),
        (lambda: polygon_mask(TRIANGLE, (10**6, 10**6)), "shape"),
        (lambda: ellipse_mask((0, 0), (0, 1), 0, (5, 5)), "the least of radii"),
        (lambda: ellipse_mask((0, 0), (1, 1), np.nan, (5, 5)), "turn_deg"),
        (lambda: region_statistics(np.zeros(3), np.zeros(4, bool)), "region"),
        (lambda: region_statistics(np.zeros(3), np.zeros(3)), "region"),
        (lambda: region_statistics(np.zeros(3), np.ones(3, bool), np.zeros(3)), "valid"),
        (lambda: histogram(np.zeros(3), 1, 1, 5), "low"),
        (lambda: histogram(np.zeros(3), -1.5e308, 1.5e308, 5), "low"),
        (lambda: histogram(np.zeros(3), 0, 1, 0), "bins"),
        (lambda: histogram(np.zeros(3), 0, np.nan, 5), "high"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
