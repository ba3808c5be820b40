"""From the question to the queue, and what may be known of it by whom."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, event, insert, select

from plugins.nouns import State
from tests.workstation.cases import REQUEST, arrive, asked, brought_to, request
from tests.workstation.conftest import Clock
from workstation import access, audit
from workstation.accounts import Principal
from workstation.consult import case as cases
from workstation.consult import events
from workstation.context import Context
from workstation.database import arrivals, audit_events, case_events, share_grants
from workstation.database import cases as table
from workstation.errors import Conflict, InvalidRequest, NotAllowed, NotFound

People = dict[str, Principal]


def test_a_sent_request_is_numbered_granted_and_queued(context: Context, people: People) -> None:
    study = arrive(context)
    case = asked(context, people, study)
    assert case.number == "HC-2026-000001"
    assert case.state is State.QUEUED
    assert case.granted
    assert case.patient_name == "NGUYEN^VAN A"
    assert case.requester_username == "requester.a"
    assert case.studies[0].instance_count == 2
    assert case.due_at is not None
    assert [question.id for question in case.questions] == ["q1", "q2"]
    kinds = [one.kind for one in cases.history(context, people["requester.a"], case.id)]
    assert kinds == ["created", "submit", "queue"]
    assert audit.verify(context) is None


def test_a_draft_has_no_number_and_is_its_hospitals_alone(context: Context, people: People) -> None:
    case = cases.create(context, people["requester.a"], request(arrive(context)))
    assert (case.number, case.state) == ("", State.DRAFT)
    cases.get(context, people["technician.a"], case.id)
    for stranger in ("requester.b", "radiologist", "coordinator", "admin"):
        with pytest.raises(NotFound):
            cases.get(context, people[stranger], case.id)


@pytest.mark.parametrize(
    ("lacking", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"questions": []}, "questions"),
        ({"questions": ["  "]}, "questions"),
        ({"consulted_site": None}, "consulted_site"),
        ({"consent_basis": ""}, "consent_basis"),
        ({"consent_basis": "emergency_art61", "priority": "P3"}, "consent_basis"),
        ({"share_scope": ""}, "share_scope"),
        ({"study_instance_uids": []}, "study_instance_uids"),
        (
            {"study_instance_uids": [], "images_to_follow": True, "priority": "P3"},
            "study_instance_uids",
        ),
    ],
)
def test_what_the_law_asks_for_blocks_sending(
    context: Context, people: People, lacking: dict[str, Any], field: str
) -> None:
    form = {**request(arrive(context)), **lacking}
    with pytest.raises(InvalidRequest) as raised:
        cases.create(context, people["requester.a"], form, submit=True)
    assert raised.value.code == "request_incomplete"
    assert list(raised.value.details["fields"]) == [field]  # type: ignore[call-overload]
    with context.database.read() as connection:
        assert connection.execute(select(table)).all() == []  # sent whole or not made


@pytest.mark.parametrize(
    "wrong",
    [
        {"area": "dentistry"},
        {"priority": "P9"},
        {"consent_basis": "said so"},
        {"share_scope": "everyone"},
        {"consulted_site": "DEMO_B"},
        {"consulted_site": "NOWHERE"},
        {"requester": "somebody.else"},
        {"state": "final"},
        {"reason": "x" * 30_000},
    ],
)
def test_values_the_form_does_not_have_are_refused(
    context: Context, people: People, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        cases.create(context, people["requester.a"], {**request(arrive(context)), **wrong})


def test_nobody_asks_about_another_hospitals_patient(context: Context, people: People) -> None:
    study = arrive(context, "DEMO_B")
    with pytest.raises(NotFound):
        cases.create(context, people["requester.a"], request(study))
    with pytest.raises(NotAllowed):
        cases.create(context, people["technician.a"], request(arrive(context)))


def test_one_case_is_about_one_patient(context: Context, people: People) -> None:
    one, other = arrive(context), arrive(context, PatientID="P2")
    prior = arrive(context, PatientName="NGUYEN^VAN^A")
    uids = [one.study_instance_uid, other.study_instance_uid]
    with pytest.raises(InvalidRequest, match="different patients"):
        cases.create(context, people["requester.a"], request(study_instance_uids=uids))
    uids = [one.study_instance_uid, prior.study_instance_uid]
    case = cases.create(context, people["requester.a"], request(study_instance_uids=uids))
    assert set(case.study_instance_uids) == set(uids)


def test_numbers_never_repeat_or_skip(context: Context, people: People) -> None:
    drafts = [
        cases.create(context, people["requester.a"], request(arrive(context, slices=1)))
        for _ in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        sent = list(
            pool.map(lambda one: cases.submit(context, people["requester.a"], one.id), drafts)
        )
    assert sorted(case.number for case in sent) == [f"HC-2026-{n:06d}" for n in range(1, 9)]


def test_numbers_begin_anew_with_the_year_in_vietnam(
    context: Context, people: People, clock: Clock
) -> None:
    asked(context, people)
    clock.now = clock.now.replace(month=12, day=31, hour=17, minute=1)
    assert asked(context, people).number == "HC-2027-000001"


def test_a_study_nobody_asked_about_waits_as_a_draft_and_is_adopted(
    context: Context, people: People
) -> None:
    study = arrive(context)
    for _ in range(2):  # intake may see it twice
        with context.database.begin() as connection:
            cases.receive_study(context, connection, study)
    listed = cases.list_cases(context, people["requester.a"])
    assert listed.total == 1
    draft = listed.rows[0].record
    assert draft.requester is None
    assert draft.patient_id == "P1"
    case = cases.create(context, people["requester.a"], request(study), submit=True)
    assert case.id == draft.id
    assert case.requester_username == "requester.a"
    assert case.state is State.QUEUED
    assert cases.list_cases(context, people["requester.a"]).total == 1


def test_whoever_completes_and_sends_an_unasked_draft_is_its_requester(
    context: Context, people: People
) -> None:
    with context.database.begin() as connection:
        cases.receive_study(context, connection, arrive(context))
    draft = cases.list_cases(context, people["technician.a"]).rows[0].record
    with pytest.raises(NotAllowed):
        cases.update_request(context, people["technician.a"], draft.id, {"reason": "x"})
    cases.update_request(context, people["second.a"], draft.id, {"priority": "P1"})
    form = {key: one for key, one in REQUEST.items() if key != "priority"}
    filled = cases.update_request(context, people["requester.a"], draft.id, form)
    assert filled.requester_username == "requester.a"
    sent = cases.submit(context, people["second.a"], draft.id)
    assert (sent.state, sent.requester_username) == (State.QUEUED, "requester.a")


def test_two_unasked_studies_of_one_request_become_one_case(
    context: Context, people: People
) -> None:
    plain, angiography = arrive(context), arrive(context)
    for study in (plain, angiography):
        with context.database.begin() as connection:
            cases.receive_study(context, connection, study)
    uids = [plain.study_instance_uid, angiography.study_instance_uid]
    case = cases.create(context, people["requester.a"], request(study_instance_uids=uids))
    assert set(case.study_instance_uids) == set(uids)
    states = [row.record.state for row in cases.list_cases(context, people["requester.a"]).rows]
    assert sorted(states) == [State.CANCELLED, State.DRAFT]


def test_images_that_follow_find_their_request(context: Context, people: People) -> None:
    ahead = request(
        priority="P0", images_to_follow=True, patient_name="NGUYEN^VAN A", patient_id="P1"
    )
    case = cases.create(context, people["requester.a"], ahead, submit=True)
    assert case.state is State.SUBMITTED
    for other in (arrive(context, "DEMO_B"), arrive(context, PatientID="P2")):
        with context.database.begin() as connection:
            cases.receive_study(context, connection, other)
    assert cases.get(context, people["requester.a"], case.id).state is State.SUBMITTED
    study = arrive(context)
    with context.database.begin() as connection:
        cases.receive_study(context, connection, study)
    case = cases.get(context, people["requester.a"], case.id)
    assert case.state is State.QUEUED
    assert case.study_instance_uids == (study.study_instance_uid,)
    assert case.patient_birth_date == "19600101"


def test_a_routine_case_waits_until_its_study_is_complete(context: Context, people: People) -> None:
    study = arrive(context)
    with context.database.begin() as connection:
        connection.execute(
            insert(arrivals).values(
                study_instance_uid=study.study_instance_uid,
                site="DEMO_A",
                last_change_at=context.clock(),
            )
        )
    assert asked(context, people, study, priority="P1").state is State.QUEUED
    routine = asked(context, people, study, priority="P3")
    assert routine.state is State.SUBMITTED
    with context.database.begin() as connection:
        connection.execute(delete(arrivals))
        cases.complete_study(context, connection, study)
    assert cases.get(context, people["requester.a"], routine.id).state is State.QUEUED


def test_once_sent_the_question_stays(context: Context, people: People) -> None:
    case = asked(context, people)
    for change in ({"reason": "khác"}, {"questions": ["khác"]}, {"consent_basis": "electronic"}):
        with pytest.raises(Conflict):
            cases.update_request(context, people["requester.a"], case.id, change)
    later = {"clinical": {"glucose": 7.2}}
    case = cases.update_request(context, people["requester.a"], case.id, later)
    assert case.clinical == {"history": "Tăng huyết áp", "nihss": 12, "glucose": 7.2}


def test_more_studies_may_follow_but_sent_ones_stay(context: Context, people: People) -> None:
    case = asked(context, people)
    more = arrive(context)
    with pytest.raises(Conflict):
        cases.update_request(
            context,
            people["requester.a"],
            case.id,
            {"study_instance_uids": [more.study_instance_uid]},
        )
    both = [*case.study_instance_uids, more.study_instance_uid]
    case = cases.update_request(
        context, people["requester.a"], case.id, {"study_instance_uids": both}
    )
    assert set(case.study_instance_uids) == set(both)


def test_a_coordinator_may_change_the_priority_only(context: Context, people: People) -> None:
    case = asked(context, people, priority="P3")
    urgent = cases.update_request(context, people["coordinator"], case.id, {"priority": "P0"})
    assert urgent.due_at is not None
    assert case.due_at is not None
    assert urgent.due_at < case.due_at
    with pytest.raises(NotAllowed):
        cases.update_request(
            context, people["coordinator"], case.id, {"priority": "P0", "clinical": {}}
        )


def test_the_queue_shows_coordinators_no_identity(context: Context, people: People) -> None:
    case = asked(context, people, arrive(context, PatientID="K77"))
    view = cases.view(context, people["coordinator"], case)
    assert view.header_only
    shown = repr((view.record, view.case))
    for secret in ("NGUYEN", "K77", "19600101", case.study_instance_uids[0], "Tăng huyết áp"):
        assert secret not in shown
    assert view.record.reason
    assert "assign" in view.permissions
    assert "see" not in view.permissions
    history = cases.history(context, people["coordinator"], case.id)
    assert "NGUYEN" not in repr(history)


def test_search_folds_names_and_ignores_what_may_not_be_seen(
    context: Context, people: People
) -> None:
    study = arrive(context, PatientName="ĐẶNG^THỊ^HƯỜNG", PatientID="K77")
    case = asked(context, people, study)
    asked(context, people)

    def found(username: str, search: str) -> list[str]:
        listed = cases.list_cases(context, people[username], search=search)
        return [row.record.id for row in listed.rows]

    for typed in ("dang", "huong dang", "HƯỜNG", "d", "k77", case.number):
        assert found("requester.a", typed) == [case.id], typed
        assert found("radiologist", typed) == [case.id], typed
    assert found("coordinator", case.number) == [case.id]
    for typed in ("dang", "K77"):  # a search must not tell what the row does not
        assert found("coordinator", typed) == []
        assert found("requester.b", typed) == []
    assert found("requester.a", "%") == []


def test_the_worklist_asks_the_database_equally_often_for_one_case_and_many(
    context: Context, people: People
) -> None:
    def statements() -> int:
        count = 0

        def counted(*_: Any) -> None:
            nonlocal count
            count += 1

        event.listen(context.database.engine, "before_cursor_execute", counted)
        cases.list_cases(context, people["radiologist"])
        event.remove(context.database.engine, "before_cursor_execute", counted)
        return count

    asked(context, people)
    few = statements()
    for _ in range(6):
        asked(context, people)
    assert statements() == few
    assert cases.list_cases(context, people["radiologist"]).total == 7


def test_the_most_pressing_case_comes_first(context: Context, people: People, clock: Clock) -> None:
    routine = asked(context, people, priority="P3")
    clock.move(minutes=1)
    stroke = asked(context, people, priority="P0")
    clock.move(minutes=1)
    emergency = asked(context, people, priority="P1")
    rows = cases.list_cases(context, people["radiologist"]).rows
    assert [row.record.id for row in rows] == [stroke.id, emergency.id, routine.id]
    assert rows[0].time_left_seconds == 4 * 60


def test_a_worklist_can_ask_for_what_is_new(context: Context, people: People, clock: Clock) -> None:
    asked(context, people)
    clock.move(minutes=1)
    before = cases.list_cases(context, people["radiologist"])
    newer = asked(context, people)
    fresh = cases.list_cases(context, people["radiologist"], since=before.at)
    assert [row.record.id for row in fresh.rows] == [newer.id]


def test_filters(context: Context, people: People) -> None:
    one, other = asked(context, people), asked(context, people, priority="P3")
    cases.start_reading(context, people["radiologist"], one.id)

    def ids(**filters: Any) -> set[str]:
        listed = cases.list_cases(context, people["radiologist"], **filters)
        return {row.record.id for row in listed.rows}

    assert ids(states=["reading"]) == {one.id}
    assert ids(priorities=["P3"]) == {other.id}
    assert ids(mine=True) == {one.id}
    assert ids(area="pathology") == set()
    assert ids(study_instance_uid=other.study_instance_uids[0]) == {other.id}
    assert ids(limit=1, offset=1) | ids(limit=1) == {one.id, other.id}


def test_the_events_alone_rebuild_the_row(context: Context, people: People, clock: Clock) -> None:
    case = brought_to(context, people, State.INCOMPLETE)
    clock.move(hours=3)
    cases.complete(context, people["technician.a"], case.id)
    cases.start_reading(context, people["radiologist"], case.id)
    with context.database.read() as connection:
        row = connection.execute(select(table).where(table.c.id == case.id)).one()
        told = events.replay(events.history(connection, case.id))
    for column, value in told.items():
        assert events.as_json(row._mapping[column]) == value, column
    for column in set(row._mapping) - told.keys() - {"revision", "updated_at"}:
        assert not row._mapping[column], f"{column} was set, and no event tells of it"


def test_case_history_cannot_be_rewritten(context: Context, people: People) -> None:
    asked(context, people)
    for statement in (case_events.update().values(actor="x"), case_events.delete()):
        with pytest.raises(Exception, match="append-only"), context.database.begin() as connection:
            connection.execute(statement)


def test_a_revoked_grant_closes_the_door(context: Context, people: People) -> None:
    case = asked(context, people)
    uid = case.study_instance_uids[0]
    assert uid in access.read_scope(context, people["radiologist"]).studies
    cases.cancel(context, people["requester.a"], case.id, "gửi nhầm")
    assert access.read_scope(context, people["radiologist"]).studies == frozenset()
    assert access.read_scope(context, people["radiologist"], uid).studies == frozenset()
    with pytest.raises(NotFound):
        cases.get(context, people["radiologist"], case.id)
    with context.database.read() as connection:
        assert connection.scalar(select(share_grants.c.revoked_at)) is not None


def test_the_form_is_kept_as_typed(context: Context, people: People) -> None:
    case = asked(context, people)
    assert case.reason == REQUEST["reason"]
    assert case.clinical == REQUEST["clinical"]


def test_who_saw_whose_case_is_in_the_audit(context: Context, people: People, clock: Clock) -> None:
    case = asked(context, people)

    def seen() -> list[str]:
        with context.database.read() as connection:
            rows = connection.execute(
                select(audit_events).where(audit_events.c.event == "order record")
            ).all()
        return [row.actor for row in rows if row.subject.get("kind") == "seen"]

    for username in ("technician.a", "technician.a", "radiologist", "coordinator"):
        cases.get(context, people[username], case.id)
    assert seen() == ["technician.a", "radiologist"]  # the coordinator saw nobody's name
    clock.move(minutes=31)
    cases.get(context, people["technician.a"], case.id)
    assert seen() == ["technician.a", "radiologist", "technician.a"]
