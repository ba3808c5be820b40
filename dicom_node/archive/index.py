"""What we hold, in SQL: opens and migrates the index, and answers every read of it.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit that returned survives a power cut.
Writers come one after the other, also across processes, so a change's number tells its order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    create_engine,
    event,
    func,
    select,
    text,
)

from dicom_node.archive.files import FileStore
from dicom_node.archive.migrations import is_up_to_date, upgrade
from dicom_node.archive.query import (
    INSTANCE_KEYS,
    SERIES_KEYS,
    STUDY_KEYS,
    Query,
    condition,
    in_scope,
)
from dicom_node.archive.tables import headers, instances, series, studies
from dicom_node.records import InstanceRecord, ReadScope, SeriesRecord, StudyRecord

__all__ = ["Index"]

# Any number; it names our lock among a PostgreSQL server's advisory locks.
_ADVISORY_LOCK = 4_851_094


class Index:
    """The index of one archive. Safe for many threads and processes.

    Parameters
    ----------
    url : str
        SQLAlchemy URL.
    files : FileStore
        Turns hashes into paths, and keeps other processes out while we migrate.
    """

    def __init__(self, url: str, files: FileStore) -> None:
        self._files = files
        # Parameters hold patient data; a text of an error that quotes them gets into logs.
        self._writer = create_engine(url, hide_parameters=True)
        self._reader = create_engine(
            url, isolation_level="AUTOCOMMIT", pool_size=16, hide_parameters=True
        )
        self._is_sqlite = self._writer.dialect.name == "sqlite"
        if self._is_sqlite:
            event.listen(self._reader, "connect", _set_pragmas)
            event.listen(self._writer, "connect", _set_pragmas)
            event.listen(self._writer, "connect", _leave_transactions_to_us)
            event.listen(self._writer, "begin", _begin_immediate)
        with files.exclusive(), self._writer.begin() as connection:
            if not is_up_to_date(connection):
                upgrade(connection)

    def close(self) -> None:
        for engine in (self._reader, self._writer):
            engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, the only writing one anywhere; durable when the block has ended."""
        with self._writer.connect() as connection, self.transaction(connection):
            yield connection

    def connect(self) -> Connection:
        """Return a connection for `transaction`, to be kept and closed by the caller."""
        return self._writer.connect()

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        """Like `writing`, on a connection of the caller's."""
        with connection.begin():
            if not self._is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            yield

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection whose every statement sees what is committed."""
        with self._reader.connect() as connection:
            yield connection

    def studies(self, query: Query, scope: ReadScope) -> list[StudyRecord]:
        """Return matching studies, latest first."""
        statement = (
            select(studies)
            .where(self._visible_studies(query, scope))
            .order_by(
                studies.c.study_date.desc(),
                studies.c.study_time.desc(),
                studies.c.study_instance_uid,
            )
        )
        return [_study(row) for row in self._rows(statement, query)]

    def count_studies(self, query: Query, scope: ReadScope) -> int:
        """Return how many studies match, whatever the limit."""
        visible = self._visible_studies(query, scope)
        with self.reading() as connection:
            return connection.execute(
                select(func.count()).select_from(studies).where(visible)
            ).scalar_one()

    def series(self, query: Query, scope: ReadScope) -> list[SeriesRecord]:
        """Return matching series in the order of their numbers."""
        statement = (
            select(series)
            .join(studies, studies.c.study_instance_uid == series.c.study_instance_uid)
            .where(
                in_scope(scope, series.c.site, series.c.study_instance_uid),
                condition(query, SERIES_KEYS),
            )
            .order_by(
                series.c.study_instance_uid, series.c.series_order, series.c.series_instance_uid
            )
        )
        return [_series(row) for row in self._rows(statement, query)]

    def instances(self, query: Query, scope: ReadScope) -> list[InstanceRecord]:
        """Return matching instances in the order of their series and numbers."""
        return [self._instance(row) for row in self._rows(self._instances(query, scope), query)]

    def headers(
        self, query: Query, scope: ReadScope
    ) -> Iterator[tuple[InstanceRecord, bytes, bytes]]:
        """Yield record, packed header and packed frame table of matching instances."""
        statement = (
            self._instances(query, scope)
            .join(headers, headers.c.sop_instance_uid == instances.c.sop_instance_uid)
            .add_columns(headers.c.dicom_json, headers.c.frames)
        )
        for row in self._rows(statement, query):
            yield self._instance(row), row["dicom_json"], row["frames"]

    def _visible_studies(self, query: Query, scope: ReadScope) -> ColumnElement[bool]:
        visible = in_scope(scope, studies.c.site, studies.c.study_instance_uid)
        return visible & condition(query, STUDY_KEYS)

    def _instances(self, query: Query, scope: ReadScope) -> Select[Any]:
        return (
            select(instances)
            .join(studies, studies.c.study_instance_uid == instances.c.study_instance_uid)
            .join(
                series,
                (series.c.study_instance_uid == instances.c.study_instance_uid)
                & (series.c.series_instance_uid == instances.c.series_instance_uid),
            )
            .where(
                in_scope(scope, instances.c.site, instances.c.study_instance_uid),
                condition(query, INSTANCE_KEYS),
            )
            .order_by(
                instances.c.study_instance_uid,
                series.c.series_order,
                instances.c.series_instance_uid,
                instances.c.instance_order,
                instances.c.sop_instance_uid,
            )
        )

    def _rows(self, statement: Select[Any], query: Query) -> list[RowMapping]:
        if query.limit is not None:
            statement = statement.limit(query.limit)
        elif query.offset and self._is_sqlite:
            statement = statement.limit(-1)  # SQLite knows OFFSET only behind LIMIT
        if query.offset:
            statement = statement.offset(query.offset)
        with self.reading() as connection:
            return list(connection.execute(statement).mappings())

    def _instance(self, row: RowMapping) -> InstanceRecord:
        return InstanceRecord(
            sop_instance_uid=row["sop_instance_uid"],
            sop_class_uid=row["sop_class_uid"],
            series_instance_uid=row["series_instance_uid"],
            study_instance_uid=row["study_instance_uid"],
            site=row["site"],
            instance_number=row["instance_number"],
            rows=row["rows"],
            columns=row["columns"],
            number_of_frames=row["number_of_frames"],
            transfer_syntax_uid=row["transfer_syntax_uid"],
            size=row["size"],
            sha256=row["sha256"],
            path=self._files.path(row["sha256"]),
            source_ae=row["source_ae"],
            received_at=row["received_at"],
        )


def _study(row: RowMapping) -> StudyRecord:
    values = {name: row[name] for name in StudyRecord.__dataclass_fields__ if name != "modalities"}
    return StudyRecord(modalities=tuple(row["modalities"].strip("\\").split("\\")), **values)


def _series(row: RowMapping) -> SeriesRecord:
    return SeriesRecord(**{name: row[name] for name in SeriesRecord.__dataclass_fields__})


def _set_pragmas(dbapi_connection: Any, _record: Any) -> None:
    cursor = dbapi_connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    # A checkpoint syncs twice: let four times the usual 1000 pages come together.
    cursor.execute("PRAGMA wal_autocheckpoint=4000")
    cursor.execute("PRAGMA case_sensitive_like=ON")  # as everywhere else; lets LIKE use indexes
    cursor.close()


def _leave_transactions_to_us(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    # The write lock at once: a transaction never fails half-way because another one wrote.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
