"""Points come back as they came, to those who may see the case, and as they were signed."""

from pathlib import Path

import numpy as np
import pytest

from tests.workstation.cases import written
from tests.workstation.conftest import PASSWORD
from tests.workstation.slides import read_slide, slide_case
from workstation.accounts import Principal
from workstation.consult import opinion as opinions
from workstation.consult import point_sets
from workstation.consult.point_sets import NewPointSet
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.database import point_set_data
from workstation.errors import Conflict, InvalidRequest, NotAllowed, NotFound

People = dict[str, Principal]
MITOSIS = {"name": "Nhân phân chia", "colour": "#00c8ff"}


@pytest.fixture
def case(context: Context, people: People, test_data: Path) -> CaseRecord:
    return slide_case(context, people, test_data)


def some_points(count: int = 1000) -> np.ndarray:
    return (np.random.default_rng(4).random((count, 2)) * 2000).astype(np.float32)


def test_points_come_back_as_they_came(context: Context, people: People, case: CaseRecord) -> None:
    pathologist = people["pathologist"]
    points = some_points()
    new = NewPointSet(points, name="  Nhân  ", classification=MITOSIS, algorithm="StarDist")
    made = point_sets.add(context, pathologist, case.id, "", new)
    slide = read_slide(context, case)
    assert (made.name, made.count, made.vertices) == ("Nhân", 1000, 1000)
    assert made.classification == MITOSIS
    assert made.sop_instance_uid == slide.sop_instance_uid
    assert made.frame_of_reference_uid == slide.frame_of_reference_uid
    for username in ("pathologist", "requester.a", "technician.a"):
        (listed,) = point_sets.list_point_sets(context, people[username], case.id)
        assert listed == made
        data, tag = point_sets.points_bytes(context, people[username], case.id, made.id)
        assert data == points.tobytes()
        assert tag == made.content_hash
    assert made.load is not None
    loaded, starts = made.load()
    np.testing.assert_array_equal(loaded, points)
    assert starts.size == 0


def test_outlines_say_where_each_begins(context: Context, people: People, case: CaseRecord) -> None:
    pathologist = people["pathologist"]
    starts = np.array([0, 3, 500], np.uint32)
    new = NewPointSet(some_points(), starts, "POLYGON")
    made = point_sets.add(context, pathologist, case.id, "", new)
    assert (made.count, made.vertices) == (3, 1000)
    data, _ = point_sets.starts_bytes(context, pathologist, case.id, made.id)
    assert data == starts.tobytes()


def test_a_million_points_are_eight_megabytes(
    context: Context, people: People, case: CaseRecord
) -> None:
    new = NewPointSet(some_points(1_000_000))
    made = point_sets.add(context, people["pathologist"], case.id, "", new)
    data, _ = point_sets.points_bytes(context, people["requester.a"], case.id, made.id)
    assert len(data) == 8_000_000


@pytest.mark.parametrize(
    "wrong",
    [
        NewPointSet(np.empty((0, 2), np.float32)),
        NewPointSet(np.array([[np.nan, 1]], np.float32)),
        NewPointSet(np.array([[np.inf, 1]], np.float32)),
        NewPointSet(np.array([[1e9, 1]], np.float32)),
        NewPointSet(np.zeros((4, 3), np.float32)),
        NewPointSet(np.zeros((4, 2), np.float32), graphic_type="ELLIPSE"),
        NewPointSet(np.zeros((4, 2), np.float32), graphic_type="POLYGON"),
        NewPointSet(np.zeros((4, 2), np.float32), np.array([0, 9], np.uint32), "POLYGON"),
        NewPointSet(np.zeros((4, 2), np.float32), np.array([1, 2], np.uint32), "POLYGON"),
        NewPointSet(np.zeros((4, 2), np.float32), np.array([0, 2, 2], np.uint32), "POLYGON"),
        NewPointSet(np.zeros((4, 2), np.float32), np.array([0], np.uint32), "POINT"),
        NewPointSet(np.zeros((4, 2), np.float32), classification={"name": "x"}),
    ],
)
def test_what_cannot_be_is_refused(
    context: Context, people: People, case: CaseRecord, wrong: NewPointSet
) -> None:
    with pytest.raises(InvalidRequest):
        point_sets.add(context, people["pathologist"], case.id, "", wrong)
    assert point_sets.list_point_sets(context, people["pathologist"], case.id) == ()


def test_they_belong_to_whoever_brought_them_and_to_the_case(
    context: Context, people: People, case: CaseRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    pathologist = people["pathologist"]
    new = NewPointSet(some_points(3))
    made = point_sets.add(context, pathologist, case.id, "", new)
    with pytest.raises(InvalidRequest):
        point_sets.add(context, pathologist, case.id, "1.2.3", new)
    for username, error in (
        ("technician.a", NotAllowed),
        ("requester.b", NotFound),
        ("radiologist", NotFound),
    ):
        with pytest.raises(error):
            point_sets.add(context, people[username], case.id, "", new)
        with pytest.raises(error):
            point_sets.remove(context, people[username], case.id, made.id)
    for username in ("requester.b", "radiologist", "admin"):
        with pytest.raises(NotFound):
            point_sets.list_point_sets(context, people[username], case.id)
        with pytest.raises(NotFound):
            point_sets.points_bytes(context, people[username], case.id, made.id)
    with pytest.raises(NotAllowed):
        point_sets.remove(context, people["requester.a"], case.id, made.id)
    monkeypatch.setattr(point_sets, "MOST_PER_CASE", 1)
    with pytest.raises(Conflict):
        point_sets.add(context, pathologist, case.id, "", new)
    assert point_sets.remove(context, pathologist, case.id, made.id) == made
    assert point_sets.remove(context, pathologist, case.id, made.id) == made
    assert point_sets.list_point_sets(context, pathologist, case.id) == ()


def test_an_opinion_keeps_what_it_names_and_notices_a_change(
    context: Context, people: People, case: CaseRecord
) -> None:
    pathologist = people["pathologist"]
    made = point_sets.add(context, pathologist, case.id, "", NewPointSet(some_points(5)))
    _, revision = written(context, pathologist, case, annotation_ids=[made.id])
    signed = opinions.sign(
        context, pathologist, case.id, kind="final", password=PASSWORD, draft_revision=revision
    )
    (named,) = signed.point_sets
    assert named == made
    point_sets.remove(context, pathologist, case.id, made.id)
    (again,) = opinions.load_opinion(context, signed.id).point_sets
    assert again == made
    assert again.load is not None
    np.testing.assert_array_equal(again.load()[0], some_points(5))
    assert list(opinions.verify_opinions(context)) == []
    with context.database.begin() as connection:
        connection.execute(point_set_data.update().values(points=b"\0" * 40))
    assert list(opinions.verify_opinions(context)) == [signed.id]
    with pytest.raises(ValueError):
        again.load()


def test_an_opinion_cannot_name_what_is_gone(
    context: Context, people: People, case: CaseRecord
) -> None:
    pathologist = people["pathologist"]
    made = point_sets.add(context, pathologist, case.id, "", NewPointSet(some_points(5)))
    _, revision = written(context, pathologist, case, annotation_ids=[made.id])
    point_sets.remove(context, pathologist, case.id, made.id)
    with pytest.raises(Conflict):
        opinions.sign(
            context, pathologist, case.id, kind="final", password=PASSWORD, draft_revision=revision
        )
