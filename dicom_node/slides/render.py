"""Any region of a slide as one picture: for snapshots, thumbnails and other programs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicom_node.errors import CannotDecode, NotFound
from dicom_node.slides.colour import to_srgb
from dicom_node.slides.index import SlideIndex
from dicom_node.slides.levels import NOT_RECEIVED
from dicom_node.slides.source import SlideSource
from kernels import compose_channels

__all__ = ["Region", "associated_picture", "default_paths", "received", "render", "whole"]

# Pixels of a level one picture may be drawn from: 192 MB.
_MOST_PIXELS = 1 << 26
# Stripes where tiles have not come: white would be taken for glass.
_STRIPES = (np.uint8(214), np.uint8(178))
_STRIPE_PIXELS = 8


@dataclass(frozen=True, slots=True)
class Region:
    """What to draw: a box in pixels of level 0, and pixels of the picture in each of those."""

    x: float
    y: float
    width: float
    height: float
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the picture."""
        return max(1, round(self.width * self.scale)), max(1, round(self.height * self.scale))


def whole(index: SlideIndex, size: int) -> Region:
    """The whole slide, its longer side `size` pixels."""
    width, height = index.facts["width"], index.facts["height"]
    return Region(0, 0, width, height, size / max(width, height, 1))


def default_paths(index: SlideIndex) -> list[int]:
    """All channels of a fluorescence slide, else the first optical path."""
    paths = index.facts["optical_paths"]
    glowing = [path["index"] for path in paths if path["fluorescence"]]
    return glowing or ([0] if paths else [])


def render(
    source: SlideSource,
    index: SlideIndex,
    region: Region,
    paths: Sequence[int],
    plane: int | None = None,
    calibrated: bool = True,
) -> NDArray[np.uint8]:
    """Draw a region of a slide.

    Parameters
    ----------
    paths : sequence of int
        Grey ones are added up in their colours and windows; of colour, the first is shown.
    plane : int, optional
        The middle one by default: it is the likeliest to be sharp.
    calibrated : bool
        Apply the path's ICC profile.

    Returns
    -------
    (rows, columns, 3) uint8

    Raises
    ------
    NotFound
        The slide has no such path or plane, or no level yet.
    ValueError
        The region would be drawn from too many pixels.
    """
    facts = index.facts["optical_paths"]
    planes = len(index.facts["focal_planes"])
    has_all = all(0 <= path < len(facts) for path in paths) and paths
    if plane is None:
        plane = (planes - 1) // 2
    if not has_all or not 0 <= plane < planes:
        raise NotFound("the slide has no such optical path or focal plane")
    number = _shown_level(index, region.scale)
    level = index.facts["levels"][number]
    coloured = [path for path in paths if not facts[path]["monochrome"]]
    box, canvas = _place(level, region)
    grid = index.grids[number]
    if coloured:
        path = coloured[0]
        picture = _draw(source, index, level, grid[path, plane], canvas, path, colour=True)
    else:
        drawn = [
            _draw(source, index, level, grid[path, plane], canvas, path, colour=False)
            for path in paths
        ]
        picture = compose_channels(
            np.stack(drawn),
            [_open_window(facts[path]["window"]) for path in paths],
            [[value / 255 for value in facts[path]["colour"]] for path in paths],
        )
    shrinks = region.scale * max(level["downsample"]) < 1
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    shown = np.asarray(Image.fromarray(picture).resize(region.size, method, box))
    if coloured and calibrated and facts[coloured[0]]["icc"] is not None:
        profile = index.array(f"icc {facts[coloured[0]]['icc']}").tobytes()
        shown = to_srgb(shown, profile)
    return shown


def received(index: SlideIndex, region: Region, paths: Sequence[int]) -> NDArray[np.bool_]:
    """Where `render` draws what was scanned and has come, or knows that nothing was scanned.

    Returns
    -------
    (rows, columns) bool
    """
    number = _level_for(index, region.scale)
    level = index.facts["levels"][number]
    columns, rows = region.size
    along_x, along_y = level["downsample"]
    x = (region.x + (np.arange(columns) + 0.5) * region.width / columns) / along_x
    y = (region.y + (np.arange(rows) + 0.5) * region.height / rows) / along_y
    grid = (index.grids[number][list(paths), 0] != NOT_RECEIVED).all(axis=0)
    places_x = np.floor(x / level["tile_width"]).astype(np.intp).clip(0, grid.shape[1] - 1)
    places_y = np.floor(y / level["tile_height"]).astype(np.intp).clip(0, grid.shape[0] - 1)
    return np.asarray(grid[places_y[:, None], places_x[None]])


def associated_picture(source: SlideSource, index: SlideIndex, name: str) -> NDArray[np.uint8]:
    """Label, overview or thumbnail, whole. Raises NotFound."""
    level = index.facts["associated"].get(name)
    if level is None:
        raise NotFound(f"the slide has no {name}")
    canvas = 0, 0, level["width"], level["height"]
    if level["width"] * level["height"] > _MOST_PIXELS:
        raise NotFound(f"the slide's {name} is too large to be one")
    return _draw(source, index, level, index.array(level["grid"])[0, 0], canvas, 0, colour=True)


def _shown_level(index: SlideIndex, scale: float) -> int:
    """That level, or while nothing of it has come the largest smaller one, to be stretched."""
    levels, number = index.facts["levels"], _level_for(index, scale)
    here = [n for n in range(number, len(levels)) if levels[n]["received"]]
    return here[0] if here else number


def _level_for(index: SlideIndex, scale: float) -> int:
    """The smallest level that has every pixel asked for."""
    levels = index.facts["levels"]
    if not levels:
        raise NotFound("no level of the slide has been received yet")
    fine = [n for n, one in enumerate(levels) if max(one["downsample"]) * scale <= 1.001]
    return fine[-1] if fine else 0


def _place(
    level: dict[str, Any], region: Region
) -> tuple[tuple[float, float, float, float], tuple[int, int, int, int]]:
    """The region on a canvas cut out of the level, and where in the level the canvas lies."""
    along_x, along_y = level["downsample"]
    left, top = region.x / along_x, region.y / along_y
    right, bottom = left + region.width / along_x, top + region.height / along_y
    first_x, first_y = math.floor(left), math.floor(top)
    width, height = math.ceil(right) - first_x, math.ceil(bottom) - first_y
    if width * height > _MOST_PIXELS:
        raise ValueError("the region is too large at this scale")
    box = (left - first_x, top - first_y, right - first_x, bottom - first_y)
    return box, (first_x, first_y, width, height)


def _draw(
    source: SlideSource,
    index: SlideIndex,
    level: dict[str, Any],
    grid: NDArray[np.int32],
    canvas: tuple[int, int, int, int],
    path: int,
    colour: bool,
) -> NDArray[np.uint8]:
    """Draw the tiles of one path and plane onto a canvas in pixels of the level."""
    left, top, width, height = canvas
    background = index.facts["background"]
    shape = (height, width, 3) if colour else (height, width)
    # Nothing was scanned there: glass where there is light from below, darkness where not.
    picture = np.empty(shape, np.uint8)
    picture[:] = background if colour else background[0]
    tile_width, tile_height = level["tile_width"], level["tile_height"]
    rows = range(max(0, top // tile_height), min(len(grid), -(-(top + height) // tile_height)))
    columns = range(
        max(0, left // tile_width), min(grid.shape[1], -(-(left + width) // tile_width))
    )
    for row in rows:
        for column in columns:
            frame = int(grid[row, column])
            # Tiles are padded beyond the edge of the level.
            x, y = column * tile_width, row * tile_height
            right = min(x + tile_width, level["width"], left + width)
            bottom = min(y + tile_height, level["height"], top + height)
            first_x, first_y = max(x, left), max(y, top)
            if right <= first_x or bottom <= first_y:
                continue
            target = picture[first_y - top : bottom - top, first_x - left : right - left]
            pixels = _pixels(source, index, frame, path, level)
            if pixels is None:
                continue
            part = pixels[first_y - y : bottom - y, first_x - x : right - x]
            if colour and part.ndim == 2:
                part = part[..., None]
            target[:] = part if colour or part.ndim == 2 else part.mean(axis=2)
    return picture


def _pixels(
    source: SlideSource, index: SlideIndex, frame: int, path: int, level: dict[str, Any]
) -> NDArray[np.uint8] | None:
    """A tile's pixels; stripes where it has not come or does not decode; None where it is blank."""
    if frame >= 0:
        try:
            return source.pixels(index, frame, path)
        except (NotFound, CannotDecode):
            frame = NOT_RECEIVED
    if frame != NOT_RECEIVED:
        return None
    rows, columns = np.ogrid[: level["tile_height"], : level["tile_width"]]
    return np.where((rows + columns) // _STRIPE_PIXELS % 2, *_STRIPES)


def _open_window(window: Sequence[float]) -> tuple[float, float]:
    low, high = window
    return low, max(high, low + 1)
