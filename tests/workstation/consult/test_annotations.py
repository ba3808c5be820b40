"""Marks are saved once, belong to their author, and do not lie about their size."""

import math
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_node.records import ReadScope
from plugins.nouns import AnnotationKind
from tests.workstation.cases import asked
from workstation.accounts import Principal
from workstation.consult import annotations
from workstation.consult import case as cases
from workstation.consult.measuring import checked_measurements
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.errors import Conflict, InvalidRequest, NotAllowed, NotFound

People = dict[str, Principal]


def mark(context: Context, case: CaseRecord, **changes: Any) -> dict[str, Any]:
    """A length of 5 mm on the first image of the case."""
    study = case.study_instance_uids[0]
    scope = ReadScope(studies=frozenset({study}))
    image = context.archive.study_instances(study, scope=scope)[0]
    return {
        "kind": "length",
        "study_instance_uid": study,
        "series_instance_uid": image.series_instance_uid,
        "sop_instance_uid": image.sop_instance_uid,
        "sop_class_uid": image.sop_class_uid,
        "frame_number": 1,
        "frame_of_reference_uid": "1.2.3",
        "points_mm": [[0, 0, 0], [3, 4, 0]],
        "text": "dải",
        "measurements": [{"name": "length", "value": 5.0, "unit": "mm"}],
        "origin": {"plane": "axial"},
        **changes,
    }


@pytest.fixture
def case(context: Context, people: People) -> CaseRecord:
    case = asked(context, people)
    return cases.start_reading(context, people["radiologist"], case.id)


def test_a_mark_comes_back_in_another_browser(
    context: Context, people: People, case: CaseRecord
) -> None:
    made = annotations.add(context, people["radiologist"], case.id, mark(context, case))
    for username in ("radiologist.2", "requester.a", "technician.a"):
        listed = annotations.list_annotations(context, people[username], case.id)
        assert listed.items == (made,)
        assert listed.revision == 1
    assert made.author.site == "DEMO_HUB"
    assert made.measurements == ({"name": "length", "value": 5.0, "unit": "mm"},)


def test_the_same_id_is_saved_once(context: Context, people: People, case: CaseRecord) -> None:
    content = mark(context, case, id=str(uuid.uuid4()))
    with ThreadPoolExecutor(6) as pool:
        made = list(
            pool.map(
                lambda _: annotations.add(context, people["radiologist"], case.id, content),
                range(6),
            )
        )
    assert len({one.id for one in made}) == 1
    assert annotations.list_annotations(context, people["radiologist"], case.id).revision == 1
    with pytest.raises(Conflict):
        annotations.add(context, people["radiologist.2"], case.id, content)


def test_revisions_tell_what_is_new(context: Context, people: People, case: CaseRecord) -> None:
    radiologist = people["radiologist"]
    first = annotations.add(context, radiologist, case.id, mark(context, case))
    second = annotations.add(context, radiologist, case.id, mark(context, case))
    annotations.change(context, radiologist, case.id, first.id, {"text": "khác"})
    annotations.remove(context, radiologist, case.id, second.id)
    fresh = annotations.list_annotations(context, radiologist, case.id, since=2)
    assert [(one.id, one.revision, one.deleted) for one in fresh.items] == [
        (first.id, 3, False),
        (second.id, 4, True),
    ]
    assert fresh.revision == 4
    everything = annotations.list_annotations(context, radiologist, case.id)
    assert [one.text for one in everything.items] == ["khác"]


def test_concurrent_marks_take_different_revisions(
    context: Context, people: People, case: CaseRecord
) -> None:
    content = mark(context, case)
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(
                lambda _: annotations.add(context, people["radiologist"], case.id, content),
                range(20),
            )
        )
    assert sorted(one.revision for one in made) == list(range(1, 21))


def test_marks_belong_to_their_author(context: Context, people: People, case: CaseRecord) -> None:
    made = annotations.add(context, people["radiologist"], case.id, mark(context, case))
    for username, error in (
        ("radiologist.2", NotAllowed),
        ("requester.a", NotAllowed),
        ("technician.a", NotAllowed),
        ("requester.b", NotFound),
        ("pathologist", NotFound),
        ("coordinator", NotAllowed),
    ):
        with pytest.raises(error):
            annotations.change(context, people[username], case.id, made.id, {"text": "x"})
        with pytest.raises(error):
            annotations.remove(context, people[username], case.id, made.id)
    other = asked(context, people)
    with pytest.raises(NotFound):
        annotations.remove(context, people["radiologist"], other.id, made.id)


def test_deleting_twice_does_no_harm_and_a_deleted_mark_stays_deleted(
    context: Context, people: People, case: CaseRecord
) -> None:
    radiologist = people["radiologist"]
    made = annotations.add(context, radiologist, case.id, mark(context, case))
    gone = annotations.remove(context, radiologist, case.id, made.id)
    assert annotations.remove(context, radiologist, case.id, made.id) == gone
    with pytest.raises(NotFound):
        annotations.change(context, radiologist, case.id, made.id, {"text": "x"})


def test_requesters_draw_too_and_technicians_do_not(
    context: Context, people: People, case: CaseRecord
) -> None:
    local = annotations.add(context, people["requester.a"], case.id, mark(context, case))
    assert local.author.site == "DEMO_A"
    with pytest.raises(NotAllowed):
        annotations.add(context, people["technician.a"], case.id, mark(context, case))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sop_instance_uid": "1.2.3.4"},
        {"study_instance_uid": "1.2.3.4"},
        {"study_instance_uid": "1.2.3.4", "sop_instance_uid": ""},
        {"kind": "spiral"},
        {"points_mm": [[0, 0, 0]]},
        {"points_mm": [[0, 0, 0], [0, 0, math.nan]]},
        {"points_mm": [[-1e308, 0, 0], [1e308, 0, 0]]},
        {"points_mm": [[0, 0], [1, 1]]},
        {"measurements": [{"name": "length", "value": 6.0, "unit": "mm"}]},
        {"measurements": [{"name": "length", "value": 5.0, "unit": "cm"}]},
        {"measurements": [{"name": "area", "value": 5.0, "unit": "mm2"}]},
        {"measurements": [{"name": "length", "value": 5.0, "unit": "furlong"}]},
        {"text": "x" * 5000},
        {"id": "not a uuid"},
        {"kind": "text", "points_mm": [[0, 0, 0]], "measurements": [], "text": " "},
        {"kind": "counter", "measurements": [{"name": "density", "value": 1.0, "unit": "/mm2"}]},
        {"kind": "counter", "measurements": [], "origin": {"area_mm2": 0}},
        {"kind": "counter", "measurements": [], "origin": {"area_mm2": "2"}},
        {"classification": {"name": "U"}},
        {"classification": {"name": "", "colour": "#ff0000"}},
        {"classification": {"name": "U", "colour": "red"}},
        {"classification": {"name": "U", "colour": "#ff0000", "more": 1}},
        {"classification": {"name": "U", "colour": "#ff0000", "code": {"value": "1"}}},
    ],
)
def test_what_cannot_be_is_refused(
    context: Context, people: People, case: CaseRecord, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        annotations.add(context, people["radiologist"], case.id, {**mark(context, case), **wrong})


def test_marks_of_a_reformatted_plane_need_no_image(
    context: Context, people: People, case: CaseRecord
) -> None:
    content = mark(context, case, sop_instance_uid="", sop_class_uid="")
    assert annotations.add(context, people["radiologist"], case.id, content).sop_instance_uid == ""


def test_an_uncalibrated_image_keeps_its_pixels(
    context: Context, people: People, case: CaseRecord
) -> None:
    content = mark(
        context, case, measurements=[{"name": "length", "value": 5.0, "unit": "{pixel}"}]
    )
    made = annotations.add(context, people["radiologist"], case.id, content)
    assert made.measurements == ({"name": "length", "value": 5.0, "unit": "{pixel}"},)


TUMOUR = {
    "name": "U",
    "colour": "#C80000",
    "code": {"value": "108369006", "scheme_designator": "SCT", "meaning": "Neoplasm"},
}


def test_a_class_has_name_colour_and_code_and_may_change(
    context: Context, people: People, case: CaseRecord
) -> None:
    radiologist = people["radiologist"]
    content = mark(context, case, classification=TUMOUR)
    made = annotations.add(context, radiologist, case.id, content)
    assert made.classification == {**TUMOUR, "colour": "#c80000"}
    plain = {"name": "Mô đệm", "colour": "#00aa00"}
    changed = annotations.change(context, radiologist, case.id, made.id, {"classification": plain})
    assert changed.classification == plain
    cleared = annotations.change(context, radiologist, case.id, made.id, {"classification": {}})
    assert cleared.classification == {}


def test_counts_and_their_density_follow_from_the_points(
    context: Context, people: People, case: CaseRecord
) -> None:
    points = [[x / 10, 0, 0] for x in range(7)]
    content = mark(
        context,
        case,
        kind="counter",
        points_mm=points,
        measurements=[{"name": "count", "value": 7, "unit": "{count}"}],
        origin={"area_mm2": 2},
    )
    made = annotations.add(context, people["radiologist"], case.id, content)
    assert list(made.measurements) == [
        {"name": "count", "value": 7.0, "unit": "{count}"},
        {"name": "area", "value": 2.0, "unit": "mm2"},
        {"name": "density", "value": 3.5, "unit": "/mm2"},
    ]
    text = mark(context, case, kind="text", points_mm=[[0, 0, 0]], measurements=[])
    assert annotations.add(context, people["radiologist"], case.id, text).text == "dải"


@pytest.mark.parametrize(("said", "accepted"), [(12.04, True), (12.6, False)])
def test_micrometres_are_compared_as_micrometres(said: float, accepted: bool) -> None:
    ends = [(1.0, 2.0, 0.0), (1.012, 2.0, 0.0)]
    given = [{"name": "length", "value": said, "unit": "um"}]
    if accepted:
        assert checked_measurements(AnnotationKind.LENGTH, ends, given) == [
            {"name": "length", "value": pytest.approx(0.012), "unit": "mm"}
        ]
    else:
        with pytest.raises(InvalidRequest):
            checked_measurements(AnnotationKind.LENGTH, ends, given)


def test_many_marks_are_saved_all_or_none(
    context: Context, people: People, case: CaseRecord
) -> None:
    radiologist = people["radiologist"]
    contents = [
        mark(context, case, id=str(uuid.uuid4()), text=str(number)) for number in range(700)
    ]
    wrong = [*contents[:-1], {**contents[-1], "kind": "spiral"}]
    with pytest.raises(InvalidRequest) as refused:
        annotations.add_many(context, radiologist, case.id, wrong)
    assert refused.value.details["item"] == 699
    elsewhere = [*contents[:-1], {**contents[-1], "sop_instance_uid": "1.2.3.4"}]
    with pytest.raises(InvalidRequest):
        annotations.add_many(context, radiologist, case.id, elsewhere)
    assert annotations.list_annotations(context, radiologist, case.id).items == ()
    made = annotations.add_many(context, radiologist, case.id, contents)
    assert [one.text for one in made] == [str(number) for number in range(700)]
    assert [one.revision for one in made] == list(range(1, 701))
    # a second time, after a lost answer, with a few more
    more = [*contents[:3], mark(context, case, text="thêm")]
    again = annotations.add_many(context, radiologist, case.id, more)
    assert again[:3] == made[:3]
    assert again[3].revision == 701


def test_many_marks_have_limits(
    context: Context, people: People, case: CaseRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    radiologist = people["radiologist"]
    content = mark(context, case)
    with pytest.raises(InvalidRequest):
        annotations.add_many(context, radiologist, case.id, [content] * 5001)
    twice = mark(context, case, id=str(uuid.uuid4()))
    with pytest.raises(InvalidRequest):
        annotations.add_many(context, radiologist, case.id, [twice, twice])
    monkeypatch.setattr(annotations, "MOST_PER_CASE", 10)
    annotations.add_many(context, radiologist, case.id, [content] * 9)
    with pytest.raises(Conflict):
        annotations.add_many(context, radiologist, case.id, [content] * 2)
    with pytest.raises(NotAllowed):
        annotations.add_many(context, people["technician.a"], case.id, [content])
    with pytest.raises(NotFound):
        annotations.add_many(context, people["requester.b"], case.id, [content])


coordinate = st.floats(-500, 500, allow_nan=False)
point = st.tuples(coordinate, coordinate, coordinate)


@given(point, point, st.floats(0.9, 1.1))
def test_a_length_off_by_more_than_the_tolerance_is_refused(
    first: tuple[float, float, float], second: tuple[float, float, float], factor: float
) -> None:
    true = math.dist(first, second)
    said = [{"name": "length", "value": true * factor, "unit": "mm"}]
    off = abs(true * factor - true)
    acceptable = off <= max(0.05, 0.005 * max(true, true * factor))
    if math.isclose(off, max(0.05, 0.005 * max(true, true * factor)), rel_tol=1e-6):
        return
    try:
        kept = checked_measurements(AnnotationKind.LENGTH, [first, second], said)
    except InvalidRequest:
        assert not acceptable
    else:
        assert acceptable
        assert kept[0]["value"] == pytest.approx(true)


@given(
    st.floats(0.5, 200),
    st.floats(0.5, 200),
    st.floats(0, math.pi),
    st.floats(0, math.pi),
)
def test_areas_hold_in_any_plane(long: float, short: float, tilt: float, turn: float) -> None:
    u = np.array([math.cos(turn), math.sin(turn), 0.0])
    v = np.array(
        [-math.sin(turn) * math.cos(tilt), math.cos(turn) * math.cos(tilt), math.sin(tilt)]
    )
    ellipse = [u * long / 2, -u * long / 2, v * short / 2, -v * short / 2]
    kept = checked_measurements(
        AnnotationKind.ELLIPSE, [tuple(one.tolist()) for one in ellipse], []
    )
    assert kept[0]["value"] == pytest.approx(math.pi * long * short / 4)
    rectangle = [0 * u, u * long, u * long + v * short, v * short]
    kept = checked_measurements(
        AnnotationKind.RECTANGLE, [tuple(one.tolist()) for one in rectangle], []
    )
    assert kept[0]["value"] == pytest.approx(long * short)
