"""The geometry of a stack of slices, from positions and orientations alone.

Vendors disagree on the sign of the tilt tag, on Spacing Between Slices and on the order of
Instance Numbers; Image Position and Image Orientation (Patient) say what is true.
Lengths are millimetres in the patient coordinate system (PS3.3 C.7.6.2.1.1).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, finite_array, positive
from kernels.spacing import Gap, find_gaps, planimetric_weights, surrounding_spacings

__all__ = ["StackGeometry", "StackProblem", "analyse"]

SAME_PLACE_MM = 0.01
SAME_ORIENTATION = 1e-3  # largest difference of a direction cosine, 0.06 degrees
CROOKED_MM = 0.5  # positions may be rounded to 0.1 mm; a pixel is rarely smaller
TILT_DEG = 0.05


class StackProblem(StrEnum):
    """Why a stack is not a plain box of voxels."""

    NO_SLICES = "no slices"
    SINGLE_SLICE = "single slice"
    POSITION_MISSING = "position missing"  # not finite, or absent
    ORIENTATION_INVALID = "orientation invalid"  # not two perpendicular unit vectors
    ORIENTATION_MIXED = "orientation mixed"  # more than one plane, a localizer for one
    DUPLICATE_POSITIONS = "duplicate positions"
    CROOKED = "crooked"  # slices shift sideways by more than a straight line explains
    GAP = "gap"
    OVERLAP = "overlap"
    UNEVEN_SPACING = "uneven spacing"
    MIXED_THICKNESS = "mixed thickness"
    TILTED = "tilted"

    @property
    def prevents_volume(self) -> bool:
        """True when no volume may be made of the stack as it is."""
        return self in PREVENTING


PREVENTING = frozenset(
    {
        StackProblem.NO_SLICES,
        StackProblem.SINGLE_SLICE,
        StackProblem.POSITION_MISSING,
        StackProblem.ORIENTATION_INVALID,
        StackProblem.ORIENTATION_MIXED,
        StackProblem.DUPLICATE_POSITIONS,
        StackProblem.CROOKED,
    }
)


@dataclass(frozen=True)
class StackGeometry:
    """Where the slices of a stack lie.

    Attributes
    ----------
    order : (m,) intp
        Input indices of the slices in the plane of the stack, one per place, by rising
        position along the normal.
    normal, row_direction, column_direction : (3,) float64
        Unit vectors. Column index grows along `row_direction`, row index along
        `column_direction`; `normal` is their cross product.
    origin_mm : (3,) float64
        Centre of the first voxel of the first slice in `order`.
    positions_along_normal_mm : (m,) float64
        Distance of each slice of `order` from the first.
    spacings_mm : (m - 1,) float64
        Distances between neighbours, along the normal.
    shear_mm : (m, 2) float64
        How far each slice lies from the first along `column_direction` and `row_direction`;
        zeros where neither gantry tilt nor swivel was used.
    tilt_deg, swivel_deg : float
        Angle from the normal to the stack's direction, towards `column_direction` and towards
        `row_direction`; signed by geometry alone.
    weights_mm : (m,) float64
        The thickness each slice stands for in planimetry: half the way to each neighbour; at
        the ends half the slice thickness (half the spacing where that is unknown); beside a
        gap half the spacing of its surroundings, so that nothing is invented.
    duplicates : tuple of (kept, other)
        Input indices of slices at one place; `order` holds the first.
    excluded : tuple of int
        Input indices with no usable position, or not in the plane of the stack.
    gaps : tuple of Gap
    overlaps : tuple of int
        Intervals shorter than the slices on their sides are thick.
    is_uniform : bool
        All spacings are the median within the larger of 0.02 mm and 1 %.
    problems : tuple of StackProblem
    """

    order: NDArray[np.intp]
    normal: NDArray[np.float64]
    row_direction: NDArray[np.float64]
    column_direction: NDArray[np.float64]
    origin_mm: NDArray[np.float64]
    positions_along_normal_mm: NDArray[np.float64]
    spacings_mm: NDArray[np.float64]
    shear_mm: NDArray[np.float64]
    tilt_deg: float
    swivel_deg: float
    weights_mm: NDArray[np.float64]
    duplicates: tuple[tuple[int, int], ...]
    excluded: tuple[int, ...]
    gaps: tuple[Gap, ...]
    overlaps: tuple[int, ...]
    is_uniform: bool
    problems: tuple[StackProblem, ...]

    @property
    def is_volume(self) -> bool:
        """True when the slices can be one volume (perhaps sheared, uneven or with gaps)."""
        return not any(problem.prevents_volume for problem in self.problems)

    def affine(self, pixel_spacing_mm: ArrayLike) -> NDArray[np.float64]:
        """Return the (4, 4) affine from (slice, row, column, 1) to patient millimetres.

        It shears where the stack does.

        Parameters
        ----------
        pixel_spacing_mm : (2,)
            Distance of rows, distance of columns.

        Raises
        ------
        ValueError
            No affine is true of an uneven or crooked stack, or of a single slice.
        """
        spacing = finite_array("pixel_spacing_mm", pixel_spacing_mm, (2,))
        positive("the least of pixel_spacing_mm", float(spacing.min()))
        if not self.is_uniform or StackProblem.CROOKED in self.problems:
            raise ValueError(
                f"a stack of {len(self.order)} slices with {', '.join(self.problems)} has no "
                "affine; expected an even, straight one (kernels.even makes it so)"
            )
        last = len(self.order) - 1
        step = self.positions_along_normal_mm[-1] * self.normal
        step = step + self.shear_mm[-1, 0] * self.column_direction
        step = step + self.shear_mm[-1, 1] * self.row_direction
        result = np.eye(4)
        result[:3, 0] = step / last
        result[:3, 1] = self.column_direction * spacing[0]
        result[:3, 2] = self.row_direction * spacing[1]
        result[:3, 3] = self.origin_mm
        return result


def analyse(
    positions_mm: ArrayLike, orientations: ArrayLike, thicknesses_mm: ArrayLike | None = None
) -> StackGeometry:
    """Find order, spacings, tilt and faults of a stack of slices.

    Defects of the data are told in ``problems``, never raised.

    Parameters
    ----------
    positions_mm : (n, 3)
        Image Position (Patient) of each slice; NaN where it is missing.
    orientations : (n, 6) or (6,)
        Image Orientation (Patient): direction of the rows, then of the columns.
    thicknesses_mm : (n,), optional
        Slice Thickness; NaN or 0 where it is missing.

    Raises
    ------
    ValueError
        An argument has the wrong shape.

    References
    ----------
    PS3.3 C.7.6.2.1.1
    """
    positions = np.asarray(array("positions_mm", positions_mm, (2,)), np.float64)
    count = len(positions)
    if positions.shape != (count, 3):
        raise ValueError(f"positions_mm has shape {positions.shape}; expected (n, 3)")
    cosines = np.asarray(array("orientations", orientations, (1, 2)), np.float64)
    if cosines.shape not in ((6,), (count, 6)):
        raise ValueError(f"orientations has shape {cosines.shape}; expected ({count}, 6) or (6,)")
    cosines = np.broadcast_to(cosines, (count, 6))
    thicknesses = np.full(count, np.nan)
    if thicknesses_mm is not None:
        thicknesses = np.array(array("thicknesses_mm", thicknesses_mm, (1,)), np.float64)
        if thicknesses.shape != (count,):
            raise ValueError(f"thicknesses_mm has shape {thicknesses.shape}; expected ({count},)")
        thicknesses[~(thicknesses > 0) | ~np.isfinite(thicknesses)] = np.nan

    problems: list[StackProblem] = []
    usable, row, column = choose_plane(positions, cosines, problems)
    excluded = tuple(int(index) for index in np.setdiff1d(np.arange(count), usable))
    normal = np.cross(row, column)

    along = positions[usable] @ normal
    ranks = np.argsort(along, kind="stable")
    usable, along = usable[ranks], along[ranks]
    order, duplicates = drop_duplicates(usable, along)
    if duplicates:
        problems.append(StackProblem.DUPLICATE_POSITIONS)
    if len(order) == 1:
        problems.append(StackProblem.SINGLE_SLICE)

    origin = positions[order[0]] if len(order) else np.zeros(3)
    offsets = positions[order] - origin
    distances = offsets @ normal
    spacings = np.diff(distances)
    shear = np.stack([offsets @ column, offsets @ row], axis=1)
    slopes, crooked_mm = straight_line(distances, shear)
    tilt, swivel = np.degrees(np.arctan(slopes))
    if crooked_mm > CROOKED_MM:
        problems.append(StackProblem.CROOKED)

    thick = thicknesses[order]
    known = thick[np.isfinite(thick)]
    surroundings = surrounding_spacings(spacings)
    gaps = find_gaps(spacings, surroundings, thick)
    mean_thickness = (thick[:-1] + thick[1:]) / 2
    overlaps = tuple(int(index) for index in np.flatnonzero(spacings < 0.95 * mean_thickness))
    median = float(np.median(spacings)) if len(spacings) else 0.0
    is_uniform = bool(len(spacings)) and bool(
        np.abs(spacings - median).max() <= max(0.02, 0.01 * median)
    )
    for problem, holds in (
        (StackProblem.GAP, bool(gaps)),
        (StackProblem.OVERLAP, bool(overlaps)),
        (StackProblem.UNEVEN_SPACING, bool(len(spacings)) and not is_uniform),
        (StackProblem.MIXED_THICKNESS, bool(len(known)) and np.ptp(known) > 0.01),
        (StackProblem.TILTED, max(abs(tilt), abs(swivel)) > TILT_DEG),
    ):
        if holds:
            problems.append(problem)

    return StackGeometry(
        order=order,
        normal=normal,
        row_direction=row,
        column_direction=column,
        origin_mm=origin,
        positions_along_normal_mm=distances,
        spacings_mm=spacings,
        shear_mm=shear,
        tilt_deg=float(tilt),
        swivel_deg=float(swivel),
        weights_mm=planimetric_weights(spacings, gaps, surroundings, thick),
        duplicates=duplicates,
        excluded=excluded,
        gaps=gaps,
        overlaps=overlaps,
        is_uniform=is_uniform,
        problems=tuple(problems),
    )


def choose_plane(
    positions: NDArray[np.float64], cosines: NDArray[np.float64], problems: list[StackProblem]
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Return the usable slices of the most common plane, and its row and column directions."""
    nowhere = np.zeros(0, np.intp), np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    if not len(positions):
        problems.append(StackProblem.NO_SLICES)
        return nowhere
    placed = np.isfinite(positions).all(axis=1)
    if not placed.all():
        problems.append(StackProblem.POSITION_MISSING)
    with np.errstate(invalid="ignore", over="ignore"):
        rows, columns = cosines[:, :3], cosines[:, 3:]
        turned = (
            (np.abs(np.linalg.norm(rows, axis=1) - 1) < 1e-2)
            & (np.abs(np.linalg.norm(columns, axis=1) - 1) < 1e-2)
            & (np.abs((rows * columns).sum(axis=1)) < 1e-2)
        )
    if not turned.all():
        problems.append(StackProblem.ORIENTATION_INVALID)
    usable = np.flatnonzero(placed & turned)
    if not len(usable):
        return nowhere

    best, rest = np.zeros(0, np.intp), usable
    while len(rest) > len(best):
        alike = np.abs(cosines[rest] - cosines[rest[0]]).max(axis=1) <= SAME_ORIENTATION
        if alike.sum() > len(best):
            best = rest[alike]
        rest = rest[~alike]
    if len(best) < len(usable):
        problems.append(StackProblem.ORIENTATION_MIXED)
    row = cosines[best[0], :3] / np.linalg.norm(cosines[best[0], :3])
    column = cosines[best[0], 3:] - (cosines[best[0], 3:] @ row) * row
    return best, row, column / np.linalg.norm(column)


def drop_duplicates(
    indices: NDArray[np.intp], along: NDArray[np.float64]
) -> tuple[NDArray[np.intp], tuple[tuple[int, int], ...]]:
    """Keep, of the slices at one place, the one that came first."""
    if not len(indices):
        return indices, ()
    places = np.concatenate([[0], np.cumsum(np.diff(along) >= SAME_PLACE_MM)])
    kept, duplicates = [], []
    for members in np.split(indices, np.flatnonzero(np.diff(places)) + 1):
        first = int(members.min())
        kept.append(first)
        duplicates += [(first, int(other)) for other in sorted(members) if other != first]
    return np.array(kept, np.intp), tuple(duplicates)


def straight_line(
    distances: NDArray[np.float64], shear: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Fit sideways shift to distance; return the two slopes and the largest departure in mm."""
    if len(distances) < 2:
        return np.zeros(2), 0.0
    centred = distances - distances.mean()
    shifts = shear - shear.mean(axis=0)
    slopes = centred @ shifts / (centred @ centred)
    return slopes, float(np.abs(shifts - np.outer(centred, slopes)).max())
