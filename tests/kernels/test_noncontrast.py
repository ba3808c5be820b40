"""All stages in a row."""

from dataclasses import replace

import numpy as np
import pytest

from kernels import (
    NONCONTRAST_STAGES,
    Finding,
    analyse,
    analysis_copy,
    noncontrast_stages,
    stroke_phantom,
)
from kernels.midsagittal import MidsagittalPlane
from tests.kernels.stroke_heads import Case, head


@pytest.fixture(scope="module")
def bleeding() -> Case:
    return head(
        Finding("haemorrhage", "left", 40.0), shape=(30, 190, 190), spacing_mm=(5, 1.2, 1.2),
        seed=21, shift_mm=-7.0,
    )  # fmt: skip


def test_every_stage_comes_once_and_in_order(bleeding: Case) -> None:
    stages = list(noncontrast_stages(bleeding.copy, 5.0))
    assert tuple(name for name, _ in stages) == NONCONTRAST_STAGES
    results = dict(stages)
    assert results["haemorrhage"].candidates[0].side == "left"
    assert results["shift"].shift.shift_mm == pytest.approx(-7, abs=1.5)
    assert len(results["aspects"].comparisons) == 10
    assert not results["vessels"].assessable


def test_what_is_given_is_taken_and_what_depends_on_it_follows(bleeding: Case) -> None:
    moved = MidsagittalPlane(bleeding.plane.normal, bleeding.plane.offset_mm + 4.0)
    plain = dict(noncontrast_stages(bleeding.copy, 5.0, {"brain": bleeding.brain}))
    points = plain["shift"].points
    points = replace(points, septum_mm=np.add(points.septum_mm, (0, 0, 2.0)))
    levels = replace(plain["levels"], ganglionic=plain["levels"].ganglionic + 2)
    given = {
        "brain": bleeding.brain, "midsagittal plane": moved, "shift": points, "levels": levels,
        "aspects": plain["aspects"].outlines, "vessels": np.array([[60.0, 90, 120], [60, 90, 140]]),
    }  # fmt: skip
    results = dict(noncontrast_stages(bleeding.copy, 1.0, given))
    assert results["midsagittal plane"] is moved
    assert results["shift"].shift.shift_mm == pytest.approx(
        plain["shift"].shift.shift_mm + 2 * bleeding.plane.normal[2], abs=0.2
    )
    assert results["aspects"].outlines == plain["aspects"].outlines
    assert results["ventricles"].asymmetry < plain["ventricles"].asymmetry
    assert results["vessels"].assessable


def test_without_a_brain_nothing_follows() -> None:
    positions = [[0, 0, 5.0 * index] for index in range(12)]
    geometry = analyse(positions, [1, 0, 0, 0, 1, 0])
    copy = analysis_copy(np.full((12, 60, 60), -1000, np.int16), geometry, (1, 1))
    assert [name for name, _ in noncontrast_stages(copy, 5.0)] == ["brain"]


def test_bad_input_is_named() -> None:
    head_ = stroke_phantom((), (3, 30, 30), (40, 7, 7))
    copy = analysis_copy(head_.hu, analyse(head_.positions_mm, head_.orientation), (7, 7))
    with pytest.raises(ValueError, match=r"^given has .*expected"):
        list(noncontrast_stages(copy, 5.0, {"liver": 1}))
    with pytest.raises(ValueError, match=r"^slice_mm .*expected"):
        list(noncontrast_stages(copy, 0))
