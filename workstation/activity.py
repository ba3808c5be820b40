"""Starts and stops of our programs in the audit log (PS3.15 A.5.3.1 "Application Activity").

A program that is killed cannot write that it stops. So each leaves a file behind as long as it
runs, locked: the lock goes with the process, however it ends, and whoever starts next finds a file
without a lock and writes down that this stop was not seen.
"""

import fcntl
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy.exc import SQLAlchemyError

import hoichan
from workstation import audit
from workstation.audit import AuditEvent
from workstation.context import Context, open_context
from workstation.roles import SYSTEM
from workstation.settings import Settings

__all__ = ["active", "at_work"]

logger = logging.getLogger(__name__)

FOLDER = Path("run") / "active"


@contextmanager
def at_work(settings: Settings, part: str) -> Iterator[Context]:
    """The context of a part that starts now and stops at the end of the block."""
    context = open_context(settings)
    try:
        with active(context, part):
            yield context
    finally:
        context.close()


@contextmanager
def active(context: Context, part: str) -> Iterator[None]:
    """Record the start of `part`, the stops that nobody saw, and at the end its own stop.

    What cannot be recorded is logged and keeps nobody from working: on a full disk the listener
    must still be there to say so.
    """
    subject = {
        "part": part,
        "process": os.getpid(),
        "machine": socket.gethostname(),
        "version": hoichan.__version__,
        "ae_title": context.settings.ae_title,
    }
    with ExitStack() as stack:
        path = None
        try:
            path, content = _begin(context, subject)
            stack.enter_context(_locked(path, content))
        except (OSError, SQLAlchemyError):
            logger.exception("the start of %s is not in the audit log", part)
        outcome = "failure"
        try:
            yield
            outcome = "success"
        finally:
            try:
                _record(context, AuditEvent.APPLICATION_STOP, context.clock(), outcome, subject)
                if path is not None:
                    path.unlink(missing_ok=True)
            except (OSError, SQLAlchemyError):  # the next start will tell
                logger.exception("the stop of %s is not in the audit log", part)


def _begin(context: Context, subject: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Record a start; return the file that shall stand for it, and what is in it."""
    folder = context.settings.data / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.json")):
        _tell_if_gone(context, path)
    now = context.clock()
    number = _record(context, AuditEvent.APPLICATION_START, now, "success", subject)
    return folder / f"{number}.json", {**subject, "started_at": now.isoformat()}


def _record(
    context: Context, event: AuditEvent, at: datetime, outcome: str, subject: dict[str, Any]
) -> int:
    with context.database.begin() as connection:
        return audit.record(connection, event, SYSTEM, at=at, outcome=outcome, **subject)


@contextmanager
def _locked(path: Path, content: dict[str, Any]) -> Iterator[None]:
    """A file that is there only locked: it gets its name once it is."""
    unnamed = path.with_suffix(".tmp")
    with unnamed.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(content, file)
        file.flush()
        unnamed.rename(path)
        yield


def _tell_if_gone(context: Context, path: Path) -> None:
    """Record the stop of a program whose lock is free, once."""
    try:
        with path.open(encoding="utf-8") as file:
            if not _is_free(file):
                return
            if os.fstat(file.fileno()).st_nlink == 0:
                return  # another start was quicker
            subject = json.load(file)
            subject["seen"] = False
            _record(context, AuditEvent.APPLICATION_STOP, context.clock(), "failure", subject)
            path.unlink()
    except FileNotFoundError:
        pass
    except ValueError:  # cut off by the power failure that ended its program, too
        logger.warning("%s cannot be read; its program ended unseen", path)
        path.unlink(missing_ok=True)


def _is_free(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
