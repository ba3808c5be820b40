"""Tissue's curves freed of noise, and their borders kept.

All tissue shares a few time courses; a curve is how much of each it holds. These amounts are
averaged over the neighbourhood, but only with neighbours whose own amounts, in a first and
evenly smoothed picture, are alike: a core is not mixed with the penumbra around it.

References
----------
Mendrik et al., Phys Med Biol 56:3857 (2011): neighbours weighed by the likeness of their curves.
"""

import numpy as np
from numpy.typing import NDArray

from kernels._jit import jit
from kernels._threads import spread

__all__ = ["average_alike", "leading_courses"]

Floats = NDArray[np.float32]
BLOCK = 65536
REACH = 2.5  # standard deviations of the Gaussian
UNLIKE = 14.0  # standard deviations of noise beyond which a neighbour counts for nothing


def leading_courses(curves: Floats, members: NDArray[np.bool_], rank: int) -> Floats:
    """Return the (times, rank) orthonormal time courses that explain most of the members.

    The eigenvectors of the (times, times) Gram matrix are the right singular vectors of the
    (voxels, times) Casorati matrix; its mean is not taken away.
    """
    times = curves.shape[1]
    chosen = np.flatnonzero(members)
    gram = np.zeros((times, times))
    for first in range(0, len(chosen), BLOCK):
        block = curves[chosen[first : first + BLOCK]]
        gram += block.T @ block
    _, vectors = np.linalg.eigh(gram)
    return np.ascontiguousarray(vectors[:, max(times - rank, 0) :], np.float32)


def average_alike(
    amounts: Floats,
    guide: Floats,
    numbers: NDArray[np.int32],
    tissue: NDArray[np.bool_],
    sigma_mm: float,
    spacing_mm: NDArray[np.float64],
    noise: float,
) -> Floats:
    """Average each tissue voxel's amounts with like neighbours' in its slice.

    A neighbour's weight is a Gaussian of its distance, times (1 - d^2 / h^2)^2, d being the
    distance of the guides and h 14 times what noise alone makes of one.

    Parameters
    ----------
    amounts, guide : (voxels, courses) float32
        As measured, and evenly smoothed.
    numbers : (slices, rows, columns) int32
        `numbered`.
    tissue : (voxels,) bool
    noise : float
        Standard deviation of one amount in the guide.
    """
    result = amounts.copy()
    rows, columns = (int(REACH * sigma_mm / float(spacing_mm[axis])) for axis in (1, 2))
    down, across = np.mgrid[-rows : rows + 1, -columns : columns + 1]
    away = (down * spacing_mm[1]) ** 2 + (across * spacing_mm[2]) ** 2
    near = np.exp(-away / (2 * sigma_mm**2)) * (away <= (REACH * sigma_mm) ** 2)
    widest = max(UNLIKE**2 * amounts.shape[1] * noise**2, 1e-6)
    weights = near.astype(np.float32)
    spread(average_slices, len(numbers), amounts, guide, numbers, tissue, weights, widest, result)
    return result


@jit(
    "void(i8, i8, f4[:,::1], f4[:,::1], i4[:,:,::1], b1[::1], f4[:,::1], f8, f4[:,::1])",
    fast=True,
)
def average_slices(
    start: int,
    stop: int,
    amounts: Floats,
    guide: Floats,
    numbers: NDArray[np.int32],
    tissue: NDArray[np.bool_],
    near: Floats,
    widest: float,
    result: Floats,
) -> None:
    rows, columns = numbers.shape[1:]
    courses = amounts.shape[1]
    reach, width = near.shape[0] // 2, near.shape[1] // 2
    share = np.float32(1 / widest)
    total = np.zeros(courses, np.float32)
    for index in range(start, stop):
        for row in range(rows):
            for column in range(columns):
                own = numbers[index, row, column]
                if own < 0 or not tissue[own]:
                    continue
                total[:] = 0
                weights = np.float32(0)
                for i in range(max(row - reach, 0), min(row + reach + 1, rows)):
                    for j in range(max(column - width, 0), min(column + width + 1, columns)):
                        other = numbers[index, i, j]
                        if other < 0 or not tissue[other]:
                            continue
                        apart = np.float32(0)
                        for n in range(courses):
                            step = guide[own, n] - guide[other, n]
                            apart += step * step
                        like = np.float32(1) - apart * share
                        if like <= 0:
                            continue
                        weight = near[i - row + reach, j - column + width] * like * like
                        weights += weight
                        for n in range(courses):
                            total[n] += weight * amounts[other, n]
                for n in range(courses):
                    result[own, n] = total[n] / weights
