"""The worker process: uploads, intake, guests' steps, analyses and the outbox, side by side.

One thread looks at the database every half second and gives what is due to a few threads. The
rows are the queue: each is leased by whoever works on it, so several workers on several machines
may look at the same database, and nothing is lost with any of them.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from workstation.consult.intake import complete_quiet_series, complete_quiet_studies, take_in
from workstation.consult.outbox import deliver, due_deliveries, free_leases
from workstation.context import Context
from workstation.jobs.benches import run_benches
from workstation.jobs.steps import due_steps, interrupt_steps, requeue_interrupted, run_step
from workstation.uploads.preview import due_previews, show_early
from workstation.uploads.processing import (
    due_uploads,
    interrupt_uploads,
    process_upload,
    requeue_uploads,
)
from workstation.uploads.rows import remove_expired
from workstation.uploads.watching import Seen, watch_folder

__all__ = ["run_worker"]

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
# Deliveries wait for networks, steps for their children: threads are cheap here. Opinions never
# queue behind arithmetic.
DELIVERY_THREADS = 4
EXPIRE_EVERY = timedelta(hours=1)
STEP_THREADS = 2
# A conversion fills a processor; a second one keeps a small slide from waiting for a large one.
UPLOAD_THREADS = 2
# Small, and somebody waits for it: never behind a conversion of an hour.
PREVIEW_THREADS = 1


def run_worker(context: Context, stop: threading.Event) -> None:
    """Work until `stop` is set; what was begun is finished or left for the next worker."""
    if context.database.engine.dialect.name == "sqlite":
        # Embedded, this is the only worker: what an earlier one held, it no longer works on.
        free_leases(context)
        requeue_interrupted(context)
        requeue_uploads(context)
    outbox = _Crew(context, deliver, DELIVERY_THREADS)
    steps = _Crew(context, run_step, STEP_THREADS)
    arriving = _Crew(context, process_upload, UPLOAD_THREADS)
    early = _Crew(context, show_early, PREVIEW_THREADS)
    seen: Seen = {}
    rounds: list[Callable[[], object]] = [
        lambda: _take_in_all(context),
        lambda: complete_quiet_series(context),
        lambda: complete_quiet_studies(context),
        lambda: outbox.begin(due_deliveries(context)),
        lambda: steps.begin(due_steps(context)),
        lambda: watch_folder(context, seen),
        lambda: arriving.begin(due_uploads(context)),
        lambda: early.begin(due_previews(context)),
        lambda: _expire_uploads(context),
    ]
    benches = threading.Thread(target=run_benches, args=(context, stop), name="benches")
    benches.start()
    logger.info("worker started")
    while not stop.wait(LOOK_SECONDS):
        for look in rounds:
            try:
                look()
            except Exception:
                logger.exception("a round of the worker failed; trying again")
    interrupt_steps()
    interrupt_uploads()
    outbox.finish()
    steps.finish()
    arriving.finish()
    early.finish()
    benches.join()
    logger.info("worker stopped")


def _take_in_all(context: Context) -> None:
    while take_in(context):
        pass


def _expire_uploads(context: Context) -> None:
    if context.is_time("expire uploads", EXPIRE_EVERY):
        remove_expired(context)


class _Crew:
    """A few threads for one kind of row; no row twice at the same time."""

    def __init__(self, context: Context, work: Callable[..., object], threads: int) -> None:
        self.context = context
        self.work = work
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix=work.__name__)
        self.begun: dict[object, Future[object]] = {}

    def begin(self, row_ids: Iterable[object]) -> None:
        self.begun = {row: future for row, future in self.begun.items() if not future.done()}
        for row_id in row_ids:
            if row_id not in self.begun:
                self.begun[row_id] = self.pool.submit(self._run, row_id)

    def finish(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, row_id: object) -> None:
        try:
            self.work(self.context, row_id)
        except Exception:
            logger.exception("%s of row %s failed", self.work.__name__, row_id)
