"""The worker as it runs: from an image's arrival to a corrected result, with nobody helping."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugins.registry import Registry
from tests.workstation.cases import request
from tests.workstation.conftest import Clock, make_context, make_people
from tests.workstation.results import (
    BRIGHT,
    bright_series,
    lone_work,
    only_lone_files,
    row,
    send,
    with_guest,
)
from workstation.consult import case as cases
from workstation.consult import results
from workstation.context import Context, open_context
from workstation.database import results as table
from workstation.jobs import benches as bench_pool
from workstation.jobs.worker import run_worker


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    monkeypatch.setattr(Registry, "load", only_lone_files)
    monkeypatch.setattr(bench_pool, "work", lone_work)
    made = make_context(tmp_path, Clock())
    settings = replace(
        made.settings,
        plugins_dir=with_guest(tmp_path / "guests"),
        series_quiet_seconds=0.3,
        quiet_seconds=1.0,
        benches=1,
    )
    made.close()
    context = open_context(settings)
    yield context
    context.close()


@pytest.fixture
def _worker(context: Context) -> Iterator[None]:
    stop = threading.Event()
    working = threading.Thread(target=run_worker, args=(context, stop))
    working.start()
    yield
    stop.set()
    working.join(60)
    assert not working.is_alive()


def wait_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.mark.usefixtures("_worker")
def test_arrival_result_correction(context: Context) -> None:
    people = make_people(context)
    study = send(context, bright_series(4))

    def whole() -> Any:
        """The result of all images; between two of them it may be quiet enough for an earlier."""
        with context.database.read() as connection:
            found = connection.execute(select(table).where(table.c.state == "computed")).first()
        return found and found.content["values"][0]["value"] == 4 * BRIGHT and found

    shared = wait_for(whole)
    form = request(study, priority="P0")
    case = wait_for(lambda: cases.create(context, people["requester.a"], form, submit=True))
    wait_for(lambda: cases.get(context, people["requester.a"], case.id).state == "queued")
    reader = people["radiologist"]
    edits = {"parameters": {"level": 100.0}}
    own = results.edit(context, reader, case.id, shared.id, edits, shared.revision).record
    wait_for(lambda: row(context, own.id).state == "edited")
    assert row(context, own.id).content["values"][0]["value"] == 0
    runs = shared.content["detail"]["runs"]
    assert row(context, own.id).content["detail"]["runs"] == runs + 1
