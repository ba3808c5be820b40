"""Fixtures every test may use."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real studies and slides nobody here wrote (``HOICHAN_TEST_DATA``)."""
    folder = Path(os.environ.get("HOICHAN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real test data are absent: {folder} (set HOICHAN_TEST_DATA)")
    return folder


@pytest.fixture
def free_port() -> int:
    """A TCP port free a moment ago on the loopback interface."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A TCP port of the loopback interface at which nobody listens, as long as the test runs.

    It is held: one that is merely free goes to the next program that asks for any port, or to the
    caller itself, whose socket then connects to itself.
    """
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        yield port


@pytest.fixture(autouse=True)
def _own_main_module() -> Iterator[None]:
    """AppTest leaves its script as ``__main__``, and children of later tests would run it."""
    own = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = own
