"""The header reader against pydicom, on every real file we have."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.archive.header import first_value, inflate, read_header
from dicom_node.errors import CannotUnderstand
from dicom_node.part10 import read_meta
from tests.factories import ct_image, file_bytes

# pydicom gives these up, or reads them otherwise than the bytes say; we must only not fail.
JUDGED_BY_HAND = {"DICOMDIR-nooffset", "rtdose.dcm", "XA-MONO2-8-12x-catheter.dcm"}
WITHOUT_DATASET = {"meta_missing_tsyntax.dcm"}


def read(data: bytes) -> Any:
    meta = read_meta(data)
    return read_header(data, meta.dataset_offset, meta.transfer_syntax_uid)


def differences(
    ours: dict[str, Any], theirs: dict[str, Any], big_endian: bool, path: str = ""
) -> Iterator[str]:
    """Yield what differs; bulk values, group lengths and empty against null do not count."""
    for tag in sorted(set(ours) | set(theirs)):
        if tag.endswith("0000"):
            continue
        mine, other = ours.get(tag), theirs.get(tag)
        if mine is None:
            yield f"{path}{tag}: only pydicom has it"
        elif other is None or "BulkDataURI" in mine:
            continue  # pydicom leaves out what is invalid
        elif mine["vr"] == "UN" and big_endian:
            continue  # pydicom takes the bytes for little endian
        elif mine["vr"] == "SQ" == other["vr"]:
            pairs = (mine.get("Value", []), other.get("Value", []))
            if len(pairs[0]) != len(pairs[1]):
                yield f"{path}{tag}: {len(pairs[0])} items, not {len(pairs[1])}"
            for number, (one, two) in enumerate(zip(*pairs, strict=False)):
                yield from differences(one, two or {}, big_endian, f"{path}{tag}/{number}/")
        elif plain(mine) != plain(other):
            yield f"{path}{tag}: {mine} is not {other}"


def plain(element: dict[str, Any]) -> Any:
    values = [
        value.strip() if isinstance(value, str) else value for value in element.get("Value", [])
    ]
    kept = [value or None if isinstance(value, str) else value for value in values]
    is_empty = all(value is None for value in kept)
    return str(element["vr"]), None if is_empty else kept, element.get("InlineBinary")


def test_reads_what_pydicom_reads(test_data: Path) -> None:
    compared, wrong = 0, []
    for path in sorted(test_data.rglob("*")):
        if not path.is_file() or path.name in JUDGED_BY_HAND:
            continue
        data = path.read_bytes()
        try:
            header = read(data)
        except CannotUnderstand:
            assert data[128:132] != b"DICM" or path.name in WITHOUT_DATASET, path.name
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = dcmread(path, force=True)
                expected = dataset.to_json_dict(
                    bulk_data_threshold=1 << 40, suppress_invalid_tags=True
                )
        except Exception:  # pydicom raises all sorts on the nasty ones
            continue
        compared += 1
        # Of a broken file pydicom may go on where we stop.
        if not header.problem:
            big_endian = not dataset.original_encoding[1]
            found = differences(header.dicom_json, expected, big_endian)
            wrong += [f"{path.name} {difference}" for difference in found]
    assert compared > 350
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_every_encoding_gives_one_header(syntax: Any) -> None:
    dataset = ct_image(SOPInstanceUID="1.2.3", SmallestImagePixelValue=-5)
    if syntax == ExplicitVRBigEndian:
        dataset["PixelData"].VR = "OB"
    header = read(file_bytes(dataset, syntax))
    expected = read(file_bytes(ct_image(**{}, SOPInstanceUID="1.2.3")))
    for tag in ("00080016", "00080018", "00100010", "00280010", "00280030", "00200037"):
        assert header.dicom_json[tag] == expected.dicom_json[tag]
    assert header.dicom_json["00280106"] == {"vr": "SS", "Value": [-5]}
    assert not header.problem
    assert header.pixel_data.length == 512


def test_pixel_data_are_named_by_place() -> None:
    dataset = ct_image()
    data = file_bytes(dataset)
    uri = read(data).dicom_json["7FE00010"]["BulkDataURI"]
    _, offset, length = uri.split("/")
    assert data[int(offset) :][: int(length)] == dataset.PixelData


def test_undeclared_text_is_taken_for_utf8() -> None:
    data = file_bytes(ct_image(PatientName="NGUYEN^VAN AN", SpecificCharacterSet=None))
    data = data.replace(b"NGUYEN^VAN AN", "NGUYỄN^AN".encode().ljust(13))
    assert first_value(read(data).dicom_json, "00100010") == "NGUYỄN^AN"


def test_a_private_value_of_an_unknown_creator_stays_binary() -> None:
    dataset = ct_image()
    block = dataset.private_block(0x0099, "HOICHAN TEST", create=True)
    block.add_new(0x01, "LO", "text")
    implicit = read(file_bytes(dataset, ImplicitVRLittleEndian)).dicom_json
    assert implicit["00990010"] == {"vr": "LO", "Value": ["HOICHAN TEST"]}
    assert implicit["00991001"] == {"vr": "UN", "InlineBinary": "dGV4dA=="}
    explicit = read(file_bytes(dataset)).dicom_json
    assert explicit["00991001"] == {"vr": "LO", "Value": ["text"]}


def test_a_cut_file_keeps_what_came_before() -> None:
    whole = file_bytes(ct_image())
    complete = read(whole).dicom_json
    start = read_meta(whole).dataset_offset
    silent = 0
    for cut in range(start, len(whole), 3):
        header = read_header(whole[:cut], start, ExplicitVRLittleEndian)
        silent += not header.problem
        for tag, element in header.dicom_json.items():
            assert tag == "7FE00010" or element == complete[tag]
    # A cut between two elements, or within the zeros of a tag, shows nowhere.
    assert silent < len(complete)


def test_endless_nesting_is_refused() -> None:
    item = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    header = read_header(item * 10_000, 0, ExplicitVRLittleEndian)
    assert "nested" in header.problem


@pytest.mark.parametrize("data", [b"no deflate at all", b"\x00" * 64])
def test_broken_deflate_is_a_problem_not_an_exception(data: bytes) -> None:
    assert read_header(data, 0, DeflatedExplicitVRLittleEndian).problem
    with pytest.raises(ValueError, match="deflated"):
        inflate(data)
