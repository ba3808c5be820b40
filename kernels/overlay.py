"""Pictures made of many: fluorescence channels, and crowds of points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, finite_array, positive, room
from kernels._jit import jit
from kernels._threads import spread

__all__ = ["compose_channels", "density_grid"]


def compose_channels(
    channels: ArrayLike, ranges: ArrayLike, colours: ArrayLike
) -> NDArray[np.uint8]:
    """Add fluorescence channels up to one colour picture.

    Parameters
    ----------
    channels : (channels, rows, columns) uint8 or uint16
    ranges : (channels, 2)
        Values shown black and full, in stored values; the second above the first.
    colours : (channels, 3)
        Red, green and blue of each channel at full, 0 to 1.

    Returns
    -------
    (rows, columns, 3) uint8
        Sums beyond white are cut.
    """
    found = array("channels", channels, (3,), "u")
    if found.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"channels has dtype {found.dtype}; expected uint8 or uint16")
    limits = finite_array("ranges", ranges, (len(found), 2))
    tints = finite_array("colours", colours, (len(found), 3), np.float32)
    if not (limits[:, 1] > limits[:, 0]).all():
        raise ValueError(f"ranges is {limits.tolist()}; expected each second above its first")
    gains = (1 / (limits[:, 1] - limits[:, 0])).astype(np.float32)
    lows = limits[:, 0].astype(np.float32)
    rows, columns = found.shape[1:]
    shown = np.empty((rows, columns, 3), np.uint8)
    flat = np.ascontiguousarray(found).reshape(len(found), rows * columns)
    spread(
        add_channels,
        rows * columns,
        flat,
        lows,
        gains,
        np.ascontiguousarray(tints),
        shown.reshape(-1, 3),
        least=1 << 15,
    )
    return shown


def density_grid(
    points: ArrayLike, origin: ArrayLike, cell: float, shape: Sequence[int]
) -> NDArray[np.uint32]:
    """Count points in the cells of a grid.

    Parameters
    ----------
    points : (n, 2) float32 or float64
        x and y, in any one unit (slide millimetres); points outside are not counted, nor NaN.
    origin : (2,)
        x and y of the grid's first corner.
    cell : float
        Edge of a cell.
    shape : (rows, columns)
        Rows follow y, columns x.

    Returns
    -------
    (rows, columns) uint32
    """
    found = array("points", points, (2,))
    if found.shape[1] != 2:
        raise ValueError(f"points has shape {found.shape}; expected (n, 2)")
    corner = finite_array("origin", origin, (2,))
    edge = positive("cell", cell)
    if len(shape) != 2:
        raise ValueError(f"shape is {tuple(shape)}; expected (rows, columns)")
    counts = np.zeros(room("shape", shape, 4), np.uint32)
    kind = np.float32 if found.dtype == np.float32 else np.float64
    if counts.size:
        count_points(np.ascontiguousarray(found, kind), corner, edge, counts)
    return counts


@jit(
    *(
        f"void(i8, i8, {kind}[:,::1], f4[::1], f4[::1], f4[:,::1], u1[:,::1])"
        for kind in ("u1", "u2")
    ),
    fast=True,
)
def add_channels(
    start: int,
    stop: int,
    channels: NDArray[Any],
    lows: NDArray[np.float32],
    gains: NDArray[np.float32],
    tints: NDArray[np.float32],
    shown: NDArray[np.uint8],
) -> None:
    """Add up tinted channels, each cut to its range."""
    scale, nought = np.float32(255), np.float32(0)
    light = np.empty((3, 1024), np.float32)
    red, green, blue = light[0], light[1], light[2]
    for first in range(start, stop, 1024):
        target = shown[first : min(first + 1024, stop)]
        light[:] = np.float32(0.5)
        for channel in range(channels.shape[0]):
            source = channels[channel, first : min(first + 1024, stop)]
            low, gain = lows[channel], gains[channel] * scale
            r, g, b = tints[channel, 0], tints[channel, 1], tints[channel, 2]
            for index in range(len(source)):
                value = min(max((np.float32(source[index]) - low) * gain, nought), scale)
                red[index] += value * r
                green[index] += value * g
                blue[index] += value * b
        for index in range(len(target)):
            target[index, 0] = np.uint8(np.int32(min(max(red[index], nought), scale)))
            target[index, 1] = np.uint8(np.int32(min(max(green[index], nought), scale)))
            target[index, 2] = np.uint8(np.int32(min(max(blue[index], nought), scale)))


@jit("void(f4[:,::1], f8[::1], f8, u4[:,::1])", "void(f8[:,::1], f8[::1], f8, u4[:,::1])")
def count_points(
    points: NDArray[Any], origin: NDArray[np.float64], cell: float, counts: NDArray[np.uint32]
) -> None:
    """Count what falls in each cell."""
    rows, columns = counts.shape
    for index in range(len(points)):
        x = (points[index, 0] - origin[0]) / cell
        y = (points[index, 1] - origin[1]) / cell
        if x >= 0 and y >= 0 and x < columns and y < rows:  # false for NaN
            counts[int(y), int(x)] += np.uint32(1)
