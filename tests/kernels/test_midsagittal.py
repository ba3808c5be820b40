"""The mid-sagittal plane (bar A6) and the mirror."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from kernels import (
    Finding,
    MidsagittalPlane,
    find_midsagittal_plane,
    mirror,
    mirror_mask,
    stroke_phantom,
)
from kernels.midsagittal import direction, mirror_cost
from tests.kernels.arrays import guises
from tests.kernels.stroke_heads import ge_case, phantom_case, true_plane
from tests.naive import stroke as naive

POSES = np.random.default_rng(77).uniform([-20, -8, -8, -8, -8], [20, 8, 8, 8, 8], (30, 5))
LARGE = (Finding("infarct", "left", 60.0), Finding("haemorrhage", "right", 60.0))


@pytest.mark.parametrize("index", range(30))
def test_thirty_poses_with_and_without_a_lesion(index: int) -> None:
    yaw, roll, *offset = POSES[index]
    head = stroke_phantom(
        LARGE[index % 4 // 2 : index % 4 // 2 + 1] if index % 2 else (),
        (30, 130, 130), (5.0, 1.7, 1.7), [0.0, 15.0, -18.0][index % 3], yaw, roll, offset,
        patient_position=["HFS", "FFS", "HFP", "FFP"][index % 4], seed=100 + index,
    )  # fmt: skip
    case = phantom_case(head)
    truth = true_plane(head, case.copy)
    angle = np.degrees(np.arccos(min(1.0, float(truth.normal @ case.plane.normal))))
    assert angle <= 1.0
    assert abs(case.plane.side_mm(case.copy.grid_points(head.centre_mm))) <= 1.0


def test_the_ge_head_is_turned_by_eleven_degrees(test_data: Path) -> None:
    assert ge_case(test_data).plane.yaw_deg == pytest.approx(-10.5, abs=1.0)


def test_the_mirror_agrees_with_the_twin() -> None:
    random = np.random.default_rng(5)
    values = random.normal(size=(4, 6, 7)).astype(np.float32)
    spacing = (2.0, 0.9, 1.1)
    for yaw, roll, offset in ((0, 0, 3.0), (14, -9, 3.7), (-30, 5, 1.0)):
        plane = MidsagittalPlane(direction(yaw, roll), offset)
        expected = naive.mirror(values, plane.normal, offset, spacing, -1024.0)
        for guise in guises(values):
            assert np.abs(mirror(guise, plane, spacing) - expected).max() < 1e-3
        points = np.ascontiguousarray(random.uniform(0, 6, (9, 3)))
        arguments = values, np.array(spacing), points, plane.normal, offset, 0.8
        assert mirror_cost(*arguments) == pytest.approx(
            naive.mirror_cost(values, points, plane.normal, offset, spacing, 0.8), abs=1e-5
        )


def test_the_mirror_agrees_with_scipy() -> None:
    values = np.random.default_rng(6).normal(size=(20, 30, 40)).astype(np.float32)
    spacing = np.array([2.5, 1.0, 1.2])
    plane = MidsagittalPlane(direction(12, 4), 24.0)
    points = np.moveaxis(np.indices(values.shape), 0, -1) * spacing
    theirs = ndimage.map_coordinates(
        values, np.moveaxis(plane.reflect(points) / spacing, -1, 0), order=1, cval=np.nan
    )
    ours = mirror(values, plane, spacing)
    inside = np.isfinite(theirs)
    assert inside.mean() > 0.5
    assert np.abs(ours - theirs)[inside].max() < 1e-3


def test_a_plane_tells_sides_and_mirrors() -> None:
    plane = MidsagittalPlane(direction(0, 0), 10.0)
    assert plane.side_mm([[0, 0, 13.0]]) == pytest.approx([3.0])
    assert plane.reflect([[5, 6, 13.0]]) == pytest.approx(np.array([[5, 6, 7.0]]))
    turned = MidsagittalPlane(direction(-11, 3), 10.0)
    assert (turned.yaw_deg, turned.roll_deg) == pytest.approx((-11, 3))
    sides = turned.sides((3, 4, 5), (2, 1, 1))
    assert sides[2, 1, 3] == pytest.approx(float(turned.side_mm([4, 1, 3])), abs=1e-5)
    mask = np.zeros((3, 4, 9), bool)
    mask[:, :, 6:] = True
    assert np.array_equal(mirror_mask(mask, MidsagittalPlane(direction(0, 0), 4.0), (1, 1, 1)),
                          mask[:, :, ::-1])  # fmt: skip


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: MidsagittalPlane(np.array([0, 0, 2.0]), 0), "normal"),
        (lambda: MidsagittalPlane(np.array([0, 0, 1.0]), np.nan), "offset_mm"),
        (
            lambda: find_midsagittal_plane(
                np.zeros((2, 2, 2)), np.zeros((2, 2, 2), bool), (1, 1, 1)
            ),
            "brain",
        ),
        (lambda: mirror(np.zeros((2, 2)), MidsagittalPlane(direction(0, 0), 0), (1, 1, 1)),
         "values"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
