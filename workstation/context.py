"""What every domain function needs: settings, database, archive, guests, a clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from dicom_node.archive import Archive
from plugins.registry import Registry
from workstation.database import Database
from workstation.settings import Settings

__all__ = ["Context"]


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
