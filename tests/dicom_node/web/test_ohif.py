"""The requests of OHIF's DICOMweb data source and Cornerstone's image loader, word for word."""

from pathlib import Path

import httpx
import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.dicom_node.web.serving import Served
from tests.factories import ct_image, file_bytes

FRAME_ACCEPT = "multipart/related; type=application/octet-stream; transfer-syntax=*"


@pytest.fixture
def ct(test_data: Path) -> Dataset:
    return dcmread(test_data / "ct_head/ge_tilt_infarct/14.dcm")


def path_of(dataset: Dataset) -> str:
    return (
        f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )


def cornerstone_parts(response: httpx.Response) -> tuple[str, bytes]:
    """What the image loader does with a body: the first part's type and its pixels."""
    body = response.content
    if "multipart" not in response.headers["content-type"]:
        return response.headers["content-type"], body
    end = body.index(b"\r\n\r\n")
    lines = body[:end].decode().split("\r\n")
    boundary = next(line for line in lines if line.startswith("--"))
    content_type = next(line[13:].strip() for line in lines if line[:13] == "Content-Type:")
    stop = body.index(boundary.encode(), end + 4)
    return content_type, body[end + 4 : stop - 2]


def test_study_list(client: httpx.Client) -> None:
    response = client.get(
        "/studies?limit=101&offset=0&fuzzymatching=false"
        "&includefield=00081030%2C00080060%2C00080090%2C00100030&StudyDate=19700102-20991231",
        headers={"Accept": "application/dicom+json"},
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/dicom+json"
    for row in response.json():
        assert row["0020000D"]["Value"][0]
        assert row["00201208"]["Value"][0] >= 1
        assert "00081030" in row


def test_study_list_by_uids_with_backslashes(client: httpx.Client, ct: Dataset) -> None:
    response = client.get(f"/studies?StudyInstanceUID={ct.StudyInstanceUID}%5C1.2.3")
    assert [row["0020000D"]["Value"] for row in response.json()] == [[ct.StudyInstanceUID]]


def test_nothing_found_is_no_content(client: httpx.Client) -> None:
    response = client.get("/studies?PatientName=*khong-co-ai*&limit=101")
    assert response.status_code == 204
    assert response.content == b""


def test_series_of_a_study(client: httpx.Client, ct: Dataset) -> None:
    response = client.get(f"/studies/{ct.StudyInstanceUID}/series?includefield=0008103E%2C00080021")
    (row,) = response.json()
    assert row["0020000E"]["Value"] == [ct.SeriesInstanceUID]
    assert row["00201209"]["Value"] == [28]
    assert "0008103E" in row
    assert "00080021" in row


def test_series_metadata(client: httpx.Client, served: Served, ct: Dataset) -> None:
    path = f"/studies/{ct.StudyInstanceUID}/series/{ct.SeriesInstanceUID}/metadata"
    response = client.get(path, headers={"Accept": "application/dicom+json"})
    assert response.headers["content-encoding"] == "gzip"
    rows = response.json()
    assert len(rows) == 28
    for row in rows:
        uri = row["7FE00010"]["BulkDataURI"]
        assert uri.startswith(f"{served.url}/studies/{ct.StudyInstanceUID}/series/")
    again = client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_frames_as_cornerstone_asks(client: httpx.Client, ct: Dataset) -> None:
    response = client.get(f"{path_of(ct)}/frames/1", headers={"Accept": FRAME_ACCEPT})
    content_type, pixels = cornerstone_parts(response)
    assert content_type == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
    assert pixels == ct.PixelData
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    # another user of this browser brings another cookie, and must ask us
    assert response.headers["vary"] == "Accept, Cookie"
    assert "content-encoding" not in response.headers


def test_frames_with_quoted_parameters(client: httpx.Client, ct: Dataset) -> None:
    accept = 'multipart/related; type="application/octet-stream"; transfer-syntax="*"'
    response = client.get(f"{path_of(ct)}/frames/1", headers={"Accept": accept})
    assert cornerstone_parts(response)[1] == ct.PixelData


def test_slide_tiles_come_compressed(client: httpx.Client, test_data: Path) -> None:
    tile = dcmread(test_data / "wsi/dicom_cmu1_pyramid/level-0-frames-0-30.dcm")
    response = client.get(f"{path_of(tile)}/frames/3", headers={"Accept": FRAME_ACCEPT})
    content_type, pixels = cornerstone_parts(response)
    assert content_type == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50"
    assert pixels[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    "accept",
    [
        'multipart/related; type="image/jphc"; transfer-syntax=1.2.840.10008.1.2.4.201',
        f'multipart/related; type="image/jphc", {FRAME_ACCEPT}',
        "image/jphc",
        "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.202",
        "multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.201",
    ],
)
def test_slow_lines_get_htj2k(
    client: httpx.Client, served: Served, ct: Dataset, accept: str
) -> None:
    responses = [
        client.get(f"{path_of(ct)}/frames/1", headers={"Accept": accept}) for _ in range(2)
    ]
    content_type, pixels = cornerstone_parts(responses[0])
    assert "1.2.840.10008.1.2.4.20" in content_type
    assert len(pixels) < len(ct.PixelData) / 2
    np.testing.assert_array_equal(imagecodecs.htj2k_decode(pixels), ct.pixel_array)
    assert responses[0].content == responses[1].content
    assert responses[0].headers["etag"] == responses[1].headers["etag"]
    assert served.app.state.service.cache.size > 0


def test_a_form_that_cannot_be_made_gives_way_to_the_next(
    client: httpx.Client, test_data: Path
) -> None:
    fragmented = dcmread(test_data / "modalities/us/us_8frames_jpeg_fragmented.dcm")
    assert fragmented.PhotometricInterpretation == "YBR_FULL"
    accept = f'multipart/related; type="image/jphc", {FRAME_ACCEPT}'
    response = client.get(f"{path_of(fragmented)}/frames/8", headers={"Accept": accept})
    content_type, pixels = cornerstone_parts(response)
    assert content_type == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.50"
    assert pixels[:2] == b"\xff\xd8"


@pytest.mark.parametrize("level", ["study", "series", "instance"])
@pytest.mark.parametrize("name", ["thumbnail", "rendered"])
def test_thumbnails(client: httpx.Client, ct: Dataset, level: str, name: str) -> None:
    paths = {"instance": path_of(ct), "study": f"/studies/{ct.StudyInstanceUID}"}
    paths["series"] = f"{paths['study']}/series/{ct.SeriesInstanceUID}"
    response = client.get(f"{paths[level]}/{name}", headers={"Accept": "image/jpeg"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/jpeg"
    assert response.content[:2] == b"\xff\xd8"
    assert client.get(f"{paths[level]}/{name}?accept=image/jpeg").content == response.content


def test_bulk_data_in_multipart_and_alone(client: httpx.Client, ct: Dataset) -> None:
    (row,) = client.get(f"{path_of(ct)}/metadata").json()
    uri = row["7FE00010"]["BulkDataURI"]
    parts = client.get(
        uri, headers={"Accept": 'multipart/related; type="application/octet-stream"'}
    )
    assert cornerstone_parts(parts) == ("application/octet-stream", ct.PixelData)
    alone = client.get(uri, headers={"Accept": "application/octet-stream"})
    assert alone.content == ct.PixelData
    assert client.get(uri, headers={"Accept": "*/*"}).content == ct.PixelData


def test_an_encapsulated_pdf(client: httpx.Client, test_data: Path) -> None:
    document = dcmread(test_data / "modalities/encapsulated/sample-pdf.dcm")
    (row,) = client.get(f"{path_of(document)}/metadata").json()
    response = client.get(row["00420011"]["BulkDataURI"] + "?accept=application/pdf")
    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["content-security-policy"] == "sandbox"
    assert response.content == document.EncapsulatedDocument
    rendered = client.get(f"{path_of(document)}/rendered", headers={"Accept": "application/pdf"})
    assert rendered.content == document.EncapsulatedDocument


def test_store_as_the_viewer_does(client: httpx.Client) -> None:
    dataset = ct_image()
    body = (
        b"\r\n--b\r\nContent-Type: application/dicom\r\n\r\n" + file_bytes(dataset) + b"\r\n--b--"
    )
    response = client.post(
        "/studies",
        content=body,
        headers={
            "Content-Type": 'multipart/related; type="application/dicom"; boundary="b"',
            "Accept": "application/dicom+json",
        },
    )
    assert response.status_code == 200
    stored = response.json()["00081199"]["Value"][0]
    assert stored["00081155"]["Value"] == [dataset.SOPInstanceUID]
    instance = client.get(stored["00081190"]["Value"][0] + "/metadata").json()[0]
    assert instance["00080018"]["Value"] == [dataset.SOPInstanceUID]
