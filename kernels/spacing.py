"""The intervals between slices: which are usual, which are gaps, what each slice stands for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Gap", "find_gaps", "planimetric_weights", "surrounding_spacings"]

LIKE = 0.05  # two spacings are alike within 5 %


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval where slices are missing: between ``order[after]`` and ``order[after + 1]``."""

    after: int
    missing: int
    extent_mm: float


def surrounding_spacings(spacings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (intervals, 2): the usual spacing before and after each interval.

    Usual is what three intervals in a row share; a stack too short or too ragged for that has
    one usual spacing, its lower median.
    """
    count = len(spacings)
    if not count:
        return np.zeros((0, 2))
    usual = np.full(count, np.nan)
    for start in range(count - 2):
        window = spacings[start : start + 3]
        if np.ptp(window) <= LIKE * window.min():
            usual[start : start + 3] = window
    common = float(np.sort(spacings)[(count - 1) // 2])
    result = np.full((count, 2), np.nan)
    for index in range(count):
        before, after = usual[: index + 1], usual[index:]
        known_before, known_after = before[np.isfinite(before)], after[np.isfinite(after)]
        if len(known_before):
            result[index, 0] = known_before[-1]
        if len(known_after):
            result[index, 1] = known_after[0]
    result[np.isnan(result[:, 0]), 0] = result[np.isnan(result[:, 0]), 1]
    result[np.isnan(result[:, 1]), 1] = result[np.isnan(result[:, 1]), 0]
    return np.asarray(np.where(np.isnan(result), common, result))


def find_gaps(
    spacings: NDArray[np.float64],
    surroundings: NDArray[np.float64],
    thick: NDArray[np.float64],
) -> tuple[Gap, ...]:
    """Find the intervals at least half as long again as the spacing on both their sides.

    Slices that touch leave no gap, however far their centres lie apart. A lone interval has no
    surroundings: its slices' thickness stands in for them.
    """
    gaps = []
    for index, spacing in enumerate(spacings):
        touching = (thick[index] + thick[index + 1]) / 2
        if spacing <= 1.05 * touching:
            continue
        usual = touching if len(spacings) == 1 else surroundings[index].max()
        if spacing >= 1.5 * usual:
            missing = max(1, round(float(spacing / usual)) - 1)
            gaps.append(Gap(index, missing, float(spacing)))
    return tuple(gaps)


def planimetric_weights(
    spacings: NDArray[np.float64],
    gaps: tuple[Gap, ...],
    surroundings: NDArray[np.float64],
    thick: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the thickness in mm that each slice stands for."""
    if not len(thick):
        return np.zeros(0)
    halves = np.stack([spacings, spacings], axis=1) / 2
    for gap in gaps:
        usual = surroundings[gap.after]
        if len(spacings) == 1:
            usual = thick[:2]
        halves[gap.after] = np.minimum(halves[gap.after], usual / 2)
    ends = thick[[0, -1]] / 2
    if len(spacings):
        ends = np.where(np.isnan(ends), halves[[0, -1], [0, 1]], ends)
    ends = np.nan_to_num(ends)
    return np.asarray(
        np.concatenate([ends[:1], halves[:, 1]]) + np.concatenate([halves[:, 0], ends[1:]])
    )
