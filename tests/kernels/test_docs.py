"""The reference page names everything."""

import kernels
from tests.conftest import REPOSITORY


def test_every_export_and_problem_is_documented() -> None:
    page = (REPOSITORY / "docs" / "reference" / "kernels.md").read_text(encoding="utf-8")
    missing = [
        name
        for name in (*kernels.__all__, *kernels.StackProblem.__members__)
        if f"`{name}" not in page
    ]
    assert not missing


def test_everything_exported_exists_once() -> None:
    assert len(set(kernels.__all__)) == len(kernels.__all__)
    assert all(hasattr(kernels, name) for name in kernels.__all__)
