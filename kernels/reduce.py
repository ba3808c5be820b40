"""Smaller copies of a slide: 2 x 2 reduction, and the whole pyramid tile by tile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, whole
from kernels._jit import jit

__all__ = ["PyramidTile", "halve", "pyramid", "pyramid_shapes"]


def halve(tile: ArrayLike) -> NDArray[Any]:
    """Average blocks of 2 x 2 pixels: ``(a + b + c + d + 2) >> 2``, exactly.

    An odd last row or column is repeated to make the block.

    Parameters
    ----------
    tile : (rows, columns) or (rows, columns, samples) uint8 or uint16

    Returns
    -------
    (ceil(rows / 2), ceil(columns / 2), ...) of the same dtype
    """
    found = array("tile", tile, (2, 3), "u")
    if found.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"tile has dtype {found.dtype}; expected uint8 or uint16")
    found = np.ascontiguousarray(found)
    rows, columns = found.shape[:2]
    samples = found.shape[2] if found.ndim == 3 else 1
    shape = (rows + 1) // 2, (columns + 1) // 2, *found.shape[2:]
    smaller = np.empty(shape, found.dtype)
    if smaller.size:
        halve_rows(
            found.reshape(rows, columns * samples),
            samples,
            np.empty(columns * samples, np.uint16 if found.dtype == np.uint8 else np.uint32),
            smaller.reshape(shape[0], shape[1] * samples),
        )
    return smaller


@dataclass(frozen=True)
class PyramidTile:
    """A tile of a derived level; level 0 is the slide as scanned."""

    level: int
    row: int
    column: int
    pixels: NDArray[Any]


def pyramid_shapes(rows: int, columns: int, tile: int) -> list[tuple[int, int]]:
    """Return (rows, columns) of every level, from the base to the first that fits one tile."""
    shapes = [(whole("rows", rows, 1), whole("columns", columns, 1))]
    whole("tile", tile, 1)
    while max(shapes[-1]) > tile:
        shapes.append(((shapes[-1][0] + 1) // 2, (shapes[-1][1] + 1) // 2))
    return shapes


def pyramid(
    read: Callable[[int, int], ArrayLike], rows: int, columns: int, tile: int
) -> Iterator[PyramidTile]:
    """Build every derived level of a slide, reading each base tile once.

    Base tiles are asked for in Morton order, so that a level never holds more than four tiles:
    the memory is that of ``4 * levels`` tiles, however large the slide. Every level is, to the
    bit, what `halve` makes of the whole level above.

    Parameters
    ----------
    read : callable
        ``read(row, column)`` returns a base tile by tile index: (tile, tile) or
        (tile, tile, samples) uint8 or uint16, smaller at the right and bottom edges.
    rows, columns : int
        Of the base level, in pixels.
    tile : int
        Edge of a tile; even.

    Yields
    ------
    PyramidTile
        Levels 1 and up; a tile comes once all beneath it are read.

    Raises
    ------
    ValueError
        `tile` is odd, or `read` gave a tile of another shape than its place asks for.
    """
    shapes = pyramid_shapes(rows, columns, tile)
    if tile % 2:
        raise ValueError(f"tile is {tile}; expected an even number")

    def size_at(level: int, row: int, column: int) -> tuple[int, int]:
        height, width = shapes[level]
        return min(tile, height - row * tile), min(tile, width - column * tile)

    def base(row: int, column: int) -> NDArray[Any]:
        pixels = np.asarray(read(row, column))
        if pixels.shape[:2] != size_at(0, row, column):
            raise ValueError(
                f"read({row}, {column}) gave shape {pixels.shape}; "
                f"expected {size_at(0, row, column)} pixels"
            )
        return pixels

    def build(level: int, row: int, column: int) -> Iterator[PyramidTile]:
        """Yield all tiles beneath this one, then this one."""
        height, width = size_at(level, row, column)
        target: NDArray[Any] | None = None
        for below in (
            (2 * row, 2 * column),
            (2 * row, 2 * column + 1),
            (2 * row + 1, 2 * column),
            (2 * row + 1, 2 * column + 1),
        ):
            if min(size_at(level - 1, *below)) < 1:
                continue
            pixels: NDArray[Any]
            if level == 1:
                pixels = base(*below)
            else:
                for part in build(level - 1, *below):
                    yield part
                    pixels = part.pixels  # the last one is the tile itself
            quarter = halve(pixels)
            if target is None:
                target = np.empty((height, width, *quarter.shape[2:]), quarter.dtype)
            top, left = (below[0] % 2) * tile // 2, (below[1] % 2) * tile // 2
            target[top : top + quarter.shape[0], left : left + quarter.shape[1]] = quarter
        assert target is not None
        yield PyramidTile(level, row, column, target)

    if len(shapes) > 1:
        yield from build(len(shapes) - 1, 0, 0)


@jit(
    "void(u1[:,::1], i8, u2[::1], u1[:,::1])",
    "void(u2[:,::1], i8, u4[::1], u2[:,::1])",
    writes=2,
)
def halve_rows(tile: NDArray[Any], samples: int, sums: NDArray[Any], smaller: NDArray[Any]) -> None:
    """Average 2 x 2 blocks of interleaved samples.

    Pairs of rows are added first, pixel after pixel; that and fixed strides for one and three
    samples are what the vectoriser needs.
    """
    rows, width = tile.shape
    full = width // samples // 2
    half = sums.dtype.type(2)
    for i in range(smaller.shape[0]):
        upper, lower = tile[2 * i], tile[min(2 * i + 1, rows - 1)]
        target = smaller[i]
        for j in range(width):
            sums[j] = sums.dtype.type(upper[j]) + sums.dtype.type(lower[j])
        if samples == 1:
            for j in range(full):
                target[j] = (sums[2 * j] + sums[2 * j + 1] + half) >> half
        elif samples == 3:
            for j in range(full):
                target[3 * j] = (sums[6 * j] + sums[6 * j + 3] + half) >> half
                target[3 * j + 1] = (sums[6 * j + 1] + sums[6 * j + 4] + half) >> half
                target[3 * j + 2] = (sums[6 * j + 2] + sums[6 * j + 5] + half) >> half
        else:
            for j in range(full):
                for s in range(samples):
                    left = 2 * j * samples + s
                    target[j * samples + s] = (sums[left] + sums[left + samples] + half) >> half
        if (width // samples) % 2:
            for s in range(samples):
                edge = sums[width - samples + s]
                target[full * samples + s] = (edge + edge + half) >> half
