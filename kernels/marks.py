"""Pen marks and air bubbles on a slide's overview: what may disturb reading or counting."""

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import positive
from kernels.tissue import colour

__all__ = ["SlideWarning", "slide_warnings"]


class SlideWarning(StrEnum):
    """What may disturb reading or counting on a slide. A hint, never a verdict."""

    PEN_BLUE = "blue pen"
    PEN_GREEN = "green pen"
    PEN_RED = "red pen"
    PEN_BLACK = "black pen"
    BUBBLE = "bubble or coverslip edge"


def slide_warnings(
    rgb: ArrayLike, pixel_um: float = 8.0, least_mm2: float = 0.2
) -> dict[SlideWarning, float]:
    """Look for pen marks and air bubbles on an overview.

    Pen ink has hues, or a blackness, that haematoxylin, eosin and DAB do not; a bubble is a
    thin dark grey ring round an area as empty as glass.

    Parameters
    ----------
    rgb : (rows, columns, 3) uint8
        At about 8 µm a pixel.
    pixel_um : float
    least_mm2 : float
        Smallest mark worth a warning.

    Returns
    -------
    dict of SlideWarning to float
        Area in mm²; only what reaches `least_mm2`.
    """
    pixels = colour("rgb", rgb)
    pixel_mm2 = (positive("pixel_um", pixel_um) / 1000) ** 2
    least = positive("least_mm2", least_mm2)
    if not pixels.size:
        return {}
    red, green, blue = (pixels[..., index].astype(np.int16) for index in range(3))
    top, bottom = pixels.max(axis=2).astype(np.int16), pixels.min(axis=2).astype(np.int16)
    chroma = top - bottom
    vivid = chroma > 50
    inks = {
        # Haematoxylin is violet: its red stays within reach of its green. Ink's does not.
        SlideWarning.PEN_BLUE: vivid & (blue == top) & (red < green - 8),
        SlideWarning.PEN_GREEN: vivid & (green == top) & (green > red + 25),
        SlideWarning.PEN_RED: (chroma > 110)
        & (red == top)
        & (np.abs(green - blue) < 40)
        & (red > 130)
        & (green < 90),
        SlideWarning.PEN_BLACK: (top < 75) & (chroma < 28),
    }
    found = {}
    for warning, ink in inks.items():
        area = float(large_parts(ink, least / pixel_mm2).sum()) * pixel_mm2
        if area >= least:
            found[warning] = area
    area = float(bubbles(top, chroma, least / pixel_mm2).sum()) * pixel_mm2
    if area >= least:
        found[SlideWarning.BUBBLE] = area
    return found


def large_parts(mask: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """Keep the connected parts of at least so many pixels."""
    labels, count = ndimage.label(ndimage.binary_opening(mask), np.ones((3, 3)))
    sizes = np.bincount(labels.reshape(-1), minlength=count + 1)
    keep = sizes >= least
    keep[0] = False
    return np.asarray(keep[labels])


def bubbles(
    brightness: NDArray[np.int16], chroma: NDArray[np.int16], least: float
) -> NDArray[np.bool_]:
    """Find areas like glass that a thin dark grey ring encloses."""
    grey = chroma < 22
    if not grey.any():
        return np.zeros(brightness.shape, np.bool_)
    glass = float(np.percentile(brightness[grey], 90))
    ring = grey & (brightness < glass - 25) & (brightness > 50)
    ring = ndimage.binary_closing(np.pad(ring, 2), iterations=2)[2:-2, 2:-2]
    holes = ndimage.binary_fill_holes(ring) & ~ring
    empty = large_parts(holes & grey & (brightness > glass - 45), least)
    return np.asarray(empty)
