"""Hamamatsu NDPI: one huge JPEG a level, cut at its restart markers.

Between two restart markers lies a stripe, some hundred to some thousand pixels wide and as high
as one row of coding units. Stripes that lie beneath each other make a frame: its entropy-coded
segments are those of the file, in order; only the markers between them are numbered anew
(ITU-T T.81 F.1.2.3: the counter of restart markers begins at 0 in every scan).
"""

import os
import struct
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from pydicom.uid import JPEGBaseline8Bit

from dicom_node.conversion import jpeg
from dicom_node.conversion.refusals import ConversionRefused, damaged, refuse
from dicom_node.conversion.source import LARGEST_LEVEL_PIXELS, LARGEST_TILE_EDGE, Picture, Scanner
from dicom_node.conversion.tiff import resolution_mpp

__all__ = ["NdpiLevel", "NdpiSource"]

_LENS, _X_CENTRE, _Y_CENTRE, _SERIAL, _FACTS = 65421, 65422, 65423, 65442, 65449
_SHADING = 65455
_EOI = b"\xff\xd9"
# Of a frame: the viewer fetches whole frames, so about what four tiles of 512 hold.
_WANTED_FRAME_PIXELS = 1 << 20
_SMALLEST_FRAME_ROWS = 128


@dataclass
class NdpiLevel:
    """A `SourceLevel` whose tiles are stacks of stripes."""

    descriptor: int
    width: int
    height: int
    tile_width: int
    tile_height: int
    photometric_interpretation: str
    coded_bytes: int
    offsets: list[int]
    counts: list[int]
    header: bytes
    stripe_rows: int
    transfer_syntax_uid: str = JPEGBaseline8Bit
    lossless: bool = False
    bits: int = 8

    def coded(self, column: int, row: int) -> bytes:
        segments = self.stored(column, row)
        # Beneath the last row the frame still needs coded lines: the last stripe again.
        segments += segments[-1:] * (self.tile_height // self.stripe_rows - len(segments))
        pieces = [self.header]
        for number, segment in enumerate(segments):
            if number:
                pieces.append(bytes((0xFF, 0xD0 + (number - 1) % 8)))
            pieces.append(segment)
        pieces.append(_EOI)
        return b"".join(pieces)

    def stored(self, column: int, row: int) -> list[bytes]:
        columns = self.width // self.tile_width
        high = self.tile_height // self.stripe_rows
        last = -(-self.height // self.stripe_rows)
        return [
            self._segment(stripe * columns + column)
            for stripe in range(row * high, min((row + 1) * high, last))
        ]

    def pixels(self, column: int, row: int) -> NDArray[np.uint8]:
        rows = min(self.tile_height, self.height - row * self.tile_height)
        return jpeg.decode(self.coded(column, row))[:rows]

    def _segment(self, index: int) -> bytes:
        data = os.pread(self.descriptor, self.counts[index], self.offsets[index])
        end = len(data)
        if end != self.counts[index] or end < 3:
            raise damaged("a tile does not decode")
        # The marker that ends it belongs to its place in the old stream.
        if data[-2] == 0xFF and (0xD0 <= data[-1] <= 0xD7 or data[-1] == 0xD9):
            return data[:-2]
        return data


class NdpiSource:
    """An NDPI file whose levels can all be cut, in one focal plane.

    Raises
    ------
    ConversionRefused
        With the code "stripes" when OpenSlide must decode it instead.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.pictures: dict[str, Picture] = {}
        try:
            tiff = tifffile.TiffFile(self._file)
            series = tiff.series[0]
            if any(len(level.pages) != 1 for level in series.levels):
                raise NotCuttable("several focal planes", note=_ONE_PLANE)
            base = series.levels[0].keyframe
            self.scanner = _scanner(base)
            self.levels = [self._level(base)]
            for level in series.levels[1:]:
                try:
                    self.levels.append(self._level(level.keyframe))
                except NotCuttable:
                    break  # made anew from the one above
            self._take_macro(tiff)
        except (ConversionRefused, NotCuttable):
            self._file.close()
            raise
        except Exception as error:  # a parser met a file nobody foresaw
            self._file.close()
            raise refuse("not_a_slide", "NDPI") from error

    def close(self) -> None:
        self._file.close()

    def _level(self, page: Any) -> NdpiLevel:
        width, height = page.imagewidth, page.imagelength
        if width * height > LARGEST_LEVEL_PIXELS:
            raise refuse("too_large", f"{width} × {height}")
        if not page.is_tiled or not getattr(page, "jpegheader", None):
            raise NotCuttable("no restart markers")
        header = jpeg.read_header(page.jpegheader)
        stripe_width, stripe_rows = page.tilewidth, page.tilelength
        if (
            not header.is_baseline
            or header.samples not in (1, 3)
            or stripe_width > LARGEST_TILE_EDGE
            or width % stripe_width
            or height % stripe_rows
        ):
            raise NotCuttable("stripes of this shape")
        offsets, counts = list(page.dataoffsets), list(page.databytecounts)
        total = (width // stripe_width) * (height // stripe_rows)
        end = os.fstat(self._file.fileno()).st_size
        if len(offsets) != total or any(
            not count or at + count > end for at, count in zip(offsets, counts, strict=True)
        ):
            raise refuse(
                "damaged", "stripes of the image are not in the file", "thiếu dải ảnh trong tệp"
            )
        high = max(_SMALLEST_FRAME_ROWS, _WANTED_FRAME_PIXELS // stripe_width)
        high = min(high, LARGEST_TILE_EDGE, height) // stripe_rows * stripe_rows
        grey = header.samples == 1
        return NdpiLevel(
            descriptor=self._file.fileno(),
            width=width,
            height=height,
            tile_width=stripe_width,
            tile_height=max(high, stripe_rows),
            photometric_interpretation="MONOCHROME2" if grey else "YBR_FULL_422",
            coded_bytes=sum(counts),
            offsets=offsets,
            counts=counts,
            header=_with_rows(page.jpegheader, max(high, stripe_rows), stripe_width),
            stripe_rows=stripe_rows,
        )

    def _take_macro(self, tiff: Any) -> None:
        for page in tiff.pages:
            if float(page.tags.valueof(_LENS, default=0.0)) != -1.0:
                continue
            data = os.pread(self._file.fileno(), page.databytecounts[0], page.dataoffsets[0])
            try:
                header = jpeg.read_header(data)
                if header.is_baseline and header.samples == 3:
                    self.pictures["OVERVIEW"] = Picture(
                        None, data, header.colour == "RGB", header.rows, header.columns
                    )
            except ConversionRefused:
                continue


class NotCuttable(Exception):
    """The file is sound, but its coded data cannot be parted into frames.

    `note` is what the laboratory should know of the slide that is made all the same.
    """

    def __init__(self, reason: str, *, note: tuple[str, str] | None = None) -> None:
        super().__init__(reason)
        self.notes = () if note is None else (note,)


_ONE_PLANE = (
    "Tệp NDPI có nhiều mặt tiêu; chỉ một mặt tiêu được chuyển đổi.",
    "The NDPI file has several focal planes; only one of them was converted.",
)


def _with_rows(header: bytes, rows: int, columns: int) -> bytes:
    """The header of a level's stream, for a frame of that size."""
    changed = bytearray(header)
    position = 2
    while position + 9 <= len(changed):
        if changed[position] == 0xFF and 0xC0 <= changed[position + 1] <= 0xC2:
            struct.pack_into(">HH", changed, position + 5, rows, columns)
            break
        position += 2 + int.from_bytes(changed[position + 2 : position + 4], "big")
    return bytes(changed)


def _scanner(page: Any) -> Scanner:
    tags = page.tags
    lines = str(tags.valueof(_FACTS, default="")).splitlines()
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    centre = tuple(float(tags.valueof(tag, default=0)) / 1e6 for tag in (_X_CENTRE, _Y_CENTRE))
    scanned = str(tags.valueof(306, default=""))
    scanner = Scanner(
        vendor="Hamamatsu",
        model=str(tags.valueof(272, default="")).strip(),
        serial=str(tags.valueof(_SERIAL, default=facts.get("NDP.S/N", ""))).strip(),
        software=str(tags.valueof(305, default="")).strip(),
        mpp=resolution_mpp(page),
        objective_power=max(0.0, float(tags.valueof(_LENS, default=0.0))),
        centre_mm=(centre[0], centre[1]),
        fluorescence=_is_fluorescence(lines),
    )
    for form in ("%Y:%m:%d %H:%M:%S", "%Y/%m/%d %H:%M:%S"):
        try:
            at = datetime.strptime(scanned, form)  # noqa: DTZ007 (the scanner knows no zone)
            return replace(scanner, scanned_at=at)
        except ValueError:
            continue
    return scanner


def _is_fluorescence(lines: list[str]) -> bool:
    return any(line.split("=")[0].strip().lower().startswith("excitation") for line in lines)
