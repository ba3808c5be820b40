"""Tiles of levels that are on their way, and what readers wish to come next.

Beside an announced level lies a list of where its tiles are in the file that is arriving. A tile
whose bytes are all here is what the converted instance will hold, byte for byte; of any other
there is nothing. A reader who looks beyond the levels that are here says at which tiles: whoever
receives the file asks for their blocks first. A wish holds for a minute, and may be lost.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dicom_node.conversion.blocks import Blocks, SparseFile
from dicom_node.conversion.places import TilePlaces
from dicom_node.slides.announced import announced_path, write_whole
from dicom_node.slides.index import slide_id
from dicom_node.slides.jpeg import splice

__all__ = ["MOST_ACROSS", "Box", "early_tile", "keep_places", "wish", "wished_blocks"]

# A field of the largest screen, in tiles; of a larger box its middle counts.
MOST_ACROSS = 32
_MOST_READERS = 8
_MOST_BLOCKS = 256  # of one wish
_WISH_SECONDS = 60.0


class Box(NamedTuple):
    """Tiles of a level: the first, and how many."""

    column: int
    row: int
    columns: int
    rows: int


class _Arriving(NamedTuple):
    """A level that is on its way, and the file it comes in."""

    places: TilePlaces
    content: Path
    blocks: Blocks


def keep_places(
    archive_folder: Path,
    series_instance_uid: str,
    content: Path,
    blocks: Blocks,
    places: Mapping[str, Path],
) -> None:
    """Say which file the announced levels of a series come in.

    Parameters
    ----------
    content : Path
        Of its full size, with holes.
    places : mapping of str to Path
        By SOP Instance UID of the level, what `TilePlaces.save` wrote.
    """
    slide = slide_id(series_instance_uid)
    for uid, path in places.items():
        target = _places_path(archive_folder, slide, uid)
        temporary = target.with_suffix(".tmp")
        with path.open("rb") as source, temporary.open("wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            # A table of zeros, after a power cut, would be glass.
            os.fsync(copy.fileno())
        temporary.replace(target)
    said = [str(content.absolute()), str(blocks.path.absolute()), blocks.size, blocks.block_bytes]
    write_whole(announced_path(archive_folder, slide, "file"), json.dumps(said))


def early_tile(
    archive_folder: Path, slide: str, sop_instance_uid: str, column: int, row: int
) -> bytes | None:
    """One tile as a browser shows it, from the file that is arriving; None while it is not here."""
    try:
        level = _open(archive_folder, slide, sop_instance_uid)
        with SparseFile(level.content, level.blocks) as file:
            frame = level.places.frame(file, column, row)
    except (OSError, ValueError, IndexError):  # nothing arrives, or not any more
        return None
    # As of the instance: `SlideSource` marks RGB that does not say so.
    return None if frame is None else splice(frame, b"", level.places.is_rgb)


def wish(
    archive_folder: Path, slide: str, sop_instance_uid: str, box: Box, reader: str
) -> list[tuple[int, int]] | None:
    """Ask that a box come first, instead of what this reader wished before.

    Returns
    -------
    list of (int, int), or None
        Column and row of the tiles in the box whose bytes have all come; None when none will come
        before the level does.
    """
    found = _look(archive_folder, slide, sop_instance_uid, box)
    if found is None:
        return None
    path = announced_path(archive_folder, slide, "wishes")
    wishes = _wishes(path)
    # Readers are told apart, and not named.
    key = hashlib.sha256(f"{slide} {reader}".encode()).hexdigest()[:16]
    wishes[key] = {"at": time.time(), "blocks": found.missing}
    latest = sorted(wishes, key=lambda one: -wishes[one]["at"])[:_MOST_READERS]
    write_whole(path, json.dumps({one: wishes[one] for one in latest}))
    return found.here


def wished_blocks(
    archive_folder: Path, series_instance_uid: str, here: NDArray[np.bool_]
) -> list[list[int]]:
    """Of each reader, the blocks that are wished and not `here`, most wanted first."""
    path = announced_path(archive_folder, slide_id(series_instance_uid), "wishes")
    wishes = _wishes(path)
    found = [
        [number for number in wishes[reader]["blocks"] if not here[number]]
        for reader in sorted(wishes)
    ]
    return [one for one in found if one]


class _Look(NamedTuple):
    here: list[tuple[int, int]]
    missing: list[int]  # blocks


def _look(archive_folder: Path, slide: str, sop_instance_uid: str, box: Box) -> _Look | None:
    try:
        level = _open(archive_folder, slide, sop_instance_uid)
        here = level.blocks.here
    except (OSError, ValueError):
        return None
    rows, columns = level.places.table.shape[:2]
    top, bottom = _middle(box.row, box.rows, rows)
    left, right = _middle(box.column, box.columns, columns)
    offsets, lengths = np.moveaxis(level.places.table[top:bottom, left:right], -1, 0)
    first = offsets // level.blocks.block_bytes
    last = (offsets + np.maximum(lengths, 1) - 1) // level.blocks.block_bytes
    # So many blocks have come before each: of a tile that is here, all between its ends.
    before = np.concatenate([[0], np.cumsum(here)])
    is_in_file = (offsets >= 0) & (offsets + lengths <= level.blocks.size)
    first, last = np.where(is_in_file, first, 0), np.where(is_in_file, last, 0)
    is_whole = (lengths == 0) | is_in_file & (before[last + 1] - before[first] == last + 1 - first)
    y, x = np.indices(is_whole.shape)
    away = np.hypot(y - (bottom - top - 1) / 2, x - (right - left - 1) / 2)
    missing: dict[int, None] = {}
    for at in np.argsort(away, axis=None, kind="stable"):
        if len(missing) >= _MOST_BLOCKS:
            break
        if is_in_file.flat[at] and not is_whole.flat[at]:
            span = range(int(first.flat[at]), int(last.flat[at]) + 1)
            missing.update(dict.fromkeys(number for number in span if not here[number]))
    found = [(left + int(column), top + int(row)) for row, column in np.argwhere(is_whole)]
    return _Look(found, list(missing))


def _middle(first: int, count: int, most: int) -> tuple[int, int]:
    """The part of a range that lies within `most`, its middle when it is too long."""
    begin, end = min(max(first, 0), most), min(max(first + count, 0), most)
    begin += max(0, (end - begin - MOST_ACROSS) // 2)
    return begin, min(end, begin + MOST_ACROSS)


def _open(archive_folder: Path, slide: str, sop_instance_uid: str) -> _Arriving:
    """Raises OSError and ValueError when the level is not on its way."""
    places = TilePlaces.load(_places_path(archive_folder, slide, sop_instance_uid))
    said = json.loads(announced_path(archive_folder, slide, "file").read_bytes())
    content, blocks, size, block_bytes = said
    return _Arriving(places, Path(content), Blocks(Path(blocks), size, block_bytes))


def _places_path(archive_folder: Path, slide: str, sop_instance_uid: str) -> Path:
    return announced_path(archive_folder, slide, f"{slide_id(sop_instance_uid)}.places")


def _wishes(path: Path) -> dict[str, Any]:
    """What readers wish now."""
    try:
        known: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    oldest = time.time() - _WISH_SECONDS
    return {reader: one for reader, one in known.items() if one["at"] > oldest}
