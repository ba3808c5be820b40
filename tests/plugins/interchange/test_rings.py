"""One ring says what several say: the same area, and the same rings again."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import ellipse_area_mm2, polygon_area_mm2
from plugins.interchange import bridge, ellipse_outline, rings_of
from plugins.interchange.rings import is_upright_rectangle

SQUARE = np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)])


def hole(x: float, y: float, side: float, turn: int = 1) -> np.ndarray:
    return (SQUARE / 10 * side + (x, y))[::turn]


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("outer", [SQUARE, SQUARE[::-1]])
def test_area_is_without_the_holes_whichever_way_they_run(outer: np.ndarray, turn: int) -> None:
    holes = [hole(1, 1, 2, turn), hole(5, 5, 3, turn)]
    ring, counts = bridge([outer, *holes])
    assert counts == (4, 4, 4)
    flat = np.column_stack([ring, np.zeros(len(ring))])
    assert polygon_area_mm2(flat) == pytest.approx(100 - 4 - 9)
    found = rings_of(ring, counts)
    np.testing.assert_array_equal(found[0], outer)
    for before, after in zip(holes, found[1:], strict=True):
        assert {tuple(one) for one in before.tolist()} == {tuple(one) for one in after.tolist()}


def test_a_painter_leaves_the_holes_empty() -> None:
    ring, _ = bridge([SQUARE * 10, hole(20, 20, 40), hole(70, 70, 20)])
    painted = np.zeros((101, 101), np.uint8)
    cv2.fillPoly(painted, [ring.astype(np.int32)], 1)
    assert painted[40, 40] == 0
    assert painted[80, 80] == 0
    assert painted[10, 50] == 1


def test_no_hole_no_bridge_and_an_edited_ring_is_one_ring() -> None:
    ring, counts = bridge([SQUARE])
    assert counts == ()
    assert ring is SQUARE
    ring, counts = bridge([SQUARE, hole(1, 1, 2)])
    assert len(rings_of(ring[:-1], counts)) == 1


@given(st.floats(2, 50_000), st.floats(0.01, 1), st.floats(0, math.pi))
def test_an_ellipse_is_true_to_a_quarter_pixel(radius: float, ratio: float, turn: float) -> None:
    major = np.array([math.cos(turn), math.sin(turn)]) * radius
    minor = np.array([-math.sin(turn), math.cos(turn)]) * radius * ratio
    outline = ellipse_outline(np.array([major, -major, minor, -minor]) + 1000)
    middles = (outline + np.roll(outline, -1, axis=0)) / 2 - 1000
    # how far the middle of each chord lies inside of the ellipse, at most
    along = middles @ major / radius
    across = middles @ minor / (radius * ratio)
    share = np.hypot(along / radius, across / (radius * ratio))
    assert ((1 - share) * radius).max() < 0.26 or len(outline) == 720
    area = ellipse_area_mm2(2 * radius, 2 * radius * ratio)
    flat = np.column_stack([outline, np.zeros(len(outline))])
    assert polygon_area_mm2(flat) == pytest.approx(area, rel=0.007)


def test_upright_rectangles_are_known() -> None:
    assert is_upright_rectangle(SQUARE)
    assert is_upright_rectangle(np.roll(SQUARE, 1, axis=0))
    assert not is_upright_rectangle(SQUARE @ np.array([[0.8, 0.6], [-0.6, 0.8]]))
    assert not is_upright_rectangle(SQUARE[[0, 2, 1, 3]])
    assert not is_upright_rectangle(SQUARE[:3])
