"""A node in a process of its own, to be killed: ``python -m tests.process_node FOLDER PORT``.

Knows the sites DEMO_A and DEMO_B. Prints one line when it listens; ends with its standard input.
With ``--list`` it prints ``SHA-256 SOP Instance UID site`` of every instance instead.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

from dicom_node import Archive, ArchiveSettings, Node, NodeSettings
from dicom_node.archive import Query
from tests.factories import EVERYTHING, FixedPeers

__all__ = ["running_process", "serve_until_killed"]

REPOSITORY = Path(__file__).resolve().parent.parent


@contextmanager
def running_process(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A listening process, ended gently; the caller may kill it before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.process_node", str(folder), str(port)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if not process.stdout.readline():
            raise RuntimeError("the node did not start")
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        process.stdout.close()


def serve(folder: Path, port: int, listening: Callable[[str], None], end: IO[str]) -> None:
    """Recover, listen, say so, and stop at the end of `end`."""
    archive = Archive.open(ArchiveSettings(folder, minimum_free_bytes=0))
    report = archive.recover()
    node = Node(archive, NodeSettings(host="127.0.0.1", port=port), FixedPeers())
    node.start()
    listening(f"listening; swept {report.swept}, indexed {report.indexed}")
    end.read()
    node.stop()
    archive.close()


def serve_until_killed(folder: Path, port: int, listening: Connection) -> None:
    """Target of a `multiprocessing` process that nobody will end gently."""
    reading, _ = os.pipe()
    with os.fdopen(reading) as never:
        serve(folder, port, listening.send, never)


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0])
    if arguments[1] == "--list":
        archive = Archive.open(ArchiveSettings(folder, minimum_free_bytes=0))
        for record in archive.instances(Query(), scope=EVERYTHING):
            print(record.sha256, record.sop_instance_uid, record.site)
        return
    serve(folder, int(arguments[1]), lambda line: print(line, flush=True), sys.stdin)


if __name__ == "__main__":
    main(sys.argv[1:])
