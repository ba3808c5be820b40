"""Where the tiles of a sparse slide lie, read from the raw bytes of its header."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, whole
from kernels._jit import helper, jit

__all__ = ["scan_positions"]


def scan_positions(header: ArrayLike, start: int, stop: int, expected: int) -> NDArray[np.int32]:
    """Read each frame's column and row position out of a sparse slide's header.

    Looks for Column Position and Row Position In Total Image Pixel Matrix (0048,021E) and
    (0048,021F), VR SL of four bytes, one after the other, in explicit VR little endian. Parsing
    the same as a data set takes thousands of times as long.

    Parameters
    ----------
    header : (n,) uint8
        Bytes of a file.
    start, stop : int
        Where the Per-Frame Functional Groups Sequence lies.
    expected : int
        Number of Frames.

    Returns
    -------
    (expected, 2) int32
        Column and row, from 1.

    Raises
    ------
    ValueError
        There are not exactly `expected` pairs: parse the header instead.
    """
    found = array("header", header, (1,), "u")
    if found.dtype != np.uint8:
        raise ValueError(f"header has dtype {found.dtype}; expected uint8")
    last = whole("stop", stop, 0, len(found))
    first = whole("start", start, 0, last)
    count = whole("expected", expected, 0, 2**31 - 1)
    positions = np.empty((min(count, (last - first) // 24 + 1), 2), np.int32)
    pairs = read_positions(np.ascontiguousarray(found), first, last, positions)
    if pairs != count:
        raise ValueError(
            f"header has {pairs} frame positions between {first} and {last}; expected {count}"
        )
    return positions[:count]


@helper
def position_follows(header, at, element):  # type: ignore[no-untyped-def]
    """Tell whether (0048,02xx), VR SL, length 4 begins at `at`."""
    return (
        header[at] == 0x48
        and header[at + 1] == 0x00
        and header[at + 2] == element
        and header[at + 3] == 0x02
        and header[at + 4] == 0x53
        and header[at + 5] == 0x4C
        and header[at + 6] == 0x04
        and header[at + 7] == 0x00
    )


@helper
def little_endian(header, at):  # type: ignore[no-untyped-def]
    value = np.int64(header[at]) | np.int64(header[at + 1]) << 8
    value |= np.int64(header[at + 2]) << 16 | np.int64(header[at + 3]) << 24
    return np.int32(value - (value >> 31 << 32))


@jit("i8(u1[::1], i8, i8, i4[:,::1])")
def read_positions(
    header: NDArray[np.uint8], start: int, stop: int, positions: NDArray[np.int32]
) -> int:
    """Read pairs of elements; return how many there are, even beyond the room for them."""
    header = header[start:stop]
    pairs, free = 0, 0
    for at in range(len(header) - 23):
        if header[at] != 0x48 or header[at + 2] != 0x1E or at < free:
            continue
        if not (position_follows(header, at, 0x1E) and position_follows(header, at + 12, 0x1F)):
            continue
        if pairs < len(positions):
            positions[pairs, 0] = little_endian(header, at + 8)
            positions[pairs, 1] = little_endian(header, at + 20)
        pairs += 1
        free = at + 24
    return pairs
