"""The demo's slide: valid instances of one pyramid, tissue on glass, the same every time."""

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
import wsidicom
from PIL import Image
from pydicom.encaps import generate_frames

from kernels import tissue_mask
from tests.dicom_node.objects.judges import dciodvfy
from workstation.demo.slides import SLIDE, write_slide
from workstation.demo.tissue import MPP, PIECES, draw_section

NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
SIZE = 2048


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A small one: drawn by the same rules."""
    return write_slide(SLIDE, tmp_path_factory.mktemp("slide"), NOW, SIZE)


def test_every_level_is_valid_and_half_of_the_one_before(files: list[Path]) -> None:
    levels = [pydicom.dcmread(path) for path in files]
    assert [one.TotalPixelMatrixColumns for one in levels] == [2048, 1024, 512]
    for path, level in zip(files, levels, strict=True):
        assert dciodvfy(path).errors == ()
        spacing = level.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
        assert float(spacing[0]) * level.TotalPixelMatrixColumns == pytest.approx(SIZE * MPP / 1000)
    assert len({one.SeriesInstanceUID for one in levels}) == 1
    assert {one.StudyInstanceUID for one in levels} == {SLIDE.study_instance_uid}
    assert (levels[0].StudyDate, levels[0].StudyTime) == ("20261124", "033000")


def test_other_readers_see_what_was_drawn(files: list[Path]) -> None:
    section = draw_section(SIZE)
    with wsidicom.WsiDicom.open(files[0].parent) as slide:
        seen = np.asarray(slide.read_region((600, 100), 0, (400, 300)).convert("RGB"), float)
    wanted = section.pixels(600, 100, 1000, 400).astype(float)
    assert np.abs(seen - wanted).mean() < 4


def test_there_is_tissue_on_glass(files: list[Path]) -> None:
    smallest = pydicom.dcmread(files[-1])
    (frame,) = generate_frames(smallest.PixelData, number_of_frames=1)
    picture = np.asarray(Image.open(io.BytesIO(frame)).convert("RGB"))
    found = tissue_mask(picture)
    assert 0.1 < found.fraction < 0.6
    for piece in PIECES:
        x, y = (
            np.array(piece.start) * 0.25 + np.array(piece.middle) * 0.5 + 0.25 * np.array(piece.end)
        )
        assert found.mask[int(y * 512), int(x * 512)]
    assert not found.mask[-20:, :20].any()


def test_writing_again_gives_the_same_bytes(files: list[Path], tmp_path: Path) -> None:
    again = write_slide(SLIDE, tmp_path, NOW, SIZE)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]
