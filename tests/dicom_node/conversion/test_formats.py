"""Hamamatsu, OME and plain TIFF; and what is no slide, in words."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image
from pydicom import dcmread

from dicom_node.conversion import ConversionRefused, build, jpeg, ndpi
from dicom_node.conversion.build import Built
from dicom_node.conversion.slide_library import LibrarySource
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


def test_an_ndpi_of_several_planes_says_that_one_was_taken(
    test_data: Path, converted: Converts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndpi.tifffile, "TiffFile", Stacked)
    slide = converted(test_data / NDPI)
    assert any("focal planes" in en for _, en in slide.notes)
    assert any("mặt tiêu" in vi for vi, _ in slide.notes)


class Stacked(tifffile.TiffFile):
    """The file as if each level had two pages: none with real planes is to be had."""

    @property
    def series(self) -> list[tifffile.TiffPageSeries]:
        found = super().series
        for level in found[0].levels:
            level._len = 2
        return found


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


def test_what_only_openslide_decodes_is_coded_again_and_said_so(
    test_data: Path, converted: Converts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "open_source", LibrarySource)
    path = test_data / "wsi/svs_cmu1_small_region/CMU-1-Small-Region.svs"
    slide = converted(path)
    assert any("compressed again" in en for _, en in slide.notes)
    assert all(not dciodvfy_errors(file) for file in slide.files)
    ds = dcmread(slide.files[0], stop_before_pixels=True)
    assert list(ds.ImageType[:2]) == ["DERIVED", "PRIMARY"]
    assert "JPEG quality 90" in ds.DerivationDescription
    with (
        openslide.OpenSlide(str(path)) as vendor,
        openslide.OpenSlide(str(slide.files[0])) as dicom,
    ):
        wanted = np.asarray(vendor.read_region((0, 0), 0, vendor.dimensions))[..., :3]
        found = np.asarray(dicom.read_region((0, 0), 0, dicom.dimensions))[..., :3]
        assert set(dicom.associated_images) == {"label", "macro"}
    assert 10 * np.log10(255**2 / np.mean((wanted.astype(float) - found) ** 2)) > 35


def test_a_slide_that_decodes_to_one_colour_is_refused(
    tmp_path: Path, converted: Converts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "open_source", LibrarySource)
    path = tmp_path / "white.tiff"
    white = np.full((600, 700, 3), 255, np.uint8)
    tifffile.imwrite(path, white, tile=(256, 256), compression="jpeg")
    with pytest.raises(ConversionRefused) as refusal:
        converted(path, mpp=0.25)
    assert refusal.value.code == "blank"


def smooth(rows: int, columns: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    return np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8)


def test_jpeg_2000_tiles_are_copied_as_they_are(tmp_path: Path, converted: Converts) -> None:
    path = tmp_path / "j2k.svs"
    tifffile.imwrite(
        path,
        smooth(512, 512),
        tile=(256, 256),
        compression=33005,
        compressionargs={"level": 30, "codecformat": "J2K", "reversible": False},
        description="Aperio Image Library v12\r\n512x512 (256x256) J2K|AppMag = 20|MPP = 0.5",
        metadata=None,
        photometric="rgb",
    )
    slide = converted(path)
    data = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        wanted = [
            data[at : at + count]
            for at, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]
    frames = list(frames_of(slide.files[0]))
    assert [frame[: len(tile)] for frame, tile in zip(frames, wanted, strict=True)] == wanted
    ds = dcmread(slide.files[0], stop_before_pixels=True)
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.91"
    assert all(not dciodvfy_errors(file) for file in slide.files)
    with openslide.OpenSlide(str(slide.files[0])) as dicom:
        found = np.asarray(dicom.read_region((0, 0), 0, (512, 512)))[..., :3].astype(int)
    assert np.abs(found - smooth(512, 512)).mean() < 10


def test_philips_pads_its_pages_and_leaves_out_glass(tmp_path: Path, converted: Converts) -> None:
    path = tmp_path / "philips.tiff"
    label = base64.b64encode(jpeg.encode(smooth(60, 80), 90, subsampled=False)).decode()
    spacing = '"0.00025" "0.00025"'
    description = (
        '<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport">'
        f'<Attribute Name="DICOM_PIXEL_SPACING" PMSVR="IDoubleArray">{spacing}</Attribute>'
        '<Attribute Name="PIM_DP_IMAGE_TYPE" PMSVR="IString">LABELIMAGE</Attribute>'
        f'<Attribute Name="PIM_DP_IMAGE_DATA" PMSVR="IString">{label}</Attribute></DataObject>'
    )
    tile = jpeg.encode(smooth(256, 256), 90, subsampled=True)
    options = {"tile": (256, 256), "compression": "jpeg", "photometric": "ycbcr", "metadata": None}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            iter([tile, b"", tile, tile, tile, tile]),
            shape=(512, 768, 3),
            dtype=np.uint8,
            software="Philips DP v1.0",
            description=description,
            **options,
        )
        tiff.write(
            iter([tile, tile]), shape=(256, 512, 3), dtype=np.uint8, subfiletype=1, **options
        )
    slide = converted(path)
    base, half, *rest = (dcmread(file, stop_before_pixels=True) for file in slide.files)
    assert (base.Manufacturer, base.TotalPixelMatrixColumns) == ("Philips", 768)
    assert (half.TotalPixelMatrixColumns, half.TotalPixelMatrixRows) == (384, 256)
    assert rest[-1].ImageType[2] == "LABEL"
    assert all(not dciodvfy_errors(file) for file in slide.files)
    with openslide.OpenSlide(str(slide.files[0])) as dicom:
        glass = np.asarray(dicom.read_region((256, 0), 0, (256, 256)))[..., :3]
        tissue = np.asarray(dicom.read_region((0, 0), 0, (256, 256)))[..., :3]
    assert glass.min() == 255
    assert np.abs(tissue.astype(int) - smooth(256, 256)).mean() < 25


def test_wide_gaps_between_levels_are_filled(tmp_path: Path, converted: Converts) -> None:
    path = tmp_path / "gap.svs"
    options = {"tile": (128, 128), "compression": "jpeg", "photometric": "ycbcr", "metadata": None}
    with tifffile.TiffWriter(path) as tiff:
        said = "Aperio Image Library v12\r\n2048x2048 (128x128) JPEG|AppMag = 20|MPP = 0.5"
        tiff.write(smooth(2048, 2048), description=said, **options)
        tiff.write(smooth(50, 50), metadata=None)
        tiff.write(smooth(128, 128), description=said, **options)
    slide = converted(path)
    levels = [dcmread(file, stop_before_pixels=True) for file in slide.files]
    assert [ds.TotalPixelMatrixColumns for ds in levels] == [2048, 1024, 512, 128]
    assert [int(ds.InstanceNumber) for ds in levels] == [1, 2, 3, 4]
    spacings = [
        float(ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[0])
        for ds in levels
    ]
    assert spacings == pytest.approx([0.0005, 0.001, 0.002, 0.008])


@pytest.mark.parametrize("compression", ["deflate", "jpeg"])
def test_grey_stays_grey(tmp_path: Path, converted: Converts, compression: str) -> None:
    path = tmp_path / "grey.tiff"
    grey = smooth(300, 280)[..., 2]
    tifffile.imwrite(path, grey, tile=(256, 256), compression=compression, photometric="minisblack")
    slide = converted(path, mpp=0.5)
    ds = dcmread(slide.files[0])
    assert (ds.PhotometricInterpretation, ds.SamplesPerPixel) == ("MONOCHROME2", 1)
    assert all(not dciodvfy_errors(file) for file in slide.files)
    frame = next(frames_of(slide.files[0]))
    decode = imagecodecs.jpeg2k_decode if compression == "deflate" else imagecodecs.jpeg8_decode
    found = decode(frame)[:256, :256].astype(int)
    assert np.abs(found - grey[:256, :256]).mean() < (1e-9 if compression == "deflate" else 5)


def test_pages_of_a_plain_tiff_are_refused_in_words(tmp_path: Path, converted: Converts) -> None:
    path = tmp_path / "channels.tif"
    stack = np.random.default_rng(1).integers(0, 65535, (3, 512, 512), np.uint16)
    tifffile.imwrite(path, stack, tile=(256, 256), photometric="minisblack")
    with pytest.raises(ConversionRefused) as refusal:
        converted(path, mpp=0.5)
    assert refusal.value.code == "pixels"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw", "predictor": True},
        {"compression": "zlib", "planarconfig": "separate"},
    ],
    ids=["plain", "lzw", "planes"],
)
def test_a_picture_in_strips_is_shown_as_it_is(
    tmp_path: Path, converted: Converts, options: dict[str, Any]
) -> None:
    """As cameras on a microscope, Fiji and cut-out regions are written."""
    path = tmp_path / "camera.tif"
    made = smooth(700, 900)
    stored = np.moveaxis(made, -1, 0) if "planarconfig" in options else made
    half_a_micrometre = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
    settings = {"photometric": "rgb", "rowsperstrip": 33, **half_a_micrometre, **options}
    tifffile.imwrite(path, stored, metadata=None, **settings)
    slide = converted(path)
    assert slide.notes == []
    ds = dcmread(slide.files[0], stop_before_pixels=True)
    measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.PixelSpacing == pytest.approx([0.0005, 0.0005])
    assert ds.LossyImageCompression == "00"
    assert np.array_equal(whole(slide.files[0]), made)
    assert all(not dciodvfy_errors(file) for file in slide.files)


@pytest.mark.parametrize(("colours", "photometric"), [("rgb", 2), ("ycbcr", 6)])
def test_jpeg_in_strips_keeps_its_colours(
    tmp_path: Path, converted: Converts, colours: str, photometric: int
) -> None:
    path = tmp_path / "camera.tif"
    y, x = np.mgrid[:700, :900]
    made = np.stack([x // 4, y // 4, (x + y) // 8], -1).astype(np.uint8)
    coder = {"level": 90, "outcolorspace": colours}
    tifffile.imwrite(path, made, photometric="rgb", compression="jpeg", compressionargs=coder)
    with tifffile.TiffFile(path) as tiff:
        assert (tiff.pages[0].is_tiled, tiff.pages[0].photometric) == (False, photometric)
    assert np.abs(np.asarray(Image.open(path).convert("RGB")).astype(int) - made).mean() < 3
    slide = converted(path, mpp=0.5)
    assert np.abs(whole(slide.files[0]).astype(int) - made).mean() < 3
    ((_, said),) = slide.notes
    assert "compressed again" in said


def whole(path: Path) -> np.ndarray:
    """The full image as OpenSlide sees it in DICOM."""
    with openslide.OpenSlide(str(path)) as dicom:
        return np.asarray(dicom.read_region((0, 0), 0, dicom.dimensions))[..., :3]


def test_other_pictures_of_a_plain_tiff_are_not_passed_over_in_silence(
    tmp_path: Path, converted: Converts
) -> None:
    path = tmp_path / "album.tif"
    with tifffile.TiffWriter(path) as tiff:
        for rows in (300, 320):
            tiff.write(smooth(rows, 280), metadata=None, photometric="rgb")
    ((_, said),) = converted(path, mpp=0.5).notes
    assert "several scans" in said


@pytest.mark.parametrize("tile", [None, (256, 256)])
@pytest.mark.parametrize("kind", ["palette", "inks", "undecoded"])
def test_colours_that_would_be_wrong_are_refused(
    tmp_path: Path, converted: Converts, kind: str, tile: tuple[int, int] | None
) -> None:
    path = tmp_path / "x.tif"
    made = smooth(300, 280)
    if kind == "palette":
        colours = np.zeros((3, 256), np.uint16)
        pixels, settings = made[..., 0], {"photometric": "palette", "colormap": colours}
    elif kind == "inks":
        pixels = np.concatenate([made, made[..., :1]], -1)
        settings = {"photometric": "separated"}
    else:
        pixels, settings = made, {"photometric": "rgb", "compression": "zlib"}
    tifffile.imwrite(path, pixels, tile=tile, metadata=None, **settings)
    if kind == "undecoded":
        with tifffile.TiffFile(path, mode="r+b") as tiff:
            tiff.pages[0].tags["PhotometricInterpretation"].overwrite(6)
    with pytest.raises(ConversionRefused) as refusal:
        converted(path, mpp=0.5)
    assert refusal.value.code == "pixels"


@pytest.mark.parametrize("bits", [1, 4])
def test_few_grey_levels_are_refused(tmp_path: Path, converted: Converts, bits: int) -> None:
    path = tmp_path / "fax.tif"
    pixels = (smooth(300, 280)[..., 0] > 127).astype(bool if bits == 1 else np.uint8)
    tifffile.imwrite(path, pixels, bitspersample=bits, photometric="minisblack", metadata=None)
    with pytest.raises(ConversionRefused) as refusal:
        converted(path, mpp=0.5)
    assert refusal.value.code == "pixels"
