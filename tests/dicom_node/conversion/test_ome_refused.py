"""What of OME-TIFF is no slide, or lies: refused in both languages, at once, never shown white."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pydicom import dcmread

from dicom_node.conversion import ConversionRefused
from dicom_node.conversion.build import Built
from dicom_node.conversion.ome import read_ome
from tests.dicom_node.conversion.stacks import picture, write_ome, write_qptiff

Converts = Callable[..., Built]


def rewritten(path: Path, change: Callable[[str], str]) -> Path:
    """The file with other OME-XML."""
    with tifffile.TiffFile(path) as tiff:
        text = tiff.pages.first.description
    changed = change(text)
    assert changed != text
    tifffile.tiffcomment(path, changed.encode())
    return path


def refusal_of(converted: Converts, path: Path, **facts: Any) -> ConversionRefused:
    with pytest.raises(ConversionRefused) as refusal:
        converted(path, **facts)
    assert refusal.value.vi != refusal.value.en
    return refusal.value


def two_channels(path: Path, **options: Any) -> Path:
    return write_ome(path, [picture(2, 1, 300, 280)], metadata={}, **options)


def test_a_series_in_time_is_no_slide(tmp_path: Path, converted: Converts) -> None:
    path = write_ome(tmp_path / "t.ome.tif", [picture(5, 2, 256, 256)], "TCYX", metadata={})
    refusal = refusal_of(converted, path)
    assert refusal.code == "timelapse"
    assert "5 points" in refusal.en
    assert "5 thời điểm" in refusal.vi


@pytest.mark.parametrize(
    ("dtype", "says"),
    [
        (np.float32, "32 bit floating point"),
        (np.float64, "64 bit floating point"),
        (np.uint32, "32 bit"),
        (np.int16, "16 bit with sign"),
    ],
)
@pytest.mark.parametrize("tile", [(256, 256), None])
def test_numbers_no_viewer_shows_are_refused(
    tmp_path: Path, converted: Converts, dtype: Any, says: str, tile: Any
) -> None:
    made = picture(2, 1, 256, 256).astype(dtype)
    path = write_ome(tmp_path / "x.ome.tif", [made], metadata={}, tile=tile)
    refusal = refusal_of(converted, path)
    assert (refusal.code, says in refusal.en) == ("pixels", True)


def test_colour_of_sixteen_bits_is_refused(tmp_path: Path, converted: Converts) -> None:
    made = np.moveaxis(picture(3, 1, 256, 256)[:, 0], 0, -1)
    path = write_ome(tmp_path / "x.ome.tif", [made], "YXS", photometric="rgb", metadata={})
    assert refusal_of(converted, path).code == "pixels"


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ('SizeC="2"', 'SizeC="1000000000"', "too_large"),
        ('SizeZ="1"', 'SizeZ="999999999999"', "too_large"),
        ('SizeZ="1"', f'SizeZ="{"9" * 400}"', "damaged"),
        ('SizeC="2"', 'SizeC="-3"', "damaged"),
        ('SizeC="2"', 'SizeC="0"', "damaged"),
        ('SizeC="2"', 'SizeC="7"', "damaged"),
        ('SizeC="2"', 'SizeC="two"', "damaged"),
        ('SizeX="280"', 'SizeX="281"', "damaged"),
        ('SizeY="300"', 'SizeY="30000000"', "damaged"),
        ('DimensionOrder="XYZCT"', 'DimensionOrder="XYYYY"', "damaged"),
        ('IFD="0" PlaneCount="2"', 'IFD="0" PlaneCount="1"', "damaged"),
        ('IFD="0" PlaneCount="2"', 'IFD="1" PlaneCount="2"', "damaged"),
        ('IFD="0" PlaneCount="2"', 'IFD="999999999999" PlaneCount="99999999999"', "damaged"),
        ('<TiffData IFD="0" PlaneCount="2"/>', "", "damaged"),
        (
            '<TiffData IFD="0" PlaneCount="2"/>',
            '<TiffData IFD="0"/><TiffData FirstC="1" IFD="0"/>',
            "damaged",
        ),
        (
            '<TiffData IFD="0" PlaneCount="2"/>',
            '<TiffData IFD="0"/><TiffData FirstC="1" IFD="0">'
            '<UUID FileName="../../../etc/passwd">urn:uuid:1</UUID></TiffData>',
            "damaged",
        ),
        ("</OME>", "<Image></OME>", "damaged"),
        ("<Image ", '<BinaryOnly MetadataFile="/etc/passwd" UUID="urn:uuid:1"/><Image ', "damaged"),
    ],
)
def test_xml_that_lies_is_refused(
    tmp_path: Path, converted: Converts, before: str, after: str, code: str
) -> None:
    path = rewritten(two_channels(tmp_path / "x.ome.tif"), lambda xml: xml.replace(before, after))
    assert refusal_of(converted, path).code == code


def growing(name: str) -> str:
    """An entity ten times as long as the one before it in the alphabet."""
    return f'<!ENTITY {name} "{f"&{chr(ord(name) - 1)};" * 10 if name > "a" else "ha"}">'


@pytest.mark.parametrize(
    "definitions",
    [
        '<!DOCTYPE OME [<!ENTITY a "ha">]>',
        "<!DOCTYPE OME ["
        + '<!ENTITY a "ha">'
        + "".join(
            f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "]>",
        '<!DOCTYPE OME [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE OME SYSTEM "http://127.0.0.1:9/ome.dtd">',
    ],
)
def test_entities_are_not_expanded(tmp_path: Path, converted: Converts, definitions: str) -> None:
    def bomb(xml: str) -> str:
        head, rest = xml.split("?>", 1)
        return f"{head}?>{definitions}{re.sub('Image0', '&a;&i;', rest)}"

    path = rewritten(two_channels(tmp_path / "x.ome.tif"), bomb)
    assert refusal_of(converted, path).code == "damaged"


def test_xml_without_end_is_not_read() -> None:
    with pytest.raises(ConversionRefused) as refusal:
        read_ome("<OME>" + "<a/>" * (5 << 20) + "</OME>", 1, 8)
    assert refusal.value.code == "too_large"


def test_a_channel_of_another_size_is_refused(tmp_path: Path, converted: Converts) -> None:
    path = tmp_path / "x.ome.tif"
    one = picture(1, 1, 300, 280)[0, 0]
    with tifffile.TiffWriter(path, ome=False) as tiff:
        xml = (
            '<OME xmlns="x"><Image><Pixels DimensionOrder="XYCZT" SizeX="280" SizeY="300" '
            'SizeC="2" SizeZ="1" SizeT="1"><TiffData/></Pixels></Image></OME>'
        )
        tiff.write(one, tile=(128, 128), description=xml, metadata=None)
        tiff.write(one.astype(np.uint8), tile=(256, 256), metadata=None)
    assert refusal_of(converted, path, mpp=0.5).code == "damaged"


def test_a_channel_that_lost_its_tiles_is_refused(tmp_path: Path, converted: Converts) -> None:
    path = two_channels(tmp_path / "x.ome.tif", compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        page = tiff.pages[1]
        page.tags["TileByteCounts"].overwrite([*page.databytecounts[:-1], 0])
    refusal = refusal_of(converted, path)
    assert (refusal.code, "1 of 8 tiles" in refusal.en) == ("damaged", True)


def test_a_file_cut_short_is_refused(tmp_path: Path, converted: Converts) -> None:
    path = two_channels(tmp_path / "x.ome.tif", tile=None)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refusal_of(converted, path).code in ("damaged", "not_a_slide")


def test_strips_of_a_page_too_large_to_hold_are_refused(
    tmp_path: Path, converted: Converts
) -> None:
    path = two_channels(tmp_path / "x.ome.tif", tile=None)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for page in tiff.pages:
            page.tags["ImageWidth"].overwrite(40_000)
            page.tags["ImageLength"].overwrite(40_000)
    rewritten(path, lambda xml: re.sub(r'Size([XY])="\d+"', r'Size\1="40000"', xml))
    assert refusal_of(converted, path).code == "too_large"


def test_smaller_levels_that_are_broken_are_made_anew(tmp_path: Path, converted: Converts) -> None:
    made = picture(2, 1, 1100, 1100)
    path = write_ome(tmp_path / "x.ome.tif", [made, made[..., ::2, ::2]], metadata={})
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        smaller = tiff.pages[1].pages[0]
        smaller.tags["TileOffsets"].overwrite([1 << 30] * len(smaller.dataoffsets))
    slide = converted(path)
    widths = [
        dcmread(file, stop_before_pixels=True).TotalPixelMatrixColumns for file in slide.files
    ]
    assert widths == [1100, 550, 275]


def test_channels_without_names_are_channels_all_the_same(
    tmp_path: Path, converted: Converts
) -> None:
    made = picture(2, 1, 300, 280)[:, 0]
    path = write_qptiff(tmp_path / "x.qptiff", [made])
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[1].tags["ImageDescription"].overwrite("<PerkinElmer-QPI-ImageDescription>")
    ds = dcmread(converted(path).files[0], stop_before_pixels=True)
    first, second = ds.OpticalPathSequence
    assert first.OpticalPathDescription == "Marker 0"
    assert "OpticalPathDescription" not in second
