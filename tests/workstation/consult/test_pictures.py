"""Key images as the reader saw them."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dicom_node.archive import Archive, ArchiveSettings
from dicom_node.errors import DicomNodeError
from dicom_node.records import Origin, ReadScope
from plugins.nouns import KeyImage
from workstation.consult.pictures import picture_of

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
