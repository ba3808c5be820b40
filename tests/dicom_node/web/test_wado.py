"""Whole instances, in the syntax asked for."""

import zipfile
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG4HP41,
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
)

from tests.dicom_node.web.serving import serve
from tests.factories import ct_image, file_bytes, from_site, open_archive

TILES = "wsi/dicom_cmu1_pyramid/level-2-frames-0-4.dcm"


@pytest.fixture
def ct(test_data: Path) -> Dataset:
    return dcmread(test_data / "ct_head/ge_tilt_infarct/14.dcm")


def path_of(dataset: Dataset) -> str:
    return (
        f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )


def get(client: httpx.Client, dataset: Dataset, accept: str) -> Dataset:
    response = client.get(path_of(dataset), headers={"Accept": accept})
    assert response.status_code == 200, response.text
    found = dcmread(BytesIO(response.content))
    syntax = found.file_meta.TransferSyntaxUID
    assert response.headers["content-type"] == f"application/dicom; transfer-syntax={syntax}"
    return found


@pytest.mark.parametrize("syntax", [HTJ2KLossless, JPEGLSLossless, ExplicitVRLittleEndian])
def test_one_instance_in_another_syntax(client: httpx.Client, ct: Dataset, syntax: UID) -> None:
    found = get(client, ct, f"application/dicom; transfer-syntax={syntax}")
    assert found.file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(found.pixel_array, ct.pixel_array)


def test_a_slide_as_stored_and_decoded(client: httpx.Client, test_data: Path) -> None:
    slide = dcmread(test_data / TILES)
    stored = get(client, slide, "application/dicom; transfer-syntax=*")
    assert stored.PixelData == slide.PixelData
    assert get(client, slide, f"application/dicom; transfer-syntax={JPEGBaseline8Bit}") == stored
    # Without a transfer syntax the standard means Explicit VR Little Endian.
    plain = get(client, slide, "application/dicom")
    assert plain.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert plain.PhotometricInterpretation == "RGB"
    assert plain.pixel_array.shape == (4, 500, 500, 3)


def test_the_first_syntax_that_can_be_made_is_given(client: httpx.Client, ct: Dataset) -> None:
    accept = (
        f"application/dicom; transfer-syntax={JPEGBaseline8Bit}, "
        f"application/dicom; transfer-syntax={HTJ2KLossless};q=0.9"
    )
    assert get(client, ct, accept).file_meta.TransferSyntaxUID == HTJ2KLossless
    lossy = {"Accept": f"application/dicom; transfer-syntax={JPEGBaseline8Bit}"}
    assert client.get(path_of(ct), headers=lossy).status_code == 406


def test_several_instances_need_parts(client: httpx.Client, ct: Dataset) -> None:
    url = f"/studies/{ct.StudyInstanceUID}/series/{ct.SeriesInstanceUID}"
    alone = client.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"})
    assert alone.status_code == 406
    parts = client.get(url)
    assert parts.headers["content-type"].startswith(
        'multipart/related; type="application/dicom"; boundary='
    )
    assert parts.content.count(b"Content-Location: http") == 28


def test_a_study_as_a_zip(client: httpx.Client, ct: Dataset, test_data: Path) -> None:
    response = client.get(f"/studies/{ct.StudyInstanceUID}?accept=application/zip")
    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 28
        name = f"{ct.SeriesInstanceUID}/{ct.SOPInstanceUID}.dcm"
        assert dcmread(BytesIO(archive.read(name))).PixelData == ct.PixelData


def test_what_nobody_can_decode_is_given_as_it_is_unless_asked_otherwise(tmp_path: Path) -> None:
    video = ct_image(PixelData=encapsulate([b"\x00\x00\x00\x18ftypmp42" + b"v" * 500]))
    video["PixelData"].VR = "OB"
    video["PixelData"].is_undefined_length = True
    video.NumberOfFrames = 50
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        archive.store_bytes(file_bytes(video, MPEG4HP41), from_site())
        url = service.url + path_of(video)
        plain = httpx.get(url, headers={"Accept": "application/dicom"})
        assert dcmread(BytesIO(plain.content)).file_meta.TransferSyntaxUID == MPEG4HP41
        native = f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}"
        assert httpx.get(url, headers={"Accept": native}).status_code == 406
        film = httpx.get(f"{url}/frames/1", headers={"Accept": "video/mp4"})
        assert film.content.startswith(b"\x00\x00\x00\x18ftypmp42")
        assert film.headers["content-type"] == f"video/mp4; transfer-syntax={MPEG4HP41}"
        assert httpx.get(f"{url}/rendered").status_code == 406


def test_a_truncated_instance_is_given_as_it_is(tmp_path: Path, test_data: Path) -> None:
    path = test_data / "nasty/pydicom/MR_truncated.dcm"
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        archive.store_file(path, from_site())
        (row,) = httpx.get(f"{service.url}/instances").json()
        url = row["00081190"]["Value"][0]
        for accept in (f"application/dicom; transfer-syntax={HTJ2KLossless}", "application/dicom"):
            response = httpx.get(url, headers={"Accept": accept})
            assert response.status_code == 200
            assert len(response.content) > 8000
            assert dcmread(BytesIO(response.content)).Rows == 64


def test_entity_tags(client: httpx.Client, ct: Dataset) -> None:
    accept = {"Accept": "application/dicom; transfer-syntax=*"}
    first = client.get(path_of(ct), headers=accept)
    assert first.headers["content-length"] == str(len(first.content))
    known = accept | {"If-None-Match": first.headers["etag"]}
    assert client.get(path_of(ct), headers=known).status_code == 304
    other = {"Accept": f"application/dicom; transfer-syntax={HTJ2KLossless}"}
    assert client.get(path_of(ct), headers=known | other).status_code == 200
