"""Ventricles and their asymmetry."""

from pathlib import Path

import numpy as np
import pytest

from kernels import MidsagittalPlane, find_ventricles
from kernels.head import Head
from kernels.midsagittal import direction
from tests.kernels.stroke_heads import ge_case, head


def formula_ml() -> float:
    """Return what the phantom's formulas hold: lateral and third ventricles."""
    x = np.arange(-40, 40, 0.8, np.float32)
    y, z = np.arange(-60, 70, 0.8, np.float32), np.arange(-30, 40, 0.8, np.float32)
    there = Head(np.random.default_rng(0)).ventricles(*np.meshgrid(x, y, z, indexing="ij"))
    return float(there.sum()) * 0.8**3 / 1000


@pytest.mark.parametrize("pose", [{"seed": 5, "yaw_deg": 7.0}, {"seed": 6, "tilt_deg": -13.0}])
def test_symmetric_ventricles_are_found_symmetric(pose) -> None:  # type: ignore[no-untyped-def]
    """Deep cisterns that touch are taken in: up to 38 % too much was seen, on both sides."""
    case = head(shape=(50, 190, 190), spacing_mm=(3, 1.2, 1.2), **pose)
    found = find_ventricles(case.copy.hu, case.brain.mask, case.plane, case.copy.spacing_mm)
    assert found.left_ml + found.right_ml == pytest.approx(formula_ml(), rel=0.4)
    assert abs(found.asymmetry) < 0.1
    assert found.effaced == ""
    assert found.mask.sum() * case.copy.spacing_mm.prod() / 1000 == pytest.approx(
        found.left_ml + found.right_ml
    )


def test_an_effaced_side_is_told() -> None:
    case = head(shape=(30, 190, 190), spacing_mm=(5, 1.2, 1.2), seed=7)
    spacing = case.copy.spacing_mm
    before = find_ventricles(case.copy.hu, case.brain.mask, case.plane, spacing)
    hu = case.copy.hu.copy()
    hu[before.mask & (case.plane.sides(hu.shape, spacing) > 2.5)] = 32
    after = find_ventricles(hu, case.brain.mask, case.plane, spacing)
    assert after.effaced == "left"
    assert after.asymmetry < -0.4
    assert after.right_ml == pytest.approx(before.right_ml, rel=0.15)


def test_a_shift_carries_fluid_across_the_plane() -> None:
    case = head(shape=(30, 190, 190), spacing_mm=(5, 1.2, 1.2), seed=8, shift_mm=-12.0)
    found = find_ventricles(case.copy.hu, case.brain.mask, case.plane, case.copy.spacing_mm)
    assert found.asymmetry < -0.1


def test_the_ge_head_has_wide_ventricles(test_data: Path) -> None:
    """25 and 26 mL: wide, and alike."""
    case = ge_case(test_data)
    found = find_ventricles(case.copy.hu, case.brain.mask, case.plane, case.copy.spacing_mm)
    assert found.left_ml == pytest.approx(25, abs=5)
    assert found.right_ml == pytest.approx(26, abs=5)
    assert found.effaced == ""


PLANE = MidsagittalPlane(direction(0, 0), 1.0)
HU, MASK = np.zeros((2, 3, 4)), np.zeros((2, 3, 4), bool)


def test_no_brain_has_no_ventricles() -> None:
    found = find_ventricles(HU, MASK, PLANE, (1, 1, 1))
    assert (found.left_ml, found.right_ml, found.asymmetry, found.effaced) == (0, 0, 0, "")


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: find_ventricles(HU, MASK[:1], PLANE, (1, 1, 1)), "brain"),
        (lambda: find_ventricles(HU, MASK, PLANE, (1, 0, 1)), "the least of spacing_mm"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
