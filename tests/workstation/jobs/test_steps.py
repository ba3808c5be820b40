"""Guests' steps run apart, and take nobody with them."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import select, update

from tests.factories import EVERYTHING, ct_series, file_bytes, from_site
from workstation.context import Context, open_context
from workstation.database import step_runs, study_measurements
from workstation.jobs import steps
from workstation.jobs.steps import due_steps, plan_steps, requeue_interrupted, run_step
from workstation.settings import Settings

GUESTS = {
    "counting": """
        def run(study):
            yield Measurement(
                Code("COUNT", "99TEST", "Number of images"),
                sum(len(series.instances) for series in study.series),
                codes.UCUM.NoUnits,
                parameters={"by": "hand"},
            )
        """,
    "raising": """
        def run(study):
            raise LookupError("no such thing")
        """,
    "dying": """
        def run(study):
            os.kill(os.getpid(), signal.SIGKILL)
        """,
    "hanging": """
        def run(study):
            time.sleep(600)
        """,
    "leaving": """
        def run(study):
            os.closerange(3, 1024)  # and the way to the worker with it
            time.sleep(600)
        """,
    "uninterested": """
        def run(study):
            raise AssertionError("was not wanted")
        """,
}

HEAD = """
import os, signal, time
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from plugins import Measurement, PreprocessStep
"""


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    guests = tmp_path / "guests"
    guests.mkdir()
    for name, body in GUESTS.items():
        wanted = "False" if name == "uninterested" else '"CT" in study.modalities'
        end = f"""
            def contribute():
                yield PreprocessStep(
                    "{name}", "{name}", wants=lambda study: {wanted}, run=run,
                    deadline_seconds={8 if name == "hanging" else 60},
                )
            """
        (guests / f"{name}.py").write_text(HEAD + dedent(body) + dedent(end))
    context = open_context(
        Settings(data=tmp_path / "data", plugins_dir=guests, minimum_free_bytes=0)
    )
    yield context
    context.close()


def planned(context: Context, plugin: str) -> int:
    """The number of the due run of a guest on a study of three images."""
    datasets = ct_series(3)
    for dataset in datasets:
        context.archive.store_bytes(file_bytes(dataset), from_site("DEMO_A"))
    study = context.archive.study(datasets[0].StudyInstanceUID, scope=EVERYTHING)
    with context.database.begin() as connection:
        plan_steps(context, connection, study)
        plan_steps(context, connection, study)  # a second time does nothing
        wanted = select(step_runs.c.id).where(step_runs.c.plugin == plugin)
        return int(connection.scalars(wanted).one())


def outcome(context: Context, run_id: int) -> tuple[str, str, list[float]]:
    with context.database.read() as connection:
        run = connection.execute(select(step_runs).where(step_runs.c.id == run_id)).one()
        measured = select(study_measurements.c.value).where(
            study_measurements.c.plugin == run.plugin
        )
        return run.state, run.error, list(connection.scalars(measured))


def test_what_a_step_measures_is_kept_with_its_study(context: Context) -> None:
    run_id = planned(context, "counting")
    assert run_id in due_steps(context)
    assert run_step(context, run_id) == "done"
    assert outcome(context, run_id) == ("done", "", [3.0])
    assert run_step(context, run_id) is None  # done is done


def test_a_step_that_does_not_want_the_study_is_done_without_a_word(context: Context) -> None:
    run_id = planned(context, "uninterested")
    assert run_step(context, run_id) == "done"
    assert outcome(context, run_id) == ("done", "", [])


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        ("raising", "LookupError: no such thing"),
        ("dying", "ended with exit code -9"),
        ("leaving", "ended with exit code -9"),
        ("hanging", "No result within 8 s"),
    ],
)
def test_a_step_that_fails_is_written_down(context: Context, plugin: str, reason: str) -> None:
    run_id = planned(context, plugin)
    assert run_step(context, run_id) == "failed"
    state, error, measured = outcome(context, run_id)
    assert state == "failed"
    assert reason in error
    assert measured == []


def test_a_run_whose_worker_died_is_due_again(context: Context) -> None:
    run_id = planned(context, "counting")
    with context.database.begin() as connection:
        connection.execute(
            update(step_runs).where(step_runs.c.id == run_id).values(state="running")
        )
    assert run_id not in due_steps(context)
    requeue_interrupted(context)
    assert run_id in due_steps(context)


def test_a_worker_that_ends_leaves_its_run_for_the_next(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_stopping", threading.Event())
    run_id = planned(context, "hanging")
    states: list[str | None] = []
    working = threading.Thread(target=lambda: states.append(run_step(context, run_id)))
    working.start()
    deadline = time.monotonic() + 30
    while not multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    steps.interrupt_steps()
    working.join(60)  # the step's own deadline would have left another state
    assert states == ["running"]
    requeue_interrupted(context)
    assert run_id in due_steps(context)
