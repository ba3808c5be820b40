"""Levels of a slide that are on their way: their headers, and how much has come.

A slide is shown as soon as its smaller levels are here. Where everything on it lies is said by the
largest, so that one's header is kept beside the indexes until the instance itself comes: marks
drawn before hold afterwards, and what is missing is known to be missing. Files are
``slides/announced/<slide>.json`` and ``….share`` in the archive's folder, and beside them those of
`dicom_node.slides.early`.
"""

import json
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dicom_node.slides.index import slide_id

__all__ = [
    "announce",
    "announced_levels",
    "announced_path",
    "arrived_share",
    "set_arrived_share",
    "withdraw",
    "write_whole",
]

_FOLDER = "announced"
# A block over the slowest line that is of use takes two minutes.
_STALLED_SECONDS = 600.0


def announce(archive_folder: Path, headers: Sequence[dict[str, Any]]) -> None:
    """Keep the headers (DICOM JSON) of levels to come, all of one series; before any is stored."""
    for series in {_first(header, "0020000E") for header in headers}:
        path = _path(archive_folder, series)
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        mine = [header for header in headers if _first(header, "0020000E") == series]
        write_whole(path, json.dumps(mine, ensure_ascii=False))


def announced_levels(
    archive_folder: Path, study_instance_uid: str, series_instance_uid: str
) -> list[dict[str, Any]]:
    """The headers announced of a series in that study; none for most slides."""
    try:
        headers = json.loads(_path(archive_folder, series_instance_uid).read_bytes())
    except (OSError, ValueError):
        return []
    return [one for one in headers if _first(one, "0020000D") == study_instance_uid]


def set_arrived_share(archive_folder: Path, series_instance_uid: str, share: float) -> None:
    """How much of the slide's file has come, 0 to 1; nothing where nothing was announced."""
    path = _path(archive_folder, series_instance_uid)
    if path.exists():
        write_whole(path.with_suffix(".share"), f"{share:.4f}")


def arrived_share(archive_folder: Path, slide: str) -> float | None:
    """What `set_arrived_share` was told last; None when nobody knows, or nothing comes any more."""
    path = announced_path(archive_folder, slide, "share")
    try:
        if time.time() - path.stat().st_mtime > _STALLED_SECONDS:
            return None
        return float(path.read_text())
    except (OSError, ValueError):
        return None


def withdraw(archive_folder: Path, series_instance_uid: str) -> None:
    """All has come."""
    path = _path(archive_folder, series_instance_uid)
    for each in path.parent.glob(f"{path.stem}.*"):
        with suppress(OSError):
            each.unlink()


def announced_path(archive_folder: Path, slide: str, suffix: str) -> Path:
    """A file of a slide that is on its way."""
    return archive_folder / "slides" / _FOLDER / f"{slide}.{suffix}"


def write_whole(path: Path, text: str) -> None:
    """Write a file that others read meanwhile: the old one or the new one."""
    temporary = path.with_suffix(f"{path.suffix}.{os.getpid()}.{threading.get_ident()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _path(archive_folder: Path, series_instance_uid: str) -> Path:
    return announced_path(archive_folder, slide_id(series_instance_uid), "json")


def _first(header: dict[str, Any], tag: str) -> str:
    return str((header.get(tag, {}).get("Value") or [""])[0])
