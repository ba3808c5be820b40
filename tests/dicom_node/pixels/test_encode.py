"""Lossless means lossless: what goes into each syntax comes back the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEGBaseline8Bit,
    JPEGLSLossless,
)

from dicom_node.errors import NotAcceptable
from dicom_node.pixels import PixelDescription, can_transcode, decode_frame, encode_frame
from dicom_node.pixels.encode import TARGETS, photometric_interpretation
from tests.dicom_node.pixels.samples import sample

IMAGES = (
    "ct_same_image/LittleEndianExplicit_1.2.840.10008.1.2.1.dcm",
    "ct_same_image/BigEndianExplicit_1.2.840.10008.1.2.2.dcm",
    "ct_same_image/JPEGProcess1_1.2.840.10008.1.2.4.50.dcm",
    "mr_nine_syntaxes/1.dcm",
    "enhanced_and_wide/SC_rgb_16bit.dcm",
    "enhanced_and_wide/emri_small_jpeg_ls_lossless.dcm",
    "sc_color_variants/SC_rgb_rle.dcm",
    "sc_color_variants/SC_rgb_small_odd.dcm",
    "sc_color_variants/SC_rgb_jpeg.dcm",
)


@pytest.mark.parametrize("target", TARGETS, ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("name", IMAGES)
def test_every_target_is_lossless(test_data: Path, name: str, target: str) -> None:
    frames = sample(test_data / "transfer_syntaxes" / name).frames
    description = frames.description
    array = frames.array(0)
    if not can_transcode(description, target):
        assert description.is_colour  # grey goes everywhere
        with pytest.raises(NotAcceptable):
            encode_frame(array, description, target)
        return
    encoded = encode_frame(array, description, target)
    written = replace(
        description,
        transfer_syntax_uid=str(target),
        photometric_interpretation=photometric_interpretation(description, target),
        planar_configuration=0,
    )
    found = decode_frame(encoded, written)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_htj2k_is_smaller_and_streams_by_resolution(test_data: Path) -> None:
    frames = sample(test_data / "ct_head/ge_tilt_infarct/14.dcm").frames
    encoded = frames.encoded(0, HTJ2KLosslessRPCL)
    assert len(encoded) < frames.length(0) / 2
    style = encoded.index(b"\xff\x52")
    assert encoded[style + 5] == 2  # progression order RPCL (T.800 A.6.1)
    assert b"\xff\x55" in encoded[:200]  # TLM, as PS3.5 8.2.14 wants it


def test_ybr_does_not_go_where_a_viewer_would_misread_it(test_data: Path) -> None:
    path = test_data / "transfer_syntaxes/sc_color_variants/SC_rgb_jpeg_dcmtk.dcm"
    description = sample(path).frames.description
    assert description.photometric_interpretation == "YBR_FULL"
    assert not can_transcode(description, HTJ2KLossless)
    assert can_transcode(description, ExplicitVRLittleEndian)


def test_lossy_targets_video_and_floats_are_refused(test_data: Path) -> None:
    found = sample(test_data / "ct_head/ge_tilt_infarct/14.dcm").frames.description
    assert not can_transcode(found, JPEGBaseline8Bit)
    assert not can_transcode(replace(found, transfer_syntax_uid="1.2.840.10008.1.2.4.102"), "1.2")
    wide = replace(found, bits_allocated=32, bits_stored=32, keyword="FloatPixelData")
    assert not can_transcode(wide, JPEGLSLossless)
    assert can_transcode(wide, ExplicitVRLittleEndian)


def test_one_bit_frames_are_packed_from_the_low_bit() -> None:
    description = PixelDescription(
        "1.2.840.10008.1.2.1", 1, 10, 1, "MONOCHROME2", 1, 1, 0, 0, number_of_frames=1
    )
    bits = np.array([[1, 0, 0, 0, 0, 0, 0, 1, 1, 1]], np.uint8)
    assert encode_frame(bits, description, ExplicitVRLittleEndian) == b"\x81\x03"
