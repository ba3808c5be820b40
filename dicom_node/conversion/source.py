"""What every vendor's file is to the converter: levels of tiles, and what the scanner wrote."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import JPEG2000, JPEGBaseline8Bit

__all__ = [
    "CODED_LOSSY",
    "LARGEST_LEVEL_PIXELS",
    "LARGEST_TILE_EDGE",
    "Picture",
    "Region",
    "Scanner",
    "SlideSource",
    "SourceLevel",
]

# Transfer syntaxes whose pixels are no longer what the sensor gave.
CODED_LOSSY = {JPEGBaseline8Bit: "ISO_10918_1", JPEG2000: "ISO_15444_1"}
# 10 x 10 cm at 0.1 um/pixel: no slide is larger, a bomb is.
LARGEST_LEVEL_PIXELS = 10**12
LARGEST_TILE_EDGE = 4096


@dataclass(frozen=True, slots=True)
class Scanner:
    """What the file says of the scan.

    `mpp` is micrometres a pixel (x, y); (0, 0) when unknown. `centre_mm` is where the middle of
    the image lies, seen from the middle of the slide, along columns and rows.
    """

    vendor: str
    model: str = ""
    serial: str = ""
    software: str = ""
    mpp: tuple[float, float] = (0.0, 0.0)
    objective_power: float = 0.0
    scanned_at: datetime | None = None
    icc: bytes = b""
    fluorescence: bool = False
    centre_mm: tuple[float, float] = (0.0, 0.0)
    background: tuple[int, int, int] = (255, 255, 255)
    notes: tuple[tuple[str, str], ...] = ()  # (Vietnamese, English): what the lab should know


@dataclass(frozen=True, slots=True)
class Picture:
    """A label or overview photograph: (rows, columns, 3) uint8, or a whole JPEG stream."""

    pixels: NDArray[np.uint8] | None
    coded: bytes = b""
    rgb_coded: bool = False
    rows: int = 0
    columns: int = 0


class SourceLevel(Protocol):
    """One layer of the pyramid as the vendor wrote it.

    `transfer_syntax_uid` is that of `coded`, or "" when the tiles must be coded by us.
    `photometric_interpretation` is that of the coded tiles. `lossless` means that no step
    before us lost anything, so we may not either.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    transfer_syntax_uid: str
    photometric_interpretation: str
    lossless: bool
    coded_bytes: int  # of the whole level, as stored

    def coded(self, column: int, row: int) -> bytes:
        """A tile as one whole stream, its coded bits untouched."""

    def stored(self, column: int, row: int) -> list[bytes]:
        """The pieces of entropy-coded data of a tile, read anew from the file."""

    def pixels(self, column: int, row: int) -> NDArray[np.uint8]:
        """A tile decoded by a library of its own, cropped to the level's edge."""


class SlideSource(Protocol):
    """A vendor's file, open. Levels go from the largest to the smallest."""

    scanner: Scanner
    levels: list[Any]  # of SourceLevel
    pictures: dict[str, Picture]  # "LABEL", "OVERVIEW"

    def close(self) -> None: ...


@dataclass
class Region:
    """Any rectangle of a level, from decoded tiles of which the last few are remembered."""

    level: Any
    cache_bytes: int = 48 << 20
    _tiles: "OrderedDict[tuple[int, int], NDArray[np.uint8]]" = field(default_factory=OrderedDict)
    _bytes: int = 0

    def read(self, left: int, top: int, width: int, height: int) -> NDArray[np.uint8]:
        """The rectangle, all of it inside the level."""
        level = self.level
        first_column, first_row = left // level.tile_width, top // level.tile_height
        last_column = (left + width - 1) // level.tile_width
        last_row = (top + height - 1) // level.tile_height
        if (first_column, first_row) == (last_column, last_row):
            tile = self._tile(first_column, first_row)
            y, x = top - first_row * level.tile_height, left - first_column * level.tile_width
            return tile[y : y + height, x : x + width]
        found: NDArray[np.uint8] | None = None
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                tile = self._tile(column, row)
                if found is None:
                    found = np.empty((height, width, *tile.shape[2:]), np.uint8)
                x0, y0 = column * level.tile_width, row * level.tile_height
                x1, y1 = max(x0, left), max(y0, top)
                x2 = min(x0 + tile.shape[1], left + width)
                y2 = min(y0 + tile.shape[0], top + height)
                part = tile[y1 - y0 : y2 - y0, x1 - x0 : x2 - x0]
                found[y1 - top : y2 - top, x1 - left : x2 - left] = part
        assert found is not None
        return found

    def _tile(self, column: int, row: int) -> NDArray[np.uint8]:
        key = (column, row)
        if key in self._tiles:
            self._tiles.move_to_end(key)
            return self._tiles[key]
        tile: NDArray[np.uint8] = self.level.pixels(column, row)
        self._tiles[key] = tile
        self._bytes += tile.nbytes
        while self._bytes > self.cache_bytes and len(self._tiles) > 1:
            self._bytes -= self._tiles.popitem(last=False)[1].nbytes
        return tile
