"""JPEG streams taken apart and put together again, without touching a coded bit.

A tile of a TIFF file may leave its tables in a tag (abbreviated format, ITU-T T.81 B.5); a DICOM
frame must be whole. What lies between the first start-of-scan marker and the end of the image,
the entropy-coded scan, is copied as it is.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from dicom_node.conversion.refusals import damaged

__all__ = ["JpegHeader", "complete", "decode", "encode", "read_header", "scan_start"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOS, _DRI, _APP0, _APP14 = 0xDA, 0xDD, 0xE0, 0xEE
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
# ITU-T T.872 6.5.3: "Adobe", version 100, two flags, transform 0: the components are RGB as stored.
_RGB_MARKER = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What the markers before the scan say.

    `process` is the low byte of the start-of-frame marker: 0xC0 is baseline. `colour` is "RGB" or
    "YCBCR" when the stream itself says so, else "". `scan` is the offset of its SOS marker.
    """

    process: int
    rows: int
    columns: int
    bits: int
    samples: int
    colour: str
    restart_interval: int
    scan: int

    @property
    def is_baseline(self) -> bool:
        """Whether JPEG Baseline (1.2.840.10008.1.2.4.50) may hold it."""
        return self.process == 0xC0 and self.bits == 8


def read_header(stream: bytes) -> JpegHeader:
    """Read the markers up to the first scan.

    Raises
    ------
    ConversionRefused
        The stream ends, or is no JPEG, before its first scan.
    """
    process = rows = columns = bits = samples = interval = 0
    colour = ""
    identifiers: bytes = b""
    for marker, begin, end in _segments(stream):
        if marker in _START_OF_FRAME and end - begin >= 6:
            process = marker
            bits, rows, columns, samples = struct.unpack_from(">BHHB", stream, begin)
            identifiers = stream[begin + 6 : end : 3]
        elif marker == _APP0 and stream[begin : begin + 4] == b"JFIF":
            colour = colour or "YCBCR"
        elif marker == _APP14 and stream[begin : begin + 5] == b"Adobe" and end - begin >= 12:
            colour = "YCBCR" if stream[begin + 11] else "RGB"
        elif marker == _DRI:
            interval = struct.unpack_from(">H", stream, begin)[0]
        elif marker == _SOS:
            if not process:
                break
            if not colour and identifiers == b"RGB":
                colour = "RGB"
            scan = begin - 4
            return JpegHeader(process, rows, columns, bits, samples, colour, interval, scan)
    raise damaged("a JPEG stream has no scan")


def scan_start(stream: bytes) -> int:
    """Return the offset of the first start-of-scan marker. Raises like `read_header`."""
    for marker, begin, _ in _segments(stream):
        if marker == _SOS:
            return begin - 4
    raise damaged("a JPEG stream has no scan")


def complete(tile: bytes, tables: bytes, *, mark_rgb: bool) -> bytes:
    """Return a whole JPEG stream of a tile and the tables its file keeps elsewhere.

    Parameters
    ----------
    tile : bytes
        From SOI on; its EOI is added when the writer forgot it.
    tables : bytes
        An abbreviated stream, SOI to EOI, or b"".
    mark_rgb : bool
        Say in an APP14 marker that the components are RGB; browsers else take them for YCbCr.
    """
    body = tile[2:] if tile.endswith(_EOI) else tile[2:].rstrip(b"\0") + _EOI
    if body.endswith(_EOI + _EOI):
        body = body[:-2]
    middle = tables[2:].removesuffix(_EOI) if tables else b""
    return b"".join((_SOI, _RGB_MARKER if mark_rgb else b"", middle, body))


def decode(stream: bytes) -> NDArray[np.uint8]:
    """Decode a whole stream to (rows, columns, 3) uint8 RGB, or (rows, columns) when it is grey.

    Raises
    ------
    ConversionRefused
    """
    try:
        _, _, colourspace, _ = simplejpeg.decode_jpeg_header(stream)
        if colourspace == "Gray":
            grey: NDArray[np.uint8] = simplejpeg.decode_jpeg(stream, colorspace="GRAY")
            return grey[..., 0]
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(stream, colorspace="RGB")
        return pixels
    except ValueError as error:
        raise damaged("a JPEG stream does not decode") from error


def encode(pixels: NDArray[np.uint8], quality: int, *, subsampled: bool) -> bytes:
    """Encode (rows, columns, 3) RGB or (rows, columns) grey as a baseline stream."""
    grey = pixels.ndim == 2
    stream: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels[..., None] if grey else pixels),
        quality=quality,
        colorspace="GRAY" if grey else "RGB",
        colorsubsampling="Gray" if grey else "420" if subsampled else "444",
    )
    return stream


def _segments(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield ``(marker, begin, end)`` of each segment's content, up to and with the first SOS."""
    if stream[:2] != _SOI:
        raise damaged("a coded tile is no JPEG stream")
    position = 2
    while position + 4 <= len(stream):
        if stream[position] != 0xFF:
            raise damaged("a JPEG stream has bytes between its markers")
        marker = stream[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xD9:
            return
        length = struct.unpack_from(">H", stream, position + 2)[0]
        end = position + 2 + length
        if length < 2 or end > len(stream):
            raise damaged("a JPEG stream ends within a marker")
        yield marker, position + 4, end
        if marker == _SOS:
            return
        position = end
