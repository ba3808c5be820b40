"""How much contrast, how fast: the residue function by truncated singular values.

A tissue curve is the arterial curve convolved with flow times residue. All three methods undo
that with ``k = P c``: P is the regularised inverse of the matrix of the arterial curve, the same
for every voxel, so that the work is one matrix product and a look at each row of its result.

- ``ssvd``: lower triangular Toeplitz matrix (Ostergaard); believes that the artery comes first.
- ``bsvd``: block-circulant (Wu); a delay only shifts the result.
- ``osvd``: block-circulant, and for every voxel the least threshold whose residue oscillates
  less than a bound (Wu). Here singular values s fade out, s^4 / (s^4 + threshold^4), instead of
  ending: an edge rings, ringing makes noise peaks, and the flow is a peak. What rings less may
  be held to a lower bound.

References
----------
Ostergaard et al., Magn Reson Med 36:715 (1996), doi:10.1002/mrm.1910360510.
Wu et al., Magn Reson Med 50:164 (2003), doi:10.1002/mrm.10522.
Fieselmann et al., Int J Biomed Imaging 2011:467563, doi:10.1155/2011/467563.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, choice, finite_array, positive
from kernels._jit import jit
from kernels._threads import spread

__all__ = ["METHODS", "Deconvolution", "circulant_inverse", "deconvolve", "toeplitz_inverse"]

METHODS = ("osvd", "bsvd", "ssvd")
THRESHOLDS = {"osvd": 0.05, "bsvd": 0.15, "ssvd": 0.2}
OSCILLATION_THRESHOLDS = tuple(float(share) for share in np.geomspace(0.035, 0.95, 20))
OSCILLATION = 0.02
EARLIEST_S = 15.0  # how much sooner than the chosen artery a voxel may be filled
BLOCK = 32768

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Deconvolution:
    """What the residue function of every curve says.

    Attributes
    ----------
    flow_per_s : (voxels,) float32
        Maximum of flow times residue, between samples by a parabola, 1/s; never negative.
    tmax_s : (voxels,) float32
        When it is reached; negative where contrast came before the arterial curve.
    threshold : (voxels,) float32
        Share of the largest singular value below which singular values were dropped, at which
        they were halved by osvd.
    """

    flow_per_s: Floats
    tmax_s: Floats
    threshold: Floats


def deconvolve(
    curves_hu: ArrayLike,
    arterial_hu: ArrayLike,
    interval_s: float = 1.0,
    method: str = "osvd",
    threshold: float | None = None,
    oscillation: float = OSCILLATION,
) -> Deconvolution:
    """Deconvolve every curve with the arterial one.

    Parameters
    ----------
    curves_hu : (voxels, times) float
        Enhancement over the baseline.
    arterial_hu : (times,)
        Of the artery, at the same times.
    interval_s : float
        Between samples; `oscillation` is meant for 1 s.
    method : "osvd", "bsvd" or "ssvd"
    threshold : float, optional
        Share of the largest singular value, below 1; 0.15 for bsvd and 0.2 for ssvd when left
        out. Osvd finds its own.
    oscillation : float
        Osvd's bound on the oscillation index.

    Raises
    ------
    ValueError
        A shape, a number or the method is wrong, or the arterial curve has no area.
    """
    choice("method", method, METHODS)
    curves = array("curves_hu", curves_hu, (2,))
    curves = np.ascontiguousarray(curves, np.float32)
    count, times = curves.shape
    arterial = finite_array("arterial_hu", arterial_hu, (times,))
    interval = positive("interval_s", interval_s)
    positive("oscillation", oscillation)
    share = positive("threshold", THRESHOLDS[method] if threshold is None else threshold)
    if share >= 1:
        raise ValueError(f"threshold is {threshold!r}; expected a number below 1")
    if times < 3 or arterial.sum() <= 0:
        raise ValueError(
            f"arterial_hu has {times} samples and the sum {arterial.sum():.3g}; "
            "expected at least 3 samples and a sum above 0"
        )
    shares = OSCILLATION_THRESHOLDS if method == "osvd" and threshold is None else (share,)
    inverses = [
        np.ascontiguousarray(regularised(method, arterial, interval, each).T, np.float32)
        for each in shares
    ]
    before = 0 if method == "ssvd" else min(round(EARLIEST_S / interval), times)
    bound = oscillation if method == "osvd" else np.inf

    result = np.zeros((3, count), np.float32)
    for first in range(0, count, BLOCK):
        members = np.arange(first, min(first + BLOCK, count))
        block = curves[members[0] : members[-1] + 1]
        for step, each in enumerate(shares):
            found = np.empty((3, len(members)), np.float32)
            spread(peaks, len(members), block @ inverses[step], times, before, found, least=2048)
            settled = found[2] < bound
            if step == len(shares) - 1:
                settled[:] = True
            result[:2, members[settled]] = found[:2, settled]
            result[2, members[settled]] = each
            members, block = members[~settled], block[~settled]
            if not len(members):
                break
    result[1] *= np.float32(interval)
    return Deconvolution(*result)


def regularised(
    method: str, arterial_hu: NDArray[np.float64], interval_s: float, threshold: float
) -> NDArray[np.float64]:
    if method == "ssvd":
        return toeplitz_inverse(arterial_hu, interval_s, threshold)
    return circulant_inverse(arterial_hu, interval_s, threshold, fades=method == "osvd")


def circulant_inverse(
    arterial_hu: NDArray[np.float64], interval_s: float, threshold: float, fades: bool = False
) -> NDArray[np.float64]:
    """Return the (2 times, times) regularised inverse of the block-circulant matrix.

    A circulant matrix has the discrete Fourier transform for singular vectors, and the moduli
    of the transformed curve for singular values; they end at the threshold, or fade out.
    """
    times = len(arterial_hu)
    values = np.fft.rfft(arterial_hu, 2 * times) * interval_s
    sizes = np.abs(values) / np.abs(values).max()
    kept = sizes**4 / (sizes**4 + threshold**4) if fades else (sizes >= threshold).astype(float)
    response = np.fft.irfft(kept / np.where(kept > 0, values, 1), 2 * times)
    lags = np.arange(2 * times)[:, None] - np.arange(times)
    return np.asarray(response[lags % (2 * times)])


def toeplitz_inverse(
    arterial_hu: NDArray[np.float64], interval_s: float, threshold: float
) -> NDArray[np.float64]:
    """Return the (times, times) regularised inverse of the lower triangular matrix."""
    times = len(arterial_hu)
    lags = np.arange(times)[:, None] - np.arange(times)
    matrix = np.where(lags >= 0, arterial_hu[np.maximum(lags, 0)], 0) * interval_s
    left, sizes, right = np.linalg.svd(matrix)
    kept = sizes >= threshold * sizes[0]
    return np.asarray((right[kept].T / sizes[kept]) @ left[:, kept].T)


@jit("void(i8, i8, f4[:,::1], i8, i8, f4[:,::1])", fast=True)
def peaks(start: int, stop: int, residues: Floats, times: int, before: int, found: Floats) -> None:
    """Write height and place of the maximum, by a parabola, and the oscillation index of each row.

    The maximum is sought at the samples 0 to `times`, and, in a circulant result, at the last
    `before` samples, which stand for negative times.
    """
    length = residues.shape[1]
    for voxel in range(start, stop):
        k = residues[voxel]
        peak = k[0]
        for n in range(1, times):
            peak = max(peak, k[n])
        for n in range(length - before, length):
            peak = max(peak, k[n])
        if not peak > 0:
            found[0, voxel] = 0
            found[1, voxel] = 0
            found[2, voxel] = 0
            continue
        at = 0
        while k[at] != peak:  # ties go to the earliest sample
            at += 1
        turns = np.float32(0)
        for n in range(length - 2):
            turns += abs(k[n + 2] - 2 * k[n + 1] + k[n])
        left = k[at - 1] if at > 0 else (k[length - 1] if length > times else peak)
        right = k[at + 1] if at + 1 < length else (k[0] if length > times else peak)
        bend = left - 2 * peak + right
        shift = np.float32(0)
        if bend < 0:
            shift = np.float32(0.5) * (left - right) / bend
            shift = min(max(shift, np.float32(-0.5)), np.float32(0.5))
        place = np.float32(at) + shift
        if at >= times:
            place -= np.float32(length)
        found[0, voxel] = peak - np.float32(0.25) * (left - right) * shift
        found[1, voxel] = place
        found[2, voxel] = turns / (peak * np.float32(length))
