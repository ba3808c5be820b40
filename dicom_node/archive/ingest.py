"""One transaction of ingest: arrivals become rows, counters and numbered changes.

Also the rules of what becomes of an instance:

- a study belongs to the first site that sent it; from another site it goes to quarantine;
- the same SOP Instance UID with the same content is a duplicate: nothing happens;
- with other content it is a conflict: kept, recorded, never served in place of the first.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Insert,
    bindparam,
    exists,
    func,
    insert,
    select,
    update,
)

from dicom_node.archive.arrival import STUDY_ATTRIBUTES, Arrival
from dicom_node.archive.changes import change_row, record_changes
from dicom_node.archive.files import FileStore
from dicom_node.archive.known import KnownRows
from dicom_node.archive.tables import (
    conflicts,
    headers,
    instances,
    quarantine,
    series,
    studies,
)
from dicom_node.errors import DicomNodeError, OutOfResources
from dicom_node.records import ChangeKind, QuarantineReason, StoreOutcome, StoreResult

__all__ = ["Ingest", "is_referenced"]

# Statements are made once: making one costs more than running it.
_INSERT_STUDY, _INSERT_SERIES = insert(studies), insert(series)
_INSERT_INSTANCE, _INSERT_HEADER = insert(instances), insert(headers)
_INSERT_QUARANTINE, _INSERT_CONFLICT = insert(quarantine), insert(conflicts)
_UIDS: BindParameter[Sequence[str]] = bindparam("uids", expanding=True)
_CONTENT = select(instances.c.sop_instance_uid, instances.c.sha256)
_INSTANCE_HELD = _CONTENT.where(instances.c.sop_instance_uid == bindparam("uid"))
_INSTANCES_HELD = _CONTENT.where(instances.c.sop_instance_uid.in_(_UIDS))
_THIS_STUDY = studies.c.study_instance_uid == bindparam("this_study")
_COUNT_STUDY = (
    update(studies)
    .where(_THIS_STUDY)
    .values(
        {
            column: bindparam(column)
            for column in (
                "series_count",
                "instance_count",
                "size",
                "modalities",
                "last_received_at",
            )
        }
    )
)
_FILL_STUDY = (
    update(studies)
    .where(_THIS_STUDY)
    .values({column: bindparam(column) for column in STUDY_ATTRIBUTES})
)
_COUNT_SERIES = (
    update(series)
    .where(
        series.c.study_instance_uid == bindparam("this_study"),
        series.c.series_instance_uid == bindparam("this_series"),
    )
    .values(instance_count=bindparam("instance_count"))
)

_CHECKED = ("patient_id", "patient_name", "patient_birth_date")


def is_referenced(connection: Connection, sha256: str) -> bool:
    """True when some row needs this content."""
    return any(
        connection.execute(select(exists().where(table.c.sha256 == sha256))).scalar()
        for table in (instances, quarantine, conflicts)
    )


class Ingest:
    """Rows of one transaction, gathered arrival by arrival, written by `write`.

    Parameters
    ----------
    connection : Connection
        A writing transaction.
    files : FileStore
    quarantine_bytes : int
        What quarantine may hold.
    known : KnownRows
        Is brought up to date; to be forgotten if the transaction fails.
    arrivals : sequence of Arrival
        All that will be passed to `add`.
    """

    def __init__(
        self,
        connection: Connection,
        files: FileStore,
        quarantine_bytes: int,
        known: KnownRows,
        arrivals: Sequence[Arrival],
    ) -> None:
        self._connection = connection
        self._files = files
        self._quarantine_bytes = quarantine_bytes
        self._held = self._instances_held({arrival.meta.sop_instance_uid for arrival in arrivals})
        known.refresh(connection, {arrival.study_instance_uid for arrival in arrivals})
        self._studies, self._series = known.studies, known.series
        self._new_studies: set[str] = set()
        self._counted_studies: set[str] = set()
        self._filled_studies: set[str] = set()
        self._new_series: set[tuple[str, str]] = set()
        self._counted_series: set[tuple[str, str]] = set()
        self._rows: dict[Insert, list[dict[str, Any]]] = {
            statement: []
            for statement in (
                _INSERT_INSTANCE,
                _INSERT_HEADER,
                _INSERT_QUARANTINE,
                _INSERT_CONFLICT,
            )
        }
        self._changes: list[dict[str, Any]] = []

    def add(self, arrival: Arrival) -> StoreResult:
        """Decide what becomes of an arrival.

        Raises
        ------
        OutOfResources
            Quarantine is full.
        DicomNodeError
            Another process removed the content meanwhile; send it again.
        """
        if not self._files.holds(arrival.sha256):
            raise DicomNodeError("the file went away while it was indexed; send it again")
        study = self._studies.get(arrival.study_instance_uid)
        reason = arrival.quarantine
        if reason is None and study is not None and study["site"] != arrival.origin.site:
            reason = QuarantineReason.OTHER_SITE
        if reason is not None:
            return self._quarantine(arrival, reason)
        kept = self._held.get(arrival.meta.sop_instance_uid)
        if kept == arrival.sha256:
            return _result(arrival, StoreOutcome.DUPLICATE)
        if kept is not None:
            return self._conflict(arrival, kept)
        self._store(arrival)
        return _result(arrival, StoreOutcome.STORED)

    def write(self) -> None:
        """Write what was gathered."""
        for statement, rows in (
            (_INSERT_STUDY, self._rows_of(self._new_studies)),
            (_COUNT_STUDY, [_bound(row) for row in self._rows_of(self._counted_studies)]),
            (_FILL_STUDY, [_bound(row) for row in self._rows_of(self._filled_studies)]),
            (_INSERT_SERIES, [self._series[key] for key in self._new_series]),
            (_COUNT_SERIES, [_bound(self._series[key]) for key in self._counted_series]),
            *self._rows.items(),
        ):
            if rows:
                self._connection.execute(statement, rows)
        if self._changes:
            record_changes(self._connection, self._changes)

    def _rows_of(self, uids: set[str]) -> list[dict[str, Any]]:
        return [row for uid in uids if (row := self._studies[uid]) is not None]

    def _instances_held(self, uids: set[str]) -> dict[str, str]:
        # An expanding IN is rendered anew at each use, a quarter of what a lone sender waits for.
        if len(uids) == 1:
            found = self._connection.execute(_INSTANCE_HELD, {"uid": next(iter(uids))})
        else:
            found = self._connection.execute(_INSTANCES_HELD, {"uids": list(uids)})
        return {row.sop_instance_uid: row.sha256 for row in found.all()}

    def _store(self, arrival: Arrival) -> None:
        detail: dict[str, Any] = {}
        if arrival.problem:
            detail["problem"] = arrival.problem
        differs = self._count_in_study(arrival)
        if differs:
            # Two patients in one study: the reader must be told.
            detail["differs"] = differs
        self._held[arrival.meta.sop_instance_uid] = arrival.sha256
        self._rows[_INSERT_INSTANCE].append(
            arrival.instance
            | {
                "sop_instance_uid": arrival.meta.sop_instance_uid,
                "sop_class_uid": arrival.meta.sop_class_uid,
                "series_instance_uid": arrival.series_instance_uid,
                "study_instance_uid": arrival.study_instance_uid,
                "site": arrival.origin.site,
                "transfer_syntax_uid": arrival.meta.transfer_syntax_uid,
                "size": arrival.size,
                "sha256": arrival.sha256,
                "source_ae": arrival.origin.ae_title,
                "received_at": arrival.received_at,
            }
        )
        self._rows[_INSERT_HEADER].append(
            {
                "sop_instance_uid": arrival.meta.sop_instance_uid,
                "dicom_json": arrival.dicom_json,
                "frames": arrival.frames,
            }
        )
        self._change(ChangeKind.INSTANCE_STORED, arrival, detail)

    def _count_in_study(self, arrival: Arrival) -> list[str]:
        """Update the counters of study and series; return the patient attributes that differ."""
        uid, key = (
            arrival.study_instance_uid,
            (
                arrival.study_instance_uid,
                arrival.series_instance_uid,
            ),
        )
        differs: list[str] = []
        study = self._studies.get(uid)
        if study is None:
            self._new_studies.add(uid)
            study = self._studies[uid] = arrival.study | {
                "study_instance_uid": uid,
                "site": arrival.origin.site,
                "modalities": "",
                "series_count": 0,
                "instance_count": 0,
                "size": 0,
                "source_ae": arrival.origin.ae_title,
                "first_received_at": arrival.received_at,
            }
        else:
            differs = [
                column
                for column in _CHECKED
                if study[column] and arrival.study[column] not in ("", study[column])
            ]
            # The first instance may be a poor one: fill what it left open. A folded name is never
            # empty, but follows its name.
            for column, value in arrival.study.items():
                if study[column] in ("", "=") and value not in ("", "="):
                    study[column] = value
                    self._filled_studies.add(uid)
        row = self._series.get(key)
        if row is None:
            self._new_series.add(key)
            row = self._series[key] = arrival.series | {
                "study_instance_uid": uid,
                "series_instance_uid": arrival.series_instance_uid,
                "site": arrival.origin.site,
                "instance_count": 0,
            }
            study["series_count"] += 1
            modality = arrival.series["modality"]
            if modality and f"\\{modality}\\" not in study["modalities"]:
                study["modalities"] = (study["modalities"] or "\\") + modality + "\\"
        row["instance_count"] += 1
        study["instance_count"] += 1
        study["size"] += arrival.size
        study["last_received_at"] = arrival.received_at
        if uid not in self._new_studies:
            self._counted_studies.add(uid)
        if key not in self._new_series:
            self._counted_series.add(key)
        return differs

    def _conflict(self, arrival: Arrival, kept: str) -> StoreResult:
        known = select(
            exists().where(
                conflicts.c.sop_instance_uid == arrival.meta.sop_instance_uid,
                conflicts.c.sha256 == arrival.sha256,
            )
        )
        if not self._connection.execute(known).scalar():
            self._rows[_INSERT_CONFLICT].append(
                _origin_columns(arrival)
                | {
                    "sop_instance_uid": arrival.meta.sop_instance_uid,
                    "study_instance_uid": arrival.study_instance_uid,
                    "kept_sha256": kept,
                    "sha256": arrival.sha256,
                    "size": arrival.size,
                    "received_at": arrival.received_at,
                }
            )
            self._change(
                ChangeKind.INSTANCE_CONFLICT,
                arrival,
                {"kept_sha256": kept, "sha256": arrival.sha256},
            )
        return _result(arrival, StoreOutcome.CONFLICT, "other content for a UID we hold")

    def _quarantine(self, arrival: Arrival, reason: QuarantineReason) -> StoreResult:
        known = select(
            exists().where(
                quarantine.c.sha256 == arrival.sha256,
                quarantine.c.reason == reason.value,
                quarantine.c.ae_title == arrival.origin.ae_title,
            )
        )
        if not self._connection.execute(known).scalar():
            self._check_quarantine_size(arrival)
            self._rows[_INSERT_QUARANTINE].append(
                _origin_columns(arrival)
                | {
                    "reason": reason.value,
                    "sop_class_uid": arrival.meta.sop_class_uid,
                    "sop_instance_uid": arrival.meta.sop_instance_uid,
                    "study_instance_uid": arrival.study_instance_uid,
                    "transfer_syntax_uid": arrival.meta.transfer_syntax_uid,
                    "size": arrival.size,
                    "sha256": arrival.sha256,
                    "received_at": arrival.received_at,
                }
            )
            self._change(ChangeKind.INSTANCE_QUARANTINED, arrival, {"reason": reason.value})
        return _result(arrival, StoreOutcome.QUARANTINED, reason.value)

    def _check_quarantine_size(self, arrival: Arrival) -> None:
        held = self._connection.execute(select(func.sum(quarantine.c.size))).scalar() or 0
        coming = sum(row["size"] for row in self._rows[_INSERT_QUARANTINE])
        if held + coming + arrival.size > self._quarantine_bytes:
            if not is_referenced(self._connection, arrival.sha256):
                self._files.remove(arrival.sha256)
            raise OutOfResources("quarantine is full; an administrator must look through it")

    def _change(self, kind: ChangeKind, arrival: Arrival, detail: dict[str, Any]) -> None:
        uids = (
            arrival.study_instance_uid,
            arrival.series_instance_uid,
            arrival.meta.sop_instance_uid,
        )
        site = arrival.origin.site or ""
        detail = {"channel": arrival.origin.channel.value} | detail
        self._changes.append(change_row(kind, arrival.received_at, uids, site, detail))


def _bound(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its keys under the names the updates look for."""
    keys = {"this_study": row["study_instance_uid"]}
    if "series_instance_uid" in row:
        keys["this_series"] = row["series_instance_uid"]
    return row | keys


def _origin_columns(arrival: Arrival) -> dict[str, Any]:
    return {
        "site": arrival.origin.site,
        "ae_title": arrival.origin.ae_title,
        "host": arrival.origin.host,
        "channel": arrival.origin.channel.value,
    }


def _result(arrival: Arrival, outcome: StoreOutcome, reason: str = "") -> StoreResult:
    return StoreResult(
        outcome,
        arrival.meta.sop_class_uid,
        arrival.meta.sop_instance_uid,
        arrival.study_instance_uid,
        reason,
    )
