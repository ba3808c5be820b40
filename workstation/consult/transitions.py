"""The states of a consult and every way from one to the next, as one table.

``TRANSITIONS[state, event]`` says who may let the event happen and where it leads; an event that
is not in the table for a state cannot happen in it. The page docs/reference/states.md is made
from this table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from plugins.nouns import State

__all__ = ["BEFORE_FINAL", "OPEN", "SIGNED", "TRANSITIONS", "Event", "Party", "Transition"]


class Party(StrEnum):
    """What someone is to a case; `access.parties` finds out."""

    REQUESTER = "requester"  # a doctor of the requesting site
    TECHNICIAN = "technician"  # a technician of the requesting site
    EXPERT = "expert"  # reads cases of this area at the consulted site
    COORDINATOR = "coordinator"  # of the consulted site
    SYSTEM = "system"


class Event(StrEnum):
    """What moves a case."""

    SUBMIT = "submit"
    QUEUE = "queue"
    REPORT_INCOMPLETE = "report incomplete"
    COMPLETE = "complete"
    ASSIGN = "assign"
    START = "start"
    HAND_BACK = "hand back"
    REFUSE = "refuse"
    REDIRECT = "redirect"
    CANCEL = "cancel"
    SIGN_PRELIMINARY = "sign preliminary"
    SIGN_FINAL = "sign final"
    DELIVER = "deliver"
    ACKNOWLEDGE = "acknowledge"
    DECIDE = "decide"
    CLOSE = "close"
    SIGN_ADDENDUM = "sign addendum"
    SIGN_AMENDED = "sign amended"


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of the table. ``needs_reason``: the event carries a reason in words."""

    event: Event
    sources: frozenset[State]
    target: State
    parties: frozenset[Party]
    needs_reason: bool = False


DRAFT, SUBMITTED, INCOMPLETE, QUEUED = (
    State.DRAFT,
    State.SUBMITTED,
    State.INCOMPLETE,
    State.QUEUED,
)
ASSIGNED, READING, PRELIMINARY = State.ASSIGNED, State.READING, State.PRELIMINARY
FINAL, DELIVERED, ACKNOWLEDGED = State.FINAL, State.DELIVERED, State.ACKNOWLEDGED
OUTCOME_DUE, CLOSED = State.OUTCOME_DUE, State.CLOSED
CANCELLED, DECLINED, REDIRECTED = State.CANCELLED, State.DECLINED, State.REDIRECTED

OPEN = frozenset({SUBMITTED, INCOMPLETE, QUEUED, ASSIGNED, READING})
BEFORE_FINAL = OPEN | {DRAFT, PRELIMINARY, DECLINED, REDIRECTED}
SIGNED = frozenset({FINAL, DELIVERED, ACKNOWLEDGED, OUTCOME_DUE, CLOSED})

REQUESTER, TECHNICIAN, EXPERT = Party.REQUESTER, Party.TECHNICIAN, Party.EXPERT
COORDINATOR, SYSTEM = Party.COORDINATOR, Party.SYSTEM


def _line(
    event: Event,
    sources: Iterable[State],
    target: State,
    parties: Iterable[Party],
    needs_reason: bool = False,
) -> Transition:
    return Transition(event, frozenset(sources), target, frozenset(parties), needs_reason)


# fmt: off
_LINES = (
    _line(Event.SUBMIT, {DRAFT, REDIRECTED}, SUBMITTED, {REQUESTER}),
    _line(Event.QUEUE, {SUBMITTED}, QUEUED, {SYSTEM}),
    _line(Event.REPORT_INCOMPLETE, OPEN - {INCOMPLETE}, INCOMPLETE,
          {EXPERT, COORDINATOR, SYSTEM}, needs_reason=True),
    _line(Event.COMPLETE, {INCOMPLETE}, SUBMITTED, Party),  # experts: what is here will do
    _line(Event.ASSIGN, {QUEUED, ASSIGNED, READING}, ASSIGNED, {EXPERT, COORDINATOR, SYSTEM}),
    _line(Event.START, {ASSIGNED}, READING, {EXPERT}),
    _line(Event.HAND_BACK, {ASSIGNED, READING}, QUEUED, {EXPERT}, needs_reason=True),
    _line(Event.REFUSE, OPEN - {READING}, DECLINED, {COORDINATOR}, needs_reason=True),
    _line(Event.REDIRECT, OPEN | {DECLINED}, REDIRECTED,
          {REQUESTER, COORDINATOR}, needs_reason=True),
    _line(Event.CANCEL, BEFORE_FINAL, CANCELLED, {REQUESTER, SYSTEM}, needs_reason=True),
    _line(Event.SIGN_PRELIMINARY, {READING}, PRELIMINARY, {EXPERT}),
    _line(Event.SIGN_FINAL, {READING, PRELIMINARY}, FINAL, {EXPERT}),
    _line(Event.DELIVER, {FINAL}, DELIVERED, {SYSTEM}),
    _line(Event.ACKNOWLEDGE, {FINAL, DELIVERED}, ACKNOWLEDGED, {REQUESTER}),
    _line(Event.DECIDE, {ACKNOWLEDGED}, OUTCOME_DUE, {REQUESTER}),
    _line(Event.CLOSE, {OUTCOME_DUE}, CLOSED, {REQUESTER, COORDINATOR}),
    _line(Event.SIGN_ADDENDUM, SIGNED, FINAL, {EXPERT}, needs_reason=True),
    _line(Event.SIGN_AMENDED, SIGNED, FINAL, {EXPERT}, needs_reason=True),
)
# fmt: on

TRANSITIONS: dict[tuple[State, Event], Transition] = {
    (source, line.event): line for line in _LINES for source in line.sources
}
