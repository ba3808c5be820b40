"""Migrations make the tables the code knows; writers wait for each other."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from tests.workstation.conftest import Clock, make_context
from workstation import migrations
from workstation.context import Context, open_context
from workstation.database import Database, counters, metadata


def test_migrations_make_exactly_the_tables_of_the_code(context: Context) -> None:
    with context.database.read() as connection:
        migration = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(migration, metadata) == []


def test_opening_again_changes_nothing(tmp_path: Path, clock: Clock) -> None:
    first = make_context(tmp_path, clock)
    secret = first.secret("session")
    first.close()
    again = open_context(first.settings, clock)
    try:
        assert again.secret("session") == secret
        assert again.secret("other") != secret
        with again.database.read() as connection:
            assert connection.scalar(select(func.count()).select_from(text("sites"))) == 4
    finally:
        again.close()


def test_nobody_else_on_the_machine_reads_our_folder(context: Context) -> None:
    assert context.settings.data.stat().st_mode & 0o007 == 0


def test_errors_quote_no_values(context: Context) -> None:
    wanted = text("SELECT name FROM nowhere WHERE name = :name")
    with pytest.raises(SQLAlchemyError) as refused, context.database.read() as connection:
        connection.execute(wanted, {"name": "NGUYEN^VAN^AN"})
    assert "NGUYEN" not in str(refused.value)


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from workstation.settings import Settings; "
        "from workstation.context import open_context; "
        "print(open_context(Settings(data=Path(sys.argv[1]))).secret('session').hex())"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "data")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], answers
    assert len({answer[0].strip() for answer in answers}) == 1


def test_read_decide_and_write_is_nobody_elses_turn(context: Context) -> None:
    with context.database.begin() as connection:
        connection.execute(insert(counters).values(name="x", value=0))

    def count(_: int) -> None:
        with context.database.begin() as connection:
            value = connection.scalar(select(counters.c.value).where(counters.c.name == "x"))
            connection.execute(
                counters.update().where(counters.c.name == "x").values(value=(value or 0) + 1)
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(40)))
    with context.database.read() as connection:
        assert connection.scalar(select(counters.c.value).where(counters.c.name == "x")) == 40


def test_sqlite_survives_a_power_cut(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/x.sqlite")
    migrations.upgrade(database)
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()
