"""The state machine: whoever does whatever, in whatever order, its promises hold."""

import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from plugins.nouns import State
from tests.workstation.cases import arrive, asked, brought_to, request, signed, written
from tests.workstation.conftest import (
    DATABASE_VARIABLE,
    PASSWORD,
    Clock,
    make_context,
    make_people,
)
from workstation import audit
from workstation.accounts import SYSTEM, Principal
from workstation.consult import case as cases
from workstation.consult import events, opinion
from workstation.consult.transitions import OPEN, SIGNED, TRANSITIONS, Event
from workstation.context import Context
from workstation.database import audit_events
from workstation.database import cases as table
from workstation.database import deliveries as delivery_rows
from workstation.database import opinions as opinion_rows
from workstation.errors import Conflict, InvalidRequest, NotAllowed, NotFound, WorkstationError

People = dict[str, Principal]

WHO = (
    "requester.a",
    "technician.a",
    "requester.b",
    "radiologist",
    "radiologist.2",
    "pathologist",
    "coordinator",
    "radiologist.other",
    "coordinator.other",
    "admin",
)

ACTS: dict[str, Callable[..., Any]] = {
    "submit": cases.submit,
    "complete": cases.complete,
    "assign": cases.assign,
    "start": cases.start_reading,
    "acknowledge": cases.acknowledge,
    "incomplete": lambda c, p, i: cases.report_incomplete(c, p, i, ["phim cũ"]),
    "take over": lambda c, p, i: cases.start_reading(c, p, i, take_over=True),
    "give": lambda c, p, i: cases.assign(c, p, i, "radiologist"),
    "decline": lambda c, p, i: cases.decline(c, p, i, "quá tải"),
    "redirect": lambda c, p, i: cases.redirect(c, p, i, "OTHER_HUB", "chuyên khoa"),
    "back": lambda c, p, i: cases.redirect(c, p, i, "DEMO_HUB", "chuyên khoa"),
    "cancel": lambda c, p, i: cases.cancel(c, p, i, "gửi nhầm"),
    "decide": lambda c, p, i: cases.decide(c, p, i, "adopted"),
    "close": lambda c, p, i: cases.close(c, p, i, {"diagnosis": "nhồi máu"}),
    "priority": lambda c, p, i: cases.update_request(c, p, i, {"priority": "P2"}),
    "clinical": lambda c, p, i: cases.update_request(c, p, i, {"clinical": {"note": "x"}}),
}


class Consults(RuleBasedStateMachine):
    """One case, everybody, everything."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hoichan-test-"))
        self.clock = Clock()
        self.context = make_context(self.folder, self.clock)
        self.people = make_people(self.context)
        self.hashes: dict[str, str] = {}

    def teardown(self) -> None:
        assert audit.verify(self.context) is None
        self.context.close()
        shutil.rmtree(self.folder)

    @initialize(priority=st.sampled_from(["P0", "P1", "P2", "P3"]))
    def ask(self, priority: str) -> None:
        form = request(arrive(self.context, slices=1), priority=priority)
        self.case_id = cases.create(self.context, self.people["requester.a"], form).id
        self.priorities = {priority}

    @rule(who=st.sampled_from(WHO), act=st.sampled_from(sorted(ACTS)))
    def do(self, who: str, act: str) -> None:
        before = self.row()
        try:
            ACTS[act](self.context, self.people[who], self.case_id)
        except WorkstationError:
            assert self.row() == before  # refused is refused: nothing half done
        else:
            self.priorities.add(self.row().priority)

    @rule(
        who=st.sampled_from(WHO),
        kind=st.sampled_from(["preliminary", "final", "addendum", "amended"]),
    )
    def sign(self, who: str, kind: str) -> None:
        principal = self.people[who]
        case = cases.get(self.context, SYSTEM, self.case_id)
        before = self.row()
        try:
            _, revision = written(self.context, principal, case)
            opinion.sign(
                self.context,
                principal,
                case.id,
                kind=kind,
                password=PASSWORD,
                draft_revision=revision,
                reason="lý do",
            )
        except WorkstationError:
            assert self.row() == before

    @rule()
    def go_on(self) -> None:
        """The next step of the straight way, so that late states are seen often."""
        onward = {
            State.DRAFT: ("requester.a", "submit"),
            State.REDIRECTED: ("requester.a", "submit"),
            State.INCOMPLETE: ("technician.a", "complete"),
            State.QUEUED: ("radiologist", "start"),
            State.ASSIGNED: ("radiologist", "take over"),
            State.DELIVERED: ("requester.a", "acknowledge"),
            State.ACKNOWLEDGED: ("requester.a", "decide"),
            State.OUTCOME_DUE: ("requester.a", "close"),
        }
        state = State(self.row().state)
        if state in onward:
            self.do(*onward[state])
        elif state in (State.READING, State.PRELIMINARY):
            self.sign("radiologist", "final")
        elif state is State.FINAL:
            self.land()

    @rule()
    def land(self) -> None:
        with self.context.database.begin() as connection:
            connection.execute(delivery_rows.update().values(state="landed"))
            cases.mark_delivered(self.context, connection, self.case_id)

    @rule(minutes=st.integers(1, 60 * 24 * 40))
    def wait(self, minutes: int) -> None:
        self.clock.move(minutes=minutes)

    def row(self) -> Any:
        with self.context.database.read() as connection:
            return connection.execute(select(table).where(table.c.id == self.case_id)).one()

    @invariant()
    def promises(self) -> None:
        row = self.row()
        state = State(row.state)
        with self.context.database.read() as connection:
            told = events.history(connection, self.case_id)
            signed_rows = connection.execute(
                select(opinion_rows).order_by(opinion_rows.c.version)
            ).all()
            audited = connection.execute(
                select(audit_events).where(audit_events.c.event == "procedure record")
            ).all()
        moves = [event for event in told if "from" in event.detail]
        # every change of state is a line of the table, follows the one before, has its audit row
        here = State.DRAFT
        for event in moves:
            line = TRANSITIONS[State(event.detail["from"]), Event(event.kind)]
            assert event.detail["from"] == here
            assert event.detail["to"] == line.target
            assert event.actor
            here = line.target
        assert here == state
        assert [(one.subject["kind"], one.actor) for one in audited] == [
            (event.kind, event.actor) for event in moves
        ]
        # the log alone rebuilds the row
        for column, value in events.replay(told).items():
            assert events.as_json(row._mapping[column]) == value
        # no final without a signature; versions without gaps; nobody signs his own request
        finals = [one for one in signed_rows if one.kind != "preliminary"]
        assert (state in SIGNED) == bool(finals)
        assert [one.version for one in signed_rows] == list(range(1, len(signed_rows) + 1))
        assert sum(one.kind == "final" for one in signed_rows) <= 1
        assert all(one.author != row.requester for one in signed_rows)
        for one in signed_rows:
            assert self.hashes.setdefault(one.id, one.content_hash) == one.content_hash
        # closing needs the outcome
        if state is State.CLOSED:
            assert row.decision["decision"] == "adopted"
            assert row.outcome.get("diagnosis") or row.outcome.get("no_response")
        # time that does not count is exactly the time something was missing, in no emergency
        if len(self.priorities) == 1:
            paused = timedelta()
            if not self.priorities & {"P0", "P1"}:
                since = None
                for event in moves:
                    if event.kind == "submit":
                        paused = timedelta()
                    if since is not None:
                        paused += event.at - since
                    since = event.at if event.detail["to"] == State.INCOMPLETE else None
            assert row.paused_seconds == paused.total_seconds()
        assert (row.number is not None) == (row.submitted_at is not None)


TestConsults = Consults.TestCase
TestConsults.settings = settings(
    max_examples=4 if os.environ.get(DATABASE_VARIABLE) else 12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_the_straight_way(context: Context, people: People, clock: Clock) -> None:
    requester = people["requester.a"]
    case = asked(context, people)
    seen = [case.state]
    for username, act in (
        ("coordinator", "give"),
        ("radiologist", "start"),
    ):
        clock.move(minutes=1)
        seen.append(ACTS[act](context, people[username], case.id).state)
    signed(context, people, case)
    seen.append(cases.get(context, requester, case.id).state)
    for act in ("acknowledge", "decide", "close"):
        clock.move(minutes=1)
        seen.append(ACTS[act](context, requester, case.id).state)
    assert seen == [
        State.QUEUED,
        State.ASSIGNED,
        State.READING,
        State.FINAL,
        State.ACKNOWLEDGED,
        State.OUTCOME_DUE,
        State.CLOSED,
    ]


def test_every_state_is_reached_and_only_two_are_ends() -> None:
    targets = {line.target for line in TRANSITIONS.values()} | {State.DRAFT}
    assert targets == set(State)
    sources = {state for state, _ in TRANSITIONS}
    assert set(State) - sources == {State.CANCELLED}


def test_declining_hands_back_and_refusing_ends(context: Context, people: People) -> None:
    case = brought_to(context, people, State.READING)
    with pytest.raises(NotAllowed):
        cases.decline(context, people["radiologist.2"], case.id, "không phải của tôi")
    with pytest.raises(InvalidRequest):
        cases.decline(context, people["radiologist"], case.id, "  ")
    case = cases.decline(context, people["radiologist"], case.id, "ngoài chuyên khoa")
    assert (case.state, case.assignee) == (State.QUEUED, None)
    case = cases.decline(context, people["coordinator"], case.id, "quá tải")
    assert case.state is State.DECLINED
    with pytest.raises(NotFound):
        cases.get(context, people["radiologist"], case.id)
    elsewhere = cases.redirect(context, people["requester.a"], case.id, "OTHER_HUB", "bị từ chối")
    assert elsewhere.state is State.QUEUED
    assert elsewhere.consulted_site == "OTHER_HUB"
    cases.get(context, people["radiologist.other"], case.id)


def test_a_coordinators_redirection_waits_for_the_holders_consent(
    context: Context, people: People
) -> None:
    case = brought_to(context, people, State.REDIRECTED)
    for username in ("radiologist", "coordinator", "radiologist.other", "coordinator.other"):
        with pytest.raises(NotFound):
            cases.get(context, people[username], case.id)
    number = cases.get(context, people["requester.a"], case.id).number
    case = cases.submit(context, people["requester.a"], case.id)
    assert (case.state, case.number) == (State.QUEUED, number)
    cases.get(context, people["radiologist.other"], case.id)
    with pytest.raises(NotFound):
        cases.get(context, people["radiologist"], case.id)


def test_coordinators_assign_experts_of_their_site_and_area(
    context: Context, people: People
) -> None:
    case = asked(context, people)
    for wrong in ("pathologist", "radiologist.other", "requester.a", "nobody", "admin"):
        with pytest.raises(InvalidRequest):
            cases.assign(context, people["coordinator"], case.id, wrong)
    with pytest.raises(NotAllowed):
        cases.assign(context, people["radiologist"], case.id, "radiologist.2")
    mine = cases.assign(context, people["radiologist"], case.id)
    assert mine.assignee is not None
    assert mine.assignee.username == "radiologist"


def test_missing_images_stop_the_clock_unless_it_is_an_emergency(
    context: Context, people: People, clock: Clock
) -> None:
    left = {}
    for priority in ("P1", "P2"):
        case = asked(context, people, priority=priority)
        due = case.due_at
        assert due is not None
        clock.move(minutes=1)
        cases.report_incomplete(context, people["coordinator"], case.id, ["phim cũ"])
        clock.move(minutes=60)
        case = cases.complete(context, people["technician.a"], case.id)
        assert case.state is State.QUEUED
        assert case.due_at is not None
        left[priority] = case.due_at - due
    assert left == {"P1": timedelta(), "P2": timedelta(minutes=60)}


def test_what_becomes_an_emergency_forgives_no_time(
    context: Context, people: People, clock: Clock
) -> None:
    case = asked(context, people, priority="P2")
    cases.report_incomplete(context, people["coordinator"], case.id, ["phim cũ"])
    clock.move(minutes=60)
    waiting = cases.get(context, people["requester.a"], case.id)
    assert cases.view(context, people["requester.a"], waiting).time_left_seconds == 120 * 60
    urgent = cases.update_request(context, people["coordinator"], case.id, {"priority": "P1"})
    view = cases.view(context, people["requester.a"], urgent)
    assert view.time_left_seconds == (15 - 60) * 60
    routine = cases.update_request(context, people["coordinator"], case.id, {"priority": "P2"})
    assert routine.paused_at == clock.now


def test_an_assigned_case_returns_to_its_reader(context: Context, people: People) -> None:
    case = brought_to(context, people, State.READING)
    cases.report_incomplete(context, people["radiologist"], case.id, ["CTA"])
    case = cases.complete(context, people["requester.a"], case.id)
    assert case.state is State.ASSIGNED
    assert case.assignee is not None
    assert case.assignee.username == "radiologist"


def test_the_coordinator_closes_after_a_month_of_silence(
    context: Context, people: People, clock: Clock
) -> None:
    case = brought_to(context, people, State.READING)
    signed(context, people, case)
    cases.acknowledge(context, people["requester.a"], case.id)
    cases.decide(context, people["requester.a"], case.id, "adopted")
    with pytest.raises(Conflict):
        cases.close(context, people["coordinator"], case.id, {})
    clock.move(days=31)
    closed = cases.close(context, people["coordinator"], case.id, {})
    assert closed.outcome == {"no_response": True}


def test_the_decision_is_given_with_its_reason(context: Context, people: People) -> None:
    case = brought_to(context, people, State.READING)
    signed(context, people, case)
    requester = people["requester.a"]
    cases.acknowledge(context, requester, case.id)
    with pytest.raises(InvalidRequest):
        cases.decide(context, requester, case.id, "maybe")
    with pytest.raises(InvalidRequest):
        cases.decide(context, requester, case.id, "partly")
    cases.decide(context, requester, case.id, "partly", "người nhà từ chối")
    with pytest.raises(InvalidRequest):
        cases.close(context, requester, case.id, {"died": False})


def test_experts_keep_access_for_a_while_after_closing(
    context: Context, people: People, clock: Clock
) -> None:
    case = brought_to(context, people, State.READING)
    signed(context, people, case)
    for act in ("acknowledge", "decide", "close"):
        ACTS[act](context, people["requester.a"], case.id)
    clock.move(days=89)
    cases.get(context, people["radiologist"], case.id)
    clock.move(days=2)
    with pytest.raises(NotFound):
        cases.get(context, people["radiologist"], case.id)
    cases.get(context, people["requester.a"], case.id)


def test_open_states_are_those_before_an_opinion() -> None:
    assert not OPEN & SIGNED
