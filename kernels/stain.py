"""Stains of a slide: optical density, separation, and making slides look alike.

Light through a stain falls off exponentially (Beer-Lambert), so stains add up in optical
density. A picture made alike for display is no measurement: say so where it is shown.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array
from kernels._jit import helper, jit
from kernels._threads import spread
from kernels.tissue import colour

__all__ = [
    "HAEMATOXYLIN_EOSIN_DAB",
    "MacenkoFit",
    "fit_macenko",
    "normalise_macenko",
    "normalise_reinhard",
    "optical_density",
    "reinhard_statistics",
    "separate_stains",
]

BLOCK = 1 << 15

# Rows: haematoxylin, eosin, DAB; columns: red, green, blue. Ruifrok and Johnston, Anal. Quant.
# Cytol. Histol. 23:291, 2001.
HAEMATOXYLIN_EOSIN_DAB = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
HAEMATOXYLIN_EOSIN_DAB.setflags(write=False)

# What a normalised slide is to look like: Macenko et al., ISBI 2009, reference implementation.
WHITE = 240.0
REFERENCE_STAINS = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]])
REFERENCE_MAXIMA = np.array([1.9705, 1.0308])
FAINT = 0.15  # optical density below which a pixel is taken for glass
TAIL = 1.0  # percent of pixels beyond the extreme stain directions
SAMPLES = 50_000  # pixels enough to fit on


@dataclass(frozen=True)
class MacenkoFit:
    """The two stains of a slide: directions (2, 3) in optical density, and usual maxima (2,)."""

    stains: NDArray[np.float64]
    maxima: NDArray[np.float64]


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
        Red, green and blue density of each stain, one stain a row; only directions count when
        rows have unit length, as they nearly do here.

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


def fit_macenko(rgb: ArrayLike) -> MacenkoFit:
    """Find the haematoxylin and eosin of a slide.

    Works on an even sample of about 50 000 pixels.

    Parameters
    ----------
    rgb : (rows, columns, 3) uint8

    Raises
    ------
    ValueError
        There are too few stained pixels, or their colours do not spread over a plane.

    References
    ----------
    Macenko et al., ISBI 2009:1107
    """
    flat = colour("rgb", rgb).reshape(-1, 3)
    sample = flat[:: max(1, len(flat) // SAMPLES)]
    density = -np.log((np.arange(256.0) + 1) / WHITE)[sample]
    stained = density[(density >= FAINT).all(axis=1)]
    if len(stained) < 100:
        raise ValueError(
            f"rgb has {len(stained)} stained pixels among {len(sample)}; expected 100 or more"
        )
    values, vectors = np.linalg.eigh(np.cov(stained.T))
    if not values[1] > 1e-6:
        raise ValueError("rgb has stained pixels of one colour; expected two stains")
    plane = vectors[:, 1:]
    flattened = stained @ plane
    angles = np.arctan2(flattened[:, 1], flattened[:, 0])
    ends = np.percentile(angles, [TAIL, 100 - TAIL])
    pair = np.stack([np.cos(ends), np.sin(ends)], axis=1) @ plane.T
    pair = pair if pair[0, 0] > pair[1, 0] else pair[::-1]  # haematoxylin takes more red
    pair = np.ascontiguousarray(pair)
    if np.linalg.matrix_rank(pair, 1e-3) < 2:
        raise ValueError("rgb has stained pixels of one direction; expected two stains")
    amounts = density @ np.linalg.pinv(pair)
    maxima = np.percentile(amounts, 99, axis=0)
    if not (maxima > 1e-6).all():
        raise ValueError(f"rgb has stain maxima {maxima}; expected both above 0")
    return MacenkoFit(pair, maxima)


def normalise_macenko(
    rgb: ArrayLike, fit: MacenkoFit | None = None, reference: MacenkoFit | None = None
) -> NDArray[np.uint8]:
    """Show a slide as if stained like the reference.

    Parameters
    ----------
    rgb : (rows, columns, 3) uint8
    fit : MacenkoFit, optional
        Of the whole slide, so that all its tiles change alike; fitted on `rgb` when None.
    reference : MacenkoFit, optional

    Returns
    -------
    (rows, columns, 3) uint8
    """
    pixels = colour("rgb", rgb)
    own = fit_macenko(pixels) if fit is None else fit
    wanted = MacenkoFit(REFERENCE_STAINS, REFERENCE_MAXIMA) if reference is None else reference
    amounts = np.linalg.pinv(own.stains) * (wanted.maxima / own.maxima)
    mix = np.ascontiguousarray((amounts @ wanted.stains).T, np.float32)
    shown = np.empty(pixels.shape, np.uint8)
    flat, target = pixels.reshape(-1, 3), shown.reshape(-1, 3)
    natural = (-np.log((np.arange(256) + 1) / WHITE)).astype(np.float32)
    spread(remix, len(flat), flat, natural, mix, brightness_table(), target, least=BLOCK)
    return shown


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
def density_table() -> NDArray[np.float32]:
    return np.asarray(-np.log10(np.maximum(np.arange(256) / 255, 1e-6)), np.float32)


STEPS = 512  # of the brightness table, per unit of natural optical density
LOWEST, HIGHEST = -1, 12


@lru_cache(maxsize=1)
def brightness_table() -> NDArray[np.uint8]:
    """Return the grey of natural optical densities from `LOWEST` to `HIGHEST`."""
    density = np.arange(LOWEST * STEPS, HIGHEST * STEPS + 1) / STEPS
    return np.clip(WHITE * np.exp(-density), 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def linear_table() -> NDArray[np.float64]:
    """Return linear light of sRGB values (IEC 61966-2-1)."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


ROOT_STEPS, ROOT_TOP = 8192.0, 1.1
SRGB_STEPS = 65536.0


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


@jit("void(i8, i8, u1[:,::1], f4[::1], f4[:,::1], u1[::1], u1[:,::1])", fast=True)
def remix(
    start: int,
    stop: int,
    rgb: NDArray[np.uint8],
    density: NDArray[np.float32],
    mix: NDArray[np.float32],
    brightness: NDArray[np.uint8],
    shown: NDArray[np.uint8],
) -> None:
    """Write the grey of ``mix @ density[rgb]``."""
    steps, offset = np.float32(STEPS), np.float32(0.5 - LOWEST * STEPS)
    nought, top = np.float32(0), np.float32(len(brightness) - 1)
    densities, places = np.empty((3, 512), np.float32), np.empty((3, 512), np.uint32)
    red, green, blue = densities[0], densities[1], densities[2]
    for first in range(start, stop, 512):
        source = rgb[first : min(first + 512, stop)]
        target = shown[first : min(first + 512, stop)]
        for index in range(len(source)):
            red[index] = density[source[index, 0]]
            green[index] = density[source[index, 1]]
            blue[index] = density[source[index, 2]]
        for channel in range(3):
            r, g, b = mix[channel, 0], mix[channel, 1], mix[channel, 2]
            line = places[channel]
            for index in range(len(source)):
                place = (r * red[index] + g * green[index] + b * blue[index]) * steps + offset
                line[index] = np.int32(min(max(place, nought), top))
        for index in range(len(target)):
            target[index, 0] = brightness[places[0, index]]
            target[index, 1] = brightness[places[1, index]]
            target[index, 2] = brightness[places[2, index]]


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
