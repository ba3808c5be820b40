"""A file that comes in blocks, in any order: which of them are here, and reading no others."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK_BYTES", "Absent", "Blocks", "SparseFile", "block_bytes_for"]

BLOCK_BYTES = 1 << 20
SMALLEST_BLOCK_BYTES = 1 << 16
# Directories, pictures and levels begin within blocks: of so many, these are a small part.
_USUAL_COUNT = 256


def block_bytes_for(size: int) -> int:
    """How large the blocks of a file are cut: 1 MiB, of smaller files a power of two below."""
    block_bytes = BLOCK_BYTES
    while block_bytes > SMALLEST_BLOCK_BYTES and size < block_bytes * _USUAL_COUNT:
        block_bytes //= 2
    return block_bytes


class Absent(Exception):
    """Bytes were asked for that have not come."""

    def __init__(self, offset: int, length: int) -> None:
        super().__init__(f"{length} bytes at {offset} have not come")
        self.offset = offset
        self.length = length


class Blocks:
    """Which blocks of a file have come: one byte each, in a file of their own.

    A byte a block, not a bit, so that two requests never write the same byte.

    Parameters
    ----------
    path : Path
        The file of bytes.
    size : int
        Of the whole file, in bytes; the last block may be shorter.
    """

    def __init__(self, path: Path, size: int, block_bytes: int) -> None:
        self.path = path
        self.size = size
        self.block_bytes = block_bytes
        self.count = -(-size // block_bytes)

    def begin(self) -> None:
        """Make the file: nothing has come."""
        self.path.write_bytes(bytes(self.count))

    def length(self, number: int) -> int:
        """How many bytes a block has. Raises IndexError."""
        if not 0 <= number < self.count:
            raise IndexError("the file has no such block")
        return min(self.block_bytes, self.size - number * self.block_bytes)

    def take(self, number: int) -> None:
        """Say, durably, that a block is here; its bytes must be on the disk before."""
        self.length(number)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, b"\1", number)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @property
    def here(self) -> NDArray[np.bool_]:
        """(count,): which blocks have come."""
        found = np.fromfile(self.path, np.uint8, self.count)
        return np.pad(found, (0, self.count - len(found))).astype(bool)

    def received_bytes(self, here: NDArray[np.bool_]) -> int:
        """Bytes of the blocks that have come."""
        short = self.count * self.block_bytes - self.size
        return int(here.sum()) * self.block_bytes - (short if self.count and here[-1] else 0)

    def of(self, offsets: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """The blocks that ranges of bytes lie in, ascending, each once.

        Ranges beyond the file, empty ones and negative ones have none. Takes as long as there are
        ranges and blocks, however many blocks each range claims.
        """
        ends = offsets + lengths
        is_inside = (offsets >= 0) & (lengths > 0) & (ends <= self.size) & (ends > offsets)
        first = offsets[is_inside] // self.block_bytes
        last = (ends[is_inside] - 1) // self.block_bytes
        begin = np.bincount(first, minlength=self.count + 1)
        end = np.bincount(last + 1, minlength=self.count + 1)
        return np.flatnonzero(np.cumsum(begin - end)[: self.count] > 0)


class SparseFile:
    """Reads of a file what has come. Use it in a ``with`` statement."""

    def __init__(self, path: Path, blocks: Blocks) -> None:
        self.blocks = blocks
        self.here = blocks.here
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> "SparseFile":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @property
    def size(self) -> int:
        return self.blocks.size

    def read(self, offset: int, length: int) -> bytes:
        """These bytes.

        Raises
        ------
        Absent
        ValueError
            The file ends before.
        """
        if offset < 0 or length < 0 or offset + length > self.size:
            raise ValueError("the file has no such bytes")
        first = offset // self.blocks.block_bytes
        last = (offset + max(length, 1) - 1) // self.blocks.block_bytes
        if not self.here[first : last + 1].all():
            raise Absent(offset, length)
        return os.pread(self._descriptor, length, offset)
