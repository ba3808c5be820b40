"""Storing: every instance has its own fate, and the answer tells it."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import JPEG2000Lossless, generate_uid

from dicom_node.web import multipart
from tests.dicom_node.web.serving import Served, serve
from tests.factories import (
    EVERYTHING,
    ct_image,
    dataset_bytes,
    file_bytes,
    from_site,
    open_archive,
)

TYPE = 'multipart/related; type="application/dicom"; boundary=b'


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Served]:
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        yield service


def body_of(*parts: bytes, content_type: str = "application/dicom") -> bytes:
    body = b"".join(
        multipart.part_head("b", content_type, first=not number) + part
        for number, part in enumerate(parts)
    )
    return body + multipart.closing("b")


def post(service: Served, body: bytes, path: str = "/studies", **headers: str) -> httpx.Response:
    sent = {"Content-Type": TYPE} | {k.replace("_", "-"): v for k, v in headers.items()}
    return httpx.post(f"{service.url}{path}", content=body, headers=sent, timeout=60)


def failures(answer: dict[str, Any]) -> list[tuple[str, int]]:
    items = answer.get("00081198", {}).get("Value", [])
    return [(one["00081155"]["Value"][0], one["00081197"]["Value"][0]) for one in items]


def leftovers(service: Served) -> list[Path]:
    folder = service.archive.settings.folder / "tmp"
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def test_all_stored_is_200(empty: Served) -> None:
    datasets = [ct_image() for _ in range(3)]
    response = post(empty, body_of(*map(file_bytes, datasets)))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/dicom+json"
    items = response.json()["00081199"]["Value"]
    assert [one["00081155"]["Value"][0] for one in items] == [d.SOPInstanceUID for d in datasets]
    for item, dataset in zip(items, datasets, strict=True):
        url = item["00081190"]["Value"][0]
        assert url.endswith(f"/instances/{dataset.SOPInstanceUID}")
        assert httpx.get(url).status_code == 200


def test_the_stored_data_set_is_the_sent_one(
    empty: Served, test_data: Path, tmp_path: Path
) -> None:
    path = test_data / "transfer_syntaxes/ct_same_image/JPEGLSLossy_1.2.840.10008.1.2.4.81.dcm"
    answer = post(empty, body_of(path.read_bytes())).json()
    url = answer["00081199"]["Value"][0]["00081190"]["Value"][0]
    got = httpx.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"}).content
    (tmp_path / "got.dcm").write_bytes(got)
    assert dataset_bytes(tmp_path / "got.dcm") == dataset_bytes(path)


def test_one_body_without_parts(empty: Served) -> None:
    response = post(empty, file_bytes(ct_image()), Content_Type="application/dicom")
    assert response.status_code == 200


def test_some_stored_is_202_and_each_failure_has_its_reason(empty: Served) -> None:
    kept = ct_image()
    assert post(empty, body_of(file_bytes(kept))).status_code == 200
    other = ct_image(SOPInstanceUID=kept.SOPInstanceUID, StudyInstanceUID=kept.StudyInstanceUID)
    fine = ct_image()
    response = post(empty, body_of(file_bytes(other), b"this is no DICOM", file_bytes(fine)))
    assert response.status_code == 202
    answer = response.json()
    assert failures(answer) == [(kept.SOPInstanceUID, 0x0111)]
    assert [one["00081197"]["Value"] for one in answer["0008119A"]["Value"]] == [[0xC000]]
    assert len(answer["00081199"]["Value"]) == 1
    # The first stays what is served.
    header = empty.archive.header(kept.SOPInstanceUID, scope=EVERYTHING)
    assert header["0020000E"]["Value"] == [kept.SeriesInstanceUID]


def test_none_stored_is_409(empty: Served) -> None:
    response = post(empty, body_of(b"rubbish", b"\x00" * 400))
    assert response.status_code == 409
    assert len(response.json()["0008119A"]["Value"]) == 2
    assert leftovers(empty) == []


def test_the_same_again_is_a_success(empty: Served) -> None:
    data = file_bytes(ct_image())
    for _ in range(2):
        assert post(empty, body_of(data)).status_code == 200
    assert len(empty.archive.changes(0)) == 1


def test_an_instance_of_another_study_is_refused(empty: Served) -> None:
    right, wrong = ct_image(), ct_image()
    path = f"/studies/{right.StudyInstanceUID}"
    response = post(empty, body_of(file_bytes(right), file_bytes(wrong)), path)
    assert response.status_code == 202
    assert failures(response.json()) == [(wrong.SOPInstanceUID, 0xA900)]
    assert len(empty.archive.changes(0)) == 1


def test_a_study_of_another_site_is_kept_apart_with_a_warning(empty: Served) -> None:
    dataset = ct_image()
    empty.archive.store_bytes(file_bytes(dataset), from_site("DEMO_B"))
    more = ct_image(StudyInstanceUID=dataset.StudyInstanceUID)
    response = post(empty, body_of(file_bytes(more)))
    assert response.status_code == 202
    (item,) = response.json()["00081199"]["Value"]
    assert item["00081196"]["Value"] == [0xB000]
    assert "00081190" not in item
    assert len(empty.archive.quarantined()) == 1


def test_a_full_disk_is_507_and_says_so(tmp_path: Path) -> None:
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        archive._files._minimum_free_bytes = 1 << 60
        response = post(service, body_of(file_bytes(ct_image())))
        assert response.status_code == 507
        assert failures(response.json())[0][1] == 0xA700


def test_who_may_not_store_gets_403(empty: Served) -> None:
    response = post(empty, body_of(file_bytes(ct_image())), X_Site="nobody")
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "forbidden"
    assert set(response.json()["error"]["message"]) == {"vi", "en"}


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("", 415),
        ("text/plain", 415),
        ('multipart/related; type="application/dicom+xml"; boundary=b', 415),
        ('multipart/form-data; boundary="b"', 415),
        ('multipart/related; type="application/dicom"', 400),
        (f'multipart/related; type="application/dicom"; boundary={"b" * 300}', 400),
    ],
)
def test_other_content_is_refused(empty: Served, content_type: str, status: int) -> None:
    response = post(empty, body_of(file_bytes(ct_image())), Content_Type=content_type)
    assert response.status_code == status
    assert response.json()["error"]["code"] in ("unsupported_media_type", "bad_request")


def test_an_answer_in_xml_is_not_acceptable(empty: Served) -> None:
    response = post(empty, body_of(file_bytes(ct_image())), Accept="application/dicom+xml")
    assert response.status_code == 406
    assert empty.archive.changes(0) == []


@pytest.mark.parametrize("body", [b"", b"--b--", b"no parts", b"--b\r\n\r\n"])
def test_no_parts_is_400(empty: Served, body: bytes) -> None:
    response = post(empty, body)
    assert response.status_code == 400
    assert leftovers(empty) == []


def test_a_body_cut_off_keeps_what_was_whole(empty: Served) -> None:
    first, second = file_bytes(ct_image()), file_bytes(ct_image())
    whole = body_of(first, second)
    response = post(empty, whole[: len(whole) - 300])
    assert response.status_code == 202
    assert len(response.json()["00081199"]["Value"]) == 1
    assert len(empty.archive.changes(0)) == 1
    assert leftovers(empty) == []


def test_a_client_that_goes_away_leaves_nothing_behind(empty: Served) -> None:
    head = (
        f"POST /dicom-web/studies HTTP/1.1\r\nHost: h\r\nContent-Type: {TYPE}\r\n"
        f"Content-Length: {10_000_000_000}\r\n\r\n--b\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", empty.port)) as peer:
        peer.sendall(head + file_bytes(ct_image()) + b"\x00" * 2_000_000)
        deadline = time.monotonic() + 60
        while not leftovers(empty):
            assert time.monotonic() < deadline, "nothing was written while it came"
            time.sleep(0.02)
    deadline = time.monotonic() + 60
    while leftovers(empty):
        assert time.monotonic() < deadline, "a temporary file stayed"
        time.sleep(0.02)
    assert empty.archive.changes(0) == []


def test_too_long_a_part_is_refused_without_filling_the_disk(tmp_path: Path) -> None:
    limits = {"maximum_part_bytes": 1_000_000}
    with open_archive(tmp_path / "archive") as archive, serve(archive, **limits) as service:
        long = file_bytes(ct_image()) + b"\x00" * 3_000_000
        response = post(service, body_of(long, file_bytes(ct_image())))
        assert response.status_code == 202
        assert [code for _, code in failures(response.json())] == [0xA700]


def test_json_metadata_with_bulk_data(empty: Served) -> None:
    dataset = ct_image()
    pixels = dataset.PixelData
    metadata = dataset.to_json_dict()
    metadata["7FE00010"] = {"vr": "OW", "BulkDataURI": "pixels/1"}
    body = (
        multipart.part_head("b", "application/dicom+json", first=True)
        + json.dumps([metadata]).encode()
        + multipart.part_head("b", "application/octet-stream", "pixels/1")
        + pixels
        + multipart.closing("b")
    )
    kind = 'multipart/related; type="application/dicom+json"; boundary=b'
    response = post(empty, body, Content_Type=kind)
    assert response.status_code == 200, response.text
    url = response.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    frame = httpx.get(f"{url}/frames/1", headers={"Accept": "application/octet-stream"})
    assert frame.content == pixels


def test_json_metadata_with_compressed_pixels(empty: Served, test_data: Path) -> None:
    path = test_data / "transfer_syntaxes/mr_small_variants/MR_small_jp2klossless.dcm"
    dataset = dcmread(path)
    codestream = get_frame(dataset.PixelData, 0, number_of_frames=1)
    dataset.SOPInstanceUID = generate_uid()
    metadata = Dataset.to_json_dict(dataset, suppress_invalid_tags=True)
    metadata["7FE00010"] = {"vr": "OB", "BulkDataURI": "p"}
    syntax = f"image/jp2; transfer-syntax={JPEG2000Lossless}"
    body = (
        multipart.part_head("b", "application/dicom+json", first=True)
        + json.dumps([metadata]).encode()
        + multipart.part_head("b", syntax, "p")
        + codestream
        + multipart.closing("b")
    )
    kind = 'multipart/related; type="application/dicom+json"; boundary=b'
    response = post(empty, body, Content_Type=kind)
    assert response.status_code == 200, response.text
    url = response.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    frame = httpx.get(f"{url}/frames/1", headers={"Accept": "image/jp2"})
    assert frame.content.rstrip(b"\x00") == codestream.rstrip(b"\x00")


@pytest.mark.parametrize(
    "text",
    [
        b"not json",
        b"[1, 2]",
        b"[" * 100_000,
        b'[{"00080018":{"vr":"UI","Value":["1.2"]},"00100010":{"vr":"PN","Value":"x"}}]',
        b'[{"7FE00010":{"vr":"OW","BulkDataURI":"nowhere"}}]',
        b'[{"NoSuchTag":{"vr":"UI"}}]',
    ],
)
def test_broken_json_metadata_is_a_failure_not_a_crash(empty: Served, text: bytes) -> None:
    kind = 'multipart/related; type="application/dicom+json"; boundary=b'
    body = body_of(text, content_type="application/dicom+json")
    response = post(empty, body, Content_Type=kind)
    assert response.status_code == 409
    assert leftovers(empty) == []
