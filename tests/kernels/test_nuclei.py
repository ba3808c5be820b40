"""Nuclei, on slides whose nuclei are known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from kernels import HAEMATOXYLIN_EOSIN_DAB, find_nuclei


def slide(
    seed: int, count: int, brown: float = 0.0, edge: int = 600, closest: float = 10.0
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.bool_]]:
    """Return a slide at 0.5 µm, the centres of its nuclei, and which are brown."""
    generator = np.random.default_rng(seed)
    centres: list[NDArray[np.float64]] = []
    while len(centres) < count:
        place = generator.uniform(12, edge - 12, 2)
        if all(np.hypot(*(place - other)) > closest for other in centres):
            centres.append(place)
    positive = generator.random(count) < brown
    y, x = np.mgrid[:edge, :edge]
    amounts = np.zeros((edge, edge, 3))
    amounts[..., 1] = 0.25 + 0.08 * np.sin(x / 37) * np.cos(y / 29)
    amounts[..., 0] = 0.06 + 0.03 * np.sin(y / 45)
    for (row, column), dab in zip(centres, positive, strict=True):
        a, b, turn = generator.uniform(5.5, 8), generator.uniform(5, 7), generator.uniform(0, 3)
        near = np.s_[
            max(0, int(row) - 20) : int(row) + 21, max(0, int(column) - 20) : int(column) + 21
        ]
        dy, dx = y[near] - row, x[near] - column
        u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        inside = 1 / (1 + np.exp((np.hypot(u / a, v / b) - 1) * 8))
        layer = amounts[..., 2 if dab else 0][near]
        np.maximum(layer, generator.uniform(0.45, 0.8) * inside, out=layer)
    light = 10 ** -(amounts @ HAEMATOXYLIN_EOSIN_DAB)
    noisy = 245 * light + generator.normal(0, 3, light.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), np.array(centres), positive


@pytest.mark.parametrize("seed", [1, 2])
def test_nuclei_are_found(seed: int) -> None:
    picture, centres, _ = slide(seed, 450)
    found = find_nuclei(picture, 0.5).points
    away, _ = cKDTree(centres).query(found)
    missed, _ = cKDTree(found).query(centres)
    precision, recall = (away < 5).mean(), (missed < 5).mean()
    assert 2 * precision * recall / (precision + recall) >= 0.90


def test_the_share_of_brown_nuclei_is_close() -> None:
    for share in (0.1, 0.4):
        picture, _, positive = slide(5, 300, share, closest=15)
        assert find_nuclei(picture, 0.5).positive_fraction == pytest.approx(
            positive.mean(), abs=0.03
        )


def test_only_the_region_is_counted() -> None:
    picture, centres, _ = slide(7, 150, closest=16)
    region = np.zeros(picture.shape[:2], bool)
    region[:, :300] = True
    found = find_nuclei(picture, 0.5, region).points
    assert (found[:, 1] < 300.5).all()
    assert len(found) == pytest.approx((centres[:, 1] < 300).sum(), abs=8)


def test_a_slide_without_nuclei_has_none() -> None:
    glass = np.full((100, 100, 3), 243, np.uint8)
    found = find_nuclei(glass, 0.5)
    assert found.points.shape == (0, 2)
    assert np.isnan(found.positive_fraction)
    assert len(find_nuclei(glass, 0.5, np.zeros((100, 100), bool)).points) == 0
    assert len(find_nuclei(np.zeros((0, 0, 3), np.uint8), 0.5).points) == 0


PICTURE = np.zeros((9, 9, 3), np.uint8)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: find_nuclei(np.zeros((9, 9)), 0.5), "rgb"),
        (lambda: find_nuclei(PICTURE, 0), "pixel_um"),
        (lambda: find_nuclei(PICTURE, 8), "pixel_um"),
        (lambda: find_nuclei(PICTURE, 0.5, np.ones((8, 9), bool)), "region"),
        (lambda: find_nuclei(PICTURE, 0.5, diameter_um=-1), "diameter_um"),
        (lambda: find_nuclei(PICTURE, 0.5, positive_density=np.nan), "positive_density"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
