"""Aperio: tiles copied bit for bit, colours as the scanner meant them."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from pydicom import Dataset, dcmread
from wsidicom import WsiDicom

from dicom_node.conversion import ConversionRefused
from dicom_node.conversion.build import Built
from dicom_node.conversion.tiff import TiffSource
from dicom_node.conversion.verify import check_copied, frames_of
from tests.dicom_node.conversion.conftest import dciodvfy_errors

SVS = "wsi/svs_cmu1_small_region/CMU-1-Small-Region.svs"
Converts = Callable[..., Built]


@pytest.fixture(scope="module")
def svs(test_data: Path, converted: Converts) -> Built:
    return converted(test_data / SVS)


def headers(slide: Built) -> list[Dataset]:
    return [dcmread(path, stop_before_pixels=True) for path in slide.files]


def scan(stream: bytes) -> bytes:
    """What follows the start-of-scan header, found without our own parser."""
    at = stream.index(b"\xff\xda")
    return stream[at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big") :]


def test_every_coded_scan_is_that_of_the_file(svs: Built, test_data: Path) -> None:
    with tifffile.TiffFile(test_data / SVS) as tiff, (test_data / SVS).open("rb") as file:
        page = tiff.pages[0]
        frames = list(frames_of(svs.files[0]))
        assert len(frames) == len(page.dataoffsets) == 130
        for frame, at, count in zip(frames, page.dataoffsets, page.databytecounts, strict=True):
            assert scan(frame).rstrip(b"\0") == scan(os.pread(file.fileno(), count, at))


def test_openslide_sees_the_same_pixels_in_both(svs: Built, test_data: Path) -> None:
    with openslide.OpenSlide(str(test_data / SVS)) as ours:
        wanted = np.asarray(ours.read_region((0, 0), 0, ours.dimensions))
    with openslide.OpenSlide(str(svs.files[0])) as dicom:
        found = np.asarray(dicom.read_region((0, 0), 0, dicom.dimensions))
        assert float(dicom.properties["openslide.mpp-x"]) == pytest.approx(0.499)
        assert set(dicom.associated_images) == {"label", "macro"}
    assert np.array_equal(found, wanted)


def test_rgb_components_are_marked_for_browsers(svs: Built) -> None:
    assert headers(svs)[0].PhotometricInterpretation == "RGB"
    frame = next(frames_of(svs.files[0]))
    assert frame[2:4] == b"\xff\xee"
    assert frame[6:11] == b"Adobe"
    assert frame[17] == 0


def test_levels_are_made_until_one_tile_is_left(svs: Built) -> None:
    levels = [ds for ds in headers(svs) if ds.ImageType[2] == "VOLUME"]
    sizes = [(ds.TotalPixelMatrixColumns, ds.TotalPixelMatrixRows) for ds in levels]
    assert sizes == [(2220, 2967), (1110, 1484), (555, 742), (278, 371), (139, 186)]
    assert [ds.ImageType[3] for ds in levels] == ["NONE", *["RESAMPLED"] * 4]
    spacings = [
        float(ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[0])
        for ds in levels
    ]
    assert spacings == pytest.approx([0.000499 * 2**n for n in range(5)])


def test_a_made_level_is_the_mean_of_the_one_above(svs: Built) -> None:
    with openslide.OpenSlide(str(svs.files[0])) as slide:
        base = np.asarray(slide.read_region((0, 0), 0, (2220, 2966)))[..., :3].astype(float)
        half = np.asarray(slide.read_region((0, 0), 1, (1110, 1483)))[..., :3].astype(float)
    mean = base.reshape(1483, 2, 1110, 2, 3).mean((1, 3))
    assert 10 * np.log10(255**2 / np.mean((mean - half) ** 2)) > 33


def test_one_pyramid_in_one_place(svs: Built) -> None:
    levels = [ds for ds in headers(svs) if ds.ImageType[2] == "VOLUME"]
    for keyword in (
        "PyramidUID",
        "FrameOfReferenceUID",
        "SeriesInstanceUID",
        "ImagedVolumeWidth",
        "ImagedVolumeHeight",
        "TotalPixelMatrixOriginSequence",
    ):
        assert len({str(ds[keyword].value) for ds in levels}) == 1, keyword
    assert len({ds.SOPInstanceUID for ds in headers(svs)}) == len(svs.files)
    base = levels[0]
    assert base.ImagedVolumeWidth == pytest.approx(2220 * 0.000499, rel=1e-6)
    with WsiDicom.open(svs.files[0].parent) as slide:
        assert len(slide.levels) == 5
        assert slide.read_region((0, 0), 0, (300, 300)).size == (300, 300)


def test_the_laboratory_is_told_in_the_header(svs: Built) -> None:
    ds = headers(svs)[0]
    assert (str(ds.PatientName), ds.PatientID) == ("Nguyễn^Thị Hoa", "BN0001")
    assert (ds.ContainerIdentifier, ds.Manufacturer) == ("GPB-26-1-A1-1", "Aperio")
    assert ds.OpticalPathSequence[0].ObjectiveLensPower == 20
    assert ds.AcquisitionDateTime == "20091229095915"
    steps = ds.SpecimenDescriptionSequence[0].SpecimenPreparationSequence
    parents = [
        item.TextValue
        for step in steps
        for item in step.SpecimenPreparationStepContentItemSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "111705"
    ]
    assert parents == ["A", "A1"]
    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "ISO_10918_1")


def test_label_and_overview_say_that_they_show_the_label(svs: Built) -> None:
    found = {ds.ImageType[2]: ds for ds in headers(svs)}
    for role, size in (("LABEL", (387, 463)), ("OVERVIEW", (1280, 431))):
        ds = found[role]
        assert (ds.TotalPixelMatrixColumns, ds.TotalPixelMatrixRows) == size
        assert (ds.BurnedInAnnotation, ds.SpecimenLabelInImage) == ("YES", "YES")
    assert (found["VOLUME"].BurnedInAnnotation, found["VOLUME"].SpecimenLabelInImage) == (
        "NO",
        "NO",
    )


def test_the_validator_finds_no_error(svs: Built) -> None:
    assert {path.name: dciodvfy_errors(path) for path in svs.files} == {
        path.name: [] for path in svs.files
    }


def test_the_same_slide_twice_is_the_same_to_the_byte(
    svs: Built, test_data: Path, converted: Converts
) -> None:
    again = converted(test_data / SVS)
    assert [p.read_bytes() for p in again.files] == [p.read_bytes() for p in svs.files]
    other = converted(test_data / SVS, seed="another")
    assert dcmread(other.files[0]).SOPInstanceUID != dcmread(svs.files[0]).SOPInstanceUID


def test_a_tile_changed_on_the_way_is_noticed(svs: Built, test_data: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.dcm"
    data = bytearray(svs.files[0].read_bytes())
    data[len(data) // 2] ^= 0x10
    changed.write_bytes(data)
    source = TiffSource(test_data / SVS)
    with pytest.raises(ConversionRefused, match="does not equal"):
        check_copied(changed, source.levels[0], lambda fraction: None)
    source.close()
