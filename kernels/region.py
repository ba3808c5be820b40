"""What is inside a drawn outline: masks, statistics, histograms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, finite_array, number, positive, room, whole
from kernels._jit import jit

__all__ = ["RegionStatistics", "ellipse_mask", "histogram", "polygon_mask", "region_statistics"]


@dataclass(frozen=True)
class RegionStatistics:
    """Of the values in a region; NaN where it is empty. The deviation is the population's."""

    count: int
    mean: float
    standard_deviation: float
    minimum: float
    maximum: float
    median: float
    percentile_5: float
    percentile_95: float


def region_statistics(
    values: ArrayLike, region: ArrayLike, valid: ArrayLike | None = None
) -> RegionStatistics:
    """Describe the values in a region.

    Parameters
    ----------
    values : real numbers, any shape
        HU for CT. NaN and infinity are left out.
    region : bool, same shape
    valid : bool, same shape, optional
        False marks padding, which is in no statistic.
    """
    found = array("values", values, tuple(range(1, 9)))
    chosen = flags("region", region, found.shape)
    if valid is not None:
        chosen = chosen & flags("valid", valid, found.shape)
    inside = found[chosen].astype(np.float64)
    inside = inside[np.isfinite(inside)]
    if not len(inside):
        return RegionStatistics(0, *[float("nan")] * 7)
    low, middle, high = np.percentile(inside, [5, 50, 95])
    return RegionStatistics(
        count=len(inside),
        mean=float(inside.mean()),
        standard_deviation=float(inside.std()),
        minimum=float(inside.min()),
        maximum=float(inside.max()),
        median=float(middle),
        percentile_5=float(low),
        percentile_95=float(high),
    )


def histogram(
    values: ArrayLike, low: float, high: float, bins: int, region: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Count values in even bins from `low` to `high`, both included.

    Parameters
    ----------
    values : real numbers, any shape
        What lies outside, and NaN, is not counted.
    region : bool, same shape, optional

    Returns
    -------
    (bins,) int64
    """
    found = array("values", values, tuple(range(9)))
    count = whole("bins", bins, 1, 1 << 20)
    if not 0 < number("high", high) - number("low", low) < np.inf:
        raise ValueError(f"low is {low!r} and high {high!r}; expected low below high")
    if region is not None:
        found = found[flags("region", region, found.shape)]
    kind = {"f4": np.float32, "i2": np.int16}.get(found.dtype.str[1:], np.float64)
    counts = np.zeros(count, np.int64)
    edges = np.linspace(low, high, count + 1)
    count_values(np.ascontiguousarray(found, kind).reshape(-1), edges, counts)
    return counts


def polygon_mask(corners: ArrayLike, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Mark the pixels whose centres lie in a polygon, by the even-odd rule.

    Parameters
    ----------
    corners : (n, 2), n >= 3
        Row and column; 0, 0 is the centre of the first pixel. Corners may lie outside.
    shape : (rows, columns)

    Returns
    -------
    (rows, columns) bool
        A centre on the outline belongs to one side only, so polygons that share an edge share
        no pixel.
    """
    outline = finite_array("corners", corners, (None, 2))
    if len(outline) < 3:
        raise ValueError(f"corners has shape {outline.shape}; expected 3 or more corners")
    if len(shape) != 2:
        raise ValueError(f"shape is {tuple(shape)}; expected (rows, columns)")
    mask = np.zeros(room("shape", shape, 1), np.bool_)
    if mask.size:
        fill_polygon(np.ascontiguousarray(outline), mask)
    return mask


def ellipse_mask(
    centre: ArrayLike, radii: ArrayLike, turn_deg: float, shape: Sequence[int]
) -> NDArray[np.bool_]:
    """Mark the pixels whose centres lie in an ellipse, its edge included.

    Parameters
    ----------
    centre : (2,)
        Row and column.
    radii : (2,)
        Semi-axes in pixels, along rows' growth and columns' growth before the turn.
    turn_deg : float
        From the first axis towards columns.
    shape : (rows, columns)
    """
    middle = finite_array("centre", centre, (2,))
    sizes = finite_array("radii", radii, (2,))
    positive("the least of radii", float(sizes.min()))
    turn = np.radians(number("turn_deg", turn_deg))
    if len(shape) != 2:
        raise ValueError(f"shape is {tuple(shape)}; expected (rows, columns)")
    rows, columns = room("shape", shape, 24)
    down = np.arange(rows)[:, None] - middle[0]
    across = np.arange(columns) - middle[1]
    first = (down * np.cos(turn) + across * np.sin(turn)) / sizes[0]
    second = (across * np.cos(turn) - down * np.sin(turn)) / sizes[1]
    return np.asarray(first**2 + second**2 <= 1)


def flags(name: str, value: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    found = np.asarray(value)
    if found.shape != shape or found.dtype != np.bool_:
        raise ValueError(
            f"{name} has shape {found.shape} and dtype {found.dtype}; "
            f"expected booleans of shape {shape}"
        )
    return found


@jit(*(f"void({kind}[::1], f8[::1], i8[::1])" for kind in ("i2", "f4", "f8")))
def count_values(
    values: NDArray[Any], edges: NDArray[np.float64], counts: NDArray[np.int64]
) -> None:
    """Count; a value belongs to the bin whose edges, as given, enclose it."""
    bins = len(counts)
    low, high = edges[0], edges[bins]
    scale = bins / (high - low)
    for index in range(len(values)):
        value = np.float64(values[index])
        if not (value >= low and value <= high):
            continue
        place = min(int((value - low) * scale), bins - 1)
        if value < edges[place]:
            place -= 1
        elif value >= edges[place + 1] and place + 1 < bins:
            place += 1
        counts[place] += 1


@jit("void(f8[:,::1], b1[:,::1])")
def fill_polygon(corners: NDArray[np.float64], mask: NDArray[np.bool_]) -> None:
    """Fill row by row between the crossings of the outline."""
    rows, columns = mask.shape
    count = len(corners)
    crossings = np.empty(count, np.float64)
    for i in range(rows):
        found = 0
        for corner in range(count):
            y0, x0 = corners[corner, 0], corners[corner, 1]
            y1, x1 = corners[(corner + 1) % count, 0], corners[(corner + 1) % count, 1]
            if (y0 <= i) != (y1 <= i):
                crossings[found] = x0 + (i - y0) / (y1 - y0) * (x1 - x0)
                found += 1
        crossings[:found].sort()
        for pair in range(0, found - 1, 2):
            left = min(max(np.ceil(crossings[pair]), 0.0), np.float64(columns))
            right = min(max(np.ceil(crossings[pair + 1]), 0.0), np.float64(columns))
            mask[i, int(left) : int(right)] = True
