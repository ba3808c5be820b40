"""The arrays of results on disk, named after their content.

::

    results/<result id>/<revision>/<sha256>.raw.gz    as long as the result is of that revision
    results/signed/ab/<sha256>.raw.gz                 what a signed opinion refers to: for ever

A file is the gzip of the array's bytes in C order, little-endian; it goes to viewers as it is.
The hash is of the bytes before compression. Files are complete and durable by the time they have
their name; what several places need is one file with several names.
"""

import errno
import hashlib
import os
import shutil
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "copy_layers",
    "drop_older",
    "folder_of",
    "is_intact",
    "keep_signed",
    "layer_path",
    "read_layer",
    "signed_path",
    "write_layer",
]

_CHUNK = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS


def folder_of(data: Path, result_id: str, revision: int) -> Path:
    return data / "results" / result_id / str(revision)


def layer_path(data: Path, result_id: str, revision: int, sha256: str) -> Path:
    return folder_of(data, result_id, revision) / f"{sha256}.raw.gz"


def signed_path(data: Path, sha256: str) -> Path:
    return data / "results" / "signed" / sha256[:2] / f"{sha256}.raw.gz"


def write_layer(
    data: Path, result_id: str, revision: int, array: NDArray[Any], minimum_free_bytes: int = 0
) -> dict[str, Any]:
    """Keep an array durably; return its ``dtype``, ``shape`` and ``sha256``.

    An array that an earlier revision of the result has already is not written again.

    Raises
    ------
    OSError
        ENOSPC also when the disk would be left with less than `minimum_free_bytes`.
    """
    kept = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    view = kept.reshape(-1).view(np.uint8).data
    sha256 = hashlib.sha256(view).hexdigest()
    path = layer_path(data, result_id, revision, sha256)
    _make_folder(path.parent)
    if not path.exists():
        earlier = next(path.parent.parent.glob(f"*/{path.name}"), None)
        if earlier is None or not _link(earlier, path):
            _require_room(path.parent, minimum_free_bytes)
            _write(path, view)
        _sync_folder(path.parent)
    return {"dtype": kept.dtype.str, "shape": list(kept.shape), "sha256": sha256}


def copy_layers(
    data: Path, source: tuple[str, int], target: tuple[str, int], hashes: Iterable[str]
) -> None:
    """Give the layers of one result and revision to another, as they are.

    Raises
    ------
    OSError
    """
    for sha256 in hashes:
        path = layer_path(data, *target, sha256)
        _make_folder(path.parent)
        if not path.exists():
            os.link(layer_path(data, *source, sha256), path)
    if folder_of(data, *target).exists():
        _sync_folder(folder_of(data, *target))


def keep_signed(data: Path, result_id: str, revision: int, hashes: Iterable[str]) -> None:
    """Keep layers for ever, under their hash alone.

    Raises
    ------
    OSError
        A file is not there, or there is no room for its name.
    """
    for sha256 in hashes:
        path = signed_path(data, sha256)
        _make_folder(path.parent)
        if not path.exists():
            with suppress(FileExistsError):
                os.link(layer_path(data, result_id, revision, sha256), path)
        _sync_folder(path.parent)


def drop_older(data: Path, result_id: str, revision: int) -> None:
    """Remove the files of every revision before `revision`."""
    with suppress(FileNotFoundError):
        for entry in os.scandir(data / "results" / result_id):
            if entry.name.isdigit() and int(entry.name) < revision:
                shutil.rmtree(entry.path, ignore_errors=True)


def read_layer(path: Path, said: Mapping[str, Any]) -> NDArray[Any]:
    """The array of a file; `said` has its ``dtype`` and ``shape``."""
    content = b"".join(_chunks(path))
    return np.frombuffer(content, np.dtype(said["dtype"])).reshape(said["shape"])


def is_intact(path: Path, sha256: str) -> bool:
    """Whether the file is there and its bytes have that hash."""
    digest = hashlib.sha256()
    try:
        for chunk in _chunks(path):
            digest.update(chunk)
    except (OSError, zlib.error):
        return False
    return digest.hexdigest() == sha256


def _chunks(path: Path) -> Iterator[bytes]:
    unpacked = zlib.decompressobj(_GZIP)
    with path.open("rb") as file:
        while read := file.read(_CHUNK):
            yield unpacked.decompress(read)
    if not unpacked.eof:
        raise zlib.error("the file ends too soon")


def _write(path: Path, view: memoryview) -> None:
    # quickly rather than small: a reader waits, and masks are small anyhow
    packed = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    temporary = path.with_name(f".{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            for start in range(0, len(view), _CHUNK):
                file.write(packed.compress(view[start : start + _CHUNK]))
            file.write(packed.flush())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _link(source: Path, target: Path) -> bool:
    """Give a file one more name; False when it went meanwhile."""
    try:
        os.link(source, target)
    except FileExistsError:
        pass
    except OSError:
        return False
    return True


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each durable in the one it lies in."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir(mode=0o750)
        _sync_folder(each.parent)


def _require_room(folder: Path, minimum_free_bytes: int) -> None:
    room = os.statvfs(folder)
    if room.f_bavail * room.f_frsize < minimum_free_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
