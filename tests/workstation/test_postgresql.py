"""The same promises on PostgreSQL: the tests of the domain, run again on a server of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workstation.conftest import DATABASE_VARIABLE
from tests.workstation.postgresql import find_binaries, running_server

HERE = Path(__file__).parent
# What depends on the database: one writer at a time, triggers, JSON, dates, constraints.
SUITES = (
    "test_audit.py",
    "test_access.py",
    "test_database.py",
    "consult/test_annotations.py",
    "consult/test_case.py",
    "consult/test_opinion.py",
    "consult/test_results.py",
    "consult/test_statistics.py",
    "consult/test_course.py",
)


@pytest.mark.timeout(900)
def test_the_domain_on_postgresql() -> None:
    if os.environ.get(DATABASE_VARIABLE):
        pytest.skip("this run is on PostgreSQL already")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (apt install postgresql)")
    with running_server(binaries) as url:
        result = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "-p",
                "no:cacheprovider",
                *(str(HERE / suite) for suite in SUITES),
            ],
            env={**os.environ, DATABASE_VARIABLE: url},
            cwd=HERE.parents[1],
            capture_output=True,
            text=True,
        )
    assert result.returncode == 0, result.stdout[-6000:]
