"""Real images, read through the archive's own header reader and frame table."""

from dataclasses import dataclass
from pathlib import Path

from dicom_node.archive.frames import frame_table
from dicom_node.archive.header import inflate, read_header
from dicom_node.errors import NotFound
from dicom_node.part10 import DEFLATED, read_meta
from dicom_node.pixels import Frames, PixelDescription

__all__ = ["Sample", "image_files", "sample"]


@dataclass
class Sample:
    """One file: its header, frames and bytes."""

    path: Path
    header: dict
    frames: Frames
    data: bytes

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def sample(path: Path) -> Sample:
    """Read a Part 10 file. Raises CannotDecode, CannotUnderstand."""
    raw = path.read_bytes()
    meta = read_meta(raw)
    found = read_header(raw, meta.dataset_offset, meta.transfer_syntax_uid)
    table = frame_table(raw, found, meta.transfer_syntax_uid)
    data = inflate(raw[meta.dataset_offset :]) if meta.transfer_syntax_uid in DEFLATED else raw

    def read(offset: int, length: int) -> bytes:
        piece = data[offset : offset + length]
        if len(piece) != length:
            raise NotFound("no such bytes")
        return piece

    description = PixelDescription.from_header(
        found.dicom_json, meta.transfer_syntax_uid, len(table)
    )
    return Sample(path, found.dicom_json, Frames(read, table, description), data)


def image_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.dcm") if path.is_file())
