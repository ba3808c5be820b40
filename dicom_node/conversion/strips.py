"""Tiles cut out of a TIFF page that is stored in strips, as Fiji, cameras and converters write."""

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_node.conversion.refusals import damaged, refuse
from dicom_node.conversion.tiles import LOSSLESS, check_colours, check_samples, in_order

__all__ = ["StripLevel", "read_strip_level"]

_TILE = 512
# A page is decoded whole: strips are as wide as it, and tiles are wanted in any order.
_LARGEST_PAGE_BYTES = 512 << 20


@dataclass
class Desk:
    """Room for one decoded page at a time, shared by all the pages of a file."""

    page: Any = None
    pixels: NDArray[Any] | None = None


@dataclass
class StripLevel:
    """A `SourceLevel` over a page in strips; nothing of it can be copied."""

    page: Any
    width: int
    height: int
    photometric_interpretation: str
    lossless: bool
    bits: int
    coded_bytes: int
    missing: int
    desk: Desk = field(repr=False)
    tile_width: int = _TILE
    tile_height: int = _TILE
    transfer_syntax_uid: str = ""

    def pixels(self, column: int, row: int) -> NDArray[Any]:
        whole = self._whole()
        top, left = row * _TILE, column * _TILE
        return whole[top : top + _TILE, left : left + _TILE]

    def _whole(self) -> NDArray[Any]:
        desk = self.desk
        if desk.page is self.page and desk.pixels is not None:
            return desk.pixels
        desk.page = desk.pixels = None
        try:
            found = np.asarray(self.page.asarray(maxworkers=1))
        except MemoryError:
            raise
        except Exception as error:  # whatever codec the file chose
            raise damaged("a tile does not decode") from error
        if self.page.planarconfig == 2 and found.ndim == 3:
            found = np.ascontiguousarray(np.moveaxis(found, 0, -1))
        if found.shape[:2] != (self.height, self.width):
            raise damaged("a tile has another size than its layer says")
        desk.page, desk.pixels = self.page, in_order(found, self.page.photometric)
        return desk.pixels


def read_strip_level(descriptor: int, page: Any, desk: Desk) -> StripLevel:
    """Look at a page in strips. Raises ConversionRefused."""
    width, height = page.imagewidth, page.imagelength
    check_samples(page)
    check_colours(page)
    size = width * height * page.samplesperpixel * page.dtype.itemsize
    if min(width, height) < 1 or size > _LARGEST_PAGE_BYTES:
        what = f"{width} × {height}"
        raise refuse("too_large", f"{what}, not tiled", f"{what}, không chia ô")
    counts = page.databytecounts
    end = os.fstat(descriptor).st_size
    outside = sum(
        not count or at + count > end for at, count in zip(page.dataoffsets, counts, strict=False)
    )
    parts = page.samplesperpixel if page.planarconfig == 2 else 1
    wanted = -(-height // max(1, min(page.rowsperstrip, height))) * parts
    return StripLevel(
        page=page,
        width=width,
        height=height,
        photometric_interpretation="MONOCHROME2" if page.samplesperpixel == 1 else "",
        lossless=page.compression in LOSSLESS,
        bits=page.dtype.itemsize * 8,
        coded_bytes=sum(counts),
        missing=outside + max(0, wanted - len(counts)),
        desk=desk,
    )
