"""Guests' arithmetic on arrival, each in a process of its own with a deadline.

A guest that crashes, hangs or eats the memory takes nobody with it: its child is killed, the run
is written down as failed, and the reason is shown beside the plugin.
"""

import logging
import multiprocessing
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Any

from pydicom.sr.coding import Code
from sqlalchemy import Connection, delete, insert, select, update

from dicom_node.errors import DicomNodeError
from dicom_node.records import ReadScope, StudyRecord
from plugins.contributions import PreprocessStep
from plugins.nouns import Measurement
from workstation.consult.studies import load_study
from workstation.context import Context, open_context
from workstation.database import step_runs, study_measurements
from workstation.settings import Settings

__all__ = ["due_steps", "interrupt_steps", "plan_steps", "requeue_interrupted", "run_step"]

logger = logging.getLogger(__name__)

EVERYTHING = ReadScope(everything=True)
DUE, RUNNING, DONE, FAILED = "due", "running", "done", "failed"

# A server process that has run nothing of ours forks children that start quickly and share no
# thread, lock or database handle with the worker.
_processes = multiprocessing.get_context("forkserver")


_stopping = threading.Event()


@dataclass(frozen=True, slots=True)
class _Answer:
    measurements: tuple[Measurement, ...] = ()
    error: str = ""


def plan_steps(context: Context, connection: Connection, study: StudyRecord) -> None:
    """Note, for a study gone quiet, that every step is due; once for each content it had.

    Whether a step wants the study is asked in its child: even that question is guest code.
    """
    content_key = f"{study.instance_count}/{study.size}"
    for step in context.plugins.of(PreprocessStep):
        known = select(step_runs.c.id).where(
            step_runs.c.study_instance_uid == study.study_instance_uid,
            step_runs.c.plugin == step.id,
            step_runs.c.content_key == content_key,
        )
        if connection.scalar(known) is None:
            connection.execute(
                insert(step_runs).values(
                    study_instance_uid=study.study_instance_uid,
                    plugin=step.id,
                    content_key=content_key,
                    state=DUE,
                )
            )


def due_steps(context: Context, limit: int = 100) -> list[int]:
    """Numbers of the runs that wait."""
    query = select(step_runs.c.id).where(step_runs.c.state == DUE).limit(limit)
    with context.database.read() as connection:
        return list(connection.scalars(query))


def requeue_interrupted(context: Context) -> None:
    """At a worker's start: runs that a dead worker left behind are due again."""
    again = update(step_runs).where(step_runs.c.state == RUNNING).values(state=DUE)
    with context.database.begin() as connection:
        connection.execute(again)


def interrupt_steps() -> None:
    """At a worker's end: kill the children; their runs are due again when a worker starts."""
    _stopping.set()
    for child in multiprocessing.active_children():
        child.kill()


def run_step(context: Context, run_id: int) -> str | None:
    """Run one step to its end; return the run's state, None when it was not ours to run."""
    claim = (
        update(step_runs)
        .where(step_runs.c.id == run_id, step_runs.c.state == DUE)
        .values(state=RUNNING, started_at=context.clock())
    )
    with context.database.begin() as connection:
        if connection.execute(claim).rowcount != 1:
            return None
        run = connection.execute(select(step_runs).where(step_runs.c.id == run_id)).one()
    step = context.plugins.get(PreprocessStep, run.plugin)
    if step is None:
        answer = _Answer(error="The plugin is no longer installed.")
    else:
        answer = _in_child(context.settings, step, run.study_instance_uid)
    if answer.error and _stopping.is_set():
        return RUNNING
    state = FAILED if answer.error else DONE
    if answer.error:
        logger.warning("step %s on %s: %s", run.plugin, run.study_instance_uid, answer.error)
    with context.database.begin() as connection:
        if not answer.error:
            _keep(context, connection, run.plugin, run.study_instance_uid, answer.measurements)
        connection.execute(
            update(step_runs)
            .where(step_runs.c.id == run_id)
            .values(state=state, ended_at=context.clock(), error=answer.error)
        )
    return state


def _in_child(settings: Settings, step: PreprocessStep, study_instance_uid: str) -> _Answer:
    receiver, sender = _processes.Pipe(duplex=False)
    child = _processes.Process(
        target=_measure, args=(settings, step.id, study_instance_uid, sender), daemon=True
    )
    child.start()
    sender.close()
    try:
        if not receiver.poll(step.deadline_seconds):
            return _Answer(error=f"No result within {step.deadline_seconds:g} s.")
        answer: _Answer = receiver.recv()
        return answer
    except EOFError:
        child.join(5)
        child.kill()
        child.join()  # how it ended may be told later still
        return _Answer(error=f"The process ended with exit code {child.exitcode}.")
    finally:
        child.kill()
        child.join()
        receiver.close()


def _measure(settings: Settings, step_id: str, study_instance_uid: str, sender: Pipe) -> None:
    """In the child: does the step want the study, and what does it measure?"""
    try:
        context = open_context(settings)
        step = context.plugins.get(PreprocessStep, step_id)
        if step is None:
            raise LookupError(f"no step {step_id!r} among the plugins")
        study = load_study(context.archive, study_instance_uid, scope=EVERYTHING)
        measured = tuple(step.run(study)) if step.wants(study) else ()
        sender.send(_Answer(measurements=measured))
    except DicomNodeError as error:
        sender.send(_Answer(error=str(error)))
    except Exception as error:
        sender.send(_Answer(error=f"{type(error).__name__}: {error}"))
    finally:
        sender.close()


def _keep(
    context: Context,
    connection: Connection,
    plugin: str,
    study_instance_uid: str,
    measurements: Sequence[Measurement],
) -> None:
    """Replace what the plugin measured on the study's earlier content."""
    connection.execute(
        delete(study_measurements).where(
            study_measurements.c.study_instance_uid == study_instance_uid,
            study_measurements.c.plugin == plugin,
        )
    )
    step = context.plugins.get(PreprocessStep, plugin)
    guest = context.plugins.guest_of(step) if step is not None else None
    rows: list[dict[str, Any]] = [
        {
            "study_instance_uid": study_instance_uid,
            "plugin": plugin,
            "plugin_version": guest.version if guest is not None else "",
            "name": _as_json(measurement.name),
            "value": float(measurement.value),
            "unit": _as_json(measurement.unit),
            "series_instance_uid": measurement.series_instance_uid,
            "parameters": dict(measurement.parameters),
            "made_at": context.clock(),
        }
        for measurement in measurements
    ]
    if rows:
        connection.execute(insert(study_measurements), rows)


def _as_json(code: Code) -> dict[str, str]:
    return {
        "value": code.value,
        "scheme_designator": code.scheme_designator,
        "meaning": code.meaning,
    }
