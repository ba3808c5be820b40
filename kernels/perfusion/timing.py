"""When each slice was taken: images in any order to a rectangle of times and slices.

A table that shuttles gives every slice its own times; nothing here supposes a common one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array
from kernels.perfusion.refusal import PerfusionFlag, PerfusionRefused, Refusal

__all__ = ["ImageOrder", "check_times", "order_images", "unwatched"]

SAME_PLACE_MM = 0.1
SAME_TIME_S = 0.01
SHORTEST_S = 40.0
COARSEST_S = 3.5
LONGEST_GAP_S = 6.0
LONGEST_S = 600.0


@dataclass(frozen=True)
class ImageOrder:
    """Which image belongs at which time and slice.

    Attributes
    ----------
    images : (times, slices) intp
        Index of the image; -1 where there is none.
    times_s : (times, slices) float64
        After the first image; estimated where there is none.
    positions_mm : (slices,) float64
        Along the normal, rising.
    """

    images: NDArray[np.intp]
    times_s: NDArray[np.float64]
    positions_mm: NDArray[np.float64]

    @property
    def taken(self) -> NDArray[np.bool_]:
        """(times, slices): there is an image."""
        return self.images >= 0


def order_images(positions_mm: ArrayLike, times_s: ArrayLike) -> ImageOrder:
    """Sort the images of a series by place and time of acquisition.

    Parameters
    ----------
    positions_mm : (images,)
        Image Position (Patient) along the normal.
    times_s : (images,)
        Of the acquisition, in seconds from any moment.

    Raises
    ------
    PerfusionRefused
        Two images have one place and one time.
    ValueError
        An argument has the wrong shape or is not finite.
    """
    positions = finite_array("positions_mm", positions_mm, (None,))
    times = finite_array("times_s", times_s, (len(positions),))
    if not len(positions):
        raise ValueError("positions_mm is empty; expected an image or more")
    ranks = np.argsort(positions, kind="stable")
    breaks = np.flatnonzero(np.diff(positions[ranks]) > SAME_PLACE_MM) + 1
    slices = [group[np.argsort(times[group], kind="stable")] for group in np.split(ranks, breaks)]
    for group in slices:
        if (np.diff(times[group]) < SAME_TIME_S).any():
            raise PerfusionRefused(
                Refusal.DUPLICATE_IMAGES,
                f"Two images at {positions[group[0]]:.1f} mm have the same time: "
                "two reconstructions, perhaps; choose one.",
            )
    times = times - times.min()
    longest = max(slices, key=len)
    images = np.full((len(longest), len(slices)), -1, np.intp)
    when = np.empty(images.shape)
    for index, group in enumerate(slices):
        frames, offset = align(times[group], times[longest])
        images[frames, index] = group
        when[:, index] = times[longest] + offset
        when[frames, index] = times[group]
        when[:, index] = np.maximum.accumulate(when[:, index])
    places = np.array([positions[group].mean() for group in slices])
    return ImageOrder(images, when, places)


def align(
    times: NDArray[np.float64], longest: NDArray[np.float64]
) -> tuple[NDArray[np.intp], float]:
    """Return which of the `longest` times each of the `times` stands for, and how much later."""
    best, cost, shift = np.arange(len(times)), np.inf, 0.0
    for lead in range(len(longest) - len(times) + 1):
        offset = float(times[0] - longest[lead])
        frames = np.abs(longest + offset - times[:, None]).argmin(axis=1)
        if (np.diff(frames) < 1).any():
            continue
        rest = times - longest[frames]
        worth = float(np.abs(rest - offset).sum() + 1e-6 * abs(offset))
        if worth < cost:
            best, cost, shift = frames, worth, offset
    if not np.isfinite(cost):  # spacings differ altogether: by rank
        shift = float(np.median(times - longest[: len(times)]))
    return best, shift


def check_times(
    times_s: ArrayLike, taken: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], tuple[PerfusionFlag, ...]]:
    """Return times, taken and doubts, or refuse.

    Parameters
    ----------
    times_s : (times, slices)
    taken : (times, slices) bool, optional
        Which images are there and fit for use; all by default.

    Raises
    ------
    PerfusionRefused
        Milliseconds, a slice alone, less than 40 s, more than 3.5 s between images, or more
        than 6 s without one.
    """
    times = finite_array("times_s", times_s, (None, None))
    here = np.ones(times.shape, np.bool_) if taken is None else np.asarray(taken)
    if here.shape != times.shape or here.dtype != np.bool_:
        raise ValueError(
            f"taken has shape {here.shape} and dtype {here.dtype}; expected {times.shape} booleans"
        )
    if times.shape[1] < 2:
        raise PerfusionRefused(
            Refusal.SINGLE_SLICE, f"There is {times.shape[1]} slice; a slab needs 2 or more."
        )
    span = float(np.ptp(times)) if times.size else 0.0
    if span > LONGEST_S:
        raise PerfusionRefused(
            Refusal.WRONG_UNITS, f"The series lasts {span:.0f} s; are its times in milliseconds?"
        )
    steps = []
    for index in range(times.shape[1]):
        between = np.diff(times[here[:, index], index])
        if len(between) and between.min() < SAME_TIME_S:
            raise PerfusionRefused(
                Refusal.DUPLICATE_IMAGES, f"Slice {index} has two images at one time."
            )
        steps.append(between)
    spans, gaps = coverage(times, here)
    shortest, gap = float(spans.min()), float(gaps.max())
    if shortest < SHORTEST_S:
        raise PerfusionRefused(
            Refusal.TOO_SHORT, f"A slice was watched for {shortest:.0f} s; expected 40 s or more."
        )
    usual = float(np.median(np.concatenate(steps)))
    if usual > COARSEST_S:
        raise PerfusionRefused(
            Refusal.SAMPLING_TOO_COARSE,
            f"Images come every {usual:.1f} s; expected every {COARSEST_S} s or oftener.",
        )
    if gap > LONGEST_GAP_S:
        raise PerfusionRefused(
            Refusal.IMAGES_MISSING,
            f"A slice has no image for {gap:.1f} s; expected at most {LONGEST_GAP_S:.0f} s.",
        )
    flags = (PerfusionFlag.IMAGES_SKIPPED,) if gap > COARSEST_S else ()
    return times, here, flags


def coverage(
    times: NDArray[np.float64], taken: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each slice how long it was watched, and its longest gap in the first pass."""
    spans, gaps = np.zeros(times.shape[1]), np.zeros(times.shape[1])
    for index in range(times.shape[1]):
        own = times[taken[:, index], index]
        if len(own) > 1:
            spans[index] = np.ptp(own)
            gaps[index] = np.diff(own)[own[:-1] < own[0] + SHORTEST_S].max(initial=0)
    return spans, gaps


def unwatched(times: NDArray[np.float64], taken: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which slices are to be left out: not seen for long where others are.

    A head that moves takes the outermost slices out of the slab. Where fewer than two slices
    would be left, or nothing is amiss, none is.
    """
    spans, gaps = coverage(times, taken)
    all_spans, all_gaps = coverage(times, np.ones(taken.shape, np.bool_))
    lost = ((spans < SHORTEST_S) & (all_spans >= SHORTEST_S)) | (
        (gaps > LONGEST_GAP_S) & (all_gaps <= LONGEST_GAP_S)
    )
    return lost if (~lost).sum() >= 2 else np.zeros_like(lost)
