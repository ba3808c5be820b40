"""Un-shearing and evening out (bar A3)."""

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from kernels import analyse, even, unshear
from tests.kernels.arrays import guises
from tests.naive import geometry as naive

RANDOM = np.random.default_rng(13)


def noise(shape: tuple[int, ...], kind: type) -> NDArray[np.generic]:
    return RANDOM.integers(-1000, 2000, shape).astype(kind)


@pytest.mark.parametrize("kind", [np.int16, np.float32])
@pytest.mark.parametrize("swivel", [0.0, 0.4])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_unshear_agrees_with_the_twin(kind: type, swivel: float, masked: bool, sign: int) -> None:
    volume = noise((4, 6, 5), kind)
    shear = np.array([[0, 0], [1.3, swivel], [2.1, 2 * swivel], [5.1, 3 * swivel]]) * sign
    valid = RANDOM.random(volume.shape) > 0.3 if masked else None
    expected, kept, shift = naive.unshear(
        volume.astype(float), shear, np.array([0.8, 0.6]), -1024, valid
    )
    for guise in guises(volume):
        found = unshear(guise, shear, (0.8, 0.6), valid=valid)
        assert found.array.dtype == kind
        assert np.array_equal(found.valid, kept)
        assert np.allclose(found.origin_shift_mm, shift)
        worst = np.abs(found.array - expected).max()
        assert worst <= (0.5 + 1e-3 if kind is np.int16 else 1e-3)


def test_unshear_agrees_with_simpleitk() -> None:
    volume = noise((6, 40, 30), np.float32)
    shear = np.zeros((6, 2))
    shear[:, 0] = np.arange(6) * 1.7
    ours = unshear(volume, shear, (0.5, 0.5))
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((1, 0, 0, 0, 1, -3.4, 0, 0, 1))
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(
            sitk.GetImageFromArray(volume),
            ours.array.shape[::-1],
            transform,
            sitk.sitkLinear,
            (0, 0, 0),
            (1, 1, 1),
            (1, 0, 0, 0, 1, 0, 0, 0, 1),
            -1024,
        )
    )
    # SimpleITK extrapolates half a voxel beyond the outermost centres; ours does not.
    assert np.abs(ours.array - theirs)[ours.valid].max() < 2e-3


@pytest.mark.parametrize("tilt", [-30, -15, -5, 5, 20, 30])
@pytest.mark.parametrize("spacings", [[1.0] * 100, [3.0] * 34, [5.0] * 20, [2.0] * 25 + [4.0] * 13])
def test_a_sphere_scanned_tilted_becomes_a_sphere_again(tilt: int, spacings: list[float]) -> None:
    radius, pixel, edge = 40.0, 0.8, 136
    angle = np.radians(tilt)
    orientation = np.array([1, 0, 0, 0, np.cos(angle), np.sin(angle)])
    along = np.concatenate([[0.0], np.cumsum(spacings)])
    along -= along.mean()
    column = orientation[3:]
    corner = -(edge - 1) / 2 * pixel * (orientation[:3] + column)
    positions = corner + along[:, None] * [0, 0, 1 / np.cos(angle)]
    steps = np.arange(edge) * pixel
    points = positions[:, None, None] + steps[:, None, None] * column
    points = points + steps[:, None] * orientation[:3]
    away = np.linalg.norm(points, axis=3)
    volume = np.clip(500 * (radius - away) / 1.5 + 500, 0, 1000).astype(np.int16)

    geometry = analyse(positions, orientation)
    assert abs(geometry.tilt_deg - tilt) <= 0.01
    upright = unshear(volume, geometry.shear_mm, (pixel, pixel), fill=0)
    inside = upright.array >= 500
    origin = (
        geometry.origin_mm
        + upright.origin_shift_mm[0] * geometry.column_direction
        + upright.origin_shift_mm[1] * geometry.row_direction
    )
    k, i, j = np.nonzero(inside)
    found = (
        origin
        + geometry.positions_along_normal_mm[k, None] * geometry.normal
        + i[:, None] * pixel * geometry.column_direction
        + j[:, None] * pixel * geometry.row_direction
    )
    weights = geometry.weights_mm[k]
    centre = (found * weights[:, None]).sum(axis=0) / weights.sum()
    assert np.abs(centre).max() <= 0.1
    truth = 4 / 3 * np.pi * radius**3
    assert weights.sum() * pixel**2 == pytest.approx(truth, rel=0.01)
    # second moments: semi-axes along normal, column and row direction
    for direction in (geometry.normal, geometry.column_direction, geometry.row_direction):
        moment = (weights * (found @ direction) ** 2).sum() / weights.sum()
        assert np.sqrt(5 * moment) == pytest.approx(radius, rel=0.01)


def test_padding_never_bleeds_into_tissue() -> None:
    volume = np.full((3, 10, 8), 40, np.int16)
    volume[:, :3] = -2000
    shear = np.array([[0, 0], [0.37, 0], [0.81, 0]])
    found = unshear(volume, shear, (1, 1), valid=volume != -2000)
    assert set(np.unique(found.array[found.valid])) == {40}


def test_no_shear_changes_nothing() -> None:
    volume = noise((3, 4, 5), np.int16)
    found = unshear(volume, np.zeros((3, 2)), (1, 1))
    assert np.array_equal(found.array, volume)
    assert found.valid.all()


@pytest.mark.parametrize("shape", [(0, 4, 4), (1, 1, 1), (3, 0, 4), (2, 4, 0), (2, 1, 3)])
def test_empty_and_one_pixel(shape: tuple[int, int, int]) -> None:
    shear = np.arange(shape[0])[:, None] * [1.5, 0.0]
    found = unshear(np.ones(shape, np.int16), shear, (1, 1))
    assert found.array.shape[0] == shape[0]
    assert found.valid.sum() <= np.prod(shape)
    if shape == (1, 1, 1):
        assert found.array.tolist() == [[[1]]]


@pytest.mark.parametrize("kind", [np.int16, np.float32])
@pytest.mark.parametrize("step", [1.0, 0.7, 3.0, 2.5])
def test_even_agrees_with_the_twin(kind: type, step: float) -> None:
    volume = noise((5, 3, 4), kind)
    places = np.array([0.0, 2.0, 3.0, 9.0, 11.0])
    expected, targets, invented = naive.even(volume.astype(float), places, step, [2])
    for guise in guises(volume):
        found = even(guise, places, step, [2])
        assert np.allclose(found.array, expected, atol=1e-3)
        assert np.allclose(found.positions_mm, targets)
        assert np.array_equal(found.invented, invented)


def test_even_says_what_it_invented_and_keeps_what_was_there() -> None:
    volume = np.arange(4, dtype=np.int16)[:, None, None] * np.ones((1, 2, 2), np.int16)
    geometry = analyse([[0, 0, z] for z in (0, 5, 10, 20)], [1, 0, 0, 0, 1, 0])
    found = even(
        volume, geometry.positions_along_normal_mm, 5, [gap.after for gap in geometry.gaps]
    )
    assert found.invented.tolist() == [False, False, False, True, False]
    assert found.array[:, 0, 0].tolist() == [0, 1, 2, 2.5, 3]


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: unshear(np.zeros((2, 2)), np.zeros((2, 2)), (1, 1)), "volume"),
        (lambda: unshear(np.zeros((2, 2, 2)), np.zeros((2, 2)), (1, 1)), "volume"),
        (lambda: unshear(np.zeros((2, 2, 2), np.int16), np.zeros((3, 2)), (1, 1)), "shear_mm"),
        (
            lambda: unshear(np.zeros((1, 2, 2), np.int16), [[np.nan, 0]], (1, 1)),
            "shear_mm",
        ),
        (
            lambda: unshear(np.zeros((2, 2, 2), np.int16), np.zeros((2, 2)), (0, 1)),
            "the least of pixel_spacing_mm",
        ),
        (
            lambda: unshear(np.zeros((2, 9, 9), np.int16), [[0, 0], [1e12, 0]], (1, 1)),
            "the upright shape",
        ),
        (
            lambda: unshear(
                np.zeros((1, 2, 2), np.int16), [[0, 0]], (1, 1), valid=np.zeros((1, 2, 3), bool)
            ),
            "valid",
        ),
        (
            lambda: unshear(
                np.zeros((1, 2, 2), np.int16), [[0, 0]], (1, 1), out=np.zeros((1, 2, 2))
            ),
            "out",
        ),
        (
            lambda: unshear(np.zeros((1, 2, 2), np.int16), [[0, 0]], (1, 1), fill=np.nan),
            "fill",
        ),
        (
            lambda: unshear(np.zeros((2, 9, 9), np.int16), [[0, 0], [1, 0]], (1e-320, 1)),
            "the upright shape",
        ),
        (lambda: unshear(np.zeros((1, 2, 2), np.int16), [[0, 0]], (1, 1), -40000), "fill"),
        (lambda: even(np.zeros((2, 2, 2), np.int16), [0, 1], 1e-320), "the even shape"),
        (lambda: even(np.zeros((2, 2, 2), np.int16), [1, 0], 1), "positions_mm"),
        (lambda: even(np.zeros((2, 2, 2), np.int16), [0, 1], 0), "step_mm"),
        (lambda: even(np.zeros((2, 2, 2), np.int16), [0, 1], 1, [1]), "gap_intervals"),
        (lambda: even(np.zeros((0, 2, 2), np.int16), [], 1), "volume"),
        (lambda: even(np.zeros((2, 512, 512), np.int16), [0, 1e9], 1), "the even shape"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
