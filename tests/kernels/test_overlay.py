"""Fluorescence and crowds of points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import compose_channels, density_grid
from tests.kernels.arrays import guises
from tests.naive import slides as naive

RANDOM = np.random.default_rng(18)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_channels_agree_with_the_twin(kind: type, count: int) -> None:
    channels = RANDOM.integers(0, 250, (count, 9, 7)).astype(kind)
    ranges = np.column_stack([np.arange(count) * 10.0, 100.0 + 40 * np.arange(count)])
    colours = RANDOM.random((count, 3)).astype(np.float32)
    expected = naive.composed(channels, ranges.reshape(count, 2), colours).astype(int)
    for guise in guises(channels):
        found = compose_channels(guise, ranges.reshape(count, 2), colours)
        assert np.abs(found - expected).max() <= 1  # float32 sums, at halves
        assert (found != expected).mean() < 0.02


def test_long_rows_are_composed_whole() -> None:
    channels = RANDOM.integers(0, 5000, (2, 70, 1500)).astype(np.uint16)
    ranges, colours = [[0, 4000], [10, 5000]], [[1, 0, 0], [0, 1, 0]]
    found = compose_channels(channels, ranges, colours)
    for index, (low, high) in enumerate(ranges):
        light = np.clip((channels[index] - float(low)) / (high - low), 0, 1) * 255
        assert np.abs(found[..., index] - light).max() <= 0.51
    assert not found[..., 2].any()


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 60),
    st.sampled_from([np.float32, np.float64]),
    st.tuples(st.integers(0, 6), st.integers(0, 6)),
)
def test_the_grid_agrees_with_the_twin(count: int, kind: type, shape: tuple[int, int]) -> None:
    points = RANDOM.uniform(-1, 5, (count, 2)).astype(kind)
    found = density_grid(points, (0.25, -0.5), 0.7, shape)
    assert np.array_equal(found, naive.counted(points, (0.25, -0.5), 0.7, shape))


def test_the_grid_agrees_with_numpy_and_skips_nan() -> None:
    points = RANDOM.uniform(0, 8, (5000, 2))
    edges = np.arange(9.0)
    theirs = np.histogram2d(points[:, 1], points[:, 0], (edges, edges))[0]
    assert np.array_equal(density_grid(points, (0, 0), 1, (8, 8)), theirs)
    for guise in guises(points):
        assert np.array_equal(density_grid(guise, (0, 0), 1, (8, 8)), theirs)
    holes = np.array([[np.nan, 1], [np.inf, 1], [1, 1], [-np.inf, 2]])
    assert density_grid(holes, (0, 0), 1, (4, 4)).sum() == 1


CHANNEL = np.zeros((1, 2, 2), np.uint16)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: compose_channels(np.zeros((2, 2), np.uint8), [[0, 1]], [[1, 1, 1]]), "channels"),
        (lambda: compose_channels(np.zeros((1, 2, 2)), [[0, 1]], [[1, 1, 1]]), "channels"),
        (
            lambda: compose_channels(np.zeros((1, 2, 2), np.uint32), [[0, 1]], [[1, 1, 1]]),
            "channels",
        ),
        (lambda: compose_channels(CHANNEL, [[1, 1]], [[1, 1, 1]]), "ranges"),
        (lambda: compose_channels(CHANNEL, [[0, np.nan]], [[1, 1, 1]]), "ranges"),
        (lambda: compose_channels(CHANNEL, [[0, 1]], [[1, 1]]), "colours"),
        (lambda: density_grid(np.zeros((2, 3)), (0, 0), 1, (2, 2)), "points"),
        (lambda: density_grid(np.zeros((2, 2)), (0, np.nan), 1, (2, 2)), "origin"),
        (lambda: density_grid(np.zeros((2, 2)), (0, 0), 0, (2, 2)), "cell"),
        (lambda: density_grid(np.zeros((2, 2)), (0, 0), 1, (2,)), "shape"),
        (lambda: density_grid(np.zeros((2, 2)), (0, 0), 1, (10**6, 10**6)), "shape"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
