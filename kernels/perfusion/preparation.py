"""From a series to clean curves: done once, used again whenever another artery is picked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import array, finite_array, number, positive, whole
from kernels._jit import jit
from kernels._threads import spread
from kernels.perfusion.curves import gather_curves, numbered, on_one_clock, smooth_in_plane
from kernels.perfusion.denoising import average_alike, leading_courses
from kernels.perfusion.refusal import PerfusionFlag, PerfusionRefused, Refusal
from kernels.perfusion.timing import check_times, unwatched

__all__ = ["MOST_ROUGH", "Prepared", "cranial_cavity", "prepare", "roughness"]

INTERVAL_S = 1.0  # the oscillation bound of osvd holds for this only
LEAST_BASELINE = 3
LEAST_BOLUS_HU = 1.0  # of the whole brain's mean
LEAST_VESSEL_HU = 25.0
LEAST_VESSEL_VOXELS = 10
MOST_ROUGH = 0.15
DEEP_MM = 4.0
OLD_CONTRAST_HU = 80.0
NOISY_HU = 1.2
AIR_HU = -500.0
THIN_SLAB_MM = 40.0

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Prepared:
    """Curves that any artery may be tried on.

    Attributes
    ----------
    curves_hu : (voxels, times) float32
        Enhancement over the baseline, of the voxels of `mask` in C order. Tissue is freed of
        noise; vessels are as they were measured.
    times_s : (times,) float64
        Every second, on the clock of the times given.
    mask : (slices, rows, columns) bool
    is_tissue : (voxels,) bool
        Not a vessel.
    is_deep : (voxels,) bool
        Over 4 mm from bone, whose motion looks like contrast.
    baseline_hu : (slices, rows, columns) float32
        Mean before contrast; 0 outside the mask.
    spacing_mm : (3,) float64
    arrival_s : float
        The last moment without contrast anywhere.
    noise_hu : float
        What even smoothing leaves: the median standard deviation of tissue before contrast.
    flags : tuple of PerfusionFlag
    """

    curves_hu: Floats
    times_s: NDArray[np.float64]
    mask: NDArray[np.bool_]
    is_tissue: NDArray[np.bool_]
    is_deep: NDArray[np.bool_]
    baseline_hu: Floats
    spacing_mm: NDArray[np.float64]
    arrival_s: float
    noise_hu: float
    flags: tuple[PerfusionFlag, ...]

    @property
    def voxel_ml(self) -> float:
        return float(self.spacing_mm.prod()) / 1000

    def picture(self, values: ArrayLike) -> NDArray[np.float32]:
        """Put one value per voxel back in place; 0 outside the mask."""
        picture = np.zeros(self.mask.shape, np.float32)
        picture[self.mask] = values
        return picture


def prepare(
    hu: ArrayLike,
    times_s: ArrayLike,
    spacing_mm: ArrayLike,
    mask: ArrayLike | None = None,
    taken: ArrayLike | None = None,
    soft_hu: ArrayLike | None = None,
    smoothing_mm: float = 2.0,
    averaging_mm: float = 2.5,
    rank: int = 4,
    fluid_hu: float = 12.0,
) -> Prepared:
    """Turn a perfusion series into enhancement curves.

    Each slice's curves are put on a common clock of 1 s by its own times, freed of their
    baseline, told apart as vessel or tissue; tissue is reduced to its strongest time courses
    and averaged in plane with what is alike.

    Parameters
    ----------
    hu : (times, slices, rows, columns) int16 or float
        Hounsfield units, the head at rest.
    times_s : (times, slices) or (times,)
        When each slice was taken.
    spacing_mm : (slice, row, column) distances
    mask : (slices, rows, columns) bool, optional
        The brain with its vessels; `cranial_cavity` of the first frames by default.
    taken : (times, slices) bool, optional
        Images that are there and fit for use.
    soft_hu : (times, slices, rows, columns) int8, optional
        `SteadySeries.soft_hu` of a head that was put back: tissue's curves are taken from it.
    smoothing_mm, averaging_mm : float
        Standard deviations of the Gaussians: of the picture that tells what is alike, and of
        the average over it.
    rank : int
        How many time courses tissue keeps.
    fluid_hu : float
        What is below this before contrast, and no vessel, is left out of the mask.

    Raises
    ------
    PerfusionRefused
        The series cannot carry numbers; its code says why.
    ValueError
        An argument has the wrong shape or type.
    """
    series = array("hu", hu, (4,), "i", "f")
    spacing = finite_array("spacing_mm", spacing_mm, (3,))
    positive("the least spacing_mm", float(spacing.min()))
    positive("smoothing_mm", smoothing_mm)
    positive("averaging_mm", averaging_mm)
    whole("rank", rank, 1)
    number("fluid_hu", fluid_hu)
    times = np.asarray(times_s, np.float64)
    if times.ndim == 1:
        times = np.repeat(times[:, None], series.shape[1], axis=1)
    if times.shape != series.shape[:2]:
        raise ValueError(f"times_s has shape {times.shape}; expected {series.shape[:2]}")
    here = np.ones(times.shape, np.bool_) if taken is None else np.array(taken)
    if here.shape != times.shape or here.dtype != np.bool_:
        raise ValueError(
            f"taken has shape {here.shape} and dtype {here.dtype}; expected {times.shape} booleans"
        )
    soft = None if soft_hu is None else np.ascontiguousarray(array("soft_hu", soft_hu, (4,), "i"))
    if soft is not None and (soft.shape != series.shape or soft.dtype != np.int8):
        raise ValueError(
            f"soft_hu has shape {soft.shape} and dtype {soft.dtype}; expected {series.shape} int8"
        )
    lost = unwatched(finite_array("times_s", times, (None, None)), here)
    here[:, lost] = True  # as if there, so that nothing below need ask; the mask leaves them out
    times, here, flags = check_times(times, here)
    if series.dtype.kind == "f" and not np.isfinite(series).all():
        raise PerfusionRefused(Refusal.NOT_FINITE, "The series holds NaN or infinity.")
    kind = np.int16 if series.dtype == np.int16 else np.float32
    series = np.ascontiguousarray(series, kind)

    first = np.stack(
        [
            series[np.flatnonzero(own)[:LEAST_BASELINE], index].mean(axis=0, dtype=np.float32)
            for index, own in enumerate(here.T)
        ]
    )
    cavity = cranial_cavity(first, spacing) if mask is None else np.array(mask)
    if cavity.shape != first.shape or cavity.dtype != np.bool_:
        raise ValueError(
            f"mask has shape {cavity.shape} and dtype {cavity.dtype}; "
            f"expected {first.shape} booleans"
        )
    cavity[lost] = False
    check_brain(first, cavity)

    ends = [times[own, index][[0, -1]] for index, own in enumerate(here.T)]
    begin, end = min(low for low, _ in ends), min(high for _, high in ends)
    clock = begin + np.arange(0, end - begin + 1e-6, INTERVAL_S)
    slice_of = np.concatenate([[0], np.cumsum(cavity.sum(axis=(1, 2)))]).astype(np.intp)
    numbers = numbered(cavity)
    raw = gather_curves(series, numbers)
    curves = on_one_clock(raw, slice_of, times, here, clock)

    check_bolus(curves.mean(axis=0, dtype=np.float64))
    deep = ndimage.distance_transform_edt(cavity, spacing)[cavity] > DEEP_MM
    peaks = np.where(deep, highest(curves, LEAST_BASELINE), 0)
    top = float(np.sort(peaks)[-100:].mean())
    strong = peaks >= max(LEAST_VESSEL_HU, 0.5 * top)
    strong[strong] = roughness(curves[strong]) < MOST_ROUGH
    if strong.sum() < LEAST_VESSEL_VOXELS:
        raise PerfusionRefused(
            Refusal.NO_BOLUS, f"No vessel is enhanced by {LEAST_VESSEL_HU:.0f} HU."
        )
    before = arrival(np.median(curves[strong], axis=0).astype(np.float64))
    arrival_s = float(clock[max(before - 1, 0)])
    count = ((times <= arrival_s + 1e-6) & here).sum(axis=0)
    unlit = count < LEAST_BASELINE
    if unlit.sum() > 0.5 * len(unlit):
        raise PerfusionRefused(
            Refusal.BASELINE_TOO_SHORT,
            f"Slices have {int(np.median(count))} images before contrast; "
            f"expected {LEAST_BASELINE} or more.",
        )
    baseline = curves[:, :before].mean(axis=1)
    curves -= baseline[:, None]
    grain = float(np.median(curves[:, :before].std(axis=1, ddof=1)))
    is_tissue = highest(curves, before) < max(LEAST_VESSEL_HU, 0.1 * top, 15 + 2.5 * grain)
    old = float(np.median(baseline[strong]))
    if soft is not None:  # not of vessels: contrast takes them far beyond where it was cut
        raw = gather_curves(soft, numbers)
        calm = on_one_clock(raw, slice_of, times, here, clock)[is_tissue]
        baseline[is_tissue] = calm[:, :before].mean(axis=1)
        curves[is_tissue] = calm - baseline[is_tissue, None]
    solid = (baseline >= fluid_hu) | ~is_tissue
    solid &= ~unlit[np.repeat(np.arange(len(cavity)), np.diff(slice_of))]
    cavity[cavity] = solid
    curves, baseline = curves[solid], baseline[solid]
    is_tissue, deep = is_tissue[solid], deep[solid]
    numbers = numbered(cavity)
    smoothed = smooth_in_plane(curves, numbers, is_tissue, smoothing_mm, spacing)
    noise = float(np.median(smoothed[is_tissue, :before].std(axis=1, ddof=1)))
    courses = leading_courses(smoothed, is_tissue, rank)
    amounts = average_alike(
        curves @ courses, smoothed @ courses, numbers, is_tissue, averaging_mm, spacing, noise
    )
    curves[is_tissue] = amounts[is_tissue] @ courses.T

    for flag, holds in (
        (PerfusionFlag.SLICES_LEFT_OUT, (lost | unlit).any()),
        (PerfusionFlag.CONTRAST_BEFORE, old > OLD_CONTRAST_HU),
        (PerfusionFlag.NOISY, noise > NOISY_HU),
        (PerfusionFlag.SLAB_THIN, (~(lost | unlit)).sum() * spacing[0] < THIN_SLAB_MM),
    ):
        if holds:
            flags = (*flags, flag)
    picture = np.zeros(cavity.shape, np.float32)
    picture[cavity] = baseline
    return Prepared(
        curves, clock, cavity, is_tissue, deep, picture, spacing, arrival_s, noise, flags
    )


def cranial_cavity(hu: Floats, spacing_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return what lies within the skull and is soft, vessels and fluid with it.

    The largest piece of soft tissue that 3 mm of erosion leaves, grown back. It leaks where the
    slab has no closed skull; whoever has a better mask should give it.
    """
    calm = ndimage.uniform_filter(hu, (1, 3, 3))
    soft = (calm > -20) & (calm < 150)
    pieces, count = ndimage.label(ndimage.distance_transform_edt(soft, spacing_mm) > 3.0)
    if not count:
        raise PerfusionRefused(Refusal.NO_BRAIN, "No brain is found in the first images.")
    largest = pieces == np.bincount(pieces.reshape(-1))[1:].argmax() + 1
    near = ndimage.distance_transform_edt(~largest, spacing_mm) < 4.0
    return np.asarray(near & soft)


def check_brain(hu: Floats, mask: NDArray[np.bool_]) -> None:
    if hu.min() > AIR_HU:
        raise PerfusionRefused(
            Refusal.WRONG_UNITS,
            f"Nothing is below {AIR_HU:.0f}: are these stored values, not Hounsfield units?",
        )
    if mask.sum() < 100:
        raise PerfusionRefused(Refusal.NO_BRAIN, f"The brain has {mask.sum()} voxels.")
    middle = float(np.median(hu[mask]))
    if not 10 <= middle <= 70:
        raise PerfusionRefused(
            Refusal.WRONG_UNITS,
            f"The brain's median is {middle:.0f}; expected 10 to 70 Hounsfield units.",
        )


def check_bolus(mean_hu: NDArray[np.float64]) -> None:
    """Refuse a brain whose mean curve does not rise, or falls before it does."""
    start, low, high = float(mean_hu[:LEAST_BASELINE].mean()), mean_hu.min(), mean_hu.max()
    if high - low < LEAST_BOLUS_HU:
        raise PerfusionRefused(
            Refusal.NO_BOLUS, f"The brain's mean rises by {high - low:.1f} HU: no bolus came."
        )
    if start - low > 0.2 * (high - low):
        raise PerfusionRefused(
            Refusal.CONTRAST_PRESENT,
            f"The brain begins {start - low:.1f} HU above its least: contrast was there before.",
        )


def arrival(vessel_hu: NDArray[np.float64]) -> int:
    """Return how many samples lie before contrast, the last clear one left out."""
    curve = vessel_hu - vessel_hu[:LEAST_BASELINE].mean()
    for _ in range(2):  # once more from a longer baseline
        clear = int(curve.argmax())
        while clear > 0 and curve[clear] > 0.05 * curve.max():
            clear -= 1
        curve = curve - curve[: max(clear, 1)].mean()
    return clear


def roughness(curves: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the mean size of the second difference over the peak: large beside moving bone."""
    peaks = np.maximum(curves.max(axis=1) - np.median(curves, axis=1), 1e-6)
    return np.asarray(np.abs(np.diff(curves, 2, axis=1)).mean(axis=1) / peaks)


def highest(curves: Floats, baseline: int) -> Floats:
    peaks = np.empty(len(curves), np.float32)
    spread(running_peaks, len(curves), curves, baseline, peaks, least=4096)
    return peaks


@jit("void(i8, i8, f4[:,::1], i8, f4[::1])")
def running_peaks(start: int, stop: int, curves: Floats, baseline: int, peaks: Floats) -> None:
    """Write the highest mean of three samples, over the mean of the first `baseline`."""
    for voxel in range(start, stop):
        curve = curves[voxel]
        level = np.float32(0)
        for time in range(baseline):
            level += curve[time]
        level /= np.float32(baseline)
        peak = np.float32(0)
        for time in range(1, curve.shape[0] - 1):
            mean = (curve[time - 1] + curve[time] + curve[time + 1]) / np.float32(3)
            peak = max(peak, mean - level)
        peaks[voxel] = peak
