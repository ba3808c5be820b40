"""Arrays as callers may hand them over: strided, reversed, locked, of foreign byte order."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["guises"]


def guises(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield `values` again and again, equal in every element, each time laid out otherwise."""
    yield values
    locked = values.copy()
    locked.setflags(write=False)
    yield locked
    yield np.asfortranarray(values)
    room = np.zeros([2 * length for length in values.shape], values.dtype)
    spaced = room[tuple(slice(None, None, 2) for _ in values.shape)]
    spaced[...] = values
    yield spaced
    backwards = tuple(slice(None, None, -1) for _ in values.shape)
    yield values[backwards].copy()[backwards]
    yield values.astype(values.dtype.newbyteorder())
    misaligned = np.zeros(values.nbytes + 1, np.uint8)[1:].view(values.dtype)
    misaligned = misaligned.reshape(values.shape)
    misaligned[...] = values
    yield misaligned
