"""Positions of sparse frames: the byte scan finds what pydicom reads."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from kernels import scan_positions
from tests.kernels.arrays import guises


def sparse_file(places: list[tuple[int, int]]) -> bytes:
    """Return a Part 10 file of a sparse slide, as pydicom writes it."""
    groups = []
    for column, row in places:
        position = Dataset()
        position.XOffsetInSlideCoordinateSystem = 1.25
        position.YOffsetInSlideCoordinateSystem = 2.5
        position.ZOffsetInSlideCoordinateSystem = 0
        position.ColumnPositionInTotalImagePixelMatrix = column
        position.RowPositionInTotalImagePixelMatrix = row
        group = Dataset()
        group.PlanePositionSlideSequence = [position]
        groups.append(group)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.NumberOfFrames = len(places)
    dataset.PerFrameFunctionalGroupsSequence = groups
    target = BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=False)
    return target.getvalue()


PLACES = [(1, 1), (513, 1), (1, 513), (2**31 - 1, 7), (-5, -(2**31))]


def test_the_scan_reads_what_pydicom_reads() -> None:
    data = sparse_file(PLACES)
    header = np.frombuffer(data, np.uint8)
    parsed = pydicom.dcmread(BytesIO(data), force=True)
    expected = [
        (
            group.PlanePositionSlideSequence[0].ColumnPositionInTotalImagePixelMatrix,
            group.PlanePositionSlideSequence[0].RowPositionInTotalImagePixelMatrix,
        )
        for group in parsed.PerFrameFunctionalGroupsSequence
    ]
    assert expected == PLACES
    for guise in guises(header):
        found = scan_positions(guise, 0, len(header), len(PLACES))
        assert found.dtype == np.int32
        assert [tuple(pair) for pair in found.tolist()] == PLACES


def test_a_real_sparse_slide(test_data) -> None:  # type: ignore[no-untyped-def]
    checked = 0
    for file in sorted((test_data / "wsi").rglob("*")):
        data = file.read_bytes() if file.is_file() else b""
        if data[128:132] != b"DICM" or b"\x48\x00\x1e\x02SL" not in data:
            continue
        parsed = pydicom.dcmread(BytesIO(data), force=True, stop_before_pixels=True)
        if "PerFrameFunctionalGroupsSequence" not in parsed:
            continue
        expected = [
            [
                group.PlanePositionSlideSequence[0].ColumnPositionInTotalImagePixelMatrix,
                group.PlanePositionSlideSequence[0].RowPositionInTotalImagePixelMatrix,
            ]
            for group in parsed.PerFrameFunctionalGroupsSequence
            if "PlanePositionSlideSequence" in group
        ]
        if len(expected) != parsed.get("NumberOfFrames"):
            continue
        header = np.frombuffer(data, np.uint8)
        start = data.index(b"\x00\x52\x30\x92")
        found = scan_positions(header, start, len(data), len(expected))
        assert found.tolist() == expected
        checked += 1
    assert checked


@pytest.mark.parametrize("damage", ["cut", "short count", "long count", "none"])
def test_a_count_that_does_not_fit_is_refused(damage: str) -> None:
    data = sparse_file(PLACES)
    header = np.frombuffer(data, np.uint8)
    stop, expected = len(header), len(PLACES)
    if damage == "cut":
        stop = data.rindex(b"\x48\x00\x1f\x02") + 11
    elif damage == "none":
        header = np.zeros(400, np.uint8)
        stop = 400
    else:
        expected += 1 if damage == "long count" else -1
    with pytest.raises(ValueError, match=r"^header has \d+ frame positions .*expected"):
        scan_positions(header, 0, stop, expected)


def test_nothing_is_nothing() -> None:
    assert scan_positions(np.zeros(0, np.uint8), 0, 0, 0).shape == (0, 2)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: scan_positions(np.zeros(9), 0, 9, 1), "header"),
        (lambda: scan_positions(np.zeros(9, np.uint16), 0, 9, 1), "header"),
        (lambda: scan_positions(np.zeros(9, np.uint8), 0, 10, 1), "stop"),
        (lambda: scan_positions(np.zeros(9, np.uint8), 9, 8, 1), "start"),
        (lambda: scan_positions(np.zeros(9, np.uint8), 0, 9, -1), "expected"),
        (lambda: scan_positions(np.zeros(9, np.uint8), 0, 9, 2**31 - 1), "header"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
