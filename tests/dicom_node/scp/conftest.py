"""A node on a free port, over a fresh archive."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_node.archive import Archive
from dicom_node.node import Node
from tests.factories import FixedPeers, open_archive, running_node


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path / "archive") as opened:
        yield opened


@pytest.fixture
def peers() -> FixedPeers:
    return FixedPeers()


@pytest.fixture
def node(archive: Archive, peers: FixedPeers) -> Iterator[Node]:
    with running_node(archive, peers) as running:
        yield running
