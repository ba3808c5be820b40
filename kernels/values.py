"""From stored values to real ones: sign, padding and the Modality LUT (PS3.3 C.11.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, choice, number, whole
from kernels._jit import jit
from kernels._threads import spread

__all__ = ["Lut", "Rescale", "modality_values", "padding_mask", "stored_values"]


@dataclass(frozen=True, slots=True)
class Rescale:
    """Rescale Slope and Intercept."""

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        number("slope", self.slope)
        number("intercept", self.intercept)


@dataclass(frozen=True, eq=False)
class Lut:
    """A look-up table: Modality, VOI or Presentation.

    Parameters
    ----------
    first_value : int
        The input that the first entry stands for; lower inputs map there too, and inputs
        beyond the last entry to the last.
    data : (n,) integers
    bits : int
        Bits of an entry; the largest output is ``2**bits - 1``.

    References
    ----------
    PS3.3 C.11.1.1
    """

    first_value: int
    data: NDArray[np.uint16]
    bits: int = 16
    maximum: int = field(init=False)

    def __post_init__(self) -> None:
        whole("first_value", self.first_value, -(2**31), 2**31)
        whole("bits", self.bits, 1, 16)
        data = array("data", self.data, (1,), "u", "i")
        if not 1 <= len(data) <= 65536:
            raise ValueError(f"data has {len(data)} entries; expected 1 to 65536")
        if data.min() < 0 or data.max() > 65535:
            raise ValueError(
                f"data runs from {data.min()} to {data.max()}; expected values from 0 to 65535"
            )
        object.__setattr__(self, "data", data.astype(np.uint16))
        # Some writers give 8 for entries of 12 bits; the data say how far they go.
        fits = max(2**self.bits - 1, int(data.max()))
        object.__setattr__(self, "maximum", fits)

    def look_up(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the entry of each value; fractions are cut off."""
        entries = np.clip(np.floor(values) - self.first_value, 0, len(self.data) - 1)
        return np.asarray(self.data[entries.astype(np.intp)], np.float64)


def stored_values(
    container: ArrayLike, bits_stored: int, high_bit: int | None = None, signed: bool = False
) -> NDArray[np.generic]:
    """Take the stored bits out of their container and extend their sign.

    What lies above the high bit is overlay or rubbish, never value.

    Parameters
    ----------
    container : integers of 8, 16 or 32 bits
    bits_stored, high_bit : int
        `high_bit` is ``bits_stored - 1`` when None.
    signed : bool
        Pixel Representation is 1.

    Returns
    -------
    Same shape, the container's size, signed or unsigned as asked.

    References
    ----------
    PS3.5 8.1.1
    """
    found = array("container", container, tuple(range(9)), "u", "i")
    size = found.dtype.itemsize * 8
    bits = whole("bits_stored", bits_stored, 1, size)
    high = bits - 1 if high_bit is None else whole("high_bit", high_bit, bits - 1, size - 1)
    kind = np.dtype(f"{'i' if signed else 'u'}{size // 8}")
    left = size - 1 - high
    raised = np.left_shift(found.view(f"u{size // 8}"), left)
    return np.asarray(np.right_shift(raised.view(kind), left + high + 1 - bits))


def padding_mask(
    stored: ArrayLike, padding_value: int, range_limit: int | None = None
) -> NDArray[np.bool_]:
    """Mark padding, on stored values, before any LUT.

    A reader that took Pixel Padding Value for unsigned where the pixels are signed gives 63536
    for -2000; such a value is read again with the sign of `stored`.

    Parameters
    ----------
    stored : integers
        Stored values with their true sign.
    padding_value, range_limit : int
        Inclusive ends of the padding, in either order.

    Returns
    -------
    bool, same shape; True where padding.

    References
    ----------
    PS3.3 C.7.5.1.1.2
    """
    found = array("stored", stored, tuple(range(9)), "u", "i")
    low, high = padding_range(found.dtype, padding_value, range_limit)
    return (found >= low) & (found <= high)


def padding_range(
    dtype: np.dtype[Any], padding_value: int, range_limit: int | None = None
) -> tuple[int, int]:
    """Return the lowest and highest padding value as integers of `dtype`'s sign."""
    ends = [whole("padding_value", padding_value, -(2**31), 2**32 - 1)]
    if range_limit is not None:
        ends.append(whole("range_limit", range_limit, -(2**31), 2**32 - 1))
    span = 2 ** (dtype.itemsize * 8)
    limits = np.iinfo(dtype)
    for index, end in enumerate(ends):
        if end > limits.max and limits.min < 0:
            ends[index] = end - span
        elif end < 0 and limits.min == 0:
            ends[index] = end + span
    return min(ends), max(ends)


def modality_values(
    stored: ArrayLike,
    modality: Rescale | Lut | Sequence[Rescale],
    padding: tuple[int, int] | None = None,
    padded_value: float = -1024.0,
    dtype: str = "float32",
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Apply the Modality LUT: HU for CT.

    Parameters
    ----------
    stored : integers or floats
    modality : Rescale, Lut, or one Rescale per item of the first axis
        (slices, or frames of an Enhanced CT)
    padding : (low, high), optional
        Stored values, inclusive, that become `padded_value` (Pixel Padding Value and Range
        Limit). Keep `padding_mask` beside the result: such voxels are in no statistic.
    dtype : "int16", "float32" or "float64"
        int16 rounds to nearest (halves to even) and clips.
    out : contiguous array of that dtype, same shape, optional
        Where to write. Asking the system for new memory takes longer than the arithmetic.

    References
    ----------
    PS3.3 C.11.1
    """
    found = array("stored", stored, tuple(range(9)))
    kind = np.dtype(choice("dtype", dtype, ("int16", "float32", "float64")))
    fill = number("padded_value", padded_value)
    if isinstance(modality, Lut | Rescale):
        items = found[None]
    else:
        items = found
        if found.ndim < 2 or len(modality) != len(found):
            raise ValueError(
                f"modality has {len(modality)} items; expected one per item of the first axis "
                f"of stored, whose shape is {found.shape}"
            )
    low, high = 1, 0  # nothing lies between
    if padding is not None:
        if found.dtype.kind not in "ui":
            raise ValueError(f"stored has dtype {found.dtype}; expected integers, to have padding")
        low, high = padding_range(found.dtype, *padding)

    if out is not None and (
        out.shape != found.shape or out.dtype != kind or not out.flags.c_contiguous
    ):
        raise ValueError(
            f"out has shape {out.shape} and dtype {out.dtype}; "
            f"expected contiguous {kind} of shape {found.shape}"
        )
    result = np.empty(items.shape, kind) if out is None else out.reshape(items.shape)
    small = found.dtype.kind in "ui" and found.dtype.itemsize <= 2
    if small and found.size and not isinstance(modality, Lut):
        pairs = [modality] if isinstance(modality, Rescale) else modality
        slopes = np.array([pair.slope for pair in pairs], np.float64)
        intercepts = np.array([pair.intercept for pair in pairs], np.float64)
        wide = np.uint16 if found.dtype.kind == "u" else np.int16
        flat = np.ascontiguousarray(items, wide).reshape(len(items), -1)
        values = result.reshape(flat.shape)
        kernel = rescale_whole if kind == np.int16 else rescale_real
        spread(kernel, len(flat), flat, slopes, intercepts, low, high, fill, values)
        return result.reshape(found.shape)
    for index, item in enumerate(items):
        pair = modality if isinstance(modality, Lut | Rescale) else modality[index]
        real = item.astype(np.float64)
        real = pair.look_up(real) if isinstance(pair, Lut) else real * pair.slope + pair.intercept
        if low <= high:
            real = np.where((item >= low) & (item <= high), fill, real)
        if kind == np.int16:
            if not np.isfinite(real).all():
                raise ValueError("stored holds NaN or infinity; expected numbers that fit int16")
            real = np.clip(np.rint(real), -32768, 32767)
        result[index] = real
    return result.reshape(found.shape)


@jit(
    *(
        f"void(i8, i8, {stored}[:,::1], f8[::1], f8[::1], i8, i8, f8, {value}[:,::1])"
        for stored in ("i2", "u2")
        for value in ("f4", "f8")
    )
)
def rescale_real(
    start: int,
    stop: int,
    stored: NDArray[Any],
    slopes: NDArray[np.float64],
    intercepts: NDArray[np.float64],
    low: int,
    high: int,
    fill: float,
    values: NDArray[Any],
) -> None:
    """``slope * stored + intercept`` per item, and `fill` for padding."""
    for item in range(start, stop):
        slope, intercept = slopes[item], intercepts[item]
        for index in range(stored.shape[1]):
            code = np.int32(stored[item, index])
            real = code * slope + intercept
            if code >= low and code <= high:
                real = fill
            values[item, index] = real


@jit(
    *(
        f"void(i8, i8, {stored}[:,::1], f8[::1], f8[::1], i8, i8, f8, i2[:,::1])"
        for stored in ("i2", "u2")
    )
)
def rescale_whole(
    start: int,
    stop: int,
    stored: NDArray[Any],
    slopes: NDArray[np.float64],
    intercepts: NDArray[np.float64],
    low: int,
    high: int,
    fill: float,
    values: NDArray[np.int16],
) -> None:
    """As `rescale_real`, rounded and clipped to int16."""
    for item in range(start, stop):
        slope, intercept = slopes[item], intercepts[item]
        for index in range(stored.shape[1]):
            code = np.int32(stored[item, index])
            real = code * slope + intercept
            if code >= low and code <= high:
                real = fill
            values[item, index] = np.int16(min(max(np.rint(real), -32768.0), 32767.0))
