"""One small network of hospitals, on a clock that tests move."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import create_engine, make_url

from workstation import accounts, migrations, passwords, sites
from workstation.accounts import SYSTEM, Principal, Role
from workstation.context import Context, open_context
from workstation.database import Database
from workstation.settings import Settings

# A PostgreSQL server to run on instead of SQLite (test_postgresql.py starts one).
DATABASE_VARIABLE = "HOICHAN_TEST_DATABASE"
PASSWORD = "bảy con mèo ngủ"

USERS = {
    "requester.a": ("DEMO_A", [Role.REQUESTER]),
    "second.a": ("DEMO_A", [Role.REQUESTER]),
    "technician.a": ("DEMO_A", [Role.TECHNICIAN]),
    "requester.b": ("DEMO_B", [Role.REQUESTER]),
    "technician.b": ("DEMO_B", [Role.TECHNICIAN]),
    "radiologist": ("DEMO_HUB", [Role.RADIOLOGIST]),
    "radiologist.2": ("DEMO_HUB", [Role.RADIOLOGIST]),
    "pathologist": ("DEMO_HUB", [Role.PATHOLOGIST]),
    "coordinator": ("DEMO_HUB", [Role.COORDINATOR]),
    "admin": ("DEMO_HUB", [Role.ADMINISTRATOR]),
    "radiologist.other": ("OTHER_HUB", [Role.RADIOLOGIST]),
    "coordinator.other": ("OTHER_HUB", [Role.COORDINATOR]),
}


class Clock:
    """Stands still unless moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # a Monday, 10:00 in Hà Nội

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture(autouse=True, scope="session")
def _hash_passwords_quickly() -> None:
    """Argon2 is slow on purpose; tests with a dozen users need not wait for it."""
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    passwords._NOBODY = passwords._hasher.hash("nobody has this password")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _new_database() -> str:
    """The URL of a database of one's own on the server of `DATABASE_VARIABLE`; "" without one."""
    server = os.environ.get(DATABASE_VARIABLE, "")
    if not server:
        return ""
    name = f"test_{uuid.uuid4().hex}"
    _on_server(server, f"CREATE DATABASE {name} TEMPLATE {_migrated(server)}")
    return _database_url(server, name)


@cache
def _migrated(server: str) -> str:
    """A database with the tables; copies of it are made in no time."""
    _on_server(server, "CREATE DATABASE migrated")
    database = Database(_database_url(server, "migrated"))
    migrations.upgrade(database)
    database.close()
    return "migrated"


def _drop(url: str) -> None:
    """Hundreds of databases would fill a small disk."""
    server = os.environ[DATABASE_VARIABLE]
    _on_server(server, f"DROP DATABASE {make_url(url).database} WITH (FORCE)")


def _on_server(server: str, command: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(command)
    engine.dispose()


def _database_url(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def make_context(folder: Path, clock: Clock) -> Context:
    """A workstation with four sites and nobody in it yet."""
    settings = Settings(data=folder / "data", minimum_free_bytes=0, database_url=_new_database())
    context = open_context(settings, clock)
    for code, name, tier in (
        ("DEMO_A", "Bệnh viện A", "lower"),
        ("DEMO_B", "Bệnh viện B", "lower"),
        ("DEMO_HUB", "Bệnh viện tuyến trên", "upper"),
        ("OTHER_HUB", "Bệnh viện tuyến trên khác", "upper"),
    ):
        sites.create_site(context, SYSTEM, code=code, name=name, tier=tier)
    return context


def make_people(context: Context) -> dict[str, Principal]:
    """Everyone in `USERS`, all with the password `PASSWORD`."""
    for username, (site, roles) in USERS.items():
        accounts.create_user(
            context,
            SYSTEM,
            username=username,
            name=f"Bác sĩ {username}",
            site=site,
            roles=roles,
            password=PASSWORD,
        )
    return {
        username: replace(accounts.principal_of(context, username), host="192.0.2.7")
        for username in USERS
    }


@pytest.fixture
def context(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    context = make_context(tmp_path, clock)
    yield context
    context.close()
    if context.settings.database_url:
        _drop(context.settings.database_url)


@pytest.fixture
def people(context: Context) -> dict[str, Principal]:
    return make_people(context)
