"""What DICOMweb may show and how it is written down."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from dicom_node.records import Channel, ReadScope
from tests.workstation.web.serving import wait_for
from workstation import access, audit
from workstation.accounts import Principal
from workstation.context import Context
from workstation.database import audit_events
from workstation.web import doorkeeper as module
from workstation.web.doorkeeper import AccessLog, Doorkeeper


def scope_of(principal: Principal) -> dict[str, Any]:
    return {"type": "http", "state": {"principal": principal}}


@pytest.fixture
def log(context: Context, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.05)
    log = AccessLog(context)
    yield log
    log.close()


def rows(context: Context) -> list[tuple[str, str, dict[str, Any]]]:
    wanted = (audit.AuditEvent.INSTANCES_ACCESSED, audit.AuditEvent.QUERY)
    query = (
        select(audit_events.c.event, audit_events.c.actor, audit_events.c.subject)
        .where(audit_events.c.event.in_([str(event) for event in wanted]))
        .order_by(audit_events.c.sequence)
    )
    with context.database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_the_rule_is_asked_once_a_request_and_again_after_a_change(
    context: Context,
    people: dict[str, Principal],
    log: AccessLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MEMORY_SECONDS", 600.0)
    asked = []
    rule = access.read_scope

    def counted(*arguments: Any) -> ReadScope:
        asked.append(arguments)
        return rule(*arguments)

    monkeypatch.setattr(access, "read_scope", counted)
    doorkeeper = Doorkeeper(context, log)
    scope = scope_of(people["requester.a"])
    for _ in range(5):
        assert doorkeeper.read_scope(scope) == ReadScope(sites=frozenset({"DEMO_A"}))
    assert len(asked) == 1
    doorkeeper.read_scope(scope_of(people["requester.a"]))
    assert len(asked) == 1, "soon after, another request need not ask"
    assert doorkeeper.read_scope(scope_of(people["requester.b"])).sites == {"DEMO_B"}
    doorkeeper.forget()
    doorkeeper.read_scope(scope_of(people["requester.a"]))
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("username", "site"),
    [
        ("requester.a", "DEMO_A"),
        ("technician.b", "DEMO_B"),
        ("radiologist", None),
        ("coordinator", None),
        ("admin", None),
    ],
)
def test_who_may_store(
    context: Context,
    people: dict[str, Principal],
    log: AccessLog,
    username: str,
    site: str | None,
) -> None:
    origin = Doorkeeper(context, log).store_origin(scope_of(people[username]))
    if site is None:
        assert origin is None
    else:
        assert origin is not None
        assert (origin.site, origin.channel) == (site, Channel.STOW)


def test_three_hundred_frames_are_two_rows_and_every_reader_is_named(
    context: Context, people: dict[str, Principal], log: AccessLog
) -> None:
    doorkeeper = Doorkeeper(context, log)
    doorkeeper.accessed(scope_of(people["radiologist"]), "frames", "1.2.3", 1)
    wait_for(lambda: len(rows(context)) == 1)
    for _ in range(299):
        doorkeeper.accessed(scope_of(people["radiologist"]), "frames", "1.2.3", 1)
    doorkeeper.accessed(scope_of(people["requester.a"]), "query", "", 7)
    wait_for(lambda: len(rows(context)) == 2)
    time.sleep(0.2)
    assert len(rows(context)) == 2, "the other frames are still being counted"
    log.close()
    assert [(event, actor, subject["count"]) for event, actor, subject in rows(context)] == [
        ("instances accessed", "radiologist", 1),
        ("query", "requester.a", 7),
        ("instances accessed", "radiologist", 299),
    ]
    assert rows(context)[0][2] == {"what": "frames", "study_instance_uid": "1.2.3", "count": 1}
    assert audit.verify(context) is None


def test_a_database_that_cannot_be_written_loses_no_access(
    context: Context,
    people: dict[str, Principal],
    log: AccessLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sqlalchemy.exc import OperationalError

    begin: Callable[..., Any] = type(context.database).begin
    broken = threading.Event()
    broken.set()
    tried = threading.Event()

    def sometimes(self: Any) -> Any:
        if broken.is_set():
            tried.set()
            raise OperationalError("insert", {}, Exception("database or disk is full"))
        return begin(self)

    monkeypatch.setattr(type(context.database), "begin", sometimes)
    Doorkeeper(context, log).accessed(scope_of(people["radiologist"]), "frames", "1.2.3", 5)
    assert tried.wait(60)
    broken.clear()
    wait_for(lambda: len(rows(context)) == 1)
    assert rows(context)[0][2]["count"] == 5
