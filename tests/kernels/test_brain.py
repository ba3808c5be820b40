"""The brain mask (bar A5)."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from kernels import BrainProblem, Finding, brain_mask, grain_ratio, stroke_phantom
from tests.kernels.stroke_heads import Case, ge_case, ordered, phantom_case

HEADS = [
    {"seed": 11, "shape": (30, 240, 240), "spacing_mm": (5.0, 1.0, 1.0)},
    {"seed": 12, "shape": (55, 200, 200), "spacing_mm": (2.8, 1.2, 1.2), "tilt_deg": 17.0},
    {"seed": 13, "shape": (140, 200, 200), "spacing_mm": (1.1, 1.1, 1.1), "yaw_deg": -14.0},
    {"seed": 14, "shape": (30, 210, 210), "spacing_mm": (5.0, 1.1, 1.1), "roll_deg": 7.0,
     "tilt_deg": -12.0, "patient_position": "FFS", "noise_hu": 6.0, "shift_mm": 9.0},
]  # fmt: skip


@pytest.mark.parametrize("arguments", HEADS)
def test_dice_with_the_truth_is_098(arguments) -> None:  # type: ignore[no-untyped-def]
    head = stroke_phantom((Finding("haemorrhage", "left", 45),), **arguments)
    case = phantom_case(head)
    truth = ordered(head, head.masks["brain"])
    found = case.copy.to_source(case.brain.mask)
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) >= 0.98
    assert case.brain.problems == ()
    assert case.brain.volume_ml == pytest.approx(head.volumes_ml["brain"], rel=0.04)


def test_the_ge_head_has_its_brain_and_little_else(test_data: Path) -> None:
    """1413 mL; 0.13 % of the mask are specks in the skull base."""
    case = ge_case(test_data)
    assert 1350 <= case.brain.volume_ml <= 1530
    assert case.brain.problems == ()
    specks = 0
    for picture in case.brain.mask:
        labels, _ = ndimage.label(picture)
        areas = np.bincount(labels.reshape(-1))[1:] * case.copy.spacing_mm[1:].prod()
        specks += int((areas[areas < 200] / case.copy.spacing_mm[1:].prod()).sum())
    assert specks <= 0.005 * case.brain.mask.sum()
    assert not (case.brain.mask & (case.copy.hu < -200)).any()
    assert 15 < case.brain.median_hu < 45
    source = case.copy.to_source(case.brain.mask)
    volume = source.sum(axis=(1, 2)) @ case.geometry.weights_mm * case.pixel_mm.prod() / 1000
    assert volume == pytest.approx(case.brain.volume_ml, rel=0.03)


@pytest.fixture(scope="module")
def plain() -> Case:
    return phantom_case(stroke_phantom((), (30, 190, 190), (5, 1.2, 1.2), seed=15))


def test_a_craniectomy_is_told(plain: Case) -> None:
    hu = plain.copy.hu.copy()
    k, i, j = np.indices(hu.shape)
    middle = np.argwhere(plain.brain.mask).mean(axis=0)
    window = (j > middle[2] + 45) & (np.abs(i - middle[1]) < 28) & (k > middle[0])
    hu[window & (hu > 100)] = 40
    found = brain_mask(hu, plain.copy.spacing_mm, plain.copy.valid)
    assert BrainProblem.SKULL_OPEN in found.problems
    assert found.open_share > plain.brain.open_share


@pytest.mark.parametrize("part", [np.s_[:26], np.s_[28:], np.s_[:, 70:], np.s_[:, :, :95]])
def test_a_field_of_view_within_the_brain_is_told(plain: Case, part) -> None:  # type: ignore[no-untyped-def]
    found = brain_mask(plain.copy.hu[part], plain.copy.spacing_mm)
    assert set(found.problems) & {BrainProblem.CUT_OFF, BrainProblem.VOLUME_UNUSUAL}


def test_hu_that_are_none_are_told(plain: Case) -> None:
    found = brain_mask(plain.copy.hu + 25, plain.copy.spacing_mm)
    assert BrainProblem.HU_SUSPECT in found.problems


def test_nothing_is_found_in_air_or_water() -> None:
    for value in (-1000, 1000):
        found = brain_mask(np.full((20, 40, 40), value, np.int16), (5, 4, 4))
        assert found.problems == (BrainProblem.NOT_FOUND,)
        assert not found.mask.any()
        assert (found.volume_ml, found.median_hu) == (0, 0)


def test_a_bone_kernel_is_grainier_than_a_soft_one() -> None:
    """Soft 1.1; edge-enhanced above 2."""
    head = stroke_phantom((), (4, 400, 400), (5, 0.5, 0.5), seed=3)
    brain = head.masks["brain"]
    soft = grain_ratio(head.hu, brain, (0.5, 0.5))
    blurred = ndimage.gaussian_filter(head.hu.astype(np.float32), (0, 1.2, 1.2))
    edgy = head.hu + 6 * (head.hu - blurred)
    assert soft < 1.5
    assert grain_ratio(edgy, brain, (0.5, 0.5)) > 1.5 * soft
    assert grain_ratio(head.hu, np.zeros_like(brain), (0.5, 0.5)) == 0


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: brain_mask(np.zeros((2, 2)), (1, 1, 1)), "hu"),
        (lambda: brain_mask(np.zeros((0, 2, 2)), (1, 1, 1)), "hu"),
        (lambda: brain_mask(np.full((2, 2, 2), np.nan), (1, 1, 1)), "hu"),
        (lambda: brain_mask(np.zeros((2, 2, 2)), (1, 1)), "spacing_mm"),
        (lambda: brain_mask(np.zeros((2, 2, 2)), (1, 1, 1), np.ones((2, 2, 1), bool)), "valid"),
        (lambda: grain_ratio(np.zeros((2, 2, 2)), np.ones((1, 2, 2), bool), (1, 1)), "brain"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
