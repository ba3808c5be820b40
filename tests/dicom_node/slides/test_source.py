"""Bytes of tiles: as stored in every arrangement, made where a browser needs it."""

import os
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)

from dicom_node.archive import Archive
from dicom_node.errors import NotFound
from dicom_node.slides import SlideSource
from tests.dicom_node.slides.glass import (
    Glass,
    colour_at,
    jpeg_2000,
    put,
    slide_of,
    stored_file,
    tile_colour,
)


def noise(_path: int, _plane: int, row: int, column: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(10 * row + column)
    small = generator.integers(0, 255, (2, 4, 3), np.uint8)
    return np.repeat(np.repeat(small, 4, 0), 4, 1)


def opened(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(data)))


@pytest.mark.parametrize(
    ("table", "fragments"), [("basic", 1), ("extended", 1), ("none", 1), ("basic", 3), ("none", 3)]
)
def test_stored_jpeg_leaves_as_it_came(
    archive: Archive, source: SlideSource, table: str, fragments: int
) -> None:
    glass = Glass(PhotometricInterpretation="YBR_FULL_422")
    dataset = glass.level(
        pixels=noise,
        syntax=JPEGBaseline8Bit,
        table=table,
        fragments=fragments,
        PhotometricInterpretation="YBR_FULL_422",
    )
    put(archive, dataset)
    index = slide_of(archive, glass)
    told = dcmread(stored_file(archive, dataset))
    frames = list(generate_frames(told.PixelData, number_of_frames=9))
    for row in range(3):
        for column in range(3):
            frame = index.frame(0, 0, 0, column, row)
            data, media_type = source.tile(index, frame)
            assert media_type == "image/jpeg"
            assert data == frames[3 * row + column]
            assert source.tile_at_hand(index, frame) == (data, media_type)
            # In the page cache, and its file open: no thread is needed. A frame in pieces waits.
            at_once = source.tile_at_once(index, frame)
            assert at_once in (None, (data, media_type))
            assert fragments == 1 or at_once is None


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian],
)
def test_native_tiles_are_made_into_pictures(
    archive: Archive, source: SlideSource, syntax: UID
) -> None:
    glass = Glass()
    put(archive, glass.level(syntax=syntax))
    index = slide_of(archive, glass)
    assert colour_at(source, index, 0, 0, 0, 1, 2) == tile_colour(0, 0, 2, 1)
    frame = index.frame(0, 0, 0, 1, 2)
    assert source.tile_at_once(index, frame) is None
    assert source.tile_at_hand(index, frame) is None
    data, media_type = source.tile(index, frame)
    assert media_type == "image/jpeg"
    assert np.abs(opened(data).astype(int) - tile_colour(0, 0, 2, 1)).max() <= 2
    assert source.tile_at_hand(index, frame) == (data, media_type)  # made once


def test_jpeg_2000_is_made_into_jpeg(archive: Archive, source: SlideSource) -> None:
    glass = Glass()
    put(
        archive,
        glass.level(
            pixels=lambda *place: jpeg_2000(noise(*place)),
            syntax=JPEG2000Lossless,
            PhotometricInterpretation="YBR_RCT",
        ),
    )
    index = slide_of(archive, glass)
    frame = index.frame(0, 0, 0, 1, 2)
    np.testing.assert_array_equal(source.values(index, frame), noise(0, 0, 2, 1))
    data, media_type = source.tile(index, frame)
    assert (data[:2], media_type) == (b"\xff\xd8", "image/jpeg")


def test_sixteen_bits_are_shown_over_the_range_in_use(
    archive: Archive, source: SlideSource
) -> None:
    def dim(_path: int, _plane: int, row: int, column: int) -> NDArray[np.uint16]:
        return np.full((8, 16), 100 * (3 * row + column), np.uint16)

    glass = Glass()
    put(archive, glass.level(pixels=dim))
    index = slide_of(archive, glass)
    (path,) = index.facts["optical_paths"]
    assert path["monochrome"]
    # The brightest sampled is 800: twice that is the top, not 65535, where all would be black.
    assert path["range"] == [0.0, 1600.0]
    data, media_type = source.tile(index, index.frame(0, 0, 0, 2, 2))
    assert media_type == "image/png"  # every grey value
    np.testing.assert_array_equal(opened(data), round(800 * 255 / 1600))


def test_monochrome1_is_turned_round(archive: Archive, source: SlideSource) -> None:
    def grey(*_place: int) -> NDArray[np.uint8]:
        return np.full((8, 16), 40, np.uint8)

    glass = Glass()
    put(archive, glass.level(pixels=grey, PhotometricInterpretation="MONOCHROME1"))
    index = slide_of(archive, glass)
    data, _ = source.tile(index, index.frame(0, 0, 0, 0, 0))
    np.testing.assert_array_equal(opened(data), 215)


def test_a_file_that_lost_its_end_costs_a_tile_not_the_process(
    archive: Archive, source: SlideSource
) -> None:
    glass = Glass()
    dataset = glass.level(
        pixels=noise, syntax=JPEGBaseline8Bit, PhotometricInterpretation="YBR_FULL_422"
    )
    put(archive, dataset)
    index = slide_of(archive, glass)
    first, last = index.frame(0, 0, 0, 0, 0), index.frame(0, 0, 0, 2, 2)
    source.tile(index, last)
    os.truncate(stored_file(archive, dataset), int(index.frames[last]["offset"]) + 5)
    assert source.tile_at_once(index, last) is None
    with pytest.raises(NotFound):
        source.tile(index, last)
    assert source.tile(index, first)[0][:2] == b"\xff\xd8"
    stored_file(archive, dataset).unlink()
    other = SlideSource(archive, source._cache)
    with pytest.raises(NotFound):
        other.tile(index, first)


def test_an_instance_cut_off_on_the_way_in(archive: Archive, source: SlideSource) -> None:
    """What had come is shown; the rest is not received."""
    glass = Glass()
    dataset = glass.level()
    dataset.PixelData = dataset.PixelData[: 8 * 16 * 3 * 5]
    put(archive, dataset)
    index = slide_of(archive, glass)
    assert colour_at(source, index, 0, 0, 0, 1, 1) == tile_colour(0, 0, 1, 1)
    assert index.frame(0, 0, 0, 2, 1) == -2
    assert index.facts["received"] == {"frames": 5, "expected": 9}
    assert any("cut off" in problem["en"] for problem in index.facts["problems"])


def test_a_colour_space_that_contradicts_the_header_is_said(archive: Archive) -> None:
    out = BytesIO()
    Image.fromarray(noise(0, 0, 0, 0)).save(out, "JPEG", keep_rgb=True)
    glass = Glass()
    put(
        archive,
        glass.level(
            pixels=lambda *_place: out.getvalue(),
            syntax=JPEGBaseline8Bit,
            PhotometricInterpretation="YBR_FULL_422",
        ),
    )
    problems = slide_of(archive, glass).facts["problems"]
    assert any("another colour space" in problem["en"] for problem in problems)
