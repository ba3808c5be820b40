"""Growing and shrinking masks by millimetres, whatever the voxels' shape."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import finite_array, number, positive
from kernels._jit import helper, jit
from kernels._threads import spread

__all__ = ["close_mask", "dilate", "distance_mm", "erode", "largest_part", "marks", "open_mask"]

FAR = np.float32(1e12)  # mm²; what lies in an array that marks nothing


def distance_mm(mask: ArrayLike, spacing_mm: ArrayLike) -> NDArray[np.float32]:
    """Return how far every voxel's centre lies from the nearest marked one.

    Exact, by lower envelopes of parabolas, one axis after the other.

    Parameters
    ----------
    mask : (slices, rows, columns) bool or uint8
    spacing_mm : (3,)
        Slice, row and column distance.

    Returns
    -------
    (slices, rows, columns) float32
        mm; 0 where marked, 1e6 everywhere if nothing is.

    References
    ----------
    Felzenszwalb & Huttenlocher, Theory of Computing 8:415, 2012 (10.4086/toc.2012.v008a019)
    """
    marked = marks("mask", mask)
    spacing = spacings(spacing_mm)
    result = np.where(marked, np.float32(0), FAR)
    if not marked.any():
        return np.asarray(np.sqrt(result), np.float32)
    slices, rows, columns = result.shape
    spread(sweep_rows, slices, float(spacing[1]), float(spacing[2]), result, least=2)
    across = result.reshape(slices, rows * columns)
    spread(sweep_slices, rows * columns, float(spacing[0]), across, least=1024)
    return np.asarray(np.sqrt(result, out=result))


def dilate(mask: ArrayLike, by_mm: float, spacing_mm: ArrayLike) -> NDArray[np.bool_]:
    """Mark what lies at most `by_mm` from the mask."""
    return np.asarray(distance_mm(mask, spacing_mm) <= number("by_mm", by_mm) + 1e-3)


def erode(mask: ArrayLike, by_mm: float, spacing_mm: ArrayLike) -> NDArray[np.bool_]:
    """Keep what lies more than `by_mm` from everything unmarked; the array's edge is no edge."""
    return np.asarray(distance_mm(~marks("mask", mask), spacing_mm) > number("by_mm", by_mm) + 1e-3)


def open_mask(mask: ArrayLike, by_mm: float, spacing_mm: ArrayLike) -> NDArray[np.bool_]:
    """Take away what is nowhere `by_mm` from the outside: bridges and specks."""
    return dilate(erode(mask, by_mm, spacing_mm), by_mm, spacing_mm) & marks("mask", mask)


def close_mask(mask: ArrayLike, by_mm: float, spacing_mm: ArrayLike) -> NDArray[np.bool_]:
    """Fill what no ball of `by_mm` outside the mask can reach: clefts and pores."""
    return erode(dilate(mask, by_mm, spacing_mm), by_mm, spacing_mm) | marks("mask", mask)


def largest_part(mask: ArrayLike) -> NDArray[np.bool_]:
    """Keep the largest set of voxels that touch by their faces; the first, of equals."""
    marked = marks("mask", mask)
    labels, count = ndimage.label(marked)
    if count < 2:
        return marked
    sizes = np.bincount(labels.reshape(-1))
    sizes[0] = 0
    return np.asarray(labels == int(np.argmax(sizes)))


def marks(name: str, value: ArrayLike) -> NDArray[np.bool_]:
    """Return a 3-D mask of booleans or of uint8 as booleans."""
    found = np.asarray(value)
    if found.ndim != 3 or found.dtype not in (np.bool_, np.uint8):
        raise ValueError(
            f"{name} has shape {found.shape} and dtype {found.dtype}; "
            "expected a 3-D mask of booleans or uint8"
        )
    return np.ascontiguousarray(found != 0) if found.dtype == np.uint8 else found


def spacings(spacing_mm: ArrayLike) -> NDArray[np.float64]:
    """Return (slice, row, column) distances, all above zero."""
    spacing = finite_array("spacing_mm", spacing_mm, (3,))
    positive("the least of spacing_mm", float(spacing.min()))
    return spacing


@helper
def lower_envelope(
    step_mm: float,
    line: NDArray[np.float64],
    feet: NDArray[np.int64],
    edges: NDArray[np.float64],
    nearest: NDArray[np.float32],
) -> None:
    """Write the least of ``line[m] + (step_mm (n - m))**2`` over all m, for every n.

    `feet` and `edges` are room for the parabolas of the envelope: where each stands, and where
    it begins. A line without marks is left as it is.
    """
    tops = 0
    for n in range(line.shape[0]):
        if line[n] > 5e11:
            continue
        while tops > 0:
            foot = feet[tops - 1]
            gap = step_mm * step_mm * (n - foot)
            edge = 0.5 * (n + foot) + (line[n] - line[foot]) / (2 * gap)
            if edge > edges[tops - 1]:
                edges[tops] = edge
                break
            tops -= 1
        if tops == 0:
            edges[0] = -1e30
        feet[tops] = n
        tops += 1
    if tops == 0:
        return
    at = 0
    for n in range(line.shape[0]):
        while at + 1 < tops and edges[at + 1] < n:
            at += 1
        away = (n - feet[at]) * step_mm
        nearest[n] = away * away + line[feet[at]]


@jit("void(i8, i8, f8, f8, f4[:,:,::1])")
def sweep_rows(
    start: int, stop: int, row_mm: float, column_mm: float, squares: NDArray[np.float32]
) -> None:
    """Replace squared distances by those within each slice, along columns and then rows."""
    rows, columns = squares.shape[1], squares.shape[2]
    longest = max(rows, columns)
    line = np.empty(longest, np.float64)
    feet = np.empty(longest, np.int64)
    edges = np.empty(longest + 1, np.float64)
    for k in range(start, stop):
        for i in range(rows):
            for j in range(columns):
                line[j] = squares[k, i, j]
            lower_envelope(column_mm, line[:columns], feet, edges, squares[k, i])
        for j in range(columns):
            for i in range(rows):
                line[i] = squares[k, i, j]
            lower_envelope(row_mm, line[:rows], feet, edges, squares[k, :, j])


@jit("void(i8, i8, f8, f4[:,::1])")
def sweep_slices(start: int, stop: int, slice_mm: float, squares: NDArray[np.float32]) -> None:
    """Replace squared distances within slices by those through them, for some columns."""
    slices = squares.shape[0]
    line = np.empty(slices, np.float64)
    feet = np.empty(slices, np.int64)
    edges = np.empty(slices + 1, np.float64)
    for place in range(start, stop):
        for k in range(slices):
            line[k] = squares[k, place]
        lower_envelope(slice_mm, line, feet, edges, squares[:, place])
