"""The artery and the vein: found by the look of their curves, or picked by a reader.

Arteries are early, high and narrow; the great sinuses are at the back of the midline and have
the largest area. The vein lends the artery its area, for an artery thinner than a voxel shows
less contrast than it carries; that the two areas are equal is a premise, not a fact
(doi:10.1371/journal.pone.0097586).

References
----------
Mouridsen et al., Magn Reson Med 55:524 (2006), doi:10.1002/mrm.20759.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array, positive
from kernels.perfusion.preparation import MOST_ROUGH, Prepared, roughness
from kernels.perfusion.refusal import PerfusionFlag, PerfusionRefused, Refusal

__all__ = ["InputCurve", "Inputs", "find_inputs", "pick_input"]

REACH_MM = 4.0  # of one candidate
CANDIDATES = 6
MOST_VOXELS = 12
WEAK_HU = 100.0
NARROWEST_S = 4.0
TAIL = 0.3
MIDLINE_MM = 15.0
MOST_SCALE = 5.0


@dataclass(frozen=True)
class InputCurve:
    """A vessel's enhancement.

    Attributes
    ----------
    curve_hu : (times,) float64
    voxels : (n, 3) intp
        Slice, row and column of what was averaged.
    peak_hu, area_hu_s : float
    arrival_s, peak_s : float
        When a tenth of the peak, and the peak, is reached, on the clock of the series.
    width_s : float
        At half the peak.
    """

    curve_hu: NDArray[np.float64]
    voxels: NDArray[np.intp]
    peak_hu: float
    area_hu_s: float
    arrival_s: float
    peak_s: float
    width_s: float


@dataclass(frozen=True)
class Inputs:
    """The artery and vein in use, and what else might be.

    Attributes
    ----------
    artery : InputCurve
    vein : InputCurve or None
    arteries : tuple of InputCurve
        Candidates, the best first.
    scale : float
        What to multiply the arterial curve with: area of the vein over area of the artery,
        1 to 5.
    flags : tuple of PerfusionFlag
    """

    artery: InputCurve
    vein: InputCurve | None
    arteries: tuple[InputCurve, ...]
    scale: float
    flags: tuple[PerfusionFlag, ...]

    @property
    def scaled_artery_hu(self) -> NDArray[np.float64]:
        return self.artery.curve_hu * self.scale

    def with_artery(self, artery: InputCurve) -> "Inputs":
        """Return the same with another artery."""
        return combine(artery, self.vein, self.arteries)

    def with_vein(self, vein: InputCurve) -> "Inputs":
        """Return the same with another vein."""
        return combine(self.artery, vein, self.arteries)


def find_inputs(prepared: Prepared) -> Inputs:
    """Find artery and vein.

    Rows are taken to run from the face to the back of the head.

    Raises
    ------
    PerfusionRefused
        Nothing looks like an artery.
    """
    places = np.argwhere(prepared.mask)
    vessels = np.flatnonzero(~prepared.is_tissue)
    curves = prepared.curves_hu[vessels].astype(np.float64)
    features = Features(curves, prepared.times_s)
    sites = places[vessels] * prepared.spacing_mm
    usable = features.is_bolus & prepared.is_deep[vessels] & (features.peak_s > prepared.arrival_s)
    usable &= features.peak_s < prepared.times_s[-1] - 5
    rise = np.maximum(features.peak_s - prepared.arrival_s, 1.0)
    score = np.where(usable, features.peak / (features.width * rise), 0)

    arteries: list[InputCurve] = []
    left = score.copy()
    while len(arteries) < CANDIDATES and left.max(initial=0) > 0:
        best = int(left.argmax())
        near = np.linalg.norm(sites - sites[best], axis=1) <= REACH_MM
        alike = near & (features.peak > 0.7 * features.peak[best]) & (left > 0)
        alike &= np.abs(features.peak_s - features.peak_s[best]) <= 1.5
        members = np.flatnonzero(alike)
        members = members[np.argsort(-score[members], kind="stable")][:MOST_VOXELS]
        arteries.append(averaged(prepared, places, vessels[members]))
        left[near] = 0
    if not arteries:
        raise PerfusionRefused(Refusal.NO_ARTERY, "No curve looks like an artery's.")
    start = prepared.arrival_s
    arteries.sort(key=lambda one: -one.peak_hu / (one.width_s * max(one.peak_s - start, 1.0)))
    vein = find_vein(prepared, places, vessels, features, sites, arteries[0])
    return combine(arteries[0], vein, tuple(arteries))


def find_vein(
    prepared: Prepared,
    places: NDArray[np.intp],
    vessels: NDArray[np.intp],
    features: "Features",
    sites: NDArray[np.float64],
    artery: InputCurve,
) -> InputCurve | None:
    """Return the strongest late curve at the back of the midline, if any is."""
    centre = (places * prepared.spacing_mm).mean(axis=0)
    fits = (
        features.is_bolus
        & (sites[:, 1] > centre[1])
        & (np.abs(sites[:, 2] - centre[2]) < MIDLINE_MM)
    )
    fits &= (features.peak_s >= artery.peak_s + 1) & (features.peak > 0.3 * artery.peak_hu)
    found = np.flatnonzero(fits)
    if not len(found):
        return None
    best = found[features.area[found].argmax()]
    near = found[np.linalg.norm(sites[found] - sites[best], axis=1) <= 2 * REACH_MM]
    near = near[np.argsort(-features.area[near], kind="stable")][:MOST_VOXELS]
    return averaged(prepared, places, vessels[near])


def pick_input(prepared: Prepared, point: ArrayLike, radius_mm: float = 3.0) -> InputCurve:
    """Return the curve of the vessel at a point: the mean of the strongest voxels about it.

    Parameters
    ----------
    point : (3,)
        Slice, row and column, in voxels.
    radius_mm : float
        Within the slice; voxels at least half as strong as the strongest are averaged.

    Raises
    ------
    PerfusionRefused
        There is no brain, or no enhancement, within the radius.
    """
    centre = finite_array("point", point, (3,))
    positive("radius_mm", radius_mm)
    places = np.argwhere(prepared.mask)
    offsets = (places - centre) * prepared.spacing_mm
    in_slice = places[:, 0] == round(float(centre[0]))
    near = np.flatnonzero(in_slice & (np.hypot(offsets[:, 1], offsets[:, 2]) <= radius_mm))
    peaks = prepared.curves_hu[near].max(axis=1, initial=0)
    members = near[peaks >= 0.5 * peaks.max(initial=0)]
    if not peaks.max(initial=0) > 0:
        raise PerfusionRefused(
            Refusal.NO_ARTERY, f"Nothing takes up contrast within {radius_mm} mm of that point."
        )
    members = members[np.argsort(-prepared.curves_hu[members].max(axis=1))][:MOST_VOXELS]
    return averaged(prepared, places, members)


def averaged(prepared: Prepared, places: NDArray[np.intp], members: NDArray[np.intp]) -> InputCurve:
    curve = prepared.curves_hu[members].mean(axis=0, dtype=np.float64)
    features = Features(curve[None], prepared.times_s)
    return InputCurve(
        curve_hu=curve,
        voxels=places[members],
        peak_hu=float(features.peak[0]),
        area_hu_s=float(features.area[0]),
        arrival_s=float(features.arrival_s[0]),
        peak_s=float(features.peak_s[0]),
        width_s=float(features.width[0]),
    )


def combine(
    artery: InputCurve, vein: InputCurve | None, arteries: tuple[InputCurve, ...]
) -> Inputs:
    flags = []
    if artery.peak_hu < WEAK_HU:
        flags.append(PerfusionFlag.ARTERY_WEAK)
    if is_clipped(artery.curve_hu):
        flags.append(PerfusionFlag.ARTERY_CLIPPED)
    last = artery if vein is None else vein
    if last.curve_hu[-3:].mean() > TAIL * last.peak_hu:
        flags.append(PerfusionFlag.TRUNCATED)
    if vein is None:
        flags.append(PerfusionFlag.NO_VEIN)
    scale = 1.0 if vein is None else vein.area_hu_s / max(artery.area_hu_s, 1e-6)
    return Inputs(artery, vein, arteries, min(max(scale, 1.0), MOST_SCALE), tuple(flags))


def is_clipped(curve: NDArray[np.float64]) -> bool:
    """Tell whether three samples on end stay within 1 % of the peak: no bolus is so flat."""
    high = curve > 0.99 * curve.max()
    return bool((high[:-2] & high[1:-1] & high[2:]).any())


class Features:
    """What tells an artery from a vein, for each of the (n, times) curves."""

    def __init__(self, curves: NDArray[np.float64], times_s: NDArray[np.float64]) -> None:
        interval = times_s[1] - times_s[0]
        top = curves.argmax(axis=1)
        self.peak = curves[np.arange(len(curves)), top]
        self.peak_s = times_s[top]
        self.area = curves.sum(axis=1) * interval
        index = np.arange(curves.shape[1])
        low = curves < 0.5 * self.peak[:, None]
        before = np.where(low & (index < top[:, None]), index, -1).max(axis=1)
        after = np.where(low & (index > top[:, None]), index, curves.shape[1]).min(axis=1)
        self.width = np.maximum(after - before - 1, 1) * interval
        faint = curves < 0.1 * self.peak[:, None]
        first = np.where(faint & (index < top[:, None]), index, -1).max(axis=1) + 1
        self.arrival_s = times_s[np.minimum(first, curves.shape[1] - 1)]
        # Bone that moves beside a voxel makes peaks too, but neither smooth nor one-sided ones.
        self.is_bolus = (
            (roughness(curves) < MOST_ROUGH)
            & (self.width >= NARROWEST_S)
            & (self.area > 0.5 * self.peak * self.width)
            & (curves.min(axis=1) > -0.25 * self.peak)
        )
