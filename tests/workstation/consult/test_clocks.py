"""Deadlines by priority class."""

from datetime import UTC, datetime, timedelta

import pytest

from plugins.nouns import Priority, State
from workstation.consult import clocks

MONDAY = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)


def due(priority: Priority, state: State, start: datetime = MONDAY, **more: timedelta) -> timedelta:
    found = clocks.due_at(
        priority, state, submitted_at=start, signed_at=start, entered_at=start, **more
    )
    assert found is not None
    return found - start


@pytest.mark.parametrize(
    ("priority", "state", "minutes"),
    [
        (Priority.P0, State.QUEUED, 5),
        (Priority.P0, State.READING, 15),
        (Priority.P0, State.PRELIMINARY, 45),
        (Priority.P0, State.FINAL, 5),
        (Priority.P1, State.ASSIGNED, 15),
        (Priority.P1, State.READING, 60),
        (Priority.P1, State.PRELIMINARY, 120),
        (Priority.PF, State.READING, 20),
        (Priority.P2, State.SUBMITTED, 120),
        (Priority.P2, State.READING, 480),
        (Priority.P2, State.DELIVERED, 240),
        (Priority.P3, State.QUEUED, 24 * 60),
        (Priority.PP, State.READING, 3 * 24 * 60),
        (Priority.P3, State.FINAL, 2 * 24 * 60),
    ],
)
def test_targets(priority: Priority, state: State, minutes: int) -> None:
    assert due(priority, state) == timedelta(minutes=minutes)


def test_weekends_do_not_count_for_routine_work() -> None:
    assert due(Priority.P3, State.QUEUED, FRIDAY) == timedelta(days=3)
    assert due(Priority.P3, State.READING, FRIDAY) == timedelta(days=4)
    assert due(Priority.P2, State.READING, FRIDAY) == timedelta(hours=8)
    # Friday evening in UTC is Saturday morning in Hà Nội
    evening = FRIDAY.replace(hour=20)
    assert due(Priority.P3, State.QUEUED, evening) == timedelta(days=2)


def test_paused_time_is_given_back() -> None:
    hour = timedelta(hours=1)
    assert due(Priority.P2, State.QUEUED, paused=hour) == timedelta(hours=3)
    assert due(Priority.P2, State.FINAL, paused=hour) == timedelta(hours=4)


def test_only_routine_clocks_pause() -> None:
    for priority in Priority:
        assert clocks.pauses(priority, State.INCOMPLETE) != priority.is_emergency
        assert not clocks.pauses(priority, State.READING)


def test_no_clock_runs_where_nobody_waits() -> None:
    for state in (State.DRAFT, State.CLOSED, State.CANCELLED, State.DECLINED, State.REDIRECTED):
        found = clocks.due_at(
            Priority.P0, state, submitted_at=MONDAY, signed_at=MONDAY, entered_at=MONDAY
        )
        assert found is None
    assert clocks.time_left(None, None, MONDAY) is None


def test_time_left_stands_still_while_paused() -> None:
    end = MONDAY + timedelta(minutes=10)
    assert clocks.time_left(end, None, MONDAY + timedelta(minutes=12)) == -120
    assert clocks.time_left(end, MONDAY, MONDAY + timedelta(minutes=12)) == 600
