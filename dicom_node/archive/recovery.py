"""After a crash, and on demand: do the files and the index still say the same?"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import bindparam, select, union_all

from dicom_node.archive.arrival import Arrival, read_arrival
from dicom_node.archive.files import FileStore
from dicom_node.archive.index import Index
from dicom_node.archive.tables import conflicts, instances, quarantine
from dicom_node.errors import CannotUnderstand, NotFound
from dicom_node.part10 import read_meta
from dicom_node.records import Origin, StoreResult

__all__ = ["Problem", "ProblemKind", "RecoveryReport", "read_stored", "recover", "verify"]

logger = logging.getLogger(__name__)

_ROWS_WITHIN = union_all(
    *(
        select(table.c.sha256, table.c.sop_instance_uid).where(
            table.c.sha256 >= bindparam("first"), table.c.sha256 < bindparam("behind")
        )
        for table in (quarantine, conflicts, instances)
    )
)
_META_BYTES = 1024  # our own meta is shorter


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What a start found: temporary files removed, files indexed anew."""

    swept: int
    indexed: int


class ProblemKind(StrEnum):
    MISSING_FILE = "row without file"
    DAMAGED_FILE = "file differs from its name"
    UNINDEXED_FILE = "file without row"


@dataclass(frozen=True, slots=True)
class Problem:
    """One disagreement between files and index. ``sop_instance_uid`` is "" when no row names it."""

    kind: ProblemKind
    path: Path
    sop_instance_uid: str = ""


def read_stored(
    files: FileStore, sha256: str, origin: Origin, clock: Callable[[], datetime]
) -> Arrival:
    """Read a stored file as if it came in now from `origin`.

    Raises
    ------
    NotFound
        There is no such file.
    CannotUnderstand
    """
    path = files.path(sha256)
    try:
        with path.open("rb") as file:
            meta = read_meta(file.read(_META_BYTES))
            arrival = read_arrival(file.fileno(), meta, origin, clock(), commanded=False)
    except FileNotFoundError as error:
        raise NotFound(f"the file {path.name} is missing") from error
    return replace(arrival, sha256=sha256)


def recover(
    files: FileStore,
    index: Index,
    commit: Callable[[Arrival], StoreResult],
    clock: Callable[[], datetime],
) -> RecoveryReport:
    """Remove what was half received and index what was complete.

    A file without a row was never acknowledged, but it is whole, and its sender may be gone.
    Other processes may be storing meanwhile: a file of theirs is indexed by whoever comes first.
    """
    swept, indexed = files.sweep(), 0
    for prefix, hashes in files.hashes():
        known = _known(index, prefix) if hashes else {}
        for sha256 in hashes:
            if sha256 in known:
                continue
            try:
                commit(read_stored(files, sha256, files.origin(sha256), clock))
                indexed += 1
            except (CannotUnderstand, NotFound) as error:
                logger.warning("cannot index %s: %s", sha256, error)
    if swept or indexed:
        logger.info("after a crash: %d partial files removed, %d indexed", swept, indexed)
    return RecoveryReport(swept, indexed)


def verify(files: FileStore, index: Index) -> Iterator[Problem]:
    """Read every file we hold and yield each disagreement. Takes as long as the disk needs."""
    for prefix, hashes in files.hashes():
        known, there = _known(index, prefix), set(hashes)
        for sha256 in sorted(known.keys() - there):
            yield Problem(ProblemKind.MISSING_FILE, files.path(sha256), known[sha256])
        for sha256 in hashes:
            path = files.path(sha256)
            if sha256 not in known:
                # It may have come in since we asked.
                if sha256 not in _known(index, prefix):
                    yield Problem(ProblemKind.UNINDEXED_FILE, path)
            elif files.hash_of(path) != sha256:
                yield Problem(ProblemKind.DAMAGED_FILE, path, known[sha256])


def _known(index: Index, prefix: str) -> dict[str, str]:
    """Return SHA-256 → SOP Instance UID of every row whose hash begins with `prefix`."""
    with index.reading() as connection:
        # "g" follows "f", so this is a range on the index of each table.
        found = connection.execute(_ROWS_WITHIN, {"first": prefix, "behind": prefix + "g"})
        return {row.sha256: row.sop_instance_uid for row in found}
