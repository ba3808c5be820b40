"""Frames kept on disk until their turn comes."""

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Spool"]


class Spool:
    """Frames that come in another order than the file wants them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb+", buffering=1 << 20)
        self._places: dict[int, tuple[int, int]] = {}
        self.size = 0

    def add(self, number: int, frame: bytes) -> None:
        self._places[number] = (self.size, len(frame))
        self._file.write(frame)
        self.size += len(frame)

    def frames(self, count: int) -> Iterator[bytes]:
        self._file.flush()
        for number in range(count):
            offset, length = self._places[number]
            yield os.pread(self._file.fileno(), length, offset)

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
