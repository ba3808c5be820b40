"""An archive per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_node.archive import Archive
from tests.factories import open_archive


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path / "archive") as opened:
        yield opened
