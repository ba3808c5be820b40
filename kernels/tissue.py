"""Where there is tissue on a slide, and how sharp it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, whole
from kernels._jit import jit

__all__ = ["TissueMask", "focus_map", "tissue_mask"]


@dataclass(frozen=True)
class TissueMask:
    """Tissue of a picture, and the chroma above which a pixel counts."""

    mask: NDArray[np.bool_]
    threshold: int
    fraction: float


def tissue_mask(rgb: ArrayLike, threshold: int | None = None) -> TissueMask:
    """Tell tissue from glass by colour: stains are colourful, glass and dust are grey.

    Parameters
    ----------
    rgb : (rows, columns, 3) uint8
        Best at about 8 µm a pixel.
    threshold : int, optional
        Chroma (largest less smallest of R, G, B) that tissue exceeds; Otsu's when None.

    Returns
    -------
    TissueMask
        Of a picture without any contrast, nothing is tissue.

    References
    ----------
    Otsu, IEEE Trans. Syst. Man Cybern. 9:62, 1979
    """
    pixels = colour("rgb", rgb)
    rows, columns = pixels.shape[:2]
    chroma = np.empty((rows, columns), np.uint8)
    counts = np.zeros((4, 256), np.int64)
    mask = np.empty((rows, columns), np.bool_)
    if not pixels.size:
        return TissueMask(mask, 255, 0.0)
    measure_chroma(pixels.reshape(-1), counts, chroma.reshape(-1))
    limit = otsu(counts.sum(axis=0)) if threshold is None else whole("threshold", threshold, 0, 255)
    above = exceed(chroma.reshape(-1), np.uint8(limit), mask.reshape(-1))
    return TissueMask(mask, limit, above / mask.size)


def focus_map(grey: ArrayLike, block: int = 64) -> NDArray[np.float64]:
    """Measure sharpness as the variance of the Laplacian in square blocks.

    Parameters
    ----------
    grey : (rows, columns) uint8, or (rows, columns, 3) uint8 of which green is taken
        Best at about 1 µm a pixel.
    block : int
        Edge of a block in pixels; blocks at the right and bottom edges may be smaller.

    Returns
    -------
    (ceil(rows / block), ceil(columns / block)) float64
        Grey levels squared; edges are repeated outwards.
    """
    found = array("grey", grey, (2, 3), "u")
    if found.dtype != np.uint8 or (found.ndim == 3 and found.shape[2] != 3):
        raise ValueError(
            f"grey has shape {found.shape} and dtype {found.dtype}; "
            "expected (rows, columns) or (rows, columns, 3) uint8"
        )
    if found.ndim == 3:
        found = found[..., 1]
    picture = np.ascontiguousarray(found)
    edge = whole("block", block, 1)
    rows, columns = picture.shape
    result = np.zeros((-(-rows // edge), -(-columns // edge)), np.float64)
    if picture.size:
        laplacian_variance(picture, min(edge, max(rows, columns)), result)
    return result


def colour(name: str, value: ArrayLike) -> NDArray[np.uint8]:
    """Return a contiguous (rows, columns, 3) uint8 picture."""
    found = array(name, value, (3,), "u")
    if found.dtype != np.uint8 or found.shape[2] != 3:
        raise ValueError(
            f"{name} has shape {found.shape} and dtype {found.dtype}; "
            "expected (rows, columns, 3) uint8"
        )
    return np.ascontiguousarray(found)


def otsu(counts: NDArray[np.int64]) -> int:
    """Return the level that splits a histogram best: the upper part exceeds it."""
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * np.arange(len(counts)))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    between[(below == 0) | (above == 0)] = -1
    best = int(np.argmax(between))
    return best if between[best] > 0 else len(counts) - 1


@jit("void(u1[::1], i8[:,::1], u1[::1])", writes=2)
def measure_chroma(
    rgb: NDArray[np.uint8], counts: NDArray[np.int64], chroma: NDArray[np.uint8]
) -> None:
    """Write largest less smallest of each pixel, and count the levels."""
    for index in range(len(chroma)):
        red, green, blue = rgb[3 * index], rgb[3 * index + 1], rgb[3 * index + 2]
        chroma[index] = max(max(red, green), blue) - min(min(red, green), blue)
    # Four histograms: neighbours are alike, and one counter would wait for itself.
    whole_fours = len(chroma) // 4 * 4
    for index in range(0, whole_fours, 4):
        counts[0, chroma[index]] += 1
        counts[1, chroma[index + 1]] += 1
        counts[2, chroma[index + 2]] += 1
        counts[3, chroma[index + 3]] += 1
    for index in range(whole_fours, len(chroma)):
        counts[0, chroma[index]] += 1


@jit("i8(u1[::1], u1, b1[::1])")
def exceed(chroma: NDArray[np.uint8], limit: np.uint8, mask: NDArray[np.bool_]) -> int:
    """Mark what exceeds `limit`; return how many."""
    total = np.int64(0)
    for index in range(len(chroma)):
        tissue = chroma[index] > limit
        mask[index] = tissue
        total += np.int64(tissue)
    return int(total)


@jit("void(u1[:,::1], i8, f8[:,::1])")
def laplacian_variance(grey: NDArray[np.uint8], edge: int, result: NDArray[np.float64]) -> None:
    """Sum the Laplacian and its square over blocks, in integers."""
    rows, columns = grey.shape
    row = np.empty(columns, np.int16)
    sums, squares = np.empty(result.shape[1], np.int64), np.empty(result.shape[1], np.int64)
    last = columns - 1
    for block_row in range(result.shape[0]):
        top, bottom = block_row * edge, min((block_row + 1) * edge, rows)
        sums[:] = 0
        squares[:] = 0
        for i in range(top, bottom):
            here, above, below = grey[i], grey[max(i - 1, 0)], grey[min(i + 1, rows - 1)]
            for j in range(columns):
                row[j] = np.int16(above[j]) + np.int16(below[j]) - 4 * np.int16(here[j])
            left, right, middle = here[: columns - 1], here[1:], row[1:]
            for j in range(columns - 1):
                middle[j] += left[j]
            for j in range(columns - 1):
                row[j] += right[j]
            row[0] += here[0]
            row[last] += here[last]
            for block in range(result.shape[1]):
                part = row[block * edge : min((block + 1) * edge, columns)]
                total, square = np.int32(0), np.int64(0)
                for first in range(0, len(part), 1024):  # what 32 bits hold of squares
                    some = part[first : first + 1024]
                    some_squares = np.int32(0)
                    for j in range(len(some)):
                        value = np.int32(some[j])
                        total += value
                        some_squares += value * value
                    square += some_squares
                sums[block] += total
                squares[block] += square
        for block in range(result.shape[1]):
            count = (bottom - top) * (min((block + 1) * edge, columns) - block * edge)
            mean = sums[block] / count
            result[block_row, block] = squares[block] / count - mean * mean
