"""Codes mean what we think, by pydicom's copy of the standard's tables."""

import pydicom.sr._concepts_dict as tables
import pytest
from pydicom.sr.coding import Code

from plugins.builtin.stroke import codes

STANDARD = [
    code
    for code in vars(codes).values()
    if isinstance(code, Code) and code.scheme_designator in ("SCT", "DCM")
]


@pytest.mark.parametrize("code", STANDARD, ids=lambda code: code.meaning)
def test_the_meaning_is_the_standards(code: Code) -> None:
    meanings = {
        meaning
        for names in tables.concepts[code.scheme_designator].values()
        for value, (meaning, _) in names.items()
        if value == code.value
    }
    assert code.meaning in meanings


def test_what_is_private_says_so() -> None:
    own = [
        code
        for code in vars(codes).values()
        if isinstance(code, Code) and code.scheme_designator == codes.PRIVATE
    ]
    assert len({code.value for code in own}) == len(own) > 5
    assert all(len(code.value) <= 16 for code in own)


def test_the_score_is_not_taken_for_another() -> None:
    """450893003 is the NIHSS score in SNOMED CT, and 1386000 has two meanings in the tables."""
    assert codes.ASPECTS.value not in ("450893003", "1386000")
