"""The archive: durable instances and what is known of them, behind one door."""

import json
import os
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dicom_node.archive import changes as change_log
from dicom_node.archive import quarantine as apart
from dicom_node.archive import recovery
from dicom_node.archive.files import FileStore
from dicom_node.archive.frames import FrameTable
from dicom_node.archive.header import inflate
from dicom_node.archive.index import Index
from dicom_node.archive.query import Query
from dicom_node.archive.reception import Reception
from dicom_node.archive.writer import Writer
from dicom_node.errors import NotFound
from dicom_node.part10 import DEFLATED, FileMeta, encode_meta
from dicom_node.records import (
    Change,
    ConflictRecord,
    InstanceRecord,
    Origin,
    QuarantineRecord,
    ReadScope,
    SeriesRecord,
    StoreOutcome,
    StoreResult,
    StudyRecord,
)
from dicom_node.settings import ArchiveSettings

__all__ = ["Archive"]

_PIECE = 1 << 20
_EVERYTHING = ReadScope(everything=True)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Archive:
    """Instances on disk and their index. Safe for many threads, and for many processes at once.

    Make one with `Archive.open`. Everything that stores returns only when the instance is durable:
    file synced, renamed, folder synced, row and change committed. Every read takes a `ReadScope`;
    what lies outside it does not exist for the caller.
    """

    def __init__(self, settings: ArchiveSettings, clock: Callable[[], datetime] = _utc_now) -> None:
        self.settings = settings
        self._clock = clock
        self._files = FileStore(settings.folder, settings.minimum_free_bytes)
        url = settings.index_url or f"sqlite:///{(settings.folder / 'index.sqlite').absolute()}"
        self.index = Index(url, self._files)
        self._writer = Writer(self.index, self._files, settings.quarantine_bytes)

    @classmethod
    def open(cls, settings: ArchiveSettings, clock: Callable[[], datetime] = _utc_now) -> "Archive":
        """Open or create the archive in ``settings.folder`` and bring its index up to date."""
        return cls(settings, clock)

    def close(self) -> None:
        """Let go of all files; call it when nobody stores any more."""
        self._writer.close()
        self.index.close()
        self._files.close()

    def recover(self) -> recovery.RecoveryReport:
        """Sweep partial files and index complete ones without a row; for the start of a node."""
        return recovery.recover(self._files, self.index, self._writer.add, self._clock)

    def verify(self) -> Iterator[recovery.Problem]:
        """Read and hash every file; yield each disagreement between files and index."""
        return recovery.verify(self._files, self.index)

    # -- storing

    def receive(
        self,
        origin: Origin,
        *,
        sop_class_uid: str = "",
        sop_instance_uid: str = "",
        transfer_syntax_uid: str = "",
        maximum_bytes: int = 1 << 40,
    ) -> Reception:
        """Begin to receive one instance, piece by piece: ``write``, then ``finish`` or ``abort``.

        Parameters
        ----------
        origin : Origin
        sop_class_uid, sop_instance_uid, transfer_syntax_uid : str
            Of a bare data set, from the C-STORE command and its presentation context. All empty:
            a whole Part 10 file follows, with or without preamble and meta.
        maximum_bytes : int
            ``finish`` raises OutOfResources for anything longer.
        """
        meta = None
        if transfer_syntax_uid:
            meta = FileMeta(sop_class_uid, sop_instance_uid, transfer_syntax_uid)
        return Reception(self._files, self._writer.add, self._clock, origin, meta, maximum_bytes)

    def store_bytes(self, data: bytes | memoryview, origin: Origin) -> StoreResult:
        """Store one Part 10 file held in memory.

        Raises
        ------
        OutOfResources
        CannotUnderstand
        """
        reception = self.receive(origin)
        reception.write(data)
        return reception.finish()

    def store_file(self, path: Path, origin: Origin) -> StoreResult:
        """Copy one Part 10 file into the archive. Raises like `store_bytes`, and OSError."""
        with path.open("rb") as file:
            reception = self.receive(origin)
            try:
                while piece := file.read(_PIECE):
                    reception.write(piece)
            except OSError:
                reception.abort()
                raise
            return reception.finish()

    # -- reading

    def studies(self, query: Query, *, scope: ReadScope) -> list[StudyRecord]:
        """Return matching studies, latest study date first. Keys: `STUDY_KEYS`."""
        return self.index.studies(query, scope)

    def count_studies(self, query: Query, *, scope: ReadScope) -> int:
        """Return how many studies match, whatever the query's limit."""
        return self.index.count_studies(query, scope)

    def series(self, query: Query, *, scope: ReadScope) -> list[SeriesRecord]:
        """Return matching series by study and Series Number. Keys: `SERIES_KEYS`."""
        return self.index.series(query, scope)

    def instances(self, query: Query, *, scope: ReadScope) -> list[InstanceRecord]:
        """Return matching instances by study, series and Instance Number. Keys: `INSTANCE_KEYS`."""
        return self.index.instances(query, scope)

    def study(self, study_instance_uid: str, *, scope: ReadScope) -> StudyRecord:
        """Return one study. Raises NotFound."""
        found = self.index.studies(Query({"StudyInstanceUID": [study_instance_uid]}), scope)
        if not found:
            raise NotFound(f"no study {study_instance_uid}")
        return found[0]

    def study_series(self, study_instance_uid: str, *, scope: ReadScope) -> list[SeriesRecord]:
        """Return a study's series by Series Number; none for an unknown study."""
        return self.index.series(Query({"StudyInstanceUID": [study_instance_uid]}), scope)

    def study_instances(
        self,
        study_instance_uid: str,
        *,
        scope: ReadScope,
        series_instance_uid: str | None = None,
    ) -> list[InstanceRecord]:
        """Return the instances of a study, or of one of its series; none when unknown."""
        return self.index.instances(_within(study_instance_uid, series_instance_uid), scope)

    def instance(
        self,
        sop_instance_uid: str,
        *,
        scope: ReadScope,
        study_instance_uid: str | None = None,
        series_instance_uid: str | None = None,
    ) -> InstanceRecord:
        """Return one instance; a study or series given must be its own. Raises NotFound."""
        matches = {
            "SOPInstanceUID": [sop_instance_uid],
            "StudyInstanceUID": [study_instance_uid] if study_instance_uid else [],
            "SeriesInstanceUID": [series_instance_uid] if series_instance_uid else [],
        }
        found = self.index.instances(Query(matches), scope)
        if not found:
            raise NotFound(f"no instance {sop_instance_uid}")
        return found[0]

    def header(self, sop_instance_uid: str, *, scope: ReadScope) -> dict[str, Any]:
        """Return an instance's data set in the DICOM JSON Model, as made at ingest.

        Pixel data and long binary values are ``{"vr", "BulkDataURI": "bulk/<offset>/<length>"}``;
        `read_range` gives their bytes. Raises NotFound.
        """
        for _, packed, _ in self.index.headers(
            Query({"SOPInstanceUID": [sop_instance_uid]}), scope
        ):
            return _unpack(packed)
        raise NotFound(f"no instance {sop_instance_uid}")

    def headers(
        self,
        study_instance_uid: str,
        *,
        scope: ReadScope,
        series_instance_uid: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the headers of a study or series, in the order of `study_instances`."""
        query = _within(study_instance_uid, series_instance_uid)
        return (_unpack(packed) for _, packed, _ in self.index.headers(query, scope))

    def records_with_headers(
        self, query: Query, *, scope: ReadScope
    ) -> Iterator[tuple[InstanceRecord, dict[str, Any]]]:
        """Yield record and header of matching instances, in the order of `instances`."""
        found = self.index.headers(query, scope)
        return ((record, _unpack(packed)) for record, packed, _ in found)

    def header_texts(
        self, query: Query, *, scope: ReadScope
    ) -> Iterator[tuple[InstanceRecord, bytes]]:
        """Yield record and header as ASCII JSON text, for those who pass it on unread."""
        found = self.index.headers(query, scope)
        return ((record, zlib.decompress(packed)) for record, packed, _ in found)

    def frame_offsets(self, record: InstanceRecord) -> FrameTable:
        """Return where each frame of an instance lies in its file, as found at ingest."""
        query = Query({"SOPInstanceUID": [record.sop_instance_uid]})
        for _, _, packed in self.index.headers(query, _EVERYTHING):
            return FrameTable.from_bytes(packed)
        raise NotFound(f"no instance {record.sop_instance_uid}")

    def read_range(self, record: InstanceRecord, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, counted as in headers and frame tables.

        Raises
        ------
        NotFound
            The range is not within the instance.
        """
        if record.transfer_syntax_uid in DEFLATED:
            start = self.dataset_offset(record)
            data = inflate(record.path.read_bytes()[start:])[offset : offset + length]
        else:
            with record.path.open("rb") as file:
                data = os.pread(file.fileno(), length, offset) if offset >= 0 else b""
        if len(data) != length:
            raise NotFound("the instance has no such bytes")
        return data

    def is_intact(self, record: InstanceRecord) -> bool:
        """Read an instance's file and tell whether it is what was received."""
        try:
            return self._files.hash_of(record.path) == record.sha256
        except OSError:
            return False

    def dataset_offset(self, record: InstanceRecord) -> int:
        """Return where in an instance's file the data set begins, in bytes."""
        meta = FileMeta(record.sop_class_uid, record.sop_instance_uid, record.transfer_syntax_uid)
        return len(encode_meta(meta))

    # -- what happened

    def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """Return the oldest `limit` changes numbered above `after`."""
        with self.index.reading() as connection:
            return change_log.changes_after(connection, after, limit)

    def last_change(self) -> int:
        """Return the number of the latest change, 0 when there is none."""
        with self.index.reading() as connection:
            return change_log.last_change(connection)

    # -- kept apart; for administrators only

    def quarantined(self, limit: int = 100, offset: int = 0) -> list[QuarantineRecord]:
        """Return what is in quarantine, latest first."""
        with self.index.reading() as connection:
            return apart.list_quarantined(connection, self._files, limit, offset)

    def count_quarantined(self) -> int:
        """Return how many instances are in quarantine."""
        with self.index.reading() as connection:
            return apart.count_quarantined(connection)

    def conflicts(self, limit: int = 100, offset: int = 0) -> list[ConflictRecord]:
        """Return what claims a UID we hold with other content, latest first."""
        with self.index.reading() as connection:
            return apart.list_conflicts(connection, self._files, limit, offset)

    def release(self, quarantine_id: int, site: str) -> StoreResult:
        """Let an instance out of quarantine, as if `site` had sent it.

        When it still cannot be shown (the study is another site's, a UID is missing) it stays,
        and the outcome is QUARANTINED with the reason. Raises NotFound.
        """
        with self.index.reading() as connection:
            record, sha256 = apart.find(connection, self._files, quarantine_id)
        origin = Origin(site, record.origin.ae_title, record.origin.host, record.origin.channel)
        result = self._writer.add(recovery.read_stored(self._files, sha256, origin, self._clock))
        if result.outcome is not StoreOutcome.QUARANTINED:
            with self.index.writing() as writing:
                apart.forget(writing, quarantine_id)
        return result

    def discard(self, quarantine_id: int) -> None:
        """Delete an instance in quarantine for good. Raises NotFound."""
        with self.index.writing() as connection:
            apart.discard(connection, self._files, quarantine_id)


def _within(study_instance_uid: str, series_instance_uid: str | None) -> Query:
    series = [series_instance_uid] if series_instance_uid else []
    return Query({"StudyInstanceUID": [study_instance_uid], "SeriesInstanceUID": series})


def _unpack(packed: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(zlib.decompress(packed))
    return header
