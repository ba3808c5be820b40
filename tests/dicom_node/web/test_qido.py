"""Searches over a socket, against five studies whose answers are known."""

from collections.abc import Iterator

import httpx
import pytest

from tests.dicom_node.web.serving import Served, serve
from tests.factories import ct_image, file_bytes, from_site, open_archive

STUDIES = {
    "1.1": {"PatientID": "A-1", "StudyDate": "20260110", "StudyTime": "080000", "Modality": "CT"},
    "1.2": {"PatientID": "A-2", "StudyDate": "20260115", "StudyTime": "120000", "Modality": "MR"},
    "1.3": {"PatientID": "B-1", "StudyDate": "20260115", "StudyTime": "235959", "Modality": "CT"},
    "1.4": {"PatientID": "B-2", "StudyDate": "20260201", "StudyTime": "010203", "Modality": "US"},
    "1.5": {"PatientID": "C_%1", "StudyDate": "", "StudyTime": "", "Modality": "SM"},
}


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with open_archive(tmp_path_factory.mktemp("archive")) as archive:
        for number, (uid, attributes) in enumerate(STUDIES.items()):
            for instance in range(2):
                dataset = ct_image(
                    StudyInstanceUID=uid,
                    SeriesInstanceUID=f"{uid}.1",
                    SOPInstanceUID=f"{uid}.1.{instance + 1}",
                    InstanceNumber=instance + 1,
                    AccessionNumber=f"ACC{number}",
                    PatientAge=f"0{40 + number}Y",
                    BodyPartExamined="HEAD" if number % 2 else "CHEST",
                    ProtocolName=f"protocol {number}",
                    **attributes,
                )
                archive.store_bytes(file_bytes(dataset), from_site())
        with serve(archive) as service:
            yield service


def found(service: Served, path: str) -> list[str]:
    response = httpx.get(service.url + path)
    assert response.status_code in (200, 204), response.text
    rows = response.json() if response.content else []
    tag = "00080018" if "/instances" in path else "0020000D"
    return sorted(row[tag]["Value"][0] for row in rows)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "1.1 1.2 1.3 1.4 1.5"),
        ("PatientID=A-1", "1.1"),
        ("00100020=A-1", "1.1"),
        ("PatientID=A*", "1.1 1.2"),
        ("PatientID=%3F-1", "1.1 1.3"),
        ("PatientID=C_%251", "1.5"),
        ("PatientID=C__1", ""),
        ("PatientID=", "1.1 1.2 1.3 1.4 1.5"),
        ("StudyDate=20260115", "1.2 1.3"),
        ("StudyDate=20260112-20260131", "1.2 1.3"),
        ("StudyDate=-20260112", "1.1"),
        ("StudyDate=20260116-", "1.4"),
        ("StudyDate=20260115&StudyTime=1200-", "1.2 1.3"),
        ("StudyDate=20260115&StudyTime=-1200", "1.2"),
        ("ModalitiesInStudy=CT", "1.1 1.3"),
        ("Modality=CT", "1.1 1.3"),
        ("ModalitiesInStudy=CT%5CUS", "1.1 1.3 1.4"),
        ("StudyInstanceUID=1.1,1.4", "1.1 1.4"),
        ("StudyInstanceUID=1.1%5C1.4", "1.1 1.4"),
        ("AccessionNumber=ACC3", "1.4"),
        ("ModalitiesInStudy=CT&PatientID=B*", "1.3"),
        ("PatientID=nobody", ""),
    ],
)
def test_matching(five: Served, query: str, expected: str) -> None:
    assert found(five, f"/studies?{query}") == expected.split()


def test_matching_at_lower_levels(five: Served) -> None:
    assert found(five, "/series?BodyPartExamined=HEAD") == ["1.2", "1.4"]
    assert found(five, "/series?Modality=CT&StudyDate=20260115") == ["1.3"]
    assert found(five, "/studies/1.1/series?Modality=MR") == []
    assert found(five, "/studies/1.1/instances?InstanceNumber=2") == ["1.1.1.2"]
    assert found(five, "/instances?PatientID=B-2") == ["1.4.1.1", "1.4.1.2"]
    assert found(five, "/studies/1.1/series/1.1.1/instances?SOPInstanceUID=1.1.1.1") == ["1.1.1.1"]
    assert found(five, "/studies/1.1/instances?StudyInstanceUID=1.2") == []


def test_the_latest_study_comes_first_and_pages_follow(five: Served) -> None:
    def page(offset: int) -> httpx.Response:
        return httpx.get(f"{five.url}/studies?limit=2&offset={offset}")

    uids = []
    for offset in (0, 2, 4):
        response = page(offset)
        uids += [row["0020000D"]["Value"][0] for row in response.json()]
        assert ("warning" in response.headers) == (offset < 4)
        if offset < 4:
            assert response.headers["warning"].startswith("299 ")
    assert uids == ["1.4", "1.3", "1.2", "1.1", "1.5"]
    assert page(6).status_code == 204


def test_a_study_row_has_what_the_standard_asks_for(five: Served) -> None:
    (row,) = httpx.get(f"{five.url}/studies?StudyInstanceUID=1.1").json()
    required = (
        "00080020 00080030 00080050 00080056 00080061 00080090 00081190 00100010 00100020"
        " 00100030 00100040 0020000D 00200010 00201206 00201208"
    )
    assert set(required.split()) <= row.keys()  # PS3.18 Table 10.6.3-3
    assert row["00081190"] == {"vr": "UR", "Value": [f"{five.url}/studies/1.1"]}
    assert row["00201206"]["Value"] == [1]
    assert row["00201208"]["Value"] == [2]
    assert row["00100010"]["Value"] == [{"Alphabetic": "NGUYEN^VAN A"}]
    assert "00101010" not in row


def test_fields_are_included_at_their_level(five: Served) -> None:
    (study,) = httpx.get(f"{five.url}/studies?PatientID=A-1&includefield=PatientAge").json()
    assert study["00101010"]["Value"] == ["040Y"]
    (study,) = httpx.get(f"{five.url}/studies?PatientID=A-1&includefield=00181030").json()
    assert "00181030" not in study  # a protocol is the series' own
    (series,) = httpx.get(f"{five.url}/studies/1.1/series?includefield=00181030").json()
    assert series["00181030"]["Value"] == ["protocol 0"]
    (series,) = httpx.get(f"{five.url}/studies/1.1/series?includefield=StudyDate").json()
    assert series["00080020"]["Value"] == ["20260110"]
    (study,) = httpx.get(f"{five.url}/studies?PatientID=A-1&includefield=all").json()
    assert "00101010" in study
    rows = httpx.get(f"{five.url}/studies/1.1/instances?includefield=all").json()
    assert all(row["00280030"]["Value"] == [0.5, 0.5] for row in rows)
    assert all("7FE00010" not in row for row in rows)
    assert rows[0]["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]


def test_series_and_instances_of_an_unknown_study_are_404(five: Served) -> None:
    for path in ("/studies/9.9/series", "/studies/9.9/instances"):
        assert httpx.get(five.url + path).status_code == 404


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/dicom+json", "application/dicom+json"),
        ("application/json", "application/json"),
        ("application/dicom+json, application/json", "application/dicom+json"),
        ("text/html, */*;q=0.1", "application/dicom+json"),
    ],
)
def test_the_type_of_the_answer(five: Served, accept: str, expected: str) -> None:
    response = httpx.get(f"{five.url}/studies", headers={"Accept": accept})
    assert response.headers["content-type"] == expected
