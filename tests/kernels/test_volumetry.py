"""Volumes (bar A7)."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kernels import (
    abc_over_2,
    analyse,
    grow_half_maximum,
    head_phantom,
    planimetric_volume_ml,
)


def ellipsoid(
    volume_ml: float, spacing: tuple[float, float, float], noise: float, seed: int = 0,
    ratios: tuple[float, float, float] = (1.0, 1.3, 0.9), supersample: int = 5,
) -> NDArray[np.float32]:  # fmt: skip
    """Return HU of a clot of 65 HU in brain of 30 HU, slices averaged over their thickness."""
    scale = (volume_ml * 1000 * 3 / (4 * np.pi * np.prod(ratios))) ** (1 / 3)
    radii = np.array(ratios) * scale
    shape = [int(2 * radius / step) + 2 * int(12 / step) + 3 for radius, step in
             zip(radii, spacing, strict=True)]  # fmt: skip
    middles = [(length - 1) / 2 * step for length, step in zip(shape, spacing, strict=True)]
    y = (np.arange(shape[1]) * spacing[1] - middles[1])[:, None] / radii[1]
    x = (np.arange(shape[2]) * spacing[2] - middles[2]) / radii[2]
    share = np.zeros(shape, np.float32)
    for part in range(supersample):
        offset = ((part + 0.5) / supersample - 0.5) * spacing[0]
        z = (np.arange(shape[0]) * spacing[0] + offset - middles[0])[:, None, None] / radii[0]
        share += (z**2 + y**2 + x**2 <= 1) / np.float32(supersample)
    generator = np.random.default_rng(seed)
    return np.asarray(30 + 35 * share + generator.normal(0, noise, shape), np.float32)


@pytest.mark.parametrize("spacing", [0.6, 3.0, 5.0, 7.0])
@pytest.mark.parametrize("noise", [3.0, 8.0])
@pytest.mark.parametrize("volume_ml", [2.5, 10.0, 40.0, 100.0])
def test_half_maximum_planimetry_is_true(volume_ml: float, noise: float, spacing: float) -> None:
    if volume_ml == 100 and spacing == 0.6:  # keep the largest array small
        volume_ml = 30.0
    steps = (spacing, 0.6, 0.6)
    hu = ellipsoid(volume_ml, steps, noise)
    geometry = analyse([[0, 0, index * spacing] for index in range(len(hu))], [1, 0, 0, 0, 1, 0])
    found = grow_half_maximum(hu, np.ones(hu.shape, bool), steps)
    measured = planimetric_volume_ml(found.mask, geometry.weights_mm, steps[1:])
    allowed = 0.05 * volume_ml if volume_ml >= 10 else max(0.1 * volume_ml, 0.3)
    assert abs(measured - volume_ml) <= allowed
    assert found.border_hu == pytest.approx(47.5, abs=1.5)


def test_calcium_is_not_counted() -> None:
    hu = ellipsoid(12, (3.0, 0.7, 0.7), 4)
    within = np.ones(hu.shape, bool)
    alone = grow_half_maximum(hu, within, (3.0, 0.7, 0.7))
    chalk = hu.copy()
    chalk[2:5, 4:16, 4:16] = 150
    beside = grow_half_maximum(chalk, within, (3.0, 0.7, 0.7))
    assert not beside.mask[2:5, 4:16, 4:16].any()
    assert beside.mask.sum() == pytest.approx(alone.mask.sum(), rel=0.01)
    only = np.full(hu.shape, 30, np.float32)
    only[2:5, 4:16, 4:16] = 150
    assert not grow_half_maximum(only, within, (3.0, 0.7, 0.7)).mask.any()


@pytest.mark.parametrize("tilt", [0.0, -18.5, 20.0])
@pytest.mark.parametrize("volume_ml", [8.0, 30.0, 80.0])
def test_the_phantoms_bleeding_is_measured(volume_ml: float, tilt: float) -> None:
    head = head_phantom(
        "haemorrhage", (28, 180, 180), (5.0, 1.3, 1.3), tilt, haemorrhage_ml=volume_ml
    )
    geometry = analyse(head.positions_mm, head.orientation)
    found = grow_half_maximum(head.hu, head.masks["brain"], head.spacing_mm)
    measured = planimetric_volume_ml(found.mask, geometry.weights_mm, head.spacing_mm[1:])
    allowed = 0.05 * volume_ml if volume_ml >= 10 else max(0.1 * volume_ml, 0.3)
    assert abs(measured - volume_ml) <= allowed


@pytest.mark.parametrize("ratios", [(1.0, 1.0, 1.0), (1.0, 1.6, 0.8), (0.7, 1.0, 1.5)])
@pytest.mark.parametrize("volume_ml", [10.0, 60.0])
def test_abc_over_2_is_off_by_what_is_known(
    volume_ml: float, ratios: tuple[float, float, float]
) -> None:
    spacing = (0.6, 0.4, 0.4)
    mask = ellipsoid(volume_ml, spacing, 0, ratios=ratios, supersample=1) > 47
    found = abc_over_2(mask, np.full(len(mask), spacing[0]), spacing[1:])
    truth = mask.sum() * np.prod(spacing) / 1000
    assert found.simple_ml / truth - 1 == pytest.approx(-0.045, abs=0.03)
    assert found.weighted_ml / truth - 1 == pytest.approx(-0.348, abs=0.05)
    radii = sorted(
        np.array(ratios[1:]) * (truth * 1000 * 3 / (4 * np.pi * np.prod(ratios))) ** (1 / 3)
    )
    assert found.a_mm == pytest.approx(2 * radii[1], abs=0.5)
    assert found.b_mm == pytest.approx(2 * radii[0], abs=0.5)


def test_the_diameter_is_found_whatever_its_direction() -> None:
    mask = np.zeros((1, 50, 50), bool)
    for step in range(20):
        mask[0, 10 + step, 15 + step] = True
    found = abc_over_2(mask, [5.0], (1, 1))
    assert 19 * np.sqrt(2) <= found.a_mm <= 20 * np.sqrt(2)
    assert found.b_mm < 1.5
    assert (found.c_mm, found.weighted_c_mm) == (5, 5)


@pytest.mark.parametrize("pixel_mm", [0.5, 0.9, 1.4])
@pytest.mark.parametrize("volume_ml", [2.5, 20.0])
def test_coarse_pixels_do_not_shorten_diameters(volume_ml: float, pixel_mm: float) -> None:
    """On the mean of ellipsoids that lie anyhow in the pixels, cut by many slices."""
    random = np.random.default_rng(41)
    simple, weighted = [], []
    for _ in range(20):
        ratios = random.uniform((0.8, 0.9, 0.7), (1.2, 1.5, 1.0))
        radii = ratios * (volume_ml * 3000 / (4 * np.pi * ratios.prod())) ** (1 / 3)
        steps = np.array([0.5, pixel_mm, pixel_mm])
        shape = (2 * radii.max() / steps).astype(int) + 4
        places = (np.indices(shape).reshape(3, -1).T - (shape - 1) / 2) * steps
        places += random.uniform(-0.5, 0.5, 3) * steps
        turn = random.uniform(0, np.pi)
        across = places[:, 1:] @ np.array([[np.cos(turn), -np.sin(turn)],
                                           [np.sin(turn), np.cos(turn)]])  # fmt: skip
        inside = (places[:, 0] / radii[0]) ** 2 + ((across / radii[1:]) ** 2).sum(axis=1) <= 1
        found = abc_over_2(inside.reshape(shape), np.full(shape[0], 0.5), steps[1:])
        simple.append(found.simple_ml / volume_ml - 1)
        weighted.append(found.weighted_ml / volume_ml - 1)
    assert np.mean(simple) == pytest.approx(-0.045, abs=0.015)
    assert np.mean(weighted) == pytest.approx(-0.348, abs=0.02)


def test_uneven_slices_weigh_what_they_stand_for() -> None:
    mask = np.zeros((4, 3, 3), bool)
    mask[:, 1, 1] = True
    geometry = analyse([[0, 0, z] for z in (0, 4, 8, 13.5)], [1, 0, 0, 0, 1, 0], [4, 4, 4, 7])
    volume = planimetric_volume_ml(mask, geometry.weights_mm, (10, 10))
    assert volume == pytest.approx((4 + 4 + 4.75 + 6.25) * 100 / 1000)


def test_nothing_to_find_is_an_empty_mask() -> None:
    hu = np.full((3, 20, 20), 30, np.int16)
    found = grow_half_maximum(hu, np.ones(hu.shape, bool), (5, 1, 1))
    assert not found.mask.any()
    assert np.isnan(found.border_hu)
    assert not grow_half_maximum(hu, np.zeros(hu.shape, bool), (5, 1, 1)).mask.any()
    assert planimetric_volume_ml(found.mask, np.full(3, 5.0), (1, 1)) == 0
    assert planimetric_volume_ml(np.zeros((0, 2, 2), bool), [], (1, 1)) == 0


FULL = np.ones((2, 2, 2), bool)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: planimetric_volume_ml(np.ones((2, 2), bool), [1, 1], (1, 1)), "mask"),
        (lambda: planimetric_volume_ml(np.ones((2, 2, 2)), [1, 1], (1, 1)), "mask"),
        (lambda: planimetric_volume_ml(FULL, [1], (1, 1)), "weights_mm"),
        (lambda: planimetric_volume_ml(FULL, [1, -1], (1, 1)), "weights_mm"),
        (lambda: planimetric_volume_ml(FULL, [1, np.nan], (1, 1)), "weights_mm"),
        (lambda: planimetric_volume_ml(FULL, [1, 1], (1, 0)), "the least of pixel_spacing_mm"),
        (lambda: abc_over_2(~FULL, [1, 1], (1, 1)), "mask"),
        (lambda: grow_half_maximum(np.zeros((2, 2)), FULL, (1, 1, 1)), "hu"),
        (lambda: grow_half_maximum(np.zeros((2, 2, 2)), FULL[:1], (1, 1, 1)), "within"),
        (lambda: grow_half_maximum(np.zeros((2, 2, 2)), FULL, (1, 1)), "spacing_mm"),
        (lambda: grow_half_maximum(np.full((2, 2, 2), np.nan), FULL, (1, 1, 1)), "hu"),
        (
            lambda: grow_half_maximum(np.zeros((2, 2, 2)), FULL, (1, 1, 1), smoothing_mm=0),
            "smoothing_mm",
        ),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
