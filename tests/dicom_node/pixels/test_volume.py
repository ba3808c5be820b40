from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from dicom_node.errors import CannotDecode, NotFound
from dicom_node.pixels.volume import read_slices
from dicom_node.records import ReadScope
from tests.factories import EVERYTHING, ct_series, file_bytes, from_site, open_archive


def test_a_real_head_is_in_hu_in_the_order_asked(test_data: Path, tmp_path: Path) -> None:
    paths = sorted((test_data / "ct_head/ge_tilt_infarct").iterdir())[:6]
    datasets = [dcmread(path) for path in paths]
    with open_archive(tmp_path) as archive:
        for path in paths:
            archive.store_file(path, from_site())
        places = [(one.SOPInstanceUID, 1) for one in reversed(datasets)]
        volume = read_slices(archive, places, scope=EVERYTHING)
    assert volume.shape == (6, 512, 512)
    assert volume.dtype == np.int16
    for values, dataset in zip(volume, reversed(datasets), strict=True):
        stored = dataset.pixel_array
        image = stored != dataset.PixelPaddingValue
        expected = stored * dataset.RescaleSlope + dataset.RescaleIntercept
        np.testing.assert_array_equal(values[image], expected[image])
        assert (values[~image] == -1024).all()


def test_each_slice_has_its_own_slope(tmp_path: Path) -> None:
    series = ct_series(2)
    series[1].RescaleSlope = "0.5"
    with open_archive(tmp_path) as archive:
        for dataset in series:
            archive.store_bytes(file_bytes(dataset), from_site())
        places = [(one.SOPInstanceUID, 1) for one in series]
        volume = read_slices(archive, places, scope=EVERYTHING)
    assert volume.dtype == np.float32
    np.testing.assert_array_equal(volume[1], series[1].pixel_array * 0.5 - 1024)


def test_frames_of_an_enhanced_image(test_data: Path, tmp_path: Path) -> None:
    path = test_data / "modalities/mr_enhanced/BRTUM001.dcm"
    dataset = dcmread(path)
    with open_archive(tmp_path) as archive:
        archive.store_file(path, from_site())
        places = [(dataset.SOPInstanceUID, number) for number in (10, 3)]
        volume = read_slices(archive, places, scope=EVERYTHING)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    rescale = shared.PixelValueTransformationSequence[0]
    for values, number in zip(volume, (9, 2), strict=True):
        expected = dataset.pixel_array[number] * rescale.RescaleSlope + rescale.RescaleIntercept
        np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_what_cannot_be_a_volume_says_so(test_data: Path, tmp_path: Path) -> None:
    small, large = ct_series(2)
    large.Rows, large.Columns, large.PixelData = 8, 8, bytes(128)
    colour = test_data / "transfer_syntaxes/sc_color_variants/SC_rgb_rle.dcm"
    with open_archive(tmp_path) as archive:
        for dataset in (small, large):
            archive.store_bytes(file_bytes(dataset), from_site())
        archive.store_file(colour, from_site())
        both = [(small.SOPInstanceUID, 1), (large.SOPInstanceUID, 1)]
        with pytest.raises(CannotDecode, match="sizes"):
            read_slices(archive, both, scope=EVERYTHING)
        with pytest.raises(CannotDecode, match="grey"):
            read_slices(archive, [(dcmread(colour).SOPInstanceUID, 1)], scope=EVERYTHING)
        for missing in ([("1.2.3", 1)], [(small.SOPInstanceUID, 2)], []):
            with pytest.raises(NotFound):
                read_slices(archive, missing, scope=EVERYTHING)
        stranger = ReadScope(sites=frozenset({"DEMO_B"}))
        with pytest.raises(NotFound):
            read_slices(archive, both[:1], scope=stranger)
