"""The analysis copy: upright, head first, and the way back to the slices as scanned."""

import numpy as np
import pytest

from kernels import Finding, analyse, analysis_copy, sample, stroke_phantom
from kernels.even_box import shrink
from tests.kernels.stroke_heads import ordered
from tests.naive import stroke as naive


def dice(first, second) -> float:  # type: ignore[no-untyped-def]
    return float(2 * (first & second).sum() / max(first.sum() + second.sum(), 1))


@pytest.mark.parametrize("position", ["HFS", "HFP", "FFS", "FFP"])
@pytest.mark.parametrize("tilt", [0.0, -18.5])
def test_every_position_comes_out_head_up_face_first_left_last(position: str, tilt: float) -> None:
    head = stroke_phantom(
        (Finding("haemorrhage", "left", 40),), (30, 130, 130), (5, 1.8, 1.8), tilt,
        offset_mm=(3, -5, 2), patient_position=position, noise_hu=0,
    )  # fmt: skip
    geometry = analyse(head.positions_mm, head.orientation)
    copy = analysis_copy(ordered(head, head.hu), geometry, head.spacing_mm[1:])
    directions = copy.affine[:3, :3] / copy.spacing_mm
    assert directions[2, 0] > 0.9  # slices to the head
    assert directions[1, 1] > 0.9  # rows to the back
    assert directions[0, 2] > 0.99  # columns to the left
    assert np.allclose(np.linalg.norm(directions, axis=0), 1)
    assert copy.spacing_mm == pytest.approx([2.5, 1.8, 1.8])
    # the clot lies where it was drawn
    clot = copy.from_source(ordered(head, head.masks["haemorrhage:0"]))
    centre = copy.patient_points(np.argwhere(clot).mean(axis=0) * copy.spacing_mm)
    assert centre == pytest.approx(np.add((28.0, 0, 8), (3, -5, 2)), abs=1.2)
    assert np.allclose(copy.grid_points(copy.patient_points([[10.0, 20, 30]])), [[10, 20, 30]])


@pytest.mark.parametrize(
    ("shape", "spacing", "grid"),
    [
        ((30, 256, 256), (5.0, 0.92, 0.92), (2.5, 0.92, 0.92)),
        ((60, 360, 360), (2.4, 0.62, 0.62), (2.4, 1.24, 1.24)),
        ((140, 420, 420), (1.0, 0.49, 0.49), (1.0, 0.98, 0.98)),
        ((220, 300, 300), (0.6, 0.75, 0.75), (1.2, 0.75, 0.75)),
    ],
)
def test_the_grid_is_about_a_millimetre(shape, spacing, grid) -> None:  # type: ignore[no-untyped-def]
    hu = np.full(shape, 30, np.int16)
    positions = [[0, 0, index * spacing[0]] for index in range(shape[0])]
    copy = analysis_copy(hu, analyse(positions, [1, 0, 0, 0, 1, 0]), spacing[1:])
    assert copy.spacing_mm == pytest.approx(grid)
    assert (copy.hu[copy.valid] == 30).all()
    assert copy.valid.all()


@pytest.mark.parametrize("tilt", [0.0, 20.0])
@pytest.mark.parametrize("spacing", [(5.0, 0.5, 0.5), (0.7, 1.0, 1.0), (3.0, 0.9, 0.9)])
def test_masks_go_there_and_back(tilt: float, spacing: tuple[float, float, float]) -> None:
    shape = (int(130 / spacing[0]), int(230 / spacing[1]), int(230 / spacing[2]))
    hu = np.full(shape, 30, np.int16)
    hu[:, :3, :3] = 1000
    hu[:, -3:, -3:] = 1000  # bone in two corners: nothing is cropped
    angle = np.radians(tilt)
    positions = [[0, 0, index * spacing[0] / np.cos(angle)] for index in range(shape[0])]
    geometry = analyse(positions, [1, 0, 0, 0, np.cos(angle), np.sin(angle)])
    copy = analysis_copy(hu, geometry, spacing[1:])
    k, i, j = np.ogrid[: shape[0], : shape[1], : shape[2]]
    z = (k - shape[0] / 2) * spacing[0]
    y = (i - shape[1] / 2) * spacing[1] + geometry.shear_mm[:, 0][:, None, None]
    y = y - geometry.shear_mm[shape[0] // 2, 0]
    ball = z**2 + y**2 + ((j - shape[2] / 2) * spacing[2]) ** 2 < 30**2
    there = copy.from_source(ball)
    # half-way slices take what either neighbour marks
    assert there.sum() * copy.spacing_mm.prod() == pytest.approx(4 / 3 * np.pi * 30**3, rel=0.06)
    assert dice(copy.to_source(there), ball) > 0.98
    assert not copy.to_source(np.zeros(copy.hu.shape, bool)).any()


def test_values_are_those_of_the_source_at_the_same_place() -> None:
    head = stroke_phantom((), (24, 130, 130), (6, 1.8, 1.8), 0, noise_hu=0, head_holder=False)
    geometry = analyse(head.positions_mm, head.orientation)
    copy = analysis_copy(head.hu, geometry, head.spacing_mm[1:], in_plane_mm=1.8)
    places = np.argwhere(copy.hu > -5000)[::997]
    points = copy.patient_points(places * copy.spacing_mm)
    there = sample(head.hu, geometry.affine(head.spacing_mm[1:]), points, -5000)
    assert np.abs(there - copy.hu[tuple(places.T)])[there > -5000].max() < 0.5


def test_blocks_are_averaged_over_what_is_valid() -> None:
    random = np.random.default_rng(0)
    hu = random.integers(-100, 100, (3, 7, 9)).astype(np.int16)
    valid = random.random(hu.shape) > 0.4
    for factors in ((1, 1), (2, 2), (3, 2)):
        expected, kept = naive.shrink(hu, valid, factors, -1024.0)
        found, clean = np.empty(expected.shape, np.float32), np.empty(kept.shape, bool)
        shrink(0, 3, hu, valid, True, *factors, np.float32(-1024), found, clean)
        assert np.array_equal(clean, kept)
        assert np.allclose(found, expected, atol=1e-4)


def test_padding_is_invalid_on_the_copy_and_in_no_value() -> None:
    hu = np.full((10, 64, 64), 30, np.int16)
    hu[:, :20] = -3024
    positions = [[0, 0, 5.0 * index] for index in range(10)]
    copy = analysis_copy(hu, analyse(positions, [1, 0, 0, 0, 1, 0]), (1, 1), hu != -3024)
    assert set(np.unique(copy.hu)) == {-1024.0, 30.0}
    assert np.array_equal(copy.valid, copy.hu == 30)


def test_a_gap_is_marked_as_invented() -> None:
    heights = [0, 5, 10, 15, 30, 35, 40]
    copy = analysis_copy(
        np.zeros((7, 32, 32), np.int16),
        analyse([[0, 0, z] for z in heights], [1, 0, 0, 0, 1, 0]),
        (1, 1),
    )
    assert np.flatnonzero(copy.invented).tolist() == [7, 8, 9, 10, 11]


GEOMETRY = analyse([[0, 0, 5.0 * index] for index in range(4)], [1, 0, 0, 0, 1, 0])
HU = np.zeros((4, 8, 8), np.int16)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: analysis_copy(np.zeros((4, 8)), GEOMETRY, (1, 1)), "hu"),
        (lambda: analysis_copy(np.zeros((4, 8, 8)), GEOMETRY, (1, 1)), "hu"),
        (lambda: analysis_copy(HU[:3], GEOMETRY, (1, 1)), "hu"),
        (lambda: analysis_copy(HU[:1], analyse([[0, 0, 0]], [1, 0, 0, 0, 1, 0]), (1, 1)), "hu"),
        (lambda: analysis_copy(HU, GEOMETRY, (0, 1)), "the least of pixel_spacing_mm"),
        (lambda: analysis_copy(HU, GEOMETRY, (1, 1), HU[:2] == 0), "valid"),
        (lambda: analysis_copy(HU, GEOMETRY, (1, 1), in_plane_mm=0), "in_plane_mm"),
        (lambda: analysis_copy(HU, GEOMETRY, (1, 1)).to_source(HU[:, :4] == 0), "mask"),
        (lambda: analysis_copy(HU, GEOMETRY, (1, 1)).from_source(HU[:2] == 0), "mask"),
        (lambda: analysis_copy(HU, GEOMETRY, (1, 1)).patient_points([1, np.nan, 2]), "points_mm"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
