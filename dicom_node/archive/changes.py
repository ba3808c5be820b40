"""What happened, numbered. Readers keep their own cursor and ask for what came after it.

A number is visible only when every smaller one is: writers commit one after the other.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from dicom_node.archive.tables import changes
from dicom_node.records import Change, ChangeKind

__all__ = ["change_row", "changes_after", "last_change", "record_changes"]

_INSERT = insert(changes)


def change_row(
    kind: ChangeKind,
    at: datetime,
    uids: tuple[str, str, str],
    site: str,
    detail: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a row for `record_changes`; `uids` are those of study, series and instance."""
    study, series, instance = uids
    return {
        "kind": kind.value,
        "at": at,
        "study_instance_uid": study,
        "series_instance_uid": series,
        "sop_instance_uid": instance,
        "site": site,
        "detail": dict(detail),
    }


def record_changes(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append to the log, in the caller's transaction."""
    connection.execute(_INSERT, list(rows))


def changes_after(connection: Connection, after: int, limit: int) -> list[Change]:
    """Return the oldest `limit` changes numbered above `after`."""
    statement = (
        select(changes).where(changes.c.number > after).order_by(changes.c.number).limit(limit)
    )
    return [
        Change(
            row["number"],
            ChangeKind(row["kind"]),
            row["at"],
            row["study_instance_uid"],
            row["series_instance_uid"],
            row["sop_instance_uid"],
            row["site"],
            row["detail"],
        )
        for row in connection.execute(statement).mappings()
    ]


def last_change(connection: Connection) -> int:
    """Return the highest number given, 0 when nothing ever happened."""
    return connection.execute(select(func.max(changes.c.number))).scalar() or 0
