"""Analyses are computed apart, quickly again, and take nobody with them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from plugins.contributions import Analysis
from plugins.registry import Registry
from tests.conftest import REPOSITORY
from tests.workstation.cases import request
from tests.workstation.conftest import make_context, make_people
from tests.workstation.results import (
    BRIGHT,
    all_computed,
    bright_series,
    lone_work,
    only_lone_files,
    row,
    send,
    shared_result,
    with_guest,
)
from workstation.accounts import Principal
from workstation.consult import case as cases
from workstation.consult import results
from workstation.consult.intake import complete_quiet_series, complete_quiet_studies, take_in
from workstation.consult.result_runs import due_work, free_results
from workstation.consult.rows import CaseRecord
from workstation.context import Context, open_context
from workstation.database import results as table
from workstation.database import series_arrivals
from workstation.jobs import benches as bench_pool
from workstation.jobs.benches import Benches

People = dict[str, Principal]


@pytest.fixture
def context(tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    monkeypatch.setattr(Registry, "load", only_lone_files)
    monkeypatch.setattr(bench_pool, "work", lone_work)
    made = make_context(tmp_path, clock)
    settings = replace(made.settings, plugins_dir=with_guest(tmp_path / "guests"), benches=1)
    made.close()
    context = open_context(settings, clock)
    yield context
    context.close()


@pytest.fixture
def benches(context: Context) -> Iterator[Benches]:
    benches = Benches(context, threading.Event())
    yield benches
    benches.close()


@pytest.fixture
def people(context: Context) -> People:
    return make_people(context)


def rows(context: Context) -> list[Any]:
    with context.database.read() as connection:
        return list(connection.execute(select(table).order_by(table.c.wanted_at)))


def value(one: Any) -> float:
    return float(one.content["values"][0]["value"])


def arrived(context: Context, clock: Any, **attributes: Any) -> str:
    """A head series has come in and gone quiet; the rest of the study has not."""
    study = send(context, bright_series(**attributes))
    take_in(context)
    clock.move(seconds=context.settings.series_quiet_seconds + 0.1)
    assert complete_quiet_series(context)
    return study.study_instance_uid


@pytest.fixture
def case(context: Context, people: People, clock: Any, benches: Benches) -> CaseRecord:
    """A case being read, its result computed."""
    study = send(context, bright_series())
    made = cases.create(context, people["requester.a"], request(study, priority="P1"), submit=True)
    take_in(context)
    clock.move(seconds=context.settings.quiet_seconds + 1)
    complete_quiet_studies(context)
    all_computed(context, benches)
    return cases.start_reading(context, people["radiologist"], made.id)


def edited(context: Context, people: People, case: CaseRecord, **parameters: Any) -> Any:
    """The reader turns the guest's parameters; the row that is due."""
    reader = people["radiologist"]
    (view,) = results.list_results(context, reader, case.id).items
    record = view.record
    edits = {"parameters": parameters}
    made = results.edit(context, reader, case.id, record.id, edits, record.revision)
    return made.record


def test_a_head_series_is_computed_while_the_rest_of_its_study_arrives(
    context: Context, clock: Any, benches: Benches
) -> None:
    head = bright_series(4)
    study = send(context, head)
    take_in(context)
    assert complete_quiet_series(context) == []  # not quiet yet
    clock.move(seconds=context.settings.series_quiet_seconds + 0.1)
    rest = bright_series(2, StudyInstanceUID=study.study_instance_uid, SeriesDescription="BONE")
    send(context, rest[:1])
    take_in(context)
    assert complete_quiet_series(context) == [head[0].SeriesInstanceUID]

    all_computed(context, benches)

    (one,) = rows(context)
    assert (one.state, one.case_id, one.error) == ("computed", None, None)
    assert value(one) == 4 * BRIGHT
    with context.database.read() as connection:
        still = list(connection.scalars(select(series_arrivals.c.series_instance_uid)))
    assert still == [rest[0].SeriesInstanceUID]
    # the rest changes nothing of what was computed
    clock.move(seconds=context.settings.quiet_seconds + 1)
    assert complete_quiet_series(context)
    complete_quiet_studies(context)
    all_computed(context, benches)
    assert [again.revision for again in rows(context)] == [1]


def test_a_series_still_coming_in_is_waited_for(
    context: Context, clock: Any, benches: Benches
) -> None:
    head = bright_series(4)
    other = bright_series(
        1, StudyInstanceUID=head[0].StudyInstanceUID, SeriesDescription="LOCALIZER"
    )
    send(context, other)
    take_in(context)
    clock.move(seconds=context.settings.series_quiet_seconds + 0.1)
    send(context, head[:3])
    take_in(context)
    complete_quiet_series(context)  # the localizer alone
    all_computed(context, benches)
    assert rows(context) == []

    send(context, head[3:])
    take_in(context)
    clock.move(seconds=context.settings.series_quiet_seconds + 0.1)
    complete_quiet_series(context)
    all_computed(context, benches)
    assert [value(one) for one in rows(context)] == [4 * BRIGHT]


def test_late_slices_make_the_result_due_again(
    context: Context, clock: Any, benches: Benches
) -> None:
    head = bright_series(4)
    send(context, head[:3])
    take_in(context)
    clock.move(seconds=3)
    complete_quiet_series(context)
    all_computed(context, benches)
    assert [value(one) for one in rows(context)] == [3 * BRIGHT]

    send(context, head[3:])
    take_in(context)
    clock.move(seconds=3)
    complete_quiet_series(context)
    all_computed(context, benches)
    (one,) = rows(context)
    assert (value(one), one.revision, one.content_revision) == (4 * BRIGHT, 2, 2)


def test_a_study_without_a_subject_has_no_result(
    context: Context, clock: Any, benches: Benches
) -> None:
    arrived(context, clock, SeriesDescription="CHEST")
    all_computed(context, benches)
    assert rows(context) == []
    assert due_work(context) == []


def test_a_guest_that_dies_of_the_question_is_left_out(
    context: Context, clock: Any, benches: Benches
) -> None:
    arrived(context, clock, SeriesDescription="HEAD DEADLY")
    all_computed(context, benches)
    assert rows(context) == []
    arrived(context, clock)
    all_computed(context, benches)
    assert [one.state for one in rows(context)] == ["computed"]


def test_a_correction_is_computed_where_the_study_is_remembered(
    context: Context, people: People, case: CaseRecord, benches: Benches
) -> None:
    shared = rows(context)[0]
    due = edited(context, people, case, level=100.0)
    assert (due.state, due.case_id, due.revision) == ("due", case.id, 2)

    all_computed(context, benches)

    own = row(context, due.id)
    assert (own.state, value(own), own.content_revision) == ("edited", 0, 2)
    assert own.content["detail"]["pid"] == shared.content["detail"]["pid"]
    assert own.content["detail"]["runs"] == shared.content["detail"]["runs"] + 1
    assert row(context, shared.id).content == shared.content


@contextmanager
def deadline(context: Context, seconds: float) -> Iterator[None]:
    """Give the guest another deadline than its own; an analysis is frozen."""
    analysis = context.plugins.get(Analysis, "bright")
    assert analysis is not None
    before = analysis.deadline_seconds
    object.__setattr__(analysis, "deadline_seconds", seconds)
    yield
    object.__setattr__(analysis, "deadline_seconds", before)


@pytest.mark.parametrize(
    ("mode", "vi", "en"),
    [
        ("raise", "gặp lỗi: LookupError: no such thing", "failed: LookupError: no such thing"),
        ("refuse", "Ảnh quá ít.", "Too few images."),
        ("die", "dừng đột ngột (mã -9)", "exit code -9"),
        ("exit", "dừng đột ngột (mã 3)", "exit code 3"),
        ("hang", "sau 5 giây", "within 5 s"),
        ("eat", "Không đủ bộ nhớ", "not enough memory"),
        ("nan", "sai dạng", "cannot be written as JSON"),
        ("flat", "sai dạng", "cannot have the shape (16, 16)"),
    ],
)
def test_a_run_that_fails_is_said_in_both_languages_and_the_next_one_works(
    context: Context,
    people: People,
    case: CaseRecord,
    benches: Benches,
    mode: str,
    vi: str,
    en: str,
) -> None:
    due = edited(context, people, case, mode=mode)
    with deadline(context, 5.0 if mode == "hang" else 60.0):
        all_computed(context, benches)
    failed = row(context, due.id)
    assert failed.state == "failed"
    assert vi in failed.error["vi"]
    assert en in failed.error["en"]
    # what was there before is still shown, and is known to be older
    assert failed.content_revision < failed.revision
    assert value(failed) == 4 * BRIGHT

    edited(context, people, case, level=100.0)
    all_computed(context, benches)
    again = row(context, due.id)
    assert (again.state, value(again), again.error) == ("edited", 0, None)


def wait_for(condition: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_progress_is_seen_and_a_reader_ends_it(
    context: Context, people: People, case: CaseRecord, benches: Benches
) -> None:
    due = edited(context, people, case, mode="report")
    benches.look()
    wait_for(lambda: (row(context, due.id).message or {}).get("en", "").startswith("Step "))
    assert row(context, due.id).progress > 0
    cancelled = results.cancel(context, people["radiologist"], case.id, due.id)
    assert cancelled.record.state == "cancelled"
    wait_for(lambda: benches.look() == 0)
    after = row(context, due.id)
    assert (after.state, after.content_revision) == ("cancelled", 1)

    results.start(context, people["radiologist"], case.id, "bright", after.study_instance_uid)
    edited(context, people, case, level=100.0)
    all_computed(context, benches)
    assert row(context, due.id).state == "edited"


def test_a_newer_correction_overtakes_an_older_one(
    context: Context, people: People, case: CaseRecord, benches: Benches
) -> None:
    pid = rows(context)[0].content["detail"]["pid"]
    due = edited(context, people, case, mode="report")
    benches.look()
    wait_for(lambda: row(context, due.id).state == "running")
    newer = edited(context, people, case, level=100.0)
    assert (newer.id, newer.revision) == (due.id, due.revision + 1)
    all_computed(context, benches)
    own = row(context, due.id)
    assert (own.state, own.content_revision, value(own)) == ("edited", newer.revision, 0)
    assert own.content["detail"]["pid"] == pid  # it ended by itself; nothing was forgotten


def test_a_disk_that_is_full_is_said_and_breaks_nothing_else(
    context: Context, people: People, case: CaseRecord, clock: Any
) -> None:
    settings = replace(context.settings, minimum_free_bytes=1 << 62)
    poor = open_context(settings, clock)
    try:
        due = edited(context, people, case, level=100.0)
        all_computed(poor)
    finally:
        poor.close()
    failed = row(context, due.id)
    assert failed.state == "failed"
    assert "The disk is full" in failed.error["en"]
    (view,) = results.list_results(context, people["radiologist"], case.id).items
    layer = results.find_layer(context, people["radiologist"], view.record.id, "bright")
    assert layer.path.is_file()


def test_a_worker_that_stops_leaves_its_run_to_the_next(
    context: Context, people: People, case: CaseRecord
) -> None:
    due = edited(context, people, case, mode="hang")
    stopping = Benches(context, threading.Event())
    stopping.look()
    wait_for(lambda: row(context, due.id).state == "running")
    stopping.close()
    assert row(context, due.id).state == "due"


WORKER = """
import sys, time
from pathlib import Path
from plugins.contributions import Analysis
from plugins.registry import Registry
from tests.workstation.results import lone_work, only_lone_files
from workstation.context import open_context
from workstation.jobs import benches
from workstation.settings import Settings
import threading

def computed(*_):
    print("computed", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    Registry.load = only_lone_files
    benches.work = lone_work
    benches.record_computed = computed
    context = open_context(
        Settings(data=Path(sys.argv[1]), plugins_dir=Path(sys.argv[2]), minimum_free_bytes=0)
    )
    benches.run_benches(context, threading.Event())
"""


def test_kill_9_between_computing_and_recording_loses_nothing(
    context: Context, people: People, case: CaseRecord, tmp_path: Path, benches: Benches
) -> None:
    if context.settings.database_url:
        pytest.skip("the child opens the embedded database")
    due = edited(context, people, case, level=100.0)
    program = tmp_path / "worker.py"
    program.write_text(WORKER)
    worker = subprocess.Popen(
        [sys.executable, str(program), str(context.settings.data), str(tmp_path / "guests")],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline().strip() == "computed"
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        stuck = row(context, due.id)
        assert (stuck.state, stuck.content_revision) == ("running", 1)
        assert due_work(context) == []  # leased still
        free_results(context)
        all_computed(context, benches)
        again = row(context, due.id)
        assert (again.state, value(again)) == ("edited", 0)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)


def test_the_lease_of_a_lost_worker_ends(
    context: Context, people: People, case: CaseRecord, clock: Any, benches: Benches
) -> None:
    due = edited(context, people, case, level=100.0)
    with context.database.begin() as connection:
        connection.execute(
            update(table).where(table.c.id == due.id).values(state="running", leased_until=clock())
        )
    assert due_work(context) == []
    clock.move(seconds=1)
    all_computed(context, benches)
    assert row(context, due.id).state == "edited"


def test_emergencies_come_first_and_readers_before_arrivals(
    context: Context, people: People, case: CaseRecord, clock: Any
) -> None:
    routine = send(context, bright_series())
    cases.create(context, people["requester.a"], request(routine, priority="P3"))
    urgent = send(context, bright_series())
    cases.create(context, people["requester.a"], request(urgent, priority="P0"))
    first = shared_result(context, routine.study_instance_uid)
    clock.move(seconds=5)
    second = shared_result(context, urgent.study_instance_uid)
    assert [due.result_id for due in due_work(context)] == [second, first]
    due = edited(context, people, case, level=1.0)  # a P1 case, last of all
    clock.move(seconds=5)
    assert [one.result_id for one in due_work(context)] == [due.id, second, first]
