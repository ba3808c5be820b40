"""Regions, against cutting them out of the whole; colours, against Little CMS."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom import dcmread

from dicom_node.archive import Archive
from dicom_node.errors import NotFound
from dicom_node.slides import SlideIndex, SlideSource
from dicom_node.slides.colour import EDGE, is_usable, table, to_srgb
from dicom_node.slides.render import Region, default_paths, render, whole
from tests.dicom_node.slides.glass import Glass, item, put, slide_of


def picture_of(columns: int, rows: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(columns)
    return generator.integers(0, 255, (rows, columns, 3), np.uint8)


def tiles_of(picture: NDArray[np.uint8], tile: tuple[int, int] = (16, 8)) -> object:
    def cut(_path: int, _plane: int, row: int, column: int) -> NDArray[np.uint8]:
        part = picture[row * tile[1] :, column * tile[0] :][: tile[1], : tile[0]]
        # What is beyond the edge must never be seen: make it scream.
        padded = np.full((tile[1], tile[0], 3), (255, 0, 255), np.uint8)
        padded[: part.shape[0], : part.shape[1]] = part
        return padded

    return cut


@pytest.fixture
def pyramid(archive: Archive) -> tuple[SlideIndex, NDArray[np.uint8]]:
    """Two levels at a ratio of 2; the small one is plain grey, to be told apart."""
    glass = Glass()
    picture = picture_of(41, 25)
    grey = np.full((12, 20, 3), 99, np.uint8)
    put(
        archive,
        glass.level(41, 25, pixels=tiles_of(picture)),
        glass.level(20, 12, pixels=tiles_of(grey), spacing=0.001, InstanceNumber=2),
    )
    return slide_of(archive, glass), picture


@pytest.mark.parametrize(
    "box", [(0, 0, 41, 25), (3, 2, 30, 20), (15, 7, 3, 3), (40, 24, 1, 1), (16, 8, 16, 8)]
)
def test_a_region_is_what_lies_there(
    source: SlideSource,
    pyramid: tuple[SlideIndex, NDArray[np.uint8]],
    box: tuple[int, int, int, int],
) -> None:
    index, picture = pyramid
    x, y, width, height = box
    found = render(source, index, Region(x, y, width, height, 1), [0])
    np.testing.assert_array_equal(found, picture[y : y + height, x : x + width])


def test_beyond_the_edge_is_glass(
    source: SlideSource, pyramid: tuple[SlideIndex, NDArray[np.uint8]]
) -> None:
    index, picture = pyramid
    found = render(source, index, Region(-5, -3, 60, 40, 1), [0])
    expected = np.full((40, 60, 3), 255, np.uint8)
    expected[3:28, 5:46] = picture
    np.testing.assert_array_equal(found, expected)


def test_the_level_fits_the_scale(
    source: SlideSource, pyramid: tuple[SlideIndex, NDArray[np.uint8]]
) -> None:
    index, _ = pyramid
    assert (render(source, index, Region(2, 2, 20, 10, 0.5), [0]) == 99).all()
    assert not (render(source, index, Region(2, 2, 20, 10, 0.6), [0]) == 99).all()


def test_what_has_not_come_is_striped(archive: Archive, source: SlideSource) -> None:
    glass = Glass()
    put(archive, glass.level(frames=slice(0, 8)))
    index = slide_of(archive, glass)
    found = render(source, index, Region(32, 16, 8, 8, 1), [0])
    assert set(np.unique(found)) == {178, 214}


def test_blank_places_are_glass(archive: Archive, source: SlideSource) -> None:
    glass = Glass()
    put(archive, glass.level(sparse=[(0, 0, 0, 0)]))
    index = slide_of(archive, glass)
    assert (render(source, index, Region(16, 0, 16, 8, 1), [0]) == 255).all()


def channels() -> Glass:
    return Glass()


def test_channels_are_added_in_their_colours(archive: Archive, source: SlideSource) -> None:
    def grey(path: int, *_place: int) -> NDArray[np.uint8]:
        values = np.full((8, 16), 20, np.uint8)
        values[:4] = (100, 200)[path]
        return values

    glass = Glass()
    dataset = glass.level(16, 8, pixels=grey, paths=("a", "b"))
    light = item(CodeValue="111743", CodingSchemeDesignator="DCM")
    light.CodeMeaning = "Epifluorescence illumination"
    for path, name in zip(dataset.OpticalPathSequence, ("DAPI", "FITC"), strict=True):
        path.OpticalPathDescription = name
        path.IlluminationTypeCodeSequence = [light]
    put(archive, dataset)
    index = slide_of(archive, glass)
    assert index.facts["background"] == [0, 0, 0]
    assert [path["colour"] for path in index.facts["optical_paths"]] == [[0, 0, 255], [0, 255, 0]]
    assert default_paths(index) == [0, 1]
    low_a, high_a = index.facts["optical_paths"][0]["window"]
    assert (low_a, high_a) == (20, 100)
    found = render(source, index, Region(0, 0, 16, 8, 1), [0, 1])
    np.testing.assert_array_equal(found[0, 0], (0, 255, 255))
    np.testing.assert_array_equal(found[7, 0], (0, 0, 0))
    alone = render(source, index, Region(0, 0, 16, 8, 1), [1])
    np.testing.assert_array_equal(alone[0, 0], (0, 255, 0))


def test_nothing_there_to_draw(
    archive: Archive, source: SlideSource, pyramid: tuple[SlideIndex, NDArray[np.uint8]]
) -> None:
    index, _ = pyramid
    for paths, plane in (([1], 0), ([], 0), ([-1], 0), ([0], 1)):
        with pytest.raises(NotFound):
            render(source, index, Region(0, 0, 4, 4, 1), paths, plane)
    with pytest.raises(ValueError, match="too large"):
        render(source, index, Region(0, 0, 1e6, 1e6, 1), [0])
    assert render(source, index, whole(index, 20), [0]).shape == (12, 20, 3)


def test_colours_go_through_the_profile(
    archive: Archive, source: SlideSource, test_data: Path
) -> None:
    profile = bytes(
        dcmread(test_data / "wsi/dicom_highdicom_sm/sm_image_dots.dcm")
        .OpticalPathSequence[0]
        .ICCProfile
    )
    swapped = swapped_profile()
    for data in (profile, swapped):
        glass = Glass()
        dataset = glass.level(16, 8)
        dataset.OpticalPathSequence[0].ICCProfile = data
        put(archive, dataset)
        index = slide_of(archive, glass)
        plain = render(source, index, Region(0, 0, 16, 8, 1), [0], calibrated=False)
        shown = render(source, index, Region(0, 0, 16, 8, 1), [0])
        np.testing.assert_array_equal(shown, to_srgb(plain, data))
        if data is swapped:
            assert np.abs(shown.astype(int) - plain).max() > 20


def swapped_profile() -> bytes:
    """sRGB's own, its curves replaced by a gamma of 1: colours change a lot."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    for number in range(count):
        at = 132 + 12 * number
        name = bytes(data[at : at + 4])
        offset = int.from_bytes(data[at + 4 : at + 8], "big")
        size = int.from_bytes(data[at + 8 : at + 12], "big")
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + size] = (b"curv" + bytes(8)).ljust(size, b"\x00")[:size]
    return bytes(data)


def test_the_table_is_the_transform_at_its_corners() -> None:
    profile = swapped_profile()
    cube = np.frombuffer(table(profile), np.uint8).reshape(EDGE, EDGE, EDGE, 3)  # blue, green, red
    generator = np.random.default_rng(2)
    for red, green, blue in generator.integers(0, EDGE, (50, 3)):
        colour = np.array([[[red, green, blue]]]) * 255 / (EDGE - 1)
        expected = to_srgb(np.rint(colour).astype(np.uint8), profile)[0, 0]
        np.testing.assert_array_equal(cube[blue, green, red], expected)


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * 200, bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())],
)
def test_what_is_no_profile_of_colours_is_not_used(archive: Archive, data: bytes) -> None:
    assert not is_usable(data)
    glass = Glass()
    dataset = glass.level()
    dataset.OpticalPathSequence[0].ICCProfile = data
    put(archive, dataset)
    facts = slide_of(archive, glass).facts
    assert facts["optical_paths"][0]["icc"] is None
    assert any("no ICC profile" in problem["en"] for problem in facts["problems"])


def test_an_image_says_the_same_of_pillow() -> None:
    """Guard of the tests themselves: sRGB into sRGB changes nothing."""
    profile = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    pixels = picture_of(20, 20)
    assert np.abs(to_srgb(pixels, profile).astype(int) - pixels).max() <= 1
    assert Image.fromarray(pixels).size == (20, 20)
