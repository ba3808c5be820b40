"""Macenko's normalisation: the two stains of a slide, shown as another slide's.

A picture made alike for display is no measurement: say so where it is shown.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._jit import jit
from kernels._threads import spread
from kernels.stain import BLOCK
from kernels.tissue import colour

__all__ = ["MacenkoFit", "fit_macenko", "normalise_macenko"]

# What a normalised slide is to look like: Macenko et al., ISBI 2009, reference implementation.
WHITE = 240.0
REFERENCE_STAINS = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]])
REFERENCE_MAXIMA = np.array([1.9705, 1.0308])
FAINT = 0.15  # optical density below which a pixel is taken for glass
TAIL = 1.0  # percent of pixels beyond the extreme stain directions
SAMPLES = 50_000  # pixels enough to fit on
STEPS = 512  # of the brightness table, per unit of natural optical density
LOWEST, HIGHEST = -1, 12
# Natural optical density of each value, falling; and the last value that is no glass.
DENSITIES = -np.log((np.arange(256.0) + 1) / WHITE)
PALEST = int(np.count_nonzero(DENSITIES >= FAINT)) - 1


@dataclass(frozen=True)
class MacenkoFit:
    """The two stains of a slide: directions (2, 3) in optical density, and usual maxima (2,)."""

    stains: NDArray[np.float64]
    maxima: NDArray[np.float64]


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
    sample = np.ascontiguousarray(flat[:: max(1, len(flat) // SAMPLES)].T)
    density = np.take(DENSITIES, sample)
    stained = np.compress((sample <= PALEST).all(axis=0), density, axis=1)
    if stained.shape[1] < 100:
        raise ValueError(
            f"rgb has {stained.shape[1]} stained pixels among {sample.shape[1]};"
            " expected 100 or more"
        )
    values, vectors = np.linalg.eigh(np.cov(stained))
    if not values[1] > 1e-6:
        raise ValueError("rgb has stained pixels of one colour; expected two stains")
    plane = vectors[:, 1:]
    flattened = plane.T @ stained
    angles = np.arctan2(flattened[1], flattened[0])
    ends = np.array([percentile(angles, TAIL), percentile(angles, 100 - TAIL)])
    pair = np.stack([np.cos(ends), np.sin(ends)], axis=1) @ plane.T
    pair = pair if pair[0, 0] > pair[1, 0] else pair[::-1]  # haematoxylin takes more red
    pair = np.ascontiguousarray(pair)
    if np.linalg.matrix_rank(pair, 1e-3) < 2:
        raise ValueError("rgb has stained pixels of one direction; expected two stains")
    amounts = np.linalg.pinv(pair).T @ density
    maxima = np.array([percentile(each, 99) for each in amounts])
    if not (maxima > 1e-6).all():
        raise ValueError(f"rgb has stain maxima {maxima}; expected both above 0")
    return MacenkoFit(pair, maxima)


def percentile(values: NDArray[np.float64], percent: float) -> float:
    """Return what ``np.percentile`` does, by one partition instead of two: ten times as fast."""
    place = (len(values) - 1) * percent / 100
    below = int(place)
    parted = np.partition(values, below)
    low = float(parted[below])
    above = parted[below + 1 :]
    return low + (place - below) * (float(above.min()) - low) if len(above) else low


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
    spread(
        remix,
        len(flat),
        flat,
        DENSITIES.astype(np.float32),
        mix,
        brightness_table(),
        target,
        least=BLOCK,
    )
    return shown


@lru_cache(maxsize=1)
def brightness_table() -> NDArray[np.uint8]:
    """Return the grey of natural optical densities from `LOWEST` to `HIGHEST`."""
    density = np.arange(LOWEST * STEPS, HIGHEST * STEPS + 1) / STEPS
    return np.clip(WHITE * np.exp(-density), 0, 255).astype(np.uint8)


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
