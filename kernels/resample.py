"""From slices as they were scanned to an upright, even box of voxels.

Gantry tilt shears a stack, which no affine-free format can say; thickness changes and lost
slices make it uneven. `unshear` and `even` mend both, and say which voxels they made up.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, finite_array, number, positive, room
from kernels._jit import jit
from kernels._threads import spread

__all__ = ["EvenStack", "UprightStack", "even", "unshear"]


@dataclass(frozen=True)
class UprightStack:
    """A stack whose slices lie straight over each other.

    Attributes
    ----------
    array : (slices, rows, columns) int16 or float32
        The input's dtype, with rows and columns added for the shift.
    valid : (slices, rows, columns) bool
        False where nothing was scanned.
    origin_shift_mm : (2,) float64
        From the old to the new centre of the first voxel of the first slice, along the column
        direction and along the row direction.
    """

    array: NDArray[Any]
    valid: NDArray[np.bool_]
    origin_shift_mm: NDArray[np.float64]


@dataclass(frozen=True)
class EvenStack:
    """A stack resampled to one spacing.

    Attributes
    ----------
    array : (slices, rows, columns) float32
    positions_mm : (slices,) float64
        Along the normal.
    invented : (slices,) bool
        True for slices made up across a gap. Show them as missing; measure nothing there.
    """

    array: NDArray[np.float32]
    positions_mm: NDArray[np.float64]
    invented: NDArray[np.bool_]


def unshear(
    volume: ArrayLike,
    shear_mm: ArrayLike,
    pixel_spacing_mm: ArrayLike,
    fill: float = -1024.0,
    valid: NDArray[np.bool_] | None = None,
    out: NDArray[Any] | None = None,
) -> UprightStack:
    """Shift each slice in its plane so that the stack stands along its normal.

    Exact for any tilt, any sign and uneven spacing, since each slice moves by its own shift.
    Values are interpolated linearly; where a neighbour is not `valid`, the nearest is taken, so
    that padding never bleeds into tissue.

    Parameters
    ----------
    volume : (slices, rows, columns) int16 or float32
        In order along the normal.
    shear_mm : (slices, 2)
        `StackGeometry.shear_mm`.
    pixel_spacing_mm : (2,)
        Distance of rows, distance of columns (Pixel Spacing, PS3.3 10.7.1.3).
    fill : float
        Value where nothing was scanned.
    valid : (slices, rows, columns) bool, optional
        False marks padding.
    out : contiguous array of the result's shape and dtype, optional

    Raises
    ------
    ValueError
        An argument has the wrong shape or value, or the shift would need an absurd volume.
    """
    found = scanned("volume", volume)
    slices, rows, columns = found.shape
    shear = finite_array("shear_mm", shear_mm, (slices, 2))
    spacing = finite_array("pixel_spacing_mm", pixel_spacing_mm, (2,))
    positive("the least of pixel_spacing_mm", float(spacing.min()))
    given = None
    if valid is not None:
        given = np.ascontiguousarray(valid)
        if given.shape != found.shape or given.dtype != np.bool_:
            raise ValueError(
                f"valid has shape {given.shape} and dtype {given.dtype}; "
                f"expected booleans of shape {found.shape}"
            )
    start = shear.min(axis=0) if slices else np.zeros(2)
    with np.errstate(over="ignore"):
        shifts = (shear - start) / spacing
    more = np.ceil(shifts.max(axis=0) - 1e-6) if slices else np.zeros(2)
    shape = room("the upright shape", (slices, rows + more[0], columns + more[1]), 4)
    result = np.empty(shape, found.dtype) if out is None else out
    if result.shape != shape or result.dtype != found.dtype or not result.flags.c_contiguous:
        raise ValueError(
            f"out has shape {result.shape} and dtype {result.dtype}; "
            f"expected contiguous {found.dtype} of shape {shape}"
        )
    whole = found.dtype == np.int16
    if whole and not -32768 <= number("fill", fill) <= 32767:
        raise ValueError(f"fill is {fill!r}; expected a value that fits int16, like volume")
    empty = found.dtype.type(number("fill", fill))
    straight = not shifts[:, 1].any() and given is None
    if straight:
        spread(shift_rows, slices, found, shifts[:, 0].copy(), empty, whole, result)
        reach = rows_within(shifts[:, 0], rows, shape[1])
        kept = np.broadcast_to(reach[:, :, None], shape)
    else:
        seen = np.ones(found.shape, np.bool_) if given is None else given
        kept = np.empty(shape, np.bool_)
        spread(shift_plane, slices, found, seen, shifts, empty, whole, result, kept)
    return UprightStack(result, kept, start)


def even(
    volume: ArrayLike,
    positions_mm: ArrayLike,
    step_mm: float,
    gap_intervals: ArrayLike = (),
) -> EvenStack:
    """Resample an uneven stack to even spacing, linearly along the normal.

    Parameters
    ----------
    volume : (slices, rows, columns) int16 or float32
    positions_mm : (slices,), rising
        `StackGeometry.positions_along_normal_mm`.
    step_mm : float
        Spacing of the result, which begins at the first slice and does not pass the last.
    gap_intervals : integers
        Intervals where slices are missing: ``[gap.after for gap in geometry.gaps]``. What
        falls within is interpolated across, and marked as invented.

    Raises
    ------
    ValueError
        Positions do not rise, or an argument has the wrong shape or value.
    """
    found = scanned("volume", volume)
    places = finite_array("positions_mm", positions_mm, (len(found),))
    step = positive("step_mm", step_mm)
    if not len(found):
        raise ValueError(f"volume has shape {found.shape}; expected at least one slice")
    if (np.diff(places) <= 0).any():
        raise ValueError("positions_mm does not rise; expected slices in order, one per place")
    with np.errstate(over="ignore"):
        intervals = np.floor((places[-1] - places[0]) / step + 1e-6)
    count, *_ = shape = room("the even shape", (intervals + 1, *found.shape[1:]), 4)
    targets = places[0] + step * np.arange(count)
    lower = np.clip(np.searchsorted(places, targets + 1e-6 * step, "right") - 1, 0, None)
    upper = np.minimum(lower + 1, len(places) - 1)
    span = np.where(upper > lower, places[upper] - places[lower], 1.0)
    share = np.clip((targets - places[lower]) / span, 0, 1)
    gaps = np.asarray(gap_intervals, np.int64).reshape(-1)
    if len(gaps) and not (gaps.min() >= 0 and gaps.max() < len(places) - 1):
        raise ValueError(
            f"gap_intervals is {gaps.tolist()}; expected intervals from 0 to {len(places) - 2}"
        )
    result = np.empty(shape, np.float32)
    spread(
        blend_slices,
        count,
        found.reshape(len(found), -1),
        lower,
        upper,
        share.astype(np.float32),
        result.reshape(count, -1),
    )
    within = np.isin(lower, gaps) & (share > 1e-6) & (share < 1 - 1e-6)
    return EvenStack(result, targets, within)


def scanned(name: str, volume: ArrayLike) -> NDArray[Any]:
    """Return a volume as contiguous int16 or float32."""
    found = array(name, volume, (3,))
    if found.dtype not in (np.int16, np.float32):
        raise ValueError(f"{name} has dtype {found.dtype}; expected int16 or float32")
    return np.ascontiguousarray(found)


def rows_within(shifts: NDArray[np.float64], rows: int, upright_rows: int) -> NDArray[np.bool_]:
    """Tell which upright rows have a source between two rows of their slice."""
    sources = np.arange(upright_rows) - shifts[:, None]
    return np.asarray((sources >= -1e-6) & (sources <= rows - 1 + 1e-6))


@jit(
    "void(i8, i8, i2[:,:,::1], f8[::1], i2, b1, i2[:,:,::1])",
    "void(i8, i8, f4[:,:,::1], f8[::1], f4, b1, f4[:,:,::1])",
)
def shift_rows(
    start: int,
    stop: int,
    volume: NDArray[Any],
    shifts: NDArray[np.float64],
    fill: Any,
    whole: bool,
    result: NDArray[Any],
) -> None:
    """Move slice k down by ``shifts[k]`` rows; round if `whole`."""
    rows, columns = volume.shape[1], volume.shape[2]
    for k in range(start, stop):
        for i in range(result.shape[1]):
            source = i - shifts[k]
            if source < -1e-6 or source > rows - 1 + 1e-6:
                for j in range(columns):
                    result[k, i, j] = fill
                continue
            lower = min(max(int(np.floor(source)), 0), max(rows - 2, 0))
            upper = min(lower + 1, rows - 1)
            share = np.float32(min(max(source - lower, 0.0), 1.0))
            for j in range(columns):
                first = np.float32(volume[k, lower, j])
                value = first + share * (np.float32(volume[k, upper, j]) - first)
                if whole:
                    value = np.floor(value + np.float32(0.5))
                result[k, i, j] = value


@jit(
    "void(i8, i8, i2[:,:,::1], b1[:,:,::1], f8[:,::1], i2, b1, i2[:,:,::1], b1[:,:,::1])",
    "void(i8, i8, f4[:,:,::1], b1[:,:,::1], f8[:,::1], f4, b1, f4[:,:,::1], b1[:,:,::1])",
    writes=2,
)
def shift_plane(
    start: int,
    stop: int,
    volume: NDArray[Any],
    valid: NDArray[np.bool_],
    shifts: NDArray[np.float64],
    fill: Any,
    whole: bool,
    result: NDArray[Any],
    kept: NDArray[np.bool_],
) -> None:
    """Move slice k by ``shifts[k]`` rows and columns, minding padding; round if `whole`."""
    rows, columns = volume.shape[1], volume.shape[2]
    for k in range(start, stop):
        for i in range(result.shape[1]):
            down = i - shifts[k, 0]
            top = min(max(int(np.floor(down)), 0), max(rows - 2, 0))
            bottom = min(top + 1, rows - 1)
            v = np.float32(min(max(down - top, 0.0), 1.0))
            for j in range(result.shape[2]):
                across = j - shifts[k, 1]
                kept[k, i, j] = False
                result[k, i, j] = fill
                if down < -1e-6 or down > rows - 1 + 1e-6:
                    continue
                if across < -1e-6 or across > columns - 1 + 1e-6:
                    continue
                left = min(max(int(np.floor(across)), 0), max(columns - 2, 0))
                right = min(left + 1, columns - 1)
                u = np.float32(min(max(across - left, 0.0), 1.0))
                clean = (
                    (valid[k, top, left] or v == 1 or u == 1)
                    and (valid[k, top, right] or v == 1 or u == 0)
                    and (valid[k, bottom, left] or v == 0 or u == 1)
                    and (valid[k, bottom, right] or v == 0 or u == 0)
                )
                if clean:
                    upper = np.float32(volume[k, top, left]) * (1 - u)
                    upper += np.float32(volume[k, top, right]) * u
                    lower = np.float32(volume[k, bottom, left]) * (1 - u)
                    lower += np.float32(volume[k, bottom, right]) * u
                    value = upper * (1 - v) + lower * v
                    if whole:
                        value = np.floor(value + np.float32(0.5))
                    result[k, i, j] = value
                    kept[k, i, j] = True
                    continue
                near_i = top if v < 0.5 else bottom
                near_j = left if u < 0.5 else right
                if valid[k, near_i, near_j]:
                    result[k, i, j] = volume[k, near_i, near_j]
                    kept[k, i, j] = True


@jit(
    "void(i8, i8, i2[:,::1], i8[::1], i8[::1], f4[::1], f4[:,::1])",
    "void(i8, i8, f4[:,::1], i8[::1], i8[::1], f4[::1], f4[:,::1])",
)
def blend_slices(
    start: int,
    stop: int,
    volume: NDArray[Any],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    share: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    """Write ``(1 - share) * lower + share * upper``."""
    for k in range(start, stop):
        weight = share[k]
        for index in range(volume.shape[1]):
            first = np.float32(volume[lower[k], index])
            result[k, index] = first + weight * (np.float32(volume[upper[k], index]) - first)
