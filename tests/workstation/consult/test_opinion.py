"""Signed once, whole, and never changed."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from plugins.contributions import Exporter
from plugins.nouns import OpinionKind, State
from tests.workstation.cases import arrive, asked, brought_to, request, signed, written
from tests.workstation.conftest import PASSWORD, Clock
from tests.workstation.consult.test_annotations import mark
from workstation import accounts, audit, sites
from workstation.accounts import SYSTEM, Principal
from workstation.consult import annotations, deliveries, opinion
from workstation.consult import case as cases
from workstation.consult import draft as drafts
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.database import audit_events, case_events
from workstation.database import deliveries as delivery_rows
from workstation.database import drafts as draft_rows
from workstation.database import opinions as opinion_rows
from workstation.errors import (
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    TooManyAttempts,
    WorkstationError,
)

People = dict[str, Principal]


@pytest.fixture
def case(context: Context, people: People) -> CaseRecord:
    for number in (1, 2):
        sites.add_ae_title(
            context,
            SYSTEM,
            "DEMO_A",
            ae_title=f"PACS_A{number}",
            host="127.0.0.1",
            port=11113,
            receives=True,
        )
    sites.add_ae_title(
        context, SYSTEM, "DEMO_B", ae_title="PACS_B", host="127.0.0.1", port=11113, receives=True
    )
    return brought_to(context, people, State.READING)


def sign(
    context: Context, principal: Principal, case: CaseRecord, revision: int, **changes: Any
) -> Any:
    values = {"kind": "final", "password": PASSWORD, "draft_revision": revision, **changes}
    return opinion.sign(context, principal, case.id, **values)


def state(context: Context, case: CaseRecord) -> State:
    return cases.get(context, SYSTEM, case.id).state


def test_signing_freezes_everything(context: Context, people: People, case: CaseRecord) -> None:
    radiologist = people["radiologist"]
    made = annotations.add(context, radiologist, case.id, mark(context, case))
    image = mark(context, case)
    key_image = {
        "study_instance_uid": image["study_instance_uid"],
        "sop_instance_uid": image["sop_instance_uid"],
        "window_center": 40,
        "window_width": 80,
        "caption": "chảy máu",
    }
    opinion_ = signed(context, people, case, annotation_ids=[made.id], key_images=[key_image])
    assert opinion_.kind is OpinionKind.FINAL
    assert opinion_.version == 1
    assert [answer.text for answer in opinion_.answers] == ["Có.", "Có."]
    assert opinion_.annotations == (made,)
    assert opinion_.key_images[0].sop_class_uid == image["sop_class_uid"]
    assert opinion_.author.username == "radiologist"
    assert state(context, case) is State.FINAL
    # what happens to the mark afterwards does not reach what was signed
    annotations.change(context, radiologist, case.id, made.id, {"text": "đổi ý"})
    annotations.remove(context, radiologist, case.id, made.id)
    assert opinion.load_opinion(context, opinion_.id) == opinion_
    assert opinion.list_opinions(context, people["requester.a"], case.id) == [opinion_]
    with context.database.read() as connection:
        row = connection.execute(select(opinion_rows)).one()
    assert hashlib.sha256(row.content.encode()).hexdigest() == opinion_.content_hash
    assert json.loads(row.content)["patient"]["name"] == "NGUYEN^VAN A"
    assert list(opinion.verify_opinions(context)) == []
    assert audit.verify(context) is None


def test_the_database_refuses_to_change_what_was_signed(
    context: Context, people: People, case: CaseRecord
) -> None:
    signed(context, people, case)
    for statement in (opinion_rows.update().values(content="{}"), opinion_rows.delete()):
        with pytest.raises(DBAPIError, match="append-only"), context.database.begin() as connection:
            connection.execute(statement)


def test_tampered_content_is_found(context: Context, people: People, case: CaseRecord) -> None:
    made = signed(context, people, case)
    with context.database.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE opinions DISABLE TRIGGER USER")
        else:
            connection.exec_driver_sql("DROP TRIGGER opinions_no_update")
        connection.exec_driver_sql(
            "UPDATE opinions SET content = replace(content, 'recommended', 'none')"
        )
    assert list(opinion.verify_opinions(context)) == [made.id]


def test_one_delivery_for_each_receiving_ae_study_and_exporter(
    context: Context, people: People, case: CaseRecord
) -> None:
    made = signed(context, people, case)
    rows = deliveries.list_deliveries(context, people["requester.a"], case.id)
    exporters = [one.id for one in context.plugins.of(Exporter) if not one.fallback_for]
    assert exporters
    assert sorted((row.destination, row.exporter) for row in rows) == sorted(
        (destination, exporter) for destination in ("PACS_A1", "PACS_A2") for exporter in exporters
    )
    assert {row.state for row in rows} == {"due"}
    assert {row.opinion_id for row in rows} == {made.id}


@pytest.mark.parametrize("place", ["deliveries", "audit", "move"])
def test_a_crash_while_signing_leaves_nothing(
    context: Context,
    people: People,
    case: CaseRecord,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    _, revision = written(context, people["radiologist"], case)
    record = audit.record

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def crash_at_sign(connection: Any, event: Any, *args: Any, **more: Any) -> int:
        if event is audit.AuditEvent.SIGN:
            raise KeyboardInterrupt
        return record(connection, event, *args, **more)

    with monkeypatch.context() as patch:
        if place == "deliveries":
            patch.setattr(deliveries, "plan", crash)
        elif place == "audit":
            patch.setattr(audit, "record", crash_at_sign)
        else:
            patch.setattr(opinion, "move", crash)
        with pytest.raises(KeyboardInterrupt):
            sign(context, people["radiologist"], case, revision)
    with context.database.read() as connection:
        assert connection.execute(select(opinion_rows)).all() == []
        assert connection.execute(select(delivery_rows)).all() == []
        assert len(connection.execute(select(draft_rows)).all()) == 1
    assert state(context, case) is State.READING
    sign(context, people["radiologist"], case, revision)
    assert audit.verify(context) is None


def test_two_who_sign_at_the_same_moment(
    context: Context, people: People, case: CaseRecord
) -> None:
    both = [people["radiologist"], people["radiologist.2"]]
    revisions = [written(context, one, case)[1] for one in both]

    def try_to_sign(number: int) -> str:
        try:
            return str(sign(context, both[number], case, revisions[number]).author.username)
        except Conflict as conflict:
            return conflict.code

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(try_to_sign, range(2)))
    assert results.count("already_signed") == 1
    with context.database.read() as connection:
        assert len(connection.execute(select(opinion_rows)).all()) == 1
        left = connection.execute(select(draft_rows)).all()
    assert len(left) == 1  # whoever came second keeps the text
    loser = results.index("already_signed")
    assert left[0].author == both[loser].username


def test_a_second_radiologist_sees_the_first_and_may_take_over(
    context: Context, people: People, case: CaseRecord, clock: Clock
) -> None:
    second = people["radiologist.2"]
    clock.move(minutes=1)
    opened = cases.start_reading(context, second, case.id)
    assert opened.assignee is not None
    assert opened.assignee.username == "radiologist"
    readers = cases.readers(context, second, case.id)
    assert [(one.person.username, one.assigned) for one in readers] == [("radiologist", True)]
    readers = cases.readers(context, people["radiologist"], case.id)
    assert [(one.person.username, one.assigned) for one in readers] == [("radiologist.2", False)]
    clock.move(minutes=31)
    assert cases.readers(context, second, case.id) == []
    taken = cases.start_reading(context, second, case.id, take_over=True)
    assert taken.assignee is not None
    assert taken.assignee.username == "radiologist.2"
    assert taken.state is State.READING
    assert taken.started_at == case.started_at


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ({"answers": {"q1": "Có."}}, "answers.q2"),
        ({"answers": {"q1": "Có.", "q2": "  "}}, "answers.q2"),
        ({"sections": {"findings": "x"}}, "sections.conclusion"),
        ({"concordance": ""}, "concordance"),
        ({"transfer": ""}, "transfer"),
    ],
)
def test_every_question_is_answered(
    context: Context, people: People, case: CaseRecord, missing: dict[str, Any], field: str
) -> None:
    _, revision = written(context, people["radiologist"], case, **missing)
    with pytest.raises(InvalidRequest) as raised:
        sign(context, people["radiologist"], case, revision)
    assert field in raised.value.details["fields"]  # type: ignore[operator]
    assert state(context, case) is State.READING


def test_the_password_is_asked_again(context: Context, people: People, case: CaseRecord) -> None:
    _, revision = written(context, people["radiologist"], case)
    for _ in range(5):
        with pytest.raises(NotAllowed):
            sign(context, people["radiologist"], case, revision, password="wrong password")
    with pytest.raises(TooManyAttempts):
        sign(context, people["radiologist"], case, revision)
    assert state(context, case) is State.READING


def test_only_the_draft_that_was_seen_is_signed(
    context: Context, people: People, case: CaseRecord
) -> None:
    content, revision = written(context, people["radiologist"], case)
    drafts.save_draft(context, people["radiologist"], case.id, content, revision)
    with pytest.raises(Conflict) as raised:
        sign(context, people["radiologist"], case, revision)
    assert raised.value.code == "stale_draft"
    with pytest.raises(Conflict):
        sign(context, people["radiologist.2"], case, 1)


def test_who_may_sign(context: Context, people: People, case: CaseRecord) -> None:
    written(context, people["radiologist"], case)
    errors: dict[str, type[WorkstationError]] = {
        "requester.a": NotAllowed,
        "technician.a": NotAllowed,
        "coordinator": NotAllowed,
        "requester.b": NotFound,
        "pathologist": NotFound,
        "admin": NotFound,
        "radiologist.other": NotFound,
    }
    for username, error in errors.items():
        with pytest.raises(error):
            sign(context, people[username], case, 1)


def test_nobody_signs_his_own_request(context: Context, people: People) -> None:
    accounts.create_user(
        context,
        SYSTEM,
        username="both",
        name="Bác sĩ hai vai",
        site="DEMO_HUB",
        roles=["requester", "radiologist"],
        password=PASSWORD,
    )
    both = accounts.principal_of(context, "both")
    study = arrive(context, "DEMO_HUB")
    case = cases.create(context, both, request(study), submit=True)
    cases.get(context, both, case.id)
    with pytest.raises(NotAllowed):
        cases.start_reading(context, both, case.id)
    with pytest.raises(NotAllowed):
        sign(context, both, case, 1)
    cases.start_reading(context, people["radiologist"], case.id)


def test_a_preliminary_opinion_is_told_at_once_and_not_sent(
    context: Context, people: People, case: CaseRecord
) -> None:
    radiologist = people["radiologist"]
    only = {"sections": {"conclusion": "Chảy máu."}, "answers": {}, "transfer": ""}
    _, revision = written(context, radiologist, case, **only)
    made = sign(context, radiologist, case, revision, kind="preliminary")
    assert state(context, case) is State.PRELIMINARY
    assert opinion.list_opinions(context, people["requester.a"], case.id) == [made]
    assert deliveries.list_deliveries(context, people["requester.a"], case.id) == []
    _, revision = written(context, people["radiologist.2"], case)
    with pytest.raises(Conflict):
        sign(context, people["radiologist.2"], case, revision, kind="preliminary")
    final = signed(context, people, case)
    assert (final.version, final.predecessor) == (2, made.id)


def to_the_end(context: Context, people: People, case: CaseRecord) -> None:
    requester = people["requester.a"]
    cases.acknowledge(context, requester, case.id)
    cases.decide(context, requester, case.id, "partly", "Người nhà từ chối chuyển viện")
    cases.close(context, requester, case.id, {"diagnosis": "Chảy máu não", "transferred": True})


def test_an_addendum_to_a_closed_case_goes_home_again(
    context: Context, people: People, case: CaseRecord
) -> None:
    first = signed(context, people, case)
    to_the_end(context, people, case)
    assert state(context, case) is State.CLOSED
    added = {"sections": {"findings": "Thêm phim cũ"}, "answers": {}}
    _, revision = written(context, people["radiologist"], case, **added)
    with pytest.raises(InvalidRequest):
        sign(context, people["radiologist"], case, revision, kind="addendum")
    made = sign(
        context, people["radiologist"], case, revision, kind="addendum", reason="Có phim cũ"
    )
    assert (made.version, made.predecessor) == (2, first.id)
    assert state(context, case) is State.FINAL
    assert opinion.load_opinion(context, first.id) == first
    rows = deliveries.list_deliveries(context, people["requester.a"], case.id)
    assert {row.opinion_id for row in rows} == {first.id, made.id}


def test_amending_after_an_addendum_begins_with_the_whole_opinion(
    context: Context, people: People, case: CaseRecord
) -> None:
    radiologist = people["radiologist"]
    first = signed(context, people, case)
    _, revision = written(context, radiologist, case, sections={"findings": "Thêm phim cũ"})
    sign(context, radiologist, case, revision, kind="addendum", reason="Có phim cũ")
    kept = drafts.get_draft(context, radiologist, case.id, "amended")
    assert kept.content["sections"] == dict(first.sections)


def test_amending_begins_with_what_was_signed_and_is_the_authors_alone(
    context: Context, people: People, case: CaseRecord
) -> None:
    first = signed(context, people, case)
    kept = drafts.get_draft(context, people["radiologist"], case.id, "amended")
    assert kept.revision == 0
    assert kept.content["sections"] == dict(first.sections)
    assert kept.content["answers"] == {"q1": "Có.", "q2": "Có."}
    fresh = drafts.get_draft(context, people["radiologist"], case.id, "addendum")
    assert set(fresh.content["sections"].values()) == {""}
    content = {**kept.content, "transfer": "urgent"}
    revision = drafts.save_draft(context, people["radiologist"], case.id, content, 0)
    made = sign(context, people["radiologist"], case, revision, kind="amended", reason="Nhầm bên")
    assert made.kind is OpinionKind.AMENDED
    assert cases.get(context, people["radiologist"], case.id).transfer == "urgent"
    _, revision = written(context, people["radiologist.2"], case)
    with pytest.raises(NotAllowed):
        sign(context, people["radiologist.2"], case, revision, kind="amended", reason="x")
    accounts.change_user(context, SYSTEM, "radiologist", active=False)
    sign(context, people["radiologist.2"], case, revision, kind="addendum", reason="x")


def test_addendum_needs_something_to_add_to(
    context: Context, people: People, case: CaseRecord
) -> None:
    _, revision = written(context, people["radiologist"], case)
    with pytest.raises(Conflict):
        sign(context, people["radiologist"], case, revision, kind="addendum", reason="x")
    with pytest.raises(InvalidRequest):
        sign(context, people["radiologist"], case, revision, kind="verbal")


def test_a_mark_deleted_meanwhile_stops_the_signature(
    context: Context, people: People, case: CaseRecord
) -> None:
    radiologist = people["radiologist"]
    made = annotations.add(context, radiologist, case.id, mark(context, case))
    _, revision = written(context, radiologist, case, annotation_ids=[made.id])
    annotations.remove(context, radiologist, case.id, made.id)
    with pytest.raises(Conflict) as raised:
        sign(context, radiologist, case, revision)
    assert raised.value.code == "mark_gone"


def test_a_key_image_of_another_case_is_refused(
    context: Context, people: People, case: CaseRecord
) -> None:
    image = mark(context, asked(context, people))
    foreign = {key: image[key] for key in ("study_instance_uid", "sop_instance_uid")}
    _, revision = written(context, people["radiologist"], case, key_images=[foreign])
    with pytest.raises(InvalidRequest):
        sign(context, people["radiologist"], case, revision)


def test_landed_everywhere_is_delivered(context: Context, people: People, case: CaseRecord) -> None:
    signed(context, people, case)
    rows = deliveries.list_deliveries(context, people["requester.a"], case.id)

    def land(delivery_id: str, how: str) -> None:
        with context.database.begin() as connection:
            itself = delivery_rows.c.id == delivery_id
            connection.execute(delivery_rows.update().where(itself).values(state=how))
            cases.mark_delivered(context, connection, case.id)

    for row in rows[:-1]:
        land(row.id, "landed")
        assert state(context, case) is State.FINAL
    land(rows[-1].id, "refused")
    assert state(context, case) is State.DELIVERED
    with pytest.raises(Conflict):
        deliveries.retry(context, people["requester.a"], case.id, rows[0].id)
    again = deliveries.retry(context, people["requester.a"], case.id, rows[-1].id)
    assert again.state == "due"
    cases.acknowledge(context, people["requester.a"], case.id)
    land(rows[-1].id, "landed")
    assert state(context, case) is State.ACKNOWLEDGED


def test_an_opinion_waits_for_a_hospital_without_a_pacs(context: Context, people: People) -> None:
    case = brought_to(context, people, State.READING)
    signed(context, people, case)
    rows = deliveries.list_deliveries(context, people["requester.a"], case.id)
    assert {row.destination for row in rows} == {""}
    sites.add_ae_title(
        context, SYSTEM, "DEMO_A", ae_title="NEW_PACS", host="127.0.0.1", port=4242, receives=True
    )
    rows = deliveries.list_deliveries(context, people["requester.a"], case.id)
    assert {(row.destination, row.state) for row in rows} == {("NEW_PACS", "due")}


def test_signing_is_in_event_log_and_audit(
    context: Context, people: People, case: CaseRecord
) -> None:
    made = signed(context, people, case)
    with context.database.read() as connection:
        event = connection.execute(
            select(case_events).where(case_events.c.kind == "sign final")
        ).one()
        row = connection.execute(select(audit_events).where(audit_events.c.event == "sign")).one()
    assert event.detail["opinion_id"] == made.id
    assert row.subject["content_hash"] == made.content_hash
    assert row.actor == "radiologist"
