"""A bench: the child process in which guests' analyses are asked and computed.

It lives on between computations, so that compiled kernels and what a guest put into
``bench.memory`` are still there when a reader corrects something. One order at a time comes down
the pipe, messages go up; when the pipe ends, so does the bench.
"""

import errno
import gc
import logging
import resource
import signal
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Any

import kernels
from dicom_node.errors import DicomNodeError
from dicom_node.records import ReadScope
from plugins.contributions import Analysis
from plugins.nouns import Study, Text
from workstation.consult import result_files
from workstation.consult.result_content import Unsound, encode, require_sound
from workstation.consult.result_runs import Claim
from workstation.consult.studies import load_study
from workstation.context import Context, open_context
from workstation.jobs.bench_memory import BenchMemory
from workstation.settings import Settings

__all__ = [
    "Ask",
    "Asking",
    "Begun",
    "Computed",
    "Failed",
    "Progress",
    "Stop",
    "Stopped",
    "Subjects",
    "work",
]

logger = logging.getLogger(__name__)

EVERYTHING = ReadScope(everything=True)
# After so long without an order the memory is given back.
IDLE_SECONDS = 900.0
# What guests may keep between computations, of all the memory that a bench may take.
KEPT_SHARE = 0.25
STUDY = "study"  # the place of a loaded study in the memory, beside those of the analyses


@dataclass(frozen=True, slots=True)
class Ask:
    """Order: which series are the analyses about? (A `Claim` is the order to compute.)"""

    study_instance_uid: str
    leave_out: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stop:
    """To a computation under way: its result is not needed any more."""


@dataclass(frozen=True, slots=True)
class Asking:
    """An analysis is being asked now."""

    analysis: str


@dataclass(frozen=True, slots=True)
class Subjects:
    """Answer to `Ask`: analysis id to its series and their numbers of instances."""

    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Begun:
    """The guest's computation begins, and with it its deadline."""


@dataclass(frozen=True, slots=True)
class Progress:
    fraction: float
    message: Text


@dataclass(frozen=True, slots=True)
class Computed:
    """The layers are on disk; this is the rest."""

    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    error: Text


@dataclass(frozen=True, slots=True)
class Stopped:
    """The computation ended itself after a `Stop`."""


class _Stopping(BaseException):
    """Ends a guest's computation from within ``bench.report``."""


class _Bench:
    """`plugins.results.Bench` for one computation."""

    def __init__(self, pipe: Pipe, memory: MutableMapping[str, Any]) -> None:
        self._pipe = pipe
        self._memory = memory

    @property
    def memory(self) -> MutableMapping[str, Any]:
        return self._memory

    def report(self, fraction: float, message: Text) -> None:
        while self._pipe.poll():
            if isinstance(self._pipe.recv(), Stop):
                raise _Stopping
        self._pipe.send(Progress(float(fraction), message))


def work(settings: Settings, pipe: Pipe) -> None:
    """Do what comes down the pipe until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit = settings.bench_memory_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    memory = BenchMemory(int(limit * KEPT_SHARE))
    with closing(open_context(settings)) as context:
        threading.Thread(target=kernels.warm_up, name="warm-up", daemon=True).start()
        while True:
            try:
                if not pipe.poll(IDLE_SECONDS):
                    memory.clear()
                    gc.collect()
                    continue
                order = pipe.recv()
            except (EOFError, OSError):
                return
            try:
                if isinstance(order, Ask):
                    pipe.send(_subjects(context, memory, pipe, order))
                elif isinstance(order, Claim):
                    pipe.send(_computed(context, memory, pipe, order))
            except BrokenPipeError:
                return


def _subjects(context: Context, memory: BenchMemory, pipe: Pipe, order: Ask) -> Subjects | Failed:
    """Ask each analysis; one that fails is about nothing."""
    try:
        study = _study(context, memory, order.study_instance_uid)
    except DicomNodeError as error:
        return Failed(_failure(error))
    counts = {series.series_instance_uid: len(series.instances) for series in study.series}
    found = {}
    for analysis in context.plugins.of(Analysis):
        if analysis.id not in order.leave_out:
            pipe.send(Asking(analysis.id))
            subject = context.plugins.call(analysis, analysis.subject, study, default=())
            found[analysis.id] = {uid: counts[uid] for uid in subject or () if uid in counts}
    return Subjects(found)


def _computed(
    context: Context, memory: BenchMemory, pipe: Pipe, claim: Claim
) -> Computed | Failed | Stopped:
    analysis = context.plugins.get(Analysis, claim.analysis)
    if analysis is None:
        return Failed(
            Text(
                "Phần mở rộng làm phép phân tích này không còn được cài đặt.",
                "The plugin that makes this analysis is no longer installed.",
            )
        )
    place = (claim.study_instance_uid, analysis.memory or analysis.id)
    try:
        study = _study(context, memory, claim.study_instance_uid)
        pipe.send(Begun())
        made = analysis.compute(study, claim.edits, _Bench(pipe, memory.of(*place)))
        result = require_sound(made, analysis.id, claim.study_instance_uid)
        files = {
            layer.key: result_files.write_layer(
                context.settings.data,
                claim.result_id,
                claim.revision,
                layer.array,
                context.settings.minimum_free_bytes,
            )
            for layer in result.layers
        }
        return Computed(encode(result, files))
    except _Stopping:
        return Stopped()
    except (Exception, SystemExit) as error:
        # kind and place alone: a guest's words may hold what no log may hold
        place_of_it = traceback.extract_tb(error.__traceback__)[-1]
        logger.warning(
            "analysis %s failed: %s in %s, line %s",
            claim.analysis,
            type(error).__name__,
            place_of_it.name,
            place_of_it.lineno,
        )
        return Failed(_failure(error))
    finally:
        memory.settle(*place)


def _study(context: Context, memory: BenchMemory, study_instance_uid: str) -> Study:
    """The study with its headers; when something came in, all that was known of it is void."""
    record = context.archive.study(study_instance_uid, scope=EVERYTHING)
    content = (record.instance_count, record.size)
    kept = memory.of(study_instance_uid, STUDY)
    if kept.get("content") != content:
        memory.forget(study_instance_uid)
        kept = memory.of(study_instance_uid, STUDY)
        kept["study"] = load_study(context.archive, study_instance_uid, scope=EVERYTHING)
        kept["content"] = content
        memory.settle(study_instance_uid, STUDY)
    study: Study = kept["study"]
    return study


def _failure(error: BaseException) -> Text:
    """Why there is no result, in both languages.

    A guest says it in its own words by raising an exception whose first argument is a `Text`.
    """
    said = error.args[0] if error.args else None
    if isinstance(said, Text):
        return said
    if isinstance(error, MemoryError):
        return Text(
            "Không đủ bộ nhớ cho phép phân tích này.", "There is not enough memory for this."
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Text(
            "Đĩa đã đầy: không lưu được kết quả. Hãy giải phóng chỗ rồi tính lại.",
            "The disk is full: the result could not be kept. Free some room and compute again.",
        )
    if isinstance(error, Unsound):
        return Text(
            f"Phần mở rộng trả về kết quả sai dạng: {error}.",
            f"The plugin returned a malformed result: {error}.",
        )
    if isinstance(error, DicomNodeError):
        return Text(f"Không đọc được ảnh: {error}", f"The images could not be read: {error}")
    what = f"{type(error).__name__}: {error}"
    return Text(f"Phép phân tích gặp lỗi: {what}", f"The analysis failed: {what}")
