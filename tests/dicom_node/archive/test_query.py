"""Matching, as C-FIND and QIDO ask for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dicom_node.archive import Archive, Query
from tests.factories import EVERYTHING, ct_image, file_bytes, from_site, open_archive

STUDIES: list[dict[str, Any]] = [
    {
        "StudyInstanceUID": "1.1",
        "PatientName": "NGUYỄN^Văn Ánh",
        "PatientID": "A-1",
        "StudyDate": "20260110",
        "StudyTime": "080000",
        "AccessionNumber": "X1",
        "Modality": "CT",
    },
    {
        "StudyInstanceUID": "1.2",
        "PatientName": "ĐẶNG^Thị Đào",
        "PatientID": "A_2",
        "StudyDate": "20260111",
        "StudyTime": "103059.9",
        "AccessionNumber": "X2",
        "Modality": "MR",
    },
    {
        "StudyInstanceUID": "1.3",
        "PatientName": "NGUYEN^Thi Hoa",
        "PatientID": "AB2",
        "StudyDate": "20260112",
        "StudyTime": "1031",
        "AccessionNumber": "x1",
        "Modality": "CT",
    },
    {
        "StudyInstanceUID": "1.4",
        "PatientName": "Yamada^Tarou=山田^太郎=やまた^たろう",
        "PatientID": "100%",
        "StudyDate": "",
        "StudyTime": "",
        "AccessionNumber": "",
        "Modality": "SM",
    },
]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder: Path = tmp_path_factory.mktemp("queries")
    with open_archive(folder) as opened:
        for number, study in enumerate(STUDIES):
            dataset = ct_image(SeriesNumber=10 - number, **study)
            opened.store_bytes(file_bytes(dataset), from_site())
        yield opened


@pytest.mark.parametrize(
    ("matches", "found"),
    [
        ({}, "1234"),
        ({"PatientID": ""}, "1234"),
        ({"PatientID": "*"}, "1234"),
        ({"PatientID": "A-1"}, "1"),
        ({"PatientID": "A_2"}, "2"),  # no wildcard in DICOM
        ({"PatientID": "A*"}, "123"),
        ({"PatientID": "A?2"}, "23"),
        ({"PatientID": "100%"}, "4"),
        ({"AccessionNumber": "X*"}, "12"),  # case counts
        ({"PatientName": "NGUYEN*"}, "13"),
        ({"PatientName": "nguyễn^văn*"}, "1"),
        ({"PatientName": "Dang^Thi Dao"}, "2"),
        ({"PatientName": "DANG"}, ""),  # the whole name, or a wildcard
        ({"PatientName": "*dao"}, "2"),
        ({"PatientName": "山田*"}, "4"),
        ({"PatientName": "Yamada^Tarou=山田^太郎"}, "4"),
        ({"StudyDate": "20260111"}, "2"),
        ({"StudyDate": "20260111-"}, "23"),
        ({"StudyDate": "-20260111"}, "12"),
        ({"StudyDate": "20260110-20260111"}, "12"),
        ({"StudyTime": "1000-1030"}, "2"),
        ({"StudyTime": "103059.9-"}, "23"),
        ({"ModalitiesInStudy": "CT"}, "13"),
        ({"ModalitiesInStudy": "CT\\SM"}, "134"),
        ({"ModalitiesInStudy": "C"}, ""),
        ({"StudyInstanceUID": ["1.1", "1.4"]}, "14"),
        ({"StudyInstanceUID": "1.1\\1.4"}, "14"),
        ({"StudyInstanceUID": "1.1,1.4"}, "14"),
        ({"StudyInstanceUID": "1.1", "PatientID": "AB2"}, ""),
        ({"AccessionNumber": "' OR 1=1 --"}, ""),
    ],
)
def test_studies_match(archive: Archive, matches: dict[str, Any], found: str) -> None:
    records = archive.studies(Query(matches), scope=EVERYTHING)
    assert sorted(record.study_instance_uid[-1] for record in records) == sorted(found)
    assert archive.count_studies(Query(matches, limit=1), scope=EVERYTHING) == len(found)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("nguyen", "13"),
        ("anh nguyen", "1"),
        ("Đào", "2"),
        ("d", "2"),
        ("ngu hoa", "3"),
        ("guyen", ""),
        ("太郎", "4"),
        ("hoa*", "3"),
        ("100%", ""),
    ],
)
def test_a_fuzzy_name_is_some_words_of_it(archive: Archive, name: str, found: str) -> None:
    records = archive.studies(Query({"PatientName": name}, fuzzy=True), scope=EVERYTHING)
    assert sorted(record.study_instance_uid[-1] for record in records) == sorted(found)


def test_latest_first_and_page_by_page(archive: Archive) -> None:
    whole = archive.studies(Query(), scope=EVERYTHING)
    assert [record.study_instance_uid[-1] for record in whole] == ["3", "2", "1", "4"]
    assert archive.studies(Query(limit=2, offset=1), scope=EVERYTHING) == whole[1:3]
    assert archive.studies(Query(offset=3), scope=EVERYTHING) == whole[3:]
    assert archive.studies(Query(limit=0), scope=EVERYTHING) == []


def test_lower_levels_match_on_higher_keys(archive: Archive) -> None:
    found = archive.series(Query({"PatientID": "A*", "Modality": "CT"}), scope=EVERYTHING)
    assert [record.series_number for record in found] == ["10", "8"]
    found_too = archive.instances(
        Query({"StudyDate": "20260112", "SeriesNumber": "08", "InstanceNumber": "1"}),
        scope=EVERYTHING,
    )
    assert [record.study_instance_uid for record in found_too] == ["1.3"]


@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "PatientComments", "nonsense"])
def test_an_unknown_key_is_an_error(archive: Archive, keyword: str) -> None:
    with pytest.raises(ValueError, match=keyword):
        archive.studies(Query({keyword: "1"}), scope=EVERYTHING)
