"""Outlines of what is marked in a tiled mask, without ever holding the whole of it.

Every border between a marked pixel and another one is a directed edge with the marked pixel on its
right. Edges that two tiles share cancel; what is left closes into rings: marching squares of a
binary image, tile by tile.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_EDGES", "MOST_RINGS", "outlines_of"]

Ring = NDArray[np.float64]
Tile = tuple[int, int, NDArray[np.bool_]]

MOST_EDGES: Final = 6_000_000
# noise, not regions anybody drew
MOST_RINGS: Final = 50_000
# pixels; the steps of a slanted straight line are as high, and it is found back as a line
TOLERANCE: Final = 1.0
# right, down, left, up: where the end of an edge lies from its start
_ROWS, _COLUMNS = np.array([0, 1, 0, -1]), np.array([1, 0, -1, 0])


def outlines_of(tiles: Iterable[Tile], width: int) -> list[tuple[Ring, ...]]:
    """Trace the regions of a mask: pixels that meet at an edge belong together.

    Parameters
    ----------
    tiles : of (row, column, (rows, columns) bool)
        The place of the first pixel, from 0. Tiles do not overlap.
    width : int
        Columns of the whole mask.

    Returns
    -------
    list of (ring, hole, …)
        Each (n, 2) float64 columns and rows, pixel i covering [i, i + 1); the first point is not
        repeated. No point is farther than `TOLERANCE` pixels from the border.

    Raises
    ------
    ValueError
        There are more than `MOST_EDGES` edges or `MOST_RINGS` rings.
    """
    edges = _edges(tiles, width + 1)
    if not len(edges):
        return []
    rings = [(ring, _signed_area(ring)) for ring in _rings(edges, width + 1)]
    outer = sorted((one for one in rings if one[1] > 0), key=lambda one: one[1])
    regions = [[ring] for ring, _ in outer]
    boxes = np.array([[*ring.min(axis=0), *ring.max(axis=0)] for ring, _ in outer])
    for hole, area in rings:
        if area > 0:
            continue
        x, y = hole[0]
        around = (boxes[:, :2] <= (x, y)).all(axis=1) & (boxes[:, 2:] >= (x, y)).all(axis=1)
        # the smallest that holds it
        owner = next(at for at in np.flatnonzero(around) if _is_inside(x, y, outer[at][0]))
        regions[owner].append(hole)
    return [tuple(_simplified(ring) for ring in region) for region in regions]


def _edges(tiles: Iterable[Tile], stride: int) -> NDArray[np.int64]:
    """Sorted numbers of edges: start vertex times four, plus the direction."""
    found: list[NDArray[np.int64]] = []
    count = 0
    for row, column, mask in tiles:
        padded = np.pad(mask, 1)
        inner = padded[1:-1, 1:-1]
        sides = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
        for direction, (beyond, (down, right)) in enumerate(
            zip(sides, ((0, 0), (0, 1), (1, 1), (1, 0)), strict=True)
        ):
            rows, columns = np.nonzero(inner & ~beyond)
            start = (rows + (row + down)) * stride + columns + (column + right)
            found.append(start.astype(np.int64) * 4 + direction)
            count += len(rows)
        if count > MOST_EDGES:
            raise ValueError("the mask has too many edges to be traced")
    edges = np.sort(np.concatenate([*found, np.empty(0, np.int64)]))
    opposite = _ends(edges, stride) * 4 + (edges + 2) % 4
    return edges[~np.isin(edges, opposite)]


def _ends(edges: NDArray[np.int64], stride: int) -> NDArray[np.int64]:
    direction = edges % 4
    ends: NDArray[np.int64] = edges // 4 + _ROWS[direction] * stride + _COLUMNS[direction]
    return ends


def _rings(edges: NDArray[np.int64], stride: int) -> list[Ring]:
    """Closed walks of edges, as the middles of those where a straight run begins or ends."""
    ends, direction = _ends(edges, stride), edges % 4
    following = np.full(len(edges), -1)
    # right before straight before left: pixels that meet only at a corner stay apart
    for turn in (3, 0, 1):
        wanted = ends * 4 + (direction + turn) % 4
        at = np.searchsorted(edges, wanted).clip(max=len(edges) - 1)
        following = np.where(edges[at] == wanted, at, following)
    before = np.empty_like(following)
    before[following] = np.arange(len(edges))
    bends = (direction[following] != direction) | (direction[before] != direction)
    start = edges // 4
    middles = np.column_stack([start % stride, start // stride]).astype(np.float64)
    middles += np.column_stack([_COLUMNS[direction], _ROWS[direction]]) / 2
    steps = following.tolist()
    is_seen = bytearray(len(edges))
    rings = []
    for first in range(len(edges)):
        walk: list[int] = []
        place = first
        while not is_seen[place]:
            is_seen[place] = 1
            walk.append(place)
            place = steps[place]
        if walk:
            whole = np.array(walk)
            rings.append(middles[whole[bends[whole]]])
        if len(rings) > MOST_RINGS:
            raise ValueError("the mask has too many regions to be traced")
    return rings


def _simplified(ring: Ring) -> Ring:
    """Fewer points, none left out farther than `TOLERANCE` from what stays (Douglas and Peucker,
    Cartographica 10:112, 1973)."""
    if len(ring) < 5:
        return ring
    far = int(np.argmax(((ring - ring[0]) ** 2).sum(axis=1)))
    closed = np.vstack([ring, ring[:1]])
    keep = np.zeros(len(closed), np.bool_)
    keep[[0, far, -1]] = True
    parts = [(0, far), (far, len(closed) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:
            continue
        along = closed[last] - closed[first]
        away = closed[first + 1 : last] - closed[first]
        length = float(np.hypot(*along))
        across = np.abs(away @ (-along[1], along[0])) / length if length else np.hypot(*away.T)
        worst = int(np.argmax(across))
        if across[worst] > TOLERANCE:
            middle = first + 1 + worst
            keep[middle] = True
            parts += [(first, middle), (middle, last)]
    # a sliver stays what it is
    return closed[:-1][keep[:-1]] if keep[:-1].sum() > 2 else ring


def _signed_area(ring: Ring) -> float:
    x, y = ring.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def _is_inside(x: float, y: float, ring: Ring) -> bool:
    (x0, y0), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    crossing = (y0 > y) != (y1 > y)
    x0, y0, x1, y1 = x0[crossing], y0[crossing], x1[crossing], y1[crossing]
    return bool(np.count_nonzero(x < x0 + (y - y0) * (x1 - x0) / (y1 - y0)) % 2)
