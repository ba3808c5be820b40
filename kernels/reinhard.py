"""Reinhard's normalisation: one picture takes the mean and spread of colour of another.

A picture made alike for display is no measurement: say so where it is shown.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array
from kernels._jit import helper, jit
from kernels._threads import spread
from kernels.stain import BLOCK
from kernels.tissue import colour

__all__ = ["normalise_reinhard", "reinhard_statistics"]

ROOT_STEPS, ROOT_TOP = 8192.0, 1.1
SRGB_STEPS = 65536.0


def reinhard_statistics(rgb: ArrayLike) -> NDArray[np.float64]:
    """Return mean and standard deviation of a picture in CIELAB: (2, 3).

    Raises
    ------
    ValueError
        The picture is empty.
    """
    pixels = colour("rgb", rgb).reshape(-1, 3)
    if not len(pixels):
        raise ValueError("rgb has no pixels; expected at least one")
    sums = np.zeros((2, 3))
    lab_sums(pixels, linear_table(), root_table(), sums)
    mean = sums[0] / len(pixels)
    return np.stack([mean, np.sqrt(np.maximum(sums[1] / len(pixels) - mean**2, 0))])


def normalise_reinhard(
    rgb: ArrayLike, reference: ArrayLike, statistics: ArrayLike | None = None
) -> NDArray[np.uint8]:
    """Give a picture the mean and spread of colour of another.

    Parameters
    ----------
    rgb : (rows, columns, 3) uint8
    reference : (2, 3)
        `reinhard_statistics` of the picture to look like.
    statistics : (2, 3), optional
        Of the whole slide; those of `rgb` when None.

    Returns
    -------
    (rows, columns, 3) uint8

    References
    ----------
    Reinhard et al., IEEE Comput. Graph. Appl. 21(5):34, 2001; in CIELAB (D65) here
    """
    pixels = colour("rgb", rgb)
    wanted = finite_array("reference", reference, (2, 3))
    if not pixels.size:
        return pixels.copy()
    own = reinhard_statistics(pixels) if statistics is None else statistics
    own = finite_array("statistics", own, (2, 3))
    gain = np.where(own[1] > 1e-6, wanted[1] / np.maximum(own[1], 1e-6), 1.0)
    shift = wanted[0] - gain * own[0]
    shown = np.empty(pixels.shape, np.uint8)
    flat, target = pixels.reshape(-1, 3), shown.reshape(-1, 3)
    spread(
        relab,
        len(flat),
        flat,
        linear_table(),
        root_table(),
        srgb_table(),
        gain,
        shift,
        target,
        least=BLOCK,
    )
    return shown


@lru_cache(maxsize=1)
def root_table() -> NDArray[np.float64]:
    """Return CIELAB's cube root of 0 to `ROOT_TOP`."""
    ratio = np.arange(int(ROOT_TOP * ROOT_STEPS) + 2) / ROOT_STEPS
    straight = (24389 / 27 * ratio + 16) / 116
    return np.where(ratio > 216 / 24389, np.cbrt(ratio), straight)


@lru_cache(maxsize=1)
def srgb_table() -> NDArray[np.uint8]:
    """Return the sRGB byte of linear light from 0 to 1 (IEC 61966-2-1)."""
    light = np.arange(int(SRGB_STEPS) + 1) / SRGB_STEPS
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(value * 255 + 0.5, np.uint8)


@lru_cache(maxsize=1)
def linear_table() -> NDArray[np.float64]:
    """Return linear light of sRGB values (IEC 61966-2-1)."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@helper
def root(table, value):  # type: ignore[no-untyped-def]
    """Look CIELAB's cube root up, linearly between its steps."""
    place = min(max(value, 0.0), ROOT_TOP) * ROOT_STEPS
    step = min(int(place), len(table) - 2)
    return table[step] + (place - step) * (table[step + 1] - table[step])


@helper
def cube(value):  # type: ignore[no-untyped-def]
    if value > 6 / 29:
        return value * value * value
    return (116 * value - 16) * 27 / 24389


@helper
def to_lab(roots, red, green, blue):  # type: ignore[no-untyped-def]
    """Turn linear sRGB into CIELAB of white D65."""
    x = root(roots, (0.412453 * red + 0.357580 * green + 0.180423 * blue) / 0.95047)
    y = root(roots, 0.212671 * red + 0.715160 * green + 0.072169 * blue)
    z = root(roots, (0.019334 * red + 0.119193 * green + 0.950227 * blue) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@helper
def from_lab(lightness, a, b):  # type: ignore[no-untyped-def]
    """Turn CIELAB into linear sRGB."""
    middle = (lightness + 16) / 116
    x = 0.95047 * cube(middle + a / 500)
    y = cube(middle)
    z = 1.08883 * cube(middle - b / 200)
    return (
        3.24048134 * x - 1.53715152 * y - 0.49853633 * z,
        -0.96925495 * x + 1.87599 * y + 0.04155593 * z,
        0.05564664 * x - 0.20404134 * y + 1.05731107 * z,
    )


@jit("void(u1[:,::1], f8[::1], f8[::1], f8[:,::1])")
def lab_sums(
    rgb: NDArray[np.uint8],
    linear: NDArray[np.float64],
    roots: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> None:
    """Add up L, a, b and their squares."""
    for index in range(len(rgb)):
        lightness, a, b = to_lab(
            roots, linear[rgb[index, 0]], linear[rgb[index, 1]], linear[rgb[index, 2]]
        )
        sums[0, 0] += lightness
        sums[0, 1] += a
        sums[0, 2] += b
        sums[1, 0] += lightness * lightness
        sums[1, 1] += a * a
        sums[1, 2] += b * b


@jit("void(i8, i8, u1[:,::1], f8[::1], f8[::1], u1[::1], f8[::1], f8[::1], u1[:,::1])")
def relab(
    start: int,
    stop: int,
    rgb: NDArray[np.uint8],
    linear: NDArray[np.float64],
    roots: NDArray[np.float64],
    bytes_of_light: NDArray[np.uint8],
    gain: NDArray[np.float64],
    shift: NDArray[np.float64],
    shown: NDArray[np.uint8],
) -> None:
    """Scale and shift in CIELAB."""
    rgb, shown = rgb[start:stop], shown[start:stop]
    for index in range(len(rgb)):
        lightness, a, b = to_lab(
            roots, linear[rgb[index, 0]], linear[rgb[index, 1]], linear[rgb[index, 2]]
        )
        red, green, blue = from_lab(
            gain[0] * lightness + shift[0], gain[1] * a + shift[1], gain[2] * b + shift[2]
        )
        shown[index, 0] = bytes_of_light[int(min(max(red, 0.0), 1.0) * SRGB_STEPS + 0.5)]
        shown[index, 1] = bytes_of_light[int(min(max(green, 0.0), 1.0) * SRGB_STEPS + 0.5)]
        shown[index, 2] = bytes_of_light[int(min(max(blue, 0.0), 1.0) * SRGB_STEPS + 0.5)]
