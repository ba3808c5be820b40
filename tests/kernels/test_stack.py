"""Stacks: order, spacing, tilt and faults (bars A2, A3)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kernels import StackProblem, analyse

AXIAL = np.array([1.0, 0, 0, 0, 1, 0])


def stack(
    spacings: list[float], tilt_deg: float = 0.0, turn: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return positions and orientation of a stack whose table moves along patient z."""
    tilt = np.radians(tilt_deg)
    orientation = np.array([1, 0, 0, 0, np.cos(tilt), np.sin(tilt)])
    along = np.concatenate([[0.0], np.cumsum(spacings)])
    positions = np.array([-120.0, -110, 30]) + along[:, None] * [0, 0, 1 / np.cos(tilt)]
    if turn is not None:
        orientation = np.concatenate([turn @ orientation[:3], turn @ orientation[3:]])
        positions = positions @ turn.T
    return positions, orientation


def rotation(seed: int) -> NDArray[np.float64]:
    turned, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return np.asarray(turned * np.sign(np.linalg.det(turned)))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(0.3, 10), min_size=1, max_size=25),
    st.floats(-30, 30),
    st.integers(0, 1000),
    st.randoms(use_true_random=False),
)
def test_any_stack_in_any_order_comes_out_right(
    spacings: list[float], tilt: float, seed: int, random
) -> None:  # type: ignore[no-untyped-def]
    positions, orientation = stack(spacings, tilt, rotation(seed))
    shuffle = list(range(len(positions)))
    random.shuffle(shuffle)
    found = analyse(positions[shuffle], orientation)
    assert [shuffle[index] for index in found.order] == list(range(len(positions)))
    assert np.allclose(found.spacings_mm, spacings, atol=1e-9)
    assert abs(found.tilt_deg - tilt) < 1e-6
    assert abs(found.swivel_deg) < 1e-6
    assert found.is_volume
    rebuilt = (
        found.origin_mm
        + found.positions_along_normal_mm[:, None] * found.normal
        + found.shear_mm[:, :1] * found.column_direction
        + found.shear_mm[:, 1:] * found.row_direction
    )
    assert np.allclose(rebuilt, positions, atol=1e-9)


@pytest.mark.parametrize("tilt", range(-30, 31, 5))
@pytest.mark.parametrize("spacing", [1.0, 3.0, 7.0])
def test_tilt_is_signed_and_exact(tilt: int, spacing: float) -> None:
    positions, orientation = stack([spacing] * 12, tilt)
    found = analyse(np.round(positions, 4), np.round(orientation, 6))  # as DS strings hold them
    assert abs(found.tilt_deg - tilt) <= 0.01
    assert (StackProblem.TILTED in found.problems) == (tilt != 0)


@pytest.mark.parametrize("missing", [[5], [5, 6], [3, 9], [4, 6], [2, 3, 4], [1], [10]])
@pytest.mark.parametrize("thickness", [None, 3.0])
def test_missing_slices_are_found(missing: list[int], thickness: float | None) -> None:
    positions, orientation = stack([3.0] * 11)
    kept = [index for index in range(12) if index not in missing]
    thick = None if thickness is None else [thickness] * len(kept)
    found = analyse(positions[kept], orientation, thick)
    assert StackProblem.GAP in found.problems
    assert sum(gap.missing for gap in found.gaps) == len(missing)
    assert found.is_volume  # with the gap known, the rest is good
    # what is missing has no weight: the slices that are there stand for themselves only
    assert found.weights_mm.sum() == pytest.approx(3.0 * len(kept))


def test_a_change_of_protocol_is_no_gap() -> None:
    for spacings in ([4.0] * 13 + [1.08] + [7.0] * 13, [2.5] * 10 + [5.0] * 10):
        positions, orientation = stack(spacings)
        found = analyse(positions, orientation)
        assert not found.gaps
        assert StackProblem.UNEVEN_SPACING in found.problems


def test_duplicates_are_named_and_stop_the_volume() -> None:
    positions, orientation = stack([5.0] * 4)
    twice = np.concatenate([positions[::-1], positions[1:3] + np.array([0, 0, 0.004])])
    found = analyse(twice, orientation)
    assert found.duplicates == ((3, 5), (2, 6))
    assert found.order.tolist() == [4, 3, 2, 1, 0]
    assert StackProblem.DUPLICATE_POSITIONS in found.problems
    assert not found.is_volume


def test_two_interleaved_reconstructions_are_no_volume() -> None:
    positions, orientation = stack([5.0] * 5)
    found = analyse(np.concatenate([positions, positions]), orientation)
    assert not found.is_volume
    assert len(found.duplicates) == 6


def test_a_localizer_among_the_slices_is_set_apart() -> None:
    positions, orientation = stack([5.0] * 5)
    orientations = np.tile(orientation, (7, 1))
    orientations[2] = [0, 1, 0, 0, 0, -1]
    positions = np.insert(positions, 2, [0, 0, 0], axis=0)
    found = analyse(positions, orientations)
    assert found.excluded == (2,)
    assert StackProblem.ORIENTATION_MIXED in found.problems
    assert not found.is_volume
    assert np.allclose(found.spacings_mm, 5)


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_a_missing_position_is_told_not_raised(hole: float) -> None:
    positions, orientation = stack([5.0] * 4)
    positions[1, 2] = hole
    found = analyse(positions, orientation)
    assert found.excluded == (1,)
    assert StackProblem.POSITION_MISSING in found.problems
    assert not found.is_volume


@pytest.mark.parametrize(
    "orientation",
    [
        np.zeros(6),
        np.full(6, np.nan),
        [1, 0, 0, 1, 0, 0],
        [2, 0, 0, 0, 1, 0],
        [1, 0, 0, 0.5, 0.5, 0],
    ],
)
def test_an_impossible_orientation_is_told_not_raised(orientation: list[float]) -> None:
    found = analyse(stack([5.0] * 4)[0], orientation)
    assert StackProblem.ORIENTATION_INVALID in found.problems
    assert not found.is_volume
    assert len(found.order) == 0


@pytest.mark.parametrize(
    ("count", "problem"), [(0, StackProblem.NO_SLICES), (1, StackProblem.SINGLE_SLICE)]
)
def test_too_few_slices(count: int, problem: StackProblem) -> None:
    found = analyse(np.zeros((count, 3)), AXIAL)
    assert found.problems == (problem,)
    assert not found.is_volume
    assert len(found.spacings_mm) == 0
    assert len(found.weights_mm) == count


def test_a_crooked_stack_is_no_volume() -> None:
    positions, orientation = stack([5.0] * 6)
    positions[3, 1] += 4
    found = analyse(positions, orientation)
    assert StackProblem.CROOKED in found.problems
    assert not found.is_volume


def test_thickness_tells_overlap_and_mixture_and_weighs_the_ends() -> None:
    positions, orientation = stack([2.0] * 4)
    found = analyse(positions, orientation, [3.0, 3, 3, 3, 5])
    assert found.overlaps == (0, 1, 2, 3)
    assert {StackProblem.OVERLAP, StackProblem.MIXED_THICKNESS} <= set(found.problems)
    assert found.weights_mm.tolist() == [2.5, 2, 2, 2, 3.5]
    assert analyse(positions, orientation).weights_mm.tolist() == [2, 2, 2, 2, 2]
    unknown = analyse(positions, orientation, [0.0, np.nan, -1, 3, 3])
    assert unknown.weights_mm.tolist() == [2, 2, 2, 2, 2.5]


def test_the_affine_leads_back_to_the_patient() -> None:
    positions, orientation = stack([4.0] * 7, -17.0, rotation(3))
    found = analyse(positions[::-1], orientation)
    affine = found.affine((0.5, 0.7))
    for k, i, j in ((0, 0, 0), (6, 0, 0), (3, 20, 11)):
        point = positions[k] + i * 0.5 * orientation[3:] + j * 0.7 * orientation[:3]
        assert np.allclose(affine @ [k, i, j, 1], [*point, 1], atol=1e-9)


def test_an_uneven_stack_has_no_affine() -> None:
    positions, orientation = stack([4.0, 4.0, 9.0])
    with pytest.raises(ValueError, match="no affine; expected an even, straight one"):
        analyse(positions, orientation).affine((1, 1))
    with pytest.raises(ValueError, match=r"least of pixel_spacing_mm is 0\.0"):
        analyse(positions, orientation).affine((0, 1))


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: analyse(np.zeros(3), AXIAL), "positions_mm"),
        (lambda: analyse(np.zeros((2, 2)), AXIAL), "positions_mm"),
        (lambda: analyse(np.zeros((2, 3)), np.zeros((3, 6))), "orientations"),
        (lambda: analyse(np.zeros((2, 3)), np.zeros(5)), "orientations"),
        (lambda: analyse(np.zeros((2, 3)), AXIAL, [1.0]), "thicknesses_mm"),
        (lambda: analyse([["a", "b", "c"]], AXIAL), "positions_mm"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
