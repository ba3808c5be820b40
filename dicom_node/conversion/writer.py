"""A Part 10 file with encapsulated frames, written as the frames come (PS3.5 A.4, PS3.3 C.7.6.3).

The table of offsets comes before the frames, so its place is kept free and filled in at the end:
the Basic Offset Table while 32 bits reach, the Extended Offset Table beyond.
"""

import os
import struct
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dicom_node.part10 import FileMeta, encode_meta

__all__ = ["LARGEST_BASIC_TABLE_BYTES", "write_instance"]

# Offsets are counted from the first frame's item; those of the Basic Offset Table have 32 bits.
LARGEST_BASIC_TABLE_BYTES = 2**32 - 1
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
_BLOCK = 4 << 20


def write_instance(
    path: Path,
    ds: Dataset,
    transfer_syntax_uid: str,
    frames: Iterable[bytes],
    count: int,
    largest_bytes: int,
    *,
    basic_table_bytes: int = LARGEST_BASIC_TABLE_BYTES,
) -> int:
    """Write a new file and return how many bytes its frames take.

    Parameters
    ----------
    ds : Dataset
        All but the pixel data.
    frames : iterable of bytes
        In the order of the standard; each becomes one fragment.
    count : int
        How many there will be.
    largest_bytes : int
        What they cannot exceed together; decides which table is written.

    Raises
    ------
    ValueError
        Another number of frames came, or more bytes than promised.
    OSError
    """
    extended = largest_bytes + 9 * count > basic_table_bytes
    meta = FileMeta(str(ds.SOPClassUID), str(ds.SOPInstanceUID), transfer_syntax_uid)
    head = BytesIO()
    head.write(encode_meta(meta))
    head.write(_encoded(ds))
    table_at, lengths_at = _write_tables(head, count, extended)
    offsets = np.zeros(count, np.uint64 if extended else np.uint32)
    lengths = np.zeros(count, np.uint64)
    with path.open("xb", buffering=_BLOCK) as file:
        file.write(head.getvalue())
        position = number = 0
        for frame in frames:
            if number == count:
                raise ValueError(f"more than {count} frames came")
            padded = len(frame) + len(frame) % 2
            offsets[number], lengths[number] = position, len(frame)
            file.write(_ITEM + struct.pack("<I", padded))
            file.write(frame)
            if padded != len(frame):
                file.write(b"\0")
            position += 8 + padded
            number += 1
        if number != count:
            raise ValueError(f"{number} frames came, expected {count}")
        if not extended and position > basic_table_bytes:
            raise ValueError("the frames outgrew their offset table")
        file.write(_DELIMITER)
        file.seek(table_at)
        file.write(offsets.astype(offsets.dtype.newbyteorder("<")).tobytes())
        if extended:
            file.seek(lengths_at)
            file.write(lengths.astype("<u8").tobytes())
        file.flush()
        os.fsync(file.fileno())
    return int(lengths.sum())


def _write_tables(head: BytesIO, count: int, extended: bool) -> tuple[int, int]:
    """Write what precedes the first frame; return where offsets and lengths belong."""
    lengths_at = 0
    if extended:
        head.write(b"\xe0\x7f\x01\x00OV\0\0" + struct.pack("<I", 8 * count))
        table_at = head.tell()
        head.write(bytes(8 * count))
        head.write(b"\xe0\x7f\x02\x00OV\0\0" + struct.pack("<I", 8 * count))
        lengths_at = head.tell()
        head.write(bytes(8 * count))
    head.write(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff")
    head.write(_ITEM + struct.pack("<I", 0 if extended else 4 * count))
    if not extended:
        table_at = head.tell()
        head.write(bytes(4 * count))
    return table_at, lengths_at


def _encoded(ds: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, ds)
    return bytes(buffer.getvalue())
