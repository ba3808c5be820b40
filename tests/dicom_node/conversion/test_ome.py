"""Channels and focal planes of OME-TIFF and QPTIFF, against what tifffile reads of the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless
from wsidicom import WsiDicom

from dicom_node.conversion.build import Built
from dicom_node.conversion.verify import frames_of
from dicom_node.pixels import DerivedCache
from dicom_node.slides import Shelf, SlideSource
from dicom_node.slides.render import Region, render
from tests.dicom_node.conversion.conftest import dciodvfy_errors
from tests.dicom_node.conversion.stacks import CHANNELS, halves, picture, write_ome, write_qptiff
from tests.factories import EVERYTHING, from_site, open_archive

Converts = Callable[..., Built]


def of_level(path: Path) -> NDArray[Any]:
    """The pixels of an instance as pydicom decodes them: (paths, planes, rows, columns, ...)."""
    ds = dcmread(path)
    width, height = ds.TotalPixelMatrixColumns, ds.TotalPixelMatrixRows
    across, down = -(-width // ds.Columns), -(-height // ds.Rows)
    layers = int(ds.NumberOfOpticalPaths), int(ds.TotalPixelMatrixFocalPlanes)
    # PS3.3 C.7.6.17.3: columns change first, then rows, focal planes, optical paths
    frames = ds.pixel_array.reshape(*layers, down, across, ds.Rows, ds.Columns, ds.SamplesPerPixel)
    whole = frames.swapaxes(3, 4).reshape(
        *layers, down * ds.Rows, across * ds.Columns, ds.SamplesPerPixel
    )
    return whole[:, :, :height, :width].squeeze(-1) if ds.SamplesPerPixel == 1 else whole


def headers(slide: Built) -> list[Dataset]:
    return [dcmread(path, stop_before_pixels=True) for path in slide.files]


@pytest.fixture(scope="module")
def fluorescent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ome") / "three.ome.tif"
    return write_ome(path, [picture(3, 1, 1200, 1500)], compression="zlib")


@pytest.fixture(scope="module")
def slide(fluorescent: Path, converted: Converts) -> Built:
    return converted(fluorescent)


def test_sixteen_bits_are_kept_and_halved_exactly(slide: Built, fluorescent: Path) -> None:
    wanted = tifffile.imread(fluorescent)[:, None]
    assert [ds.TotalPixelMatrixColumns for ds in headers(slide)] == [1500, 750, 375]
    for path in slide.files:
        ds = dcmread(path, stop_before_pixels=True)
        assert ds.file_meta.TransferSyntaxUID == RLELossless
        assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit) == (16, 16, 15)
        assert (ds.PhotometricInterpretation, ds.LossyImageCompression) == ("MONOCHROME2", "00")
        assert np.array_equal(of_level(path), wanted)
        wanted = halves(wanted)


def test_each_channel_is_an_optical_path(slide: Built) -> None:
    ds = headers(slide)[0]
    assert (ds.NumberOfOpticalPaths, ds.TotalPixelMatrixFocalPlanes) == (3, 1)
    paths = ds.OpticalPathSequence
    assert [path.OpticalPathDescription for path in paths] == ["DAPI", "CD3 (Opal 520)", "PanCK"]
    assert [path.IlluminationWaveLength for path in paths] == [358, 488, 561]
    assert [path.ImagePathFilterPassThroughWavelength for path in paths] == [461, 520, 603]
    assert {path.IlluminationTypeCodeSequence[0].CodeValue for path in paths} == {"111743"}
    tables = [path.PaletteColorLookupTableSequence[0] for path in paths]
    data = [f"Segmented{name}PaletteColorLookupTableData" for name in ("Red", "Green", "Blue")]
    # A straight segment ends with the value it leads to.
    ends = [[int.from_bytes(table[name].value[-2:], "little") for name in data] for table in tables]
    assert ends == [[0, 0, 65535], [0, 65535, 0], [65535, 0, 0]]


def test_validator_and_wsidicom_agree(slide: Built, fluorescent: Path) -> None:
    assert all(not dciodvfy_errors(path) for path in slide.files)
    wanted = tifffile.imread(fluorescent)
    with WsiDicom.open(slide.files[0].parent) as opened:
        assert len(opened.levels) == 3
        assert opened.levels[0].mpp.width == pytest.approx(0.5)
        for channel in range(3):
            found = opened.read_region((500, 400), 0, (700, 600), path=str(channel + 1))
            assert np.array_equal(np.asarray(found), wanted[channel, 400:1000, 500:1200])


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"compression": "lzw", "predictor": True, "byteorder": ">"},
        {"compression": "zstd"},
        {"tile": None},
        {"tile": None, "compression": "zlib", "rowsperstrip": 7},
        {"photometric": "miniswhite"},
    ],
)
def test_every_way_of_storing_gives_the_same(
    tmp_path: Path, converted: Converts, options: dict[str, Any]
) -> None:
    made = picture(2, 1, 300, 700)
    inverted = options.get("photometric") == "miniswhite"
    path = write_ome(tmp_path / "x.ome.tif", [made], metadata={}, **options)
    assert np.array_equal(tifffile.imread(path), made[:, 0])
    found = of_level(converted(path).files[0])
    assert np.array_equal(found, 65535 - made if inverted else made)


@pytest.mark.parametrize("axes", ["CZYX", "ZCYX"])
def test_focal_planes_lie_at_their_heights(tmp_path: Path, converted: Converts, axes: str) -> None:
    made = picture(3, 4, 400, 600)
    stored = made if axes == "CZYX" else made.swapaxes(0, 1)
    slide = converted(write_ome(tmp_path / "z.ome.tif", [stored], axes))
    assert np.array_equal(of_level(slide.files[0]), made)
    assert np.array_equal(of_level(slide.files[1]), halves(made))
    ds = headers(slide)[0]
    assert (ds.NumberOfOpticalPaths, ds.TotalPixelMatrixFocalPlanes, ds.NumberOfFrames) == (
        3,
        4,
        24,
    )
    measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert measures.SpacingBetweenSlices == 0.0015
    assert all(not dciodvfy_errors(path) for path in slide.files)
    with WsiDicom.open(slide.files[0].parent) as opened:
        assert opened.pyramids[0].base_level.focal_planes == [0.0, 1.5, 3.0, 4.5]
        found = opened.read_region((90, 80), 0, (300, 300), z=3.0, path="2")
        assert np.array_equal(np.asarray(found), made[1, 2, 80:380, 90:390])


def test_planes_without_a_distance_are_told(tmp_path: Path, converted: Converts) -> None:
    metadata = {"PhysicalSizeZ": 0}
    path = write_ome(tmp_path / "z.ome.tif", [picture(1, 3, 256, 256)[0]], "ZYX", metadata=metadata)
    slide = converted(path)
    assert any("1 µm" in en for _, en in slide.notes)
    assert headers(slide)[0].TotalPixelMatrixFocalPlanes == 3


def test_a_stack_in_colour_keeps_its_jpeg(tmp_path: Path, converted: Converts) -> None:
    planes = np.stack([np.moveaxis(picture(3, 1, 512, 512, np.uint8)[:, 0], 0, -1)] * 3)
    planes[1] //= 2
    path = write_ome(
        tmp_path / "z.ome.tif",
        [planes],
        "ZYXS",
        photometric="ycbcr",
        compression="jpeg",
        metadata={},
    )
    slide = converted(path)
    ds = headers(slide)[0]
    assert ds.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert (ds.NumberOfOpticalPaths, ds.TotalPixelMatrixFocalPlanes) == (1, 3)
    assert ds.OpticalPathSequence[0].IlluminationTypeCodeSequence[0].CodeValue == "111744"
    assert all(not dciodvfy_errors(file) for file in slide.files)
    wanted = tifffile.imread(path)
    with WsiDicom.open(slide.files[0].parent) as opened:
        for plane in range(3):
            found = np.asarray(opened.read_region((0, 0), 0, (512, 512), z=1.5 * plane))
            assert np.abs(found.astype(int) - wanted[plane]).mean() < 3


def scan(stream: bytes) -> bytes:
    at = stream.index(b"\xff\xda")
    return stream[at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big") :].rstrip(b"\0")


def test_jpeg_of_one_component_is_copied_bit_for_bit(tmp_path: Path, converted: Converts) -> None:
    made = picture(3, 2, 500, 700, np.uint8)
    path = write_ome(tmp_path / "x.ome.tif", [made], compression="jpeg")
    slide = converted(path)
    assert headers(slide)[0].file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    data, wanted = path.read_bytes(), []
    with tifffile.TiffFile(path) as tiff:
        for page in tiff.pages:
            places = zip(page.dataoffsets, page.databytecounts, strict=True)
            wanted += [scan(data[at : at + count]) for at, count in places]
        decoded = tiff.asarray()
    assert [scan(frame) for frame in frames_of(slide.files[0])] == wanted
    assert np.abs(of_level(slide.files[0]).astype(int) - decoded).max() <= 1
    assert all(not dciodvfy_errors(file) for file in slide.files)


def test_eight_bits_without_loss_stay_so(tmp_path: Path, converted: Converts) -> None:
    made = picture(2, 1, 300, 280, np.uint8)
    slide = converted(write_ome(tmp_path / "x.ome.tif", [made], metadata={}, compression="zlib"))
    assert headers(slide)[0].file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert np.array_equal(of_level(slide.files[0]), made)


def test_levels_of_the_file_are_taken(tmp_path: Path, converted: Converts) -> None:
    made = picture(3, 2, 1600, 1800)
    # A level that halving would not give: whether it came from the file is seen.
    quarter = made[..., ::4, ::4] // 2
    slide = converted(write_ome(tmp_path / "p.ome.tif", [made, quarter], compression="zlib"))
    assert [ds.TotalPixelMatrixColumns for ds in headers(slide)] == [1800, 450]
    assert np.array_equal(of_level(slide.files[0]), made)
    assert np.array_equal(of_level(slide.files[1]), quarter)
    spacing = headers(slide)[1].SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert [float(value) for value in spacing.PixelSpacing] == [0.002, 0.002]
    assert all(not dciodvfy_errors(file) for file in slide.files)


def test_colour_in_planes_of_its_own_is_colour(tmp_path: Path, converted: Converts) -> None:
    colour = picture(3, 1, 300, 400, np.uint8)[:, 0]
    path = tmp_path / "planar.ome.tif"
    tifffile.imwrite(
        path,
        colour,
        ome=True,
        photometric="rgb",
        planarconfig="separate",
        tile=(128, 128),
        compression="lzw",
        metadata={"axes": "SYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
    )
    slide = converted(path)
    ds = headers(slide)[0]
    assert (ds.PhotometricInterpretation, ds.NumberOfOpticalPaths) == ("YBR_RCT", 1)
    with WsiDicom.open(slide.files[0].parent) as opened:
        found = np.asarray(opened.read_region((0, 0), 0, (400, 300)))
    assert np.array_equal(found, np.moveaxis(colour, 0, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_qptiff_channels_have_the_names_of_their_markers(
    tmp_path: Path, converted: Converts, dtype: Any
) -> None:
    made = picture(4, 1, 1024, 1280, dtype)[:, 0]
    half = made[:, ::2, ::2] // 2
    path = write_qptiff(tmp_path / "x.qptiff", [made, half], compression="lzw")
    slide = converted(path)
    base, second, *rest = headers(slide)
    assert [path.OpticalPathDescription for path in base.OpticalPathSequence] == [
        f"Marker {number}" for number in range(4)
    ]
    assert np.array_equal(of_level(slide.files[0])[:, 0], made)
    assert np.array_equal(of_level(slide.files[1])[:, 0], half)
    assert second.TotalPixelMatrixColumns == 640
    assert base.OpticalPathSequence[0].ObjectiveLensPower == 20
    spacing = base.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    assert float(spacing[0]) == pytest.approx(0.0005)
    assert {ds.ImageType[2] for ds in rest} >= {"LABEL", "OVERVIEW"}
    assert all(not dciodvfy_errors(file) for file in slide.files)


def test_the_slide_service_shows_channels_and_planes(tmp_path: Path, converted: Converts) -> None:
    made = picture(3, 3, 700, 900)
    made[:, :, :100] //= 8
    # Without a colour, of the second: the light that comes out decides.
    colours = [CHANNELS["Color"][0], -1, CHANNELS["Color"][2]]
    names = {"Name": ["DAPI", "Marker", "PanCK"], "Color": colours}
    metadata = {"Channel": CHANNELS | names}
    slide = converted(write_ome(tmp_path / "x.ome.tif", [made], metadata=metadata))
    with open_archive(tmp_path / "archive") as archive:
        for path in slide.files:
            archive.store_file(path, from_site())
        series = dcmread(slide.files[0], stop_before_pixels=True).SeriesInstanceUID
        index = Shelf(archive).of_series(series, EVERYTHING)
        facts = index.facts
        assert facts["problems"] == []
        assert facts["focal_planes"] == [{"index": n, "z_um": 1.5 * n} for n in range(3)]
        paths = facts["optical_paths"]
        assert [path["description"] for path in paths] == names["Name"]
        assert [path["colour"] for path in paths] == [[0, 0, 255], [0, 255, 0], [255, 0, 0]]
        assert [path["wavelength_nm"] for path in paths] == [461, 520, 603]
        source = SlideSource(archive, DerivedCache(tmp_path / "cache", 10_000_000))
        for channel in range(3):
            for plane in range(3):
                values = source.values(index, index.frame(0, channel, plane, 1, 0))
                assert np.array_equal(values[:, :388], made[channel, plane, :512, 512:])
            # Black where the darkest is, full where the brightest.
            low, high = paths[channel]["range"]
            black, full = (low + grey * (high - low) / 255 for grey in paths[channel]["window"])
            assert black < 500
            assert 0.8 < full / made[channel, 1].max() < 1.1
        whole = Region(0, 0, 900, 700, 0.5)
        shown, *planes = (render(source, index, whole, [0], plane) for plane in (None, 0, 1, 2))
        assert [np.array_equal(shown, plane) for plane in planes] == [False, True, False]
