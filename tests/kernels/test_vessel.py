"""The hyperdense vessel measurement."""

import numpy as np
import pytest

from kernels import (
    Finding,
    MidsagittalPlane,
    compare_vessels,
    propose_corridor,
    propose_levels,
    stroke_phantom,
)
from kernels.midsagittal import direction
from tests.kernels.stroke_heads import phantom_case

THIN = {"shape": (125, 200, 200), "spacing_mm": (1.2, 1.0, 1.0), "offset_mm": (2.0, 0.0, 0.0)}


@pytest.mark.parametrize(
    ("findings", "denser", "pose"),
    [
        ((Finding("dense vessel", "left"),), "left", {"seed": 61}),
        ((Finding("dense vessel", "right"),), "right", {"seed": 62, "yaw_deg": 9.0}),
        ((), "", {"seed": 63, "roll_deg": 4.0}),
    ],
)
def test_a_dense_vessel_stands_out_on_thin_slices(findings, denser: str, pose) -> None:  # type: ignore[no-untyped-def]
    """68 against 42 HU; of these the partial volume of a 3.4 mm vessel leaves the ratio 1.3."""
    phantom = stroke_phantom(findings, noise_hu=5.0, **THIN, **pose)
    case = phantom_case(phantom)
    corridor = np.add(case.copy.grid_points(phantom.vessels_mm["right"]), (1.5, -1.0, 1.0))
    found = compare_vessels(case.copy.hu, corridor, case.plane, case.copy.spacing_mm, slice_mm=1.2)
    assert found.assessable
    assert found.dense == bool(findings)
    if findings:
        assert found.denser == denser
        assert 1.2 < found.ratio < 1.8
        high = getattr(found, denser)
        assert 52 < high.max_hu < 75
        truth = case.copy.grid_points(phantom.vessels_mm[denser])
        steps = np.linspace(truth[:-1], truth[1:], 20).reshape(-1, 3)
        away = np.linalg.norm(high.points_mm[:, None] - steps, axis=2).min(axis=1)
        assert np.median(away) < 1.5
    else:
        assert found.ratio < 1.15
    assert not found.left.calcified
    assert not found.right.calcified
    levels = propose_levels(case.copy.hu, case.brain.mask, case.plane, case.copy.spacing_mm)
    guess = propose_corridor(case.brain.mask, case.plane, case.copy.spacing_mm, levels.ganglionic)
    true = case.copy.grid_points(phantom.vessels_mm["left"])
    assert np.linalg.norm(guess.mean(axis=0) - true.mean(axis=0)) < 10  # to be moved


def test_calcium_is_no_clot() -> None:
    hu = np.full((30, 60, 80), 32, np.float32)
    hu[14:17, 28:31, 50:70] = 120
    plane = MidsagittalPlane(direction(0, 0), 40.0)
    corridor = [[15, 29, 52], [15, 29, 66]]
    found = compare_vessels(hu, corridor, plane, (1, 1, 1), 1.0)
    assert found.left.calcified
    assert not found.right.calcified
    assert not found.dense
    assert found.denser == "left"


def test_the_ridge_is_followed_where_it_bends() -> None:
    hu = np.full((30, 60, 80), 30, np.float32)
    for column in range(45, 75):
        row = 30 + round(2 * np.sin((column - 45) / 6))
        hu[14:17, row - 1 : row + 2, column] = 70
    plane = MidsagittalPlane(direction(0, 0), 40.0)
    found = compare_vessels(hu, [[15, 30, 47], [15, 30, 73]], plane, (1, 1, 1), 0.6)
    assert found.left.mean_hu > 55
    assert np.ptp(found.left.points_mm[:, 1]) > 2
    assert found.right.mean_hu == pytest.approx(30, abs=0.01)
    assert found.dense


def test_thick_slices_are_not_assessable() -> None:
    plane = MidsagittalPlane(direction(0, 0), 4.0)
    hu = np.full((6, 8, 9), 30, np.float32)
    found = compare_vessels(hu, [[2, 4, 5], [2, 4, 7]], plane, (1, 1, 1), 5.0)
    assert not found.assessable
    assert found.ratio == pytest.approx(1, abs=1e-3)


PLANE = MidsagittalPlane(direction(0, 0), 1.0)
HU = np.zeros((2, 3, 4))


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: compare_vessels(HU, [[0, 0, 0]], PLANE, (1, 1, 1), 1.0), "corridor_mm"),
        (lambda: compare_vessels(HU, np.zeros((2, 3)), PLANE, (1, 1, 1), 1.0), "corridor_mm"),
        (lambda: compare_vessels(HU, np.eye(3), PLANE, (1, 1, 1), 0), "slice_mm"),
        (lambda: propose_corridor(HU == 1, PLANE, (1, 1, 1), 0), "brain"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
