"""Which blocks of an arriving file are wanted first, so that reading can begin early.

Of a TIFF: its head and directories, wherever they lie; a tile of every level, from which a reader
knows the coding; label and overview; then the levels from the smallest to the largest. Of anything
else, front to back. The bytes come from strangers: every offset and count is checked before it is
believed, every list has an end, and each directory is read once.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dicom_node.conversion.blocks import Absent, SparseFile

__all__ = ["LEAST_PREVIEW_MPP", "Plan", "make_plan", "with_wishes"]

# 10 micrometres a pixel are called 1x: this is 10x, and what scanners round to it.
LEAST_PREVIEW_MPP = 0.9
# Where nobody says how large a pixel is: a scan at 40x, or one that is seen at less.
_USUAL_FACTOR = 3.5
_MOST_DIRECTORIES = 512
_MOST_ENTRIES = 512
_MOST_TILES = 1 << 22
_MOST_SIZES = 32  # of levels
_MOST_READ = 256 << 20  # of all directories and their values together
_LARGEST_PICTURE = 8 << 20  # coded
# Every so-many-th block goes by the plan, whatever readers wish.
_PLANNED_EVERY = 4
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_WHOLE = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_WIDTH, _HEIGHT, _DESCRIPTION = 256, 257, 270
_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 273, 279, 324, 325
_X_RESOLUTION, _RESOLUTION_UNIT, _SUB_DIRECTORIES = 282, 296, 330
_MICROMETRES_A_UNIT = {2: 25400.0, 3: 10000.0}
_PLAUSIBLE_MPP = (0.02, 50.0)
_SAID_MPP = (
    (re.compile(rb"\bMPP {0,4}= {0,4}([0-9.]{1,20})"), 1.0),
    (re.compile(rb'\bPhysicalSizeX="([0-9.eE+-]{1,20})"'), 1.0),
    (re.compile(rb'"DICOM_PIXEL_SPACING"[^>]{0,99}>[^0-9<]{0,9}([0-9.eE+-]{1,20})'), 1000.0),
)


@dataclass(frozen=True)
class Plan:
    """Blocks in the order they are wanted.

    Attributes
    ----------
    order : (n,) int64
        Numbers of blocks, each once; all of the file when `is_settled`.
    steps : tuple of int
        So many at the beginning of `order` hold all levels up to 10x, so many the next larger
        level too, and so on; without the largest, which is there at the end. None when nobody
        knows what is 10x, or when that is the largest.
    is_settled : bool
        Nothing that comes can change the plan.
    """

    order: NDArray[np.int64]
    steps: tuple[int, ...] = ()
    is_settled: bool = True

    @property
    def readable(self) -> int:
        """How many blocks make the levels up to 10x; 0 when nobody knows."""
        return self.steps[0] if self.steps else 0

    def reached(self, here: NDArray[np.bool_]) -> int:
        """How many of the steps have come, by which blocks have."""
        return sum(bool(here[self.order[:step]].all()) for step in self.steps)


@dataclass
class _Directory:
    """What a directory of a TIFF says of its image."""

    width: int
    height: int
    is_tiled: bool
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    mpp: float

    @property
    def pixels(self) -> int:
        return self.width * self.height


def make_plan(file: SparseFile, mpp: float = 0.0) -> Plan:
    """Plan with what has come of a file.

    Parameters
    ----------
    mpp : float
        Micrometres a pixel, when the sender says so; 0 leaves it to the file.
    """
    walk = _Walk(file)
    try:
        directories = list(walk.directories())
    except Absent as absent:
        wanted = [walk.blocks, _blocks(file, absent.offset, absent.length)]
        return Plan(_distinct(wanted), is_settled=False)
    except (ValueError, struct.error):  # no TIFF, or one that nobody needs to understand
        return Plan(np.arange(file.blocks.count))
    return _ordered(file, walk.blocks, directories, mpp)


def with_wishes(
    planned: Sequence[int], wishes: Sequence[Sequence[int]], come: int, most: int
) -> list[int]:
    """The blocks to ask for next: what readers wish, by turns, and the plan, which never starves.

    Parameters
    ----------
    planned : sequence of int
        What is missing, in the plan's order.
    wishes : sequence of sequence of int
        Of each reader, what is missing of the place under the eye, most wanted first.
    come : int
        How many blocks are here. It says whose turn it is, so nobody has to remember.
    most : int
        How many to name.
    """
    queues = [list(one) for one in (planned, *wishes)]
    found: list[int] = []
    turn = come
    while len(found) < most and any(queues):
        readers = [queue for queue in queues[1:] if queue]
        if not readers or (queues[0] and turn % _PLANNED_EVERY == _PLANNED_EVERY - 1):
            number = queues[0].pop(0)
        else:
            # Turns of the plan are no reader's.
            number = readers[(turn - turn // _PLANNED_EVERY) % len(readers)].pop(0)
        if number not in found:
            found.append(number)
            turn += 1
    return found


def _ordered(
    file: SparseFile, head: NDArray[np.int64], directories: list[_Directory], mpp: float
) -> Plan:
    levels = sorted((one for one in directories if one.is_tiled), key=lambda one: -one.pixels)
    pictures = [one for one in directories if not one.is_tiled]
    small = [one for one in pictures if int(one.lengths.sum()) <= _LARGEST_PICTURE]
    first = [head, *(_first_tile(file, one) for one in levels), *(_all(file, one) for one in small)]
    order = _distinct(first)
    steps: list[int] = []
    sizes = sorted({one.pixels for one in levels})
    for pixels in sizes if len(sizes) <= _MOST_SIZES else []:
        # A level may have a directory for each channel.
        same = [one for one in levels if one.pixels == pixels]
        order = _distinct([order, *(_all(file, one) for one in same)])
        if pixels < sizes[-1] and _is_early(same[0], levels[0], mpp):
            steps = [len(order)]
        elif pixels < sizes[-1] and steps:
            steps.append(len(order))
    order = _distinct([order, np.arange(file.blocks.count)])
    return Plan(order, tuple(step for step in steps if step < len(order)))


def _is_early(level: _Directory, base: _Directory, mpp: float) -> bool:
    """Whether a level is one of those up to 10x, and the largest is not."""
    native = mpp or base.mpp
    least = LEAST_PREVIEW_MPP / native if native else _USUAL_FACTOR
    return least > 1 and base.width / level.width >= least


class _Walk:
    """Goes through the directories of a TIFF (TIFF 6.0 section 2; BigTIFF)."""

    def __init__(self, file: SparseFile) -> None:
        self.file = file
        self._seen: set[int] = set()
        self._needed: list[tuple[int, int]] = [(0, 1)]
        self._read_bytes = 0
        self._tiles = 0
        self._order = "<"
        self._is_big = False

    @property
    def blocks(self) -> NDArray[np.int64]:
        """What holds the directories met so far, and their values."""
        offsets, lengths = np.array(self._needed, np.int64).T
        return self.file.blocks.of(offsets, lengths)

    def directories(self) -> Iterator[_Directory]:
        """Every directory once. Raises Absent, and ValueError for what is no TIFF."""
        head = self._read(0, min(16, self.file.size))
        self._order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        if not self._order or len(head) < 8:
            raise ValueError("no TIFF")
        (version,) = struct.unpack_from(f"{self._order}H", head, 2)
        self._is_big = version == 43
        if version not in (42, 43) or (self._is_big and len(head) < 16):
            raise ValueError("no TIFF")
        (start,) = struct.unpack_from(
            self._order + ("Q" if self._is_big else "I"), head, 8 if self._is_big else 4
        )
        waiting = [start]
        while waiting:
            at = waiting.pop(0)
            if not at or at in self._seen:
                continue
            if len(self._seen) >= _MOST_DIRECTORIES:
                raise ValueError("too many directories")
            self._seen.add(at)
            entries, following = self._entries(at)
            children = self._whole(entries, _SUB_DIRECTORIES, _MOST_DIRECTORIES)
            waiting += [following, *(int(one) for one in children)]
            found = self._directory(entries)
            if found is not None:
                yield found

    def _entries(self, at: int) -> tuple[dict[int, tuple[int, int, bytes]], int]:
        """Tag to kind, count and the bytes of its value or offset; and the next directory."""
        counts, size, step = ("Q", 8, 20) if self._is_big else ("H", 2, 12)
        (count,) = struct.unpack(self._order + counts, self._read(at, size))
        if not 0 < count <= _MOST_ENTRIES:
            raise ValueError("a directory of that many entries")
        inline = 8 if self._is_big else 4
        body = self._read(at + size, count * step + inline)
        entries: dict[int, tuple[int, int, bytes]] = {}
        for number in range(count):
            form = "HHQ" if self._is_big else "HHI"
            tag, kind, values = struct.unpack_from(self._order + form, body, number * step)
            value = body[(number + 1) * step - inline : (number + 1) * step]
            entries.setdefault(tag, (kind, values, value))
            length = _SIZES.get(kind, 1) * values
            if length > inline:
                offset = self._offset(value)
                if offset + length <= self.file.size:
                    self._needed.append((offset, length))
        (following,) = struct.unpack(self._order + ("Q" if self._is_big else "I"), body[-inline:])
        return entries, following

    def _directory(self, entries: dict[int, tuple[int, int, bytes]]) -> _Directory | None:
        width, height = (self._number(entries, tag) for tag in (_WIDTH, _HEIGHT))
        is_tiled = _TILES in entries
        tags = (_TILES, _TILE_BYTES) if is_tiled else (_STRIPS, _STRIP_BYTES)
        offsets, lengths = (self._whole(entries, tag, _MOST_TILES) for tag in tags)
        self._tiles += len(offsets)
        if width < 1 or height < 1 or len(offsets) != len(lengths) or not len(offsets):
            return None
        if self._tiles > _MOST_TILES:
            raise ValueError("too many tiles")
        return _Directory(width, height, is_tiled, offsets, lengths, self._mpp(entries))

    def _mpp(self, entries: dict[int, tuple[int, int, bytes]]) -> float:
        """Micrometres a pixel, as the file says; 0 when it does not."""
        said = self._value(entries, _DESCRIPTION)
        for pattern, scale in _SAID_MPP:
            match = pattern.search(said)
            if match and (found := _plausible(match[1].decode("ascii"), scale)):
                return found
        unit = _MICROMETRES_A_UNIT.get(self._number(entries, _RESOLUTION_UNIT), 0.0)
        value = self._value(entries, _X_RESOLUTION)
        if len(value) < 8 or not unit:
            return 0.0
        above, below = struct.unpack_from(self._order + "II", value)
        return _plausible(str(unit * below / above), 1.0) if above else 0.0

    def _number(self, entries: dict[int, tuple[int, int, bytes]], tag: int) -> int:
        values = self._whole(entries, tag, 16)
        return int(values[0]) if len(values) else 0

    def _whole(
        self, entries: dict[int, tuple[int, int, bytes]], tag: int, most: int
    ) -> NDArray[np.int64]:
        kind, count, _ = entries.get(tag, (0, 0, b""))
        if kind not in _WHOLE:
            return np.zeros(0, np.int64)
        if count > most:
            raise ValueError("a list of that many numbers")
        values = np.frombuffer(self._value(entries, tag), self._order + _WHOLE[kind], count)
        # An offset beyond 63 bits is in no file: it becomes negative, and belongs to no block.
        return values.astype(np.uint64).view(np.int64)

    def _value(self, entries: dict[int, tuple[int, int, bytes]], tag: int) -> bytes:
        kind, count, value = entries.get(tag, (0, 0, b""))
        length = _SIZES.get(kind, 1) * count
        if length <= len(value):
            return value[:length]
        return self._read(self._offset(value), length)

    def _offset(self, value: bytes) -> int:
        (offset,) = struct.unpack(self._order + ("Q" if self._is_big else "I"), value)
        return int(offset)

    def _read(self, offset: int, length: int) -> bytes:
        self._read_bytes += length
        if self._read_bytes > _MOST_READ:
            raise ValueError("directories of that many bytes")
        data = self.file.read(offset, length)
        self._needed.append((offset, length))
        return data


def _plausible(text: str, scale: float) -> float:
    try:
        value = float(text) * scale
    except ValueError:
        return 0.0
    return value if _PLAUSIBLE_MPP[0] <= value <= _PLAUSIBLE_MPP[1] else 0.0


def _first_tile(file: SparseFile, directory: _Directory) -> NDArray[np.int64]:
    """The blocks of the first tile that has bytes."""
    first = np.flatnonzero(directory.lengths > 0)[:1]
    return file.blocks.of(directory.offsets[first], directory.lengths[first])


def _all(file: SparseFile, directory: _Directory) -> NDArray[np.int64]:
    return file.blocks.of(directory.offsets, directory.lengths)


def _blocks(file: SparseFile, offset: int, length: int) -> NDArray[np.int64]:
    return file.blocks.of(np.array([offset], np.int64), np.array([length], np.int64))


def _distinct(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Every number once, where it first comes."""
    every = np.concatenate(parts)
    _, first = np.unique(every, return_index=True)
    return every[np.sort(first)]
