"""Maps of the brain's blood supply, in their units.

With k the deconvolved flow times residue, C the tissue's and A the artery's curve::

    CBF  = 6000 (k_H / rho) max k           mL/100 g/min
    CBV  = 100 (k_H / rho) sum C / sum A    mL/100 g
    MTT  = 60 CBV / CBF                     s
    Tmax = argmax k                         s
    TTP  = argmax C - arrival               s

Contrast is linear in Hounsfield units, so that their factor cancels. With a circulant matrix
the sum of k times the interval is sum C / sum A: a truncated curve has no better volume there.

References
----------
Fieselmann et al., Int J Biomed Imaging 2011:467563, doi:10.1155/2011/467563.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array, positive
from kernels._jit import jit
from kernels._threads import spread
from kernels.perfusion.deconvolution import deconvolve
from kernels.perfusion.preparation import Prepared

__all__ = ["HAEMATOCRIT_RATIO", "TISSUE_DENSITY_G_ML", "PerfusionMaps", "perfusion_maps"]

HAEMATOCRIT_RATIO = (1 - 0.45) / (1 - 0.25)  # k_H: large over small vessels
TISSUE_DENSITY_G_ML = 1.05

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
    oscillation: float = 0.035,
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
    factor = positive("tissue_factor", tissue_factor)
    curves = prepared.curves_hu
    arterial = finite_array("arterial_hu", arterial_hu, (curves.shape[1],))
    interval = float(prepared.times_s[1] - prepared.times_s[0])
    found = deconvolve(curves, arterial, interval, method, threshold, oscillation)
    peaks = np.empty((2, len(curves)), np.float32)
    spread(areas_and_peaks, len(curves), curves, peaks, least=4096)
    cbf = 6000 / factor * found.flow_per_s
    cbv = np.maximum(100 / factor * peaks[0] / arterial.sum(), 0).astype(np.float32)
    length = float(np.ptp(prepared.times_s))
    mtt = np.where(cbf > 0, np.minimum(60 * cbv / np.where(cbf > 0, cbf, 1), length), 0)
    start = prepared.arrival_s - float(prepared.times_s[0])
    ttp = np.maximum(peaks[1] * interval - start, 0)
    return PerfusionMaps(
        cbf_ml_100g_min=prepared.picture(cbf),
        cbv_ml_100g=prepared.picture(cbv),
        mtt_s=prepared.picture(mtt),
        tmax_s=prepared.picture(found.tmax_s),
        ttp_s=prepared.picture(ttp),
        mask=prepared.mask,
        baseline_hu=prepared.baseline_hu,
        spacing_mm=prepared.spacing_mm,
        method=method,
    )


@jit("void(i8, i8, f4[:,::1], f4[:,::1])")
def areas_and_peaks(start: int, stop: int, curves: Floats, found: Floats) -> None:
    """Write the sum of each curve, and the fractional place of its highest sample."""
    last = curves.shape[1] - 1
    for voxel in range(start, stop):
        curve = curves[voxel]
        total, at = curve[0], 0
        for time in range(1, last + 1):
            total += curve[time]
            if curve[time] > curve[at]:
                at = time
        place = np.float32(at)
        if 0 < at < last:
            bend = curve[at - 1] - 2 * curve[at] + curve[at + 1]
            if bend < 0:
                place += np.float32(0.5) * (curve[at - 1] - curve[at + 1]) / bend
        found[0, voxel] = total
        found[1, voxel] = place
