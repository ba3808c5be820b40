"""Whole instances in other syntaxes, judged by pydicom."""

import logging
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless, JPEG2000Lossless

from dicom_node.errors import CannotDecode, NotAcceptable, NotFound
from dicom_node.pixels.transcode import transcoded
from tests.dicom_node.pixels.samples import sample

FILES = (
    "transfer_syntaxes/ct_same_image/LittleEndianImplicit_1.2.840.10008.1.2.dcm",
    "transfer_syntaxes/ct_same_image/BigEndianExplicit_1.2.840.10008.1.2.2.dcm",
    "transfer_syntaxes/ct_same_image/DeflatedExplicitVRLittleEndian_1.2.840.10008.1.2.1.99.dcm",
    "transfer_syntaxes/ct_same_image/JPEGLSLossless_1.2.840.10008.1.2.4.80.dcm",
    "transfer_syntaxes/enhanced_and_wide/emri_small_jpeg_2k_lossless.dcm",
    "transfer_syntaxes/enhanced_and_wide/emri_small_big_endian.dcm",
    "transfer_syntaxes/sc_color_variants/SC_rgb_rle_16bit_2frame.dcm",
    "transfer_syntaxes/sc_color_variants/SC_rgb_small_odd_big_endian.dcm",
    "transfer_syntaxes/sc_color_variants/SC_rgb_small_odd_jpeg.dcm",
    "wsi/dicom_highdicom_sm/seg_image_sm_dots.dcm",
)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.ERROR)


@pytest.mark.parametrize("target", [ExplicitVRLittleEndian, HTJ2KLossless, JPEG2000Lossless])
@pytest.mark.parametrize("name", FILES)
def test_pixels_and_header_survive(test_data: Path, name: str, target: str) -> None:
    path = test_data / name
    frames = sample(path).frames
    try:
        data = b"".join(transcoded(path, frames, target))
    except NotAcceptable:
        colour = frames.description.photometric_interpretation
        assert colour.startswith("YBR_FULL") or frames.description.bits_allocated == 1
        return
    before, after = dcmread(path), dcmread(BytesIO(data))
    assert after.file_meta.TransferSyntaxUID == target
    assert after.SOPInstanceUID == before.SOPInstanceUID
    assert after.get("PatientName") == before.get("PatientName")
    kept = {one.tag for one in before if one.tag.element and one.tag != 0xFFFCFFFC}
    assert set(after.keys()) == kept  # group lengths and padding mean nothing in the new file
    np.testing.assert_array_equal(after.pixel_array, before.pixel_array)


def test_without_pixels_the_data_set_is_rewritten(test_data: Path) -> None:
    path = next((test_data / "modalities/sr").glob("*.dcm"))
    data = b"".join(transcoded(path, None, ExplicitVRLittleEndian))
    before, after = dcmread(path), dcmread(BytesIO(data))
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert after.to_json_dict() == before.to_json_dict()


def test_a_truncated_instance_fails_before_its_first_byte(test_data: Path) -> None:
    path = test_data / "nasty/pydicom/MR_truncated.dcm"
    with pytest.raises((CannotDecode, NotFound)):
        next(transcoded(path, sample(path).frames, HTJ2KLossless))


def test_only_what_can_be_made_is_promised(test_data: Path) -> None:
    path = test_data / "ct_head/ge_tilt_infarct/14.dcm"
    with pytest.raises(NotAcceptable):
        next(transcoded(path, sample(path).frames, "1.2.840.10008.1.2.4.50"))
