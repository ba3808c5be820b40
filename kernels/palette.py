"""From values to colour: palettes over grey, and palette colour images."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, choice
from kernels._jit import jit
from kernels._threads import spread
from kernels.values import Lut
from kernels.window import BLOCK, Display, contiguous, display, display_table, settled

__all__ = ["PALETTES", "display_colour", "named_palette", "palette_colour"]

PALETTES = ("grey", "hot iron", "rainbow")


@lru_cache(maxsize=len(PALETTES))
def named_palette(name: str) -> NDArray[np.uint8]:
    """Return a palette of ours.

    "hot iron" is the standard's well-known Hot Iron (PS3.6 Annex B.1.1); "rainbow" runs from
    blue over green to red, black at 0, as perfusion maps are usually shown.

    Returns
    -------
    (256, 3) uint8, read-only
    """
    step = np.arange(256.0)
    if choice("name", name, PALETTES) == "grey":
        colours = [step, step, step]
    elif name == "hot iron":
        colours = [2 * step, 2 * (step - 128) + (step == 255), 4 * (step - 191)]
    else:
        colours = [4 * step - 510, 382.5 - np.abs(4 * step - 510), 510 - 4 * step]
    table = np.clip(np.stack(colours, axis=1), 0, 255).astype(np.uint8)
    if name == "rainbow":
        table[0] = 0
    table.setflags(write=False)
    return table


def display_colour(stored: ArrayLike, how: Display, palette: ArrayLike) -> NDArray[np.uint8]:
    """Map stored values to colour in one pass.

    Parameters
    ----------
    stored : integers or floats, any shape
    how : Display
        Up to the grey that indexes `palette`.
    palette : (256, 3) uint8

    Returns
    -------
    (..., 3) uint8
    """
    found = array("stored", stored, tuple(range(9)))
    colours = np.asarray(palette)
    if colours.shape != (256, 3) or colours.dtype != np.uint8:
        raise ValueError(
            f"palette has shape {colours.shape} and dtype {colours.dtype}; expected (256, 3) uint8"
        )
    if found.size and found.dtype.kind in "ui" and found.dtype.itemsize <= 2:
        flat = contiguous(found)
        greys = display_table(flat.dtype.name, settled(found, how))
        table = np.ascontiguousarray(colours[greys])
        return coloured(flat.view(f"u{flat.dtype.itemsize}"), table).reshape(*found.shape, 3)
    greys = display(found, how).reshape(-1)
    return coloured(greys, np.ascontiguousarray(colours)).reshape(*found.shape, 3)


def palette_colour(stored: ArrayLike, tables: Sequence[Lut]) -> NDArray[np.uint8]:
    """Look a PALETTE COLOR image up in its own tables.

    Parameters
    ----------
    stored : integers of 8 or 16 bits, any shape
    tables : red, green and blue Lut

    Returns
    -------
    (..., 3) uint8
        The upper byte of 16-bit entries.

    References
    ----------
    PS3.3 C.7.6.3.1.5
    """
    found = array("stored", stored, tuple(range(9)), "u", "i")
    if len(tables) != 3:
        raise ValueError(f"tables has {len(tables)} items; expected red, green and blue")
    if found.dtype.itemsize > 2:
        raise ValueError(f"stored has dtype {found.dtype}; expected 8 or 16 bits")
    flat = contiguous(found)
    kind = np.dtype(f"u{flat.dtype.itemsize}")
    codes = np.arange(2 ** (8 * kind.itemsize), dtype=kind).view(flat.dtype).astype(np.float64)
    table = np.empty((len(codes), 3), np.uint8)
    for colour, entries in enumerate(tables):
        words = entries.look_up(codes)
        table[:, colour] = words // 256 if entries.maximum > 255 else words
    return coloured(flat.view(kind), table).reshape(*found.shape, 3)


def coloured(codes: NDArray[Any], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shown = np.empty((len(codes), 3), np.uint8)
    spread(colour_by_table, len(codes), codes, table, shown, least=BLOCK)
    return shown


@jit(
    "void(i8, i8, u1[::1], u1[:,::1], u1[:,::1])",
    "void(i8, i8, u2[::1], u1[:,::1], u1[:,::1])",
)
def colour_by_table(
    start: int,
    stop: int,
    codes: NDArray[Any],
    table: NDArray[np.uint8],
    shown: NDArray[np.uint8],
) -> None:
    """Look each code up."""
    codes, shown = codes[start:stop], shown[start:stop]
    for index in range(len(codes)):
        code = codes[index]
        shown[index, 0] = table[code, 0]
        shown[index, 1] = table[code, 1]
        shown[index, 2] = table[code, 2]
