"""The ventricles: fluid in the middle of the brain, its two halves beside each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import array
from kernels.midsagittal import MidsagittalPlane
from kernels.morphology import distance_mm, marks, spacings

__all__ = ["Ventricles", "find_ventricles"]

FLUID_HU = (-5.0, 15.0)
REACH_MM, DEEP_MM, LEAST_ML = 35.0, 18.0, 0.4
EFFACED = 0.5


@dataclass(frozen=True, eq=False)
class Ventricles:
    """The ventricular system, split by the mid-sagittal plane.

    Attributes
    ----------
    mask : (slices, rows, columns) bool
    left_ml, right_ml : float
    asymmetry : float
        (left - right) / (left + right), -1 to 1; 0 where there is no fluid.
    effaced : "left", "right" or ""
        The side with less than half the other's volume. A shift carries one side's horn across
        the plane: read it beside the midline shift.
    """

    mask: NDArray[np.bool_]
    left_ml: float
    right_ml: float
    asymmetry: float
    effaced: str


def find_ventricles(
    hu: ArrayLike, brain: ArrayLike, plane: MidsagittalPlane, spacing_mm: ArrayLike
) -> Ventricles:
    """Find fluid deep in the brain and compare its halves.

    Fluid is -5 to 15 HU, smoothed by 1 mm within slices, at most 35 mm from the plane and at
    least 18 mm from the brain's surface: sulci and cisterns are nearer. Parts of 0.4 mL and more
    count, and grow by 3 mm into fluid that touches them. Calcified plexus in a horn counts as
    fluid where the mask closes round it.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        `AnalysisCopy.hu`.
    brain : (slices, rows, columns) bool or uint8
    plane : MidsagittalPlane
    spacing_mm : (3,)
    """
    values = array("hu", hu, (3,)).astype(np.float32, copy=False)
    inside = marks("brain", brain)
    spacing = spacings(spacing_mm)
    if inside.shape != values.shape:
        raise ValueError(f"brain has shape {inside.shape}; expected {values.shape}")
    smooth = ndimage.gaussian_filter(values, (0, *(1.0 / spacing[1:])), truncate=3)
    sides = plane.sides(values.shape, spacing)
    fluid = inside & (smooth >= FLUID_HU[0]) & (smooth <= FLUID_HU[1])
    fluid &= np.abs(sides) <= REACH_MM
    # Calcium within the brain is no surface of it.
    whole = inside.copy()
    for index in np.flatnonzero(whole.any(axis=(1, 2))):
        whole[index] = ndimage.binary_fill_holes(whole[index])
    deep = fluid & (distance_mm(~whole, spacing) >= DEEP_MM)
    labels, count = ndimage.label(deep)
    voxel_ml = float(spacing.prod()) / 1000
    sizes = np.bincount(labels.reshape(-1), minlength=count + 1) * voxel_ml
    kept = np.flatnonzero(sizes >= LEAST_ML)
    core = np.isin(labels, kept[kept > 0])
    mask = fluid & (distance_mm(core, spacing) <= 3.0)
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        mask[index] = ndimage.binary_fill_holes(mask[index])
    left = float((mask & (sides > 0)).sum()) * voxel_ml
    right = float((mask & (sides <= 0)).sum()) * voxel_ml
    total = left + right
    effaced = ""
    if min(left, right) < EFFACED * max(left, right):
        effaced = "left" if left < right else "right"
    return Ventricles(mask, left, right, (left - right) / total if total else 0.0, effaced)
