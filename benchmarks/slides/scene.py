"""One made-up slide for everybody: tissue on glass as SVS, converted and indexed by us."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import simplejpeg
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.scenes import slide_tile
from dicom_node.archive import Archive, ArchiveSettings
from dicom_node.conversion import SlideFacts
from dicom_node.conversion.build import build
from dicom_node.pixels.cache import DerivedCache
from dicom_node.records import ReadScope
from dicom_node.slides import Shelf, SlideIndex, SlideSource
from tests.factories import from_site

__all__ = ["FACTS", "TILE", "Scene", "make_scene", "write_svs"]

TILE = 256
QUALITY = 80
FACTS = SlideFacts(
    patient_id="BENCH-SM",
    patient_name="Benchmark^Slide",
    study_instance_uid="1.2.826.0.1.3680043.8.498.77",
    container_id="BENCH-A1-1",
    seed="benchmark",
    received_at="2026-11-23T09:00:00",
    study_id="BENCH",
    study_date="20261123",
    study_time="0900",
    patient_birth_date="19700102",
    patient_sex="F",
    stain="H&E",
)


@dataclass
class Scene:
    """The slide in every form a contender wants it."""

    folder: Path
    size: int
    svs: Path
    dicom: Path  # a folder of instances
    archive: Archive
    index: SlideIndex
    source: SlideSource
    tissue: list[tuple[int, int]]  # (column, row) of tiles of level 0 that show tissue

    @property
    def base(self) -> Path:
        return self.dicom / "01-volume.dcm"


def make_scene(folder: Path, size: int) -> Scene:
    """Make the slide, convert it, take it in and index it."""
    svs = folder / "slide.svs"
    tissue = write_svs(svs, size)
    dicom = folder / "dicom"
    dicom.mkdir()
    built = build(svs, dicom, FACTS, lambda fraction, vi, en: None)
    archive = Archive.open(ArchiveSettings(folder / "archive", minimum_free_bytes=0))
    for path in built.files:
        archive.store_bytes(path.read_bytes(), from_site())
    (index,) = Shelf(archive).of_study(FACTS.study_instance_uid, ReadScope(everything=True))
    source = SlideSource(archive, DerivedCache(folder / "made", 1 << 30))
    return Scene(folder, size, svs, dicom, archive, index, source, tissue)


def write_svs(path: Path, size: int, *, base_only: bool = False) -> list[tuple[int, int]]:
    """Write `size` x `size` pixels as Aperio does: every fourth level, JPEG in YCbCr 4:2:0.

    Returns
    -------
    list of (int, int)
        Columns and rows of the tiles of level 0 with tissue.
    """
    said = (
        f"Aperio Image Library v12.0.15\r\n{size}x{size} [0,0 {size}x{size}] "
        f"({TILE}x{TILE}) JPEG/RGB Q={QUALITY}|AppMag = 40|MPP = 0.25"
    )
    options = {
        "tile": (TILE, TILE),
        "photometric": "ycbcr",
        "subsampling": (2, 2),
        "compression": "jpeg",
        "metadata": None,
        "description": said,
        "dtype": np.uint8,
    }
    mask = _islands(size // TILE)
    levels = [1] if base_only else [each for each in (1, 4, 16) if size // each >= TILE]
    with tifffile.TiffWriter(path, bigtiff=False) as tiff:
        for number, factor in enumerate(levels):
            edge = size // factor
            tiles = _coded_tiles(mask, -(-edge // TILE), factor)
            tiff.write(tiles, shape=(edge, edge, 3), **options)
            if not number:
                small = mask.resize((256, 256)).convert("RGB")
                tiff.write(np.asarray(small), metadata=None, description=said)
    cover = np.asarray(mask)
    return [(int(column), int(row)) for row, column in np.argwhere(cover > 127)]


def _islands(tiles: int) -> Image.Image:
    """How much of each tile of level 0 is tissue, 0 or 255: about half of the glass."""
    random = np.random.default_rng(4)
    mask = Image.new("L", (tiles, tiles), 0)
    pen = ImageDraw.Draw(mask)
    for _ in range(40):
        x, y = random.normal(0.5, 0.19, 2) * tiles
        radius = random.uniform(0.06, 0.14) * tiles
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask.filter(ImageFilter.ModeFilter(3))


@lru_cache(maxsize=4)
def _texture(factor: int) -> NDArray[np.uint8]:
    """Tissue alone, 2048 pixels of level 0 a side, which repeats itself seamlessly enough."""
    piece = slide_tile(2048, seed=3)[:, :1024]
    whole = np.concatenate([piece, piece[:, ::-1]], axis=1)
    return np.asarray(Image.fromarray(whole).reduce(factor)) if factor > 1 else whole


def _coded_tiles(mask: Image.Image, across: int, factor: int) -> Iterator[bytes]:
    """Tiles of one level, row by row."""
    random = np.random.default_rng(factor)
    texture = _texture(factor)
    texture = np.tile(texture, (-(-TILE // len(texture)),) * 2 + (1,))
    span = len(texture) // TILE
    glass = np.clip(random.normal(243, 1.5, (TILE, TILE, 3)), 0, 255).astype(np.uint8)
    known: dict[tuple[int, int] | None, bytes] = {}
    cover = np.asarray(mask)
    edges = np.linspace(0, len(cover), across + 1).astype(int)
    for row in range(across):
        for column in range(across):
            part = cover[edges[row] : edges[row + 1], edges[column] : edges[column + 1]]
            place = (row % span, column % span)
            if 0 < part.mean() < 255:
                yield _coded(_mixed(_cut(texture, place), glass, part))
                continue
            key = place if part.max() else None
            if key not in known:
                known[key] = _coded(_cut(texture, place) if part.max() else glass)
            yield known[key]


def _cut(texture: NDArray[np.uint8], place: tuple[int, int]) -> NDArray[np.uint8]:
    top, left = place[0] * TILE, place[1] * TILE
    return texture[top : top + TILE, left : left + TILE]


def _mixed(
    tissue: NDArray[np.uint8], glass: NDArray[np.uint8], part: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    share = np.asarray(Image.fromarray(part).resize((TILE, TILE), Image.Resampling.NEAREST))
    return np.where(share[..., None] > 127, tissue, glass)


def _coded(pixels: NDArray[np.uint8]) -> bytes:
    coded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=QUALITY, colorspace="RGB", colorsubsampling="420"
    )
    return coded
