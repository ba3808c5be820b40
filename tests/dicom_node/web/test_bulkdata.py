"""Bulk data by range, and nothing but bulk data."""

from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_node.web.bulkdata import byte_range
from tests.dicom_node.web.serving import Served, serve
from tests.factories import ct_image, file_bytes, from_site, open_archive


@pytest.fixture
def ct(test_data: Path) -> Dataset:
    return dcmread(test_data / "ct_head/ge_tilt_infarct/14.dcm")


@pytest.fixture
def uri(client: httpx.Client, ct: Dataset) -> str:
    (row,) = client.get(
        f"/studies/{ct.StudyInstanceUID}/series/{ct.SeriesInstanceUID}"
        f"/instances/{ct.SOPInstanceUID}/metadata"
    ).json()
    return row["7FE00010"]["BulkDataURI"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=10-19", (10, 19)),
        ("bytes=90-", (90, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-1000", (0, 99)),
        ("bytes=0-1000", (0, 99)),
        ("bytes=100-", (1, 0)),
        ("bytes=-0", (1, 0)),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("bytes=0-1,5-6", None),
        ("lines=1-2", None),
        ("bytes=99999999999999999999-", None),
    ],
)
def test_ranges(value: str, expected: tuple[int, int] | None) -> None:
    assert byte_range(value, 100) == expected


@pytest.mark.parametrize("place", [slice(0, 10), slice(1000, 262_144), slice(524_280, 524_288)])
def test_a_range_is_partial_content(
    client: httpx.Client, ct: Dataset, uri: str, place: slice
) -> None:
    response = client.get(uri, headers={"Range": f"bytes={place.start}-{place.stop - 1}"})
    assert response.status_code == 206
    assert response.content == ct.PixelData[place]
    assert response.headers["content-range"] == f"bytes {place.start}-{place.stop - 1}/524288"
    assert response.headers["content-length"] == str(place.stop - place.start)


def test_a_range_outside_is_416(client: httpx.Client, uri: str) -> None:
    response = client.get(uri, headers={"Range": "bytes=524288-"})
    assert response.status_code == 416
    assert response.headers["content-range"] == "bytes */524288"
    assert response.json()["error"]["code"] == "range_not_satisfiable"


def test_the_whole_says_that_ranges_work(client: httpx.Client, ct: Dataset, uri: str) -> None:
    response = client.get(uri)
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-length"] == "524288"
    assert response.content == ct.PixelData
    assert client.get(uri, headers={"If-None-Match": response.headers["etag"]}).status_code == 304


def test_only_what_the_header_names_can_be_read(client: httpx.Client, uri: str) -> None:
    stem, offset, length = uri.rsplit("/", 2)
    for place in (f"{int(offset) - 2}/{length}", f"{offset}/{int(length) - 2}", f"0/{offset}"):
        assert client.get(f"{stem}/{place}").status_code == 404


def test_bulk_data_within_sequences(client: httpx.Client, test_data: Path) -> None:
    ecg = next(
        path
        for path in sorted((test_data / "modalities/ecg").rglob("*"))
        if path.is_file() and "WaveformSequence" in dcmread(path)
    )
    dataset = dcmread(ecg)
    (row,) = client.get(
        f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}/metadata"
    ).json()
    for item, group in zip(row["54000100"]["Value"], dataset.WaveformSequence, strict=True):
        assert client.get(item["54001010"]["BulkDataURI"]).content == group.WaveformData


def test_encapsulated_pixels_come_as_their_frames(client: httpx.Client, test_data: Path) -> None:
    dataset = dcmread(test_data / "wsi/dicom_cmu1_pyramid/level-2-frames-0-4.dcm")
    base = (
        f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )
    (row,) = client.get(f"{base}/metadata").json()
    response = client.get(row["7FE00010"]["BulkDataURI"])
    assert response.headers["content-type"].startswith('multipart/related; type="image/jpeg"')
    assert response.content.count(b"Content-Type: image/jpeg; transfer-syntax=") == int(
        dataset.NumberOfFrames
    )
    alone = client.get(row["7FE00010"]["BulkDataURI"], headers={"Accept": "image/jpeg"})
    assert alone.status_code == 406


def test_a_document_that_calls_itself_html_is_given_as_bytes(tmp_path: Path) -> None:
    script = b"<script>alert(1)</script>".ljust(8000)
    dataset = ct_image(EncapsulatedDocument=script, MIMETypeOfEncapsulatedDocument="text/html")
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        archive.store_bytes(file_bytes(dataset), from_site())
        response = document(service, dataset)
        assert response.content == script
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"] == "sandbox"


def document(service: Served, dataset: Dataset) -> httpx.Response:
    (row,) = httpx.get(f"{service.url}/studies/{dataset.StudyInstanceUID}/metadata").json()
    return httpx.get(row["00420011"]["BulkDataURI"], headers={"Accept": "text/html, */*"})
