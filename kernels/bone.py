"""Bone out of the way of vessels in CT angiography."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import array, number, positive
from kernels.morphology import close_mask, dilate, marks, spacings

__all__ = ["bone_of_angiogram", "masked_bone", "sliding_maximum"]

CORTEX_HU, DENSE_HU = 650.0, 500.0
BONE_HU = 150.0
LEAST_CORTEX_ML = 0.3
SPONGY_MM = 3.0
PORES_MM = 3.0


def bone_of_angiogram(
    hu: ArrayLike, spacing_mm: ArrayLike, cortex_hu: float = CORTEX_HU
) -> NDArray[np.bool_]:
    """Find bone in a CT angiogram by itself, without a non-contrast scan to compare.

    Pieces above 500 HU that hold cortex, denser than any vessel, are followed for 3 mm into what
    is above 150 HU around them, and their pores filled. Vessels within 3 mm of the skull (the
    carotid siphon above all) go with the bone: show the unmasked image beside it.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
    spacing_mm : (3,)
        Slice, row and column distance.
    cortex_hu : float
        Denser than the enhanced arteries.

    Returns
    -------
    (slices, rows, columns) bool
    """
    values = array("hu", hu, (3,))
    spacing = spacings(spacing_mm)
    labels, count = ndimage.label(values > DENSE_HU)
    surely = labels[values > number("cortex_hu", cortex_hu)]
    sizes = np.bincount(surely, minlength=count + 1) * spacing.prod() / 1000
    sizes[0] = 0
    cortex = (sizes >= LEAST_CORTEX_ML)[labels]
    if not cortex.any():
        return np.zeros(values.shape, np.bool_)
    spongy = dilate(cortex, SPONGY_MM, spacing) & (values > BONE_HU)
    return close_mask(cortex | spongy, PORES_MM, spacing)


def masked_bone(
    hu: ArrayLike,
    bone: ArrayLike,
    fill: float = 0.0,
    margin_mm: float = 0.0,
    spacing_mm: ArrayLike = (1.0, 1.0, 1.0),
) -> NDArray[np.float32]:
    """Return the angiogram with bone replaced (matched mask bone elimination).

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
    bone : (slices, rows, columns) bool or uint8
        Of this scan, or of a registered non-contrast scan.
    fill : float
        HU in place of bone.
    margin_mm : float
        How far beyond the mask bone still blurs; one voxel is usual.
    spacing_mm : (3,)
    """
    values = array("hu", hu, (3,)).astype(np.float32)
    removed = marks("bone", bone)
    if removed.shape != values.shape:
        raise ValueError(f"bone has shape {removed.shape}; expected {values.shape}")
    if number("margin_mm", margin_mm) > 0:
        removed = dilate(removed, margin_mm, spacing_mm)
    values[removed] = np.float32(number("fill", fill))
    return values


def sliding_maximum(hu: ArrayLike, thickness_mm: float, slice_mm: float) -> NDArray[np.float32]:
    """Return the maximum of each voxel's column over a slab centred on its slice.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
    thickness_mm : float
        Of the slab; rounded to an odd number of slices.
    slice_mm : float
    """
    values = array("hu", hu, (3,)).astype(np.float32, copy=False)
    half = round(positive("thickness_mm", thickness_mm) / positive("slice_mm", slice_mm) / 2)
    return np.asarray(ndimage.maximum_filter1d(values, 2 * half + 1, axis=0, mode="nearest"))
