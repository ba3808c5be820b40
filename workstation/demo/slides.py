"""The demo's slide: a made-up biopsy as DICOM files, as a slide scanner would send it."""

import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import JPEGBaseline8Bit

from dicom_node.conversion import SlideFacts, jpeg
from dicom_node.conversion.dataset import InstanceShape, instance, uid_of
from dicom_node.conversion.source import Scanner
from dicom_node.conversion.writer import write_instance
from kernels import pyramid, pyramid_shapes
from workstation.demo.tissue import MPP, draw_section
from workstation.i18n import ZONE

__all__ = ["SLIDE", "DemoSlide", "write_slide"]

SIZE = 6144
TILE = 512
JPEG_QUALITY = 82
SCANNER = Scanner("Hoichan", "Made-up slide", "1", "1", mpp=(MPP, MPP), objective_power=20.0)


class DemoSlide(NamedTuple):
    """Whose slide it is; `seed` names it on every machine."""

    key: str
    site: str
    seed: str

    @property
    def study_instance_uid(self) -> str:
        return uid_of(self.seed, "study")


SLIDE = DemoSlide("biopsy", "DEMO_B", "hoichan demo slide 1")


def write_slide(
    slide: DemoSlide, folder: Path, now: datetime.datetime, size: int = SIZE
) -> list[Path]:
    """Draw the slide and write its levels to `folder`, the largest first; return the files.

    The same slide on the same `now` is the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = facts_of(slide, now)
    frames = tiles(size)
    files = []
    for level, (rows, columns) in enumerate(pyramid_shapes(size, size, TILE)):
        coded = [stream for _, stream in sorted(frames[level].items())]
        spacing = MPP * 2**level / 1000
        length = sum(map(len, coded))
        shape = InstanceShape(
            number=level + 1,
            role="VOLUME",
            width=columns,
            height=rows,
            tile_width=TILE,
            tile_height=TILE,
            spacing_mm=(spacing, spacing),
            photometric_interpretation="YBR_FULL_422",
            resampled=level > 0,
            lossy="ISO_10918_1",
            ratio=rows * columns * 3 / length,
            volume_mm=(size * MPP / 1000, size * MPP / 1000),
        )
        path = folder / f"level-{level}.dcm"
        path.unlink(missing_ok=True)
        ds = instance(shape, facts, SCANNER)
        write_instance(path, ds, JPEGBaseline8Bit, coded, len(coded), length)
        files.append(path)
    return files


def tiles(size: int) -> list[dict[tuple[int, int], bytes]]:
    """The coded tiles of every level, by row and column."""
    section = draw_section(size)
    found: list[dict[tuple[int, int], bytes]] = [{} for _ in pyramid_shapes(size, size, TILE)]

    def read(row: int, column: int) -> NDArray[np.uint8]:
        box = (column * TILE, row * TILE, (column + 1) * TILE, (row + 1) * TILE)
        pixels = section.pixels(*box)
        found[0][row, column] = code(pixels)
        return pixels

    for tile in pyramid(read, size, size, TILE):
        found[tile.level][tile.row, tile.column] = code(tile.pixels)
    return found


def code(pixels: NDArray[np.uint8]) -> bytes:
    rows, columns = pixels.shape[:2]
    whole = np.pad(pixels, ((0, TILE - rows), (0, TILE - columns), (0, 0)), "edge")
    return jpeg.encode(whole, JPEG_QUALITY, subsampled=True)


def facts_of(slide: DemoSlide, now: datetime.datetime) -> SlideFacts:
    begun = now.astimezone(ZONE)
    return SlideFacts(
        patient_id="DEMO-B-0002",
        patient_name="VÕ^THỊ MINH HỌA",
        issuer_of_patient_id=slide.site,
        patient_birth_date="19640817",
        patient_sex="F",
        study_instance_uid=slide.study_instance_uid,
        study_id="1",
        study_date=begun.strftime("%Y%m%d"),
        study_time=begun.strftime("%H%M%S"),
        study_description="SINH THIET DAI TRANG (HINH VE MAU)",
        accession_number="GPB-DEMO-1",
        institution_name=slide.site,
        container_id="GPB-DEMO-1-A1",
        part_id="A",
        block_id="A1",
        specimen_description="Sinh thiết đại tràng sigma, 3 mảnh (hình vẽ mẫu)",
        stain="H&E",
        received_at=begun.isoformat(),
        seed=slide.seed,
    )
