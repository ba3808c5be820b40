"""JPEG streams and offset tables, by themselves."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import UID, JPEGBaseline8Bit

from dicom_node.conversion import ConversionRefused, jpeg
from dicom_node.conversion.dataset import uid_of
from dicom_node.conversion.verify import frames_of
from dicom_node.conversion.writer import write_instance


def picture(seed: int = 1) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC))


def stripped(stream: bytes) -> tuple[bytes, bytes]:
    """A stream parted into tables and tile, as TIFF keeps them."""
    tables, rest, position = b"", b"", 2
    while stream[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(stream[position + 2 : position + 4], "big")
        if stream[position + 1] in (0xDB, 0xC4):
            tables += stream[position:end]
        elif stream[position + 1] != 0xE0:
            rest += stream[position:end]
        position = end
    return b"\xff\xd8" + tables + b"\xff\xd9", b"\xff\xd8" + rest + stream[position:]


def test_tables_and_tile_make_the_stream_they_came_from() -> None:
    whole = jpeg.encode(picture(), 90, subsampled=False)
    tables, tile = stripped(whole)
    merged = jpeg.complete(tile, tables, mark_rgb=False)
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(merged))), np.asarray(Image.open(io.BytesIO(whole)))
    )
    assert merged.endswith(whole[jpeg.scan_start(whole) :])


@pytest.mark.parametrize("ending", [b"", b"\0", b"\0\0\0"])
def test_a_forgotten_end_is_written(ending: bytes) -> None:
    whole = jpeg.encode(picture(), 90, subsampled=True)
    tile = whole.removesuffix(b"\xff\xd9") + ending
    assert jpeg.complete(tile, b"", mark_rgb=False) == whole


def test_rgb_components_decode_as_rgb() -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "JPEG", quality=95, keep_rgb=True)
    tables, tile = stripped(buffer.getvalue().replace(b"\xff\xee", b"\xff\xe0", 1))
    header = jpeg.read_header(jpeg.complete(tile, tables, mark_rgb=True))
    assert header.colour == "RGB"
    found = jpeg.decode(jpeg.complete(tile, tables, mark_rgb=True))
    assert np.abs(found.astype(int) - picture()).max() < 30


@pytest.mark.parametrize("stream", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda", b"GIF89a" * 9])
def test_what_is_no_jpeg_is_refused(stream: bytes) -> None:
    with pytest.raises(ConversionRefused):
        jpeg.read_header(stream)


@pytest.mark.parametrize("limit", [2**32 - 1, 0])
def test_frames_are_found_by_either_table(tmp_path: Path, limit: int) -> None:
    ds = Dataset()
    ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.77.1.6")
    ds.SOPInstanceUID = UID("1.2.3")
    ds.NumberOfFrames = 3
    frames = [b"\xff\xd8" + bytes([n]) * n + b"\xff\xd9" for n in (5, 6, 1)]
    path = tmp_path / "x.dcm"
    write_instance(path, ds, JPEGBaseline8Bit, iter(frames), 3, 40, basic_table_bytes=limit)
    assert ("ExtendedOffsetTable" in dcmread(path)) == (limit == 0)
    padded = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    found = list(frames_of(path))
    assert [frame.rstrip(b"\0") for frame in found] == [frame.rstrip(b"\0") for frame in padded]


def test_fewer_frames_than_promised_are_an_error(tmp_path: Path) -> None:
    ds = Dataset()
    ds.SOPClassUID = ds.SOPInstanceUID = UID("1.2.3")
    with pytest.raises(ValueError, match="1 frames came"):
        write_instance(tmp_path / "x.dcm", ds, JPEGBaseline8Bit, iter([b"12"]), 2, 10)


def test_uids_follow_from_the_seed_and_are_uuids() -> None:
    assert uid_of("a", "series") == uid_of("a", "series") != uid_of("b", "series")
    assert UID(uid_of("a", "series")).is_valid
    import uuid

    assert uuid.UUID(int=int(uid_of("a", 1)[5:])).version == 8
