"""Lengths, angles and areas of what a reader draws, in millimetres of patient or slide space."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, finite_array, positive

__all__ = [
    "angle_between_lines_deg",
    "angle_deg",
    "distance_to_line_mm",
    "distance_to_plane_mm",
    "ellipse_area_mm2",
    "ellipse_perimeter_mm",
    "length_mm",
    "polygon_area_mm2",
    "polygon_centroid_mm",
]


def length_mm(points_mm: ArrayLike, closed: bool = False) -> float:
    """Return the length of a line through two or more points.

    Parameters
    ----------
    points_mm : (n, 2) or (n, 3)
    closed : bool
        Go back to the first point: the perimeter of a polygon.
    """
    found = points("points_mm", points_mm, least=2)
    if closed:
        found = np.concatenate([found, found[:1]])
    return float(np.linalg.norm(np.diff(found, axis=0), axis=1).sum())


def angle_deg(first_mm: ArrayLike, vertex_mm: ArrayLike, second_mm: ArrayLike) -> float:
    """Return the angle at `vertex_mm`, from 0 to 180 degrees.

    Raises
    ------
    ValueError
        A leg has no length.
    """
    vertex = point("vertex_mm", vertex_mm)
    legs = [
        direction(name, vertex, point(name, end, len(vertex)))
        for name, end in (("first_mm", first_mm), ("second_mm", second_mm))
    ]
    return between(legs[0], legs[1])


def angle_between_lines_deg(first_mm: ArrayLike, second_mm: ArrayLike) -> float:
    """Return the angle of two lines that need not meet (Cobb), from 0 to 90 degrees.

    Parameters
    ----------
    first_mm, second_mm : (2, 2) or (2, 3)
        Two points of each line.
    """
    first, second = points("first_mm", first_mm, 2), points("second_mm", second_mm, 2)
    for name, line in (("first_mm", first), ("second_mm", second)):
        if line.shape != (2, first.shape[1]):
            raise ValueError(f"{name} has shape {line.shape}; expected (2, {first.shape[1]})")
    opening = between(
        direction("first_mm", first[0], first[1]), direction("second_mm", second[0], second[1])
    )
    return min(opening, 180 - opening)


def polygon_area_mm2(points_mm: ArrayLike) -> float:
    """Return the area of a flat polygon, in the plane or in space.

    Parts that the outline goes round in opposite senses cancel, as in every shoelace formula.

    Parameters
    ----------
    points_mm : (n, 2) or (n, 3), n >= 3
    """
    return float(np.linalg.norm(area_vector(points("points_mm", points_mm, 3))))


def polygon_centroid_mm(points_mm: ArrayLike) -> NDArray[np.float64]:
    """Return the centre of mass of a flat polygon.

    Raises
    ------
    ValueError
        The polygon has no area.
    """
    corners = points("points_mm", points_mm, 3)
    whole = area_vector(corners)
    size = np.linalg.norm(whole)
    if not size > 0:
        raise ValueError(f"points_mm with {len(corners)} corners has no area; expected a polygon")
    origin = corners.mean(axis=0)
    arms = corners - origin
    following = np.roll(arms, -1, axis=0)
    shares = flat_cross(arms, following) @ whole / (2 * size**2)
    return np.asarray(origin + shares @ (arms + following) / 3)


def ellipse_area_mm2(long_mm: float, short_mm: float) -> float:
    """Return the area of an ellipse from its two diameters."""
    return float(np.pi * positive("long_mm", long_mm) * positive("short_mm", short_mm) / 4)


def ellipse_perimeter_mm(long_mm: float, short_mm: float) -> float:
    """Return the perimeter of an ellipse from its two diameters (Ramanujan's second formula).

    Off by less than 0.04 % however flat the ellipse.
    """
    a, b = positive("long_mm", long_mm) / 2, positive("short_mm", short_mm) / 2
    h = ((a - b) / (a + b)) ** 2
    return float(np.pi * (a + b) * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h))))


def distance_to_line_mm(point_mm: ArrayLike, first_mm: ArrayLike, second_mm: ArrayLike) -> float:
    """Return how far a point lies from the endless line through two others."""
    first = point("first_mm", first_mm)
    along = direction("first_mm", first, point("second_mm", second_mm, len(first)))
    offset = point("point_mm", point_mm, len(first)) - first
    return float(np.linalg.norm(offset - (offset @ along) * along))


def distance_to_plane_mm(point_mm: ArrayLike, origin_mm: ArrayLike, normal: ArrayLike) -> float:
    """Return how far a point lies from a plane, positive on the side of `normal`."""
    upright = point("normal", normal, 3)
    offset = point("point_mm", point_mm, 3) - point("origin_mm", origin_mm, 3)
    return float(offset @ direction("normal", np.zeros(3), upright))


def points(name: str, value: ArrayLike, least: int) -> NDArray[np.float64]:
    found = array(name, value, (2,))
    if found.shape[0] < least or found.shape[1] not in (2, 3):
        raise ValueError(
            f"{name} has shape {found.shape}; expected {least} or more points in 2-D or 3-D"
        )
    return finite_array(name, found, (None, found.shape[1]))


def point(name: str, value: ArrayLike, length: int | None = None) -> NDArray[np.float64]:
    found = finite_array(name, value, (length,))
    if len(found) not in (2, 3):
        raise ValueError(f"{name} has shape {found.shape}; expected a point in 2-D or 3-D")
    return found


def direction(
    name: str, start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    size = np.linalg.norm(end - start)
    if not size > 0:
        raise ValueError(f"{name} has length {size}; expected a direction")
    return np.asarray((end - start) / size)


def between(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    # Half-angle form: exact near 0 and 180 degrees, where arccos loses half its digits.
    return float(
        np.degrees(2 * np.arctan2(np.linalg.norm(first - second), np.linalg.norm(first + second)))
    )


def flat_cross(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return cross products as (n, 3), or (n, 1) in the plane."""
    if first.shape[1] == 3:
        return np.cross(first, second)
    return (first[:, :1] * second[:, 1:]) - (first[:, 1:] * second[:, :1])


def area_vector(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    arms = corners - corners[0]
    return np.asarray(flat_cross(arms, np.roll(arms, -1, axis=0)).sum(axis=0) / 2)
