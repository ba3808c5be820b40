"""Convert in a process of its own: with limits, progress, and an end whenever it is wanted."""

import errno
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dicom_node.conversion.blocks import Blocks
from dicom_node.conversion.facts import SlideFacts
from dicom_node.conversion.refusals import ConversionRefused, refuse
from dicom_node.errors import DicomNodeError, OutOfResources

__all__ = ["Converted", "Limits", "convert"]

logger = logging.getLogger(__name__)

# Fraction done, and what is being done (Vietnamese, English).
Report = Callable[[float, str, str], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a conversion may take.

    `memory_bytes` is address space, of which libraries map much more than they touch;
    `file_bytes` the largest file it may write.
    """

    memory_bytes: int = 6 << 30
    cpu_seconds: int = 4 * 3600
    files: int = 512
    file_bytes: int = 64 << 30
    seconds: float = 6 * 3600.0


class Converted(NamedTuple):
    """The instances of a slide, and what its laboratory should know (Vietnamese, English)."""

    files: list[Path]
    notes: list[tuple[str, str]]


def convert(
    path: Path,
    folder: Path,
    facts: SlideFacts,
    report: Report = lambda fraction, vi, en: None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    limits: Limits | None = None,
    blocks: Blocks | None = None,
) -> Converted:
    """Convert a vendor's file into DICOM files in `folder`, verified against the original.

    Parameters
    ----------
    path : Path
        The slide; of a format with many files, the one that names the others.
    folder : Path
        Empty; on the disk that has the room.
    report : callable
        Told of progress, from another thread.
    cancelled : callable
        Asked several times a second.
    blocks : Blocks, optional
        What has come of a file that is still arriving: its whole levels are converted, and the
        headers of those to come written beside them (`conversion.partial`).

    Raises
    ------
    ConversionRefused
        With a sentence for who sent the file.
    OutOfResources
        The disk is full.
    """
    limits = limits or Limits()
    order = {
        "path": str(path.absolute()),
        "folder": str(folder.absolute()),
        "facts": facts.as_json(),
        "limits": {key: value for key, value in asdict(limits).items() if key != "seconds"},
        "blocks": blocks and [str(blocks.path.absolute()), blocks.size, blocks.block_bytes],
    }
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "dicom_node.conversion.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        answers = _Answers(child, report)
        try:
            assert child.stdin is not None
            child.stdin.write(json.dumps(order).encode() + b"\n")
            child.stdin.flush()
            _wait(child, cancelled, limits.seconds)
            answers.join(10)
        except BrokenPipeError:
            child.wait()
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                assert pipe is not None
                _close(pipe)
        return _outcome(child.returncode, answers.last, folder, errors)


class _Answers(threading.Thread):
    """Reads what the child says; the last line is its result."""

    def __init__(self, child: "subprocess.Popen[bytes]", report: Report) -> None:
        super().__init__(daemon=True)
        self.child = child
        self.report = report
        self.last: dict[str, Any] = {}
        self.start()

    def run(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            try:
                self.last = json.loads(line)
            except ValueError:
                continue
            if "fraction" in self.last:
                self.report(self.last["fraction"], self.last["vi"], self.last["en"])


def _wait(child: "subprocess.Popen[bytes]", cancelled: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            child.wait(0.2)
            return
        except subprocess.TimeoutExpired:
            if cancelled():
                raise refuse("cancelled") from None
            if time.monotonic() > end:
                raise refuse("limits", "time", "thời gian") from None


def _outcome(status: int, answer: dict[str, Any], folder: Path, errors: Any) -> Converted:
    if "files" in answer:
        notes = [(vi, en) for vi, en in answer["notes"]]
        return Converted([folder / name for name in answer["files"]], notes)
    if "refused" in answer:
        raise ConversionRefused(*answer["refused"])
    if "failed" in answer:
        if answer["errno"] in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfResources("no room on the disk for the converted slide; free some")
        if answer["errno"] == errno.EFBIG:
            raise refuse("limits", "size on disk", "dung lượng đĩa")
        raise DicomNodeError(f"the conversion failed: {answer['failed']}")
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
    logger.warning("a converter ended with %s: %s", status, errors.read().decode(errors="replace"))
    if status == -signal.SIGXCPU:
        raise refuse("limits", "processor time", "thời gian xử lý")
    raise refuse("failed", f"{status}")


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        pass
