"""Key images as the reader saw them."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dicom_node.archive import Archive, ArchiveSettings
from dicom_node.errors import DicomNodeError
from dicom_node.records import Origin, ReadScope
from dicom_node.slides import slide_id
from plugins.nouns import KeyImage, Region
from tests.dicom_node.slides.glass import Glass, put
from workstation.consult.pictures import picture_of
from workstation.consult.scale_bar import bar_of

EVERYTHING = ReadScope(everything=True)


def stored(archive: Archive, path: Path) -> KeyImage:
    result = archive.store_file(path, Origin(site="DEMO_A"))
    record = archive.instance(result.sop_instance_uid, scope=EVERYTHING)
    return KeyImage(
        record.study_instance_uid,
        record.series_instance_uid,
        record.sop_instance_uid,
        record.sop_class_uid,
    )


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive.open(ArchiveSettings(folder=tmp_path / "archive"))


def grey(picture: bytes) -> np.ndarray:
    image = Image.open(BytesIO(picture))
    assert image.format == "JPEG"
    return np.asarray(image.convert("L"))


def test_a_head_in_the_window_of_its_reader(archive: Archive, test_data: Path) -> None:
    folder = test_data / "ct_head/ge_tilt_infarct"
    path = sorted(p for p in folder.rglob("*") if p.is_file())[14]
    image = stored(archive, path)

    brain = grey(picture_of(archive, _windowed(image, 40, 80)))
    bone = grey(picture_of(archive, _windowed(image, 500, 2000)))

    middle = (slice(200, 300), slice(200, 300))
    assert brain.shape == (860, 860)
    assert 60 < brain[middle].mean() < 220
    assert bone[middle].std() < brain[middle].std()
    assert brain.max() > 240


def test_a_colour_clip_frame(archive: Archive, test_data: Path) -> None:
    image = stored(archive, test_data / "modalities/us/us_8frames_jpeg_fragmented.dcm")

    first = picture_of(archive, image)
    beyond = picture_of(archive, _frame(image, 99))

    assert grey(first).std() > 5
    assert grey(beyond).shape == grey(first).shape


def test_an_image_that_is_gone_says_so(archive: Archive) -> None:
    with pytest.raises(DicomNodeError):
        picture_of(archive, KeyImage("1.2", "1.3", "1.4", "1.5"))


def _windowed(image: KeyImage, center: float, width: float) -> KeyImage:
    return KeyImage(
        image.study_instance_uid,
        image.series_instance_uid,
        image.sop_instance_uid,
        image.sop_class_uid,
        window_center=center,
        window_width=width,
    )


def _frame(image: KeyImage, number: int) -> KeyImage:
    return KeyImage(
        image.study_instance_uid,
        image.series_instance_uid,
        image.sop_instance_uid,
        image.sop_class_uid,
        frame_number=number,
    )


def test_a_field_of_a_slide_as_large_as_it_is_with_a_scale_bar(archive: Archive) -> None:
    def half(path: int, plane: int, row: int, column: int) -> np.ndarray:
        pixels = np.zeros((256, 256, 3), np.uint8)
        pixels[..., 0 if column else 2] = 200
        return pixels

    glass = Glass()
    level = glass.level(512, 256, (256, 256), spacing=0.00025, pixels=half)
    put(archive, level)
    image = KeyImage(
        level.StudyInstanceUID,
        level.SeriesInstanceUID,
        level.SOPInstanceUID,
        level.SOPClassUID,
        region=Region(slide_id(level.SeriesInstanceUID), 156, 0, 200, 256),
    )

    picture = Image.open(BytesIO(picture_of(archive, image))).convert("RGB")

    pixels = np.asarray(picture).astype(int)
    assert picture.size == (200, 256)
    assert np.abs(pixels[20, 50] - (0, 0, 200)).max() < 12
    assert np.abs(pixels[20, 150] - (200, 0, 0)).max() < 12
    # 10 µm at 0.25 µm per pixel: 40 pixels of ink on white
    low = pixels[-12:].sum(axis=2)
    ink = max(int((row < 60).sum()) for row in low)
    assert ink == pytest.approx(40, abs=3)
    assert (low > 700).any()


@pytest.mark.parametrize(
    ("um_per_pixel", "pixels", "um", "words"),
    [(0.25, 200, 50, "50 µm"), (8, 300, 2000, "2 mm"), (0.25, 8, 2, "2 µm")],
)
def test_the_longest_round_bar_is_chosen(
    um_per_pixel: float, pixels: float, um: float, words: str
) -> None:
    assert bar_of(um_per_pixel, pixels) == (pytest.approx(um), words)
