"""Stains of a slide: optical density and separation.

Light through a stain falls off exponentially (Beer-Lambert), so stains add up in optical
density.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array
from kernels._jit import jit
from kernels._threads import spread
from kernels.tissue import colour

__all__ = ["BLOCK", "HAEMATOXYLIN_EOSIN_DAB", "optical_density", "separate_stains"]

BLOCK = 1 << 15  # pixels worth handing to another thread

# Rows: haematoxylin, eosin, DAB; columns: red, green, blue. Ruifrok and Johnston, Anal. Quant.
# Cytol. Histol. 23:291, 2001.
HAEMATOXYLIN_EOSIN_DAB = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
HAEMATOXYLIN_EOSIN_DAB.setflags(write=False)


def optical_density(rgb: ArrayLike) -> NDArray[np.float32]:
    """Return decadic optical density, ``-log10(max(value / 255, 1e-6))``.

    Parameters
    ----------
    rgb : (rows, columns, 3) uint8

    Returns
    -------
    (rows, columns, 3) float32
    """
    return np.asarray(density_table()[colour("rgb", rgb)])


def separate_stains(
    rgb: ArrayLike, stains: ArrayLike = HAEMATOXYLIN_EOSIN_DAB
) -> NDArray[np.float32]:
    """Split a picture into the amounts of its stains (colour deconvolution).

    Parameters
    ----------
    rgb : (rows, columns, 3) uint8
    stains : (3, 3)
        Red, green and blue density of each stain, one stain a row. Amounts are in the optical
        density of a stain whose row has length 1.

    Returns
    -------
    (rows, columns, 3) float32
        Optical density of each stain, never below 0.

    Raises
    ------
    ValueError
        The stains do not span three directions.

    References
    ----------
    Ruifrok and Johnston 2001
    """
    pixels = colour("rgb", rgb)
    directions = finite_array("stains", stains, (3, 3))
    if not abs(np.linalg.det(directions)) > 1e-6:
        raise ValueError(f"stains is {directions.tolist()}; expected three different directions")
    split = np.linalg.inv(directions).astype(np.float32)
    amounts = np.empty(pixels.shape, np.float32)
    flat, target = pixels.reshape(-1, 3), amounts.reshape(-1, 3)
    spread(unmix, len(flat), flat, density_table(), split, target, least=BLOCK)
    return amounts


@lru_cache(maxsize=1)
def density_table() -> NDArray[np.float32]:
    return np.asarray(-np.log10(np.maximum(np.arange(256) / 255, 1e-6)), np.float32)


@jit("void(i8, i8, u1[:,::1], f4[::1], f4[:,::1], f4[:,::1])", fast=True)
def unmix(
    start: int,
    stop: int,
    rgb: NDArray[np.uint8],
    density: NDArray[np.float32],
    split: NDArray[np.float32],
    amounts: NDArray[np.float32],
) -> None:
    """Write ``density[rgb] @ split``, not below 0."""
    rgb, amounts = rgb[start:stop], amounts[start:stop]
    for index in range(len(rgb)):
        red, green, blue = (
            density[rgb[index, 0]],
            density[rgb[index, 1]],
            density[rgb[index, 2]],
        )
        for stain in range(3):
            amount = red * split[0, stain] + green * split[1, stain] + blue * split[2, stain]
            amounts[index, stain] = max(amount, np.float32(0))
