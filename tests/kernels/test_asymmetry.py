"""Mirror differences and net water uptake (bar A11)."""

from pathlib import Path

import numpy as np
import pytest

from kernels import (
    Finding,
    MidsagittalPlane,
    masked_gaussian,
    mirror_difference,
    net_water_uptake,
    posterior_fossa,
    stroke_phantom,
)
from kernels.midsagittal import direction
from tests.kernels.stroke_heads import Case, ge_case, ordered, phantom_case
from tests.naive import stroke as naive


def compared(case: Case):  # type: ignore[no-untyped-def]
    return mirror_difference(case.copy.hu, case.brain.mask, case.plane, case.copy.spacing_mm)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.2)])
def test_the_masked_gaussian_agrees_with_the_twin(spacing: tuple[float, float, float]) -> None:
    random = np.random.default_rng(3)
    values = random.normal(30, 10, (4, 6, 7)).astype(np.float32)
    mask = random.random(values.shape) > 0.4
    found = masked_gaussian(values, mask, 1.1, spacing)
    assert np.abs(found - naive.masked_gaussian(values, mask, 1.1, spacing)).max() < 1e-3


def test_nothing_outside_the_mask_bleeds_in() -> None:
    values = np.full((5, 20, 20), 1500, np.float32)
    values[:, 5:15, 5:15] = 33
    found = masked_gaussian(values, values == 33, 2.5, (3, 1, 1))
    assert np.allclose(found[values == 33], 33, atol=1e-3)


@pytest.mark.parametrize(
    ("side", "pose"),
    [
        ("left", {"seed": 31, "yaw_deg": 9.0, "tilt_deg": -14.0}),
        ("right", {"seed": 32, "roll_deg": -5.0, "offset_mm": (6, 3, 0)}),
        ("left", {"seed": 33, "patient_position": "FFS", "noise_hu": 5.0}),
    ],
)
def test_an_infarct_is_the_largest_cluster_without_doubts(side: str, pose) -> None:  # type: ignore[no-untyped-def]
    head = stroke_phantom(
        (Finding("infarct", side, 55.0, None, -7.0),), (30, 200, 200), (5, 1.15, 1.15), **pose
    )
    case = phantom_case(head)
    found = compared(case)
    first = found.clusters[0]
    assert (first.side, first.doubts) == (side, ())
    truth = case.copy.from_source(ordered(head, head.masks["infarct:0"]))
    marked = found.labels == first.label
    assert 2 * (marked & truth).sum() / (marked.sum() + truth.sum()) > 0.7
    assert first.volume_ml == pytest.approx(marked.sum() * case.copy.spacing_mm.prod() / 1000)
    assert first.difference_hu < -4
    place = case.copy.patient_points(first.centre_mm)
    assert np.sign(place[0] - head.centre_mm[0]) == (1 if side == "left" else -1)
    others = [cluster for cluster in found.clusters[1:] if not cluster.doubts]
    assert all(cluster.volume_ml < 6 for cluster in others)


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_a_healthy_head_has_no_large_cluster(seed: int) -> None:
    case = phantom_case(stroke_phantom((), (30, 200, 200), (5, 1.15, 1.15), seed=seed))
    clear = [found for found in compared(case).clusters if not found.doubts]
    assert sum(found.volume_ml for found in clear) < 8


@pytest.mark.parametrize("change", [-2.0, -4.0, -6.0])
@pytest.mark.parametrize(("seed", "noise"), [(51, 3.0), (52, 5.0), (53, 4.0)])
def test_water_uptake_is_true_to_one_point(change: float, seed: int, noise: float) -> None:
    """Against what the lesion itself lost: the same head before it, and without noise."""
    arguments = {
        "shape": (30, 200, 200),
        "spacing_mm": (5.0, 1.15, 1.15),
        "seed": seed,
        "yaw_deg": 6.0,
    }
    finding = Finding("infarct", "left", 70.0, (38.0, 0.0, 32.0), change)
    head = stroke_phantom((finding,), noise_hu=noise, **arguments)
    case = phantom_case(head)
    region = case.copy.from_source(ordered(head, head.masks["infarct:0"]))
    found = net_water_uptake(
        case.copy.hu, region, case.brain.mask, case.plane, case.copy.spacing_mm
    )
    before = phantom_case(stroke_phantom((), noise_hu=0, **arguments))
    after = phantom_case(stroke_phantom((finding,), noise_hu=0, **arguments))
    tissue = region & (after.copy.hu > 20) & (before.copy.hu < 60)
    lost = after.copy.hu[tissue].mean() / before.copy.hu[tissue].mean()
    # what the two halves differ by without any lesion is the head's, not the method's
    bias = net_water_uptake(
        before.copy.hu, region, case.brain.mask, case.plane, case.copy.spacing_mm
    )
    truth = 100 * (1 - lost * (1 - bias.percent / 100))
    assert found.percent == pytest.approx(truth, abs=1.0)
    assert found.lesion_ml > 30


def test_the_ge_infarct_is_found(test_data: Path) -> None:
    """Left temporo-occipital, 43 mL, 23 against 32 HU: 29 % is no early infarct."""
    case = ge_case(test_data)
    first = compared(case).clusters[0]
    assert (first.side, first.doubts) == ("left", ())
    assert 40 <= first.volume_ml <= 60
    rows = np.flatnonzero(case.brain.mask.any(axis=(0, 2)))
    back = (first.centre_mm[1] / case.copy.spacing_mm[1] - rows[0]) / np.ptp(rows)
    assert back > 0.6
    assert first.mean_hu == pytest.approx(22.5, abs=1.5)
    assert first.mirror_hu == pytest.approx(31.5, abs=1.5)


def test_a_region_without_tissue_has_no_uptake() -> None:
    plane = MidsagittalPlane(direction(0, 0), 9.5)
    hu = np.full((4, 20, 20), 8, np.int16)
    brain = np.ones(hu.shape, bool)
    found = net_water_uptake(hu, brain, brain, plane, (3, 1, 1))
    assert (found.percent, found.lesion_hu, found.lesion_ml) == (0, 0, 0)
    assert mirror_difference(hu, ~brain, plane, (3, 1, 1)).clusters == ()
    assert not posterior_fossa(~brain, (3, 1, 1)).any()


PLANE = MidsagittalPlane(direction(0, 0), 1.0)
HU, MASK = np.zeros((2, 3, 4)), np.ones((2, 3, 4), bool)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: masked_gaussian(HU, MASK[:1], 1, (1, 1, 1)), "mask"),
        (lambda: masked_gaussian(HU, MASK, 0, (1, 1, 1)), "sigma_mm"),
        (lambda: mirror_difference(HU, MASK[:1], PLANE, (1, 1, 1)), "brain"),
        (lambda: mirror_difference(HU, MASK, PLANE, (1, 0, 1)), "the least of spacing_mm"),
        (lambda: net_water_uptake(HU, MASK[:1], MASK, PLANE, (1, 1, 1)), "brain"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
