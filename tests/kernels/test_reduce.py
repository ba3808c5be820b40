"""2 x 2 reduction, bit for bit, and pyramids in bounded memory."""

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kernels import halve, pyramid, pyramid_shapes
from tests.kernels.arrays import guises
from tests.naive import slides as naive

RANDOM = np.random.default_rng(15)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from([(), (1,), (2,), (3,), (4,)]),
    st.sampled_from([np.uint8, np.uint16]),
)
def test_halving_is_its_formula(
    rows: int, columns: int, samples: tuple[int, ...], kind: type
) -> None:
    tile = RANDOM.integers(0, np.iinfo(kind).max, (rows, columns, *samples), kind, endpoint=True)
    expected = naive.halved(tile)
    found = halve(tile)
    assert found.dtype == kind
    assert np.array_equal(found, expected)


def test_every_guise_gives_the_same() -> None:
    tile = RANDOM.integers(0, 256, (7, 6, 3)).astype(np.uint8)
    for guise in guises(tile):
        assert np.array_equal(halve(guise), naive.halved(tile))


def test_halving_agrees_with_pillow_and_opencv() -> None:
    tile = RANDOM.integers(0, 256, (128, 96, 3)).astype(np.uint8)
    ours = halve(tile).astype(int)
    assert np.abs(ours - np.asarray(Image.fromarray(tile).reduce(2))).max() <= 1
    area = cv2.resize(tile, (48, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(ours - area).max() <= 1


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (65, 130), (200, 33), (1, 97), (16, 16)])
@pytest.mark.parametrize("tile", [16, 32])
def test_a_pyramid_is_what_halving_whole_levels_gives(rows: int, columns: int, tile: int) -> None:
    slide = RANDOM.integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    reads: list[tuple[int, int]] = []

    def read(row: int, column: int) -> np.ndarray:
        reads.append((row, column))
        return slide[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]

    shapes = pyramid_shapes(rows, columns, tile)
    levels = [slide]
    for shape in shapes[1:]:
        levels.append(halve(levels[-1]))
        assert levels[-1].shape[:2] == shape
    assert max(shapes[-1]) <= tile
    built = [np.full((*shape, 3), 7, np.uint8) for shape in shapes[1:]]
    for part in pyramid(read, rows, columns, tile):
        target = built[part.level - 1]
        top, left = part.row * tile, part.column * tile
        height, width = part.pixels.shape[:2]
        assert target[top : top + tile, left : left + tile].shape[:2] == (height, width)
        target[top : top + height, left : left + width] = part.pixels
    for ours, whole in zip(built, levels[1:], strict=True):
        assert np.array_equal(ours, whole)
    assert len(reads) == len(set(reads))


def test_memory_does_not_grow_with_the_slide() -> None:
    tile = np.zeros((64, 64, 3), np.uint8)

    def peak(edge: int) -> int:
        tracemalloc.start()
        for _ in pyramid(lambda row, column: tile, edge, edge, 64):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(256)
    assert peak(64 * 32) < 2.5 * peak(64 * 4)
    assert peak(64 * 32) < 40 * tile.nbytes


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: halve(np.zeros(4, np.uint8)), "tile"),
        (lambda: halve(np.zeros((4, 4), np.int16)), "tile"),
        (lambda: halve(np.zeros((4, 4), np.uint32)), "tile"),
        (lambda: pyramid_shapes(0, 5, 16), "rows"),
        (lambda: list(pyramid(lambda r, c: np.zeros((5, 5), np.uint8), 9, 9, 5)), "tile"),
        (lambda: list(pyramid(lambda r, c: np.zeros((5, 5), np.uint8), 9, 9, 4)), r"read\(0, 0\)"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
