"""Alembic migrations of the workstation's tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from workstation.database import Database

__all__ = ["upgrade"]


def upgrade(database: Database) -> None:
    """Bring the tables up to date, in one transaction that keeps other processes waiting."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
