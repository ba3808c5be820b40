"""Frame tables against pydicom's own reading of the same pixel data."""

import struct
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from dicom_node.archive import Archive, FrameTable
from dicom_node.archive.frames import frame_table
from dicom_node.archive.header import read_header
from dicom_node.errors import CannotUnderstand
from dicom_node.part10 import read_meta
from tests.factories import EVERYTHING, ct_image, file_bytes, from_site


def table_of(data: bytes) -> FrameTable:
    meta = read_meta(data)
    header = read_header(data, meta.dataset_offset, meta.transfer_syntax_uid)
    return frame_table(data, header, meta.transfer_syntax_uid)


def frame(data: bytes, table: FrameTable, number: int) -> bytes:
    return b"".join(data[offset : offset + length] for offset, length in table.fragments(number))


def test_every_encapsulated_file_has_the_frames_pydicom_finds(test_data: Path) -> None:
    compared = 0
    for path in sorted(test_data.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        try:
            table = table_of(data)
        except CannotUnderstand:
            continue
        if not table.encapsulated:
            continue
        dataset = dcmread(path, force=True)
        if "PixelData" not in dataset:
            continue  # pydicom gave up before
        count = int(dataset.get("NumberOfFrames", 1) or 1)
        try:
            offsets = (
                (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
                if "ExtendedOffsetTable" in dataset
                else None
            )
            expected = list(
                islice(
                    generate_frames(
                        dataset.PixelData, number_of_frames=count, extended_offsets=offsets
                    ),
                    count,
                )
            )
        except ValueError:
            continue  # broken on purpose
        assert len(table) == len(expected), path.name
        for number, value in enumerate(expected):
            assert frame(data, table, number) == value, f"{path.name} frame {number + 1}"
        compared += 1
    assert compared > 60


def test_native_frames_are_computed() -> None:
    dataset = ct_image(NumberOfFrames=3, PixelData=bytes(range(256)) * 6)
    data = file_bytes(dataset)
    table = table_of(data)
    assert (len(table), table.encapsulated, table.frame_bits) == (3, False, 16 * 16 * 16)
    assert [frame(data, table, number) for number in range(3)] == [bytes(range(256)) * 2] * 3
    for number in (-1, 3):
        with pytest.raises(IndexError):
            table.fragments(number)


def test_bits_of_segmentations_need_not_end_with_a_byte() -> None:
    # 5 x 5 pixels: 25 bits a frame, packed without gaps (PS3.5 8.1.1).
    attributes = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "NumberOfFrames": 3}
    data = file_bytes(ct_image(Rows=5, Columns=5, PixelData=b"\x01" * 10, **attributes))
    table = table_of(data)
    places = [(table.fragments(number)[0], table.first_bit(number)) for number in range(3)]
    start = table.offset
    assert places == [((start, 4), 0), ((start + 3, 4), 1), ((start + 6, 4), 2)]


def test_subsampled_native_colour_is_two_samples_a_pixel() -> None:
    attributes = {
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": "YBR_FULL_422",
        "BitsAllocated": 8,
    }
    data = file_bytes(ct_image(PixelData=b"\x00" * 512, **attributes))
    assert table_of(data).frame_bits == 16 * 16 * 2 * 8


def encapsulated(value: bytes, frames: int, syntax: Any = JPEGBaseline8Bit, **more: Any) -> bytes:
    dataset = ct_image(NumberOfFrames=frames, PixelData=value, **more)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return file_bytes(dataset, syntax)


JPEGS = [b"\xff\xd8" + bytes([number]) * (10 + 2 * number) + b"\xff\xd9" for number in range(4)]


@pytest.mark.parametrize("per_frame", [1, 2, 3])
@pytest.mark.parametrize("has_table", [True, False])
def test_frames_of_several_fragments(per_frame: int, has_table: bool) -> None:
    value = encapsulate(JPEGS, fragments_per_frame=per_frame, has_bot=has_table)
    data = encapsulated(value, 4)
    table = table_of(data)
    assert len(table) == 4
    for number, jpeg in enumerate(JPEGS):
        assert frame(data, table, number).rstrip(b"\x00") == jpeg
        assert len(table.fragments(number)) == per_frame


def test_the_extended_offset_table_is_used() -> None:
    # RLE frames carry no end marker: without a table only one fragment each can be told apart.
    frames = [bytes([number]) * 64 for number in range(3)]
    value, offsets, lengths = encapsulate_extended(frames)
    more = {"ExtendedOffsetTable": offsets, "ExtendedOffsetTableLengths": lengths}
    data = encapsulated(value, 3, RLELossless, **more)
    table = table_of(data)
    assert [frame(data, table, number) for number in range(3)] == frames


def test_one_frame_is_all_fragments() -> None:
    data = encapsulated(encapsulate([b"abcdefgh" * 8], fragments_per_frame=4), 1, JPEG2000Lossless)
    table = table_of(data)
    assert (len(table), len(table.fragments(0))) == (1, 4)
    assert frame(data, table, 0) == b"abcdefgh" * 8


@pytest.mark.parametrize("cut", [1, 9, 20])
def test_a_cut_file_has_the_frames_it_has(cut: int) -> None:
    whole = encapsulated(encapsulate(JPEGS), 4)
    end = whole.rindex(b"\xfe\xff\xdd\xe0")
    table = table_of(whole[: end - cut])
    assert len(table) == 3
    assert frame(whole, table, 2).rstrip(b"\x00") == JPEGS[2]


def test_tables_survive_packing(archive: Archive) -> None:
    dataset = ct_image(NumberOfFrames=4, PixelData=encapsulate(JPEGS, fragments_per_frame=2))
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    data = file_bytes(dataset, JPEGBaseline8Bit)
    archive.store_bytes(data, from_site())
    record = archive.instance(dataset.SOPInstanceUID, scope=EVERYTHING)
    table = archive.frame_offsets(record)
    assert FrameTable.from_bytes(table.to_bytes()) == table
    stored = record.path.read_bytes()
    assert [frame(stored, table, number).rstrip(b"\x00") for number in range(4)] == JPEGS


def test_what_has_no_pixels_has_no_frames() -> None:
    dataset = ct_image()
    del dataset.PixelData
    assert len(table_of(file_bytes(dataset))) == 0
    empty = struct.pack("<HH", 0x7FE0, 0x0010) + b"OB\x00\x00\xff\xff\xff\xff"
    header = read_header(empty, 0, JPEGBaseline8Bit)
    assert len(frame_table(empty, header, JPEGBaseline8Bit)) == 0
