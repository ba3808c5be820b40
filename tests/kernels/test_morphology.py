"""Distances and morphology in millimetres."""

import numpy as np
import pytest
from scipy import ndimage

from kernels import distance_mm
from kernels.morphology import close_mask, dilate, erode, largest_part, open_mask
from tests.kernels.arrays import guises
from tests.naive import stroke as naive

RANDOM = np.random.default_rng(21)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 0.49, 0.7), (0.5, 3.0, 1.0)])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_distances_agree_with_the_twin(spacing: tuple[float, ...], share: float) -> None:
    mask = RANDOM.random((4, 6, 5)) < share
    mask[2, 3, 1] = True
    expected = naive.distance_mm(mask, spacing)
    for guise in guises(mask.view(np.uint8)):
        assert np.allclose(distance_mm(guise, spacing), expected, atol=1e-4)


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.5])
def test_distances_agree_with_scipy(share: float) -> None:
    mask = RANDOM.random((31, 57, 43)) < share
    spacing = (2.5, 0.9, 1.1)
    theirs = ndimage.distance_transform_edt(~mask, sampling=spacing)
    assert np.abs(distance_mm(mask, spacing) - theirs).max() < 1e-4


def test_nothing_is_far_from_everything() -> None:
    assert (distance_mm(np.zeros((2, 3, 4), bool), (1, 1, 1)) == 1e6).all()
    assert distance_mm(np.zeros((0, 3, 4), bool), (1, 1, 1)).shape == (0, 3, 4)


def test_shapes_are_in_millimetres_not_voxels() -> None:
    mask = np.zeros((9, 41, 41), bool)
    mask[4, 20, 20] = True
    ball = dilate(mask, 6.0, (3.0, 1.0, 1.0))
    assert ball.any(axis=(1, 2)).sum() == 5
    assert ball.any(axis=(0, 2)).sum() == 13
    assert np.array_equal(erode(ball, 5.9, (3.0, 1.0, 1.0)), mask)
    bridged = ball.copy()
    bridged[4, 20, :] = True
    assert not open_mask(bridged, 2.0, (3.0, 1.0, 1.0))[4, 20, 3]
    pierced = ball.copy()
    pierced[4, 20, 20] = False
    assert close_mask(pierced, 2.0, (3.0, 1.0, 1.0))[4, 20, 20]


def test_the_largest_part_is_kept() -> None:
    mask = np.zeros((1, 3, 9), bool)
    mask[0, 0, :2] = mask[0, 2, 3:8] = True
    assert largest_part(mask).sum() == 5
    assert not largest_part(np.zeros((1, 2, 2), bool)).any()


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: distance_mm(np.zeros((2, 2), bool), (1, 1, 1)), "mask"),
        (lambda: distance_mm(np.zeros((2, 2, 2)), (1, 1, 1)), "mask"),
        (lambda: distance_mm(np.zeros((2, 2, 2), bool), (1, 1)), "spacing_mm"),
        (lambda: distance_mm(np.zeros((2, 2, 2), bool), (1, 0, 1)), "the least of spacing_mm"),
        (lambda: dilate(np.zeros((2, 2, 2), bool), np.nan, (1, 1, 1)), "by_mm"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
