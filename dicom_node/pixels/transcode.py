"""A whole instance in another transfer syntax, as a stream (PS3.10 7, PS3.5 A).

Pixels go one frame at a time, so that a slide of gigabytes never is in memory. Everything else
goes through pydicom. The SOP Instance UID stays: no value of a pixel changes.
"""

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import dcmread
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.errors import CannotDecode, NotAcceptable
from dicom_node.part10 import FileMeta, encode_meta
from dicom_node.pixels.description import PixelDescription
from dicom_node.pixels.encode import TARGETS, can_transcode, photometric_interpretation
from dicom_node.pixels.frames import Frames

__all__ = ["can_transcode_instance", "transcoded"]

_PIXEL_TAGS = {"PixelData": 0x0010, "FloatPixelData": 0x0008, "DoubleFloatPixelData": 0x0009}
_UNDEFINED = 0xFFFFFFFF
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"


def can_transcode_instance(frames: Frames | None, target: str) -> bool:
    """Whether an instance can be written in `target`; `frames` is None when it has no pixels."""
    if frames is None:
        return target == ExplicitVRLittleEndian
    return target in TARGETS and can_transcode(frames.description, target)


def transcoded(path: Path, frames: Frames | None, target: str) -> Iterator[bytes]:
    """Yield the Part 10 file of an instance in the transfer syntax `target`.

    The first piece comes only when header and first frame are known to work.

    Raises
    ------
    CannotDecode
        Pixels or data set are broken.
    NotAcceptable
        This instance cannot be written so.
    """
    if not can_transcode_instance(frames, target):
        raise NotAcceptable(f"the instance cannot be given in transfer syntax {target}")
    dataset = dcmread(path, stop_before_pixels=frames is not None, force=True)
    if frames is None:
        yield _header(dataset, target)
        return
    description = frames.description
    # The offset tables of the stored encoding say nothing of the new one.
    for tag in (0x7FE00001, 0x7FE00002):
        dataset.pop(tag, None)
    if not description.is_native or target != ExplicitVRLittleEndian:
        dataset.PhotometricInterpretation = photometric_interpretation(description, target)
        if description.is_colour:
            dataset.PlanarConfiguration = 0
    head = _header(dataset, target)
    native = target == ExplicitVRLittleEndian
    pixels = _native(frames) if native else _encapsulated(frames, target)
    first = next(pixels)
    yield head
    yield first
    yield from pixels


def _header(dataset: Dataset, target: str) -> bytes:
    meta = FileMeta(
        str(dataset.get("SOPClassUID", "")), str(dataset.get("SOPInstanceUID", "")), str(target)
    )
    if isinstance(dataset, FileDataset):
        stored = dataset.file_meta
        meta = FileMeta(
            meta.sop_class_uid or str(stored.get("MediaStorageSOPClassUID", "")),
            meta.sop_instance_uid or str(stored.get("MediaStorageSOPInstanceUID", "")),
            str(target),
        )
    body = BytesIO()
    bare = Dataset(dataset)
    try:
        dcmwrite(body, bare, implicit_vr=False, little_endian=True)
    except Exception as error:
        # pydicom raises whatever a broken element makes of it.
        raise CannotDecode("the data set cannot be written in another transfer syntax") from error
    return encode_meta(meta) + body.getvalue()


def _native(frames: Frames) -> Iterator[bytes]:
    description = frames.description
    bits = _native_bits(description)
    total = (bits * len(frames) + 7) // 8
    length = total + total % 2
    if length >= _UNDEFINED:
        raise NotAcceptable("native pixel data of 4 GiB or more cannot be written")
    vr = _native_vr(description)
    tag = _PIXEL_TAGS[description.keyword]
    start = struct.pack("<HH2sxxI", 0x7FE0, tag, vr, length)
    if bits % 8:
        # Frames share bytes: gather the bits of them all. Such images are small.
        yield start + _joined_bits(frames, bits) + b"\x00" * (length - total)
        return
    for number in range(len(frames)):
        data = frames.encoded(number, ExplicitVRLittleEndian)
        if len(data) != bits // 8:
            raise CannotDecode(f"frame {number + 1} has {len(data)} bytes, not {bits // 8}")
        yield start + data
        start = b""
    if length > total:
        yield b"\x00"


def _joined_bits(frames: Frames, bits: int) -> bytes:
    parts = []
    for number in range(len(frames)):
        data = np.frombuffer(frames.encoded(number, ExplicitVRLittleEndian), np.uint8)
        parts.append(np.unpackbits(data, bitorder="little")[:bits])
    return np.packbits(np.concatenate(parts), bitorder="little").tobytes()


def _native_bits(description: PixelDescription) -> int:
    if description.is_native:
        return description.frame_bits
    samples = description.rows * description.columns * description.samples_per_pixel
    return samples * description.bits_allocated


def _native_vr(description: PixelDescription) -> bytes:
    if description.keyword != "PixelData":
        return b"OF" if description.keyword == "FloatPixelData" else b"OD"
    return b"OW" if description.bits_allocated > 8 else b"OB"


def _encapsulated(frames: Frames, target: str) -> Iterator[bytes]:
    # No Basic Offset Table: one fragment a frame needs none, and it would need all lengths first.
    start = struct.pack("<HH2sxxI", 0x7FE0, 0x0010, b"OB", _UNDEFINED) + _ITEM + b"\x00" * 4
    for number in range(len(frames)):
        data = frames.encoded(number, target)
        data += b"\x00" * (len(data) % 2)
        yield start + _ITEM + struct.pack("<I", len(data)) + data
        start = b""
    yield _SEQUENCE_END
