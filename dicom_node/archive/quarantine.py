"""What is kept apart: instances in quarantine, and bytes in conflict with what we hold."""

from sqlalchemy import Connection, RowMapping, delete, func, select

from dicom_node.archive.files import FileStore
from dicom_node.archive.ingest import is_referenced
from dicom_node.archive.tables import conflicts, quarantine
from dicom_node.errors import NotFound
from dicom_node.records import (
    Channel,
    ConflictRecord,
    Origin,
    QuarantineReason,
    QuarantineRecord,
)

__all__ = [
    "count_quarantined",
    "discard",
    "find",
    "forget",
    "list_conflicts",
    "list_quarantined",
]


def list_quarantined(
    connection: Connection, files: FileStore, limit: int, offset: int
) -> list[QuarantineRecord]:
    """Return what is in quarantine, latest first."""
    statement = select(quarantine).order_by(quarantine.c.id.desc()).limit(limit).offset(offset)
    return [_quarantined(row, files) for row in connection.execute(statement).mappings()]


def count_quarantined(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(quarantine)).scalar_one()


def list_conflicts(
    connection: Connection, files: FileStore, limit: int, offset: int
) -> list[ConflictRecord]:
    """Return the conflicts, latest first."""
    statement = select(conflicts).order_by(conflicts.c.id.desc()).limit(limit).offset(offset)
    return [
        ConflictRecord(
            row["id"],
            row["sop_instance_uid"],
            row["study_instance_uid"],
            row["kept_sha256"],
            _origin(row),
            row["size"],
            files.path(row["sha256"]),
            row["received_at"],
        )
        for row in connection.execute(statement).mappings()
    ]


def find(
    connection: Connection, files: FileStore, quarantine_id: int
) -> tuple[QuarantineRecord, str]:
    """Return a quarantined instance and its SHA-256. Raises NotFound."""
    statement = select(quarantine).where(quarantine.c.id == quarantine_id)
    row = connection.execute(statement).mappings().first()
    if row is None:
        raise NotFound(f"quarantine holds nothing numbered {quarantine_id}")
    return _quarantined(row, files), row["sha256"]


def forget(connection: Connection, quarantine_id: int) -> None:
    """Drop the row; the content stays for whoever else needs it."""
    connection.execute(delete(quarantine).where(quarantine.c.id == quarantine_id))


def discard(connection: Connection, files: FileStore, quarantine_id: int) -> None:
    """Drop the row and, when nothing else needs it, the content. Raises NotFound.

    Runs within a writing transaction: a store of the same content commits before us, and is seen
    by `is_referenced`, or after us, and notices that its file went away.
    """
    _, sha256 = find(connection, files, quarantine_id)
    forget(connection, quarantine_id)
    if not is_referenced(connection, sha256):
        files.remove(sha256)


def _quarantined(row: RowMapping, files: FileStore) -> QuarantineRecord:
    return QuarantineRecord(
        id=row["id"],
        reason=QuarantineReason(row["reason"]),
        sop_class_uid=row["sop_class_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        study_instance_uid=row["study_instance_uid"],
        origin=_origin(row),
        transfer_syntax_uid=row["transfer_syntax_uid"],
        size=row["size"],
        path=files.path(row["sha256"]),
        received_at=row["received_at"],
    )


def _origin(row: RowMapping) -> Origin:
    return Origin(row["site"], row["ae_title"], row["host"], Channel(row["channel"]))
