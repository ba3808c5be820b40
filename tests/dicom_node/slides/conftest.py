"""An empty archive, and a source of its slides' tiles."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_node.archive import Archive
from dicom_node.pixels import DerivedCache
from dicom_node.slides import SlideSource
from tests.factories import open_archive


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path / "archive") as opened:
        yield opened


@pytest.fixture
def source(archive: Archive, tmp_path: Path) -> SlideSource:
    return SlideSource(archive, DerivedCache(tmp_path / "cache", 10_000_000))
