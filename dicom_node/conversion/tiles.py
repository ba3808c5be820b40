"""Tiles of one TIFF page, raw and decoded (TIFF 6.0 sections 15 and 22)."""

import os
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit

from dicom_node.conversion import jpeg
from dicom_node.conversion.refusals import ConversionRefused, damaged, refuse
from dicom_node.conversion.source import LARGEST_LEVEL_PIXELS, LARGEST_TILE_EDGE
from dicom_node.pixels.codestream import codestream_size

__all__ = ["LOSSLESS", "TiffLevel", "check_colours", "check_samples", "in_order", "read_tile_level"]

_JPEG = 7
_JPEG_2000 = frozenset({33005, 34712})
# TIFF compressions: none, LZW, Deflate (both numbers), PackBits, LZMA, Zstandard.
LOSSLESS = frozenset({1, 5, 8, 32946, 32773, 34925, 50000})
_WEBP = 50001
_RGB, _YCBCR = 2, 6
_WHITE_IS_0 = 0
_GREY = frozenset({_WHITE_IS_0, 1})
_LARGEST_CODED_TILE = 64 << 20


@dataclass
class TiffLevel:
    """A `SourceLevel` over the tiles of a page."""

    descriptor: int
    page: Any
    width: int
    height: int
    tile_width: int
    tile_height: int
    columns: int
    transfer_syntax_uid: str
    photometric_interpretation: str
    lossless: bool
    bits: int
    coded_bytes: int
    missing: int  # tiles that have no bytes in the file
    tables: bytes
    mark_rgb: bool
    blank: bytes = b""  # stands for a tile the scanner left out
    parts: int = 1  # samples of a pixel that lie in tiles of their own
    # Scanners fill what they left out with one tile, over and over: it is decoded once.
    _latest: tuple[bytes, NDArray[np.uint8]] | None = field(default=None, repr=False)

    def coded(self, column: int, row: int) -> bytes:
        tile = self._read(column, row)
        if self.transfer_syntax_uid != JPEGBaseline8Bit:
            return tile
        if not tile:
            return self.blank
        return jpeg.complete(tile, self.tables, mark_rgb=self.mark_rgb)

    def stored(self, column: int, row: int) -> list[bytes]:
        tile = self._read(column, row)
        if not tile:
            return []
        if self.transfer_syntax_uid != JPEGBaseline8Bit:
            return [tile]
        begin = jpeg.scan_start(tile)
        begin += 2 + int.from_bytes(tile[begin + 2 : begin + 4], "big")
        return [tile[begin:].rstrip(b"\0").removesuffix(b"\xff\xd9")]

    def pixels(self, column: int, row: int) -> NDArray[Any]:
        rows = min(self.tile_height, self.height - row * self.tile_height)
        columns = min(self.tile_width, self.width - column * self.tile_width)
        found: NDArray[Any]
        if self.transfer_syntax_uid == JPEGBaseline8Bit:
            found = self._decode_jpeg(self.coded(column, row))
        elif self.parts > 1:
            parts = [self._decode(column, row, part) for part in range(self.parts)]
            found = np.stack([part[:rows, :columns] for part in parts[:3]], -1)
        else:
            found = self._decode(column, row)
        if found.shape[0] < rows or found.shape[1] < columns:
            raise damaged("a tile has another size than its layer says")
        return found[:rows, :columns]

    def _decode_jpeg(self, coded: bytes) -> NDArray[np.uint8]:
        if self._latest is None or self._latest[0] != coded:
            pixels = jpeg.decode(coded)
            pixels.flags.writeable = False
            self._latest = coded, pixels
        return self._latest[1]

    def _decode(self, column: int, row: int, part: int = 0) -> NDArray[Any]:
        data = self._read(column, row, part)
        if not data:
            shape = (self.tile_height, self.tile_width, self.page.samplesperpixel)
            return np.full(shape, 255, np.uint8).squeeze()
        try:
            found, _, _ = self.page.decode(data, self._index(column, row, part))
        except Exception as error:  # whatever codec the file chose
            raise damaged("a tile does not decode") from error
        if found is None or found.dtype.newbyteorder("=") != np.dtype(f"u{self.bits // 8}"):
            raise damaged("a tile does not decode")
        return in_order(found[0], self.page.photometric)

    def _index(self, column: int, row: int, part: int) -> int:
        return row * self.columns + column + part * (len(self.page.dataoffsets) // self.parts)

    def _read(self, column: int, row: int, part: int = 0) -> bytes:
        index = self._index(column, row, part)
        length = self.page.databytecounts[index]
        data = os.pread(self.descriptor, length, self.page.dataoffsets[index])
        if len(data) != length:
            raise damaged("a tile does not decode")
        return data


def in_order(pixels: NDArray[Any], photometric: int) -> NDArray[Any]:
    """Decoded pixels as everybody expects them: native bytes, no alpha, 0 black."""
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if pixels.ndim == 3:
        pixels = pixels[..., 0] if pixels.shape[-1] == 1 else np.ascontiguousarray(pixels[..., :3])
    return np.iinfo(pixels.dtype).max - pixels if photometric == _WHITE_IS_0 else pixels


def check_samples(page: Any) -> None:
    """Colour of 8 bits, or grey of 8 or 16. Raises ConversionRefused."""
    kind = page.dtype
    bits = 0 if kind is None else kind.itemsize * 8
    samples = page.samplesperpixel
    if kind is not None and kind.kind == "f":
        words = f"{samples} × {bits} bit floating point", f"{samples} × số thực {bits} bit"
    elif kind is not None and kind.kind == "i":
        words = f"{samples} × {bits} bit with sign", f"{samples} × {bits} bit có dấu"
    else:
        words = f"{samples} × {page.bitspersample} bit", ""
    is_known = kind is not None and kind.kind == "u" and page.bitspersample >= 8
    if not is_known or (samples, bits) not in ((1, 8), (3, 8), (4, 8), (1, 16)):
        raise refuse("pixels", *words)


def check_colours(page: Any) -> None:
    """Grey, RGB, or YCbCr of a coder that gives back RGB. Raises ConversionRefused."""
    is_turned = page.photometric == _YCBCR and page.compression not in LOSSLESS
    if page.photometric not in (*_GREY, _RGB) and not is_turned:
        raise refuse("pixels", f"TIFF photometric {int(page.photometric)}")


def read_tile_level(
    descriptor: int, page: Any, *, sparse: bool = False, size: tuple[int, int] | None = None
) -> TiffLevel:
    """Look at a page and say how its tiles can be taken.

    Parameters
    ----------
    descriptor : int
        Of the open file, for reading.
    page : tifffile.TiffPage
    sparse : bool
        The vendor leaves out tiles of glass; they are white, not damaged.
    size : (width, height), optional
        Of the picture, where the page's own is padded.

    Raises
    ------
    ConversionRefused
    """
    width, height = size or (page.imagewidth, page.imagelength)
    if not page.is_tiled:
        raise refuse("not_a_slide", "TIFF without tiles", "TIFF không chia ô")
    if (
        width * height > LARGEST_LEVEL_PIXELS
        or max(page.tilewidth, page.tilelength) > LARGEST_TILE_EDGE
        or min(width, height, page.tilewidth, page.tilelength) < 1
    ):
        raise refuse("too_large", f"{width} × {height}, {page.tilewidth} × {page.tilelength}")
    check_samples(page)
    columns, rows = -(-width // page.tilewidth), -(-height // page.tilelength)
    grid = -(-page.imagewidth // page.tilewidth)
    offsets, counts = page.dataoffsets, page.databytecounts
    parts = page.samplesperpixel if page.planarconfig == 2 else 1
    least = (rows - 1) * grid + columns
    if len(counts) < least * parts or len(counts) % parts or len(offsets) != len(counts):
        raise refuse("damaged", "the list of tiles is too short", "danh sách ô ảnh bị thiếu")
    if max(counts) > _LARGEST_CODED_TILE:
        raise refuse("too_large", f"{max(counts)} bytes")
    end = os.fstat(descriptor).st_size
    absent = sum(1 for count in counts if not count)
    outside = sum(1 for at, count in zip(offsets, counts, strict=True) if at + count > end)
    level = TiffLevel(
        descriptor=descriptor,
        page=page,
        width=width,
        height=height,
        tile_width=page.tilewidth,
        tile_height=page.tilelength,
        columns=grid,
        transfer_syntax_uid="",
        photometric_interpretation="MONOCHROME2" if page.samplesperpixel == 1 else "",
        lossless=page.compression in LOSSLESS,
        bits=page.dtype.itemsize * 8,
        coded_bytes=sum(counts),
        missing=outside + (0 if sparse else absent),
        tables=page.jpegtables or b"",
        mark_rgb=False,
        parts=parts,
    )
    if page.compression == _JPEG:
        _take_jpeg(level)
    elif page.compression in _JPEG_2000:
        _take_jpeg_2000(level)
    elif page.compression not in LOSSLESS and page.compression != _WEBP:
        raise refuse("compression", f"TIFF {int(page.compression)}")
    if page.compression != _JPEG:
        check_colours(page)
    return level


def _first_tile(level: TiffLevel) -> bytes:
    """The first tile with bytes in the file; a few samples are enough to know the coder."""
    for index, (at, count) in enumerate(
        zip(level.page.dataoffsets, level.page.databytecounts, strict=True)
    ):
        if count:
            tile = os.pread(level.descriptor, count, at)
            if len(tile) == count:
                return tile
        if index > 1_000_000:
            break
    raise refuse("damaged", "no tile is in the file", "tệp không chứa ô ảnh nào")


def _take_jpeg(level: TiffLevel) -> None:
    first = jpeg.read_header(jpeg.complete(_first_tile(level), level.tables, mark_rgb=False))
    if first.samples not in (1, 3) or first.bits != 8 or level.bits != 8:
        raise refuse("pixels", f"JPEG, {first.samples} × {first.bits} bit")
    if (first.columns, first.rows) != (level.tile_width, level.tile_height):
        raise damaged("a tile has another size than its layer says")
    # The stream's own word comes first: Bio-Formats writes YCbCr with JFIF markers into files
    # whose tag says RGB. Without a word of its own the tag decides, as in Aperio's files.
    colour = first.colour or ("RGB" if level.page.photometric == _RGB else "YCBCR")
    if first.samples == 1:
        level.photometric_interpretation = "MONOCHROME2"
    else:
        # YBR_FULL_422 is what DICOM calls YCbCr JPEG, whatever its sampling (PS3.5 8.2.1).
        level.photometric_interpretation = "RGB" if colour == "RGB" else "YBR_FULL_422"
    level.mark_rgb = first.samples == 3 and colour == "RGB" and first.colour != "RGB"
    if level.parts > 1:
        level.photometric_interpretation = "YBR_FULL_422"
        return  # decoded and coded anew
    if first.is_baseline and level.page.photometric != _WHITE_IS_0:
        level.transfer_syntax_uid = JPEGBaseline8Bit
    shape = (level.tile_height, level.tile_width, first.samples)
    white = np.full(shape, 255, np.uint8)
    level.blank = jpeg.encode(white if first.samples == 3 else white[..., 0], 90, subsampled=True)
    if colour == "RGB" and level.page.databytecounts.count(0):
        # A white tile coded as YCbCr would be green among RGB ones.
        level.transfer_syntax_uid = ""


def _take_jpeg_2000(level: TiffLevel) -> None:
    stream = _first_tile(level)
    size = codestream_size(stream)
    if not stream.startswith(b"\xff\x4f\xff\x51") or size is None:
        raise refuse("compression", "JPEG 2000 in boxes")
    if size != (level.tile_height, level.tile_width):
        raise damaged("a tile has another size than its layer says")
    samples = level.page.samplesperpixel
    if level.missing or samples == 4 or level.parts > 1 or level.page.photometric == _WHITE_IS_0:
        return  # decoded and coded anew
    # Components, and the bits of the first less one (T.800 A.5.1).
    if stream[40:43] != struct.pack(">HB", samples, level.bits - 1):
        raise damaged("a tile has another size than its layer says")
    reversible, transformed = _coding_style(stream)
    level.transfer_syntax_uid = JPEG2000Lossless if reversible else JPEG2000
    level.lossless = reversible
    if samples == 1:
        level.photometric_interpretation = "MONOCHROME2"
    elif transformed:
        level.photometric_interpretation = "YBR_RCT" if reversible else "YBR_ICT"
    else:
        level.photometric_interpretation = "RGB"


def _coding_style(stream: bytes) -> tuple[bool, bool]:
    """Whether the wavelet is reversible, and whether the components are transformed (T.800 A.6)."""
    position = 2
    while position + 4 <= len(stream):
        marker = stream[position : position + 2]
        length = int.from_bytes(stream[position + 2 : position + 4], "big")
        if marker == b"\xff\x52" and position + 14 <= len(stream):
            return stream[position + 13] == 1, stream[position + 8] == 1
        position += 2 + length
    raise ConversionRefused(*_NO_STYLE)


_NO_STYLE = ("damaged", "Dòng JPEG 2000 thiếu phần đầu.", "A JPEG 2000 stream lacks its header.")
