"""How long each step of a consult may take.

The targets are ours, by priority class, and anchored in stroke practice (door-to-read 45 minutes
of AHA/ASA 2013). Working days are Monday to Friday in Vietnam.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from plugins.nouns import Priority, State

__all__ = [
    "DECISION_DUE",
    "OUTCOME_DUE",
    "TARGETS",
    "Targets",
    "WorkingDays",
    "due_at",
    "pauses",
    "time_left",
]

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """So many days, Saturdays and Sundays not counted."""

    days: int


Span = timedelta | WorkingDays


@dataclass(frozen=True, slots=True)
class Targets:
    """Clocks of one priority class. The first three run from submission, the last from signing."""

    accept: Span
    preliminary: Span | None
    sign: Span
    acknowledge: Span


def _minutes(accept: int, preliminary: int | None, sign: int, acknowledge: int) -> Targets:
    return Targets(
        timedelta(minutes=accept),
        None if preliminary is None else timedelta(minutes=preliminary),
        timedelta(minutes=sign),
        timedelta(minutes=acknowledge),
    )


TARGETS: Mapping[Priority, Targets] = {
    Priority.P0: _minutes(5, 15, 45, 5),
    Priority.P1: _minutes(15, 60, 120, 15),
    Priority.PF: _minutes(5, 20, 120, 5),
    Priority.P2: _minutes(120, None, 480, 240),
    Priority.P3: Targets(WorkingDays(1), None, WorkingDays(2), timedelta(days=2)),
    Priority.PP: Targets(WorkingDays(1), None, WorkingDays(3), timedelta(days=2)),
    Priority.PC: Targets(WorkingDays(1), None, WorkingDays(2), timedelta(days=2)),
}

# The requester's reminders: the decision a day after reading, the outcome within a month.
DECISION_DUE = timedelta(days=1)
OUTCOME_DUE = timedelta(days=30)

_UNTIL_ACCEPTED = frozenset({State.SUBMITTED, State.INCOMPLETE, State.QUEUED, State.ASSIGNED})


def due_at(
    priority: Priority,
    state: State,
    *,
    submitted_at: datetime | None,
    signed_at: datetime | None,
    entered_at: datetime,
    paused: timedelta = timedelta(),
) -> datetime | None:
    """When the case must have left `state`, or None where no clock runs.

    Parameters
    ----------
    entered_at : datetime
        When the case came into this state.
    paused : timedelta
        Time that does not count (`pauses`), added to the clocks that run from submission.
    """
    targets = TARGETS[priority]
    if state in _UNTIL_ACCEPTED and submitted_at is not None:
        return _after(submitted_at, targets.accept) + paused
    if state is State.READING and submitted_at is not None:
        return _after(submitted_at, targets.preliminary or targets.sign) + paused
    if state is State.PRELIMINARY and submitted_at is not None:
        return _after(submitted_at, targets.sign) + paused
    if state in (State.FINAL, State.DELIVERED) and signed_at is not None:
        return _after(signed_at, targets.acknowledge)
    if state is State.ACKNOWLEDGED:
        return entered_at + DECISION_DUE
    if state is State.OUTCOME_DUE:
        return entered_at + OUTCOME_DUE
    return None


def pauses(priority: Priority, state: State) -> bool:
    """Whether the clock stands still: while something is missing, but never in an emergency."""
    return state is State.INCOMPLETE and not priority.is_emergency


def time_left(due: datetime | None, paused_at: datetime | None, now: datetime) -> float | None:
    """Seconds until `due`, negative when overdue; as it stood when the clock was paused."""
    return None if due is None else (due - (paused_at or now)).total_seconds()


def _after(start: datetime, span: Span) -> datetime:
    if isinstance(span, timedelta):
        return start + span
    moment = start.astimezone(VIETNAM)
    for _ in range(span.days):
        moment += timedelta(days=1)
        while moment.weekday() >= 5:
            moment += timedelta(days=1)
    return moment.astimezone(start.tzinfo)
