"""Lengths, angles and areas: known figures, any place and turn."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

import kernels as k


def turned(points: np.ndarray, seed: int) -> np.ndarray:
    """Put flat points somewhere in space."""
    generator = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    flat = np.concatenate([points, np.zeros((len(points), 1))], axis=1)
    return np.asarray(flat @ axes + generator.uniform(-100, 100, 3))


def test_known_figures() -> None:
    square = [[0, 0], [2, 0], [2, 2], [0, 2]]
    assert k.length_mm([[0, 0], [3, 4]]) == 5
    assert k.length_mm([[0, 0, 0], [1, 2, 2], [1, 2, 5]]) == 6
    assert k.length_mm(square, closed=True) == 8
    assert k.polygon_area_mm2(square) == 4
    assert k.polygon_area_mm2(square[::-1]) == 4
    assert k.polygon_centroid_mm(square).tolist() == [1, 1]
    assert k.angle_deg([1, 0], [0, 0], [0, 5]) == pytest.approx(90)
    assert k.angle_deg([1, 0], [0, 0], [-3, 0]) == pytest.approx(180)
    assert k.angle_deg([1, 0], [0, 0], [7, 0]) == 0
    assert k.angle_between_lines_deg([[0, 0], [1, 0]], [[5, 5], [4, 6]]) == pytest.approx(45)
    assert k.distance_to_line_mm([1, 1], [0, 0], [9, 0]) == pytest.approx(1)
    assert k.distance_to_plane_mm([0, 0, 3], [5, 5, 1], [0, 0, -2]) == pytest.approx(-2)
    assert k.ellipse_area_mm2(4, 2) == pytest.approx(2 * np.pi)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 12))
def test_measures_do_not_depend_on_place_or_turn(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    angles = np.sort(generator.uniform(0, 2 * np.pi, count))
    flat = generator.uniform(5, 40, count)[:, None] * np.stack(
        [np.cos(angles), np.sin(angles)], axis=1
    )
    space = turned(flat, seed)
    assert k.length_mm(space, closed=True) == pytest.approx(k.length_mm(flat, closed=True))
    assert k.polygon_area_mm2(space) == pytest.approx(k.polygon_area_mm2(flat))
    theirs = cv2.contourArea(flat.astype(np.float32)[:, None])
    assert k.polygon_area_mm2(flat) == pytest.approx(theirs, rel=1e-4, abs=1e-3)
    if k.polygon_area_mm2(flat) > 1:
        moments = cv2.moments(flat.astype(np.float32)[:, None])
        centre = [moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]]
        assert np.allclose(k.polygon_centroid_mm(flat), centre, atol=1e-2)
    assert k.angle_deg(*space[:3]) == pytest.approx(k.angle_deg(*flat[:3]))
    assert k.angle_deg(*space[:3]) == pytest.approx(k.angle_deg(*space[2::-1]))


@pytest.mark.parametrize("short", [1.0, 5.0, 9.0, 10.0])
def test_the_perimeter_of_an_ellipse(short: float) -> None:
    exact, _ = integrate.quad(
        lambda t: np.hypot(5 * np.sin(t), short / 2 * np.cos(t)), 0, 2 * np.pi
    )
    assert k.ellipse_perimeter_mm(10, short) == pytest.approx(exact, rel=4e-4)


def test_tiny_angles_keep_their_digits() -> None:
    assert k.angle_deg([1, 0], [0, 0], [1, 1e-9]) == pytest.approx(np.degrees(1e-9), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: k.length_mm([[0, 0]]), "points_mm"),
        (lambda: k.length_mm([0, 0]), "points_mm"),
        (lambda: k.length_mm([[0, 0], [np.nan, 0]]), "points_mm"),
        (lambda: k.length_mm(np.zeros((3, 4))), "points_mm"),
        (lambda: k.polygon_area_mm2([[0, 0], [1, 1]]), "points_mm"),
        (lambda: k.polygon_centroid_mm([[0, 0], [1, 1], [2, 2]]), "points_mm"),
        (lambda: k.angle_deg([0, 0], [0, 0], [1, 0]), "first_mm"),
        (lambda: k.angle_deg([1, 0, 0], [0, 0], [1, 0]), "first_mm"),
        (lambda: k.angle_between_lines_deg([[0, 0], [0, 0]], [[0, 0], [1, 0]]), "first_mm"),
        (lambda: k.angle_between_lines_deg(np.eye(3), np.eye(3)), "first_mm"),
        (lambda: k.ellipse_area_mm2(0, 1), "long_mm"),
        (lambda: k.ellipse_perimeter_mm(1, -1), "short_mm"),
        (lambda: k.distance_to_line_mm([0, 0], [1, 1], [1, 1]), "first_mm"),
        (lambda: k.distance_to_plane_mm([0, 0, 0], [0, 0, 0], [0, 0, 0]), "normal"),
        (lambda: k.distance_to_plane_mm([0, 0, np.inf], [0, 0, 0], [0, 0, 1]), "point_mm"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
