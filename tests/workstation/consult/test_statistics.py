"""Counts that are right, and small enough to point at nobody."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from tests.workstation.conftest import Clock
from workstation.accounts import SYSTEM, Principal
from workstation.consult.statistics import SMALLEST_CELL, statistics
from workstation.context import Context
from workstation.database import cases
from workstation.errors import NotFound

People = dict[str, Principal]


def put(context: Context, count: int, start: int = 0, **values: Any) -> None:
    at = context.clock()
    rows = [
        {
            "id": f"{start + number:036d}",
            "number": f"HC-2026-{start + number:06d}",
            "state": "closed",
            "priority": "P3",
            "area": "radiology",
            "requesting_site": "DEMO_A",
            "consulted_site": "DEMO_HUB",
            "created_at": at,
            "submitted_at": at,
            "signed_at": at,
            "updated_at": at,
            "patient_name": "NGUYEN^VAN^A",
            "transfer": "none",
            "outcome": {"transferred": False},
            **values,
        }
        for number in range(count)
    ]
    with context.database.begin() as connection:
        connection.execute(insert(cases), rows)


def test_the_two_months_of_the_scheme(context: Context, people: People, clock: Clock) -> None:
    """144 consults, 28 transfers advised, 8 patients moved, as the press told of HMU in 2020."""
    shuffled = [{"transfer": "none", "outcome": {"transferred": False}}] * 116
    shuffled += [{"transfer": "recommended", "outcome": {"transferred": False}}] * 12
    shuffled += [{"transfer": "urgent", "outcome": {}}] * 8
    shuffled += [{"transfer": "urgent", "outcome": {"transferred": True}}] * 8
    random.Random(1).shuffle(shuffled)
    for number, values in enumerate(shuffled):
        put(context, 1, number, **values, requesting_site=("DEMO_A", "DEMO_B")[number % 2])
        clock.move(hours=10)
    found = statistics(context, people["coordinator"])
    assert (found.consults, found.transfer_recommended, found.transferred) == (144, 28, 8)
    assert (found.signed, found.closed) == (144, 144)
    assert found.by_requesting_site == {"DEMO_A": 72, "DEMO_B": 72}
    assert sum(value or 0 for value in found.by_month.values()) == 144
    assert list(found.by_month)[:2] == ["2026-11", "2026-12"]


def test_each_hospital_counts_its_own(context: Context, people: People) -> None:
    put(context, 3)
    put(context, 2, 100, requesting_site="DEMO_B")
    put(context, 1, 200, consulted_site="OTHER_HUB", assignee="radiologist.other")
    put(context, 1, 300, state="draft", submitted_at=None)
    expected = {
        "requester.a": 4,
        "technician.a": 4,
        "requester.b": 2,
        "coordinator": 5,
        "coordinator.other": 1,
        "radiologist": 0,
        "radiologist.other": 1,
    }
    for username, number in expected.items():
        assert statistics(context, people[username]).consults == number, username
    assert statistics(context, SYSTEM).consults == 6


def test_whoever_is_no_party_sees_no_small_cells(context: Context, people: People) -> None:
    put(context, 20)
    put(context, 9, 100, state="final")
    put(context, 3, 200, state="reading", requesting_site="DEMO_B")
    found = statistics(context, people["admin"])
    assert found.suppressed_below == SMALLEST_CELL
    assert found.consults == 32
    # the smallest cell, and with it the next, or the total would give it away
    assert found.by_state == {"closed": 20, "final": None, "reading": None}
    assert found.by_requesting_site == {"DEMO_A": None, "DEMO_B": None}
    exact = statistics(context, people["coordinator"])
    assert exact.by_state == {"closed": 20, "final": 9, "reading": 3}


def test_months_are_vietnams(context: Context, people: People, clock: Clock) -> None:
    clock.now = clock.now.replace(month=11, day=30, hour=16, minute=59)
    put(context, 1)
    clock.move(minutes=1)
    put(context, 1, 1)
    assert statistics(context, people["coordinator"]).by_month == {"2026-11": 1, "2026-12": 1}
    since = clock.now
    assert statistics(context, people["coordinator"], since=since).consults == 1
    assert statistics(context, people["coordinator"], until=since).consults == 1
    later = since + timedelta(days=1)
    assert statistics(context, people["coordinator"], since=later).consults == 0


def test_no_patient_is_in_any_count(context: Context, people: People) -> None:
    put(context, 7)
    assert "NGUYEN" not in repr(statistics(context, people["admin"]))


def test_a_role_without_numbers_gets_none(context: Context) -> None:
    nobody = Principal("x", "x", "DEMO_A", frozenset())
    with pytest.raises(NotFound):
        statistics(context, nobody)
