"""The reader first, the arithmetic second: what is withheld, until when, and what is remembered."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from plugins import testing
from plugins.contributions import Analysis
from plugins.nouns import State, Text
from plugins.registry import Guest, Registry
from plugins.results import Control, ControlKind, Layer, LayerKind, Result, Value
from tests.factories import EVERYTHING
from tests.workstation.cases import asked, brought_to
from tests.workstation.results import content_of, made_of
from workstation.accounts import Principal
from workstation.consult import result_reads, results
from workstation.consult.result_runs import (
    claim_result,
    mark_study,
    record_computed,
    record_subjects,
)
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.errors import Conflict, InvalidRequest, NotFound

People = dict[str, Principal]
REGISTRY = Registry(
    [
        Guest(
            "test",
            "1",
            "test",
            contributions=tuple(
                Analysis(name, Text(name, name), lambda study: (), lambda *_: testing.result())
                for name in ("picture", "score")
            ),
        )
    ]
)
ALONE = {"by": "radiologist", "at": "2026-11-23T05:00:00Z", "regions": {"M1": "early"}}


@pytest.fixture
def context(context: Context) -> Context:
    return replace(context, plugins=REGISTRY)


@pytest.fixture
def case(context: Context, people: People) -> CaseRecord:
    made = brought_to(context, people, State.READING)
    plan(context, made.study_instance_uids[0])
    return made


def plan(context: Context, study: str) -> None:
    """Both analyses of the study, computed."""
    series = context.archive.study_series(study, scope=EVERYTHING)[0]
    counts = {series.series_instance_uid: series.instance_count}
    with context.database.begin() as connection:
        mark_study(context, connection, study)
    for result_id in record_subjects(context, study, 1, {"picture": counts, "score": counts}):
        compute(context, result_id)


def compute(context: Context, result_id: str) -> None:
    claim = claim_result(context, result_id)
    assert claim is not None
    made = replace(
        picture(made_of(context, claim.study_instance_uid)),
        analysis=claim.analysis,
        title=Text(claim.analysis, claim.analysis),
    )
    if claim.analysis == "score":
        made = replace(made, values=(), layers=(), controls=())
    assert record_computed(context, claim, content_of(context, claim, made))


def picture(made: Result) -> Result:
    """Blood at once; dark regions only for who has scored."""
    (open_layer,), (open_value,) = made.layers, made.values
    dark = Layer(
        "dark",
        Text("Vùng tối", "Dark regions"),
        LayerKind.MAP,
        open_layer.series_instance_uid,
        open_layer.frames,
        np.ones(open_layer.array.shape, np.float32),
        withheld_until="score",
    )
    volume = Value(
        "dark_volume", Text("Thể tích", "Volume"), 7.0, open_value.unit, withheld_until="score"
    )
    turn = Control("level", Text("Mức", "Level"), ControlKind.NUMBER, 1.0, withheld_until="score")
    return replace(made, values=(open_value, volume), layers=(open_layer, dark), controls=(turn,))


def shown(context: Context, who: Principal, case: CaseRecord) -> dict[str, results.ResultView]:
    return {one.record.analysis: one for one in results.list_results(context, who, case.id).items}


def keys(view: results.ResultView) -> set[str]:
    content = view.record.content
    assert content is not None
    return {one["key"] for part in ("values", "layers", "controls") for one in content[part]}


def read(context: Context, people: People, case: CaseRecord, **reads: Any) -> dict[str, Any]:
    who = people["radiologist"]
    one = shown(context, who, case)["score"].record
    kept = results.edit(context, who, case.id, one.id, {"reads": reads}, one.revision).record
    return dict(kept.edits["reads"])


OPEN, CLOSED = {"lesion", "volume"}, {"dark", "dark_volume", "level"}


@pytest.mark.parametrize("first", [{"independent": ALONE}, {"declined": {"by": "radiologist"}}])
def test_what_leads_the_eye_stays_until_the_reader_has_spoken(
    context: Context, people: People, case: CaseRecord, first: dict[str, Any]
) -> None:
    everyone = [people[name] for name in ("radiologist", "requester.a", "technician.a")]
    reader = everyone[0]
    for who in everyone:
        view = shown(context, who, case)["picture"]
        assert keys(view) == OPEN
        (withheld,) = view.withheld
        assert (withheld.until, withheld.layers) == ("score", (Text("Vùng tối", "Dark regions"),))
        rid = view.record.id
        assert keys(results.get_result(context, who, rid)) == OPEN
        for place in (None, case.id):
            assert results.find_layer(context, who, rid, "lesion", place)
            with pytest.raises(NotFound):
                results.find_layer(context, who, rid, "dark", place)
    with pytest.raises(Conflict) as refused:
        results.confirm(context, reader, case.id, rid, 1)
    assert refused.value.code == "withheld"

    read(context, people, case, **first)
    for who in everyone:
        view = shown(context, who, case)["picture"]
        assert keys(view) == OPEN | CLOSED
        assert view.withheld == ()
        assert results.find_layer(context, who, rid, "dark", case.id)
        # nobody says for which case: as if nobody had read
        with pytest.raises(NotFound):
            results.find_layer(context, who, rid, "dark")
    assert results.confirm(context, reader, case.id, rid, 1).record.confirmed_by is not None


def test_another_case_of_the_study_is_read_on_its_own(
    context: Context, people: People, case: CaseRecord
) -> None:
    study = context.archive.study(case.study_instance_uids[0], scope=EVERYTHING)
    other = asked(context, people, study)
    read(context, people, case, independent=ALONE)
    sender = people["requester.a"]
    assert keys(shown(context, sender, case)["picture"]) == OPEN | CLOSED
    view = shown(context, sender, other)["picture"]
    assert keys(view) == OPEN
    with pytest.raises(NotFound):
        results.find_layer(context, sender, view.record.id, "dark", other.id)
    with pytest.raises(NotFound):
        results.get_result(context, people["requester.b"], view.record.id, case.id)


def test_corrections_before_the_read_give_nothing_away(
    context: Context, people: People, case: CaseRecord
) -> None:
    reader = people["radiologist"]
    one = shown(context, reader, case)["picture"].record
    own = results.edit(context, reader, case.id, one.id, {"rejected": ["lesion"]}, one.revision)
    assert own.record.case_id == case.id
    assert keys(own) == OPEN
    with pytest.raises(NotFound):
        results.find_layer(context, reader, own.record.id, "dark")
    read(context, people, case, independent=ALONE)
    assert results.find_layer(context, reader, own.record.id, "dark")


def test_each_read_says_what_could_be_seen_before_it(
    context: Context, people: People, case: CaseRecord
) -> None:
    forged = {**ALONE, "seen": {}}
    first = read(context, people, case, independent=forged)
    seen = first["independent"]["seen"]
    assert seen["picture"] == {"revision": 1, "withheld": sorted(CLOSED)}
    assert seen["score"] == {"revision": 1, "withheld": []}
    both = read(context, people, case, independent=ALONE, aided=ALONE)
    assert both["independent"] == first["independent"]
    assert both["aided"]["seen"]["picture"] == {"revision": 1, "withheld": []}


def test_to_decline_is_kept_with_name_and_time_and_never_undone(
    context: Context, people: People, case: CaseRecord
) -> None:
    for reads in (
        {"declined": {"by": "admin"}},
        {"declined": {"by": "radiologist"}, "independent": ALONE},
        {"declined": "yes"},
    ):
        with pytest.raises(InvalidRequest):
            read(context, people, case, **reads)
    kept = read(context, people, case, declined={"by": "radiologist", "at": "1970"})["declined"]
    assert kept["by"] == "radiologist"
    assert kept["at"] == context.clock().isoformat()
    assert kept["seen"]["picture"]["withheld"] == sorted(CLOSED)
    for reads in ({}, {"declined": kept, "independent": ALONE}):
        with pytest.raises(Conflict) as refused:
            read(context, people, case, **reads)
        assert refused.value.code == "read_is_locked"
    # a score is still possible, as one that was made with the aid in sight
    assert "final" in read(context, people, case, declined=kept, aided=ALONE, final=ALONE)


def test_where_nothing_can_be_read_nothing_waits() -> None:
    content = {"values": [{"key": "a", "withheld_until": "score"}], "layers": [], "controls": []}
    assert result_reads.withheld_from(content, []) == ()
    assert result_reads.withheld_from(None, []) == ()
    assert result_reads.without(content, ()) == content
