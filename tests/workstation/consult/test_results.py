"""Results as readers have them: shared until corrected, signed only when confirmed."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from plugins.contributions import Exporter, ReportTemplate
from plugins.nouns import Case, Section, State, Text
from plugins.results import Grade
from tests.factories import EVERYTHING, ct_image, file_bytes, from_site
from tests.workstation.cases import arrive, asked, brought_to, signed, written
from tests.workstation.conftest import PASSWORD
from tests.workstation.results import (
    bright_registry,
    computed,
    content_of,
    made_of,
    row,
    shared_result,
)
from workstation import audit
from workstation.accounts import SYSTEM, Principal
from workstation.consult import case as cases
from workstation.consult import content as contents
from workstation.consult import draft as drafts
from workstation.consult import opinion as opinions
from workstation.consult import result_files, results
from workstation.consult.export import _export
from workstation.consult.result_runs import claim_result, record_computed, record_failed
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.database import audit_events
from workstation.database import opinions as opinion_table
from workstation.errors import Conflict, InvalidRequest, NotAllowed, NotFound

People = dict[str, Principal]

SECTIONS = (
    Section("findings", Text("Mô tả", "Findings"), required=True),
    Section("conclusion", Text("Kết luận", "Conclusion"), required=True),
)


def volumes(case: Case) -> Mapping[str, str]:
    found = case.result("bright")
    volume = found.result.value("volume") if found else None
    return {"findings": f"Thể tích {volume.value:g} mL." if volume and volume.value else ""}


TEMPLATE = ReportTemplate(
    "volumes", Text("Thể tích", "Volumes"), lambda study: True, SECTIONS, volumes
)
EXPORTER = Exporter("nothing", "Nothing", encode=lambda export: [])


@pytest.fixture
def context(context: Context) -> Context:
    """With one analysis and a template that reads it."""
    return replace(context, plugins=bright_registry(TEMPLATE, EXPORTER))


@pytest.fixture
def case(context: Context, people: People) -> CaseRecord:
    return brought_to(context, people, State.READING)


@pytest.fixture
def shared(context: Context, case: CaseRecord) -> Any:
    """The result of the case's study, as it was computed on arrival."""
    return computed(context, shared_result(context, case.study_instance_uids[0]))


def the_one(context: Context, people: People, case: CaseRecord) -> results.ResultView:
    (view,) = results.list_results(context, people["radiologist"], case.id).items
    return view


def confirmed(
    context: Context, people: People, case: CaseRecord, **more: Any
) -> results.ResultView:
    view = the_one(context, people, case)
    record = view.record
    return results.confirm(
        context, people["radiologist"], case.id, record.id, record.revision, **more
    )


def seen(context: Context, people: People, case: CaseRecord) -> dict[str, str]:
    kept = drafts.get_draft(context, people["radiologist"], case.id)
    return {one.id: one.content_hash for one in kept.results}


def sign(context: Context, people: People, case: CaseRecord, **more: Any) -> Any:
    author = people["radiologist"]
    _, revision = written(context, author, case)
    settings = {"kind": "final", "password": PASSWORD, "draft_revision": revision, **more}
    return opinions.sign(context, author, case.id, **settings)


def whats(context: Context) -> list[tuple[str, str]]:
    with context.database.read() as connection:
        found = connection.execute(
            select(audit_events).where(audit_events.c.event == "result")
        ).all()
    return [(one.actor, one.subject["what"]) for one in found]


def test_a_result_made_on_arrival_is_shared_by_the_cases_of_its_study(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    for username in ("radiologist", "requester.a", "technician.a"):
        (view,) = results.list_results(context, people[username], case.id).items
        assert (view.record.id, view.record.case_id) == (shared.id, None)
        assert view.permissions == (("edit", "confirm") if username == "radiologist" else ())
    assert results.get_result(context, people["requester.a"], shared.id).record.id == shared.id


@pytest.mark.parametrize(
    "stranger", ["requester.b", "pathologist", "admin", "radiologist.other", "coordinator.other"]
)
def test_for_strangers_there_is_no_result(
    context: Context, people: People, case: CaseRecord, shared: Any, stranger: str
) -> None:
    own = confirmed(context, people, case).record
    principal = people[stranger]
    for result_id in (shared.id, own.id):
        with pytest.raises(NotFound):
            results.get_result(context, principal, result_id)
        with pytest.raises(NotFound):
            results.find_layer(context, principal, result_id, "lesion")
        with pytest.raises(NotFound):
            results.edit(context, principal, case.id, result_id, {}, 1)
        with pytest.raises(NotFound):
            results.confirm(context, principal, case.id, result_id, 1)
    with pytest.raises(NotFound):
        results.list_results(context, principal, case.id)


def test_only_who_writes_the_opinion_corrects_and_confirms(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    for username in ("requester.a", "technician.a", "coordinator"):
        for act in (
            lambda who: results.edit(context, who, case.id, shared.id, {}, 1),
            lambda who: results.confirm(context, who, case.id, shared.id, 1),
            lambda who: results.reopen(context, who, case.id, shared.id),
            lambda who: results.cancel(context, who, case.id, shared.id),
            lambda who: results.start(context, who, case.id, "bright", case.study_instance_uids[0]),
        ):
            with pytest.raises(NotAllowed):
                act(people[username])
    with pytest.raises(NotAllowed):
        results.list_results(context, people["coordinator"], case.id)
    with pytest.raises(NotAllowed):
        results.confirm(context, SYSTEM, case.id, shared.id, 1)  # nobody's name


def test_the_first_correction_makes_the_case_its_own_copy(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    reader = people["radiologist"]
    made = results.edit(
        context, reader, case.id, shared.id, {"parameters": {"level": 40}}, shared.revision
    ).record
    assert (made.case_id, made.state, made.revision) == (case.id, "due", 2)
    assert made.id != shared.id
    # what there was is shown until its successor is there, from files of its own
    layer = results.find_layer(context, reader, made.id, "lesion")
    before = results.find_layer(context, reader, shared.id, "lesion")
    assert layer.path != before.path
    assert layer.path.samefile(before.path)
    assert row(context, shared.id)._mapping == shared._mapping

    own = computed(context, made.id)
    assert (own.state, own.content_revision, own.edits) == (
        "edited",
        2,
        {"parameters": {"level": 40}},
    )
    assert not layer.path.exists()
    assert before.path.exists()
    assert the_one(context, people, case).record.id == made.id


def test_another_case_of_the_study_keeps_the_shared_one(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    confirmed(context, people, case)
    study = context.archive.study(case.study_instance_uids[0], scope=EVERYTHING)
    other = asked(context, people, study)
    assert the_one(context, people, other).record.id == shared.id
    assert seen(context, people, other) == {}


def test_what_was_changed_elsewhere_is_a_conflict(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    first, second = people["radiologist"], people["radiologist.2"]
    made = results.edit(context, first, case.id, shared.id, {}, shared.revision).record
    acts: tuple[Callable[[str, int], Any], ...] = (
        lambda rid, revision: results.edit(context, second, case.id, rid, {}, revision),
        lambda rid, revision: results.confirm(context, second, case.id, rid, revision),
        lambda rid, revision: results.reopen(context, second, case.id, rid, revision),
    )
    for act in acts:
        with pytest.raises(Conflict) as caught:
            act(shared.id, shared.revision)
        assert caught.value.code == "stale_result"
        assert caught.value.details == {"id": made.id, "revision": made.revision}
        with pytest.raises(Conflict) as caught:
            act(made.id, shared.revision)
        assert caught.value.code == "stale_result"


def test_nothing_is_confirmed_that_is_not_computed(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    reader = people["radiologist"]
    made = results.edit(context, reader, case.id, shared.id, {}, 1).record
    with pytest.raises(Conflict) as caught:
        results.confirm(context, reader, case.id, made.id, made.revision)
    assert caught.value.code == "not_computed"
    claim = claim_result(context, made.id)
    assert claim is not None
    record_failed(context, claim, Text("Hỏng.", "Broken."))
    assert the_one(context, people, case).record.error == Text("Hỏng.", "Broken.")
    with pytest.raises(Conflict):
        results.confirm(context, reader, case.id, made.id, made.revision)


def test_red_quality_is_confirmed_knowingly(
    context: Context, people: People, case: CaseRecord
) -> None:
    computed(context, shared_result(context, case.study_instance_uids[0]), grade=Grade.RED)
    with pytest.raises(InvalidRequest) as caught:
        confirmed(context, people, case)
    assert caught.value.code == "red_quality"
    made = confirmed(context, people, case, acknowledge_red=True).record
    assert made.state == "confirmed"
    with context.database.read() as connection:
        last = connection.execute(
            select(audit_events).order_by(audit_events.c.sequence.desc()).limit(1)
        ).one()
    assert last.subject["acknowledged_red"] is True


def test_a_correction_withdraws_the_confirmation(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    reader = people["radiologist"]
    made = confirmed(context, people, case).record
    assert (made.confirmed_by.username, made.confirmed_at) == ("radiologist", context.clock())  # type: ignore[union-attr]
    assert confirmed(context, people, case).record == made  # a second time does no harm
    again = results.edit(context, reader, case.id, made.id, {"rejected": ["a"]}, 1).record
    assert (again.state, again.confirmed_by, again.confirmed_at) == ("due", None, None)
    computed(context, made.id)
    assert the_one(context, people, case).record.state == "edited"
    confirmed(context, people, case)
    results.reopen(context, reader, case.id, made.id, 2)
    assert the_one(context, people, case).record.state == "edited"
    with pytest.raises(Conflict):
        results.reopen(context, reader, case.id, made.id, 2)
    assert whats(context) == [
        ("system", "computed"),
        ("radiologist", "confirmed"),
        ("radiologist", "reopened"),
        ("radiologist", "edited"),
        ("system", "computed"),
        ("radiologist", "confirmed"),
        ("radiologist", "reopened"),
    ]
    assert audit.verify(context) is None


def test_new_images_withdraw_it_too(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    made = confirmed(context, people, case).record
    study = case.study_instance_uids[0]
    series = context.archive.study_series(study, scope=EVERYTHING)[0]
    late = ct_image(StudyInstanceUID=study, SeriesInstanceUID=series.series_instance_uid)
    context.archive.store_bytes(file_bytes(late), from_site("DEMO_A"))
    shared_result(context, study)
    own, common = row(context, made.id), row(context, shared.id)
    assert (own.state, own.revision, own.confirmed_by) == ("due", 2, None)
    assert (common.state, common.revision) == ("due", 2)
    assert ("system", "reopened") in whats(context)


def test_corrections_made_during_a_run_are_not_lost(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    reader = people["radiologist"]
    made = results.edit(context, reader, case.id, shared.id, {"rejected": ["a"]}, 1).record
    claim = claim_result(context, made.id)
    assert claim is not None
    results.edit(context, reader, case.id, made.id, {"rejected": ["a", "b"]}, 2)
    content = content_of(context, claim, made_of(context, claim.study_instance_uid))
    assert record_computed(context, claim, content)
    between = row(context, made.id)
    assert (between.state, between.revision, between.content_revision) == ("due", 3, 2)
    with pytest.raises(Conflict):
        results.confirm(context, reader, case.id, made.id, 3)
    own = computed(context, made.id)
    assert (own.state, own.content_revision) == ("edited", 3)
    assert not record_computed(context, claim, content)  # a straggler


def test_a_result_by_hand(context: Context, people: People, case: CaseRecord) -> None:
    reader, study = people["radiologist"], case.study_instance_uids[0]
    listed = results.list_results(context, reader, case.id)
    assert listed.items == ()
    assert [(one.analysis, one.study_instance_uid) for one in listed.startable] == [
        ("bright", study)
    ]
    for analysis, of in (("bright", "1.2.3"), ("other", study)):
        with pytest.raises(NotFound):
            results.start(context, reader, case.id, analysis, of)
    started = results.start(context, reader, case.id, "bright", study).record
    assert results.start(context, reader, case.id, "bright", study).record.id == started.id
    assert results.list_results(context, reader, case.id).startable == ()
    results.cancel(context, reader, case.id, started.id)
    assert claim_result(context, started.id) is None
    results.start(context, reader, case.id, "bright", study)
    assert computed(context, started.id).state == "computed"


def test_a_series_of_another_study_is_no_correction(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        results.edit(context, people["radiologist"], case.id, shared.id, {"series": "1.2.3"}, 1)
    assert caught.value.code == "series_not_of_study"
    other = arrive(context)
    foreign = context.archive.study_series(other.study_instance_uid, scope=EVERYTHING)[0]
    edits = {"series": foreign.series_instance_uid}
    with pytest.raises(InvalidRequest):
        results.edit(context, people["radiologist"], case.id, shared.id, edits, 1)


def test_confirmed_results_suggest_text_and_unconfirmed_ones_none(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    author = people["radiologist"]
    kept = drafts.get_draft(context, author, case.id)
    assert (kept.suggestions, kept.results) == ({}, ())
    assert kept.content["sections"]["findings"] == ""
    drafts.save_draft(context, author, case.id, {**kept.content, "language": "vi"}, 0)
    made = confirmed(context, people, case).record
    kept = drafts.get_draft(context, author, case.id)
    assert kept.suggestions == {"findings": "Thể tích 12.5 mL."}
    assert [one.id for one in kept.results] == [made.id]
    assert kept.content["sections"]["findings"] == ""  # nobody's text is written for him
    results.reopen(context, author, case.id, made.id)
    kept = drafts.get_draft(context, author, case.id)
    assert (kept.suggestions, kept.results) == ({}, ())


def test_a_fresh_draft_begins_with_what_is_confirmed(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    confirmed(context, people, case)
    kept = drafts.get_draft(context, people["radiologist"], case.id)
    assert kept.content["sections"]["findings"] == "Thể tích 12.5 mL."
    found = cases.load_case(context, case.id).result("bright")
    assert found is not None
    assert found.result.layers[0].load is not None


def test_an_opinion_freezes_what_is_confirmed(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    record = confirmed(context, people, case).record
    made = sign(context, people, case, results=seen(context, people, case))
    again = opinions.load_opinion(context, made.id)
    for opinion in (
        made,
        again,
        opinions.list_opinions(context, people["requester.a"], case.id)[0],
    ):
        (one,) = opinion.results
        assert (one.id, one.confirmed_by.username) == (record.id, "radiologist")
        assert one.confirmed_at == context.clock()
        array = one.result.layers[0].load()
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(
            array, made_of(context, record.study_instance_uid).layers[0].array
        )
    expected = made_of(context, record.study_instance_uid)
    assert again.results[0].result == expected  # arrays apart, which do not compare
    # what comes later changes nothing of it
    results.edit(
        context, people["radiologist"], case.id, record.id, {"rejected": ["x"]}, record.revision
    )
    computed(context, record.id, values=(), layers=())
    assert opinions.load_opinion(context, made.id) == again
    assert again.results[0].result.layers[0].load is not None
    assert opinions.load_opinion(context, made.id).results[0].result.layers[0].load().sum() == 18
    export = _export(context, EXPORTER, made.id, record.study_instance_uid)
    assert export.opinion.results == again.results
    frames = again.results[0].result.layers[0].frames
    assert {sop_instance_uid for sop_instance_uid, _ in frames} <= set(export.images)


def test_nothing_unconfirmed_is_in_an_opinion(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    made = signed(context, people, case)
    assert made.results == ()
    with context.database.read() as connection:
        text = connection.scalar(select(opinion_table.c.content))
    assert "12.5" not in str(text)


def test_results_that_changed_are_not_signed_in_silence(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    record = confirmed(context, people, case).record
    with pytest.raises(Conflict) as caught:
        sign(context, people, case)  # whoever signs does not know of it
    assert caught.value.code == "results_changed"
    before = seen(context, people, case)
    reader = people["radiologist.2"]
    results.edit(context, reader, case.id, record.id, {"rejected": ["x"]}, record.revision)
    with pytest.raises(Conflict):
        sign(context, people, case, results=before)  # it would be left out
    computed(context, record.id, grade=Grade.AMBER)
    results.confirm(context, reader, case.id, record.id, record.revision + 1)
    with pytest.raises(Conflict):
        sign(context, people, case, results=before)  # it says something else now
    made = sign(context, people, case, results=seen(context, people, case))
    assert made.results[0].result.grade is Grade.AMBER
    assert made.results[0].edits == {"rejected": ["x"]}


def test_an_addendum_says_only_what_is_new(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    confirmed(context, people, case)
    sign(context, people, case, results=seen(context, people, case))
    known = seen(context, people, case)
    added = sign(context, people, case, kind="addendum", reason="thêm", results=known)
    assert added.results == ()
    amended = sign(context, people, case, kind="amended", reason="sửa", results=known)
    assert len(amended.results) == 1


def test_an_opinion_from_before_there_were_results_still_loads(
    context: Context, people: People, case: CaseRecord
) -> None:
    made = signed(context, people, case)
    with context.database.read() as connection:
        text = connection.scalar(
            select(opinion_table.c.content).where(opinion_table.c.id == made.id)
        )
    said = json.loads(str(text))
    del said["results"]
    old = contents.opinion_of(contents.canonical(said), made.content_hash, Path)
    assert old == made


def test_a_layer_that_was_changed_or_lost_is_found(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    confirmed(context, people, case)
    made = sign(context, people, case, results=seen(context, people, case))
    assert list(opinions.verify_opinions(context)) == []
    sha256 = made.results[0].layer_hashes["lesion"]
    path = result_files.signed_path(context.settings.data, sha256)
    kept = path.read_bytes()
    array = bytearray(gzip.decompress(kept))
    array[0] ^= 1
    path.unlink()
    assert list(opinions.verify_opinions(context)) == [made.id]
    path.write_bytes(gzip.compress(bytes(array)))
    assert list(opinions.verify_opinions(context)) == [made.id]
    path.write_bytes(kept[:-9])
    assert list(opinions.verify_opinions(context)) == [made.id]
    path.write_bytes(kept)
    assert list(opinions.verify_opinions(context)) == []


def test_a_result_whose_files_are_gone_is_not_signed(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    record = confirmed(context, people, case).record
    results.find_layer(context, people["radiologist"], record.id, "lesion").path.unlink()
    with pytest.raises(Conflict) as caught:
        sign(context, people, case, results=seen(context, people, case))
    assert caught.value.code == "result_not_kept"
    assert opinions.list_opinions(context, people["radiologist"], case.id) == []
    assert drafts.get_draft(context, people["radiologist"], case.id).revision > 0


def test_a_locked_read_is_never_rewritten(
    context: Context, people: People, case: CaseRecord, shared: Any
) -> None:
    """What a reader saw alone stays what it was; a final read may be followed by another."""
    reader = people["radiologist"]
    alone = {"by": "radiologist", "at": "2026-11-23T05:00:00Z", "regions": {"M1": "early"}}
    other = {**alone, "regions": {"M1": "normal"}}

    def stored(**reads: Any) -> results.ResultView:
        one = the_one(context, people, case).record
        return results.edit(
            context, reader, case.id, one.id, {"reads": reads}, revision=one.revision
        )

    for early in ({"aided": alone}, {"final": alone}, {"independent": {**alone, "by": "admin"}}):
        with pytest.raises(InvalidRequest):
            stored(**early)
    stored(independent=alone)
    for changed in ({}, {"independent": other}, {"independent": other, "earlier": [alone]}):
        with pytest.raises(Conflict) as refused:
            stored(**changed)
        assert refused.value.code == "read_is_locked"
    stored(independent=alone, aided=other)
    with pytest.raises(Conflict):
        stored(independent=alone, aided=alone)
    stored(independent=alone, aided=other, final=other)
    with pytest.raises(Conflict):
        stored(independent=alone, aided=other, final=alone)
    kept = stored(independent=alone, aided=other, final=alone, earlier=[other])
    nothing_withheld = {"bright": {"revision": 1, "withheld": []}}
    assert kept.record.edits["reads"]["earlier"] == [{**other, "seen": nothing_withheld}]
