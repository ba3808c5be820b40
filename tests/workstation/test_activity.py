"""Starts and stops in the audit log, seen and unseen."""

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.peers import free_ports
from tests.workstation.test_supervisor import wait_for
from workstation import audit
from workstation.activity import FOLDER, active
from workstation.audit import AuditEvent
from workstation.context import Context, open_context
from workstation.roles import SYSTEM
from workstation.settings import Settings
from workstation.supervisor import Part, Supervisor

START, STOP = AuditEvent.APPLICATION_START, AuditEvent.APPLICATION_STOP


def told(context: Context) -> list[tuple[str, str, str, bool]]:
    """Event, part, outcome, and whether the stop was seen, oldest first."""
    rows = audit.list_events(context, SYSTEM, limit=500)
    return [
        (row.event, row.subject["part"], row.outcome, row.subject.get("seen", True))
        for row in reversed(rows)
        if row.event in (START, STOP)
    ]


def files(context: Context) -> list[Path]:
    return sorted((context.settings.data / FOLDER).iterdir())


def test_a_start_and_its_stop_are_told(context: Context) -> None:
    with active(context, "node"):
        assert told(context) == [(START, "node", "success", True)]
        assert len(files(context)) == 1
    assert told(context)[1:] == [(STOP, "node", "success", True)]
    assert files(context) == []
    row = audit.list_events(context, SYSTEM, event=START)[0]
    assert row.codes == ("110100", "110120")
    assert row.subject["process"] == os.getpid()
    assert row.subject["ae_title"] == "HOICHAN"
    assert audit.list_events(context, SYSTEM, event=STOP)[0].codes == ("110100", "110121")
    assert audit.verify(context) is None


def test_a_stop_by_an_error_is_a_failure(context: Context) -> None:
    with pytest.raises(RuntimeError), active(context, "worker"):
        raise RuntimeError
    assert told(context)[-1] == (STOP, "worker", "failure", True)


def test_two_of_a_name_do_not_take_each_other_for_dead(context: Context) -> None:
    with active(context, "worker"), active(context, "worker"):
        assert told(context) == [(START, "worker", "success", True)] * 2
    assert [each[0] for each in told(context)] == [START, START, STOP, STOP]


def work_until_killed(data: Path, working: Any) -> None:
    context = open_context(Settings(data=data))
    with active(context, "node"):
        working.send(True)
        signal.pause()


def test_a_killed_program_is_told_of_once_by_the_next(context: Context) -> None:
    multiprocess = multiprocessing.get_context("spawn")
    here, there = multiprocess.Pipe()
    victim = multiprocess.Process(target=work_until_killed, args=(context.settings.data, there))
    victim.start()
    assert here.poll(120)
    with active(context, "front"):
        assert (STOP, "node", "failure", False) not in told(context), "it still works"
    victim.kill()
    victim.join()
    for _ in range(2):
        with active(context, "front"):
            pass
    assert told(context).count((STOP, "node", "failure", False)) == 1
    unseen = next(row for row in audit.list_events(context, SYSTEM) if "seen" in row.subject)
    assert unseen.subject["process"] == victim.pid
    assert unseen.subject["started_at"]
    assert files(context) == []
    assert audit.verify(context) is None


def test_a_file_that_was_cut_off_keeps_nobody_from_starting(context: Context) -> None:
    folder = context.settings.data / FOLDER
    folder.mkdir(parents=True)
    (folder / "7.json").write_text('{"part": "no')
    with active(context, "node"):
        assert len(files(context)) == 1


def test_what_cannot_be_told_keeps_nobody_from_working(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    (context.settings.data / "run").write_text("no folder can be made here")
    worked = False
    with active(context, "node"):
        worked = True
    assert worked
    assert "the start of node is not in the audit log" in caplog.text


def test_the_parts_of_a_supervisor_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # One that was too slow would be killed, and tell nothing.
    monkeypatch.setattr("workstation.supervisor.STOP_SECONDS", 120.0)
    (port,) = free_ports(1)
    settings = Settings(data=tmp_path / "data", dicom_host="127.0.0.1", dicom_port=port)
    supervisor = Supervisor(settings, [Part("node", "node"), Part("worker", "worker")])
    supervisor.start()
    try:
        assert supervisor.wait_ready(120)
        first = supervisor.states[0].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: supervisor.watch() or supervisor.states[0].restarts == 1)
        assert supervisor.wait_ready(120)
    finally:
        supervisor.end()
    context = open_context(settings)
    try:
        events = told(context)
        assert sorted(events) == sorted(
            [
                (START, "node", "success", True),
                (START, "worker", "success", True),
                (STOP, "node", "failure", False),
                (START, "node", "success", True),
                (STOP, "node", "success", True),
                (STOP, "worker", "success", True),
            ]
        )
        unseen = events.index((STOP, "node", "failure", False))
        assert events[unseen + 1] == (START, "node", "success", True)
        assert audit.verify(context) is None
    finally:
        context.close()
