"""Midline shift: how far the septum between the frontal horns lies from where it should."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import array, finite_array
from kernels.midsagittal import MidsagittalPlane
from kernels.morphology import marks, spacings
from kernels.reslice import sample

__all__ = ["MidlineShift", "ShiftPoints", "measure_shift", "propose_shift_points"]

REACH_MM = 22.0
FLUID_HU = 20.0
STEP_MM, FLANK_MM = 0.5, 12.0
PAD = round(FLANK_MM / STEP_MM)


@dataclass(frozen=True, eq=False)
class ShiftPoints:
    """Three points for a reader to move, in grid millimetres (slice, row, column).

    Attributes
    ----------
    anterior_mm, posterior_mm : (3,) float64
        Where the falx is fixed to the skull, in front and behind.
    septum_mm : (3,) float64
        The septum pellucidum, at the foramen of Monro.
    contrast_hu : float
        By how much the septum stands out of the fluid on both its sides: 0 where it was not
        found and the point lies on the mid-sagittal plane for want of better.
    """

    anterior_mm: NDArray[np.float64]
    posterior_mm: NDArray[np.float64]
    septum_mm: NDArray[np.float64]
    contrast_hu: float


@dataclass(frozen=True)
class MidlineShift:
    """A midline shift, both ways of measuring it.

    Attributes
    ----------
    shift_mm : float
        Distance of the septum from the line between the two falx points, in space, along the
        perpendicular within the level: positive to the patient's left.
    width_mm, to_septum_mm : float
        A, between the inner tables through the septum, and B, from the right one to the septum.
    half_width_shift_mm : float
        B - A/2: positive to the left. 0, like A and B, where the line meets no skull.
    """

    shift_mm: float
    width_mm: float
    to_septum_mm: float
    half_width_shift_mm: float


def measure_shift(
    points: ShiftPoints,
    plane: MidsagittalPlane,
    brain: ArrayLike | None = None,
    spacing_mm: ArrayLike | None = None,
) -> MidlineShift:
    """Measure the shift that three points tell.

    Parameters
    ----------
    points : ShiftPoints
        Proposed or moved; all in true millimetres of space, so slices need not be thin.
    plane : MidsagittalPlane
        Tells which way is across: its normal, made perpendicular to the falx line.
    brain : (slices, rows, columns) bool or uint8, optional
    spacing_mm : (3,), optional
        Both, or there is no A/2 - B.

    Raises
    ------
    ValueError
        The falx points coincide or lie across the plane, or an argument has the wrong shape.
    """
    front, back, septum = (
        finite_array(name, getattr(points, name), (3,))
        for name in ("anterior_mm", "posterior_mm", "septum_mm")
    )
    line = back - front
    length = float(np.linalg.norm(line))
    if not length > 1:
        raise ValueError(f"posterior_mm is {back}; expected 1 mm or more from anterior_mm {front}")
    line = line / length
    across = plane.normal - (plane.normal @ line) * line
    size = float(np.linalg.norm(across))
    if not size > 0.3:
        raise ValueError(
            f"posterior_mm is {back} and anterior_mm {front}; expected a line from front to back"
        )
    across /= size
    shift = float((septum - front) @ across)
    if brain is None or spacing_mm is None:
        return MidlineShift(shift, 0.0, 0.0, 0.0)
    inside = marks("brain", brain)
    spacing = spacings(spacing_mm)
    steps = np.arange(-120, 120.01, 0.25)
    ray = (septum + steps[:, None] * across) / spacing
    held = ndimage.map_coordinates(inside.astype(np.float32), ray.T, order=1) >= 0.5
    if not held.any():
        return MidlineShift(shift, 0.0, 0.0, 0.0)
    right, left = float(steps[held][0]), float(steps[held][-1])
    width, to_septum = left - right, -right
    return MidlineShift(shift, width, to_septum, to_septum - width / 2)


def propose_shift_points(
    hu: ArrayLike, brain: ArrayLike, plane: MidsagittalPlane, spacing_mm: ArrayLike
) -> ShiftPoints:
    """Propose the level, the falx points and the septum.

    In every slice 0.28 to 0.46 brain lengths below the vertex, and every row 0.30 to 0.46 of the
    way back, a place is as good as it stands out of the fluid on both sides within 12 mm. The
    path from row to row that gathers most, moving at most a millimetre a millimetre, is the
    septum; the best slice is the level. The point is where the path is plainest near its back
    end, the foramen of Monro.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        `AnalysisCopy.hu`.
    brain : (slices, rows, columns) bool or uint8
    plane : MidsagittalPlane
    spacing_mm : (3,)

    Raises
    ------
    ValueError
        The brain is empty, or an argument has the wrong shape or value.

    References
    ----------
    Xiao et al., Comput Med Imaging Graph 34, 2010; Liao et al., Clin Neurol Neurosurg 2010
    (10.1016/j.clineuro.2010.06.020)
    """
    values = array("hu", hu, (3,)).astype(np.float32, copy=False)
    inside = marks("brain", brain)
    spacing = spacings(spacing_mm)
    if inside.shape != values.shape or not inside.any():
        raise ValueError(
            f"brain has shape {inside.shape} and marks {int(inside.sum())} voxels; "
            f"expected some of {values.shape}"
        )
    heights = np.flatnonzero(inside.any(axis=(1, 2)))
    rows = np.flatnonzero(inside.any(axis=(0, 2)))
    front, length = rows[0] * spacing[1], np.ptp(rows) * spacing[1]
    top = heights[-1] * spacing[0]
    levels = np.arange(
        max(int((top - 0.46 * length) / spacing[0]), int(heights[0])),
        max(int((top - 0.28 * length) / spacing[0]), int(heights[0])) + 1,
    )
    picture = ndimage.gaussian_filter(
        np.clip(values, -20, 80), (0.8 / max(spacing[0], 2.0), *(0.7 / spacing[1:])), truncate=3
    )
    along = front + np.arange(0.30 * length, 0.46 * length, STEP_MM)
    aside = np.arange(-REACH_MM - FLANK_MM, REACH_MM + FLANK_MM + 0.01, STEP_MM)
    best: tuple[float, float, NDArray[np.float64]] | None = None
    for level in levels:
        points = level_points(float(level * spacing[0]), along, aside, plane)
        ridge = ridge_contrast(sample(picture, np.diag([*spacing, 1.0]), points, 40.0))
        gain, path = best_path(ridge[:, PAD:-PAD])
        if best is None or gain > best[0]:
            worth = ridge[:, PAD:-PAD][np.arange(len(path)), path]
            late = np.arange(len(path)) >= len(path) // 3
            row = int(np.argmax(smoothed(worth) * late))
            best = gain, float(worth[row]), points[row, path[row] + PAD]
    assert best is not None
    _, contrast, septum = best
    level_mm = float(septum[0])
    if contrast < 3:
        contrast = 0.0
        septum = level_points(level_mm, along[-1:], np.zeros(1), plane)[0, 0]
    ends = falx_ends(inside, level_mm, plane, spacing)
    return ShiftPoints(ends[0], ends[1], septum, contrast)


def level_points(
    level_mm: float,
    along: NDArray[np.float64],
    aside: NDArray[np.float64],
    plane: MidsagittalPlane,
) -> NDArray[np.float64]:
    """Return points of a slice, by place along the plane's trace and distance from it.

    `along` is measured by the row direction, so that it compares with rows.
    """
    flat = plane.normal[1:]
    norm = float(np.linalg.norm(flat))
    lateral = flat / norm
    backward = np.array([lateral[1], -lateral[0]])
    middle = lateral * (plane.offset_mm - plane.normal[0] * level_mm) / norm
    travel = (along - middle[0]) / backward[0]
    places = middle + travel[:, None, None] * backward + aside[:, None] * lateral
    return np.concatenate([np.full((*places.shape[:2], 1), level_mm), places], axis=2)


def ridge_contrast(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far each place stands out of the fluid on both its sides; 0 without fluid.

    Smoothed across by 1.5 mm, lest any place of a broad septum be as good as its middle.
    """
    lowest = []
    for sign in (-1, 1):
        offsets = range(round(2 / STEP_MM), PAD + 1)
        lowest.append(np.min([np.roll(picture, -sign * by, axis=1) for by in offsets], axis=0))
    flank = np.maximum(*lowest)
    found = np.where(flank < FLUID_HU, np.maximum(picture - flank, 0), np.float32(0))
    return np.asarray(ndimage.gaussian_filter1d(found, 1.5 / STEP_MM, axis=1), np.float32)


def best_path(worth: NDArray[np.float32]) -> tuple[float, NDArray[np.intp]]:
    """Return the path down the rows that gathers most, a column a row at most aside."""
    total = worth.astype(np.float64)
    came = np.zeros(worth.shape, np.intp)
    columns = np.arange(worth.shape[1])
    for row in range(1, len(worth)):
        above = np.pad(total[row - 1], 1, constant_values=-np.inf)
        choices = np.stack([above[1:-1], above[:-2], above[2:]])
        pick = np.argmax(choices, axis=0)
        came[row] = columns + np.array([0, -1, 1])[pick]
        total[row] += choices[pick, columns]
    path = np.empty(len(worth), np.intp)
    path[-1] = int(np.argmax(total[-1]))
    for row in range(len(worth) - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return float(total[-1].max()), path


def smoothed(worth: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(ndimage.uniform_filter1d(worth, 5, mode="nearest"))


def falx_ends(
    brain: NDArray[np.bool_],
    level_mm: float,
    plane: MidsagittalPlane,
    spacing: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the plane's trace in a slice enters and leaves the brain."""
    along = np.arange(0, brain.shape[1] * spacing[1], 0.5)
    line = level_points(level_mm, along, np.zeros(1), plane)[:, 0]
    held = sample(brain, np.diag([*spacing, 1.0]), line, 0.0) >= 0.5
    inside = np.flatnonzero(held)
    if len(inside) < 2:
        return line[0], line[-1]
    return line[inside[0]], line[inside[-1]]
