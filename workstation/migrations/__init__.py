"""Alembic migrations of the workstation's tables.

Alembic is imported only when there is something to do: it would cost every start, and weigh on
every process for as long as it lives.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from workstation.database import Database

__all__ = ["latest", "upgrade"]

FOLDER = Path(__file__).parent


def latest() -> str:
    """The last of the ``versions``, which are numbered in the order they are run."""
    return max(path.name.partition("_")[0] for path in FOLDER.glob("versions/[0-9]*.py"))


def upgrade(database: Database) -> None:
    """Bring the tables up to date, in one transaction that keeps other processes waiting."""
    with database.begin() as connection:
        if not _is_up_to_date(connection):
            _run(connection)


def _is_up_to_date(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return bool(found == latest())


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
