"""Shrinking a stack, standing it upright and evening it out; bringing masks back from there."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels._jit import jit
from kernels._threads import spread
from kernels.resample import even, unshear
from kernels.stack import StackGeometry

__all__ = ["bring_back", "even_box", "shrink"]


def even_box(
    values: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    geometry: StackGeometry,
    pixel_mm: NDArray[np.float64],
    factors: tuple[int, int],
    group: int,
    step_mm: float,
    fill: float,
) -> tuple[
    NDArray[np.float32],
    NDArray[np.bool_],
    NDArray[np.bool_],
    tuple[float, NDArray[np.float64]],
]:
    """Shrink, stand upright and even out; also tell where the first voxel lies."""
    slices, rows, columns = values.shape
    shape = slices, max(rows // factors[0], 1), max(columns // factors[1], 1)
    small = np.empty(shape, np.float32)
    clean = np.empty(shape, np.bool_)
    padded = valid is not None
    seen = valid if valid is not None else np.ones((1, 1, 1), np.bool_)
    arguments = values, np.ascontiguousarray(seen), padded, *factors, np.float32(fill)
    spread(shrink, slices, *arguments, small, clean)
    size = pixel_mm * factors
    upright = unshear(small, geometry.shear_mm, size, fill, None if clean.all() else clean)
    picture, kept = upright.array, upright.valid
    places = geometry.positions_along_normal_mm
    if group > 1:
        whole = len(picture) // group * group
        if whole:
            picture = averaged(picture[:whole], group)
            kept = np.logical_and.reduceat(kept[:whole], np.arange(0, whole, group), axis=0)
            places = places[:whole].reshape(-1, group).mean(axis=1)
    gaps = [gap.after for gap in geometry.gaps] if group == 1 else []
    evened = even(picture, places, step_mm, gaps)
    sure = even(kept.astype(np.float32), places, step_mm).array > 0.999
    box = evened.array
    box[~sure] = fill
    start = upright.origin_shift_mm + (np.array(factors) - 1) / 2 * pixel_mm
    return box, sure, evened.invented, (float(places[0]), start)


def averaged(picture: NDArray[np.float32], group: int) -> NDArray[np.float32]:
    result = np.zeros((len(picture) // group, *picture.shape[1:]), np.float32)
    for part in range(group):
        result += picture[part::group]
    result /= np.float32(group)
    return result


@jit(
    "void(i8, i8, i2[:,:,::1], b1[:,:,::1], b1, i8, i8, f4, f4[:,:,::1], b1[:,:,::1])",
    "void(i8, i8, f4[:,:,::1], b1[:,:,::1], b1, i8, i8, f4, f4[:,:,::1], b1[:,:,::1])",
    writes=2,
)
def shrink(
    start: int,
    stop: int,
    values: NDArray[Any],
    valid: NDArray[np.bool_],
    padded: bool,
    row_factor: int,
    column_factor: int,
    fill: Any,
    small: NDArray[np.float32],
    clean: NDArray[np.bool_],
) -> None:
    """Average blocks within slices over their valid pixels; at least half must be."""
    for k in range(start, stop):
        for i in range(small.shape[1]):
            for j in range(small.shape[2]):
                total = np.float32(0)
                count = 0
                for m in range(i * row_factor, min((i + 1) * row_factor, values.shape[1])):
                    for n in range(
                        j * column_factor, min((j + 1) * column_factor, values.shape[2])
                    ):
                        if not padded or valid[k, m, n]:
                            total += np.float32(values[k, m, n])
                            count += 1
                clean[k, i, j] = 2 * count >= row_factor * column_factor
                small[k, i, j] = total / np.float32(max(count, 1)) if clean[k, i, j] else fill


@jit("void(i8, i8, u1[:,:,::1], f8[:,::1], f8[::1], u1[:,:,::1])")
def bring_back(
    start: int,
    stop: int,
    mask: NDArray[np.uint8],
    starts: NDArray[np.float64],
    steps: NDArray[np.float64],
    result: NDArray[np.uint8],
) -> None:
    """Mark source voxels that are at least half inside a mask on the even box."""
    slices, rows, columns = mask.shape
    for k in range(start, stop):
        z = min(max(starts[k, 0], 0.0), slices - 1.0)
        lower = int(z)
        upper = min(lower + 1, slices - 1)
        w = z - lower
        for i in range(result.shape[1]):
            y = starts[k, 1] + i * steps[0]
            if y < -0.5 or y > rows - 0.5:
                continue
            y = min(max(y, 0.0), rows - 1.0)
            top = int(y)
            bottom = min(top + 1, rows - 1)
            v = y - top
            for j in range(result.shape[2]):
                x = starts[k, 2] + j * steps[1]
                if x < -0.5 or x > columns - 0.5:
                    continue
                x = min(max(x, 0.0), columns - 1.0)
                left = int(x)
                right = min(left + 1, columns - 1)
                u = x - left
                first = (1 - v) * ((1 - u) * mask[lower, top, left] + u * mask[lower, top, right])
                first += v * ((1 - u) * mask[lower, bottom, left] + u * mask[lower, bottom, right])
                second = (1 - v) * ((1 - u) * mask[upper, top, left] + u * mask[upper, top, right])
                second += v * ((1 - u) * mask[upper, bottom, left] + u * mask[upper, bottom, right])
                if (1 - w) * first + w * second >= 0.5 - 1e-9:
                    result[k, i, j] = 1
