"""Tiles of a file that is still arriving: whole or not at all, and whose turn it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from benchmarks.slides.scene import write_svs
from dicom_node.conversion.blocks import SparseFile
from dicom_node.conversion.build import build
from dicom_node.conversion.opening import open_source
from dicom_node.conversion.places import TilePlaces
from dicom_node.conversion.verify import frames_of
from dicom_node.slides import early, slide_id
from dicom_node.slides.announced import withdraw
from dicom_node.slides.early import Box, early_tile, keep_places, wish, wished_blocks
from tests.dicom_node.conversion.conftest import facts
from tests.dicom_node.conversion.test_arriving import BLOCK, Arrival

SERIES, LEVEL = "1.2.3.1", "1.2.3.1.1"
SLIDE = slide_id(SERIES)


def write_plain(path: Path, photometric: str, **options: Any) -> None:
    """Tiled JPEG as libraries write it; of `rgb` the stream does not say what it is."""
    random = np.random.default_rng(5)
    picture = random.integers(0, 255, (700, 900, 3), np.uint8)
    resolution = {"resolution": (40_000, 40_000), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(
        path,
        picture,
        tile=(256, 256),
        photometric=photometric,
        compression="jpeg",
        metadata=None,
        **resolution,
        **options,
    )


MAKERS: dict[str, Callable[[Path], Any]] = {
    "aperio.svs": lambda path: write_svs(path, 2048),
    "rgb.tif": lambda path: write_plain(path, "rgb"),
    "ycbcr.tif": lambda path: write_plain(path, "ycbcr", subsampling=(2, 1)),
}


class Hall:
    """An archive's folder beside a slide of which all bytes can come, block by block."""

    def __init__(self, whole: Path, folder: Path, block_bytes: int = BLOCK) -> None:
        self.archive = folder / "archive"
        (self.archive / "slides" / "announced").mkdir(parents=True)
        self.arrival = Arrival(whole, folder, block_bytes)
        source = open_source(whole)
        try:
            places = TilePlaces.of(source.levels[0])
        finally:
            source.close()
        assert places is not None
        self.places = places
        places.save(folder / "places")
        keep_places(
            self.archive,
            SERIES,
            self.arrival.path,
            self.arrival.blocks,
            {LEVEL: folder / "places"},
        )

    def tile(self, column: int, row: int) -> bytes | None:
        return early_tile(self.archive, SLIDE, LEVEL, column, row)

    def wish(self, box: Box, reader: str = "one") -> list[tuple[int, int]] | None:
        return wish(self.archive, SLIDE, LEVEL, box, reader)

    def wished(self) -> list[list[int]]:
        return wished_blocks(self.archive, SERIES, self.arrival.blocks.here)

    def take_all(self) -> None:
        for number in range(self.arrival.blocks.count):
            self.arrival.take(number)


@pytest.fixture(scope="module")
def svs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("svs") / "slide.svs"
    write_svs(path, 4096)
    return path


@pytest.mark.parametrize("name", MAKERS)
def test_every_early_tile_is_the_frame_of_the_instance(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    MAKERS[name](path)
    folder = tmp_path / "whole"
    folder.mkdir()
    built = build(path, folder, facts(), lambda *_: None)
    frames = list(frames_of(built.files[0]))
    hall = Hall(path, tmp_path, 4096)
    rows, columns = hall.places.table.shape[:2]
    assert rows * columns == len(frames)
    hall.take_all()
    with SparseFile(hall.arrival.path, hall.arrival.blocks) as file:
        for number, frame in enumerate(frames):
            row, column = divmod(number, columns)
            assert hall.places.frame(file, column, row) == frame
    for place in ((columns, 0), (0, rows)):
        assert hall.tile(*place) is None


def test_a_tile_is_there_when_its_last_byte_is(svs: Path, tmp_path: Path) -> None:
    hall = Hall(svs, tmp_path, 512)
    blocks = hall.arrival.blocks
    offset, length = (int(one) for one in hall.places.table[7, 8])
    mine = blocks.of(np.array([offset]), np.array([length]))
    assert len(mine) > 2
    for missing in (mine[0], mine[-1], mine[len(mine) // 2]):
        blocks.begin()
        for number in mine:
            if number != missing:
                hall.arrival.take(int(number))
        assert hall.tile(8, 7) is None
        assert hall.wish(Box(8, 7, 1, 1)) == []
        assert hall.wished() == [[missing]]
    hall.arrival.take(int(missing))
    assert hall.wish(Box(8, 7, 1, 1)) == [(8, 7)]
    assert hall.wished() == []
    found = hall.tile(8, 7)
    assert found is not None
    # What is not a picture of the level's size is not shown: the whole will be refused.
    with hall.arrival.path.open("r+b") as file:
        file.seek(offset)
        file.write(bytes(length))
    assert hall.tile(8, 7) is None


def test_the_middle_of_a_box_comes_first(svs: Path, tmp_path: Path) -> None:
    hall = Hall(svs, tmp_path, 2048)
    hall.wish(Box(2, 2, 5, 5))
    (wished,) = hall.wished()
    offset, length = hall.places.table[4, 4]
    middle = hall.arrival.blocks.of(np.array([offset]), np.array([length])).tolist()
    assert wished[: len(middle)] == middle
    box = hall.places.table[2:7, 2:7].reshape(-1, 2)
    every = hall.arrival.blocks.of(box[:, 0], box[:, 1]).tolist()
    assert sorted(wished) == every
    # What has come is wished no more.
    hall.arrival.take(middle[0])
    assert hall.wished() == [[number for number in wished if number != middle[0]]]


def test_a_wish_is_bounded(svs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(svs, tmp_path)
    monkeypatch.setattr(early, "MOST_ACROSS", 4)
    hall.wish(Box(0, 0, 99_999_999, 99_999_999))
    (wished,) = hall.wished()
    box = hall.places.table[6:10, 6:10].reshape(-1, 2)
    assert sorted(wished) == hall.arrival.blocks.of(box[:, 0], box[:, 1]).tolist()
    monkeypatch.setattr(early, "_MOST_BLOCKS", 3)
    hall.wish(Box(0, 0, 99_999_999, 99_999_999))
    (few,) = hall.wished()
    assert few[:3] == wished[:3]
    assert len(few) < len(wished)


def test_readers_replace_their_own_wishes_only(
    svs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = Hall(svs, tmp_path)
    hall.wish(Box(0, 0, 2, 2), "one")
    first = hall.wished()
    hall.wish(Box(12, 12, 2, 2), "two")
    assert len(hall.wished()) == 2
    hall.wish(Box(6, 6, 2, 2), "one")
    assert len(hall.wished()) == 2
    assert first[0] not in hall.wished()
    for number in range(20):
        hall.wish(Box(number % 14, 3, 2, 2), f"reader {number}")
    assert len(hall.wished()) == 8
    assert "reader" not in (hall.archive / f"slides/announced/{SLIDE}.wishes").read_text()
    # Who looks elsewhere says no more of it.
    monkeypatch.setattr(early, "_WISH_SECONDS", -1.0)
    assert hall.wished() == []


def test_wishes_that_are_lost_do_no_harm(svs: Path, tmp_path: Path) -> None:
    hall = Hall(svs, tmp_path)
    hall.wish(Box(0, 0, 2, 2))
    path = hall.archive / f"slides/announced/{SLIDE}.wishes"
    path.write_bytes(b"{half of it")
    assert hall.wished() == []
    hall.wish(Box(0, 0, 2, 2))
    assert len(hall.wished()) == 1
    withdraw(hall.archive, SERIES)
    assert list(path.parent.iterdir()) == []
    assert hall.wish(Box(0, 0, 2, 2)) is None
    assert hall.wished() == []
    assert hall.tile(0, 0) is None


def test_tiles_that_are_not_copied_have_no_places(test_data: Path, tmp_path: Path) -> None:
    """Coded anew, or shown by no browser: nothing is promised of them."""
    path = tmp_path / "deflated.tif"
    picture = np.random.default_rng(1).integers(0, 255, (600, 600, 3), np.uint8)
    tifffile.imwrite(path, picture, tile=(256, 256), compression="deflate", metadata=None)
    for each in (path, test_data / "wsi/svs_cmu1_small_region/CMU-1-Small-Region.svs"):
        source = open_source(each)
        try:
            is_jpeg = source.levels[0].transfer_syntax_uid == "1.2.840.10008.1.2.4.50"
            assert (TilePlaces.of(source.levels[0]) is not None) == is_jpeg == (each != path)
        finally:
            source.close()
