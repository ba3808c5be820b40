"""The frames of one stored instance: as stored, as arrays, or in another transfer syntax."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.archive.frames import FrameTable
from dicom_node.errors import CannotDecode, NotFound
from dicom_node.pixels.decode import decode_frame
from dicom_node.pixels.description import PixelDescription
from dicom_node.pixels.encode import encode_frame

__all__ = ["Frames"]

_LITTLE_ENDIAN = frozenset(
    {ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian}
)


class Frames:
    """Frames of one instance, counted from 0.

    Parameters
    ----------
    read : callable of offset and length
        Gives bytes of the instance; raises NotFound where it has none.
    table : FrameTable
    description : PixelDescription
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        table: FrameTable,
        description: PixelDescription,
    ) -> None:
        self._read = read
        self._table = table
        self.description = description

    def __len__(self) -> int:
        return len(self._table)

    def length(self, frame: int) -> int:
        """Length of a stored frame in bytes."""
        return sum(length for _, length in self._fragments(frame))

    def stored(self, frame: int) -> bytes:
        """One frame as it is stored: a codestream, or native pixels in the stored byte order.

        Raises
        ------
        NotFound
            There is no such frame, or its bytes are missing.
        """
        fragments = self._fragments(frame)
        if self._is_swapped:
            return self._unswapped(*fragments[0])
        pieces = [self._read(offset, length) for offset, length in fragments]
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        shift = self._table.first_bit(frame)
        if self.description.is_native and self.description.frame_bits % 8:
            return _aligned(data, shift, self.description.frame_bits)
        return data

    def array(self, frame: int) -> NDArray[np.generic]:
        """One frame decoded; see `decode_frame`."""
        return decode_frame(self.stored(frame), self.description)

    def encoded(self, frame: int, transfer_syntax_uid: str) -> bytes:
        """One frame in a transfer syntax, without loss.

        Raises
        ------
        NotFound, CannotDecode, NotAcceptable
        """
        if self.is_stored_as(transfer_syntax_uid):
            return self.stored(frame)
        if transfer_syntax_uid in _LITTLE_ENDIAN and self.description.is_native:
            return self._little_endian(frame)
        return encode_frame(self.array(frame), self.description, transfer_syntax_uid)

    def is_stored_as(self, transfer_syntax_uid: str) -> bool:
        """Whether stored frames can be given for this syntax byte for byte."""
        stored = self.description.transfer_syntax_uid
        # Explicit, implicit or deflated: the pixels are the same.
        return stored == transfer_syntax_uid or {stored, transfer_syntax_uid} <= _LITTLE_ENDIAN

    def _little_endian(self, frame: int) -> bytes:
        """Native pixels with their bytes turned round; colour stays what the header says."""
        size = self.description.bits_allocated // 8
        words = np.frombuffer(self.stored(frame), f">u{max(size, 1)}")
        return words.astype(words.dtype.newbyteorder("<")).tobytes()

    @property
    def _is_swapped(self) -> bool:
        """8-bit samples in big-endian words: every pair of bytes is the wrong way round."""
        description = self.description
        return (
            description.transfer_syntax_uid == ExplicitVRBigEndian
            and description.vr == "OW"
            and description.bits_allocated == 8
        )

    def _fragments(self, frame: int) -> tuple[tuple[int, int], ...]:
        try:
            fragments = self._table.fragments(frame)
        except IndexError as error:
            raise NotFound(str(error)) from error
        if not fragments:
            raise CannotDecode(f"frame {frame + 1} has no bytes")
        return fragments

    def _unswapped(self, offset: int, length: int) -> bytes:
        before = (offset - self._table.offset) % 2
        words = self._read(offset - before, (before + length + 1) // 2 * 2)
        swapped = np.frombuffer(words, "<u2").byteswap().tobytes()
        return swapped[before : before + length]


def _aligned(data: bytes, first_bit: int, frame_bits: int) -> bytes:
    """Cut a 1-bit frame out of bytes it shares with its neighbours."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    return np.packbits(bits[first_bit : first_bit + frame_bits], bitorder="little").tobytes()
