"""Values keep to their value representations (PS3.5 6.2)."""

import pytest

from dicom_node.objects.text import (
    clip,
    long_string,
    one_line,
    person_name,
    person_name_of,
    short_string,
    unlimited_text,
    valid_date,
    valid_time,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Nguyễn Văn An", "Nguyễn^Văn An"),
        ("TS. Nguyễn Văn An", "Nguyễn^Văn An^^TS."),
        ("PGS.TS. Lê Thị Hoa", "Lê^Thị Hoa^^PGS.TS."),
        ("BSCKII Trần Bình", "Trần^Bình^^BSCKII"),
        ("Dr. Smith", "Smith^^^Dr."),
        ("An", "An"),
        ("TS.", "TS."),
        ("", ""),
        ("Nguyễn^Văn=An", "Nguyễn^Văn An"),
    ],
)
def test_a_written_name_becomes_a_person_name(written: str, expected: str) -> None:
    assert person_name_of(written) == expected


def test_a_legal_name_stays_as_it_is() -> None:
    """64 characters are legal though they are more bytes: the PACS must know its patient."""
    name = "Ễ" * 30 + "^" + "ộ" * 33

    assert person_name(name) == name
    assert len(person_name("Ễ" * 65).encode()) <= 64


def test_three_groups_of_five_components() -> None:
    assert person_name("a^b^c^d^e^f=山田=や=x") == "a^b^c^d^e=山田=や"
    assert person_name("^^^^") == ""


@pytest.mark.parametrize("text", ["ộ" * 100, "a" * 65, "a" * 63 + "ộ"])
def test_cut_values_fit_in_bytes_and_say_that_they_were_cut(text: str) -> None:
    assert len(long_string(text).encode()) <= 64
    assert len(short_string(text).encode()) <= 16
    assert long_string(text).endswith("…")
    assert clip("vừa đủ", 64) == "vừa đủ"


def test_control_characters_and_backslashes_leave() -> None:
    assert long_string("a\\b\x00\x1bc\r\nd") == "a/b c d"
    assert unlimited_text("abc\x07d\r\n\te\rf\\") == "abcd\r\n    e\r\nf\\"
    assert unlimited_text("a\tb") == "a   b"
    assert one_line("a\nb\t c") == "a b c"


def test_text_is_composed() -> None:
    assert unlimited_text("Nguye\u0302\u0303n") == "Nguyễn"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20261123", "20261123"),
        ("2026.11.23", "20261123"),
        ("2026-11-23", "20261123"),
        ("20260230", ""),
        ("00010101", ""),
        ("", ""),
        ("hôm nay", ""),
    ],
)
def test_dates(text: str, expected: str) -> None:
    assert valid_date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("030405", "030405"),
        ("03:04:05", "030405"),
        ("0304", "0304"),
        ("030405.123456", "030405.123456"),
        ("250000", ""),
        ("0304.5", ""),
        ("", ""),
    ],
)
def test_times(text: str, expected: str) -> None:
    assert valid_time(text) == expected
