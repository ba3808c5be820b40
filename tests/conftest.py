"""Fixtures every test may use."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings
from playwright.sync_api import expect

from tests.peers import free_ports

REPOSITORY = Path(__file__).resolve().parent.parent

# Neither time nor chance decides: no deadline of an example, and the same examples every time.
# `--hypothesis-profile=default` looks for new ones.
settings.load_profile("ci")
# The five seconds of httpx are too few where a machine is busy, or a kernel is compiled first.
for _patience in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, _patience, 60.0)
# What comes late on a busy machine has come all the same.
expect.set_options(timeout=180_000)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real studies and slides nobody here wrote (``HOICHAN_TEST_DATA``)."""
    folder = Path(os.environ.get("HOICHAN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real test data are absent: {folder} (set HOICHAN_TEST_DATA)")
    return folder


@pytest.fixture
def free_port() -> int:
    """A TCP port for a server that is about to start (`free_ports`)."""
    (port,) = free_ports(1)
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
