"""A slide's index: a small file, mapped, in which opening a slide and finding a tile parse nothing.

::

    "HOICHAN1"   8 bytes
    format       u32 little endian
    length       u32 of the facts
    facts        JSON, UTF-8, padded with blanks to a multiple of 64 from the start
    arrays       little endian, each at a multiple of 64; the facts say where

The name of the file is the version: a hash of the instances it was made of. When more instances
come, a new file is made beside it, and who looks at the old one goes on with it.
"""

import hashlib
import json
import mmap
import os
import struct
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_node.records import InstanceRecord, ReadScope

__all__ = ["FORMAT", "FRAME", "SlideIndex", "slide_id", "version_of", "write_index"]

# Grows with every change of what is in the file or how it is worked out.
FORMAT = 3
_MAGIC = b"HOICHAN1"
_HEAD = struct.Struct("<8sII")
_ALIGNED = 64

# Where a frame's bytes are: 16 bytes. With more than one piece, `offset` is the number of its first
# one in the array "pieces" and `length` that of all.
FRAME = np.dtype([("offset", "<u8"), ("length", "<u4"), ("pieces", "<u2"), ("file", "<u2")])


def slide_id(series_instance_uid: str) -> str:
    """The name of a slide in URLs: opaque, so that no proxy's log holds an identifier."""
    return hashlib.sha256(f"hoichan slide {series_instance_uid}".encode()).hexdigest()[:32]


def version_of(study_instance_uid: str, records: Sequence[InstanceRecord]) -> str:
    """16 hexadecimal digits that name exactly these instances of a study."""
    content = sorted((one.sop_instance_uid, one.sha256) for one in records)
    text = json.dumps([FORMAT, study_instance_uid, content])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class SlideIndex:
    """An index, open. Safe for many threads.

    Attributes
    ----------
    facts : dict
        What the slide's JSON is made of, and where the arrays are.
    frames : (n,) `FRAME`
    pieces : (m, 2) uint64
        Offset and length of the fragments of frames that have several.
    grids : list of (paths, planes, rows, columns) int32
        One a level; see `dicom_node.slides.levels`.
    """

    def __init__(self, path: Path) -> None:
        """Map a file. Raises ValueError when it is no index of this format, and OSError."""
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, number, length = _HEAD.unpack(self._map[: _HEAD.size].ljust(_HEAD.size))
        if magic != _MAGIC or number != FORMAT:
            raise ValueError("the file is no slide index of this format")
        facts: dict[str, Any] = json.loads(self._map[_HEAD.size : _HEAD.size + length])
        self.facts = facts
        self.frames = self.array("frames")
        self.pieces = self.array("pieces")
        self.grids = [self.array(f"grid {level}") for level in range(len(facts["levels"]))]

    def array(self, name: str) -> NDArray[Any]:
        """One of the arrays; it stays valid as long as it is used."""
        offset, kind, shape = self.facts["arrays"][name]
        dtype = FRAME if kind == "frame" else np.dtype(kind)
        count = int(np.prod(shape))
        return np.frombuffer(self._map, dtype, count, offset).reshape(shape)

    @property
    def slide(self) -> str:
        return str(self.facts["slide"])

    @property
    def version(self) -> str:
        return str(self.facts["version"])

    @property
    def study_instance_uid(self) -> str:
        return str(self.facts["study_instance_uid"])

    @property
    def series_instance_uid(self) -> str:
        return str(self.facts["series_instance_uid"])

    def is_in(self, scope: ReadScope) -> bool:
        """Whether the caller may see the slide at all."""
        return scope.covers(self.study_instance_uid, self.facts["site"])

    def frame(self, level: int, path: int, plane: int, column: int, row: int) -> int:
        """The number of the frame at a place, `BLANK` or `NOT_RECEIVED`.

        Raises
        ------
        IndexError
            There is no such place.
        """
        place = path, plane, row, column
        # A negative index would count from the end.
        if level < 0 or min(place) < 0:
            raise IndexError("places count from 0")
        return int(self.grids[level][place])


def write_index(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an index under its final name, whole or not at all."""
    places: dict[str, Any] = {}
    facts = {**facts, "arrays": places}
    # The places are part of the text that they come behind; leave room for the longest numbers.
    offset = (1 << 40) * _ALIGNED
    for name, array in arrays.items():
        kind = "frame" if array.dtype == FRAME else array.dtype.newbyteorder("<").str
        places[name] = [offset, kind, list(array.shape)]
    room = _aligned(_HEAD.size + len(_encoded(facts)))
    offset = room
    for name, array in arrays.items():
        places[name][0] = offset
        offset = _aligned(offset + array.nbytes)
    text = _encoded(facts)
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(_HEAD.pack(_MAGIC, FORMAT, len(text)) + text)
            for name, array in arrays.items():
                file.write(b" " * (places[name][0] - file.tell()))
                little = array if array.dtype == FRAME else array.astype(places[name][1])
                file.write(np.ascontiguousarray(little).tobytes())
            file.flush()
            # After a power cut the name must not stand for half of it.
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _encoded(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNED) * _ALIGNED
