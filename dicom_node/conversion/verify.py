"""What was written, read back by another library and compared with the vendor's file."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import JPEGBaseline8Bit

from dicom_node.conversion import jpeg
from dicom_node.conversion.refusals import ConversionRefused, refuse
from dicom_node.conversion.source import Region, coded_layers, layers_of
from dicom_node.pixels.codestream import codestream_size

__all__ = ["check_coded_again", "check_copied", "frames_of"]

_SAMPLES = 16
# Of JPEG at quality 90 against its source; a wrong tile lies far below.
_LEAST_PSNR_DB = 26.0


def frames_of(path: Path) -> Iterator[bytes]:
    """Yield the encapsulated frames of a file, as pydicom finds them."""
    with path.open("rb") as file:
        ds = dcmread(file, stop_before_pixels=True)
        file.seek(12, 1)  # the header of Pixel Data
        extended = None
        if "ExtendedOffsetTable" in ds:
            extended = (ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths)
        yield from generate_frames(
            file, number_of_frames=int(ds.NumberOfFrames), extended_offsets=extended
        )


def check_copied(path: Path, level: Any, report: Callable[[float], None]) -> None:
    """Every coded tile of a level is in the file, bit for bit, and some decode.

    Raises
    ------
    ConversionRefused
    """
    columns = -(-level.width // level.tile_width)
    rows = -(-level.height // level.tile_height)
    size = (level.tile_height, level.tile_width)
    layers = coded_layers(level)
    total = columns * rows * len(layers)
    chosen = _chosen(total)
    is_jpeg = level.transfer_syntax_uid == JPEGBaseline8Bit
    for number, frame in enumerate(frames_of(path)):
        layer, tile = divmod(number, columns * rows)
        column, row = tile % columns, tile // columns
        pieces = layers[layer].stored(column, row)
        if codestream_size(frame) != size:
            raise refuse(
                "damaged", "a tile has another size than its layer says", f"ô {column}, {row}"
            )
        equal = _holds_scan(frame, pieces) if is_jpeg else frame.startswith(pieces[0])
        if pieces and not equal:
            raise refuse("not_equal", f"{column}, {row}")
        if number in chosen and is_jpeg:
            jpeg.decode(frame)
        if number % 256 == 0:
            report(number / total)


def check_coded_again(
    path: Path,
    level: Any,
    tile: int,
    decode: Callable[[bytes, int], NDArray[Any]],
    *,
    exact: bool,
) -> None:
    """Tiles here and there show what the vendor's file shows. Raises ConversionRefused."""
    columns, rows = -(-level.width // tile), -(-level.height // tile)
    layers = layers_of(level)
    chosen = _chosen(columns * rows * len(layers))
    for number, frame in enumerate(frames_of(path)):
        if number not in chosen:
            continue
        layer, at = divmod(number, columns * rows)
        left, top = at % columns * tile, at // columns * tile
        width, height = min(tile, level.width - left), min(tile, level.height - top)
        wanted = Region(layers[layer]).read(left, top, width, height)
        found = decode(frame, tile)[:height, :width]
        if exact and not np.array_equal(found, wanted):
            raise refuse("not_equal", f"{left}, {top}")
        if not exact and psnr_db(found, wanted) < _LEAST_PSNR_DB:
            raise refuse("not_equal", f"{left}, {top}")


def psnr_db(found: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of 8-bit pixels."""
    error = float(np.mean((found.astype(np.float32) - wanted) ** 2))
    return 99.0 if error == 0 else 10 * float(np.log10(255.0**2 / error))


def _holds_scan(frame: bytes, pieces: list[bytes]) -> bool:
    """Whether the frame's scan is these pieces, with nothing but restart markers between them."""
    try:
        position = jpeg.scan_start(frame)
    except ConversionRefused:
        return False
    position += 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
    for piece in pieces:
        if frame[position : position + len(piece)] != piece:
            return False
        position += len(piece)
        marker = frame[position : position + 2]
        if len(marker) != 2 or marker[0] != 0xFF or not 0xD0 <= marker[1] <= 0xD9:
            return False
        position += 2
    return True


def _chosen(count: int) -> frozenset[int]:
    """First and last, and some by chance."""
    some = random.sample(range(count), min(_SAMPLES, count))
    return frozenset((0, count - 1, *some))
