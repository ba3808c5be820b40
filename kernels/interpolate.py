"""Linear and nearest interpolation along rows of a plane: the machine code of `kernels.reslice`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels._jit import helper, jit

__all__ = ["plane_linear", "plane_nearest", "points_linear", "slab_linear"]

EDGE = 1e-6  # in voxels: how far beyond the outermost centres rounding may carry a point


@helper
def interpolate(  # type: ignore[no-untyped-def]
    volume, places, count, cells, shares, corners, values
):
    """Interpolate at ``places[:, :count]``: voxel indices (z, y, x), all within the volume.

    `cells`, `shares` and `corners` are room to work in. Three plain loops run twice as fast as
    one that does everything: the first and last use the whole width of the processor, and the
    one between does nothing but fetch.
    """
    slices, rows, columns = volume.shape
    flat = volume.reshape(-1)
    below = np.uint64(rows * columns if slices > 1 else 0)
    down = np.uint64(columns if rows > 1 else 0)
    right = np.uint64(1 if columns > 1 else 0)
    last_z, last_y = np.int32(max(slices - 2, 0)), np.int32(max(rows - 2, 0))
    last_x = np.int32(max(columns - 2, 0))
    for index in range(count):
        z, y, x = places[0, index], places[1, index], places[2, index]
        k = min(np.int32(z), last_z)
        i = min(np.int32(y), last_y)
        j = min(np.int32(x), last_x)
        shares[0, index] = np.float32(z - k)
        shares[1, index] = np.float32(y - i)
        shares[2, index] = np.float32(x - j)
        cells[index] = (np.int64(k) * rows + i) * columns + j
    for index in range(count):
        near = np.uint64(cells[index])
        corners[0, index] = flat[near]
        corners[1, index] = flat[near + right]
        corners[2, index] = flat[near + down]
        corners[3, index] = flat[near + down + right]
        far = near + below
        corners[4, index] = flat[far]
        corners[5, index] = flat[far + right]
        corners[6, index] = flat[far + down]
        corners[7, index] = flat[far + down + right]
    for index in range(count):
        w, v, u = shares[0, index], shares[1, index], shares[2, index]
        a = corners[0, index] + u * (corners[1, index] - corners[0, index])
        b = corners[2, index] + u * (corners[3, index] - corners[2, index])
        c = corners[4, index] + u * (corners[5, index] - corners[4, index])
        d = corners[6, index] + u * (corners[7, index] - corners[6, index])
        a += v * (b - a)
        c += v * (d - c)
        values[index] = a + w * (c - a)


@helper
def stretch_within(first, step, length, low, high):  # type: ignore[no-untyped-def]
    """Narrow [low, high) to the steps j for which ``0 <= first + j * step <= length - 1``."""
    if abs(step) < 1e-12:
        if first < -EDGE or first > length - 1 + EDGE:
            return low, low
        return low, high
    one, other = (-EDGE - first) / step, (length - 1 + EDGE - first) / step
    if one > other:
        one, other = other, one
    if one > high or other < low:
        return low, low
    low = max(low, int(np.ceil(one)))
    high = min(high, int(np.floor(other)) + 1)
    return low, max(low, high)


@helper
def row_within(shape, origin, steps, i, places, width):  # type: ignore[no-untyped-def]
    """Write the voxel indices of row `i` that lie within the volume; return their columns."""
    low, high = 0, width
    for axis in range(3):
        first = origin[axis] + i * steps[0, axis]
        low, high = stretch_within(first, steps[1, axis], shape[axis], low, high)
    for axis in range(3):
        first = origin[axis] + i * steps[0, axis] + low * steps[1, axis]
        step, line = steps[1, axis], places[axis]
        for j in range(high - low):
            line[j] = first + j * step
    return low, high


@jit(
    "void(i8, i8, i2[:,:,::1], f8[::1], f8[:,::1], f4, f4[:,::1])",
    "void(i8, i8, f4[:,:,::1], f8[::1], f8[:,::1], f4, f4[:,::1])",
)
def plane_linear(
    start: int,
    stop: int,
    volume: NDArray[Any],
    origin: NDArray[np.float64],
    steps: NDArray[np.float64],
    fill: np.float32,
    result: NDArray[np.float32],
) -> None:
    """Sample rows `start` to `stop` of a plane."""
    width = result.shape[1]
    places, cells = np.empty((3, width)), np.empty(width, np.int64)
    shares, corners = np.empty((3, width), np.float32), np.empty((8, width), np.float32)
    for i in range(start, stop):
        row = result[i]
        low, high = row_within(volume.shape, origin, steps, i, places, width)
        row[:low] = fill
        interpolate(volume, places, high - low, cells, shares, corners, row[low:high])
        row[high:] = fill


@jit(
    "void(i8, i8, i2[:,:,::1], f8[::1], f8[:,::1], f4, f4[:,::1])",
    "void(i8, i8, f4[:,:,::1], f8[::1], f8[:,::1], f4, f4[:,::1])",
)
def plane_nearest(
    start: int,
    stop: int,
    volume: NDArray[Any],
    origin: NDArray[np.float64],
    steps: NDArray[np.float64],
    fill: np.float32,
    result: NDArray[np.float32],
) -> None:
    """As `plane_linear`, with the nearest voxel; half-way goes up."""
    slices, rows, columns = volume.shape
    width = result.shape[1]
    places = np.empty((3, width))
    for i in range(start, stop):
        low, high = row_within(volume.shape, origin, steps, i, places, width)
        result[i, :low] = fill
        for j in range(high - low):
            k = min(max(int(np.floor(places[0, j] + 0.5)), 0), slices - 1)
            m = min(max(int(np.floor(places[1, j] + 0.5)), 0), rows - 1)
            n = min(max(int(np.floor(places[2, j] + 0.5)), 0), columns - 1)
            result[i, low + j] = volume[k, m, n]
        result[i, high:] = fill


@jit(
    "void(i8, i8, i2[:,:,::1], f8[::1], f8[:,::1], f8[::1], i8, i8, f4, f4[:,::1])",
    "void(i8, i8, f4[:,:,::1], f8[::1], f8[:,::1], f8[::1], i8, i8, f4, f4[:,::1])",
)
def slab_linear(
    start: int,
    stop: int,
    volume: NDArray[Any],
    origin: NDArray[np.float64],
    steps: NDArray[np.float64],
    depth: NDArray[np.float64],
    count: int,
    how: int,
    fill: np.float32,
    result: NDArray[np.float32],
) -> None:
    """Gather `count` parallel planes, `depth` apart, into one, leaving out NaN."""
    width = result.shape[1]
    places, cells = np.empty((3, width)), np.empty(width, np.int64)
    shares, corners = np.empty((3, width), np.float32), np.empty((8, width), np.float32)
    values = np.empty(width, np.float32)
    seen = np.empty(width, np.int32)
    nothing = np.float32(0 if how == 2 else (-np.inf if how == 0 else np.inf))
    for i in range(start, stop):
        best = result[i]
        best[:] = nothing
        seen[:] = 0
        for ray in range(count):
            low, high = row_within(volume.shape, origin + ray * depth, steps, i, places, width)
            interpolate(volume, places, high - low, cells, shares, corners, values)
            part, times = best[low:high], seen[low:high]
            for j in range(high - low):
                value = values[j]
                number = value == value
                times[j] += np.int32(number)
                if how == 0:
                    part[j] = value if value > part[j] else part[j]
                elif how == 1:
                    part[j] = value if value < part[j] else part[j]
                else:
                    part[j] += value if number else np.float32(0)
        for j in range(width):
            if seen[j] == 0:
                best[j] = fill
            elif how == 2:
                best[j] /= np.float32(seen[j])


@jit(
    "void(i8, i8, i2[:,:,::1], f8[:,::1], f4, f4[::1])",
    "void(i8, i8, f4[:,:,::1], f8[:,::1], f4, f4[::1])",
)
def points_linear(
    start: int,
    stop: int,
    volume: NDArray[Any],
    places: NDArray[np.float64],
    fill: np.float32,
    result: NDArray[np.float32],
) -> None:
    """Interpolate at voxel indices, `fill` outside."""
    width = 512
    inside, order = np.empty((3, width)), np.empty(width, np.int64)
    cells, values = np.empty(width, np.int64), np.empty(width, np.float32)
    shares, corners = np.empty((3, width), np.float32), np.empty((8, width), np.float32)
    for first in range(start, stop, width):
        count = 0
        for index in range(first, min(first + width, stop)):
            result[index] = fill
            within = True
            for axis in range(3):
                place = places[index, axis]
                within &= place >= -EDGE and place <= volume.shape[axis] - 1 + EDGE
                inside[axis, count] = place
            if within:
                order[count] = index
                count += 1
        interpolate(volume, inside, count, cells, shares, corners, values)
        for index in range(count):
            result[order[index]] = values[index]
