"""The benches of a worker: who computes what, what becomes of it, and what when one dies.

A study goes to the bench that had it last, where its memory is; its orders run one after the
other. A bench that crashes, hangs or is killed takes only its own run with it, and the next run
gets a new one.
"""

import logging
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from multiprocessing.connection import Connection as Pipe
from typing import Any

from plugins.contributions import Analysis
from plugins.nouns import Text
from workstation.consult.result_runs import (
    Claim,
    Due,
    Standing,
    claim_plan,
    claim_result,
    due_work,
    free_results,
    give_back,
    is_expecting,
    record_computed,
    record_failed,
    record_subjects,
    renew,
    standing,
)
from workstation.context import Context
from workstation.jobs.bench import (
    IDLE_SECONDS,
    Ask,
    Asking,
    Begun,
    Computed,
    Failed,
    Progress,
    Stop,
    Stopped,
    Subjects,
    work,
)

__all__ = ["Benches", "run_benches"]

logger = logging.getLogger(__name__)

# A reader waits for what was just dragged: the rows are looked at this often, and at ease while
# there is no bench: nobody has worked for a while, and one takes longer to come than this.
LOOK_SECONDS = 0.05
EASY_LOOK_SECONDS = 0.5
# How often a run looks whether it is still wanted, and at most tells how far it is.
WATCH_SECONDS = 0.2
LOOK_AHEAD_SECONDS = 1.0
RENEW_SECONDS = 5.0
ASK_DEADLINE_SECONDS = 60.0
# To import and to read headers, before the guest begins.
START_SECONDS = 180.0

# The server from which children are forked has our code imported, and has run none of it: no
# thread, lock or database handle is shared, and a new bench is there at once.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["workstation.jobs.bench"])


class _End(Enum):
    """How a run ended without an answer."""

    DIED = "died"
    LATE = "late"
    CANCELLED = "cancelled"


class _Silence:
    """No message came in time."""


def run_benches(context: Context, stop: threading.Event) -> None:
    """Compute what is due until `stop` is set; what was begun is left for the next worker."""
    if context.database.engine.dialect.name == "sqlite":
        free_results(context)  # embedded, this is the only worker
    benches = Benches(context, stop)
    while not stop.wait(LOOK_SECONDS if benches.is_warm else EASY_LOOK_SECONDS):
        try:
            benches.look()
        except Exception:
            logger.exception("a look at the results failed; trying again")
            stop.wait(1)
    benches.close()


class Benches:
    """A few child processes, started when there is work and ended when idle.

    When `stop` is set, what dies is no failure: it was ended, and is due again.
    """

    def __init__(self, context: Context, stop: threading.Event) -> None:
        self.context = context
        self._most = context.settings.benches
        self._benches: list[_Child] = []
        self._lock = threading.Lock()
        self._stopping = stop
        self._look_ahead_at = 0.0
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="bench")

    @property
    def is_warm(self) -> bool:
        return bool(self._benches)

    def look(self) -> int:
        """Begin what is due as far as there are benches; return how many runs are under way."""
        if not self.context.plugins.of(Analysis):
            return 0
        if time.monotonic() > self._look_ahead_at:
            self._look_ahead_at = time.monotonic() + LOOK_AHEAD_SECONDS
            self._end_idle()
            if not self._benches and is_expecting(self.context):
                self._benches.append(_Child(self.context))  # it gets warm while images come in
        with self._lock:
            busy = {bench.study for bench in self._benches if bench.study}
        if len(busy) < self._most:
            for due in due_work(self.context):
                if due.study_instance_uid in busy:
                    continue
                bench = self._free(due.study_instance_uid)
                if bench is None:
                    break
                busy.add(due.study_instance_uid)
                self._threads.submit(self._run, bench, due)
        return len(busy)

    def close(self) -> None:
        """Kill the children; their runs are due again."""
        self._stopping.set()
        for bench in self._benches:
            bench.end()
        self._threads.shutdown(wait=True)

    def _free(self, study_instance_uid: str) -> "_Child | None":
        """A bench for the study, taken: the one that had it, an unused or new one, any free one."""
        with self._lock:
            free = [bench for bench in self._benches if not bench.study]
            best = [bench for bench in free if study_instance_uid in bench.remembered]
            best += [bench for bench in free if not bench.remembered]
            if best:
                bench = best[0]
            elif len(self._benches) < self._most:
                bench = _Child(self.context)
                self._benches.append(bench)
            elif free:
                bench = min(free, key=lambda one: one.idle_since)
            else:
                return None
            bench.study = study_instance_uid
            return bench

    def _run(self, bench: "_Child", due: Due) -> None:
        try:
            if due.result_id:
                self._compute(bench, due.result_id)
            else:
                self._ask(bench, due.study_instance_uid)
        except Exception:
            logger.exception("work on study %s failed", due.study_instance_uid)
            bench.end()
        finally:
            with self._lock:
                bench.remembered.add(bench.study)
                bench.study = ""
                bench.idle_since = time.monotonic()
                if not bench.is_alive():
                    self._benches.remove(bench)

    def _ask(self, bench: "_Child", study_instance_uid: str) -> None:
        """Ask all analyses about a study; those that kill or hang the child are left out."""
        version = claim_plan(self.context, study_instance_uid)
        if version is None:
            return
        left_out: set[str] = set()
        while not self._stopping.is_set():
            asked = ""
            bench.send(Ask(study_instance_uid, frozenset(left_out)))
            message = bench.receive(START_SECONDS)
            while isinstance(message, Asking):
                asked = message.analysis
                message = bench.receive(ASK_DEADLINE_SECONDS)
            if isinstance(message, Subjects | Failed):
                counts = message.counts if isinstance(message, Subjects) else {}
                record_subjects(self.context, study_instance_uid, version, counts)
                return
            logger.warning("analysis %s fell over the question for its subject", asked or "?")
            if self._stopping.is_set():
                return
            bench.restart()
            if not asked:
                record_subjects(self.context, study_instance_uid, version, {})
                return
            left_out.add(asked)

    def _compute(self, bench: "_Child", result_id: str) -> None:
        claim = claim_result(self.context, result_id)
        if claim is None:
            return
        analysis = self.context.plugins.get(Analysis, claim.analysis)
        seconds = analysis.deadline_seconds if analysis is not None else START_SECONDS
        bench.send(claim)
        answer = self._follow(bench, claim, seconds)
        if isinstance(answer, Computed):
            record_computed(self.context, claim, answer.content)
        elif isinstance(answer, Failed):
            record_failed(self.context, claim, answer.error)
        elif answer is _End.DIED and self._stopping.is_set():
            give_back(self.context, claim)
        elif answer is _End.DIED:
            exit_code = bench.exit_code()
            record_failed(
                self.context,
                claim,
                Text(
                    f"Tiến trình tính toán dừng đột ngột (mã {exit_code}).",
                    f"The computing process ended with exit code {exit_code}.",
                ),
            )
        elif answer is _End.LATE:
            bench.end()
            record_failed(
                self.context,
                claim,
                Text(
                    f"Chưa tính xong sau {seconds:g} giây nên đã dừng.",
                    f"No result within {seconds:g} s.",
                ),
            )
        elif answer is _End.CANCELLED:
            bench.end()

    def _follow(
        self, bench: "_Child", claim: Claim, seconds: float
    ) -> Computed | Failed | Stopped | _End:
        """Wait for the end of a run, and let readers see how far it is."""
        told = renewed = watched = time.monotonic()
        deadline = told + START_SECONDS
        latest, is_told_to_stop = Progress(0.0, Text("", "")), False
        news = False
        while True:
            message = bench.receive(WATCH_SECONDS)
            if message is None:
                return _End.DIED
            if isinstance(message, Computed | Failed | Stopped):
                return message
            now = time.monotonic()
            if isinstance(message, Begun):
                deadline = now + seconds
            elif isinstance(message, Progress):
                latest, news = message, True
            if now > deadline:
                return _End.LATE
            if now - watched >= WATCH_SECONDS:
                watched = now
                its = standing(self.context, claim)
                if its is Standing.CANCELLED:
                    return _End.CANCELLED
                if its is Standing.SUPERSEDED and not is_told_to_stop:
                    is_told_to_stop = True
                    bench.send(Stop())
            if (news and now - told >= WATCH_SECONDS) or now - renewed >= RENEW_SECONDS:
                told, renewed, news = now, now, False
                renew(self.context, claim, latest.fraction, latest.message)

    def _end_idle(self) -> None:
        now = time.monotonic()
        with self._lock:
            for bench in list(self._benches):
                if not bench.study and now - bench.idle_since > IDLE_SECONDS:
                    bench.end()
                    self._benches.remove(bench)


class _Child:
    """One bench, seen from the worker. ``study`` is what it is busy with, or empty."""

    def __init__(self, context: Context) -> None:
        self._settings = context.settings
        self.study = ""
        self.remembered: set[str] = set()
        self.idle_since = time.monotonic()
        self._start()

    def _start(self) -> None:
        self._pipe: Pipe
        self._pipe, theirs = _processes.Pipe()
        self._process = _processes.Process(
            target=work, args=(self._settings, theirs), name="bench", daemon=True
        )
        self._process.start()
        theirs.close()

    def send(self, order: Any) -> None:
        """Give an order; that the child is gone is noticed at the answer."""
        with suppress(BrokenPipeError):
            self._pipe.send(order)

    def receive(self, seconds: float) -> Any:
        """The next message, or `_Silence`; None when the child is gone."""
        try:
            if not self._pipe.poll(max(seconds, 0)):
                return _Silence()
            return self._pipe.recv()
        except (EOFError, OSError):
            return None

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def exit_code(self) -> int | None:
        """How the child ended, which it has or is about to."""
        self._process.join(1)
        self.end()
        return self._process.exitcode

    def end(self) -> None:
        self._process.kill()
        self._process.join()

    def restart(self) -> None:
        self.end()
        self.remembered.clear()
        self._start()
