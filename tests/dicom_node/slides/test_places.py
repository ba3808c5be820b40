"""Where frames lie: counted, scanned from raw bytes, or parsed."""

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian

from dicom_node.archive import Archive
from dicom_node.slides import places as module
from dicom_node.slides.places import frame_places, header_without_frames, parsed_places
from tests.dicom_node.slides.glass import Glass, image_of, put, stored_file

SOME = [(0, 0, 2, 1), (0, 0, 0, 0), (0, 0, 1, 2), (0, 0, 2, 2)]


def test_full_tiling_goes_by_column_row_plane_and_path(archive: Archive) -> None:
    dataset = Glass().level(paths=("a", "b"), planes=(0.0, 1.5, 3.0))
    put(archive, dataset)
    places = frame_places(image_of(archive, dataset))
    expected = [
        (path, plane * 1.5, row, column)
        for path in range(2)
        for plane in range(3)
        for row in range(3)
        for column in range(3)
    ]
    found = zip(places.path, places.z_um, places.row, places.column, strict=True)
    assert [(int(p), float(z), int(r), int(c)) for p, z, r, c in found] == expected


def test_scanned_positions_are_those_pydicom_reads(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Glass().level(sparse=SOME)
    put(archive, dataset)
    image = image_of(archive, dataset)
    monkeypatch.setattr(module, "parsed_places", None)  # the raw bytes must do
    scanned = frame_places(image)
    monkeypatch.undo()
    parsed = parsed_places(image)
    told = [
        frame.PlanePositionSlideSequence[0]
        for frame in dcmread(stored_file(archive, dataset)).PerFrameFunctionalGroupsSequence
    ]
    for places in (scanned, parsed):
        assert [16 * int(c) + 1 for c in places.column] == [
            one.ColumnPositionInTotalImagePixelMatrix for one in told
        ]
        assert [8 * int(r) + 1 for r in places.row] == [
            one.RowPositionInTotalImagePixelMatrix for one in told
        ]
    np.testing.assert_array_equal(scanned.z_um, parsed.z_um)


def test_a_header_without_its_frames_is_the_header_otherwise(archive: Archive) -> None:
    dataset = Glass().level(sparse=SOME)
    dataset.OpticalPathSequence[0].ICCProfile = bytes(range(250)) * 40  # long: referred to
    put(archive, dataset)
    image = image_of(archive, dataset)
    offset = archive.dataset_offset(image.record)
    short = header_without_frames(image.record, image.table, offset)
    assert short is not None
    whole = dict(image.header)
    assert len(whole.pop("52009230")["Value"]) == len(SOME)
    whole.pop("7FE00010")
    assert short.pop("52009230") == {"vr": "SQ"}
    assert short == whole
    full = Glass().level()
    put(archive, full)
    told = image_of(archive, full)
    assert header_without_frames(told.record, told.table, offset) is None


def test_without_an_organization_the_frames_say_where_they_lie(archive: Archive) -> None:
    dataset = Glass().level(sparse=SOME, DimensionOrganizationType=None)
    put(archive, dataset)
    image = image_of(archive, dataset)
    assert not image.is_full
    places = frame_places(image)
    assert [(int(r), int(c)) for r, c in zip(places.row, places.column, strict=True)] == [
        place[2:] for place in SOME
    ]


def test_implicit_headers_are_parsed(archive: Archive) -> None:
    dataset = Glass().level(sparse=SOME, syntax=ImplicitVRLittleEndian)
    put(archive, dataset)
    places = frame_places(image_of(archive, dataset))
    assert [(int(r), int(c)) for r, c in zip(places.row, places.column, strict=True)] == [
        place[2:] for place in SOME
    ]


def test_bytes_that_look_like_positions_are_not_believed(archive: Archive) -> None:
    """A private value within the sequence holds a forged pair: counts differ, so we parse."""
    dataset = Glass().level(sparse=SOME)
    forged = b"\x48\x00\x1e\x02SL\x04\x00\x01\x00\x00\x00\x48\x00\x1f\x02SL\x04\x00\x01\x00\x00\x00"
    first = dataset.PerFrameFunctionalGroupsSequence[0]
    first.private_block(0x0049, "TEST", create=True).add_new(1, "OB", forged)
    put(archive, dataset)
    places = frame_places(image_of(archive, dataset))
    assert [(int(r), int(c)) for r, c in zip(places.row, places.column, strict=True)] == [
        place[2:] for place in SOME
    ]


def test_tiles_beside_the_grid_are_told_apart(archive: Archive) -> None:
    dataset = Glass().level(sparse=SOME)
    groups = dataset.PerFrameFunctionalGroupsSequence
    groups[1].PlanePositionSlideSequence[0].ColumnPositionInTotalImagePixelMatrix = 6
    put(archive, dataset)
    assert [int(row) for row in frame_places(image_of(archive, dataset)).row] == [2, -1, 1, 2]
