"""Voxel-major curves: gathered, over their baseline, smoothed in plane, on one clock."""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from kernels._jit import jit
from kernels._threads import spread

__all__ = ["gather_curves", "numbered", "on_one_clock", "smooth_in_plane"]

Floats = NDArray[np.float32]


def numbered(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the number of each voxel of a mask, in C order; -1 outside."""
    numbers = np.full(mask.shape, -1, np.int32)
    numbers[mask] = np.arange(int(mask.sum()), dtype=np.int32)
    return numbers


def gather_curves(
    series: NDArray[np.int8 | np.int16 | np.float32], numbers: NDArray[np.int32]
) -> Floats:
    """Return the (voxels, times) curves of the numbered voxels of a (times, ...) series."""
    times, slices, rows, columns = series.shape
    curves = np.empty((int(numbers.max()) + 1, times), np.float32)
    lines = series.reshape(times, slices * rows, columns)
    spread(gather_rows, slices * rows, lines, numbers.reshape(slices * rows, columns), curves)
    return curves


@jit(
    "void(i8, i8, i1[:,:,::1], i4[:,::1], f4[:,::1])",
    "void(i8, i8, i2[:,:,::1], i4[:,::1], f4[:,::1])",
    "void(i8, i8, f4[:,:,::1], i4[:,::1], f4[:,::1])",
)
def gather_rows(
    start: int,
    stop: int,
    lines: NDArray[np.int8 | np.int16 | np.float32],
    numbers: NDArray[np.int32],
    curves: Floats,
) -> None:
    for line in range(start, stop):
        for time in range(lines.shape[0]):
            for column in range(lines.shape[2]):
                number = numbers[line, column]
                if number >= 0:
                    curves[number, time] = lines[time, line, column]


def smooth_in_plane(
    curves: Floats,
    numbers: NDArray[np.int32],
    tissue: NDArray[np.bool_],
    sigma_mm: float,
    spacing_mm: NDArray[np.float64],
) -> Floats:
    """Average each tissue curve with its neighbours in the slice, weighted by a Gaussian.

    Only tissue lends and only tissue takes (normalised convolution): nothing comes over from
    skull, air or vessels, whose own curves are returned as they are. Weights end at 3 sigma.
    """
    smoothed = curves.copy()
    down, across = (gaussian(sigma_mm / float(spacing_mm[axis])) for axis in (1, 2))
    spread(smooth_slices, len(numbers), curves, numbers, tissue, down, across, smoothed)
    return smoothed


def gaussian(sigma: float) -> Floats:
    """Return the weights of a Gaussian of `sigma` samples; they sum to 1."""
    reach = int(np.ceil(3 * sigma))
    if reach == 0:
        return np.ones(1, np.float32)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)


@jit(
    "void(i8, i8, f4[:,::1], i4[:,:,::1], b1[::1], f4[::1], f4[::1], f4[:,::1])",
    fast=True,
)
def smooth_slices(
    start: int,
    stop: int,
    curves: Floats,
    numbers: NDArray[np.int32],
    tissue: NDArray[np.bool_],
    down: Floats,
    across: Floats,
    smoothed: Floats,
) -> None:
    """Filter along rows, then along columns; the last sample of a line counts the weights."""
    rows, columns = numbers.shape[1:]
    times = curves.shape[1]
    reach, width = down.shape[0] // 2, across.shape[0] // 2
    lines = np.zeros((rows, columns, times + 1), np.float32)
    total = np.zeros(times + 1, np.float32)
    for index in range(start, stop):
        lines[...] = 0
        top, bottom = rows, -1
        for row in range(rows):
            for column in range(columns):
                number = numbers[index, row, column]
                if number < 0 or not tissue[number]:
                    continue
                top, bottom = min(top, row), row
                source = curves[number]
                for other in range(max(column - width, 0), min(column + width + 1, columns)):
                    weight = across[other - column + width]
                    target = lines[row, other]
                    for time in range(times):
                        target[time] += weight * source[time]
                    target[times] += weight
        for row in range(top, bottom + 1):
            for column in range(columns):
                number = numbers[index, row, column]
                if number < 0 or not tissue[number]:
                    continue
                total[:] = 0
                for other in range(max(row - reach, top), min(row + reach + 1, bottom + 1)):
                    weight = down[other - row + reach]
                    source = lines[other, column]
                    for time in range(times + 1):
                        total[time] += weight * source[time]
                share = np.float32(1) / total[times]
                for time in range(times):
                    smoothed[number, time] = total[time] * share


def on_one_clock(
    curves: Floats,
    slice_of: NDArray[np.intp],
    times_s: NDArray[np.float64],
    taken: NDArray[np.bool_],
    clock_s: NDArray[np.float64],
) -> Floats:
    """Interpolate every curve from its own slice's times, by natural cubic splines.

    Lines would cut the tops off, more or less as samples lie about them: flow would depend on
    delay. Before a slice's first image and after its last the curve stays level.

    Parameters
    ----------
    curves : (voxels, times)
        In the order of their slices.
    slice_of : (slices + 1,)
        Where each slice's voxels begin, and the last end.
    times_s, taken : (times, slices)
        Images that were not taken are passed over.
    clock_s : (samples,)
    """
    result = np.empty((len(curves), len(clock_s)), np.float32)
    for index in range(len(slice_of) - 1):
        members = slice(slice_of[index], slice_of[index + 1])
        own = np.flatnonzero(taken[:, index])
        when = times_s[own, index]
        spline = CubicSpline(when, np.eye(len(own)), bc_type="natural")
        weights = np.zeros((curves.shape[1], len(clock_s)), np.float32)
        weights[own] = spline(np.clip(clock_s, when[0], when[-1])).T
        np.matmul(curves[members], weights, out=result[members])
    return result
