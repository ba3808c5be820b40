"""How dense each region is beside its mirror region, and how sure the difference is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, ndimage

from kernels._checks import array
from kernels.morphology import distance_mm, marks, spacings
from kernels.regions import RegionOutline, RegionSeed

__all__ = ["RegionComparison", "RegionFinding", "compare_regions", "suggested_score"]

TISSUE_HU = (15.0, 60.0)
BONE_MM = 2.0
# How far correlation is followed, slice, row and column; what the residual is over.
LAG_MM, DETAIL_MM = (6.0, 2.5, 2.5), 4.0
CHRONIC_HU, CHRONIC_PERCENT = 18.0, 30.0
NUMBERS = (
    "left_hu", "right_hu", "left_effective", "right_effective", "delta_hu", "error_hu",
    "low_hu", "high_hu", "z", "percent",
)  # fmt: skip
DELTA_HU, LEAST_Z, LEAST_PERCENT = -2.0, 3.0, 5.0


class RegionFinding(StrEnum):
    """What densities suggest; a reader decides."""

    NORMAL = "normal"
    POSSIBLE_EARLY = "possible early change"
    POSSIBLE_CHRONIC = "possibly chronic"
    NOT_ASSESSABLE = "not assessable"


@dataclass(frozen=True)
class RegionComparison:
    """A region of the left beside that of the right.

    Attributes
    ----------
    name : str
    left_hu, right_hu : float
        Robust means of tissue; 0 where there is too little.
    left_count, right_count : int
        Voxels of tissue.
    left_effective, right_effective : float
        As many independent voxels would tell as much.
    delta_hu : float
        ``right_hu - left_hu``.
    error_hu : float
        Standard error of `delta_hu`.
    low_hu, high_hu : float
        Its 95 % confidence interval.
    z : float
        ``delta_hu / error_hu``; 0 where not assessable.
    darker : "left", "right" or ""
    percent : float
        How much darker that side is: 100 (1 - darker / other).
    finding : RegionFinding
        Of the darker side. The other is normal as far as a comparison can tell.
    """

    name: str
    left_hu: float
    right_hu: float
    left_count: int
    right_count: int
    left_effective: float
    right_effective: float
    delta_hu: float
    error_hu: float
    low_hu: float
    high_hu: float
    z: float
    darker: str
    percent: float
    finding: RegionFinding


def compare_regions(
    hu: ArrayLike,
    labels: ArrayLike,
    outlines: Sequence[RegionOutline],
    spacing_mm: ArrayLike,
    bone: ArrayLike | None = None,
    least_ml: float = 0.3,
) -> tuple[RegionComparison, ...]:
    """Compare every region with the one of its name on the other side.

    Tissue is 15 to 60 HU, decided on HU smoothed by 1 mm so that noise does not choose, at least
    2 mm from bone. Possible early change is a mean at least 2 HU, 3 standard errors and 5 %
    below the other side's. Below 18 HU, or more than 30 % lower, is more
    likely old.

    A region's value is the mean of its tissue, outliers drawn in to 3 deviations. Its variance is
    ``sigma² / n * sum over lags of rho(lag) * pairs(lag) / n``: sigma each region's own, rho pooled
    over all regions, both from what a Gaussian of 4 mm within slices leaves over, and corrected
    for what it takes. So the interval is that of the scan's noise; by how much the two halves of
    a healthy brain differ it does not say.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        `AnalysisCopy.hu`.
    labels : (slices, rows, columns) uint8
        From `region_masks` of `outlines`, perhaps edited.
    outlines : sequence of RegionOutline
    spacing_mm : (3,)
    bone : (slices, rows, columns) bool or uint8, optional
        `BrainMask.bone`.
    least_ml : float
        Less tissue on either side is not assessable.

    References
    ----------
    Maldjian et al., AJNR 22:1050, 2001 (autocorrelation); Wolff et al., Neuroradiology 2021
    (10.1007/s00234-020-02533-6): regions 41-57 % sensitive, 88-89 % specific in patients
    """
    values = array("hu", hu, (3,)).astype(np.float32, copy=False)
    found = np.asarray(labels)
    if found.shape != values.shape or found.dtype.kind not in "ui":
        raise ValueError(
            f"labels has shape {found.shape} and dtype {found.dtype}; "
            f"expected whole numbers of shape {values.shape}"
        )
    spacing = spacings(spacing_mm)
    smooth = ndimage.gaussian_filter(values, (0, *(1.0 / spacing[1:])), truncate=3)
    tissue = (found > 0) & (smooth >= TISSUE_HU[0]) & (smooth <= TISSUE_HU[1])
    if bone is not None:
        hard = marks("bone", bone)
        if hard.shape != values.shape:
            raise ValueError(f"bone has shape {hard.shape}; expected {values.shape}")
        tissue &= distance_mm(hard, spacing) > BONE_MM
    held = ndimage.gaussian_filter(tissue.astype(np.float32), in_slices(spacing), truncate=3)
    slow = ndimage.gaussian_filter(np.where(tissue, values, 0), in_slices(spacing), truncate=3)
    detail = np.where(tissue, values - slow / np.maximum(held, 1e-3), 0)
    if not outlines:
        return ()
    samples = [
        sample_of(values, detail, tissue, found, number) for number in range(1, len(outlines) + 1)
    ]
    spreads = spread_of(samples, spacing)
    places = {(outline.name, outline.side): at for at, outline in enumerate(outlines)}
    names = dict.fromkeys(outline.name for outline in outlines)
    least = max(int(np.ceil(least_ml * 1000 / spacing.prod())), 8)
    result = []
    for name in names:
        sides = [places.get((name, side)) for side in ("left", "right")]
        pair = [None if at is None else (samples[at], spreads[at]) for at in sides]
        result.append(compare(name, pair[0], pair[1], least))
    return tuple(result)


@dataclass(frozen=True, eq=False)
class Sample:
    """The tissue of a region: fast residuals in its box (0 outside), where they are, its mean."""

    residual: NDArray[np.float64]
    mask: NDArray[np.bool_]
    count: int
    mean: float
    sigma: float


def in_slices(spacing: NDArray[np.float64]) -> tuple[float, float, float]:
    return 0.0, float(DETAIL_MM / spacing[1]), float(DETAIL_MM / spacing[2])


def sample_of(
    values: NDArray[np.float32],
    detail: NDArray[np.float32],
    tissue: NDArray[np.bool_],
    labels: NDArray[np.uint8],
    number: int,
) -> Sample:
    nothing = Sample(np.zeros((1, 1, 1)), np.zeros((1, 1, 1), np.bool_), 0, 0.0, 0.0)
    box = ndimage.find_objects((labels == number).astype(np.uint8))
    if not box:
        return nothing
    mask = tissue[box[0]] & (labels[box[0]] == number)
    inside = values[box[0]][mask].astype(np.float64)
    if not len(inside):
        return nothing
    low, median, high = np.percentile(inside, [25, 50, 75])
    reach = 3 * max(float(high - low) / 1.349, 1e-3)
    mean = float(np.clip(inside, median - reach, median + reach).mean())
    fast = detail[box[0]][mask].astype(np.float64)
    # Clipped: a speck of calcium must not make the noise.
    limit = 3 * float(np.median(np.abs(fast))) * 1.4826
    residual = np.zeros(mask.shape)
    residual[mask] = np.clip(fast, -limit, limit)
    return Sample(residual, mask, len(inside), mean, float(np.sqrt((residual[mask] ** 2).mean())))


def spread_of(samples: Sequence[Sample], spacing: NDArray[np.float64]) -> list[float]:
    """Return each sample's variance of the mean, in units of its residuals' variance / count."""
    lags = [int(np.ceil(reach / step)) for reach, step in zip(LAG_MM, spacing, strict=True)]
    longest = np.max([sample.mask.shape for sample in samples], axis=0)
    size = [fft.next_fast_len(int(n) + lag) for n, lag in zip(longest, lags, strict=True)]
    window = np.ix_(*(np.arange(-lag, lag + 1) for lag in lags))
    covariance, pairs = np.zeros([2 * lag + 1 for lag in lags]), []
    for sample in samples:
        held = np.abs(fft.rfftn(sample.mask.astype(np.float64), size)) ** 2
        pairs.append(np.maximum(np.rint(fft.irfftn(held, size)[window]), 0))
        if sample.sigma > 0:
            power = np.abs(fft.rfftn(sample.residual / sample.sigma, size)) ** 2
            covariance += fft.irfftn(power, size)[window]
    total = np.sum(pairs, axis=0)
    seen = np.where(total > 0, covariance / np.maximum(total, 1), 0)
    # The residual is the noise less its own local mean. What that takes from every lag follows
    # from the noise's sum over in-plane lags, lag by lag through the slices.
    _, down, across = np.meshgrid(
        *(np.arange(-lag, lag + 1) * step for lag, step in zip(lags, spacing, strict=True)),
        indexing="ij",
    )
    area, squares = float(spacing[1] * spacing[2]), down**2 + across**2
    once, twice = (
        area / (2 * np.pi * width) * np.exp(-squares / (2 * width))
        for width in (DETAIL_MM**2, 2 * DETAIL_MM**2)
    )
    taken = 2 * once - twice
    share = taken.sum(axis=(1, 2), keepdims=True)
    true = seen + seen.sum(axis=(1, 2), keepdims=True) / (1 - share) * taken
    return [
        max(float((true * pair).sum()) / max(sample.count, 1), 1e-3)
        for sample, pair in zip(samples, pairs, strict=True)
    ]


def compare(
    name: str,
    left: tuple[Sample, float] | None,
    right: tuple[Sample, float] | None,
    least: int,
) -> RegionComparison:
    counts = [0 if side is None else side[0].count for side in (left, right)]
    if left is None or right is None or min(counts) < least:
        nothing = dict.fromkeys(NUMBERS, 0.0)
        return RegionComparison(
            name=name,
            left_count=counts[0],
            right_count=counts[1],
            darker="",
            finding=RegionFinding.NOT_ASSESSABLE,
            **nothing,
        )
    variances = [
        max(sample.sigma**2 * share / sample.count, 1e-6) for sample, share in (left, right)
    ]
    effective = [
        float(np.clip(sample.count / share, 1, sample.count)) for sample, share in (left, right)
    ]
    first, second = left[0].mean, right[0].mean
    delta, error = second - first, float(np.sqrt(sum(variances)))
    dark, other = min(first, second), max(first, second)
    percent = 100 * (1 - dark / max(other, 1e-6))
    finding = RegionFinding.NORMAL
    if abs(delta) >= -DELTA_HU and abs(delta) / error >= LEAST_Z and percent >= LEAST_PERCENT:
        old = dark < CHRONIC_HU or percent > CHRONIC_PERCENT
        finding = RegionFinding.POSSIBLE_CHRONIC if old else RegionFinding.POSSIBLE_EARLY
    return RegionComparison(
        name=name,
        left_hu=first,
        right_hu=second,
        left_count=counts[0],
        right_count=counts[1],
        left_effective=effective[0],
        right_effective=effective[1],
        delta_hu=delta,
        error_hu=error,
        low_hu=delta - 1.96 * error,
        high_hu=delta + 1.96 * error,
        z=delta / error,
        darker="left" if delta > 0 else "right" if delta < 0 else "",
        percent=percent,
        finding=finding,
    )


def suggested_score(
    comparisons: Sequence[RegionComparison], seeds: Sequence[RegionSeed], side: str | None = None
) -> tuple[int, int]:
    """Return the least and the greatest score the suggestions allow: 10 less what is affected.

    Parameters
    ----------
    comparisons : sequence of RegionComparison
    seeds : sequence of RegionSeed
        `ASPECTS_REGIONS` with a side, `POSTERIOR_REGIONS` without.
    side : "left", "right" or None
        The side to score; None scores both together, as in the posterior circulation.

    Returns
    -------
    (low, high)
        They differ by what is not assessable. Chronic changes do not count.
    """
    points = {seed.name: (seed.points, seed.midline) for seed in seeds}
    lost = unknown = 0
    for found in comparisons:
        worth, midline = points[found.name]
        if found.finding == RegionFinding.NOT_ASSESSABLE:
            unknown += worth if midline or side else 2 * worth
        elif found.finding == RegionFinding.POSSIBLE_EARLY and side in (None, found.darker):
            lost += worth
    return max(10 - lost - unknown, 0), max(10 - lost, 0)
