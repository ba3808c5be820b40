"""What every domain function needs: settings, database, archive, guests, a clock."""

import secrets
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import URL, insert, select

from dicom_node.archive import Archive, ArchiveSettings
from plugins.registry import Registry
from workstation import migrations
from workstation.database import Database
from workstation.database import secrets as secrets_table
from workstation.settings import Settings

__all__ = ["Context", "open_context", "utc_now"]


# How many things `Context.is_time` remembers before it begins anew.
MEMORY = 10_000


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """The parts of one running workstation; made once per process by `open_context`."""

    settings: Settings
    database: Database
    archive: Archive
    plugins: Registry
    clock: Callable[[], datetime] = utc_now
    _secrets: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    _last: dict[Hashable, datetime] = field(default_factory=dict, repr=False, compare=False)

    def secret(self, name: str) -> bytes:
        """32 random bytes under that name, the same in every process of this installation."""
        if name not in self._secrets:
            self._secrets[name] = _secret(self.database, name)
        return self._secrets[name]

    def is_time(self, what: Hashable, every: timedelta) -> bool:
        """Whether `what` was not done in this process for so long; if so, it is done now."""
        now = self.clock()
        if what in self._last and now - self._last[what] < every:
            return False
        if len(self._last) >= MEMORY:
            self._last.clear()
        self._last[what] = now
        return True

    def close(self) -> None:
        self.archive.close()
        self.database.close()


def open_context(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Context:
    """Open database and archive of `settings.data`, bring their tables up to date, find guests.

    Several processes may do so at the same moment; one of them migrates, the others wait.
    """
    # Patients' data and our secrets: for nobody else on this machine.
    settings.data.mkdir(mode=0o750, parents=True, exist_ok=True)
    embedded = URL.create("sqlite", database=str(settings.data / "workstation.sqlite"))
    database = Database(settings.database_url or embedded)
    migrations.upgrade(database)
    archive = Archive.open(
        ArchiveSettings(
            folder=settings.data / "archive",
            index_url=settings.index_url,
            minimum_free_bytes=settings.minimum_free_bytes,
        )
    )
    return Context(settings, database, archive, Registry.load(settings.plugins_dir), clock)


def _secret(database: Database, name: str) -> bytes:
    wanted = select(secrets_table.c.value).where(secrets_table.c.name == name)
    with database.read() as connection:
        value = connection.scalar(wanted)
    if value is None:
        with database.begin() as connection:
            value = connection.scalar(wanted)  # another process may have been quicker
            if value is None:
                value = secrets.token_bytes(32)
                connection.execute(insert(secrets_table).values(name=name, value=value))
    return bytes(value)
