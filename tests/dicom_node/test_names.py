"""Folding of names."""

import unicodedata

import pytest

from dicom_node.names import fold, fold_person_name


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Nguyễn Văn Ánh", "nguyen van anh"),
        ("ĐẶNG THỊ ĐÀO", "dang thi dao"),
        ("TRƯƠNG  Ước", "truong uoc"),
        ("O'Brien-Łukasz", "o'brien-lukasz"),
        ("Straße", "strasse"),
        ("山田", "山田"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_fold_strips_case_and_diacritics(name: str, folded: str, form: str) -> None:
    assert fold(unicodedata.normalize(form, name)) == folded  # type: ignore[arg-type]


def test_fold_keeps_what_is_folded() -> None:
    assert fold(fold("Nguyễn Đức")) == fold("Nguyễn Đức")


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("NGUYỄN^Văn A", "= nguyen van a ="),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "= yamada tarou = 山田 太郎 = やまた たろう ="),
        ("^^^", "="),
        ("", "="),
    ],
)
def test_every_group_stands_between_equals_signs(name: str, folded: str) -> None:
    assert fold_person_name(name) == folded
