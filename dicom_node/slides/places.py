"""Where each frame of an instance lies: counted, scanned from raw bytes, or parsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.archive import FrameTable
from dicom_node.archive.header import read_header
from dicom_node.records import InstanceRecord
from dicom_node.slides.images import SlideImage
from kernels import scan_positions

__all__ = ["FramePlaces", "frame_places", "header_without_frames", "parsed_places"]

_SHARED, _PER_FRAME = "52009229", "52009230"
# Tag and VR of the Per-Frame Functional Groups Sequence in explicit VR little endian.
_PER_FRAME_BYTES = b"\x00\x52\x30\x92SQ"
_NOT_EXPLICIT_LITTLE = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}
)


def header_without_frames(
    record: InstanceRecord, table: FrameTable, dataset_offset: int
) -> dict[str, Any] | None:
    """The header up to the Per-Frame Functional Groups, read from the file.

    Those groups are nearly all of a sparse slide's header: its JSON takes a thousand times as long.
    They are there, but empty. None when the header has none, or cannot be read so: when what holds
    for all frames is told in those groups too.
    """
    start, head = _per_frame_groups(record, table)
    if start < 0:
        return None
    header = read_header(head[:start], dataset_offset, record.transfer_syntax_uid)
    if header.problem or "00289110" not in _item(header.dicom_json, _SHARED):
        return None
    return header.dicom_json | {_PER_FRAME: {"vr": "SQ"}}


def _per_frame_groups(record: InstanceRecord, table: FrameTable) -> tuple[int, bytes]:
    """Where the groups begin in the file, -1 if not known, and the file up to its pixels."""
    if record.transfer_syntax_uid in _NOT_EXPLICIT_LITTLE:
        return -1, b""
    with record.path.open("rb") as file:
        # Pixel data come last: what is before them is the header.
        head = file.read(table.offset)
    return head.find(_PER_FRAME_BYTES), head


@dataclass(frozen=True)
class FramePlaces:
    """Where the frames of one instance lie, one entry a frame.

    Attributes
    ----------
    row, column : (n,) int32
        Of the tile; -1 where the frame does not lie on the grid.
    path : (n,) int32
        Index into the instance's ``path_ids``.
    z_um : (n,) float64
    """

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    path: NDArray[np.int32]
    z_um: NDArray[np.float64]


def frame_places(image: SlideImage) -> FramePlaces:
    """Find out where each frame of an instance lies.

    References
    ----------
    PS3.3 C.7.6.17.3: full tiling goes by column, row, focal plane, optical path.
    """
    return _full(image) if image.is_full else _sparse(image)


def _full(image: SlideImage) -> FramePlaces:
    columns, rows = image.grid
    number = np.arange(image.first_frame, image.first_frame + len(image.table), dtype=np.int64)
    plane = number // (columns * rows) % image.planes
    path = number // (columns * rows * image.planes)
    row = np.where(path < len(image.path_ids), number // columns % rows, -1)
    # Writers that leave out the distance have one plane; if not, planes are told by their order.
    step = 1.0 if image.step_um is None else image.step_um
    return FramePlaces(
        row.astype(np.int32),
        (number % columns).astype(np.int32),
        path.astype(np.int32),
        np.asarray(image.z_um + plane * step, np.float64),
    )


def _sparse(image: SlideImage) -> FramePlaces:
    count = len(image.table)
    if len(image.path_ids) == 1 and image.planes == 1:
        positions = _scanned(image)
        if positions is not None:
            path, z_um = np.zeros(count, np.int32), np.full(count, image.z_um)
            return FramePlaces(*_on_grid(image, positions), path, z_um)
    return parsed_places(image)


def _scanned(image: SlideImage) -> NDArray[np.int32] | None:
    """The positions read from the raw bytes; None where that cannot be trusted."""
    start, head = _per_frame_groups(image.record, image.table)
    if start < 0:
        return None
    try:
        raw = np.frombuffer(head, np.uint8)
        return scan_positions(raw, start, len(head), len(image.table))
    except ValueError:
        return None


def parsed_places(image: SlideImage) -> FramePlaces:
    """The places a sparse instance gives, read from the parsed header; the slow way."""
    items = image.whole_header().get(_PER_FRAME, {}).get("Value") or []
    count = len(image.table)
    positions = np.zeros((count, 2), np.int32)
    path = np.zeros(count, np.int32)
    z_um = np.full(count, image.z_um)
    index = {name: number for number, name in enumerate(image.path_ids)}
    for frame, item in enumerate(items[:count]):
        place = _item(item, "0048021A")
        positions[frame] = _number(place, "0048021E"), _number(place, "0048021F")
        if (z := _number(place, "0040074A", float("nan"))) == z:
            z_um[frame] = z
        name = _text(_item(item, "00480207"), "00480106")
        path[frame] = index.get(name, 0 if not name else -1)
    row, column = _on_grid(image, positions)
    return FramePlaces(np.where(path < 0, -1, row).astype(np.int32), column, path, z_um)


def _on_grid(
    image: SlideImage, positions: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Rows and columns of tiles for positions of first pixels, counted from 1."""
    width, height = image.tile
    columns, rows = image.grid
    x, y = positions[:, 0] - 1, positions[:, 1] - 1
    is_there = (x >= 0) & (y >= 0) & (x < columns * width) & (y < rows * height)
    is_there &= (x % width == 0) & (y % height == 0)
    return np.where(is_there, y // height, -1).astype(np.int32), (x // width).astype(np.int32)


def _item(header: Mapping[str, Any], tag: str) -> Mapping[str, Any]:
    items = header.get(tag, {}).get("Value") or [{}]
    return items[0] if isinstance(items[0], Mapping) else {}


def _number(item: Mapping[str, Any], tag: str, default: float = 0) -> float:
    values = item.get(tag, {}).get("Value") or [default]
    try:
        return float(values[0])
    except (TypeError, ValueError):
        return default


def _text(item: Mapping[str, Any], tag: str) -> str:
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0] if values[0] is not None else "").strip()
