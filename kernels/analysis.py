"""The copy that measurements are made on: upright, even, about a millimetre, head first.

Slices as scanned may be tilted, uneven, turned or far too many. The copy is not: its slices
rise towards the head, its rows run to the back, its columns to the patient's left. Points on it
are "grid millimetres": index times spacing, in the order slice, row, column. `AnalysisCopy`
leads both ways, to the patient and to the slices as scanned.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, finite_array, number, positive
from kernels._threads import spread
from kernels.even_box import bring_back, even_box
from kernels.morphology import marks
from kernels.stack import StackGeometry

__all__ = ["AnalysisCopy", "analysis_copy"]

BONE_HU, MARGIN_MM = 200.0, 14.0
THICK_MM, THIN_MM, COARSE_MM = 2.0, 1.5, 3.0
AIR_HU = -1024.0


@dataclass(frozen=True, eq=False)
class AnalysisCopy:
    """An upright, even copy of a stack, and the way back.

    Attributes
    ----------
    hu : (slices, rows, columns) float32
        HU. Slice index grows towards the head, row index towards the back, column index towards
        the patient's left.
    valid : (slices, rows, columns) bool
        False where nothing was scanned; `hu` is -1024 there.
    spacing_mm : (3,) float64
    affine : (4, 4) float64
        From (slice, row, column, 1) to patient millimetres (x, y, z, 1).
    invented : (slices,) bool
        True for slices made up across a gap, where the copy's slices are the stack's.
    """

    hu: NDArray[np.float32]
    valid: NDArray[np.bool_]
    spacing_mm: NDArray[np.float64]
    affine: NDArray[np.float64]
    invented: NDArray[np.bool_]
    recipe: "Recipe"

    def to_source(self, mask: ArrayLike) -> NDArray[np.bool_]:
        """Bring a mask of the copy to the slices as scanned.

        Parameters
        ----------
        mask : (slices, rows, columns) bool or uint8
            On the copy.

        Returns
        -------
        (slices, rows, columns) bool
            On the source, slices in the order of `StackGeometry.order`: voxels whose centre,
            between the centres around it on the copy, is at least half inside.
        """
        marked = marks("mask", mask)
        if marked.shape != self.hu.shape:
            raise ValueError(f"mask has shape {marked.shape}; expected {self.hu.shape}")
        recipe = self.recipe
        plain = np.transpose(marked[recipe.flips], np.argsort(recipe.axes))
        result = np.zeros(recipe.source_shape, np.bool_)
        if plain.any():
            # What is marked and a voxel around it; beyond, nothing can be half inside.
            held = [np.flatnonzero(plain.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
            first = np.array([max(int(places[0]) - 1, 0) for places in held])
            box = tuple(
                slice(int(low), int(places[-1]) + 2)
                for low, places in zip(first, held, strict=True)
            )
            spread(
                bring_back,
                len(result),
                np.ascontiguousarray(plain[box]).view(np.uint8),
                recipe.starts - first,
                recipe.steps,
                result.view(np.uint8),
            )
        return result

    def from_source(self, mask: ArrayLike) -> NDArray[np.bool_]:
        """Bring a mask drawn on the slices as scanned to the copy.

        Parameters
        ----------
        mask : (slices, rows, columns) bool or uint8
            On the source, slices in the order of `StackGeometry.order`.

        Returns
        -------
        (slices, rows, columns) bool
        """
        marked = marks("mask", mask)
        if marked.shape != self.recipe.source_shape:
            raise ValueError(f"mask has shape {marked.shape}; expected {self.recipe.source_shape}")
        share, _, _ = self.recipe.follow(marked.astype(np.int16) * 1000, None, 0.0)
        return np.asarray(share >= 500)

    def patient_points(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Turn grid millimetres (slice, row, column) into patient millimetres (x, y, z).

        Parameters
        ----------
        points_mm : (..., 3)
        """
        found = array("points_mm", points_mm, tuple(range(1, 9)))
        flat = finite_array("points_mm", found.reshape(-1, found.shape[-1]), (None, 3))
        placed = (flat / self.spacing_mm) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return np.asarray(placed.reshape(found.shape))

    def grid_points(self, patient_mm: ArrayLike) -> NDArray[np.float64]:
        """Turn patient millimetres (x, y, z) into grid millimetres (slice, row, column)."""
        found = array("patient_mm", patient_mm, tuple(range(1, 9)))
        flat = finite_array("patient_mm", found.reshape(-1, found.shape[-1]), (None, 3))
        inverse = np.linalg.inv(self.affine)
        placed = (flat @ inverse[:3, :3].T + inverse[:3, 3]) * self.spacing_mm
        return np.asarray(placed.reshape(found.shape))


@dataclass(frozen=True, eq=False)
class Recipe:
    """How the copy is made, to make more of it alike."""

    geometry: StackGeometry
    source_shape: tuple[int, int, int]
    pixel_mm: NDArray[np.float64]
    factors: tuple[int, int]
    group: int
    step_mm: float
    crop: tuple[slice, slice]
    axes: tuple[int, ...]
    flips: tuple[slice, ...]
    starts: NDArray[np.float64]  # of each source slice's first voxel, in indices of the even box
    steps: NDArray[np.float64]

    def follow(
        self, values: NDArray[Any], valid: NDArray[np.bool_] | None, fill: float
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        box, kept, invented, _ = even_box(
            values,
            valid,
            self.geometry,
            self.pixel_mm,
            self.factors,
            self.group,
            self.step_mm,
            fill,
        )
        cut = (slice(None), *self.crop)
        return *(
            np.ascontiguousarray(np.transpose(part[cut], self.axes)[self.flips])
            for part in (box, kept)
        ), invented  # type: ignore[return-value]


def analysis_copy(
    hu: ArrayLike,
    geometry: StackGeometry,
    pixel_spacing_mm: ArrayLike,
    valid: ArrayLike | None = None,
    in_plane_mm: float = 1.0,
) -> AnalysisCopy:
    """Make an upright, even copy of a stack.

    Pixels are averaged in whole blocks until about `in_plane_mm`; thin slices in groups until at
    most 1.5 mm; between thick ones, new ones are interpolated, 3 mm apart at most. Then the copy
    is cropped to the skull and turned by whole quarter turns and mirrorings until it lies as
    `AnalysisCopy` says.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        HU, slices in the order of ``geometry.order``.
    geometry : StackGeometry
    pixel_spacing_mm : (2,)
    valid : (slices, rows, columns) bool, optional
        False marks padding.
    in_plane_mm : float
        The pixel size to come near to; never finer than the source's.

    Raises
    ------
    ValueError
        The stack is no volume, or an argument has the wrong shape or value.

    Examples
    --------
    300 slices of 512x512 at 0.5 mm become about 100 of 190x160: `hu` is small enough for every
    stage to take a second or less.
    """
    found = array("hu", hu, (3,))
    if found.dtype not in (np.int16, np.float32):
        raise ValueError(f"hu has dtype {found.dtype}; expected int16 or float32")
    if not geometry.is_volume or len(found) != len(geometry.order) or not found.size:
        raise ValueError(
            f"hu has shape {found.shape} and geometry {len(geometry.order)} slices "
            f"({', '.join(geometry.problems)}); expected one volume"
        )
    pixel = finite_array("pixel_spacing_mm", pixel_spacing_mm, (2,))
    positive("the least of pixel_spacing_mm", float(pixel.min()))
    wanted = positive("in_plane_mm", in_plane_mm)
    kept = None
    if valid is not None:
        kept = marks("valid", valid)
        if kept.shape != found.shape:
            raise ValueError(f"valid has shape {kept.shape}; expected {found.shape}")
    rows, columns = (max(1, round(wanted / length)) for length in pixel)
    usual = float(np.median(geometry.spacings_mm))
    group = 1
    if geometry.is_uniform and usual < THIN_MM:
        group = max(1, int(THIN_MM / usual + 1e-6))
    # Thick slices lie on the copy's, with made-up ones between: no skull bleeds into them.
    step = usual * group if usual < THICK_MM else usual / np.ceil(usual / COARSE_MM - 0.01)

    box, seen, invented, (first_mm, corner_mm) = even_box(
        np.ascontiguousarray(found), kept, geometry, pixel, (rows, columns), group, step, AIR_HU
    )
    spacing = np.array([step, pixel[0] * rows, pixel[1] * columns])
    crop = around_bone(box, spacing)
    cut = (slice(None), *crop)
    origin = geometry.origin_mm + first_mm * geometry.normal
    corner = corner_mm + spacing[1:] * (crop[0].start, crop[1].start)
    origin = origin + corner[0] * geometry.column_direction + corner[1] * geometry.row_direction
    directions = np.stack(
        [geometry.normal, geometry.column_direction, geometry.row_direction], axis=1
    )
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = origin

    shape = box[cut].shape
    axes, flips = canonical(directions)
    turned = affine[:, [*axes, 3]]
    for axis, flip in enumerate(flips):
        if flip.step == -1:
            turned[:3, 3] += turned[:3, axis] * (shape[axes[axis]] - 1)
            turned[:3, axis] *= -1
    starts = np.stack(
        [
            (geometry.positions_along_normal_mm - first_mm) / step,
            (geometry.shear_mm[:, 0] - corner[0]) / spacing[1],
            (geometry.shear_mm[:, 1] - corner[1]) / spacing[2],
        ],
        axis=1,
    )
    source = (len(found), found.shape[1], found.shape[2])
    recipe = Recipe(
        geometry, source, pixel, (rows, columns), group, step, crop, axes, flips,
        starts, pixel / spacing[1:],
    )  # fmt: skip
    return AnalysisCopy(
        hu=np.ascontiguousarray(np.transpose(box[cut], axes)[flips]),
        valid=np.ascontiguousarray(np.transpose(seen[cut], axes)[flips]),
        spacing_mm=spacing[list(axes)],
        affine=turned,
        invented=invented if axes[0] else invented[flips[0]],
        recipe=recipe,
    )


def around_bone(box: NDArray[np.float32], spacing: NDArray[np.float64]) -> tuple[slice, slice]:
    """Return the rows and columns that hold bone and a margin; all where there is none."""
    bone = box > BONE_HU
    ranges = []
    for axis, length in ((1, box.shape[1]), (2, box.shape[2])):
        profile = bone.sum(axis=(0, 3 - axis))
        used = np.flatnonzero(profile > 0.02 * max(int(profile.max()), 1))
        if not bone.any() or not len(used):
            return slice(0, box.shape[1]), slice(0, box.shape[2])
        margin = int(np.ceil(number("margin", MARGIN_MM) / spacing[axis]))
        ranges.append(slice(max(int(used[0]) - margin, 0), min(int(used[-1]) + margin + 1, length)))
    return ranges[0], ranges[1]


def canonical(directions: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[slice, ...]]:
    """Return the order of axes, and their flips, that lead up, back and left."""
    free = [0, 1, 2]
    axes, flips = [], []
    for wanted in (2, 1, 0):  # patient z, y, x
        best = max(free, key=lambda axis: abs(directions[wanted, axis]))
        free.remove(best)
        axes.append(best)
        flips.append(slice(None, None, 1 if directions[wanted, best] >= 0 else -1))
    return tuple(axes), tuple(flips)
