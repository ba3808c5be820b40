"""Planes, slabs, curves (bar A4: 1e-3 HU against an analytic field and SciPy; MIP exact)."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.groups.volumes import vtk_image, vtk_reslice
from kernels import Plane, Projection, curved_plane, project, reslice, sample, slab
from tests.kernels.arrays import guises
from tests.naive import geometry as naive

RANDOM = np.random.default_rng(14)


def turned(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return axes[0], axes[1]


def affine(seed: int, shear: float = 0.0) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    result = np.eye(4)
    result[:3, :3] = axes * generator.uniform(0.4, 3, 3)
    result[:3, 0] += shear * result[:3, 1]
    result[:3, 3] = generator.uniform(-50, 50, 3)
    return result


def plane_within(matrix: NDArray[np.float64], shape: tuple[int, ...], seed: int) -> Plane:
    middle = matrix[:3, :3] @ (np.array(shape) / 2) + matrix[:3, 3]
    row, column = turned(seed)
    return Plane(middle - 4 * row - 3 * column, row, column, (0.8, 0.9), (9, 11))


@settings(deadline=None, max_examples=25)
@given(
    st.tuples(*[st.integers(1, 7)] * 3),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.6, -0.6]),
    st.sampled_from([np.int16, np.float32]),
)
def test_planes_agree_with_the_twin(
    shape: tuple[int, int, int], seed: int, shear: float, kind: type
) -> None:
    volume = RANDOM.integers(-1000, 2000, shape).astype(kind)
    matrix = affine(seed, shear)
    plane = plane_within(matrix, shape, seed + 1)
    expected = naive.sample(volume.astype(float), matrix, naive.plane_points(plane), -1024)
    assert np.abs(reslice(volume, matrix, plane) - expected).max() <= 2e-3
    points = naive.plane_points(plane)
    assert np.abs(sample(volume, matrix, points) - expected).max() <= 2e-3


@pytest.mark.parametrize("how", list(Projection))
@pytest.mark.parametrize(("thickness", "count"), [(0.0, 1), (3.0, 4), (40.0, 41)])
def test_slabs_agree_with_the_twin(how: Projection, thickness: float, count: int) -> None:
    volume = RANDOM.integers(-1000, 2000, (6, 7, 8)).astype(np.int16)
    matrix = affine(5)
    plane = plane_within(matrix, volume.shape, 6)
    expected = naive.slab(volume.astype(float), matrix, plane, thickness, count, how, -1024.0)
    step = thickness / max(count - 1, 1) or 1.0
    found = slab(volume, matrix, plane, thickness, how, step_mm=step)
    assert np.abs(found - expected).max() <= 2e-3
    assert (found == -1024).sum() == (expected == -1024).sum()


def test_every_guise_gives_the_same() -> None:
    matrix = affine(8)
    for kind in (np.int16, np.float32, np.uint8):
        volume = RANDOM.integers(0, 200, (5, 6, 7)).astype(kind)
        plane = plane_within(matrix, volume.shape, 9)
        expected = reslice(volume, matrix, plane)
        for guise in guises(volume):
            assert np.array_equal(reslice(guise, matrix, plane), expected)


@pytest.mark.parametrize("shear", [0.0, 0.5])
def test_a_linear_field_comes_back_exactly(shear: float) -> None:
    matrix = affine(21, shear)
    shape = (20, 30, 40)
    slope, height = np.array([7.0, -11.0, 5.0]), 130.0
    indices = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
    places = indices @ matrix[:3, :3].T + matrix[:3, 3]
    volume = (places @ slope + height).astype(np.float32)
    volume *= np.float32(1000 / np.abs(volume).max())
    scale = (volume.ravel() / (places @ slope + height).ravel()).mean()
    plane = plane_within(matrix, shape, 3)
    expected = (naive.plane_points(plane) @ slope + height) * scale
    assert np.abs(reslice(volume, matrix, plane) - expected).max() <= 1e-3
    # the maximum over a slab of a linear field lies on one of its faces
    found = slab(volume, matrix, plane, 4.0, step_mm=0.5)
    lift = 2 * (plane.normal @ slope) * scale
    assert np.abs(found - np.maximum(expected + lift, expected - lift)).max() <= 1e-3


def test_planes_agree_with_scipy_simpleitk_and_vtk() -> None:
    volume = RANDOM.integers(-1000, 2000, (40, 512, 512)).astype(np.int16)
    spacing = np.array([1.0, 0.5, 0.5])
    matrix = np.array([[0, 0, 0.5, 0], [0, 0.5, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1]])
    row, column = np.array([0.995, 0.0, 0.1]), np.array([0.0, 1.0, 0.0])
    row /= np.linalg.norm(row)
    middle = np.array([128.0, 128.0, 19.5])
    plane = Plane(middle - 51.1 * row - 51.1 * column, row, column, (0.2, 0.2), (512, 512))
    ours = reslice(volume, matrix, plane)
    points = naive.plane_points(plane)
    theirs = ndimage.map_coordinates(
        volume, (points[..., ::-1] / spacing).transpose(2, 0, 1), np.float32, 1, cval=-1024
    )
    assert np.abs(ours - theirs).max() <= 1e-3
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing(spacing[::-1].tolist())
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(
            image,
            (512, 512, 1),
            sitk.Transform(),
            sitk.sitkLinear,
            np.asarray(plane.origin_mm).tolist(),
            (0.2, 0.2, 1.0),
            np.stack([row, column, plane.normal], axis=1).ravel().tolist(),
            -1024,
            sitk.sitkFloat32,
        )
    )[0]
    assert np.abs(ours - theirs).max() <= 1e-3
    image = vtk_image(volume)
    assert np.abs(ours - vtk_reslice(image, plane, 1, 1.0, "Max")()).max() <= 5e-2
    for how, mode in (("maximum", "Max"), ("minimum", "Min"), ("mean", "Mean")):
        ours = slab(volume, matrix, plane, 2.0, how, step_mm=0.5)
        assert np.abs(ours - vtk_reslice(image, plane, 5, 0.5, mode)()).max() <= 5e-2


def test_samples_beside_a_nan_are_outside_a_slab() -> None:
    volume = np.array([100, 7, 5, 3, 1], np.float32)[:, None, None] * np.ones((5, 1, 4), np.float32)
    volume[1, 0, 0] = np.nan
    volume[:, 0, 3] = np.nan
    plane = Plane((0, 0, 2), (1, 0, 0), (0, 1, 0), (1, 1), (1, 4))
    matrix = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    for how, beside, away in (("maximum", 5, 100), ("minimum", 1, 1), ("mean", 3, 23.2)):
        found = slab(volume, matrix, plane, 4, how, step_mm=1)[0].tolist()
        assert found == pytest.approx([beside, away, -1024, -1024])
    level = Plane((0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1), (1, 1))
    assert np.isnan(reslice(volume, matrix, level)).all()


def test_orthogonal_planes_are_the_slices_themselves() -> None:
    volume = RANDOM.integers(-1000, 2000, (5, 6, 7)).astype(np.int16)
    matrix = np.array([[0, 0, 0.5, 10], [0, 0.6, 0, 20], [2.0, 0, 0, 30], [0, 0, 0, 1]])
    for nearest in ("linear", "nearest"):
        axial = Plane((10, 20, 34), (1, 0, 0), (0, 1, 0), (0.6, 0.5), (6, 7))
        assert np.array_equal(reslice(volume, matrix, axial, nearest), volume[2])
        coronal = Plane((10, 21.8, 30), (1, 0, 0), (0, 0, 1), (2, 0.5), (5, 7))
        assert np.array_equal(reslice(volume, matrix, coronal, nearest), volume[:, 3])
        sagittal = Plane((12, 20, 30), (0, 1, 0), (0, 0, 1), (2, 0.6), (5, 6))
        assert np.array_equal(reslice(volume, matrix, sagittal, nearest), volume[:, :, 4])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_aligned_slab_is_exactly_numpys(axis: int) -> None:
    volume = RANDOM.integers(-1000, 2000, (5, 6, 7)).astype(np.int16)
    assert np.array_equal(project(volume, axis), volume.max(axis=axis))
    assert np.array_equal(project(volume, axis, "minimum"), volume.min(axis=axis))
    assert np.allclose(project(volume, axis, "mean"), volume.mean(axis=axis))
    plane = Plane((0, 0, 2), (1, 0, 0), (0, 1, 0), (1, 1), (6, 7))
    matrix = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    assert np.array_equal(slab(volume, matrix, plane, 4), volume.max(axis=0))


def test_masks_are_cut_by_the_nearest_voxel() -> None:
    mask = RANDOM.random((6, 7, 8)) > 0.5
    matrix = affine(30)
    plane = plane_within(matrix, mask.shape, 31)
    found = reslice(mask, matrix, plane, "nearest", fill=0)
    assert set(np.unique(found)) <= {0, 1}
    for index in np.ndindex(*plane.shape):
        place = naive.voxel_of(matrix, naive.plane_points(plane)[index])
        if (place >= 0).all() and (place <= np.array(mask.shape) - 1).all():
            assert found[index] == mask[tuple(np.floor(place + 0.5).astype(int))]


def test_a_curved_plane_follows_its_path() -> None:
    # a tube along a bend; its centre stays in the middle column all the way
    z, y, x = np.mgrid[:40, :60, :60]
    bend = 30 + 10 * np.sin(z / 10)
    volume = (1000 * np.exp(-((x - bend) ** 2 + (y - 30) ** 2) / 18)).astype(np.float32)
    matrix = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    heights = np.arange(40.0)
    path = np.stack([30 + 10 * np.sin(heights / 10), np.full(40, 30.0), heights], axis=1)
    straight = curved_plane(volume, matrix, path, (1, 0, 0), 20, 0.5)
    assert straight.shape[1] == 41
    length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    assert straight.shape[0] == int(length / 0.5) + 1
    assert (straight.argmax(axis=1) == 20).all()
    assert straight[:, 20].min() > 960


def test_empty_planes_and_single_voxels() -> None:
    plane = Plane((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1), (0, 5))
    assert reslice(np.zeros((1, 1, 1), np.int16), np.eye(4), plane).shape == (0, 5)
    plane = Plane((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1), (1, 1))
    assert reslice(np.full((1, 1, 1), 7, np.int16), np.eye(4), plane).tolist() == [[7]]
    assert sample(np.ones((1, 1, 1), np.int16), np.eye(4), np.zeros((0, 3))).shape == (0,)


CUBE, LEVEL = np.zeros((2, 2, 2), np.int16), Plane((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1), (2, 2))


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: reslice(np.zeros((2, 2)), np.eye(4), LEVEL), "volume"),
        (lambda: reslice(np.zeros((2, 2, 2)), np.eye(4), LEVEL), "volume"),
        (lambda: reslice(np.zeros((0, 2, 2), np.int16), np.eye(4), LEVEL), "volume"),
        (lambda: reslice(CUBE, np.zeros((4, 4)), LEVEL), "affine"),
        (lambda: reslice(CUBE, np.eye(3), LEVEL), "affine"),
        (lambda: reslice(CUBE, np.full((4, 4), np.nan), LEVEL), "affine"),
        (lambda: reslice(CUBE, np.eye(4), LEVEL, "cubic"), "interpolation"),
        (lambda: reslice(CUBE, np.eye(4), LEVEL, fill=np.inf), "fill"),
        (lambda: reslice(CUBE, np.eye(4), LEVEL, out=np.zeros((2, 2))), "out"),
        (lambda: slab(CUBE, np.eye(4), LEVEL, -1), "thickness_mm"),
        (lambda: slab(CUBE, np.eye(4), LEVEL, np.nan), "thickness_mm"),
        (lambda: slab(CUBE, np.eye(4), LEVEL, 1, "median"), "how"),
        (lambda: slab(CUBE, np.eye(4), LEVEL, 1, step_mm=0), "step_mm"),
        (lambda: slab(CUBE, np.eye(4), LEVEL, 1e9), "the number of samples along a ray"),
        (lambda: slab(CUBE, np.eye(4), LEVEL, 9, step_mm=1e-320), "the number of samples along"),
        (
            lambda: curved_plane(CUBE, np.eye(4), [[0, 0, 0], [1, 0, 0]], (0, 1, 0), 1, 1e-320),
            "the curved shape",
        ),
        (lambda: sample(CUBE, np.eye(4), [[0, 0]]), "points_mm"),
        (lambda: sample(CUBE, np.eye(4), [[0, 0, np.nan]]), "points_mm"),
        (lambda: project(CUBE, 3), "axis"),
        (lambda: project(CUBE, 0, "median"), "how"),
        (lambda: project(np.zeros((0, 1, 1))), "volume"),
        (lambda: Plane((0, 0), (1, 0, 0), (0, 1, 0), (1, 1), (2, 2)), "origin_mm"),
        (lambda: Plane((0, 0, 0), (1, 0, 0), (1, 0, 0), (1, 1), (2, 2)), "row_direction"),
        (lambda: Plane((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1), (2, 2)), "the least of spacing_mm"),
        (lambda: Plane((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1), (99999, 99999)), "shape"),
        (lambda: Plane((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1), (-1, 5)), "shape"),
        (lambda: curved_plane(CUBE, np.eye(4), [[0, 0, 0]], (1, 0, 0), 1, 1), "path_mm"),
        (
            lambda: curved_plane(CUBE, np.eye(4), [[0, 0, 0], [1, 0, 0]], (1, 0, 0), 1, 1),
            "across",
        ),
        (
            lambda: curved_plane(CUBE, np.eye(4), [[0, 0, 0], [1, 0, 0]], (0, 1, 0), 1, 1e-12),
            "the curved shape",
        ),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
