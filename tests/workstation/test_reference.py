"""What the reference says of states, clocks and routes is what the code does."""

import pytest

from tests.workstation.reference import FOLDER, PAGES, made_anew


@pytest.mark.parametrize("page", PAGES)
def test_the_reference_is_fresh(page: str) -> None:
    kept = (FOLDER / page).read_text(encoding="utf-8")
    assert kept == made_anew(page), "run: python -m tests.workstation.reference"
