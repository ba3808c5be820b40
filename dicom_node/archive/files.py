"""Durable bytes: temporary file, fsync, rename, fsync of the folder.

::

    tmp/<process>/<n>          being received; the process holds a lock on its folder
    objects/ab/<sha256>.dcm    complete, named after its content, never changed

A file under ``objects`` is complete by construction. Its origin (who sent it) is an extended
attribute, so that a file whose row was not yet committed when the power went can be indexed.
One level of 256 folders, made in advance: a second level would cost each of the first 65,536
instances one more folder to create and sync.
"""

import errno
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from dicom_node.errors import DicomNodeError, OutOfResources, StoreError
from dicom_node.records import Channel, Origin

__all__ = ["FileStore", "Sealed", "TemporaryFile", "store_error"]

_ORIGIN_ATTRIBUTE = "user.hoichan.origin"
# One for each sender whose commit may wait for its folder.
_FOLDER_SYNCS = 32
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def store_error(error: OSError) -> StoreError | DicomNodeError:
    """Turn an error of the operating system into the node's words."""
    if error.errno in _NO_ROOM:
        return OutOfResources("no room on the disk of the archive; free some and send again")
    return DicomNodeError(f"the archive's disk failed: {error.strerror}")


class Sealed(NamedTuple):
    """A complete file under its final name. The name is durable when ``folder_synced`` is done;
    it raises OSError when that failed.
    """

    sha256: str
    folder_synced: "Future[None]"


class FileStore:
    """The folder of instances. Safe for many threads and processes.

    Parameters
    ----------
    folder : Path
    minimum_free_bytes : int
    """

    def __init__(self, folder: Path, minimum_free_bytes: int) -> None:
        self.folder = folder
        self._minimum_free_bytes = minimum_free_bytes
        self._objects = folder / "objects"
        self._objects_name = str(self._objects)
        self._numbers = itertools.count()
        self._folder_syncs = ThreadPoolExecutor(_FOLDER_SYNCS, "folder sync")
        self._make_folders()
        self._tmp = folder / "tmp" / uuid.uuid4().hex
        with self.exclusive():
            self._tmp.mkdir(mode=0o750)
            self._lock = _open_lock(self._tmp / "lock")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def _make_folders(self) -> None:
        (self.folder / "tmp").mkdir(mode=0o750, parents=True, exist_ok=True)
        self._objects.mkdir(mode=0o750, exist_ok=True)
        present = set(os.listdir(self._objects))
        missing = {f"{prefix:02x}" for prefix in range(256)} - present
        for prefix in missing:
            (self._objects / prefix).mkdir(mode=0o750, exist_ok=True)
        if missing:
            sync_folder(self._objects)
            sync_folder(self.folder)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep every other process out: for starting, sweeping and migrating."""
        lock = _open_lock(self.folder / "lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def close(self) -> None:
        """Remove this process's temporary folder."""
        self._folder_syncs.shutdown()
        os.close(self._lock)
        shutil.rmtree(self._tmp, ignore_errors=True)

    def path(self, sha256: str) -> Path:
        """Return where the content with this hash is kept, whether or not it is."""
        return Path(self.name(sha256))

    def name(self, sha256: str) -> str:
        """Return `path` as text, which is made faster."""
        return f"{self._objects_name}/{sha256[:2]}/{sha256}.dcm"

    def holds(self, sha256: str) -> bool:
        """True when the content is there."""
        return os.path.exists(self.name(sha256))

    def create(self, origin: Origin) -> "TemporaryFile":
        """Open a new temporary file for an instance from `origin`.

        Raises
        ------
        OutOfResources
        """
        self.reserve(0)
        try:
            return TemporaryFile(self, f"{self._tmp}/{next(self._numbers)}", origin)
        except OSError as error:
            raise store_error(error) from error

    def reserve(self, size: int) -> None:
        """Raise OutOfResources unless `size` more bytes leave the disk its floor."""
        room = os.statvfs(self._objects_name)
        if room.f_bavail * room.f_frsize - size < self._minimum_free_bytes:
            raise OutOfResources("the archive's disk is at its floor; free some and send again")

    def sync_soon(self, sha256: str) -> "Future[None]":
        """Begin to make the name of a content durable; the result comes when it is."""
        return self._folder_syncs.submit(sync_folder, os.path.dirname(self.name(sha256)))

    def sweep(self) -> int:
        """Remove the temporary files of processes that are gone; return how many there were."""
        count = 0
        with self.exclusive():
            for folder in (self.folder / "tmp").iterdir():
                if folder == self._tmp or not _is_abandoned(folder):
                    continue
                count += sum(1 for entry in os.scandir(folder) if entry.name != "lock")
                shutil.rmtree(folder, ignore_errors=True)
        return count

    def hashes(self) -> Iterator[tuple[str, list[str]]]:
        """Yield ``(prefix, hashes)`` for each of the 256 folders: what is really there."""
        for prefix in range(256):
            folder = self._objects / f"{prefix:02x}"
            names = (name for name in os.listdir(folder) if name.endswith(".dcm"))
            yield f"{prefix:02x}", sorted(name.removesuffix(".dcm") for name in names)

    def origin(self, sha256: str) -> Origin:
        """Return who sent a file; an origin without site where the disk keeps no attributes."""
        try:
            value = json.loads(os.getxattr(self.path(sha256), _ORIGIN_ATTRIBUTE))
            return Origin(
                value["site"], value["ae_title"], value["host"], Channel(value["channel"])
            )
        except (OSError, ValueError, KeyError):
            return Origin(None, channel=Channel.LOCAL)

    def hash_of(self, path: Path) -> str:
        """Read a file and return its SHA-256."""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def remove(self, sha256: str) -> None:
        """Forget a content for good; no error when it is not there."""
        path = self.path(sha256)
        path.unlink(missing_ok=True)
        sync_folder(path.parent)


class TemporaryFile:
    """One instance on its way in: write, then `seal` or `discard`. Not thread-safe."""

    def __init__(self, store: FileStore, name: str, origin: Origin) -> None:
        self.name = name
        self.size = 0
        self._store = store
        self._hash = hashlib.sha256()
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
        self.descriptor = os.open(name, flags, 0o640)
        try:
            os.setxattr(self.descriptor, _ORIGIN_ATTRIBUTE, json.dumps(asdict(origin)).encode())
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EPERM):
                self.discard()
                raise

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append all of `data`. Raises OSError."""
        view = memoryview(data)
        self._hash.update(view)
        self.size += len(view)
        while view:
            view = view[os.write(self.descriptor, view) :]

    def seal(self) -> Sealed:
        """Make the file durable and give it its final name. Raises OSError."""
        sha256 = self._hash.hexdigest()
        final = self._store.name(sha256)
        os.fsync(self.descriptor)
        os.rename(self.name, final)
        os.close(self.descriptor)
        self.descriptor = -1
        return Sealed(sha256, self._store.sync_soon(sha256))

    def discard(self) -> None:
        """Leave nothing behind; harmless after `seal`."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
            with suppress(FileNotFoundError):
                os.unlink(self.name)


def sync_folder(folder: Path | str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)


def _is_abandoned(folder: Path) -> bool:
    lock = _open_lock(folder / "lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
