"""From instances to levels: which belong together, and which frame lies at which place.

Nothing here assumes a factor of two, one tile size, one instance a level, or that all has come.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dicom_node.errors import CannotDecode
from dicom_node.slides.extents import frame_extents
from dicom_node.slides.images import MOST_PLACES, SlideImage
from dicom_node.slides.places import FramePlaces, frame_places
from dicom_node.slides.problems import CUT_OFF, DUPLICATE, OFF_GRID, OTHER_AREA, Problem

__all__ = ["BLANK", "NOT_RECEIVED", "Level", "Pyramid", "assemble"]

# Instead of a frame's number: nothing was scanned there; something was and has not come.
BLANK, NOT_RECEIVED = -1, -2
_NOBODY = -3

# Focal planes closer than this, in micrometres, are one.
_SAME_PLANE_UM = 0.05
# Extents and origins of levels differ by roundings of their own pixels, and by scanners' whims.
_PIXELS_APART, _SHARE_APART = 2.0, 0.01

Path = tuple[str, str]  # identifier, description


@dataclass
class Level:
    """One magnification of a slide.

    Attributes
    ----------
    images : list of SlideImage
        The first one describes the level.
    downsample : (float, float)
        Pixels of level 0 in one of this level, along x and y.
    grid : (paths, planes, rows, columns) int32
        Number of the frame at each place, `BLANK`, or `NOT_RECEIVED`.
    received, expected : int
        Frames.
    """

    images: list[SlideImage]
    downsample: tuple[float, float]
    grid: NDArray[np.int32]
    received: int = 0
    expected: int = 0

    @property
    def width(self) -> int:
        return self.images[0].columns

    @property
    def height(self) -> int:
        return self.images[0].rows

    @property
    def is_complete(self) -> bool:
        return bool((self.grid != NOT_RECEIVED).all())


@dataclass
class Pyramid:
    """The levels of a slide, largest first, and what they share.

    ``frames`` are, in the order of their numbers, images and the numbers of frames there.
    """

    levels: list[Level] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    planes_um: list[float] = field(default_factory=list)
    frames: list[tuple[SlideImage, NDArray[np.intp]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def frame_count(self) -> int:
        return sum(len(taken) for _, taken in self.frames)

    def frame(self, number: int) -> tuple[SlideImage, int]:
        """The image a frame is in, and its number there."""
        for image, taken in self.frames:
            if number < len(taken):
                return image, int(taken[number])
            number -= len(taken)
        raise IndexError("the pyramid has no such frame")


def assemble(images: Sequence[SlideImage]) -> Pyramid:
    """Put the images of tissue of one series together; an empty series makes no levels."""
    pyramid = Pyramid()
    if not images:
        return pyramid
    base = max(images, key=lambda one: (one.columns * one.rows, one.pyramid_uid, -one.part))
    members = [one for one in images if _belongs(one, base)]
    if len(members) < len(images):
        pyramid.problems.append(OTHER_AREA)
    places = {id(one): frame_places(one) for one in members}
    groups = list(_by_size(members, base))
    _name_paths(pyramid, members)
    _name_planes(pyramid, members, places)
    for group in groups:
        pyramid.levels.append(_level(pyramid, base, group, places))
    return pyramid


def _belongs(one: SlideImage, base: SlideImage) -> bool:
    """Whether an image shows the same area as the largest one.

    By Pyramid UID where there is one. Otherwise by size and place on the glass: some scanners give
    every level a Frame of Reference of its own, others one to all the areas of a slide.
    """
    if one is base or (one.pyramid_uid and one.pyramid_uid == base.pyramid_uid):
        return True
    if one.extent_mm is None or base.extent_mm is None or one.spacing_mm is None:
        ratio = (one.columns * base.rows) / (one.rows * base.columns)
        return abs(ratio - 1) <= 2 / min(one.columns, one.rows) + _SHARE_APART
    slack = [
        max(_PIXELS_APART * spacing, _SHARE_APART * extent)
        for spacing, extent in zip(one.spacing_mm, base.extent_mm, strict=True)
    ]
    if any(
        abs(own - other) > most
        for own, other, most in zip(one.extent_mm, base.extent_mm, slack, strict=True)
    ):
        return False
    if one.origin_mm is None or base.origin_mm is None:
        return True
    return math.dist(one.origin_mm, base.origin_mm) <= max(slack)


def _by_size(members: Sequence[SlideImage], base: SlideImage) -> Iterator[list[SlideImage]]:
    """Yield the images of each level, largest first; of a level, parts in their order."""
    sizes: dict[tuple[int, int], list[SlideImage]] = defaultdict(list)
    for one in members:
        sizes[one.columns, one.rows].append(one)
    for size in sorted(sizes, key=lambda size: -size[0] * size[1]):
        yield sorted(
            sizes[size],
            key=lambda one: (
                one.pyramid_uid != base.pyramid_uid,
                one.part,
                one.record.instance_number.zfill(12),
                one.record.sop_instance_uid,
            ),
        )


def _path_of(image: SlideImage, name: str) -> Path:
    """Identifiers are unique within one instance only; the description tells the rest apart."""
    for item in image.header.get("00480105", {}).get("Value") or []:
        identifier = (item.get("00480106", {}).get("Value") or [""])[0]
        if str(identifier or "").strip() == name:
            description = (item.get("00480107", {}).get("Value") or [""])[0]
            return name, str(description or "").strip()
    return name, ""


def _name_paths(pyramid: Pyramid, members: Sequence[SlideImage]) -> None:
    ordered = sorted(members, key=lambda one: (-one.columns * one.rows, one.part))
    found = dict.fromkeys(_path_of(one, name) for one in ordered for name in one.path_ids)
    pyramid.paths = list(found)


def _name_planes(
    pyramid: Pyramid, members: Sequence[SlideImage], places: dict[int, FramePlaces]
) -> None:
    heights = {round(float(z), 4) for one in members for z in _planes_of(one, places[id(one)])}
    for z_um in sorted(heights):
        if not pyramid.planes_um or z_um - pyramid.planes_um[-1] > _SAME_PLANE_UM:
            pyramid.planes_um.append(z_um)


def _planes_of(image: SlideImage, places: FramePlaces) -> NDArray[np.float64]:
    if image.is_full:
        step = 1.0 if image.step_um is None else image.step_um
        return np.asarray(image.z_um + step * np.arange(image.planes), np.float64)
    return np.unique(places.z_um)


def _level(
    pyramid: Pyramid, base: SlideImage, group: list[SlideImage], places: dict[int, FramePlaces]
) -> Level:
    first = group[0]
    columns, rows = first.grid
    shape = len(pyramid.paths), len(pyramid.planes_um), rows, columns
    if math.prod(shape) > MOST_PLACES:
        raise CannotDecode("the instances claim more tiles than any slide has")
    level = Level([], _downsample(first, base), np.full(shape, _NOBODY, np.int32))
    owners: dict[tuple[int, int], str] = {}
    for one in group:
        slots = _slots(pyramid, one, places[id(one)])
        owner = one.concatenation_uid or one.record.sop_instance_uid
        free = {slot for slot in slots if owners.setdefault(slot, owner) == owner}
        if one.tile != first.tile or not free:
            _note(pyramid, DUPLICATE)
            continue
        level.images.append(one)
        for slot in free:
            mine = level.grid[slot]
            mine[mine == _NOBODY] = NOT_RECEIVED if one.is_full else BLANK
        _fill(pyramid, level, one, places[id(one)], free)
    _expect(level)
    _borrow_planes(pyramid, level)
    return level


def _slots(pyramid: Pyramid, image: SlideImage, places: FramePlaces) -> set[tuple[int, int]]:
    """The (path, plane) pairs an image has frames for."""
    own = [pyramid.paths.index(_path_of(image, name)) for name in image.path_ids]
    if image.is_full:
        planes = {_plane(pyramid, z) for z in _planes_of(image, places)}
        return {(path, plane) for path in own for plane in planes}
    pairs = np.column_stack([places.path, places.z_um])[places.row >= 0]
    used = np.unique(pairs, axis=0) if len(pairs) else pairs
    return {(own[int(path)], _plane(pyramid, float(z))) for path, z in used}


def _plane(pyramid: Pyramid, z_um: float) -> int:
    return int(np.argmin(np.abs(np.array(pyramid.planes_um) - z_um)))


def _fill(
    pyramid: Pyramid,
    level: Level,
    image: SlideImage,
    places: FramePlaces,
    free: set[tuple[int, int]],
) -> None:
    """Put an image's frames where they lie."""
    own = np.array([pyramid.paths.index(_path_of(image, name)) for name in image.path_ids])
    path = own[np.clip(places.path, 0, len(own) - 1)]
    heights = np.array(pyramid.planes_um)
    plane = np.abs(places.z_um[:, None] - heights[None, :]).argmin(axis=1)
    is_mine = np.zeros(level.grid.shape[:2], bool)
    is_mine[tuple(zip(*free, strict=True))] = True
    on_grid = places.row >= 0
    if not on_grid.all():
        _note(pyramid, OFF_GRID)
    has_bytes = frame_extents(image.table, image.record).is_there
    if not has_bytes.all():
        _note(pyramid, CUT_OFF)
    is_placed = on_grid & is_mine[path, plane]
    # A frame that is announced and has no bytes is one that has not come.
    number = np.full(len(path), NOT_RECEIVED, np.int32)
    taken = np.flatnonzero(is_placed & has_bytes)
    number[taken] = pyramid.frame_count + np.arange(len(taken))
    at = np.flatnonzero(is_placed)
    level.grid[path[at], plane[at], places.row[at], places.column[at]] = number[at]
    pyramid.frames.append((image, taken))
    level.received += len(taken)


def _expect(level: Level) -> None:
    """Count the frames there should be. A sparse concatenation in part cannot say where."""
    level.expected = level.received + int((level.grid == NOT_RECEIVED).sum())
    parts = {one.concatenation_uid: one.parts for one in level.images if one.concatenation_uid}
    for uid, total in parts.items():
        mine = [one for one in level.images if one.concatenation_uid == uid]
        numbers = {one.part for one in mine}
        total = max(total, max(numbers))
        if len(numbers) < total and not mine[0].is_full:
            level.grid[level.grid == BLANK] = NOT_RECEIVED
            level.expected = max(level.expected, round(level.received * total / len(numbers)))


def _borrow_planes(pyramid: Pyramid, level: Level) -> None:
    """Smaller levels often have one focal plane: show it for the others too."""
    heights = np.array(pyramid.planes_um)
    for path in range(level.grid.shape[0]):
        is_held = (level.grid[path] != _NOBODY).all(axis=(1, 2))
        if not is_held.any():
            level.grid[path] = BLANK
            continue
        for plane in np.flatnonzero(~is_held):
            nearest = np.where(is_held, np.abs(heights - heights[plane]), np.inf).argmin()
            level.grid[path, plane] = level.grid[path, nearest]


def _downsample(one: SlideImage, base: SlideImage) -> tuple[float, float]:
    """Pixels of level 0 in one of this image.

    By pixel spacing, since writers drop what does not fill a last pixel; by size where spacings
    and sizes contradict each other.
    """
    ratios = []
    for axis in (0, 1):
        own, whole = (one.columns, base.columns) if axis == 0 else (one.rows, base.rows)
        ratio = whole / own
        if one.spacing_mm is not None and base.spacing_mm is not None:
            by_spacing = one.spacing_mm[axis] / base.spacing_mm[axis]
            if abs(own * by_spacing - whole) <= max(by_spacing, 1.0):
                ratio = by_spacing
        ratios.append(ratio)
    return ratios[0], ratios[1]


def _note(pyramid: Pyramid, problem: Problem) -> None:
    if problem not in pyramid.problems:
        pyramid.problems.append(problem)
