"""Slides converted for these tests, and the judges of what comes out."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dicom_node.conversion import SlideFacts
from dicom_node.conversion.build import Built, build


def facts(**changes: Any) -> SlideFacts:
    values: dict[str, Any] = {
        "patient_id": "BN0001",
        "patient_name": "Nguyễn^Thị Hoa",
        "patient_birth_date": "19700102",
        "patient_sex": "F",
        "study_instance_uid": "1.2.826.0.1.3680043.8.498.1",
        "study_id": "GPB-26-1",
        "study_date": "20261123",
        "study_time": "0830",
        "accession_number": "GPB-26-1",
        "container_id": "GPB-26-1-A1-1",
        "block_id": "A1",
        "part_id": "A",
        "stain": "H&E",
        "specimen_description": "Sinh thiết dạ dày",
        "seed": "test",
        "received_at": "2026-11-23T09:00:00",
    }
    return SlideFacts(**{**values, **changes})


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Built]:
    """Convert a file into a fresh folder, in this process: a child each would take minutes."""

    def run(path: Path, **changes: Any) -> Built:
        folder = tmp_path_factory.mktemp("converted")
        return build(path, folder, facts(**changes), lambda fraction, vi, en: None)

    return run


def dciodvfy_errors(path: Path) -> list[str]:
    """What David Clunie's validator holds against a file."""
    found = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False
    )
    return [line for line in found.stderr.splitlines() if line.startswith("Error")]
