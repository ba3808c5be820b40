"""The migrations give the tables the code expects."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from dicom_node.archive import migrations
from dicom_node.archive.tables import metadata
from tests.factories import open_archive


def test_the_latest_revision_is_the_one_we_look_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.LATEST


@pytest.mark.parametrize("openings", [1, 2])
def test_migrated_tables_are_those_of_the_code(tmp_path: Path, openings: int) -> None:
    for _ in range(openings):
        with open_archive(tmp_path):
            pass
    engine = create_engine(f"sqlite:///{tmp_path / 'index.sqlite'}")
    with engine.connect() as connection:
        assert migrations.is_up_to_date(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
