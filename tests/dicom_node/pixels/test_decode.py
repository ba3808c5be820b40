"""Every real file whose syntax anybody can decode, against pydicom."""

import logging
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels import pixel_array
from pydicom.uid import JPEGBaseline8Bit

from dicom_node.errors import CannotDecode
from dicom_node.pixels import PixelDescription, can_decode, decode_frame
from tests.conftest import REPOSITORY
from tests.dicom_node.pixels.samples import image_files, sample

DATA = Path(os.environ.get("HOICHAN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
FOLDERS = ("transfer_syntaxes", "modalities", "wsi", "ct_head/perfusion_map_enhanced_ct")
FILES = [path for folder in FOLDERS for path in image_files(DATA / folder)]
# Syntaxes pydicom has no decoder for.
BEYOND = {"1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.111"}
BEYOND |= {"1.2.840.10008.1.2.8.1"}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.ERROR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DATA)))
def test_frames_equal_those_of_pydicom(path: Path) -> None:
    dataset = dcmread(path, force=True)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    if "PixelData" not in dataset or not syntax or syntax in BEYOND:
        return  # no pixels, or held against other witnesses below
    dataset.setdefault("PlanarConfiguration", 0)  # absent in one, and then pydicom gives up
    # Two JPEG decoders may differ by a grey; this one is what pydicom itself would choose.
    plugin = "pillow" if syntax == JPEGBaseline8Bit else ""
    if syntax.startswith("1.2.840.10008.1.2.4.") and not plugin:
        plugin = "pyjpegls" if syntax[-2:] in ("80", "81") else "pylibjpeg"
    frames = sample(path).frames
    # Slides have many tiles alike: the first and the last will do.
    for number in {0, len(frames) - 1}:
        expected = pixel_array(dataset, index=number, decoding_plugin=plugin)
        found = frames.array(number)
        assert found.dtype == expected.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("process", ["6_8_1.2.840.10008.1.2.4.53", "10_12_1.2.840.10008.1.2.4.55"])
def test_progressive_jpeg_is_the_sequential_image(test_data: Path, process: str) -> None:
    folder = test_data / "transfer_syntaxes" / "ct_same_image"
    sequential = sample(folder / "JPEGProcess2_4_1.2.840.10008.1.2.4.51.dcm").frames.array(0)
    progressive = sample(folder / f"JPEGProcess{process}.dcm").frames.array(0)
    assert np.abs(progressive.astype(int) - sequential.astype(int)).max() <= 1


def test_jpeg_xl_recompression_is_colour(test_data: Path) -> None:
    path = test_data / "transfer_syntaxes/newer_and_color/us_27frames_jpegxl_recompression.dcm"
    frames = sample(path).frames
    assert len(frames) == 27
    array = frames.array(26)
    assert array.shape == (708, 1016, 3)
    assert array.std() > 10


def test_deflated_frames_are_segments(test_data: Path) -> None:
    folder = test_data / "transfer_syntaxes/newer_and_color"
    for name, side in (("liver_deflate", 512), ("liver_nonbyte_aligned_deflate", 510)):
        frames = sample(folder / f"{name}.dcm").frames
        array = frames.array(1)
        assert array.shape == (side, side)
        assert set(np.unique(array)) == {0, 1}


def test_native_segmentation_frames_that_begin_within_a_byte(test_data: Path) -> None:
    path = test_data / "wsi/dicom_highdicom_sm/seg_image_sm_dots.dcm"
    dataset = dcmread(path)
    frames = sample(path).frames
    assert frames.description.frame_bits % 8
    expected = dataset.pixel_array
    for number in range(len(frames)):
        np.testing.assert_array_equal(frames.array(number), expected[number])


def test_broken_frames_are_one_kind_of_error(test_data: Path) -> None:
    found = sample(test_data / "transfer_syntaxes/mr_small_variants/MR_small_jp2klossless.dcm")
    good = found.frames.stored(0)
    description = found.frames.description
    for broken in (b"", good[:40], good[:200], b"\x00" * 500, good[::-1]):
        with pytest.raises(CannotDecode):
            decode_frame(broken, description)


def test_a_small_codestream_that_claims_gigapixels_is_not_decoded(test_data: Path) -> None:
    found = sample(test_data / "transfer_syntaxes/mr_small_variants/MR_small_jp2klossless.dcm")
    bomb = bytearray(found.frames.stored(0))
    bomb[8:16] = b"\x00\x00\xff\xff\x00\x00\xff\xff"  # SIZ: width and height
    with pytest.raises(CannotDecode, match="codestream"):
        decode_frame(bytes(bomb), found.frames.description)


@pytest.mark.parametrize(
    ("tag", "value"),
    [("00280010", 0), ("00280011", None), ("00280002", 7), ("00280100", 12), ("00280101", 40)],
)
def test_a_header_that_contradicts_itself_does_not_decode(tag: str, value: int | None) -> None:
    header = {
        "00280002": {"vr": "US", "Value": [1]},
        "00280010": {"vr": "US", "Value": [4]},
        "00280011": {"vr": "US", "Value": [4]},
        "00280100": {"vr": "US", "Value": [16]},
        "00280101": {"vr": "US", "Value": [12]},
    }
    PixelDescription.from_header(header, "1.2.840.10008.1.2.1")
    header[tag] = {"vr": "US", "Value": [value]}
    with pytest.raises(CannotDecode):
        PixelDescription.from_header(header, "1.2.840.10008.1.2.1")


def test_unknown_syntaxes_and_video_are_not_decoded() -> None:
    assert can_decode("1.2.840.10008.1.2.1")
    assert can_decode("1.2.840.10008.1.2.4.201")
    assert not can_decode("1.2.840.10008.1.2.4.102")
    assert not can_decode("1.2.3.4")
