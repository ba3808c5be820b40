"""What a kernel says of a bad argument: its name, its shape or value, and what was expected."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["array", "choice", "finite_array", "number", "positive", "room", "whole"]

MOST_BYTES = 4 * 10**9  # what one result may take; more is a broken header, not an image


def array(name: str, value: ArrayLike, dimensions: Sequence[int], *kinds: str) -> NDArray[Any]:
    """Return `value` as an array of one of the `dimensions` and dtype `kinds` ("b", "u", "i", "f").

    No kinds: any real number or boolean will do. The result is aligned and in the machine's
    byte order, as kernels need it.
    """
    found = np.asarray(value)
    if found.ndim not in dimensions:
        wanted = " or ".join(f"{dimension}-D" for dimension in dimensions)
        raise ValueError(f"{name} has shape {found.shape}; expected a {wanted} array")
    allowed = "".join(kinds) or "buif"
    if found.dtype.kind not in allowed:
        names = {"b": "boolean", "u": "unsigned", "i": "signed", "f": "floating point"}
        wanted = " or ".join(names[kind] for kind in allowed)
        raise ValueError(f"{name} has dtype {found.dtype}; expected {wanted} numbers")
    native = found.astype(found.dtype.newbyteorder("="), copy=False)
    return np.require(native, requirements="A")


def finite_array(
    name: str, value: ArrayLike, shape: Sequence[int | None], dtype: DTypeLike = np.float64
) -> NDArray[Any]:
    """Return `value` as a finite array of `shape`, where None stands for any length."""
    found = np.asarray(value)
    fits = found.ndim == len(shape) and all(
        wanted in (None, length) for wanted, length in zip(shape, found.shape, strict=True)
    )
    if not fits or found.dtype.kind not in "buif":
        wanted = ", ".join("n" if length is None else str(length) for length in shape)
        raise ValueError(
            f"{name} has shape {found.shape} and dtype {found.dtype}; "
            f"expected ({wanted}) finite numbers"
        )
    found = found.astype(dtype, copy=False)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds NaN or infinity; expected finite numbers")
    return found


def number(name: str, value: float) -> float:
    """Return `value` as a finite float."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = float("nan")
    if not np.isfinite(found):
        raise ValueError(f"{name} is {value!r}; expected a finite number")
    return found


def positive(name: str, value: float) -> float:
    """Return `value` as a finite float above zero."""
    found = number(name, value)
    if found <= 0:
        raise ValueError(f"{name} is {value!r}; expected a number above 0")
    return found


def whole(name: str, value: float, least: int, most: int | None = None) -> int:
    """Return `value` as an int between `least` and `most`."""
    try:
        fits = int(value) == value and value >= least and (most is None or value <= most)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        limit = f"{least} or more" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} is {value!r}; expected a whole number, {limit}")
    return int(value)


def choice(name: str, value: str, choices: Sequence[str]) -> str:
    """Return `value` if it is one of the `choices`."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(choices)}")
    return value


def room(name: str, shape: Sequence[float], itemsize: int) -> tuple[int, ...]:
    """Return `shape` if an array of it can be meant: positive, and within `MOST_BYTES`."""
    lengths = tuple(whole(name, length, 0) for length in shape)
    size = itemsize
    for length in lengths:
        size *= length
    if size > MOST_BYTES:
        raise ValueError(f"{name} is {lengths}, {size} bytes; expected at most {MOST_BYTES} bytes")
    return lengths
