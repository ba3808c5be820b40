"""Volumes of what a mask marks: slice by slice, and by the rule of thumb ABC/2."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from kernels._checks import finite_array, positive

__all__ = ["AbcVolume", "HalfMaximum", "abc_over_2", "grow_half_maximum", "planimetric_volume_ml"]


def planimetric_volume_ml(
    mask: ArrayLike, weights_mm: ArrayLike, pixel_spacing_mm: ArrayLike
) -> float:
    """Add up area times thickness over the slices.

    Parameters
    ----------
    mask : (slices, rows, columns) bool
    weights_mm : (slices,)
        What each slice stands for: `StackGeometry.weights_mm`, from true positions, never the
        Slice Thickness tag.
    pixel_spacing_mm : (2,)
    """
    marked, weights, spacing = measured(mask, weights_mm, pixel_spacing_mm)
    areas = marked.sum(axis=(1, 2)) * spacing.prod()
    return float(areas @ weights) / 1000


@dataclass(frozen=True)
class AbcVolume:
    """ABC/2 of a haematoma, both ways.

    Attributes
    ----------
    a_mm, b_mm : float
        Largest diameter on the slice of largest area, and the largest width across it; of an
        outline that holds the area of its pixels.
    c_mm, weighted_c_mm : float
        Height: all slices; or a slice counts whole from 75 % of the largest area, half from
        25 %, and not below.
    simple_ml, weighted_ml : float
        On an ellipsoid, 4.5 % and about 35 % below the truth.
    """

    a_mm: float
    b_mm: float
    c_mm: float
    weighted_c_mm: float
    simple_ml: float
    weighted_ml: float


def abc_over_2(mask: ArrayLike, weights_mm: ArrayLike, pixel_spacing_mm: ArrayLike) -> AbcVolume:
    """Estimate a volume as half the product of three diameters.

    Parameters
    ----------
    mask, weights_mm, pixel_spacing_mm
        As for `planimetric_volume_ml`; the mask marks something.

    Raises
    ------
    ValueError
        The mask is empty, or an argument has the wrong shape or value.

    References
    ----------
    Kothari et al., Stroke 27:1304, 1996
    """
    marked, weights, spacing = measured(mask, weights_mm, pixel_spacing_mm)
    areas = marked.sum(axis=(1, 2))
    if not areas.any():
        raise ValueError(f"mask of shape {marked.shape} is empty; expected something to measure")
    outline = outline_points(marked[int(np.argmax(areas))]) * spacing
    hull = outline[ConvexHull(outline).vertices]
    between = hull[:, None] - hull
    lengths = np.linalg.norm(between, axis=2)
    first, second = np.unravel_index(np.argmax(lengths), lengths.shape)
    a = float(lengths[first, second])
    along = between[first, second] / a
    b = float(np.ptp(hull @ np.array([-along[1], along[0]])))
    # The longest of many chords lies where centres reach out farthest: half is gained already.
    beyond = outset_mm(hull, spacing)
    a, b = a + beyond, b + beyond
    shares = areas / areas.max()
    c = float(weights[areas > 0].sum())
    weighted = float(weights[shares >= 0.75].sum())
    weighted += float(weights[(shares >= 0.25) & (shares < 0.75)].sum()) / 2
    return AbcVolume(a, b, c, weighted, a * b * c / 2000, a * b * weighted / 2000)


@dataclass(frozen=True)
class HalfMaximum:
    """What grew, and the HU at its border. The mask is empty where nothing qualified."""

    mask: NDArray[np.bool_]
    border_hu: float


def grow_half_maximum(
    hu: ArrayLike,
    within: ArrayLike,
    spacing_mm: ArrayLike,
    seed_hu: tuple[float, float] = (55.0, 95.0),
    ceiling_hu: float = 100.0,
    smoothing_mm: float = 0.8,
) -> HalfMaximum:
    """Mark the largest hyperdense region out to half its height over its surroundings.

    Half height, unlike a fixed threshold, keeps the volume true when slices are thick or the
    clot is faint. What is denser than `ceiling_hu` is taken for calcium and left out.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
    within : (slices, rows, columns) bool
        Where to look: the brain.
    spacing_mm : (3,)
    seed_hu : (low, high)
        HU that begin a region.
    smoothing_mm : float
        Standard deviation of the smoothing within slices, before anything is compared.
    """
    values = np.asarray(hu)
    inside = np.asarray(within)
    spacing = finite_array("spacing_mm", spacing_mm, (3,))
    positive("the least of spacing_mm", float(spacing.min()))
    if values.ndim != 3 or values.dtype.kind not in "iuf":
        raise ValueError(f"hu has shape {values.shape} and dtype {values.dtype}; expected 3-D HU")
    if inside.shape != values.shape or inside.dtype != np.bool_:
        raise ValueError(
            f"within has shape {inside.shape} and dtype {inside.dtype}; "
            f"expected booleans of shape {values.shape}"
        )
    nothing = HalfMaximum(np.zeros(values.shape, np.bool_), float("nan"))
    if not inside.any():
        return nothing
    real = values.astype(np.float32)
    if not np.isfinite(real[inside]).all():
        raise ValueError("hu holds NaN or infinity inside within; expected finite HU")
    sigma = positive("smoothing_mm", smoothing_mm) / spacing[1:]
    # Only what lies within is averaged: bone must not shine into the brain.
    held = inside.astype(np.float32)
    smooth = ndimage.gaussian_filter(np.where(inside, real, 0), (0, *sigma))
    smooth /= np.maximum(ndimage.gaussian_filter(held, (0, *sigma)), 1e-3)
    blood = inside & (smooth <= ceiling_hu)
    labels, count = ndimage.label(blood & (smooth >= seed_hu[0]) & (smooth <= seed_hu[1]))
    if not count:
        return nothing
    calcium = inside & (smooth > ceiling_hu)
    near_calcium = np.unique(labels[widen(calcium, 1.0, spacing)])
    sizes = np.bincount(labels.reshape(-1), minlength=count + 1)
    sizes[0] = 0
    sizes[near_calcium] = 0  # the blurred rim of a calcification
    if not sizes.any():
        return nothing
    core = labels == int(np.argmax(sizes))
    ring = widen(core, 7.0, spacing) & ~widen(core, 3.0, spacing) & inside
    ring &= smooth < seed_hu[0]
    if not ring.any():
        return HalfMaximum(core, seed_hu[0])
    border = (float(np.median(smooth[core])) + float(np.median(smooth[ring]))) / 2
    grown, _ = ndimage.label(blood & (smooth >= border))
    kept = np.unique(grown[core])
    mask = np.isin(grown, kept[kept > 0])
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        mask[index] = ndimage.binary_fill_holes(mask[index]) & blood[index]
    return HalfMaximum(mask, border)


def widen(mask: NDArray[np.bool_], by_mm: float, spacing: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Grow a mask by a distance, within slices."""
    grown = np.zeros_like(mask)
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        away = ndimage.distance_transform_edt(~mask[index], sampling=spacing[1:])
        grown[index] = away <= by_mm
    return grown


def measured(
    mask: ArrayLike, weights_mm: ArrayLike, pixel_spacing_mm: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    marked = np.asarray(mask)
    if marked.ndim != 3 or marked.dtype != np.bool_:
        raise ValueError(
            f"mask has shape {marked.shape} and dtype {marked.dtype}; expected 3-D booleans"
        )
    weights = finite_array("weights_mm", weights_mm, (len(marked),))
    if (weights < 0).any():
        raise ValueError(f"weights_mm has {weights.min()}; expected thicknesses of 0 or more")
    spacing = finite_array("pixel_spacing_mm", pixel_spacing_mm, (2,))
    positive("the least of pixel_spacing_mm", float(spacing.min()))
    return marked, weights, spacing


def outset_mm(hull: NDArray[np.float64], spacing: NDArray[np.float64]) -> float:
    """Return how far outside the outermost centres a smooth outline lies.

    As far as makes the area within, hull + perimeter x + pi x^2, that of the pixels whose centres
    the hull holds: a chord between centres is too short by it at either end, the more the
    coarser the pixels. Chords between pixel edges would be too long.
    """
    polygon = ConvexHull(hull)  # its area is the perimeter, its volume the area
    low, high = hull.min(axis=0), hull.max(axis=0)
    steps = [np.arange(np.ceil(a / s), np.floor(b / s) + 1) * s
             for a, b, s in zip(low, high, spacing, strict=True)]  # fmt: skip
    centres = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 2)
    beside = centres @ polygon.equations[:, :2].T + polygon.equations[:, 2]
    held = float((beside <= 1e-9).all(axis=1).sum() * spacing.prod())
    missing = max(held - polygon.volume, 0.0)
    return float((np.sqrt(polygon.area**2 + 4 * np.pi * missing) - polygon.area) / (2 * np.pi))


def outline_points(picture: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (row, column) of the outermost pixels, a tenth of a pixel outside their centres.

    The tenth gives a lone pixel a hull.
    """
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    left = picture.argmax(axis=1)[rows] - 0.1
    right = picture.shape[1] - 1 - picture[:, ::-1].argmax(axis=1)[rows] + 0.1
    top = picture.argmax(axis=0)[columns] - 0.1
    bottom = picture.shape[0] - 1 - picture[::-1].argmax(axis=0)[columns] + 0.1
    return np.concatenate(
        [
            np.stack([rows, left], axis=1),
            np.stack([rows, right], axis=1),
            np.stack([top, columns], axis=1),
            np.stack([bottom, columns], axis=1),
        ]
    )
