"""The one way to the workstation's database, and how it is kept from losing anything.

SQLite runs in WAL mode with ``synchronous=FULL``: what was committed survives a power cut. On
both SQLite and PostgreSQL one writer works at a time, so that a transaction may read, decide and
write without anyone between (docs/decisions/0009-one-writer.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

__all__ = ["Database"]

# Any number, the same in every process: the name of our one write lock on PostgreSQL.
WRITE_LOCK = 0x40C4A


class Database:
    """An engine with our pragmas. ``with database.begin() as connection`` is a transaction."""

    def __init__(self, url: str | URL) -> None:
        # One connection for each thread of the web server's pool, and some to spare.
        self.engine: Engine = create_engine(
            url,
            pool_size=20,
            max_overflow=40,
            pool_pre_ping=True,
            hide_parameters=True,  # they hold patients' names, and errors quote them in the log
        )
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _set_pragmas)
            event.listen(self.engine, "begin", _begin_immediate_if_writing)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: takes the write lock at once, so it never fails half-way."""
        writer = self.engine.connect().execution_options(writing=True)
        with writer as connection, connection.begin():
            if self.engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot for all that is read in it."""
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def _set_pragmas(dbapi_connection: Any, _record: Any) -> None:
    # We issue BEGIN ourselves (below); the driver must not.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=15000")
    cursor.close()


def _begin_immediate_if_writing(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
