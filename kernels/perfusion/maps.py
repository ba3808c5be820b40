"""Maps of the brain's blood supply, in their units.

With k the deconvolved flow times residue, C the tissue's and A the artery's curve::

    CBF  = 6000 (k_H / rho) max k           mL/100 g/min
    CBV  = 100 (k_H / rho) sum C / sum A    mL/100 g, and what the end of the series cut off
    MTT  = 60 CBV / CBF                     s
    Tmax = argmax k                         s
    TTP  = argmax C - arrival               s

Contrast is linear in Hounsfield units, so that their factor cancels.

A series that ends too soon cuts off part of the tissue's curve. What is left of the residue at
the end, r, is the mean of the last samples, less what the artery still brings, over flow times
the artery's area. An exponential residue then has shown 1 - r of its area, a box of the same
mean all of it; the volume is taken to be the measured one over 1 - r / 2.

References
----------
Fieselmann et al., Int J Biomed Imaging 2011:467563, doi:10.1155/2011/467563.
Truncated curves: doi:10.1371/journal.pone.0119409.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array, positive
from kernels._jit import jit
from kernels._threads import spread
from kernels.perfusion.deconvolution import OSCILLATION, deconvolve
from kernels.perfusion.preparation import Prepared

__all__ = [
    "HAEMATOCRIT_RATIO",
    "TISSUE_DENSITY_G_ML",
    "CurveValues",
    "PerfusionMaps",
    "measure_curves",
    "perfusion_maps",
]

HAEMATOCRIT_RATIO = (1 - 0.45) / (1 - 0.25)  # k_H: large over small vessels
TISSUE_DENSITY_G_ML = 1.05
END_SAMPLES = 6
MOST_LEFT = 0.5  # of the residue at the end

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class PerfusionMaps:
    """Maps, each (slices, rows, columns) float32; 0 outside `mask`, never NaN.

    Absolute flows and volumes carry the artery's error; relative ones and Tmax do not.

    Attributes
    ----------
    cbf_ml_100g_min, cbv_ml_100g : Floats
    mtt_s : Floats
        At most the length of the series; 0 where there is no flow.
    tmax_s : Floats
        Negative where contrast came before it came to the artery.
    ttp_s : Floats
        After the series' arrival.
    mask : (slices, rows, columns) bool
    baseline_hu : Floats
        Before contrast.
    spacing_mm : (3,) float64
    method : str
    """

    cbf_ml_100g_min: Floats
    cbv_ml_100g: Floats
    mtt_s: Floats
    tmax_s: Floats
    ttp_s: Floats
    mask: NDArray[np.bool_]
    baseline_hu: Floats
    spacing_mm: NDArray[np.float64]
    method: str


def perfusion_maps(
    prepared: Prepared,
    arterial_hu: ArrayLike,
    method: str = "osvd",
    threshold: float | None = None,
    oscillation: float = OSCILLATION,
    tissue_factor: float = TISSUE_DENSITY_G_ML / HAEMATOCRIT_RATIO,
) -> PerfusionMaps:
    """Deconvolve prepared curves with an artery and make the maps.

    Parameters
    ----------
    arterial_hu : (times,)
        `Inputs.scaled_artery_hu`, or any curve on the clock of `prepared`.
    method, threshold, oscillation
        As in `deconvolve`.
    tissue_factor : float
        rho / k_H, mL/g.

    Raises
    ------
    ValueError
        As `deconvolve`.
    """
    interval = float(prepared.times_s[1] - prepared.times_s[0])
    found = measure_curves(
        prepared.curves_hu,
        arterial_hu,
        interval,
        prepared.noise_hu,
        method,
        threshold,
        oscillation,
        tissue_factor,
    )
    start = prepared.arrival_s - float(prepared.times_s[0])
    return PerfusionMaps(
        cbf_ml_100g_min=prepared.picture(found.cbf_ml_100g_min),
        cbv_ml_100g=prepared.picture(found.cbv_ml_100g),
        mtt_s=prepared.picture(found.mtt_s),
        tmax_s=prepared.picture(found.tmax_s),
        ttp_s=prepared.picture(np.maximum(found.peak_s - start, 0)),
        mask=prepared.mask,
        baseline_hu=prepared.baseline_hu,
        spacing_mm=prepared.spacing_mm,
        method=method,
    )


@dataclass(frozen=True)
class CurveValues:
    """What `PerfusionMaps` shows, of each curve; `peak_s` is since the first sample."""

    cbf_ml_100g_min: Floats
    cbv_ml_100g: Floats
    mtt_s: Floats
    tmax_s: Floats
    peak_s: Floats


def measure_curves(
    curves_hu: Floats,
    arterial_hu: ArrayLike,
    interval_s: float,
    noise_hu: float,
    method: str = "osvd",
    threshold: float | None = None,
    oscillation: float = OSCILLATION,
    tissue_factor: float = TISSUE_DENSITY_G_ML / HAEMATOCRIT_RATIO,
) -> CurveValues:
    """Measure (voxels, times) float32 curves of enhancement.

    Parameters
    ----------
    noise_hu : float
        Standard deviation in one sample: what is left at the end counts as far as it stands
        out of it.

    Raises
    ------
    ValueError
        As `deconvolve`.
    """
    factor = positive("tissue_factor", tissue_factor)
    arterial = finite_array("arterial_hu", arterial_hu, (curves_hu.shape[1],))
    found = deconvolve(curves_hu, arterial, interval_s, method, threshold, oscillation)
    sums = np.empty((3, len(curves_hu)), np.float32)
    spread(sums_and_peaks, len(curves_hu), curves_hu, sums, least=4096)
    share = sums[0] / np.float32(arterial.sum())
    rest = np.maximum(sums[2] - share * np.float32(arterial[-END_SAMPLES:].mean()), 0)
    whole = found.flow_per_s * np.float32(arterial.sum() * interval_s)
    left = np.minimum(rest / np.maximum(whole, 1e-6), MOST_LEFT)
    left *= rest**2 / np.maximum(rest**2 + noise_hu**2 / END_SAMPLES, 1e-12)
    cbf = 6000 / factor * found.flow_per_s
    cbv = np.maximum(100 / factor * share / (1 - left / 2), 0)
    length = interval_s * (curves_hu.shape[1] - 1)
    mtt = np.where(cbf > 0, np.minimum(60 * cbv / np.where(cbf > 0, cbf, 1), length), 0)
    return CurveValues(cbf, cbv, mtt, found.tmax_s, sums[1] * np.float32(interval_s))


@jit("void(i8, i8, f4[:,::1], f4[:,::1])")
def sums_and_peaks(start: int, stop: int, curves: Floats, found: Floats) -> None:
    """Write each curve's sum, the fractional place of its highest sample, and its end's mean."""
    last = curves.shape[1] - 1
    end = max(last + 1 - END_SAMPLES, 0)
    for voxel in range(start, stop):
        curve = curves[voxel]
        total, at = curve[0], 0
        for time in range(1, last + 1):
            total += curve[time]
            if curve[time] > curve[at]:
                at = time
        tail = np.float32(0)
        for time in range(end, last + 1):
            tail += curve[time]
        place = np.float32(at)
        if 0 < at < last:
            bend = curve[at - 1] - 2 * curve[at] + curve[at + 1]
            if bend < 0:
                place += np.float32(0.5) * (curve[at - 1] - curve[at + 1]) / bend
        found[0, voxel] = total
        found[1, voxel] = place
        found[2, voxel] = tail / np.float32(last + 1 - end)
