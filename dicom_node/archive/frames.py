"""Where each frame is: offset and length, known from ingest, so that serving one parses nothing.

Encapsulated pixel data are a run of fragments, and a frame is one or more of them (PS3.5 A.4).
Native pixel data are computed.
"""

import json
import struct
import zlib
from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_node.archive.header import Buffer, Header, PixelData, first_value
from dicom_node.part10 import DEFLATED, EXPLICIT_BIG_ENDIAN

__all__ = ["FrameTable", "frame_table"]

_FLOATS = {"7FE00008": 32, "7FE00009": 64}


@dataclass(frozen=True, slots=True)
class FrameTable:
    """Frames of one instance, counted from 0. All offsets and lengths are bytes.

    Offsets count from the start of the file or, when `deflated`, from the start of the inflated
    data set; `Archive.read` takes both.

    Attributes
    ----------
    encapsulated : bool
        Fragments hold compressed frames, else native pixels.
    deflated : bool
    frame_bits : int
        Native only: bits of one frame. A 1-bit frame may begin within a byte: see `first_bit`.
    offset, length : int
        The whole value of Pixel Data.
    """

    number_of_frames: int = 0
    encapsulated: bool = False
    deflated: bool = False
    frame_bits: int = 0
    offset: int = 0
    length: int = 0
    _offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    _lengths: "array[int]" = field(default_factory=lambda: array("Q"))
    _first: "array[int]" = field(default_factory=lambda: array("Q"))  # first fragment per frame

    def __len__(self) -> int:
        return self.number_of_frames

    def fragments(self, frame: int) -> tuple[tuple[int, int], ...]:
        """Return ``(offset, length)`` of each piece of a frame; native frames have one.

        Raises
        ------
        IndexError
            There is no such frame, or its bytes are missing from a truncated instance.
        """
        if not 0 <= frame < self.number_of_frames:
            raise IndexError(f"there is no frame {frame + 1}")
        if self.encapsulated:
            last = self._first[frame + 1] if frame + 1 < len(self._first) else len(self._offsets)
            places = range(self._first[frame], last)
            return tuple((self._offsets[place], self._lengths[place]) for place in places)
        begin, end = frame * self.frame_bits // 8, -(-(frame + 1) * self.frame_bits // 8)
        if end > self.length:
            raise IndexError(f"frame {frame + 1} is cut off")
        return ((self.offset + begin, end - begin),)

    def arrays(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
        """Return offsets and lengths of all fragments, and which of them begins each frame.

        For those who need every frame of an instance that has very many. A frame goes up to where
        the next begins. Native frames are one fragment each, also where their bytes are missing.
        """
        if self.encapsulated:
            return (
                np.frombuffer(self._offsets, np.uint64),
                np.frombuffer(self._lengths, np.uint64),
                np.frombuffer(self._first, np.int64),
            )
        number = np.arange(self.number_of_frames, dtype=np.int64)
        begin = number * self.frame_bits // 8
        end = -(-(number + 1) * self.frame_bits // 8)
        return (begin + self.offset).astype(np.uint64), (end - begin).astype(np.uint64), number

    def first_bit(self, frame: int) -> int:
        """Return how many bits of the first byte belong to the frame before (native, 1-bit)."""
        return 0 if self.encapsulated else frame * self.frame_bits % 8

    def to_bytes(self) -> bytes:
        """Pack for the index."""
        facts = [
            self.number_of_frames,
            self.encapsulated,
            self.deflated,
            self.frame_bits,
            self.offset,
            self.length,
            len(self._offsets),
            len(self._first),
        ]
        head = json.dumps(facts).encode()
        if not self.encapsulated:
            return head
        packer = zlib.compressobj(1)
        packed = [packer.compress(part) for part in (self._offsets, self._lengths, self._first)]
        return b"".join([head, b"\n", *packed, packer.flush()])

    @classmethod
    def from_bytes(cls, packed: bytes) -> "FrameTable":
        """Unpack what `to_bytes` made."""
        head, _, arrays = packed.partition(b"\n")
        count, encapsulated, deflated, bits, offset, length, fragments, frames = json.loads(head)
        offsets, lengths, first = array("Q"), array("Q"), array("Q")
        if arrays:
            raw = zlib.decompress(arrays)
            offsets.frombytes(raw[: 8 * fragments])
            lengths.frombytes(raw[8 * fragments : 16 * fragments])
            first.frombytes(raw[16 * fragments : 16 * fragments + 8 * frames])
        return cls(count, encapsulated, deflated, bits, offset, length, offsets, lengths, first)


def frame_table(buffer: Buffer, header: Header, transfer_syntax_uid: str) -> FrameTable:
    """Locate the frames of the instance whose `header` was read from `buffer`."""
    pixel_data = header.pixel_data
    if pixel_data is None:
        return FrameTable()
    count = max(1, _number(header.dicom_json, "00280008"))
    if not pixel_data.encapsulated:
        return FrameTable(
            count,
            False,
            transfer_syntax_uid in DEFLATED,
            _frame_bits(header.dicom_json),
            pixel_data.offset,
            pixel_data.length,
        )
    order = ">" if transfer_syntax_uid == EXPLICIT_BIG_ENDIAN else "<"
    if transfer_syntax_uid in DEFLATED:  # JPIP: the provider holds the pixels, not we
        return FrameTable()
    offsets, lengths = (part[1:] for part in pixel_data.items)
    if len(offsets) == count:  # a fragment a frame, as nearly always: no table need be read
        first = array("Q", range(count))
    else:
        starts = _extended(buffer, header, order) or _basic_offsets(buffer, pixel_data, order)
        first = array("Q", _first_fragments(buffer, offsets, lengths, count, starts))
    return FrameTable(
        len(first),
        True,
        False,
        0,
        pixel_data.offset,
        pixel_data.length,
        offsets,
        lengths,
        first,
    )


def _number(dicom_json: dict[str, Any], tag: str) -> int:
    value = first_value(dicom_json, tag)
    return value if isinstance(value, int) else 0


def _frame_bits(dicom_json: dict[str, Any]) -> int:
    rows, columns = _number(dicom_json, "00280010"), _number(dicom_json, "00280011")
    samples = max(1, _number(dicom_json, "00280002"))
    bits = next((_FLOATS[tag] for tag in _FLOATS if tag in dicom_json), 0)
    bits = bits or _number(dicom_json, "00280100")
    if samples == 3 and first_value(dicom_json, "00280004") == "YBR_FULL_422":
        samples = 2  # two chrominance samples per pair of pixels (PS3.3 C.7.6.3.1.2)
    return rows * columns * samples * bits


def _basic_offsets(buffer: Buffer, pixel_data: PixelData, order: str) -> list[int]:
    """Return the Basic Offset Table: where each frame begins, from the first fragment's item."""
    places, lengths = pixel_data.items
    if not places:
        return []
    return list(struct.unpack_from(f"{order}{lengths[0] // 4}I", buffer, places[0]))


def _extended(buffer: Buffer, header: Header, order: str) -> list[int]:
    """Return the Extended Offset Table (PS3.3 C.7.6.3.1.8), or nothing."""
    if header.extended_offsets is None:
        return []
    offset, length = header.extended_offsets
    return list(struct.unpack_from(f"{order}{length // 8}Q", buffer, offset))


def _first_fragments(
    buffer: Buffer,
    offsets: "array[int]",
    lengths: "array[int]",
    count: int,
    starts: list[int],
) -> list[int]:
    """Return which fragment begins each frame, of frames that have several."""
    if count == 1:
        return [0] if offsets else []
    if len(starts) == count and offsets:
        # Tables count from the first fragment's item tag.
        places = {offset - offsets[0]: number for number, offset in enumerate(offsets)}
        if all(start in places for start in starts):
            return [places[start] for start in starts]
    # No usable table: a frame ends where a fragment ends with an end-of-image marker.
    first = [0] if offsets else []
    for number in range(len(offsets) - 1):
        end = offsets[number] + lengths[number]
        if bytes(buffer[end - 3 : end]).rstrip(b"\x00").endswith(b"\xff\xd9"):
            first.append(number + 1)
    return first[:count]
