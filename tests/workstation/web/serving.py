"""Real HTTP servers for tests of the web layer."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workstation.processes import serve
from workstation.supervisor import listening_socket

__all__ = ["served"]


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an ASGI application as the product does, on a free port; yields its address."""
    listener = listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    stop, ready = threading.Event(), threading.Event()
    thread = threading.Thread(target=serve, args=(app, listener.detach(), stop, ready.set))
    thread.start()
    try:
        assert ready.wait(60), "the server did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    """Wait until `condition()` holds, and fail if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
