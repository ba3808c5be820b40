"""What thick slices leave behind in a head that moved and was put back.

A slice shows the mean of all it covers. Where a frame's head lay between two slices of the first
ones, interpolation cannot give back what both blurred: edges along the slices brighten and darken
with the place between slices, over and over, whatever contrast does. To the first order that is
a sine and a cosine of the phase, of an amplitude of each voxel's own. Both are fitted beside the
time courses that all tissue shares, and taken away.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from kernels._jit import jit
from kernels._threads import spread
from kernels.perfusion.curves import on_one_clock, smooth_in_plane
from kernels.perfusion.denoising import leading_courses
from kernels.rigid import rotation_matrix

__all__ = ["without_slice_phase"]

COURSES = 5
SMOOTHING_MM = 4.0
UNMOVED_MM = 0.05
LEAST_FREE = 6  # samples beyond what is fitted

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def without_slice_phase(
    curves: Floats,
    numbers: NDArray[np.int32],
    times_s: Doubles,
    taken: NDArray[np.bool_],
    clock_s: Doubles,
    motion: Doubles,
    spacing_mm: Doubles,
) -> Floats:
    """Take from each curve what goes with its place between slices.

    Parameters
    ----------
    curves : (voxels, times) float32
        HU at the frames' own times, of the voxels of `numbers`.
    numbers : (slices, rows, columns) int32
    times_s, taken : (times, slices)
    clock_s : (samples,)
        Common to all slices: shared time courses are found on it.
    motion : (times, 6)
        `SteadySeries.motion`.
    """
    if np.abs(motion).max(initial=0) < UNMOVED_MM:
        return curves
    counts = (numbers >= 0).sum(axis=(1, 2))
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    even = on_one_clock(curves, bounds, times_s, taken, clock_s)
    even -= even[:, :1]
    everything = np.ones(len(even), np.bool_)
    even = smooth_in_plane(even, numbers, everything, SMOOTHING_MM, spacing_mm)
    even -= even[:, :3].mean(axis=1, keepdims=True)
    courses = CubicSpline(clock_s, leading_courses(even, everything, COURSES))

    result = curves.copy()
    half = (np.array(numbers.shape) - 1) / 2
    poses = np.array([[*rotation_matrix(one[3:])[0], one[0]] for one in motion])
    for index in np.flatnonzero(counts):
        own = np.flatnonzero(taken[:, index])
        if len(own) < COURSES + 3 + LEAST_FREE:
            continue
        when = np.clip(times_s[own, index], clock_s[0], clock_s[-1])
        shared, _ = np.linalg.qr(np.column_stack([np.ones(len(own)), courses(when)]))
        places = np.argwhere(numbers[index] >= 0)
        spots = np.column_stack([np.full(len(places), index), places]) - half
        members = slice(bounds[index], bounds[index + 1])
        block = np.ascontiguousarray(curves[members][:, own])
        heights = np.ascontiguousarray(spots * spacing_mm)
        rows = np.ascontiguousarray(poses[own])
        thick = float(spacing_mm[0])
        spread(fit_phases, len(block), heights, rows, shared, thick, block, least=1024)
        result[members, own] = block
    return result


@jit("void(i8, i8, f8[:,::1], f8[:,::1], f8[:,::1], f8, f4[:,::1])")
def fit_phases(
    start: int,
    stop: int,
    places: Doubles,
    poses: Doubles,
    shared: Doubles,
    slice_mm: float,
    curves: Floats,
) -> None:
    """Fit sine and cosine beside the shared courses; subtract them, in place.

    What the shared courses explain is first taken from all three (Frisch and Waugh), so that
    two equations are left, of which small ones are held towards zero.
    """
    times, count = shared.shape
    waves = np.empty((2, times))
    rest = np.empty((3, times))
    for voxel in range(start, stop):
        z, y, x = places[voxel]
        for n in range(times):
            height = poses[n, 0] * z + poses[n, 1] * y + poses[n, 2] * x + poses[n, 3]
            angle = 2 * np.pi * (height - z) / slice_mm
            waves[0, n] = rest[0, n] = np.sin(angle)
            waves[1, n] = rest[1, n] = np.cos(angle) - 1
            rest[2, n] = curves[voxel, n]
        for course in range(count):
            for row in range(3):
                share = 0.0
                for n in range(times):
                    share += rest[row, n] * shared[n, course]
                for n in range(times):
                    rest[row, n] -= share * shared[n, course]
        ss = cc = 1e-3 * times
        sc = sy = cy = 0.0
        for n in range(times):
            ss += rest[0, n] * rest[0, n]
            cc += rest[1, n] * rest[1, n]
            sc += rest[0, n] * rest[1, n]
            sy += rest[0, n] * rest[2, n]
            cy += rest[1, n] * rest[2, n]
        part = ss * cc - sc * sc
        sine, cosine = (cc * sy - sc * cy) / part, (ss * cy - sc * sy) / part
        for n in range(times):
            curves[voxel, n] -= np.float32(sine * waves[0, n] + cosine * waves[1, n])
