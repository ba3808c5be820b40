"""Outlines with holes as one ring, and ellipses as polygons."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["bridge", "ellipse_outline", "is_upright_rectangle", "rings_of"]

Points = NDArray[np.float64]

_FEWEST, _MOST = 32, 720


def bridge(rings: Sequence[Points]) -> tuple[Points, tuple[int, ...]]:
    """Join an outer ring and its holes into one ring that walks to each hole and back.

    The walk out and the walk back enclose nothing, and holes run the other way round: the area
    of the one ring is the area of the outline without its holes.

    Parameters
    ----------
    rings : sequence of (n, 2)
        Open: the first point is not repeated. The outer one first.

    Returns
    -------
    (n, 2) float64, tuple of int
        The ring and the number of points of each of its parts; empty when there is no hole.
    """
    outer = rings[0]
    if len(rings) == 1:
        return outer, ()
    turn = _signed_area(outer)
    parts = [outer, outer[:1]]
    for hole in rings[1:]:
        if _signed_area(hole) * turn > 0:
            hole = hole[::-1]
        parts += [hole, hole[:1], outer[:1]]
    return np.vstack(parts), tuple(len(ring) for ring in rings)


def rings_of(points: Points, counts: Sequence[int]) -> list[Points]:
    """Undo `bridge`; one ring where the counts do not fit (it was edited since)."""
    if len(counts) < 2 or sum(counts) + 2 * len(counts) - 1 != len(points):
        return [points]
    rings = [points[: counts[0]]]
    first = counts[0] + 1
    for count in counts[1:]:
        rings.append(points[first : first + count])
        first += count + 2
    return rings


def ellipse_outline(ends: Points) -> Points:
    """The ellipse of four axis ends (major a, b, minor a, b) as a polygon, true to 1/4 pixel."""
    centre = ends.mean(axis=0)
    major, minor = (ends[0] - ends[1]) / 2, (ends[2] - ends[3]) / 2
    radius = max(math.hypot(*major), math.hypot(*minor), 1.0)
    count = math.ceil(math.pi / math.sqrt(0.5 / radius))
    turns = np.linspace(0, 2 * math.pi, min(max(count, _FEWEST), _MOST), endpoint=False)[:, None]
    outline: Points = centre + np.cos(turns) * major + np.sin(turns) * minor
    return outline


def is_upright_rectangle(points: Points) -> bool:
    """Whether four corners make a rectangle along the axes."""
    if len(points) != 4:
        return False
    sides = np.roll(points, -1, axis=0) - points
    flat = np.isclose(sides, 0, atol=1e-9)
    return bool((flat.sum(axis=1) == 1).all() and (flat[0] == flat[2]).all())


def _signed_area(ring: Points) -> float:
    x, y = (ring - ring[0]).T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)
