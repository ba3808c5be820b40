"""Archives opened with suspicion: zip, and the tar a browser makes of a folder.

Nothing is written outside the folder, nothing but plain files is made, and no archive may hold
much more than its own size promises. Archives within are left as they are.
"""

import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from dicom_node.conversion.refusals import ConversionRefused, refuse

__all__ = ["UnpackLimits", "is_archive", "unpack"]

_PIECE = 1 << 20
_TAR_MAGIC_AT, _TAR_MAGIC = 257, b"ustar"


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """What an archive may unpack to.

    `ratio` times its own size and `allowance_bytes` more: images hardly shrink, bombs do.
    """

    entries: int = 100_000
    total_bytes: int = 200_000_000_000
    ratio: int = 30
    allowance_bytes: int = 200_000_000
    depth: int = 24
    name_bytes: int = 240


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or a tar, by its content."""
    with path.open("rb") as file:
        head = file.read(512)
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == _TAR_MAGIC:
        return True
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06") and zipfile.is_zipfile(path)


def unpack(
    path: Path,
    folder: Path,
    limits: UnpackLimits | None = None,
    report: Callable[[float], None] = lambda fraction: None,
) -> list[Path]:
    """Write the files of an archive below `folder` and return them, in the archive's order.

    Raises
    ------
    ConversionRefused
        Something about the archive is not safe; `folder` may hold a part of it.
    OSError
    """
    limits = limits or UnpackLimits()
    size = path.stat().st_size
    room = min(limits.total_bytes, size * limits.ratio + limits.allowance_bytes)
    found: list[Path] = []
    written = 0
    try:
        for name, entry in _entries(path, limits):
            target = folder / _safe(name, limits)
            with entry, _new_file(target) as file:
                while piece := entry.read(_PIECE):
                    written += len(piece)
                    if written > room:
                        raise _unsafe("it holds more than its size allows", "giải nén ra quá lớn")
                    file.write(piece)
                    report(min(1.0, written / max(size, 1)))
            found.append(target)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError) as error:
        raise refuse("damaged", "the archive", "gói nén") from error
    except NotImplementedError as error:
        raise refuse("compression", "zip") from error
    return found


def _entries(path: Path, limits: UnpackLimits) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(path) and not tarfile_like(path):
        yield from _zip_entries(path, limits)
    else:
        yield from _tar_entries(path, limits)


def tarfile_like(path: Path) -> bool:
    """A tar may end with a zip; what it begins with decides."""
    with path.open("rb") as file:
        return file.read(512)[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == _TAR_MAGIC


def _zip_entries(path: Path, limits: UnpackLimits) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > limits.entries:
            raise _unsafe(f"{len(entries)} entries", f"{len(entries)} mục")
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                raise _unsafe("it holds a link or a device", "có liên kết hoặc thiết bị")
            if entry.flag_bits & 1:
                raise _unsafe("it is encrypted", "gói có mật khẩu")
            yield entry.filename, archive.open(entry)


def _tar_entries(path: Path, limits: UnpackLimits) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path, "r:") as archive:
        for number, entry in enumerate(archive):
            if number >= limits.entries:
                raise _unsafe(f"more than {limits.entries} entries", f"trên {limits.entries} mục")
            if entry.isdir():
                continue
            if not entry.isreg() or entry.issparse():
                raise _unsafe("it holds a link or a device", "có liên kết hoặc thiết bị")
            content = archive.extractfile(entry)
            assert content is not None
            yield entry.name, content


def _safe(name: str, limits: UnpackLimits) -> PurePosixPath:
    """The entry's place below the folder. Raises ConversionRefused for a name that leads out."""
    text = unicodedata.normalize("NFC", name.replace("\\", "/"))
    parts = text.split("/")
    control = any(unicodedata.category(character) == "Cc" for character in text)
    if (
        text.startswith("/")
        or ".." in parts
        or control
        or (len(parts[0]) == 2 and parts[0][1] == ":")
    ):
        raise _unsafe("a name leads out of the folder", "có tên tệp dẫn ra ngoài thư mục")
    kept = [part for part in parts if part not in ("", ".")]
    too_long = any(len(part.encode("utf-8", "replace")) > limits.name_bytes for part in kept)
    if not kept or len(kept) > limits.depth or too_long:
        raise _unsafe("a name is empty, too deep or too long", "có tên tệp rỗng hoặc quá dài")
    return PurePosixPath(*kept)


def _new_file(target: Path) -> IO[bytes]:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.open("xb", buffering=_PIECE)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _unsafe("two entries have one name", "hai mục trùng tên") from error


def _unsafe(en: str, vi: str) -> ConversionRefused:
    return refuse("unsafe_archive", en, vi)
