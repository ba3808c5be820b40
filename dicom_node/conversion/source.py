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
    "Channel",
    "CodedLevel",
    "Picture",
    "Region",
    "Scanner",
    "SlideSource",
    "SourceLevel",
    "Stack",
    "coded_layers",
    "layers_of",
]

# Transfer syntaxes whose pixels are no longer what the sensor gave.
CODED_LOSSY = {JPEGBaseline8Bit: "ISO_10918_1", JPEG2000: "ISO_15444_1"}
# 10 x 10 cm at 0.1 um/pixel: no slide is larger, a bomb is.
LARGEST_LEVEL_PIXELS = 10**12
LARGEST_TILE_EDGE = 4096


@dataclass(frozen=True, slots=True)
class Channel:
    """One optical path: its name, the light that went in and out (0 unknown), its colour if any."""

    name: str = ""
    colour: tuple[int, int, int] | None = None
    excitation_nm: float = 0.0
    emission_nm: float = 0.0
    fluorescence: bool = False


@dataclass(frozen=True, slots=True)
class Scanner:
    """What the file says of the scan.

    `mpp` is micrometres a pixel (x, y); (0, 0) when unknown. `centre_mm` is where the middle of
    the image lies, seen from the middle of the slide, along columns and rows. `channels` and
    `planes` say which layers each level has: by channel, then by focal plane, `plane_step_um`
    micrometres from one plane to the next.
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
    channels: tuple[Channel, ...] = ()  # none: one path of which nothing is known
    planes: int = 1
    plane_step_um: float = 0.0
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

    `transfer_syntax_uid` is "" when the tiles must be coded by us; a level that has one is a
    `CodedLevel` (`coded_layers`). `lossless` means that no step before us lost anything, so we may
    not either. Grey may have 16 `bits`, colour has 8.
    """

    width: int
    height: int
    tile_width: int
    tile_height: int
    transfer_syntax_uid: str
    photometric_interpretation: str
    lossless: bool
    bits: int
    coded_bytes: int  # of the whole level, as stored

    def pixels(self, column: int, row: int) -> NDArray[Any]:
        """A tile decoded by a library of its own, cropped to the level's edge."""


class CodedLevel(SourceLevel, Protocol):
    """A layer whose tiles can be copied as they are.

    `transfer_syntax_uid` and `photometric_interpretation` are those of the coded tiles.
    """

    def coded(self, column: int, row: int) -> bytes:
        """A tile as one whole stream, its coded bits untouched."""

    def stored(self, column: int, row: int) -> list[bytes]:
        """The pieces of entropy-coded data of a tile, read anew from the file."""


class Stack:
    """A level of several layers of one kind, by channel and then by focal plane.

    It says what they have in common; tiles are those of a layer. Where they cannot all be copied,
    none is.
    """

    def __init__(self, layers: list[Any]) -> None:
        first = layers[0]
        self.layers = layers
        self.width, self.height = first.width, first.height
        self.tile_width, self.tile_height = first.tile_width, first.tile_height
        self.bits = first.bits
        alike = len({(one.transfer_syntax_uid, one.photometric_interpretation) for one in layers})
        self.transfer_syntax_uid = first.transfer_syntax_uid if alike == 1 else ""
        self.photometric_interpretation = first.photometric_interpretation
        self.lossless = all(one.lossless for one in layers)
        self.coded_bytes = sum(one.coded_bytes for one in layers)


def layers_of(level: Any) -> list[Any]:
    """The layers of a level; most levels are their own only one."""
    return getattr(level, "layers", None) or [level]


def coded_layers(level: Any) -> list[CodedLevel]:
    """The layers of a level whose tiles can be copied; none where they must be coded by us."""
    return layers_of(level) if level.transfer_syntax_uid else []


class SlideSource(Protocol):
    """A vendor's file, open. Levels go from the largest to the smallest."""

    scanner: Scanner
    levels: list[Any]  # of SourceLevel, or Stack of them
    pictures: dict[str, Picture]  # "LABEL", "OVERVIEW"

    def close(self) -> None: ...


@dataclass
class Region:
    """Any rectangle of a level, from decoded tiles of which the last few are remembered."""

    level: Any
    cache_bytes: int = 48 << 20
    _tiles: "OrderedDict[tuple[int, int], NDArray[Any]]" = field(default_factory=OrderedDict)
    _bytes: int = 0

    def read(self, left: int, top: int, width: int, height: int) -> NDArray[Any]:
        """The rectangle, all of it inside the level."""
        level = self.level
        first_column, first_row = left // level.tile_width, top // level.tile_height
        last_column = (left + width - 1) // level.tile_width
        last_row = (top + height - 1) // level.tile_height
        if (first_column, first_row) == (last_column, last_row):
            tile = self._tile(first_column, first_row)
            y, x = top - first_row * level.tile_height, left - first_column * level.tile_width
            return tile[y : y + height, x : x + width]
        found: NDArray[Any] | None = None
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                tile = self._tile(column, row)
                if found is None:
                    found = np.empty((height, width, *tile.shape[2:]), tile.dtype)
                x0, y0 = column * level.tile_width, row * level.tile_height
                x1, y1 = max(x0, left), max(y0, top)
                x2 = min(x0 + tile.shape[1], left + width)
                y2 = min(y0 + tile.shape[0], top + height)
                part = tile[y1 - y0 : y2 - y0, x1 - x0 : x2 - x0]
                found[y1 - top : y2 - top, x1 - left : x2 - left] = part
        assert found is not None
        return found

    def _tile(self, column: int, row: int) -> NDArray[Any]:
        key = (column, row)
        if key in self._tiles:
            self._tiles.move_to_end(key)
            return self._tiles[key]
        tile: NDArray[Any] = self.level.pixels(column, row)
        self._tiles[key] = tile
        self._bytes += tile.nbytes
        while self._bytes > self.cache_bytes and len(self._tiles) > 1:
            self._bytes -= self._tiles.popitem(last=False)[1].nbytes
        return tile
