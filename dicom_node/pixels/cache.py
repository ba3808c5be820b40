"""What was worked out once and may be thrown away: transcoded and rendered frames, on disk.

The key names everything the bytes depend on, the hash of the instance first, so an entry is never
wrong and never needs to be invalidated. Nothing here is synced: after a crash it is made again.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from pathlib import Path

__all__ = ["DerivedCache"]


class DerivedCache:
    """Files in one folder, the least recently used removed first. Safe for many threads.

    Several processes may share the folder: a file another one removed is a miss.

    Parameters
    ----------
    folder : Path
        Made if absent; nothing else may live in it.
    limit_bytes : int
    floor_bytes : int
        With less free disk than this nothing is added: the room is for instances.
    """

    def __init__(self, folder: Path, limit_bytes: int, floor_bytes: int = 0) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._floor = floor_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._look_around()

    def _look_around(self) -> None:
        found = []
        for entry in os.scandir(self._folder):
            if entry.name.endswith(".tmp"):
                Path(entry.path).unlink(missing_ok=True)
            elif entry.is_file():
                state = entry.stat()
                found.append((state.st_mtime, entry.name, state.st_size))
        for _, name, size in sorted(found):
            self._sizes[name] = size
            self._total += size

    def get(self, key: str) -> bytes | None:
        """Return the entry, or None."""
        name = _name(key)
        try:
            data = (self._folder / name).read_bytes()
        except OSError:
            return None
        with self._lock:
            self._note(name, len(data))
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep an entry. A full disk is no error here: it is only a cache."""
        if len(data) > self._limit // 4 or not self._has_room(len(data)):
            return
        name = _name(key)
        temporary = self._folder / f"{name}.{os.getpid()}.{threading.get_ident()}.tmp"
        try:
            temporary.write_bytes(data)
            temporary.rename(self._folder / name)
        except OSError:
            temporary.unlink(missing_ok=True)
            return
        with self._lock:
            self._note(name, len(data))
            while self._total > self._limit and len(self._sizes) > 1:
                oldest, size = self._sizes.popitem(last=False)
                self._total -= size
                (self._folder / oldest).unlink(missing_ok=True)

    def _has_room(self, size: int) -> bool:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize - size >= self._floor

    @property
    def size(self) -> int:
        """Bytes held, as far as this process knows."""
        return self._total

    def _note(self, name: str, size: int) -> None:
        self._total += size - self._sizes.pop(name, 0)
        self._sizes[name] = size


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
