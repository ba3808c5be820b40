"""The watched folder: ``<watch_dir>/<SITE>/slide.svs`` is taken in without anybody's click.

Beside a slide, ``slide.json`` (or ``slide.svs.json``) may say whose it is, with the names of
`facts.TEXTS`. A file that has kept its size and time for a while is moved to ``done`` or
``refused`` when its fate is known; a refused one gets its reason in a text file beside it.
"""

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dicom_node.conversion.contents import SLIDE_SUFFIXES
from workstation import sites
from workstation.context import Context
from workstation.database import uploads
from workstation.errors import InvalidRequest
from workstation.uploads.facts import checked_facts
from workstation.uploads.rows import (
    UploadState,
    content_path,
    folder_of,
    hold_file,
    make_due,
)

__all__ = ["Seen", "watch_folder"]

logger = logging.getLogger(__name__)

STABLE_SECONDS = 15.0
DONE, REFUSED, TAKEN = "done", "refused", ".taken"
_SUFFIXES = SLIDE_SUFFIXES - {".mrxs", ".vms", ".vmu"} | {".zip", ".tar", ".dcm"}
SIDECAR = ".json"
LARGEST_SIDECAR = 100_000
ABANDONED_SECONDS = 600
Seen = dict[Path, tuple[int, int, float]]


def watch_folder(context: Context, seen: Seen, stable_seconds: float = STABLE_SECONDS) -> None:
    """Take in what has become stable; put away what was decided. One round of the worker.

    Parameters
    ----------
    seen : dict
        What the rounds before saw; of the caller.
    """
    folder = context.settings.watch_dir
    if folder is None or not folder.is_dir():
        return
    codes = {site.code for site in sites.list_sites(context) if site.active}
    for site in sorted(each.name for each in folder.iterdir() if each.is_dir()):
        if site in codes:
            _put_away(context, folder / site)
            for path in list(_stable(folder / site, seen, stable_seconds)):
                _take(context, site, path)
    for path in [path for path in seen if not path.exists()]:
        del seen[path]


def _stable(folder: Path, seen: Seen, stable_seconds: float) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in _SUFFIXES or path.is_symlink() or not path.is_file():
            continue
        status = path.stat()
        size, changed, since = seen.get(path, (-1, -1, 0.0))
        if (size, changed) != (status.st_size, status.st_mtime_ns):
            seen[path] = (status.st_size, status.st_mtime_ns, time.monotonic())
        elif size and time.monotonic() - since >= stable_seconds:
            yield path


def _take(context: Context, site: str, path: Path) -> None:
    """Move the file out of the way of scanners, and queue it."""
    try:
        facts = checked_facts(_sidecar(path))
    except InvalidRequest as error:
        files = [path, *(each for each in _sidecars(path) if each.is_file())]
        _to_refused(files, path.parent, error.text.vi, error.text.en)
        return
    size = path.stat().st_size
    upload_id = hold_file(context, site, path.name, size, facts)
    held = path.parent / TAKEN / upload_id
    held.mkdir(parents=True)
    try:
        os.replace(path, held / path.name)
    except FileNotFoundError:  # another worker was quicker
        held.rmdir()
        return
    for beside in _sidecars(path):
        if beside.is_file():
            os.replace(beside, held / beside.name)
    folder = folder_of(context, upload_id)
    folder.mkdir(mode=0o750, parents=True)
    _link_or_copy(held / path.name, content_path(context, upload_id))
    make_due(context, upload_id)
    logger.info("watched folder of %s: upload %s", site, upload_id)


def _put_away(context: Context, folder: Path) -> None:
    """What was taken and decided goes to ``done`` or ``refused``."""
    taken = folder / TAKEN
    if not taken.is_dir():
        return
    for held in sorted(taken.iterdir()):
        files = sorted(held.iterdir()) if held.is_dir() else []
        if not files:
            continue
        query = select(uploads.c.state, uploads.c.error).where(uploads.c.id == held.name)
        with context.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or row.state == UploadState.RECEIVING.value:
            # A worker died between moving and queueing: the next round takes it again.
            if time.time() - held.stat().st_mtime > ABANDONED_SECONDS:
                _move(files, folder)
                held.rmdir()
        elif row.state == UploadState.DONE.value:
            _move(files, folder / DONE)
            held.rmdir()
        elif row.state in (UploadState.REFUSED.value, UploadState.CANCELLED.value):
            error = row.error or {"vi": "Đã hủy.", "en": "Cancelled."}
            _to_refused(files, folder, error["vi"], error["en"])
            held.rmdir()
            shutil.rmtree(folder_of(context, held.name), ignore_errors=True)


def _to_refused(files: list[Path], folder: Path, vi: str, en: str) -> None:
    for moved in _move(files, folder / REFUSED):
        if moved.suffix.lower() != SIDECAR:
            Path(f"{moved}.txt").write_text(f"{vi}\n{en}\n", encoding="utf-8")


def _move(files: list[Path], folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    moved = []
    for file in files:
        target = _free_name(folder / file.name)
        os.replace(file, target)
        moved.append(target)
    return moved


def _free_name(path: Path) -> Path:
    """The path, with a number when something is there already."""
    number = 1
    candidate = path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return candidate


def _link_or_copy(source: Path, target: Path) -> None:
    """One copy on the disk where both are on the same; the bytes are never written to."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _sidecars(path: Path) -> tuple[Path, Path]:
    """Where it may be said whose a file is: ``a.json`` or ``a.svs.json``."""
    return path.with_suffix(SIDECAR), Path(f"{path}{SIDECAR}")


def _sidecar(path: Path) -> dict[str, Any]:
    for beside in _sidecars(path):
        if not beside.is_file() or beside.stat().st_size > LARGEST_SIDECAR:
            continue
        try:
            values = json.loads(beside.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            values = None
        if not isinstance(values, dict):
            raise InvalidRequest(
                "bad_sidecar",
                f"Tệp {beside.name} không phải JSON hợp lệ.",
                f"{beside.name} is not valid JSON.",
            )
        return values
    return {}
