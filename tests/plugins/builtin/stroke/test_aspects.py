"""The reader first, the aid second; three reads kept; totals and ranges."""

import json
from typing import Any

import numpy as np
import pytest

from kernels.stroke_phantom import Finding, stroke_phantom
from plugins.builtin.stroke import aspects, codes
from plugins.builtin.stroke.scores import score_values, total
from plugins.nouns import Study
from plugins.results import Result
from tests.plugins.builtin.stroke.studies import Bench, phantom_series, study_of

NORMAL = dict.fromkeys(("C", "L", "IC", "I", "M1", "M2", "M3", "M4", "M5", "M6"), "normal")


def read(**states: str) -> dict[str, Any]:
    return {
        "by": "radiologist",
        "at": "2026-11-23T05:00:00Z",
        "seconds": 40,
        "regions": {"aspects": {"right": {**NORMAL, **states}, "left": dict(NORMAL)}},
    }


@pytest.fixture(scope="module")
def study() -> Study:
    """A dark insula, lentiform nucleus and M2 on the right."""
    phantom = stroke_phantom(
        [Finding("infarct", "right", 30.0, centre_mm=(-46.0, -5.0, 8.0), hu=-7.0)],
        (32, 200, 200),
        (4.0, 1.15, 1.15),
        seed=41,
    )
    return study_of(phantom_series(phantom))


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def computed(study: Study, bench: Bench, **reads: Any) -> Result:
    return aspects.compute(study, {"reads": reads} if reads else {}, bench)


def test_nothing_of_the_densities_is_told_before_the_readers_own_read(
    study: Study, bench: Bench
) -> None:
    result = computed(study, bench)

    assert result.form == "aspects"
    assert result.detail["aid"] is None
    assert not result.values
    assert not result.layers
    assert not result.handles
    uids = {i.sop_instance_uid for i in study.series[0].instances}
    assert set(result.detail["levels"]) == {"ganglionic", "supraganglionic", "posterior"}
    assert all(place["sop_instance_uid"] in uids for place in result.detail["levels"].values())


def test_a_reader_who_declines_to_score_gets_the_aid_and_no_score(
    study: Study, bench: Bench
) -> None:
    result = computed(study, bench, declined={"by": "reader", "at": "2026-11-23T03:00:00Z"})

    assert result.detail["aid"]["side"] == "right"
    assert result.layer("regions") is not None
    assert not result.values


def test_the_aid_finds_the_dark_side_after_the_read(study: Study, bench: Bench) -> None:
    result = computed(study, bench, independent=read(M2="early"))

    aid = result.detail["aid"]
    assert aid["side"] == "right"
    suggested = {
        name for name, one in aid["regions"]["right"].items() if one["suggestion"] == "early"
    }
    assert {"I", "M2"} & suggested
    assert all(one["suggestion"] != "early" for one in aid["regions"]["left"].values())
    for name in suggested:
        one = aid["regions"]["right"][name]
        assert one["delta_hu"] <= -2
        assert one["low"] < one["delta_hu"] < one["high"] < 0
        assert aid["regions"]["left"][name]["delta_hu"] == -one["delta_hu"]
    assert {handle.key for handle in result.handles} >= {"M2_right", "M2_left", "occipital_left"}
    json.dumps(result.detail, allow_nan=False)


def test_a_dragged_region_is_measured_where_it_lies(study: Study, bench: Bench) -> None:
    before = computed(study, bench, independent=read())
    handle = next(one for one in before.handles if one.key == "M2_right")
    moved = [[x + 6.0, y, z] for x, y, z in handle.points_mm]

    edits = {"reads": {"independent": read()}, "handles": {"M2_right": moved}}
    after = aspects.compute(study, edits, bench)

    first, second = (r.detail["aid"]["regions"]["right"]["M2"] for r in (before, after))
    assert first != second
    back = next(one for one in after.handles if one.key == "M2_right")
    assert np.allclose(back.points_mm, moved, atol=1e-6)


def test_all_three_reads_are_kept_and_only_the_final_is_coded(study: Study, bench: Bench) -> None:
    result = computed(
        study,
        bench,
        independent=read(M2="early"),
        aided=read(M2="early", I="early"),
        final=read(M2="early", I="early", M3="not_assessable"),
    )

    scores = {value.key: (value.low, value.value) for value in result.values}
    assert scores["aspects_right_independent"] == (9, 9)
    assert scores["aspects_right_aided"] == (8, 8)
    assert scores["aspects_right_final"] == (7, 8)
    coded = {value.key for value in result.values if value.name is not None}
    assert coded == {"aspects_right_final", "aspects_left_final"}
    final = result.value("aspects_right_final")
    assert final is not None
    assert final.name == codes.ASPECTS
    assert final.laterality == codes.RIGHT


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, (10, 10)),
        ({"C": "early", "M1": "old"}, (9, 9)),
        ({"C": "not_assessable", "L": "not_assessable", "I": "early"}, (7, 9)),
        (dict.fromkeys(NORMAL, "early"), (0, 0)),
        ({"midline pons": "early", "left thalamus": "early"}, (7, 7)),
        ({"midline midbrain": "not_assessable"}, (8, 10)),
    ],
)
def test_totals(states: dict[str, str], expected: tuple[int, int]) -> None:
    assert total(states) == expected


def test_posterior_circulation() -> None:
    scored = {
        "right": {"thalamus": "normal", "cerebellum": "early", "occipital": "early"},
        "left": {"thalamus": "normal", "cerebellum": "normal", "occipital": "normal"},
        "midline": {"midbrain": "normal", "pons": "early"},
    }

    (value,) = score_values({"final": {"regions": {"pc_aspects": scored}}})

    assert (value.value, value.name) == (6, codes.PC_ASPECTS)
