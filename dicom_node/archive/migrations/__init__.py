"""Migrations of the index, run by Alembic.

Alembic is imported only when there is something to do: it costs every start half a second.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

__all__ = ["LATEST", "is_up_to_date", "upgrade"]

# The last module in ``versions``; a test holds it to that.
LATEST = "0001"


def is_up_to_date(connection: Connection) -> bool:
    """True when the index has the latest tables."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return bool(found == LATEST)


def upgrade(connection: Connection) -> None:
    """Run what is missing, in the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
