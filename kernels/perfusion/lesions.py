"""Core and penumbra by thresholds that the caller may move, and what they amount to.

Hypoperfused tissue is filled late: Tmax above 6 s. Core is the part of it whose flow is below
30 % of the mean flow of healthy tissue on the other side. Thresholds differ between programs
and no map proves tissue dead; these are volumes, not verdicts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import finite_array, number, positive
from kernels.perfusion.maps import PerfusionMaps

__all__ = ["LesionThresholds", "Lesions", "hemispheres", "lesions", "mismatch"]

LATE_S = (4.0, 6.0, 8.0, 10.0)
LOW_SHARES = (0.20, 0.30, 0.34, 0.38)


@dataclass(frozen=True)
class LesionThresholds:
    """Where tissue ends to be healthy.

    Attributes
    ----------
    late_s : float
        Hypoperfused above this Tmax.
    core_share : float
        Core below this share of the reference flow.
    reference_late_s : float
        Reference tissue is below this Tmax.
    vessel_cbv : float
        Vessels are above, mL/100 g.
    least_ml : float
        Smaller clusters are dropped.
    headline_ml : float
        Smaller clusters do not count in the headline.
    """

    late_s: float = 6.0
    core_share: float = 0.30
    reference_late_s: float = 4.0
    vessel_cbv: float = 9.0
    least_ml: float = 1.0
    headline_ml: float = 3.0


@dataclass(frozen=True)
class Lesions:
    """Masks and volumes.

    Attributes
    ----------
    core, hypoperfused : (slices, rows, columns) bool
        In clusters of `least_ml` or more; the core lies in the hypoperfused.
    core_ml, hypoperfused_ml : float
        In clusters of `least_ml` or more.
    core_headline_ml, hypoperfused_headline_ml : float
        In clusters of `headline_ml` or more.
    mismatch_ml : float
        Hypoperfused less core.
    mismatch_ratio : float or None
        Hypoperfused over core; None where there is no core.
    hypoperfusion_intensity : float or None
        Volume of Tmax > 10 s over that of Tmax > 6 s; None where there is none.
    late_ml : mapping of float to float
        Volume above each Tmax in s.
    low_ml : mapping of float to float
        Volume of hypoperfused tissue below each share of the reference flow.
    reference_cbf : float
        Mean flow of the reference, mL/100 g/min.
    affected : "left", "right" or "none"
        The side of the image with more late tissue: left at low columns.
    """

    core: NDArray[np.bool_]
    hypoperfused: NDArray[np.bool_]
    core_ml: float
    hypoperfused_ml: float
    core_headline_ml: float
    hypoperfused_headline_ml: float
    mismatch_ml: float
    mismatch_ratio: float | None
    hypoperfusion_intensity: float | None
    late_ml: Mapping[float, float]
    low_ml: Mapping[float, float]
    reference_cbf: float
    affected: str


def lesions(
    maps: PerfusionMaps,
    thresholds: LesionThresholds | None = None,
    low_side: ArrayLike | None = None,
) -> Lesions:
    """Find core and hypoperfused tissue.

    Parameters
    ----------
    thresholds : LesionThresholds, optional
    low_side : (slices, rows, columns) bool, optional
        The half of the head at low columns; by default the mask is halved along its long axis.

    Raises
    ------
    ValueError
        A threshold is not a number, or `low_side` has the wrong shape.
    """
    limits = thresholds or LesionThresholds()
    for name in LesionThresholds.__dataclass_fields__:
        number(name, getattr(limits, name))
    half = hemispheres(maps.mask, maps.spacing_mm) if low_side is None else np.asarray(low_side)
    if half.shape != maps.mask.shape or half.dtype != np.bool_:
        raise ValueError(
            f"low_side has shape {half.shape} and dtype {half.dtype}; "
            f"expected {maps.mask.shape} booleans"
        )
    voxel_ml = float(maps.spacing_mm.prod()) / 1000
    tissue = maps.mask & (maps.cbv_ml_100g <= limits.vessel_cbv)

    late = clusters(tissue & (maps.tmax_s > limits.late_s), limits.least_ml / voxel_ml)
    on_low, on_high = int((late & half).sum()), int((late & ~half).sum())
    affected = "none" if not late.any() else "left" if on_low > on_high else "right"
    healthy = tissue & (maps.tmax_s < limits.reference_late_s)
    if affected != "none":
        healthy &= ~half if affected == "left" else half
    flows = maps.cbf_ml_100g_min[healthy]
    reference = float(flows.mean(dtype=np.float64)) if len(flows) else 0.0

    def low(share: float) -> NDArray[np.bool_]:
        poor = late & (maps.cbf_ml_100g_min < share * reference)
        return clusters(poor, limits.least_ml / voxel_ml)

    def volume_ml(mask: NDArray[np.bool_]) -> float:
        return float(mask.sum()) * voxel_ml

    core = low(limits.core_share)
    late_ml = {
        each: volume_ml(clusters(tissue & (maps.tmax_s > each), limits.least_ml / voxel_ml))
        for each in LATE_S
    }
    difference, ratio = mismatch(volume_ml(core), volume_ml(late))
    return Lesions(
        core=core,
        hypoperfused=late,
        core_ml=volume_ml(core),
        hypoperfused_ml=volume_ml(late),
        core_headline_ml=volume_ml(clusters(core, limits.headline_ml / voxel_ml)),
        hypoperfused_headline_ml=volume_ml(clusters(late, limits.headline_ml / voxel_ml)),
        mismatch_ml=difference,
        mismatch_ratio=ratio,
        hypoperfusion_intensity=late_ml[10.0] / late_ml[6.0] if late_ml[6.0] else None,
        late_ml=MappingProxyType(late_ml),
        low_ml=MappingProxyType({each: volume_ml(low(each)) for each in LOW_SHARES}),
        reference_cbf=reference,
        affected=affected,
    )


def mismatch(core_ml: float, hypoperfused_ml: float) -> tuple[float, float | None]:
    """Return the difference in mL and the ratio; None, never infinity, without a core."""
    ratio = hypoperfused_ml / core_ml if core_ml > 0 else None
    return hypoperfused_ml - core_ml, ratio


def clusters(mask: NDArray[np.bool_], least_voxels: float) -> NDArray[np.bool_]:
    """Keep the pieces (joined by faces) of so many voxels or more."""
    pieces, _ = ndimage.label(mask)
    sizes = np.bincount(pieces.reshape(-1))
    kept = sizes >= least_voxels
    kept[0] = False
    return np.asarray(kept[pieces])


def hemispheres(
    mask: ArrayLike,
    spacing_mm: ArrayLike,
    normal: ArrayLike | None = None,
    through_mm: ArrayLike | None = None,
) -> NDArray[np.bool_]:
    """Return which voxels lie on the low-column side of the midsagittal plane.

    Parameters
    ----------
    mask : (slices, rows, columns) bool
        The brain.
    normal, through_mm : (3,), optional
        Of the plane, in (slice, row, column) millimetres; when left out, the plane that holds
        the mask's centre and long axis in plane.
    """
    brain = np.asarray(mask)
    spacing = finite_array("spacing_mm", spacing_mm, (3,))
    positive("the least spacing_mm", float(spacing.min()))
    places = np.argwhere(brain) * spacing
    if not len(places):
        return np.zeros(brain.shape, np.bool_)
    centre = (
        places.mean(axis=0) if through_mm is None else finite_array("through_mm", through_mm, (3,))
    )
    if normal is None:
        _, axes = np.linalg.eigh(np.cov((places - places.mean(axis=0))[:, 1:].T))
        across = np.array([0.0, *axes[:, 0]])  # the short axis
    else:
        across = finite_array("normal", normal, (3,))
    if across[2] < 0:
        across = -across
    z, y, x = (
        np.arange(length) * step - middle
        for length, step, middle in zip(brain.shape, spacing, centre, strict=True)
    )
    side = z[:, None, None] * across[0] + y[:, None] * across[1] + x * across[2]
    return np.asarray(side < 0)
