"""Where one half of the brain is darker than the other: mirror differences, net water uptake."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import array, number, positive
from kernels.midsagittal import MidsagittalPlane, mirror, mirror_mask
from kernels.morphology import distance_mm, marks, open_mask, spacings

__all__ = [
    "Asymmetry",
    "DarkCluster",
    "WaterUptake",
    "masked_gaussian",
    "mirror_difference",
    "net_water_uptake",
    "posterior_fossa",
]

TISSUE_HU = (5.0, 70.0)
FLUID_HU = 12.0
# The share of a cluster that must lie in a zone for it to be doubted.
DOUBT = {"fluid": 0.5, "skull base": 0.5, "posterior fossa": 0.5, "edge": 0.6}


def masked_gaussian(
    values: ArrayLike, mask: ArrayLike, sigma_mm: float, spacing_mm: ArrayLike
) -> NDArray[np.float32]:
    """Smooth within a mask as if nothing else existed: G(m I) / G(m).

    Neither skull nor fluid bleeds in, and values stay unbiased at the mask's edge.

    Parameters
    ----------
    values : (slices, rows, columns) int16 or float32
    mask : (slices, rows, columns) bool or uint8
    sigma_mm : float
        Standard deviation, the same in all directions.
    spacing_mm : (3,)

    Returns
    -------
    (slices, rows, columns) float32
        Also defined just outside the mask; 0 where less than 5 % of the weight lies in it.
    """
    found = array("values", values, (3,)).astype(np.float32, copy=False)
    inside = marks("mask", mask)
    if inside.shape != found.shape:
        raise ValueError(f"mask has shape {inside.shape}; expected {found.shape}")
    sigma = positive("sigma_mm", sigma_mm) / spacings(spacing_mm)
    held = inside.astype(np.float32)
    total = ndimage.gaussian_filter(np.where(inside, found, np.float32(0)), sigma, truncate=3)
    weight = ndimage.gaussian_filter(held, sigma, truncate=3)
    return np.asarray(np.where(weight > 0.05, total / np.maximum(weight, 0.05), np.float32(0)))


@dataclass(frozen=True)
class DarkCluster:
    """A region darker than its mirror image.

    Attributes
    ----------
    label : int
        In `Asymmetry.labels`.
    side : "left" or "right"
        The patient's.
    volume_ml : float
    centre_mm : (3,) tuple
        Grid millimetres (slice, row, column).
    mean_hu, mirror_hu : float
        Of smoothed tissue, here and on the other side.
    difference_hu : float
        ``mean_hu - mirror_hu``: negative.
    water_percent : float
        100 (1 - mean_hu / mirror_hu).
    doubts : tuple of str
        Why it may be no lesion: "fluid" (ventricle or sulcus on either side), "skull base",
        "posterior fossa" (both hardened beams), "edge". It is listed all the same.
    """

    label: int
    side: str
    volume_ml: float
    centre_mm: tuple[float, float, float]
    mean_hu: float
    mirror_hu: float
    difference_hu: float
    water_percent: float
    doubts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Asymmetry:
    """The mirror difference, and what stands out of it.

    Attributes
    ----------
    difference_hu : (slices, rows, columns) float32
        Smoothed tissue less its mirror image; 0 where either is missing.
    smooth_hu : (slices, rows, columns) float32
        Smoothed tissue; 0 where there is none.
    labels : (slices, rows, columns) int32
        0, or the label of a cluster.
    clusters : tuple of DarkCluster
        Those without doubts first, then by falling volume.
    """

    difference_hu: NDArray[np.float32]
    smooth_hu: NDArray[np.float32]
    labels: NDArray[np.int32]
    clusters: tuple[DarkCluster, ...]


def mirror_difference(
    hu: ArrayLike,
    brain: ArrayLike,
    plane: MidsagittalPlane,
    spacing_mm: ArrayLike,
    sigma_mm: float = 2.5,
    threshold_hu: float = -4.0,
    least_ml: float = 1.0,
) -> Asymmetry:
    """Compare the brain with its mirror image and gather what is darker.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        `AnalysisCopy.hu`.
    brain : (slices, rows, columns) bool or uint8
    plane : MidsagittalPlane
    spacing_mm : (3,)
    sigma_mm : float
        Smoothing within tissue of 5 to 70 HU.
    threshold_hu : float
        Differences below it make clusters, after an opening by 3 mm across.
    least_ml : float
        Smaller clusters are dropped.
    """
    values = array("hu", hu, (3,)).astype(np.float32, copy=False)
    inside = marks("brain", brain)
    spacing = spacings(spacing_mm)
    if inside.shape != values.shape:
        raise ValueError(f"brain has shape {inside.shape}; expected {values.shape}")
    fluidity = ndimage.gaussian_filter(values, (0, *(0.8 / spacing[1:])), truncate=3)
    tissue = inside & (fluidity >= TISSUE_HU[0]) & (fluidity <= TISSUE_HU[1])
    smooth = masked_gaussian(values, tissue, sigma_mm, spacing)
    smooth[~inside] = 0
    other = mirror(smooth, plane, spacing, 0.0)
    known = inside & (smooth > 0) & mirror_mask(inside & (smooth > 0), plane, spacing)
    difference = np.where(known, smooth - other, np.float32(0))
    below = difference < number("threshold_hu", threshold_hu)
    base = distance_mm(floor(inside), spacing) <= 8.0
    low = posterior_fossa(inside, spacing)
    # Beams hardened by the skull base darken much at once; what they darken is kept apart, lest
    # it carry a lesion above with it.
    labels, count = ndimage.label(open_mask(below & ~base & ~low, 1.5, spacing))
    hardened, more = ndimage.label(open_mask(below & (base | low), 1.5, spacing))
    labels = np.where(hardened > 0, hardened + count, labels).astype(np.int32)
    sizes = np.bincount(labels.reshape(-1), minlength=count + more + 1) * spacing.prod() / 1000
    wanted = np.flatnonzero(sizes >= number("least_ml", least_ml))
    clusters = []
    if len(wanted) > 1:
        fluid = open_mask(inside & (fluidity < FLUID_HU), 1.2, spacing)
        zones = {
            "fluid": distance_mm(fluid | mirror_mask(fluid, plane, spacing), spacing) <= 5.0,
            "skull base": base,
            "posterior fossa": low,
            "edge": distance_mm(~inside, spacing) <= 5.0,
        }
        sides = plane.sides(values.shape, spacing)
        boxes = ndimage.find_objects(labels)
        for label in wanted[wanted > 0]:
            box = boxes[label - 1]
            here = labels[box] == label
            start = [part.start for part in box]
            centre = (np.argwhere(here).mean(axis=0) + start) * spacing
            mine, its = float(smooth[box][here].mean()), float(other[box][here].mean())
            clusters.append(
                DarkCluster(
                    label=int(label),
                    side="left" if sides[box][here].mean() > 0 else "right",
                    volume_ml=float(sizes[label]),
                    centre_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
                    mean_hu=mine,
                    mirror_hu=its,
                    difference_hu=mine - its,
                    water_percent=100 * (1 - mine / max(its, 1e-6)),
                    doubts=tuple(
                        name for name, zone in zones.items() if zone[box][here].mean() > DOUBT[name]
                    ),
                )
            )
    labels[~np.isin(labels, wanted)] = 0
    clusters.sort(key=lambda found: (bool(found.doubts), -found.volume_ml))
    return Asymmetry(difference, smooth, labels, tuple(clusters))


@dataclass(frozen=True)
class WaterUptake:
    """Net water uptake of a region.

    Attributes
    ----------
    percent : float
        100 (1 - lesion_hu / normal_hu); 0 where either side has no tissue.
    lesion_hu, normal_hu : float
        Means of tissue in the region and in its mirror image; 0 where there is none.
    lesion_ml, normal_ml : float
        What they are means of.
    """

    percent: float
    lesion_hu: float
    normal_hu: float
    lesion_ml: float
    normal_ml: float


def net_water_uptake(
    hu: ArrayLike,
    region: ArrayLike,
    brain: ArrayLike,
    plane: MidsagittalPlane,
    spacing_mm: ArrayLike,
    within_hu: tuple[float, float] = (20.0, 80.0),
) -> WaterUptake:
    """Compare a lesion's density with that of its mirror image.

    Which voxels are tissue is decided on HU smoothed by 1.5 mm within the brain: cut by their
    own noise, the dark lesion would lose its darkest voxels and the other side none. Only what
    is tissue on both sides counts, so that no sulcus is on one side only. The lower limit makes
    the measure saturate: above some 25 % a lesion loses its darkest parts to it, which also means
    that it is not early.

    Parameters
    ----------
    hu, brain, plane, spacing_mm
        As for `mirror_difference`.
    region : (slices, rows, columns) bool or uint8
        The lesion.
    within_hu : (low, high)
        What counts as tissue: no fluid, calcium, blood.

    References
    ----------
    Broocks et al., Stroke 49, 2018; Kumar et al., Front Neurol 2022 (10.3389/fneur.2022.898728)
    """
    values = array("hu", hu, (3,)).astype(np.float32, copy=False)
    inside, lesion = marks("brain", brain), marks("region", region)
    spacing = spacings(spacing_mm)
    if not inside.shape == lesion.shape == values.shape:
        raise ValueError(
            f"brain has shape {inside.shape} and region {lesion.shape}; expected {values.shape}"
        )
    smooth = masked_gaussian(values, inside, 1.5, spacing)
    tissue = inside & (smooth >= within_hu[0]) & (smooth <= within_hu[1])
    both = tissue & mirror_mask(tissue, plane, spacing)
    first = lesion & both
    other = mirror(values, plane, spacing)
    if not first.any():
        return WaterUptake(0.0, 0.0, 0.0, 0.0, 0.0)
    dark, normal = float(values[first].mean()), float(other[first].mean())
    volume = float(first.sum()) * float(spacing.prod()) / 1000
    share = 100 * (1 - dark / normal) if normal > 0 else 0.0
    return WaterUptake(share, dark, normal, volume, volume)


def floor(brain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark what lies right below the brain: the skull base, where the scan reaches it."""
    below = np.zeros_like(brain)
    below[:-1] = brain[1:] & ~brain[:-1]
    heights = np.flatnonzero(brain.any(axis=(1, 2)))
    if len(heights):
        below[(heights[0] + heights[-1]) // 2 :] = False
    return below


def posterior_fossa(brain: ArrayLike, spacing_mm: ArrayLike) -> NDArray[np.bool_]:
    """Mark, roughly, what lies below the tentorium: half the brain's length below its top, behind.

    Parameters
    ----------
    brain : (slices, rows, columns) bool or uint8
        Head up, rows to the back.
    spacing_mm : (3,)
    """
    inside = marks("brain", brain)
    spacing = spacings(spacing_mm)
    result = np.zeros(inside.shape, np.bool_)
    slices, rows = (np.flatnonzero(inside.any(axis=axes)) for axes in ((1, 2), (0, 2)))
    if not len(slices):
        return result
    length = (rows[-1] - rows[0] + 1) * spacing[1]
    depth = (slices[-1] - np.arange(inside.shape[0])) * spacing[0]
    back = (np.arange(inside.shape[1]) - rows[0]) * spacing[1] / length
    # The tentorium falls from its notch, 0.50 lengths deep, to the sinuses, 0.57 deep.
    low = depth[:, None] > (0.50 + 0.16 * (back - 0.5)) * length
    result |= (low & (back > 0.5))[:, :, None] & inside
    return result
