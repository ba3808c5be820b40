"""Rows of the studies being received, kept in memory between transactions.

Every instance of a study needs the rows of its study and series, to count in and to compare with.
They are read once and kept until somebody else writes to the index.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from dicom_node.archive.tables import series, studies

__all__ = ["KnownRows"]

Row = dict[str, Any]

_MOST_STUDIES = 64
_UIDS: BindParameter[Sequence[str]] = bindparam("uids", expanding=True)
_STUDIES_HELD = select(studies).where(studies.c.study_instance_uid.in_(_UIDS))
_SERIES_HELD = select(series).where(series.c.study_instance_uid.in_(_UIDS))


class KnownRows:
    """Studies by Study Instance UID, series by (Study, Series) Instance UID.

    A study that was looked for and is not there is known too, as None.
    """

    def __init__(self) -> None:
        self.studies: dict[str, Row | None] = {}
        self.series: dict[tuple[str, str], Row] = {}
        self._version: int | None = None

    def refresh(self, connection: Connection, wanted: set[str]) -> None:
        """Have the rows of the studies `wanted`, as they are in the open transaction.

        On SQLite, ``data_version`` changes when another connection has committed; elsewhere
        nothing tells, and every transaction reads anew.
        """
        version = None
        if connection.dialect.name == "sqlite":
            # Past SQLAlchemy: asked at every commit, and fifteen times faster so.
            driver: Any = connection.connection.driver_connection
            version = driver.execute("PRAGMA data_version").fetchone()[0]
        if version is None or version != self._version or len(self.studies) > _MOST_STUDIES:
            self.forget()
            self._version = version
        missing = {"uids": [uid for uid in wanted if uid not in self.studies]}
        if not missing["uids"]:
            return
        self.studies |= dict.fromkeys(missing["uids"])
        for row in connection.execute(_STUDIES_HELD, missing).mappings():
            self.studies[row["study_instance_uid"]] = dict(row)
        for row in connection.execute(_SERIES_HELD, missing).mappings():
            self.series[row["study_instance_uid"], row["series_instance_uid"]] = dict(row)

    def forget(self) -> None:
        """Know nothing any more: after a failed transaction the rows count what was not stored."""
        self.studies.clear()
        self.series.clear()
        self._version = None
