"""Hostile and broken input: a proper status, JSON in both languages, never a traceback."""

import contextlib
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from dicom_node.archive import Query
from dicom_node.errors import CannotUnderstand
from dicom_node.records import StoreOutcome
from dicom_node.web.holdings import Holding
from tests.dicom_node.web.conftest import files_of
from tests.dicom_node.web.serving import Served, serve
from tests.factories import EVERYTHING, ct_image, file_bytes, from_site, open_archive

LONG = "1." * 40


@pytest.fixture(scope="module")
def nasty(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Everything from the folder of nasty files that the archive takes."""
    with open_archive(tmp_path_factory.mktemp("archive")) as archive:
        for path in files_of(test_data / "nasty"):
            with contextlib.suppress(CannotUnderstand):
                archive.store_file(path, from_site())
        with serve(archive) as service:
            yield service


def instances(service: Served) -> list[str]:
    rows = httpx.get(f"{service.url}/instances").json()
    return [row["00081190"]["Value"][0] for row in rows]


def is_clean(response: httpx.Response) -> bool:
    if response.status_code < 400:
        return True
    error = response.json()["error"]
    said = response.text
    return (
        set(error["message"]) == {"vi", "en"}
        and "Traceback" not in said
        and "/" + "dicom_node" not in said
        and ".py" not in said
    )


def test_every_nasty_instance_behind_every_door(nasty: Served, caplog) -> None:
    urls = instances(nasty)
    assert len(urls) >= 20
    accepts = ("*/*", "application/octet-stream", "image/jphc", "image/png")
    with caplog.at_level(logging.ERROR, "dicom_node"), httpx.Client(timeout=60) as client:
        for url in urls:
            for path in ("", "/metadata", "/rendered", "/thumbnail", "/frames/1", "/frames/2"):
                for accept in accepts:
                    response = client.get(url + path, headers={"Accept": accept})
                    assert response.status_code in (200, 404, 406), (path, accept)
                    assert is_clean(response)
    assert not [one for one in caplog.records if one.name.startswith("dicom_node")]


def test_nasty_instances_come_back_byte_for_byte(nasty: Served) -> None:
    for record in nasty.archive.instances(Query(), scope=EVERYTHING):
        url = (
            f"{nasty.url}/studies/{record.study_instance_uid}/series/{record.series_instance_uid}"
            f"/instances/{record.sop_instance_uid}"
        )
        accept = {"Accept": "application/dicom; transfer-syntax=*"}
        assert httpx.get(url, headers=accept).content == record.path.read_bytes()


def test_script_in_a_name_stays_text(nasty: Served) -> None:
    for response in (
        httpx.get(f"{nasty.url}/studies"),
        httpx.get(f"{nasty.url}/studies?includefield=all"),
    ):
        assert response.headers["content-type"] == "application/dicom+json"
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/studies/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
        ("/studies/1.2.3'%20OR%20'1'='1/metadata", 400),
        (f"/studies/{LONG}/metadata", 400),
        ("/studies/1.2.3%00/metadata", 400),
        ("/studies/*/metadata", 400),
        ("/studies/1.2.3,1.2.4/metadata", 400),
        ("/studies/1.2.3/metadata", 404),
        ("/studies?limit=-1", 400),
        ("/studies?limit=1e9", 400),
        ("/studies?offset=99999999999999999999", 400),
        ("/studies?StudyDate=%FF%FE", 204),
        ("/studies?PatientName=%25", 204),
        ("/studies?PatientID=%27%3B%20DROP%20TABLE%20studies%3B--", 204),
        ("/studies?StudyInstanceUID=" + "1.2.3," * 500, 204),
        ("/studies?PatientName=" + "a" * 5000, 204),
        ("/studies?" + "x" * 5000, 400),
        ("/nothing", 404),
        ("/", 404),
    ],
)
def test_strange_addresses(nasty: Served, path: str, status: int) -> None:
    response = httpx.get(nasty.url + path)
    assert response.status_code == status
    assert is_clean(response)


@pytest.mark.parametrize(
    ("suffix", "status"),
    [
        ("/frames/0", 400),
        ("/frames/-1", 400),
        ("/frames/1e3", 400),
        ("/frames/1,,2", 400),
        ("/frames/9999999999", 400),
        ("/frames/999999999", 404),
        ("/frames/1,999999999", 404),
        ("/bulk/0/100", 404),
        ("/bulk/0/99999999999999999", 404),
        ("/bulk/99999999999999999/1", 404),
        ("/bulk/-5/10", 400),
        ("/bulk/1/1e5", 400),
        ("/bulk/9999999999999999999999/1", 400),
        ("/rendered?window=1", 400),
        ("/rendered?window=a,b", 400),
        ("/rendered?window=40,0", 400),
        ("/rendered?window=nan,80", 400),
        ("/rendered?window=40,inf", 400),
        ("/rendered?window=40,80,cubic", 400),
        ("/rendered?viewport=100000,100000", 400),
        ("/rendered?viewport=0,0", 400),
        ("/rendered?viewport=64,64,600,600,10,10", 400),
        ("/rendered?viewport=64,64,-5,0,10,10", 400),
        ("/rendered?viewport=1,2,3", 400),
        ("/rendered?quality=0", 400),
        ("/rendered?quality=101", 400),
        ("/rendered?quality=best", 400),
    ],
)
def test_strange_requests_for_a_good_instance(
    served: Served, client: httpx.Client, suffix: str, status: int
) -> None:
    url = client.get("/instances?Modality=CT&limit=1").json()[0]["00081190"]["Value"][0]
    response = client.get(url + suffix)
    assert response.status_code == status, response.text
    assert is_clean(response)


@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/gif", "multipart/related; type=text/plain", "image/jphc;q=0", "video/mp4"],
)
@pytest.mark.parametrize("suffix", ["", "/frames/1", "/metadata", "/rendered"])
def test_what_nobody_can_give_is_406(client: httpx.Client, suffix: str, accept: str) -> None:
    url = client.get("/instances?Modality=CT&limit=1").json()[0]["00081190"]["Value"][0]
    response = client.get(url + suffix, headers={"Accept": accept})
    if accept == "image/jphc;q=0":
        assert response.status_code == 200  # nothing else is excluded
    else:
        assert response.status_code == 406
    assert is_clean(response)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_405_and_name_those_allowed(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/studies")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert is_clean(response)


def test_options_and_head(client: httpx.Client) -> None:
    assert client.options("/studies").status_code == 204
    url = client.get("/instances?Modality=CT&limit=1").json()[0]["00081190"]["Value"][0]
    for suffix in ("/frames/1", "/metadata", "/rendered"):
        full, head = client.get(url + suffix), client.head(url + suffix)
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["content-type"] == full.headers["content-type"]
        assert head.headers["content-length"] == full.headers["content-length"]


def test_a_3_gb_claim_costs_no_memory(tmp_path: Path, test_data: Path) -> None:
    path = test_data / "nasty/claims_3gb/3gb-bulk-data-truncated.dcm"
    before = psutil.Process().memory_info().rss
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        result = archive.store_file(path, from_site())
        assert result.outcome in (StoreOutcome.STORED, StoreOutcome.QUARANTINED)
        for url in instances(service) if result.outcome is StoreOutcome.STORED else ():
            for suffix in ("", "/frames/1", "/rendered", "/metadata"):
                assert httpx.get(url + suffix, timeout=60).status_code in (200, 404, 406)
    assert psutil.Process().memory_info().rss - before < 200_000_000


def test_a_file_that_lost_its_end_after_ingest(tmp_path: Path) -> None:
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        archive.store_bytes(file_bytes(ct_image()), from_site())
        (url,) = instances(service)
        (record,) = archive.instances(Query(), scope=EVERYTHING)
        record.path.chmod(0o640)
        with record.path.open("r+b") as file:
            file.truncate(record.size - 100)
        for suffix in ("/frames/1", "/rendered"):
            response = httpx.get(url + suffix)
            assert response.status_code == 404
            assert is_clean(response)


def test_a_failure_nobody_foresaw_says_nothing(tmp_path: Path, monkeypatch, caplog) -> None:
    name = "NGUYEN^VAN A"
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:

        def fail(*args: object, **kwargs: object) -> None:
            raise RuntimeError(name)

        monkeypatch.setattr(archive, "studies", fail)
        with caplog.at_level(logging.ERROR):
            response = httpx.get(f"{service.url}/studies")
        assert response.status_code == 500
        assert response.json()["error"]["code"] == "internal"
        assert name not in response.text + caplog.text
        assert "RuntimeError" in caplog.text


def test_a_client_that_leaves_stops_the_work(tmp_path: Path, monkeypatch) -> None:
    drawn = 0
    original = Holding.file_pieces

    def counted(self: Holding) -> Iterator[bytes]:
        nonlocal drawn
        for piece in original(self):
            drawn += 1
            yield piece

    monkeypatch.setattr(Holding, "file_pieces", counted)
    with open_archive(tmp_path / "archive") as archive, serve(archive) as service:
        rows = columns = 4096
        data = ct_image(Rows=rows, Columns=columns, PixelData=bytes(2 * rows * columns))
        for _ in range(3):
            copy = ct_image(
                Rows=rows,
                Columns=columns,
                PixelData=data.PixelData,
                StudyInstanceUID=data.StudyInstanceUID,
            )
            archive.store_bytes(file_bytes(copy), from_site())
        with socket.create_connection(("127.0.0.1", service.port)) as peer:
            peer.sendall(
                f"GET /dicom-web/studies/{data.StudyInstanceUID} HTTP/1.1\r\nHost: h\r\n"
                "Accept: multipart/related; type=application/dicom; transfer-syntax=*\r\n"
                "\r\n".encode()
            )
            assert peer.recv(1000)
        after = -1
        while drawn != after:  # it goes on until it notices, and ends one way or the other
            after = drawn
            time.sleep(0.5)
        assert drawn < 90  # of 3 x 33 megabytes
