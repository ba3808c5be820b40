"""Annotations written please dciodvfy and highdicom, and come back as they went."""

from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes as dictionary
from pydicom.sr.coding import Code

from dicom_node.objects import (
    Algorithm,
    AnnotationGroup,
    GraphicType,
    Identity,
    Reference,
    bulk_annotations,
    read_bulk_annotations,
)
from dicom_node.objects.bulk_annotations import (
    CATEGORIES,
    IMAGE_REGION,
    MORPHOLOGICAL_OPERATIONS,
    SPATIAL_CONCEPT,
    GroupMeasurement,
)
from dicom_node.objects.codes import AREA, MICROSCOPY, SQUARE_MICROMETRE
from plugins.testing import uid
from tests.dicom_node.objects.conftest import signed_opinion
from tests.dicom_node.objects.judges import dciodvfy, written

SLIDE = "wsi/dicom_highdicom_sm/sm_image.dcm"
NEOPLASM = Code("108369006", "SCT", "Neoplasm")
# dciodvfy asks for Common Z Coordinate Value in 2D too; the standard wants it in 3D only (C.37.1.2)
KNOWN_FALSE = "CommonZCoordinateValue"


@pytest.fixture
def slide(test_data: Path) -> pydicom.Dataset:
    return pydicom.dcmread(test_data / SLIDE, stop_before_pixels=True)


def source(slide: pydicom.Dataset) -> Reference:
    return Reference(
        slide.StudyInstanceUID, slide.SeriesInstanceUID, slide.SOPClassUID, slide.SOPInstanceUID
    )


def some_groups() -> list[AnnotationGroup]:
    random = np.random.default_rng(5)
    starts = np.array([0, 3, 7])
    return [
        AnnotationGroup(uid("points"), "Nhân phân chia", GraphicType.POINT, random.random((7, 2))),
        AnnotationGroup(
            uid("polygons"),
            "U",
            GraphicType.POLYGON,
            random.random((12, 2)) * 50,
            starts,
            NEOPLASM,
            "#c80013",
            "M1, M2, M3",
            measurements=(
                GroupMeasurement(AREA, SQUARE_MICROMETRE, np.array([1, 2, 3], np.float32)),
            ),
        ),
        AnnotationGroup(
            uid("lines"), "Đường", GraphicType.POLYLINE, random.random((5, 2)), np.array([0, 2])
        ),
        AnnotationGroup(uid("ellipses"), "E", GraphicType.ELLIPSE, random.random((8, 2))),
        AnnotationGroup(
            uid("boxes"),
            "Ô 2 mm²",
            GraphicType.RECTANGLE,
            random.random((4, 2)).astype(np.float32),
            algorithm=Algorithm("StarDist", "0.9"),
        ),
    ]


def test_what_is_written_pleases_other_programs(
    slide: pydicom.Dataset, identity: Identity, tmp_path: Path
) -> None:
    groups = some_groups()
    made = bulk_annotations(signed_opinion(slide), identity, source(slide), groups)
    path = written(made, tmp_path)
    verdict = dciodvfy(path)
    assert [error for error in verdict.errors if KNOWN_FALSE not in error] == [], verdict.text
    read = highdicom.ann.annread(path)
    assert read.SeriesInstanceUID == identity.series_instance_uid
    assert read.ReferencedImageSequence[0].ReferencedSOPInstanceUID == slide.SOPInstanceUID
    for number, group in enumerate(groups, 1):
        theirs = read.get_annotation_group(number=number)
        assert theirs.label == group.label
        assert theirs.graphic_type.value == group.graphic_type.value
        found = theirs.get_graphic_data("2D")
        assert len(found) == group.count
        for ours, others in zip(group.outlines, found, strict=True):
            np.testing.assert_array_equal(ours, others)
    polygons = read.get_annotation_group(number=2)
    assert polygons.annotated_property_type == NEOPLASM
    names, values, units = polygons.get_measurements()
    assert names == [AREA]
    assert units == [SQUARE_MICROMETRE]
    np.testing.assert_array_equal(values.ravel(), [1, 2, 3])


def test_it_comes_back_to_the_last_bit(
    slide: pydicom.Dataset, identity: Identity, tmp_path: Path
) -> None:
    groups = some_groups()
    made = bulk_annotations(signed_opinion(slide), identity, source(slide), groups)
    found = read_bulk_annotations(pydicom.dcmread(written(made, tmp_path)))
    assert found.images == (slide.SOPInstanceUID,)
    assert found.series == (slide.SeriesInstanceUID,)
    assert not found.in_space
    assert not found.of_frames
    for before, after in zip(groups, found.groups, strict=True):
        assert after.points.dtype == before.points.dtype
        np.testing.assert_array_equal(after.points, before.points)
        assert after.count == before.count
        assert (after.label, after.uid, after.type) == (before.label, before.uid, before.type)
    assert found.groups[1].starts is not None
    assert found.groups[1].starts.tolist() == [0, 3, 7]
    # CIELab of sixteen bits is not quite sRGB of eight
    colour = [int(found.groups[1].colour[first : first + 2], 16) for first in (1, 3, 5)]
    assert np.abs(np.array(colour) - (0xC8, 0x00, 0x13)).max() <= 1
    assert found.groups[4].algorithm == Algorithm("StarDist", "0.9")


def test_the_same_opinion_makes_the_same_bytes(
    slide: pydicom.Dataset, identity: Identity, tmp_path: Path
) -> None:
    files = [
        written(
            bulk_annotations(signed_opinion(slide), identity, source(slide), some_groups()),
            tmp_path,
            name,
        ).read_bytes()
        for name in ("a", "b")
    ]
    assert files[0] == files[1]


def test_a_million_points_are_8_mb_and_exact(
    slide: pydicom.Dataset, identity: Identity, tmp_path: Path
) -> None:
    points = (np.random.default_rng(1).random((1_000_000, 2)) * 100_000).astype(np.float32)
    group = AnnotationGroup(uid("million"), "Nhân", GraphicType.POINT, points)
    made = bulk_annotations(signed_opinion(slide), identity, source(slide), [group])
    path = written(made, tmp_path)
    assert path.stat().st_size < 8_010_000
    (found,) = read_bulk_annotations(pydicom.dcmread(path)).groups
    np.testing.assert_array_equal(found.points, points)


def test_real_annotations_are_read(test_data: Path) -> None:
    path = test_data / "wsi/dicom_highdicom_sm/sm_annotations.dcm"
    found = read_bulk_annotations(pydicom.dcmread(path))
    (theirs,) = highdicom.ann.annread(path).get_annotation_groups()
    (group,) = found.groups
    np.testing.assert_array_equal(group.points, np.vstack(theirs.get_graphic_data("2D")))
    assert group.count == 2
    assert group.type == theirs.annotated_property_type
    slide = pydicom.dcmread(test_data / SLIDE, stop_before_pixels=True)
    assert found.images == (slide.SOPInstanceUID,)


def test_slide_coordinates_with_a_common_z_are_read() -> None:
    outlines = [np.array([[1.0, 2, 5], [3, 4, 5], [5, 1, 5], [1, 2, 5]][:3]) for _ in range(2)]
    group = highdicom.ann.AnnotationGroup(
        number=1,
        uid=uid("space"),
        label="a",
        annotated_property_category=dictionary.SCT.MorphologicallyAbnormalStructure,
        annotated_property_type=dictionary.SCT.Neoplasm,
        graphic_type="POLYGON",
        graphic_data=outlines,
        algorithm_type="MANUAL",
    )
    ds = pydicom.Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.91.1"
    ds.AnnotationCoordinateType = "3D"
    ds.AnnotationGroupSequence = [group]
    (found,) = read_bulk_annotations(ds).groups
    assert found.count == 2
    for ours, theirs in zip(found.outlines, outlines, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_file_that_contradicts_itself_is_refused(test_data: Path) -> None:
    # 64-bit numbers in the element of 32-bit ones, with an index that is none
    path = test_data / "wsi/dicom_google_misc/wsi_annotation.dcm"
    with pytest.raises(ValueError, match=r"finite|index"):
        read_bulk_annotations(pydicom.dcmread(path))


@pytest.mark.parametrize(
    "spoiled",
    [
        {"PointCoordinatesData": b"\0" * 12},
        {"PointCoordinatesData": b""},
        {"PointCoordinatesData": np.array([np.nan, 1], "<f4").tobytes()},
        {"GraphicType": "CIRCLE"},
        {"GraphicType": "RECTANGLE", "PointCoordinatesData": np.zeros(6, "<f4").tobytes()},
        {"GraphicType": "POLYGON"},
        {"GraphicType": "POLYGON", "LongPrimitivePointIndexList": b""},
        {"GraphicType": "POLYGON", "LongPrimitivePointIndexList": np.array([2], "<u4").tobytes()},
        {
            "GraphicType": "POLYGON",
            "LongPrimitivePointIndexList": np.array([1, 9], "<u4").tobytes(),
        },
        {
            "GraphicType": "POLYGON",
            "LongPrimitivePointIndexList": np.array([1, 1], "<u4").tobytes(),
        },
    ],
)
def test_spoiled_groups_are_refused(spoiled: dict[str, object]) -> None:
    ds = pydicom.Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.91.1"
    ds.AnnotationCoordinateType = "2D"
    item = pydicom.Dataset()
    for keyword, value in {
        "GraphicType": "POINT",
        "PointCoordinatesData": np.arange(8, dtype="<f4").tobytes(),
        **spoiled,
    }.items():
        if value != b"" or keyword == "LongPrimitivePointIndexList":
            setattr(item, keyword, value)
    ds.AnnotationGroupSequence = [item]
    with pytest.raises(ValueError):
        read_bulk_annotations(ds)


def test_other_objects_are_refused() -> None:
    with pytest.raises(ValueError):
        read_bulk_annotations(pydicom.Dataset())


def test_groups_that_make_no_sense_are_not_written(
    slide: pydicom.Dataset, identity: Identity
) -> None:
    good = some_groups()[0]
    for points in (np.zeros((0, 2)), np.zeros((2, 3)), np.array([[np.inf, 0]])):
        with pytest.raises(ValueError):
            bulk_annotations(
                signed_opinion(slide), identity, source(slide), [replace(good, points=points)]
            )


def test_codes_mean_what_the_dictionaries_say() -> None:
    concepts = {
        "108369006": {"Neoplasm", "Tumor"},
        "84640000": {"Nucleus"},
        "4421005": {"Cell"},
        "85756007": {"Tissue"},
        "6574001": {"Necrosis"},
        "409774005": {"Inflammation"},
    }
    for (value, scheme), category in CATEGORIES.items():
        assert scheme == "SCT"
        assert concepts[value] & known("SCT", value)
        assert category.meaning in known("SCT", category.value)
    for code in (
        IMAGE_REGION,
        SPATIAL_CONCEPT,
        MORPHOLOGICAL_OPERATIONS,
        MICROSCOPY,
        AREA,
    ):
        assert code.meaning in known(code.scheme_designator, code.value)
    assert known("UCUM", "um2") == {"square micrometer"}


def known(scheme: str, value: str) -> set[str]:
    """Meanings of a code in the dictionary of pydicom, from PS3.16."""
    from pydicom.sr._concepts_dict import concepts

    return {meanings[value][0] for meanings in concepts[scheme].values() if value in meanings}
