"""Mitoses per mm², against boxes and marks whose numbers are known."""

import numpy as np
import pytest
from skimage.measure import points_in_poly

from plugins.builtin.pathology import mitoses
from plugins.results import Grade, Result
from tests.plugins.builtin.pathology.slides import Bench, region, slide, study_of

SLIDE = slide(np.zeros((4, 4, 3), np.uint8), 0.5, width=10_000, height=10_000)
EDGE = 2**0.5 / 0.0005  # of 2 mm² in pixels


def box(x: float, y: float, name: str = "b1") -> dict[str, object]:
    corners = [(x, y), (x + EDGE, y), (x + EDGE, y + EDGE), (x, y + EDGE)]
    return region(SLIDE, corners, "rectangle", annotation_id=name)


def marks(*points: tuple[float, float]) -> dict[str, object]:
    return region(SLIDE, list(points), "counter", annotation_id="c1")


def counted(boxes: list[object], counters: list[object]) -> Result:
    form = {"boxes": boxes, "counters": counters}
    return mitoses.ANALYSIS.compute(study_of(SLIDE), {"form": form}, Bench())


def test_marks_in_the_box_are_counted_per_mm2() -> None:
    result = counted([box(100, 100)], [marks((200, 200), (2000, 900), (50, 50), (9000, 1))])
    assert result.value("box 0 count").value == 2
    assert result.value("box 0 area").value == pytest.approx(2.0)
    assert result.value("box 0 density").value == pytest.approx(1.0)
    assert result.value("box 0 density").unit.value == "/mm2"
    assert "2 of 4" in result.reasons[0].en


def test_two_boxes_have_a_total() -> None:
    boxes = [box(100, 100), box(4000, 100, "b2")]
    result = counted(boxes, [marks((200, 200), (4100, 200), (4200, 200))])
    assert result.value("all density").value == pytest.approx(0.75)
    assert result.grade is Grade.GREEN


def test_overlapping_boxes_are_said() -> None:
    assert "overlap" in counted([box(100, 100), box(200, 200)], []).reasons[0].en


def test_no_number_without_an_area() -> None:
    result = counted([], [marks((200, 200))])
    assert result.values == ()
    assert "2 mm²" in result.reasons[0].en


def test_inside_agrees_with_another_library() -> None:
    rng = np.random.default_rng(5)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 23))
    reach = rng.uniform(0.3, 1, 23)
    ring = np.column_stack([reach * np.cos(angles), reach * np.sin(angles)])
    points = rng.uniform(-1, 1, (2000, 2))
    expected = points_in_poly(points, ring)
    assert np.array_equal(mitoses.is_inside(points, ring), expected)
