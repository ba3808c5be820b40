"""From values to grey: the VOI functions and the fused way from stored values to the screen.

Everything that happens to an 8- or 16-bit stored value on its way to the screen (Modality LUT,
VOI LUT, inversion, Presentation LUT, padding) is a function of that value alone. So it is worked
out once, in float64, for every value there can be; that table is the truth. Where a plain
multiply-and-add gives the same 256 or 65536 answers it runs instead, at the speed of memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, number, positive
from kernels._jit import jit
from kernels._threads import spread
from kernels.values import Lut, Rescale, padding_range

__all__ = ["Display", "VoiFunction", "Window", "display", "display_table", "window"]

BLOCK = 1 << 16  # pixels worth handing to another thread


class VoiFunction(StrEnum):
    """VOI LUT Function (PS3.3 C.11.2.1.3)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """Window Center and Width, in the unit of the Modality LUT's output.

    ``width >= 1`` for LINEAR, ``> 0`` for the others (PS3.3 C.11.2.1.2, C.11.2.1.3).
    """

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR

    def __post_init__(self) -> None:
        number("center", self.center)
        positive("width", self.width)
        try:
            function = VoiFunction(self.function)
        except ValueError:
            known = ", ".join(VoiFunction)
            raise ValueError(f"function is {self.function!r}; expected one of {known}") from None
        object.__setattr__(self, "function", function)
        if function is VoiFunction.LINEAR and self.width < 1:
            raise ValueError(f"width is {self.width!r}; expected 1 or more for LINEAR")

    def grey(self, values: NDArray[np.float64], white: float = 1.0) -> NDArray[np.float64]:
        """Return the grey of each value, from 0 to `white`.

        The multiplication comes before the division, so that a value half-way between two
        greys is seen to be just that.
        """
        if self.function is VoiFunction.SIGMOID:
            with np.errstate(over="ignore"):
                return np.asarray(white / (1 + np.exp(-4 * (values - self.center) / self.width)))
        if self.function is VoiFunction.LINEAR_EXACT:
            shade = (values - self.center) * white / self.width
        elif self.width == 1:
            return np.asarray((values > self.center - 0.5) * white)
        else:
            shade = (values - (self.center - 0.5)) * white / (self.width - 1)
        return np.asarray(np.clip(shade + white / 2, 0, white))


AS_STORED = Rescale()


@dataclass(frozen=True)
class Display:
    """All that stands between a stored value and its grey.

    Parameters
    ----------
    modality : Rescale or Lut
    voi : Window, Lut or None
        None spreads the values found in the image over the whole grey scale.
    padding : (low, high) or None
        Stored values that show black, inclusive (Pixel Padding Value and Range Limit).
    inverted : bool
        The lowest value shows white: MONOCHROME1, or Presentation LUT Shape INVERSE.
        Only one of the two inverts: an image that has both shows low values black.
    presentation : Lut or None
        Presentation LUT; its input is the VOI output over the full range of its entries.
    """

    modality: Rescale | Lut = AS_STORED
    voi: Window | Lut | None = None
    padding: tuple[int, int] | None = None
    inverted: bool = False
    presentation: Lut | None = None


def window(
    values: ArrayLike,
    center: float,
    width: float,
    function: VoiFunction | str = VoiFunction.LINEAR,
) -> NDArray[np.uint8]:
    """Map values to grey.

    Parameters
    ----------
    values : real numbers, any shape
        Output of the Modality LUT; HU for CT. NaN shows black.
    center, width : float
        Same unit as `values`.

    Returns
    -------
    uint8, same shape
        The nearest grey; halves go up.

    References
    ----------
    PS3.3 C.11.2.1.2, C.11.2.1.3
    """
    voi = Window(center, width, VoiFunction(function))
    found = array("values", values, tuple(range(9)))
    if found.dtype.kind in "ui" and found.dtype.itemsize <= 2:
        return display(found, Display(voi=voi))
    if voi.function is VoiFunction.SIGMOID:
        return to_byte(voi.grey(found.astype(np.float64), 255))
    gain, offset = straight(voi)
    single = np.ascontiguousarray(
        found, np.float32 if found.dtype == np.float32 else np.float64
    ).reshape(-1)
    grey = np.empty(single.shape, np.uint8)
    spread(grey_of_real, len(single), single, gain, offset, grey, least=BLOCK)
    return grey.reshape(found.shape)


def display(
    stored: ArrayLike, how: Display | Sequence[Display], out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Map stored values to grey in one pass.

    Parameters
    ----------
    stored : integers of any size, or floats; any shape
    how : Display, or one per item of the first axis
        (slices or frames that differ in slope or window)
    out : contiguous uint8, same shape, optional
        Where to write. Asking the system for new memory takes longer than windowing.

    Returns
    -------
    uint8, same shape

    References
    ----------
    PS3.4 N.2 (the order of the transformations)
    """
    found = array("stored", stored, tuple(range(9)))
    grey = np.empty(found.shape, np.uint8) if out is None else out
    if grey.shape != found.shape or grey.dtype != np.uint8 or not grey.flags.c_contiguous:
        raise ValueError(
            f"out has shape {grey.shape} and dtype {grey.dtype}; "
            f"expected contiguous uint8 of shape {found.shape}"
        )
    if not found.size:
        return grey
    if isinstance(how, Display):
        fill(found, settled(found, how), grey)
        return grey
    if found.ndim < 2 or len(how) != len(found):
        raise ValueError(
            f"how has {len(how)} items; expected one per item of the first axis of stored, "
            f"whose shape is {found.shape}"
        )
    start = 0
    for stop in range(1, len(how) + 1):
        if stop == len(how) or how[stop] != how[start] or how[start].voi is None:
            part = found[start:stop]
            fill(part, settled(part, how[start]), grey[start:stop])
            start = stop
    return grey


@lru_cache(maxsize=64)
def display_table(dtype: str, how: Display) -> NDArray[np.uint8]:
    """Return the grey of every stored value an 8- or 16-bit type can hold.

    Parameters
    ----------
    dtype : "uint8", "int8", "uint16" or "int16"
    how : Display with a `voi`

    Returns
    -------
    (256,) or (65536,) uint8, read-only
        Indexed by the stored value's bits read as unsigned.
    """
    kind = np.dtype(dtype)
    codes = np.arange(2 ** (kind.itemsize * 8), dtype=f"u{kind.itemsize}").view(kind)
    table = exact_grey(codes, how)
    table.setflags(write=False)
    return table


def exact_grey(stored: NDArray[Any], how: Display) -> NDArray[np.uint8]:
    """Work out greys step by step in float64."""
    if how.voi is None:
        raise ValueError("voi is None; expected a Window or Lut here")
    values = stored.astype(np.float64)
    if isinstance(how.modality, Lut):
        values = how.modality.look_up(values)
    else:
        values = values * how.modality.slope + how.modality.intercept
    white = 255.0 if how.presentation is None else 1.0
    if isinstance(how.voi, Lut):
        grey = how.voi.look_up(values) * white / how.voi.maximum
    else:
        grey = how.voi.grey(values, white)
    if how.presentation is not None:
        table = how.presentation
        entries = np.floor(np.nan_to_num(grey) * (len(table.data) - 1) + 0.5) + table.first_value
        grey = table.look_up(entries) * 255.0 / table.maximum
    shown = to_byte(grey)
    if how.inverted:
        shown = 255 - shown
    if how.padding is not None and stored.dtype.kind in "ui":
        low, high = padding_range(stored.dtype, *how.padding)
        shown[(stored >= low) & (stored <= high)] = 0
    return shown


def to_byte(grey: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the nearest whole grey; halves go up, NaN to black."""
    return np.floor(np.nan_to_num(grey, nan=0.0) + 0.5).astype(np.uint8)


def settled(stored: NDArray[Any], how: Display) -> Display:
    """Give a Display without a VOI the window that spans the image's own values."""
    if how.voi is not None:
        return how
    sample = stored
    if how.padding is not None and stored.dtype.kind in "ui":
        low, high = padding_range(stored.dtype, *how.padding)
        sample = stored[(stored < low) | (stored > high)]
    elif stored.dtype.kind == "f":
        sample = stored[np.isfinite(stored)]
    ends = np.array([sample.min(), sample.max()], np.float64) if sample.size else np.zeros(2)
    if isinstance(how.modality, Lut):
        mapped = how.modality.data[:1], how.modality.data
        entries = how.modality.look_up(np.arange(ends[0], ends[1] + 1)) if sample.size else mapped
        ends = np.array([np.min(entries), np.max(entries)], np.float64)
    else:
        ends = np.sort(ends * how.modality.slope + how.modality.intercept)
    width = max(float(ends[1] - ends[0]), 1e-9)
    return replace(how, voi=Window(float(ends.mean()), width, VoiFunction.LINEAR_EXACT))


def straight(voi: Window) -> tuple[float, float]:
    """Return gain and offset of a linear VOI function on the scale 0 to 255, plus one half."""
    if voi.function is VoiFunction.LINEAR_EXACT:
        width = max(voi.width, 1e-9)
        return 255 / width, 255 * (0.5 - voi.center / width) + 0.5
    width = max(voi.width - 1, 1e-9)
    return 255 / width, 255 * (0.5 - (voi.center - 0.5) / width) + 0.5


def contiguous(stored: NDArray[Any]) -> NDArray[Any]:
    """Return `stored` as one row of numbers."""
    flat = np.ascontiguousarray(stored).reshape(-1)
    return flat.view(np.uint8) if flat.dtype.kind == "b" else flat


def fill(stored: NDArray[Any], how: Display, grey: NDArray[np.uint8]) -> None:
    """Write the grey of `stored` into the contiguous array `grey`."""
    flat, shown = contiguous(stored), grey.reshape(-1)
    if flat.dtype.kind == "f" or flat.dtype.itemsize > 2:
        for start in range(0, len(flat), BLOCK):
            shown[start : start + BLOCK] = exact_grey(flat[start : start + BLOCK], how)
        return
    table = display_table(flat.dtype.name, how)
    line = straight_line(flat.dtype.name, how) if len(flat) > BLOCK else None
    if line is None:
        codes = flat.view(f"u{flat.dtype.itemsize}")
        spread(grey_by_table, len(flat), codes, table, shown, least=BLOCK)
    else:
        spread(grey_of_integer, len(flat), flat, *line, shown, least=BLOCK)


@lru_cache(maxsize=64)
def straight_line(dtype: str, how: Display) -> tuple[np.float32, np.float32, np.uint8] | None:
    """Return gain, offset and inversion that give the table's every entry, or None."""
    if not (isinstance(how.voi, Window) and isinstance(how.modality, Rescale)):
        return None
    if how.voi.function is VoiFunction.SIGMOID or how.presentation is not None:
        return None
    kind = np.dtype(dtype)
    if kind.itemsize == 1:
        return None
    table = display_table(dtype, how)
    gain, offset = straight(how.voi)
    offset += gain * how.modality.intercept
    gain *= how.modality.slope
    flip = np.uint8(255 if how.inverted else 0)
    codes = np.arange(65536, dtype=np.uint16).view(kind)
    tried = np.empty(65536, np.uint8)
    for nudge in (0.0, 2**-14, -(2**-14), 2**-11):  # values that fall on a half, in float32
        line = np.float32(gain), np.float32(offset + nudge), flip
        grey_of_integer(0, 65536, codes, *line, tried)
        if np.array_equal(tried, table):
            return line
    return None


@jit(
    "void(i8, i8, i2[::1], f4, f4, u1, u1[::1])",
    "void(i8, i8, u2[::1], f4, f4, u1, u1[::1])",
)
def grey_of_integer(
    start: int,
    stop: int,
    stored: NDArray[Any],
    gain: np.float32,
    offset: np.float32,
    flip: np.uint8,
    grey: NDArray[np.uint8],
) -> None:
    """``grey = min(max(stored * gain + offset, 0), 255)``, cut, and flipped if asked."""
    stored, grey = stored[start:stop], grey[start:stop]
    for index in range(len(stored)):
        shade = np.float32(stored[index]) * gain + offset
        shade = min(max(shade, np.float32(0)), np.float32(255))
        grey[index] = np.uint8(np.int32(shade)) ^ flip


@jit(
    "void(i8, i8, u1[::1], u1[::1], u1[::1])",
    "void(i8, i8, u2[::1], u1[::1], u1[::1])",
)
def grey_by_table(
    start: int,
    stop: int,
    codes: NDArray[Any],
    table: NDArray[np.uint8],
    grey: NDArray[np.uint8],
) -> None:
    """Look each code up."""
    codes, grey = codes[start:stop], grey[start:stop]
    for index in range(len(codes)):
        grey[index] = table[codes[index]]


@jit(
    "void(i8, i8, f4[::1], f8, f8, u1[::1])",
    "void(i8, i8, f8[::1], f8, f8, u1[::1])",
)
def grey_of_real(
    start: int,
    stop: int,
    values: NDArray[Any],
    gain: float,
    offset: float,
    grey: NDArray[np.uint8],
) -> None:
    """As `grey_of_integer`, in float64; NaN gives 0."""
    values, grey = values[start:stop], grey[start:stop]
    for index in range(len(values)):
        shade = values[index] * gain + offset
        if shade >= 255.0:
            shade = 255.0
        if not shade > 0.0:
            shade = 0.0
        grey[index] = np.uint8(np.int32(shade))
