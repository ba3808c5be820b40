"""Levels out of instances, whatever the scanner made of them."""

import numpy as np
import pytest
from pydicom.uid import generate_uid

from dicom_node.archive import Archive
from dicom_node.slides import SlideIndex, SlideSource
from dicom_node.slides.levels import BLANK, NOT_RECEIVED
from tests.dicom_node.slides.glass import Glass, colour_at, item, put, slide_of, tile_colour


def sizes(index: SlideIndex) -> list[tuple[int, int]]:
    return [(level["width"], level["height"]) for level in index.facts["levels"]]


def texts(index: SlideIndex) -> str:
    return " ".join(problem["en"] for problem in index.facts["problems"])


def test_every_tile_is_at_its_place(archive: Archive, source: SlideSource) -> None:
    glass = Glass()
    put(archive, glass.level(paths=("a", "b"), planes=(0.0, 2.0)))
    index = slide_of(archive, glass)
    for path in range(2):
        for plane in range(2):
            for row in range(3):
                for column in range(3):
                    found = colour_at(source, index, 0, path, plane, column, row)
                    assert found == tile_colour(path, plane, row, column)
    assert [plane["z_um"] for plane in index.facts["focal_planes"]] == [0.0, 2.0]
    assert [path["description"] for path in index.facts["optical_paths"]] == ["path a", "path b"]
    assert index.facts["received"] == {"frames": 36, "expected": 36}


@pytest.mark.parametrize(
    "place", [(0, 0, 0, 3, 0), (0, 0, 0, 0, 3), (0, 1, 0, 0, 0), (1, 0, 0, 0, 0)]
)
def test_there_is_nothing_beyond(archive: Archive, place: tuple[int, ...]) -> None:
    glass = Glass()
    put(archive, glass.level())
    index = slide_of(archive, glass)
    with pytest.raises(IndexError):
        index.frame(*place)
    with pytest.raises(IndexError):
        index.frame(0, 0, 0, -1, 0)


def test_sparse_places_without_a_tile_are_blank(archive: Archive, source: SlideSource) -> None:
    glass = Glass()
    put(archive, glass.level(sparse=[(0, 0, 2, 1), (0, 0, 0, 0)]))
    index = slide_of(archive, glass)
    assert colour_at(source, index, 0, 0, 0, 1, 2) == tile_colour(0, 0, 2, 1)
    assert colour_at(source, index, 0, 0, 0, 0, 0) == tile_colour(0, 0, 0, 0)
    assert index.frame(0, 0, 0, 2, 2) == BLANK
    assert index.facts["levels"][0]["complete"]
    assert index.facts["received"] == {"frames": 2, "expected": 2}


def test_sparse_tiles_of_several_paths_and_planes(archive: Archive, source: SlideSource) -> None:
    glass = Glass()
    places = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 2, 2), (1, 1, 1, 0)]
    put(archive, glass.level(paths=("a", "b"), planes=(0.0, 2.0), sparse=places))
    index = slide_of(archive, glass)
    for path, plane, row, column in places:
        found = colour_at(source, index, 0, path, plane, column, row)
        assert found == tile_colour(path, plane, row, column)
    assert index.frame(0, 0, 0, 0, 0) == BLANK


@pytest.mark.parametrize("ratio", [1.945, 3.89, 7.02])
def test_any_ratio(archive: Archive, ratio: float) -> None:
    glass = Glass()
    columns, rows = round(400 / ratio), round(240 / ratio)
    put(
        archive,
        glass.level(400, 240, (64, 64)),
        glass.level(columns, rows, (32, 16), spacing=0.0005 * ratio),
    )
    index = slide_of(archive, glass)
    assert sizes(index) == [(400, 240), (columns, rows)]
    assert index.facts["levels"][1]["downsample"] == pytest.approx([ratio, ratio], rel=1e-6)
    # Tile sizes differ from level to level.
    assert [level["tile_width"] for level in index.facts["levels"]] == [64, 32]


def test_spacing_that_contradicts_the_size_is_not_believed(archive: Archive) -> None:
    glass = Glass(PyramidUID=generate_uid())
    put(archive, glass.level(400, 240), glass.level(100, 60, spacing=0.0005))
    assert slide_of(archive, glass).facts["levels"][1]["downsample"] == [4.0, 4.0]


def test_origins_a_little_apart_are_one_slide(archive: Archive) -> None:
    """Some scanners give each level the centre of its own first pixel, or nearly."""
    glass = Glass()
    small = glass.level(100, 60, spacing=0.002)
    origin = small.TotalPixelMatrixOriginSequence[0]
    origin.XOffsetInSlideCoordinateSystem = "24.999"
    origin.YOffsetInSlideCoordinateSystem = "49.998"
    put(archive, glass.level(400, 240), small)
    assert sizes(slide_of(archive, glass)) == [(400, 240), (100, 60)]


def test_levels_with_frames_of_reference_of_their_own_are_one_slide(archive: Archive) -> None:
    glass = Glass()
    small = glass.level(100, 60, spacing=0.002, FrameOfReferenceUID=generate_uid())
    put(archive, glass.level(400, 240), small)
    assert sizes(slide_of(archive, glass)) == [(400, 240), (100, 60)]


def test_another_area_is_left_out_and_said(archive: Archive) -> None:
    glass = Glass()
    elsewhere = glass.level(100, 60)
    elsewhere.TotalPixelMatrixOriginSequence[0].XOffsetInSlideCoordinateSystem = "10"
    put(archive, glass.level(400, 240), elsewhere)
    index = slide_of(archive, glass)
    assert sizes(index) == [(400, 240)]
    assert "another scanned area" in texts(index)


def test_a_pyramid_uid_says_what_belongs_together(archive: Archive) -> None:
    glass = Glass()
    ours, theirs = generate_uid(), generate_uid()
    far = glass.level(100, 60, spacing=0.002, PyramidUID=ours)
    far.TotalPixelMatrixOriginSequence[0].XOffsetInSlideCoordinateSystem = "0"
    other = glass.level(80, 40, PyramidUID=theirs)
    put(archive, glass.level(400, 240, PyramidUID=ours), far, other)
    assert sizes(slide_of(archive, glass)) == [(400, 240), (100, 60)]


def test_a_thumbnail_at_the_zero_origin_is_no_level(archive: Archive) -> None:
    glass = Glass()
    thumbnail = glass.level(20, 12, (20, 12), spacing=0.001, role="THUMBNAIL")
    place = thumbnail.TotalPixelMatrixOriginSequence[0]
    place.XOffsetInSlideCoordinateSystem = place.YOffsetInSlideCoordinateSystem = "0"
    put(archive, glass.level(), thumbnail, glass.level(role="LABEL"), glass.level(role="OVERVIEW"))
    index = slide_of(archive, glass)
    assert sizes(index) == [(40, 24)]
    assert set(index.facts["associated"]) == {"thumbnail", "label", "overview"}


@pytest.mark.parametrize(
    ("values", "is_resampled"),
    [
        (("ORIGINAL", "PRIMARY", "VOLUME", "NONE"), False),
        (("DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"), True),
    ],
)
def test_a_resampled_level_is_no_proof_of_another(
    archive: Archive, values: tuple[str, ...], is_resampled: bool
) -> None:
    """What it was made from may never have been stored: the slide is whole, and says what it is."""
    glass = Glass()
    small = glass.level(
        20, 12, spacing=0.001, ImageType=["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]
    )
    put(archive, glass.level(ImageType=list(values)), small)
    index = slide_of(archive, glass)
    assert sizes(index) == [(40, 24), (20, 12)]
    assert index.facts["resampled"] == is_resampled
    assert index.facts["received"]["frames"] == index.facts["received"]["expected"]
    assert ("resampled one" in texts(index)) == is_resampled
    assert "not been received" not in texts(index)


def test_a_part_of_a_resampled_level_that_is_missing_is_missing(archive: Archive) -> None:
    glass = Glass()
    parts = parts_of(glass, ImageType=["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"])
    put(archive, parts[0], parts[2])
    index = slide_of(archive, glass)
    assert index.facts["received"] == {"frames": 6, "expected": 9}
    assert "3 tiles have not been received" in texts(index)
    assert "resampled one" in texts(index)


@pytest.mark.parametrize("values", [("ORIGINAL", "PRIMARY"), ("DERIVED", "SECONDARY")])
def test_only_value_three_decides_the_role(archive: Archive, values: tuple[str, str]) -> None:
    glass = Glass()
    level = glass.level(ImageType=[*values, "VOLUME", "RESAMPLED"])
    label = glass.level(20, 20, ImageType=["ORIGINAL", "PRIMARY", "LABEL", "VOLUME"])
    put(archive, level, label)
    index = slide_of(archive, glass)
    assert sizes(index) == [(40, 24)]
    assert list(index.facts["associated"]) == ["label"]


def test_paths_as_instances_of_their_own(archive: Archive, source: SlideSource) -> None:
    """Each calls its path "1"; the descriptions tell them apart."""
    glass = Glass()

    def colour(shift: int) -> object:
        return lambda _path, plane, row, column: np.full(
            (8, 16, 3), tile_colour(shift, plane, row, column), np.uint8
        )

    levels = [glass.level(pixels=colour(shift), InstanceNumber=shift + 1) for shift in range(2)]
    for name, level in zip(("DAPI", "FITC"), levels, strict=True):
        level.OpticalPathSequence[0].OpticalPathDescription = name
    put(archive, *levels)
    index = slide_of(archive, glass)
    assert [path["description"] for path in index.facts["optical_paths"]] == ["DAPI", "FITC"]
    assert len(index.facts["levels"]) == 1
    for path in range(2):
        assert colour_at(source, index, 0, path, 0, 2, 1) == tile_colour(path, 0, 1, 2)


def test_planes_as_instances_of_their_own_and_the_nearest_elsewhere(
    archive: Archive, source: SlideSource
) -> None:
    glass = Glass()
    put(
        archive,
        glass.level(planes=(4.0,)),
        glass.level(planes=(0.0,), InstanceNumber=2),
        glass.level(20, 12, spacing=0.001, planes=(0.5,), InstanceNumber=3),
    )
    index = slide_of(archive, glass)
    assert [plane["z_um"] for plane in index.facts["focal_planes"]] == [0.0, 0.5, 4.0]
    # Level 0 has two of the three planes, level 1 one; who asks for another gets the nearest.
    assert index.frame(0, 0, 1, 0, 0) == index.frame(0, 0, 0, 0, 0)
    assert index.frame(0, 0, 2, 0, 0) != index.frame(0, 0, 0, 0, 0)
    frames = {index.frame(1, 0, plane, 0, 0) for plane in range(3)}
    assert len(frames) == 1
    assert frames.pop() >= 0


def test_two_instances_for_one_place(archive: Archive) -> None:
    glass = Glass()
    put(archive, glass.level(), glass.level(InstanceNumber=2))
    index = slide_of(archive, glass)
    assert len(index.facts["levels"]) == 1
    assert "same size" in texts(index)
    assert index.facts["received"] == {"frames": 9, "expected": 9}


def parts_of(glass: Glass, **attributes: object) -> list:
    """A level in three parts of three frames."""
    shared = {
        "ConcatenationUID": generate_uid(),
        "SOPInstanceUIDOfConcatenationSource": generate_uid(),
        "InConcatenationTotalNumber": 3,
    }
    return [
        glass.level(
            frames=slice(3 * part, 3 * part + 3),
            ConcatenationFrameOffsetNumber=3 * part,
            InConcatenationNumber=part + 1,
            **shared,
            **attributes,
        )
        for part in range(3)
    ]


def test_a_concatenation_is_one_level(archive: Archive, source: SlideSource) -> None:
    glass = Glass()
    parts = parts_of(glass)
    put(archive, parts[2], parts[0], parts[1])
    index = slide_of(archive, glass)
    assert sizes(index) == [(40, 24)]
    for row in range(3):
        for column in range(3):
            assert colour_at(source, index, 0, 0, 0, column, row) == tile_colour(0, 0, row, column)
    assert index.facts["levels"][0]["complete"]
    # What refers to a part refers to the whole it was cut from (PS3.3 C.37).
    source_uid = parts[0].SOPInstanceUIDOfConcatenationSource
    assert index.facts["sop_instance_uid"] == source_uid


def test_a_part_that_is_missing_is_missing_not_white(archive: Archive, source: SlideSource) -> None:
    glass = Glass()
    parts = parts_of(glass)
    put(archive, parts[0], parts[2])
    index = slide_of(archive, glass)
    assert [index.frame(0, 0, 0, column, 1) for column in range(3)] == [NOT_RECEIVED] * 3
    assert colour_at(source, index, 0, 0, 0, 1, 2) == tile_colour(0, 0, 2, 1)
    assert not index.facts["levels"][0]["complete"]
    assert index.facts["received"] == {"frames": 6, "expected": 9}
    assert "3 tiles have not been received" in texts(index)
    put(archive, parts[1])
    later = slide_of(archive, glass)
    assert later.version != index.version
    assert later.facts["levels"][0]["complete"]
    assert colour_at(source, later, 0, 0, 0, 1, 1) == tile_colour(0, 0, 1, 1)


def test_a_sparse_concatenation_cannot_say_what_is_missing(archive: Archive) -> None:
    glass = Glass()
    every = [(0, 0, row, column) for row in range(3) for column in range(3)]
    parts = parts_of(glass, sparse=every)
    put(archive, parts[0])
    index = slide_of(archive, glass)
    assert index.frame(0, 0, 0, 0, 0) >= 0
    # Blank or on its way: until all parts are here nobody knows, and white would be a lie.
    assert index.frame(0, 0, 0, 0, 2) == NOT_RECEIVED
    put(archive, parts[1], parts[2])
    assert slide_of(archive, glass).facts["levels"][0]["complete"]


def test_fewer_frames_than_places(archive: Archive) -> None:
    glass = Glass()
    put(archive, glass.level(frames=slice(0, 7)))
    index = slide_of(archive, glass)
    assert index.frame(0, 0, 0, 0, 2) >= 0
    assert index.frame(0, 0, 0, 1, 2) == NOT_RECEIVED


def test_other_tile_sizes_in_one_level_are_not_mixed(archive: Archive) -> None:
    glass = Glass()
    other = glass.level(tile=(8, 8), InstanceNumber=2)
    other.OpticalPathSequence[0].OpticalPathDescription = "other"
    put(archive, glass.level(), other)
    index = slide_of(archive, glass)
    assert index.facts["levels"][0]["tile_width"] == 16
    assert index.facts["problems"]


def test_specimen_part_block_and_stain(archive: Archive) -> None:
    def step(code: str, **value: object) -> object:
        name = item(CodeValue=code, CodingSchemeDesignator="DCM", CodeMeaning="-")
        return item(ConceptNameCodeSequence=[name], **value)

    def stained(meaning: str) -> object:
        code = item(CodeValue="x", CodingSchemeDesignator="SCT", CodeMeaning=meaning)
        return step("424361007", ConceptCodeSequence=[code])

    specimen = item(
        SpecimenIdentifier="26-1234-A-2-1",
        SpecimenShortDescription="Gastric antrum",
        SpecimenPreparationSequence=[
            item(
                SpecimenPreparationStepContentItemSequence=[step("111705", TextValue="26-1234-A")]
            ),
            item(
                SpecimenPreparationStepContentItemSequence=[step("111705", TextValue="26-1234-A-2")]
            ),
            item(
                SpecimenPreparationStepContentItemSequence=[
                    stained("hematoxylin stain"),
                    stained("water soluble eosin stain"),
                ]
            ),
        ],
    )
    glass = Glass()
    put(archive, glass.level(SpecimenDescriptionSequence=[specimen]))
    facts = slide_of(archive, glass).facts
    assert facts["specimens"] == [
        {
            "id": "26-1234-A-2-1",
            "part": "26-1234-A",
            "block": "26-1234-A-2",
            "description": "Gastric antrum",
        }
    ]
    assert facts["stain"] == "H&E"
    assert facts["container_id"] == "26-1234 A1"
