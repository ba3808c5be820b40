"""Counting nuclei, and the share that takes up a second stain. An aid, never a result."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import number, positive
from kernels.stain import separate_stains
from kernels.tissue import colour, otsu

__all__ = ["Nuclei", "find_nuclei"]


@dataclass(frozen=True)
class Nuclei:
    """Nuclei found in a picture.

    Attributes
    ----------
    points : (n, 2) float64
        Row and column of each, in pixels; 0, 0 is the centre of the first pixel.
    positive : (n,) bool
        True where the nucleus takes up DAB (Ki-67 and its like).
    """

    points: NDArray[np.float64]
    positive: NDArray[np.bool_]

    @property
    def positive_fraction(self) -> float:
        """Share of positive nuclei; NaN when there are none."""
        return float(self.positive.mean()) if len(self.positive) else float("nan")


def find_nuclei(
    rgb: ArrayLike,
    pixel_um: float,
    region: NDArray[np.bool_] | None = None,
    diameter_um: float = 7.0,
    positive_density: float = 0.15,
) -> Nuclei:
    """Find nuclei as blobs of haematoxylin or DAB of about one size.

    Parameters
    ----------
    rgb : (rows, columns, 3) uint8
        H&E, or haematoxylin and DAB.
    pixel_um : float
        Size of a pixel; nuclei need to be four pixels or more across.
    region : (rows, columns) bool, optional
        Where to count.
    diameter_um : float
        Usual diameter of the nuclei sought.
    positive_density : float
        Mean optical density of DAB in the nucleus from which on it is positive.

    Raises
    ------
    ValueError
        An argument has the wrong shape or value, or pixels are too large for such nuclei.
    """
    pixels = colour("rgb", rgb)
    width = positive("diameter_um", diameter_um) / positive("pixel_um", pixel_um)
    if not 4 <= width <= 200:
        raise ValueError(
            f"pixel_um is {pixel_um!r}: nuclei are {width:.1f} pixels across; expected 4 to 200"
        )
    inside = np.ones(pixels.shape[:2], np.bool_) if region is None else np.asarray(region)
    if inside.shape != pixels.shape[:2] or inside.dtype != np.bool_:
        raise ValueError(
            f"region has shape {inside.shape} and dtype {inside.dtype}; "
            f"expected booleans of shape {pixels.shape[:2]}"
        )
    number("positive_density", positive_density)
    none = Nuclei(np.zeros((0, 2)), np.zeros(0, np.bool_))
    if not inside.any():
        return none
    amounts = separate_stains(pixels)
    dark = amounts[..., 0] + amounts[..., 2]
    small, large = width / 4.5, width / 2.4
    blobs = ndimage.gaussian_filter(dark, small) - ndimage.gaussian_filter(dark, large)
    peaks = blobs == ndimage.maximum_filter(blobs, footprint=disc(width / 2.6))
    heights = blobs[peaks & (blobs > 0)]
    if not len(heights):
        return none
    top = float(heights.max())
    counts = np.bincount(np.minimum((heights / top * 255).astype(np.int64), 255), minlength=256)
    least = max(0.35 * otsu(counts) / 255 * top, 0.01)
    labels, count = ndimage.label(peaks & (blobs > least) & inside, np.ones((3, 3)))
    if not count:
        return none
    points = np.array(ndimage.center_of_mass(labels > 0, labels, np.arange(1, count + 1)))
    brown = ndimage.gaussian_filter(amounts[..., 2], width / 6)
    places = np.rint(points).astype(np.intp)
    return Nuclei(points, brown[places[:, 0], places[:, 1]] >= positive_density)


def disc(radius: float) -> NDArray[np.bool_]:
    reach = max(1, int(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(x**2 + y**2 <= max(radius, 1.5) ** 2)
