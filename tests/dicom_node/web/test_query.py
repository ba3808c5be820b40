import pytest
from starlette.datastructures import QueryParams

from dicom_node.archive import SERIES_KEYS, STUDY_KEYS
from dicom_node.web.errors import BadRequest
from dicom_node.web.query import parse_search


def parse(text: str, keys: frozenset[str] = STUDY_KEYS, fixed: dict[str, str] | None = None):
    return parse_search(QueryParams(text), keys, fixed or {}, 1000)


def test_keys_by_keyword_and_by_tag_are_the_same() -> None:
    by_tag = parse("00100020=P1&00080020=20260101-")
    by_keyword = parse("PatientID=P1&StudyDate=20260101-")
    assert by_tag.query == by_keyword.query
    assert by_tag.query.matches == {"PatientID": "P1", "StudyDate": "20260101-"}


def test_modality_of_a_study_means_any_of_its_series() -> None:
    assert parse("Modality=CT").query.matches == {"ModalitiesInStudy": "CT"}
    assert parse("Modality=CT", SERIES_KEYS).query.matches == {"Modality": "CT"}


def test_one_row_more_than_the_limit_is_asked_for() -> None:
    search = parse("limit=20&offset=40")
    assert (search.limit, search.query.limit, search.query.offset) == (20, 21, 40)
    assert parse("limit=5000").limit == 1000
    assert parse("").limit == 1000


@pytest.mark.parametrize(
    ("text", "fuzzy"),
    [
        ("PatientName=nguyen", True),
        ("PatientName=nguyen&fuzzymatching=true", True),
        ("PatientName=nguyen&fuzzymatching=false", False),
        ("PatientName=nguyen*", False),
        ("PatientName=*nguyen*&fuzzymatching=true", True),
    ],
)
def test_names_match_word_by_word_unless_the_client_says_otherwise(text: str, fuzzy: bool) -> None:
    assert parse(text).query.fuzzy is fuzzy


def test_fields_by_keyword_by_tag_repeated_and_listed() -> None:
    text = "includefield=PatientAge,00081030&includefield=BodyPartExamined"
    assert parse(text).fields == {"00101010", "00081030", "00180015"}
    assert parse("includefield=all").fields is None
    assert parse("includefield=NoSuchThing").fields == frozenset()


def test_the_path_cannot_be_widened_by_the_query() -> None:
    fixed = {"StudyInstanceUID": "1.2"}
    assert parse("", fixed=fixed).query.matches == {"StudyInstanceUID": ["1.2"]}
    assert parse("StudyInstanceUID=1.2,1.3", fixed=fixed).query.matches == {
        "StudyInstanceUID": ["1.2"]
    }
    assert parse("StudyInstanceUID=1.3", fixed=fixed).query.matches == {"StudyInstanceUID": ["."]}


@pytest.mark.parametrize(
    "text",
    [
        "NoSuchAttribute=1",
        "GGGGGGGG=1",
        "PixelData=1",
        "limit=-1",
        "limit=ten",
        "limit=٣",
        "offset=1e9",
        "PatientID=1&PatientID=2",
        "PatientID=1&00100020=2",
    ],
)
def test_what_makes_no_sense_is_an_error(text: str) -> None:
    with pytest.raises(BadRequest):
        parse(text)


def test_huge_numbers_are_bounded() -> None:
    assert parse("limit=999999999999999999&offset=999999999999999999").query.offset < 1 << 31
