"""The brain in a non-contrast head CT, by threshold and morphology, and what looks wrong."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import array, finite_array, positive
from kernels.morphology import dilate, distance_mm, erode, largest_part, marks, open_mask, spacings

__all__ = ["BONE_HU", "BrainMask", "BrainProblem", "brain_mask", "grain_ratio"]

BONE_HU = 140.0
FORAMEN_MM2 = 1000.0
RIM_MM, RIM_HU = 1.3, 300.0
RAYS = 72


class BrainProblem(StrEnum):
    """Why a brain mask, or the HU in it, may not be trusted."""

    NOT_FOUND = "not found"
    VOLUME_UNUSUAL = "volume unusual"  # outside 900 to 1900 mL
    SKULL_OPEN = "skull open"  # craniectomy, open sutures, or a mask that leaks
    CUT_OFF = "cut off"  # the field of view ends within the brain
    HU_SUSPECT = "HU suspect"  # median outside 15 to 45 HU, or air that is none


@dataclass(frozen=True)
class BrainMask:
    """What lies within the skull and is brain, its fluid, or blood.

    Attributes
    ----------
    mask : (slices, rows, columns) bool
        Empty where nothing qualified.
    bone : (slices, rows, columns) bool
        Above 140 HU after smoothing: skull, calcium, metal.
    volume_ml : float
    median_hu : float
        Of the smoothed brain; 0 where the mask is empty.
    open_share : float
        Of the directions in which the vault was looked at from within, the share that met no
        bone on the way out.
    problems : tuple of BrainProblem
    """

    mask: NDArray[np.bool_]
    bone: NDArray[np.bool_]
    volume_ml: float
    median_hu: float
    open_share: float
    problems: tuple[BrainProblem, ...]


def brain_mask(hu: ArrayLike, spacing_mm: ArrayLike, valid: ArrayLike | None = None) -> BrainMask:
    """Find the brain.

    Soft tissue that is not bone is shrunk by 4 mm; the largest part left is the brain's core,
    which the thin bridges through foramina and orbits no longer hold. It grows back by 6 mm,
    loses specks 2 mm wide and has its clefts closed; below the foramen magnum, where the ring of
    bone opens, it ends.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        HU on an even, upright grid of about 1 mm in plane, head up: `AnalysisCopy.hu`.
    spacing_mm : (3,)
    valid : (slices, rows, columns) bool, optional
        False marks what was not scanned.

    References
    ----------
    Muschelli et al., NeuroImage 114:379, 2015 (10.1016/j.neuroimage.2015.03.074): thresholds,
    and why CT needs its own way
    """
    values = array("hu", hu, (3,)).astype(np.float32, copy=False)
    spacing = spacings(spacing_mm)
    scanned = np.ones(values.shape, np.bool_) if valid is None else marks("valid", valid)
    if scanned.shape != values.shape:
        raise ValueError(f"valid has shape {scanned.shape}; expected {values.shape}")
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"hu has shape {values.shape}, empty or with NaN; expected finite HU")
    smooth = ndimage.gaussian_filter(
        np.clip(values, -1024, 3000), (0, 0.7 / spacing[1], 0.7 / spacing[2]), truncate=3
    )
    bone = smooth > BONE_HU
    mask = grown(smooth, bone & scanned, scanned, spacing)
    # Smoothing moved the edge of bone inwards; what is less than a third of bone belongs back.
    mask |= (distance_mm(mask, spacing) <= RIM_MM) & (values > -15) & (values < RIM_HU) & scanned
    return describe(values, smooth, bone, mask, scanned, spacing)


def grown(
    smooth: NDArray[np.float32],
    bone: NDArray[np.bool_],
    scanned: NDArray[np.bool_],
    spacing: NDArray[np.float64],
) -> NDArray[np.bool_]:
    soft = (smooth > -5) & (smooth < 95) & ~bone & scanned
    core = largest_part(erode(soft, 4.0, spacing))
    if not core.any():
        return core
    wide = (smooth > -15) & (smooth < 110) & ~bone & scanned
    mask = (distance_mm(core, spacing) <= 6.0) & wide
    kept = erode(mask, 2.0, spacing)
    mask = largest_part(dilate(kept, 2.0, spacing) & mask) if kept.any() else core
    whole = erode(dilate(mask, 6.0, spacing), 6.0, spacing) & wide | mask
    for index in np.flatnonzero(whole.any(axis=(1, 2))):
        whole[index] = ndimage.binary_fill_holes(whole[index])
    whole &= ~bone & scanned & (smooth > -30)
    whole = largest_part(open_mask(whole, 2.0, spacing))
    return above_foramen(whole, bone, spacing)


def above_foramen(
    mask: NDArray[np.bool_], bone: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Cut off what lies below the foramen magnum: narrower than it, or in an open ring of bone."""
    areas = mask.sum(axis=(1, 2)) * spacing[1] * spacing[2]
    widest = int(np.argmax(areas))
    for index in range(widest, -1, -1):
        if areas[index] > 0.35 * areas[widest]:
            continue
        narrow = areas[index] < FORAMEN_MM2
        if narrow or open_rays(mask[index], bone[index], spacing).mean() > 0.25:
            mask = mask.copy()
            mask[: index + 1] = False
            return mask
    return mask


def open_rays(
    mask: NDArray[np.bool_], bone: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell of directions from a slice's centre whether no bone lies beyond the mask's last pixel.

    Returns
    -------
    (72,) bool
    """
    rows, columns = np.nonzero(mask)
    centre = np.array([rows.mean(), columns.mean()])
    reach = float(np.hypot(*(np.array(mask.shape) * spacing[1:])))
    steps = np.arange(0, reach, 0.7)
    angles = np.arange(RAYS) * 2 * np.pi / RAYS
    ways = np.stack([np.sin(angles), np.cos(angles)], axis=1) / spacing[1:]
    places = np.rint(centre + steps[:, None, None] * ways).astype(np.int64)
    within = np.asarray(((places >= 0) & (places < mask.shape)).all(axis=2))
    i, j = np.moveaxis(np.where(within[..., None], places, 0), 2, 0)
    inside = np.asarray(mask[i, j] & within)
    last = len(steps) - 1 - np.argmax(inside[::-1], axis=0)
    beyond = (steps[:, None] > steps[last] - 2) & (steps[:, None] < steps[last] + 14)
    blocked = np.asarray(bone[i, j] & within & beyond)
    return np.asarray(~blocked.any(axis=0) & inside.any(axis=0))


def describe(
    values: NDArray[np.float32],
    smooth: NDArray[np.float32],
    bone: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    scanned: NDArray[np.bool_],
    spacing: NDArray[np.float64],
) -> BrainMask:
    if not mask.any():
        return BrainMask(mask, bone, 0.0, 0.0, 0.0, (BrainProblem.NOT_FOUND,))
    problems = []
    volume = float(mask.sum()) * float(spacing.prod()) / 1000
    if not 900 <= volume <= 1900:
        problems.append(BrainProblem.VOLUME_UNUSUAL)
    areas = mask.sum(axis=(1, 2)).astype(np.float64)
    widest = int(np.argmax(areas))
    # The vault only: lower down the skull has openings of its own.
    vault = [k for k in range(widest, len(mask)) if areas[k] > 0.45 * areas[widest]]
    rays = np.stack([open_rays(mask[k], bone[k], spacing) for k in vault])
    if patch_mm2(rays, areas[vault] * spacing[1] * spacing[2], spacing[0]) > 300:
        problems.append(BrainProblem.SKULL_OPEN)
    if is_cut(mask, scanned, areas, widest, spacing):
        problems.append(BrainProblem.CUT_OFF)
    median = float(np.median(smooth[mask]))
    air = values[scanned & (values < -400)]
    dense_air = len(air) > 1000 and not -1050 <= float(np.median(air)) <= -900
    if not 15 <= median <= 45 or dense_air:
        problems.append(BrainProblem.HU_SUSPECT)
    return BrainMask(mask, bone, volume, median, float(rays.mean()), tuple(problems))


def patch_mm2(rays: NDArray[np.bool_], areas: NDArray[np.float64], slice_mm: float) -> float:
    """Return the area of the largest hole in the vault, seen from within."""
    twice = np.concatenate([rays, rays], axis=1)  # a hole may lie across the first ray
    labels, count = ndimage.label(twice)
    if not count:
        return 0.0
    pixel = np.sqrt(areas / np.pi) * 2 * np.pi / RAYS * slice_mm
    weights = np.broadcast_to(pixel[:, None], twice.shape)
    return float(np.max(np.asarray(ndimage.sum(weights, labels, np.arange(1, count + 1)))))


def is_cut(
    mask: NDArray[np.bool_],
    scanned: NDArray[np.bool_],
    areas: NDArray[np.float64],
    widest: int,
    spacing: NDArray[np.float64],
) -> bool:
    """Tell whether the brain goes on where the scan does not."""
    pixel = spacing[1] * spacing[2]
    top, bottom = areas[-1] * pixel, areas[0] * pixel
    sides = mask[:, [0, -1]].sum() + mask[:, :, [0, -1]].sum()
    beside = ndimage.binary_dilation(~scanned, np.ones((1, 3, 3), np.bool_)) & mask
    height = float(np.count_nonzero(areas)) * spacing[0]
    lost = int(sides) + int(beside[1:-1].sum() if len(mask) > 2 else 0)
    return bool(
        top > 4500 or bottom > 0.75 * areas[widest] * pixel or height < 90 or lost * pixel > 400
    )


def grain_ratio(hu: ArrayLike, brain: ArrayLike, pixel_spacing_mm: ArrayLike) -> float:
    """Return how sharp a reconstruction is: fine noise over coarse noise within the brain.

    Measured on the slices as scanned; blurring or shrinking them would hide it. Soft kernels
    give about 1 or less; bone and edge kernels much more, and measure no densities.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        A few slices through the middle will do.
    brain : (slices, rows, columns) bool or uint8
    pixel_spacing_mm : (2,)

    Returns
    -------
    float
        Deviation of what a Gaussian of 0.7 mm takes away, over that of what lies between 0.7 and
        2 mm; 0 where the brain is too small to tell.
    """
    values = array("hu", hu, (3,)).astype(np.float32)
    inside = marks("brain", brain)
    pixel = finite_array("pixel_spacing_mm", pixel_spacing_mm, (2,))
    positive("the least of pixel_spacing_mm", float(pixel.min()))
    if inside.shape != values.shape:
        raise ValueError(f"brain has shape {inside.shape}; expected {values.shape}")
    deep = erode(inside, 6.0, [1e3, *pixel])
    if deep.sum() < 500:
        return 0.0
    values = np.clip(values, -20, 100)
    narrow = ndimage.gaussian_filter(values, (0, *(0.7 / pixel)))
    broad = ndimage.gaussian_filter(values, (0, *(2.0 / pixel)))
    fine, coarse = (values - narrow)[deep], (narrow - broad)[deep]
    return float(fine.std() / max(float(coarse.std()), 1e-6))
