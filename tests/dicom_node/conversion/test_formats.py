"""Hamamatsu, OME and plain TIFF; and what is no slide, in words."""

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import openslide
import pytest
import tifffile
from pydicom import dcmread

from dicom_node.conversion import ConversionRefused
from dicom_node.conversion.build import Built
from dicom_node.conversion.verify import frames_of
from tests.dicom_node.conversion.conftest import dciodvfy_errors

NDPI = "wsi/ndpi_fluorescence_dapi/test3-DAPI-2-387.ndpi"
BOXES = "wsi/tiny_openslide/boxes.tiff"
Converts = Callable[..., Built]


def test_ndpi_stripes_are_copied_not_coded_again(test_data: Path, converted: Converts) -> None:
    slide = converted(test_data / NDPI)
    ds = dcmread(slide.files[0], stop_before_pixels=True)
    assert ds.ImageType[0] == "ORIGINAL"
    data = (test_data / NDPI).read_bytes()
    with tifffile.TiffFile(test_data / NDPI) as tiff:
        page = tiff.pages[0]
        stripes = [
            data[at : at + count - 2]  # without the marker that ends it
            for at, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]
    high = ds.Rows // 8
    for number, frame in enumerate(frames_of(slide.files[0])):
        for stripe in stripes[number * high : (number + 1) * high]:
            assert stripe in frame


def test_ndpi_shows_what_openslide_shows(test_data: Path, converted: Converts) -> None:
    slide = converted(test_data / NDPI)
    assert all(not dciodvfy_errors(path) for path in slide.files)
    with (
        openslide.OpenSlide(str(test_data / NDPI)) as vendor,
        openslide.OpenSlide(str(slide.files[0])) as dicom,
    ):
        assert dicom.level_dimensions[:4] == vendor.level_dimensions[:4]
        for level in range(4):
            size = vendor.level_dimensions[level]
            wanted = np.asarray(vendor.read_region((0, 0), level, size))
            assert np.array_equal(np.asarray(dicom.read_region((0, 0), level, size)), wanted)
        assert "macro" in dicom.associated_images
    ds = dcmread(slide.files[0], stop_before_pixels=True)
    assert float(ds.OpticalPathSequence[0].ObjectiveLensPower) == 40
    # the image lies 12.5 mm right of the slide's middle: columns run along -Y
    origin = ds.TotalPixelMatrixOriginSequence[0]
    middle = float(origin.YOffsetInSlideCoordinateSystem) - ds.ImagedVolumeWidth / 2
    assert middle == pytest.approx(37.5 - 12.53872, abs=1e-4)


@pytest.mark.parametrize(
    "name", ["ome_tiff_he/OS-1-detail.ome.tif", "ome_tiff_ki67/OS-2-vsi.ome.tif"]
)
def test_ome_tiff_keeps_its_own_colours(test_data: Path, converted: Converts, name: str) -> None:
    path = test_data / "wsi" / name
    slide = converted(path)
    assert all(not dciodvfy_errors(file) for file in slide.files)
    ds = dcmread(slide.files[0], stop_before_pixels=True)
    # the tag says RGB, the JFIF marker in every tile says YCbCr, and the marker is right
    assert ds.PhotometricInterpretation == "YBR_FULL_422"
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        wanted = imagecodecs.jpeg8_decode(
            path.read_bytes()[page.dataoffsets[0] : page.dataoffsets[0] + page.databytecounts[0]]
        )
    with openslide.OpenSlide(str(slide.files[0])) as dicom:
        found = np.asarray(dicom.read_region((0, 0), 0, (512, 512)))[..., :3]
    assert np.array_equal(found, wanted)
    spacing = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    assert 0.0002 < float(spacing[0]) < 0.0004


def test_what_was_lossless_stays_lossless(test_data: Path, converted: Converts) -> None:
    slide = converted(test_data / BOXES, mpp=0.25)
    assert all(not dciodvfy_errors(path) for path in slide.files)
    ds = dcmread(slide.files[0], stop_before_pixels=True)
    assert ds.LossyImageCompression == "00"
    profile = ds.OpticalPathSequence[0].ICCProfile
    with (
        openslide.OpenSlide(str(test_data / BOXES)) as vendor,
        openslide.OpenSlide(str(slide.files[0])) as dicom,
    ):
        assert dicom.level_dimensions == vendor.level_dimensions
        for level, size in enumerate(vendor.level_dimensions):
            wanted = np.asarray(vendor.read_region((0, 0), level, size))
            assert np.array_equal(np.asarray(dicom.read_region((0, 0), level, size)), wanted)
        assert vendor.color_profile is not None
        assert profile[:588] == vendor.color_profile.tobytes()


def test_no_scale_no_slide(test_data: Path, converted: Converts) -> None:
    with pytest.raises(ConversionRefused) as refusal:
        converted(test_data / BOXES)
    assert refusal.value.code == "scale"


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("corrupted.svs", "damaged", "32704 of 32705 tiles"),
        ("unopenable.tiff", "compression", "52479"),
        ("unreadable.svs", "damaged", "JPEG"),
    ],
)
def test_bad_files_are_refused_in_words(
    test_data: Path, converted: Converts, name: str, code: str, says: str
) -> None:
    with pytest.raises(ConversionRefused, match=says) as refusal:
        converted(test_data / "wsi/bad" / name)
    assert refusal.value.code == code
    assert refusal.value.vi != refusal.value.en


def test_a_text_file_is_no_slide(tmp_path: Path, converted: Converts) -> None:
    path = tmp_path / "notes.svs"
    path.write_text("not a slide")
    with pytest.raises(ConversionRefused) as refusal:
        converted(path)
    assert refusal.value.code == "not_a_slide"


def test_a_slide_cut_short_is_refused(test_data: Path, tmp_path: Path, converted: Converts) -> None:
    whole = (test_data / "wsi/svs_cmu1_small_region/CMU-1-Small-Region.svs").read_bytes()
    path = tmp_path / "short.svs"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConversionRefused) as refusal:
        converted(path)
    assert refusal.value.code in ("damaged", "not_a_slide")


def test_a_claim_of_a_terapixel_is_refused(tmp_path: Path, converted: Converts) -> None:
    path = tmp_path / "bomb.tiff"
    tifffile.imwrite(path, np.zeros((256, 256, 3), np.uint8), tile=(256, 256))
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags["ImageWidth"].overwrite(2**31)
        tiff.pages[0].tags["ImageLength"].overwrite(2**31)
    with pytest.raises(ConversionRefused) as refusal:
        converted(path, mpp=0.25)
    assert refusal.value.code in ("too_large", "damaged")
