"""A PostgreSQL server of one's own, for as long as a test needs it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["find_binaries", "running_server"]

# PostgreSQL refuses to run as root; Debian's packages make this user for it.
USER = "postgres"


def find_binaries() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``, newest version first, or None."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in installed if (folder / "initdb").exists()), None)


@contextmanager
def running_server(binaries: Path) -> Iterator[str]:
    """Start a server that only a socket in its own folder reaches; yield its SQLAlchemy URL."""
    folder = Path(tempfile.mkdtemp(prefix="hoichan-postgresql-", dir=_in_memory()))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER, USER)
        data = folder / "data"
        _run(binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=200"
        _run(binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{USER}@/postgres?host={folder}"
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> str | None:
    """Where databases are made and dropped in no time, if there is room."""
    shared = "/dev/shm"
    has_room = os.path.isdir(shared) and shutil.disk_usage(shared).free > 2 << 30
    return shared if has_room else None


def _run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", USER, "--", *words]
    # the server inherits our pipes: a file does not keep us waiting for it
    with tempfile.TemporaryFile() as output:
        result = subprocess.run(words, stdout=output, stderr=output, timeout=120, cwd="/")
        if result.returncode:
            output.seek(0)
            raise RuntimeError(output.read().decode(errors="replace"))
