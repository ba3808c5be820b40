"""Which levels a slide will have, and of what size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["derived_tile", "factor", "filled", "halved", "missing_steps"]

_TILE = 512
_SQUARE_TILES = range(128, 1025)
# Two neighbouring levels may lie this far apart: scanners leave out every second one.
_LARGEST_STEP = 4.5


def missing_steps(level: Any, below: Any | None) -> int:
    """How many halves of a level must be made before the next one of the file."""
    steps = 0
    if below is None:
        tile = derived_tile(level)
        while max(halved(level.width, steps), halved(level.height, steps)) > tile:
            steps += 1
        return steps
    factor = level.width / below.width
    while factor / 2**steps > _LARGEST_STEP:
        steps += 1
    return steps


def derived_tile(level: Any) -> int:
    """The edge of the tiles we make: the file's own where it serves, as readers like them equal."""
    own = level.tile_width
    if level.transfer_syntax_uid and own == level.tile_height and own in _SQUARE_TILES:
        return int(own) if own % 2 == 0 else _TILE
    return _TILE


def halved(size: int, steps: int) -> int:
    return -(-size // (1 << steps))


def factor(base: int, size: int) -> float:
    """How much smaller a level is: whole when the sizes can be rounded from it."""
    whole = max(1, round(base / size))
    return whole if abs(base - whole * size) < whole else base / size


def filled(pixels: NDArray[np.uint8], tile: int) -> NDArray[np.uint8]:
    """A tile at the right or bottom edge filled up, its last pixels repeated."""
    rows, columns = pixels.shape[:2]
    if (rows, columns) == (tile, tile):
        return pixels
    missing = [(0, tile - rows), (0, tile - columns)] + [(0, 0)] * (pixels.ndim - 2)
    return np.pad(pixels, missing, mode="edge")
