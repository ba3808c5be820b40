"""Where the tiles of a level lie in its file, written down so that nobody parses the file again.

The file is a stranger's, and only the converter's own process reads its directories. What it found
is kept beside the header of a level that is on its way; a tile is then taken by position, as soon
as its bytes are here, and is the frame that the converted instance will hold.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import JPEGBaseline8Bit

from dicom_node.conversion import jpeg
from dicom_node.conversion.blocks import Absent, SparseFile
from dicom_node.conversion.source import coded_layers
from dicom_node.pixels.codestream import codestream_size

__all__ = ["TilePlaces"]

_LONGEST_HEAD = 1 << 20  # tables and a white tile, in hexadecimal


@dataclass(frozen=True)
class TilePlaces:
    """The tiles of one level that are copied as JPEG.

    On the disk: one line of JSON, then the table.

    Attributes
    ----------
    table : (rows, columns, 2) int64
        Offset and length of each tile in the file; length 0 where the scanner left it out.
    tile_size : (int, int)
        Rows and columns of pixels.
    tables, blank : bytes
        Of the level's JPEG streams; the frame that stands for a tile without bytes.
    mark_rgb, is_rgb : bool
        Whether a stream lacks the mark of RGB; whether its components are RGB at all.
    """

    table: NDArray[np.int64]
    tile_size: tuple[int, int]
    tables: bytes
    blank: bytes
    mark_rgb: bool
    is_rgb: bool

    @classmethod
    def of(cls, level: Any) -> "TilePlaces | None":
        """Of a level of an open file; None where tiles are not copied, or not as browsers do."""
        layers = coded_layers(level)
        if len(layers) != 1 or level.transfer_syntax_uid != JPEGBaseline8Bit:
            return None
        columns, rows = -(-level.width // level.tile_width), -(-level.height // level.tile_height)
        # A page may be wider than its picture.
        number = np.arange(rows)[:, None] * level.columns + np.arange(columns)
        offsets = np.asarray(level.page.dataoffsets, np.int64)[number]
        lengths = np.asarray(level.page.databytecounts, np.int64)[number]
        return cls(
            table=np.stack([offsets, lengths], -1),
            tile_size=(level.tile_height, level.tile_width),
            tables=level.tables,
            blank=level.blank,
            mark_rgb=level.mark_rgb,
            is_rgb=level.photometric_interpretation == "RGB",
        )

    @classmethod
    def load(cls, path: Path) -> "TilePlaces":
        """What `save` wrote; the table is mapped, not read. Raises OSError and ValueError."""
        with path.open("rb") as file:
            said = json.loads(file.readline(_LONGEST_HEAD))
            start = file.tell()
        rows, columns = said["shape"]
        return cls(
            table=np.memmap(path, np.int64, "r", start, (rows, columns, 2)),
            tile_size=(said["tile_size"][0], said["tile_size"][1]),
            tables=bytes.fromhex(said["tables"]),
            blank=bytes.fromhex(said["blank"]),
            mark_rgb=said["mark_rgb"],
            is_rgb=said["is_rgb"],
        )

    def save(self, path: Path) -> None:
        said = {
            "shape": self.table.shape[:2],
            "tile_size": self.tile_size,
            "tables": self.tables.hex(),
            "blank": self.blank.hex(),
            "mark_rgb": self.mark_rgb,
            "is_rgb": self.is_rgb,
        }
        with path.open("wb") as file:
            file.write(json.dumps(said).encode() + b"\n")
            file.write(self.table.astype(np.int64).tobytes())

    def frame(self, file: SparseFile, column: int, row: int) -> bytes | None:
        """The frame of a tile as it will be stored, whole; None while a byte of it is missing.

        None, too, of a stream of another size than the level says: the whole file will be refused.
        Raises IndexError.
        """
        offset, length = (int(one) for one in self.table[row, column])
        frame = self.blank
        if length:
            try:
                tile = file.read(offset, length)
            except (Absent, ValueError):
                return None
            frame = jpeg.complete(tile, self.tables, mark_rgb=self.mark_rgb)
        # Fragments are of even length (PS3.5 A.4).
        return frame + bytes(len(frame) % 2) if codestream_size(frame) == self.tile_size else None
