"""What the kernels' tests share."""

from collections.abc import Iterator

import pytest

import kernels
from kernels._threads import threads


@pytest.fixture(autouse=True)
def _same_threads_after() -> Iterator[None]:
    """Give every test the number of threads that the first had."""
    before = threads()
    yield
    if threads() != before:
        kernels.set_threads(before)
