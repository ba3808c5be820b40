"""One archive with real studies, served once for the whole module."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.dicom_node.web.serving import Served, serve
from tests.factories import from_site, open_archive

STUDIES = (
    "ct_head/ge_tilt_infarct",
    "ct_body/liver_3slices_with_seg",
    "wsi/dicom_cmu1_pyramid",
    "modalities/encapsulated",
    "modalities/us",
    "modalities/ecg",
)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def served(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Real studies of DEMO_A, behind a real socket."""
    with open_archive(tmp_path_factory.mktemp("archive")) as archive:
        for study in STUDIES:
            for path in files_of(test_data / study):
                archive.store_file(path, from_site("DEMO_A"))
        with serve(archive) as service:
            yield service


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=60) as session:
        yield session
