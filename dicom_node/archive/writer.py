"""The one thread that commits. Arrivals that wait while it syncs share the next transaction.

On a disk that takes 5 ms to sync this is three times the images per second of a commit for each;
on a fast one it costs nothing.
"""

import logging
import threading
from queue import Empty, SimpleQueue

from sqlalchemy.exc import OperationalError, SQLAlchemyError

from dicom_node.archive.arrival import Arrival
from dicom_node.archive.files import FileStore
from dicom_node.archive.index import Index
from dicom_node.archive.ingest import Ingest
from dicom_node.errors import DicomNodeError, OutOfResources
from dicom_node.records import StoreResult

__all__ = ["Writer"]

logger = logging.getLogger(__name__)

_LARGEST_BATCH = 256


class _Waiting:
    """One caller of `Writer.add`, asleep until its answer is durable."""

    __slots__ = ("answer", "arrival", "done")

    def __init__(self, arrival: Arrival) -> None:
        self.arrival = arrival
        self.answer: StoreResult | DicomNodeError | None = None
        self.done = threading.Lock()
        self.done.acquire()


class Writer:
    """Group commit. `add` may be called from any thread; it returns when the row is durable."""

    def __init__(self, index: Index, files: FileStore, quarantine_bytes: int) -> None:
        self._index = index
        self._files = files
        self._quarantine_bytes = quarantine_bytes
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def add(self, arrival: Arrival) -> StoreResult:
        """Commit an arrival and return what became of it.

        Raises
        ------
        OutOfResources
        DicomNodeError
        """
        if self._thread is None:
            self._start()
        waiting = _Waiting(arrival)
        self._queue.put(waiting)
        waiting.done.acquire()
        if isinstance(waiting.answer, StoreResult):
            return waiting.answer
        raise waiting.answer or DicomNodeError("the index gave no answer")

    def close(self) -> None:
        """Finish what was handed in and stop."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="archive writer", daemon=True)
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            if batch:
                self._commit(batch)
                for waiting in batch:
                    waiting.done.release()
            else:
                return

    def _next_batch(self) -> list[_Waiting]:
        """Return what waits; an empty list ends the thread."""
        first = self._queue.get()
        batch = [] if first is None else [first]
        while batch and len(batch) < _LARGEST_BATCH:
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                break
            if waiting is None:
                self._queue.put(None)  # stop after this batch
                break
            batch.append(waiting)
        return batch

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            with self._index.writing() as connection:
                arrivals = [waiting.arrival for waiting in batch]
                ingest = Ingest(connection, self._files, self._quarantine_bytes, arrivals)
                for waiting in batch:
                    try:
                        waiting.answer = ingest.add(waiting.arrival)
                    except DicomNodeError as error:
                        waiting.answer = error
                ingest.write()
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, OperationalError):
                # One bad row must not fail its neighbours.
                for waiting in batch:
                    self._commit([waiting])
                return
            answer = _refusal(error)
            for waiting in batch:
                waiting.answer = answer


def _refusal(error: Exception) -> DicomNodeError:
    """Turn a failed transaction into the answer for all it held."""
    if isinstance(error, OperationalError) and "disk" in str(error.orig):
        logger.error("the index cannot grow: %s", error.orig)
        return OutOfResources("no room on the disk of the index; free some and send again")
    # The statement's parameters hold patient data: log the driver's words only.
    cause = error.orig if isinstance(error, OperationalError) else type(error).__name__
    logger.error("the index refused a transaction: %s", cause)
    if not isinstance(error, SQLAlchemyError | OSError):
        logger.debug("while indexing", exc_info=error)
    return DicomNodeError("the index failed; the log says why")
