"""The chain holds, and says where it was broken."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from workstation import audit
from workstation.accounts import Principal
from workstation.audit import AuditEvent
from workstation.context import Context
from workstation.database import audit_events

EXPERT = Principal("radiologist", "Bác sĩ", "DEMO_HUB", frozenset())


def write(context: Context, count: int) -> None:
    for number in range(count):
        with context.database.begin() as connection:
            audit.record(
                connection, AuditEvent.QUERY, EXPERT, at=context.clock(), number=number, nơi="Huế"
            )


def tamper(context: Context, statement: str) -> None:
    """Change rows as someone with the database file in hand would: without our triggers."""
    with context.database.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE audit_events DISABLE TRIGGER USER")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_events_no_update")
            connection.exec_driver_sql("DROP TRIGGER audit_events_no_delete")
        connection.exec_driver_sql(statement)


def test_an_untouched_log_is_whole(context: Context) -> None:
    write(context, 5)
    assert audit.verify(context) is None


def test_an_event_vanishes_with_the_act_it_tells_of(context: Context) -> None:
    with context.database.read() as connection:
        before = audit.head(connection)

    def fail() -> None:
        with context.database.begin() as connection:
            audit.record(connection, AuditEvent.QUERY, EXPERT, at=context.clock())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with context.database.read() as connection:
        assert audit.head(connection) == before


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_events SET actor = 'x'", "DELETE FROM audit_events"],
)
def test_the_database_refuses_to_change_the_past(context: Context, statement: str) -> None:
    write(context, 2)
    with pytest.raises(DBAPIError, match="append-only"), context.database.begin() as connection:
        connection.exec_driver_sql(statement)
    assert audit.verify(context) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_events SET actor = 'somebody.else' WHERE sequence = {row}",
        "UPDATE audit_events SET at = '2020' WHERE sequence = {row}",
        "UPDATE audit_events SET subject = '{{}}' WHERE sequence = {row}",
        "UPDATE audit_events SET outcome = 'failure' WHERE sequence = {row}",
        "DELETE FROM audit_events WHERE sequence = {row}",
        "DELETE FROM audit_events WHERE sequence >= {row}",
        "UPDATE audit_events SET previous_hash = 'x' WHERE sequence = {row}",
    ],
)
def test_the_first_broken_row_is_named(context: Context, change: str) -> None:
    write(context, 9)
    with context.database.read() as connection:
        last, _ = audit.head(connection)
    row = last - 4
    tamper(context, change.format(row=row))
    broken = audit.verify(context)
    assert broken is not None
    assert broken.sequence == row


def test_a_row_rewritten_with_a_fresh_hash_breaks_the_next(context: Context) -> None:
    write(context, 5)
    with context.database.read() as connection:
        last, _ = audit.head(connection)
        row: Any = connection.execute(
            select(audit_events).where(audit_events.c.sequence == last - 2)
        ).one()
    values = {key: value for key, value in row._mapping.items() if key != "row_hash"}
    values["actor"] = "somebody.else"
    forged = audit._hash(values)
    tamper(
        context,
        f"UPDATE audit_events SET actor = 'somebody.else', row_hash = '{forged}' "
        f"WHERE sequence = {last - 2}",
    )
    broken = audit.verify(context)
    assert broken is not None
    assert broken.sequence == last - 1


def test_many_writers_make_one_chain(context: Context) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(context, 5), range(8)))
    assert audit.verify(context) is None
    with context.database.read() as connection:
        actors = connection.scalars(
            select(audit_events.c.actor).where(audit_events.c.actor == "radiologist")
        ).all()
    assert len(actors) == 40


def test_subjects_survive_as_they_were(context: Context) -> None:
    write(context, 1)
    with context.database.read() as connection:
        last, _ = audit.head(connection)
        subject = connection.scalar(
            select(audit_events.c.subject).where(audit_events.c.sequence == last)
        )
    assert json.dumps(subject, sort_keys=True, ensure_ascii=False) == '{"number": 0, "nơi": "Huế"}'
