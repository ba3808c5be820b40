"""Midline shift (bar A9)."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kernels import (
    MidlineShift,
    MidsagittalPlane,
    ShiftPoints,
    StrokePhantom,
    measure_shift,
    propose_shift_points,
    stroke_phantom,
)
from kernels.midsagittal import direction
from kernels.shift import best_path
from tests.kernels.stroke_heads import Case, ge_case, phantom_case

SHIFTS = [0.0, 1.0, 3.0, 5.0, 7.5, 9.0, 11.0, 13.0, 15.0, -2.0, -6.0, -10.0, -14.0]


def pushed(shift: float) -> StrokePhantom:
    index = SHIFTS.index(shift)
    random = np.random.default_rng(300 + index)
    return stroke_phantom(
        (), (30, 190, 190), (5.0, 1.2, 1.2), [0.0, 13.0, -16.0][index % 3],
        random.uniform(-12, 12), random.uniform(-5, 5), shift_mm=shift, seed=400 + index,
        patient_position=["HFS", "FFS"][index % 2], noise_hu=3.0 + index % 3,
    )  # fmt: skip


def measured(case: Case, points: ShiftPoints) -> MidlineShift:
    return measure_shift(points, case.plane, case.brain.mask, case.copy.spacing_mm)


def test_shifts_of_0_to_15_mm_with_given_and_with_proposed_points() -> None:
    """Given points within 0.5 mm; nine of ten proposed ones within 1.5 mm."""
    near = []
    for shift in SHIFTS:
        phantom = pushed(shift)
        case = phantom_case(phantom)
        places = case.copy.grid_points(np.vstack([phantom.anchors_mm, phantom.septum_mm]))
        given = measured(case, ShiftPoints(*places, contrast_hu=0.0))
        assert given.shift_mm == pytest.approx(shift, abs=0.5)
        assert given.half_width_shift_mm == pytest.approx(shift, abs=2.0)
        points = propose_shift_points(
            case.copy.hu, case.brain.mask, case.plane, case.copy.spacing_mm
        )
        assert points.contrast_hu > 5
        assert len({float(p[0]) for p in (points.anterior_mm, points.septum_mm)}) == 1
        near.append(abs(measured(case, points).shift_mm - shift) <= 1.5)
    assert np.mean(near) >= 0.9


def test_the_ge_head_is_hardly_shifted(test_data: Path) -> None:
    """2.5 mm to the left, towards an old infarct; 3.0 by A/2 - B."""
    case = ge_case(test_data)
    points = propose_shift_points(case.copy.hu, case.brain.mask, case.plane, case.copy.spacing_mm)
    found = measured(case, points)
    assert 0 < found.shift_mm < 4
    assert found.half_width_shift_mm == pytest.approx(found.shift_mm, abs=1.5)
    assert 120 < found.width_mm < 150


def test_without_fluid_the_point_is_on_the_plane_and_says_so() -> None:
    brain = np.zeros((40, 150, 120), bool)
    brain[2:36, 10:140, 10:110] = True
    plane = MidsagittalPlane(direction(0, 0), 60.0)
    hu = np.full(brain.shape, 32, np.float32)
    points = propose_shift_points(hu, brain, plane, (3, 1, 1))
    assert points.contrast_hu == 0
    found = measure_shift(points, plane, brain, (3, 1, 1))
    assert found.shift_mm == pytest.approx(0, abs=1e-9)
    assert found.width_mm == pytest.approx(100, abs=1)


def test_millimetres_are_those_of_space() -> None:
    """Falx points on other slices than the septum; a plane that leans and turns."""
    plane = MidsagittalPlane(direction(9, 6), 50.0)
    front = plane.normal * 50
    back = front + 150 * np.array([0.0, np.cos(np.radians(9)), -np.sin(np.radians(9))])
    assert plane.side_mm(back) == pytest.approx(0, abs=1e-9)
    septum = front + 0.4 * (back - front) + 7.25 * plane.normal
    found = measure_shift(ShiftPoints(front, back, septum, 0.0), plane)
    assert found.shift_mm == pytest.approx(7.25)
    assert (found.width_mm, found.half_width_shift_mm) == (0, 0)


def test_the_best_path_is_the_best_of_all() -> None:
    worth = np.random.default_rng(2).random((5, 4)).astype(np.float32)
    best = max(
        (sum(float(worth[row, column]) for row, column in enumerate(path)), path)
        for path in np.ndindex(4, 4, 4, 4, 4)
        if all(abs(a - b) <= 1 for a, b in pairwise(path))
    )
    gain, path = best_path(worth)
    assert gain == pytest.approx(best[0])
    assert tuple(path) == best[1]


PLANE = MidsagittalPlane(direction(0, 0), 1.0)
A, B, C = np.zeros(3), np.array([0, 9.0, 0]), np.array([0, 4.0, 2.0])


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: measure_shift(ShiftPoints(A, A, C, 0), PLANE), "posterior_mm"),
        (lambda: measure_shift(ShiftPoints(A, np.array([0, 0, 9.0]), C, 0), PLANE), "posterior_mm"),
        (lambda: measure_shift(ShiftPoints(A, B[:2], C, 0), PLANE), "posterior_mm"),
        (lambda: measure_shift(ShiftPoints(A, B, C * np.nan, 0), PLANE), "septum_mm"),
        (
            lambda: propose_shift_points(
                np.zeros((2, 3, 4)), np.zeros((2, 3, 4), bool), PLANE, (1, 1, 1)
            ),
            "brain",
        ),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
