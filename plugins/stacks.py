"""Stacks of a series: frames of one plane in true order, told apart where they lie together.

Order comes from position along the normal, never from Instance Number or Slice Location; tilt,
gaps and overlaps come from positions and orientations, never from the vendor's tilt tag, which
gives no more than the sign that a reader sees.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kernels import StackGeometry, analyse
from plugins.frames import TRAITS, Frame, frames_of
from plugins.nouns import Series

__all__ = ["Stack", "stacks_of"]

SAME_ORIENTATION = 1e-3  # largest difference of a direction cosine within one plane
SAME_PLACE_MM = 0.01


@dataclass(frozen=True)
class Stack:
    """Frames of one plane, ordered. ``geometry`` is None where the headers place no frame.

    ``along_mm`` is the place of each frame along the common normal; ``trait`` is what tells this
    stack from another at the same place, as (keyword, value), or empty.
    """

    frames: tuple[Frame, ...]
    along_mm: tuple[float, ...] = ()
    geometry: StackGeometry | None = None
    trait: tuple[str, str] = ("", "")

    @property
    def is_localizer(self) -> bool:
        return bool(self.frames) and self.frames[0].is_localizer

    @property
    def has_one_reference(self) -> bool:
        """False where the images claim coordinate systems that differ."""
        return len({frame.frame_of_reference_uid for frame in self.frames}) == 1

    @property
    def tilt_deg(self) -> float:
        """How far the gantry leaned, as every page says it; 0 without geometry.

        The angle is measured. Its sign is that of Gantry/Detector Tilt (0018,1120), which is what
        other workstations show, and the geometry's own where the images tell no tilt.
        """
        measured = self.geometry.tilt_deg if self.geometry else 0.0
        told = self.frames[0].gantry_tilt_deg if self.frames else math.nan
        return math.copysign(measured, told) if abs(told) > 0 and measured else measured

    @property
    def is_volume(self) -> bool:
        """True when planes through the stack would be honest, once tilt and gaps are heeded."""
        return (
            self.geometry is not None
            and self.geometry.is_volume
            and not self.is_localizer
            and all(frame.spacing_mm is not None for frame in self.frames)
        )


def stacks_of(series: Series) -> tuple[Stack, ...]:
    """Part a series into stacks: the largest first, localizers and unplaced frames last."""
    frames = frames_of(series)
    references = {frame.frame_of_reference_uid for frame in frames}
    # one series has one Frame of Reference (PS3.3 A.1.2.5); where nearly each image has its own,
    # an anonymiser made them up
    heeded = len(references) <= max(1, len(frames) // 2)
    stacks = [
        _ordered(frames, trait)
        for alike in _groups(frames, lambda frame: _shape(frame, heeded))
        for plane in _planes(alike)
        for frames, trait in _parts(plane)
    ]
    return tuple(
        sorted(
            stacks,
            key=lambda s: (
                s.is_localizer,
                s.geometry is None,
                -len(s.frames),
                s.frames[0].instance_number,
                s.frames[0].sop_instance_uid,
            ),
        )
    )


def _shape(frame: Frame, heeds_reference: bool) -> tuple[object, ...]:
    """What all frames of a stack share: grid, frame of reference, role, colour."""
    spacing = frame.spacing_mm
    return (
        frame.rows,
        frame.columns,
        tuple(round(value, 4) for value in spacing) if spacing else None,
        frame.frame_of_reference_uid if heeds_reference else "",
        frame.is_localizer,
        frame.is_colour,
        frame.position_mm is not None and frame.orientation is not None,
    )


def _groups(frames: Iterable[Frame], key: Callable[[Frame], object]) -> Iterable[tuple[Frame, ...]]:
    groups: dict[object, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return [tuple(group) for group in groups.values()]


def _planes(frames: tuple[Frame, ...]) -> Iterable[tuple[Frame, ...]]:
    """Part frames by orientation."""
    if any(frame.orientation is None or frame.position_mm is None for frame in frames):
        return [frames]
    planes: list[list[Frame]] = []
    for frame in frames:
        for plane in planes:
            differences = np.subtract(frame.orientation, plane[0].orientation)  # type: ignore[arg-type]
            if np.abs(differences).max() <= SAME_ORIENTATION:
                plane.append(frame)
                break
        else:
            planes.append([frame])
    return [tuple(plane) for plane in planes]


def _parts(frames: tuple[Frame, ...]) -> Sequence[tuple[tuple[Frame, ...], tuple[str, str]]]:
    """Part frames that lie at the same places: by echo, time point, b-value, acquisition …"""
    whole = [(frames, ("", ""))]
    crowd = _crowd(frames)
    if crowd < 2:
        return whole
    for trait in TRAITS:
        groups = list(_groups(frames, lambda frame, trait=trait: frame.trait(trait)))  # type: ignore[misc]
        # a trait that differs in every slice (a clock) tells nothing apart
        if 1 < len(groups) <= 2 * crowd and max(map(_crowd, groups)) < crowd:
            return [
                (part, inner if inner[0] else (trait, group[0].trait(trait)))
                for group in groups
                for part, inner in _parts(group)
            ]
    return whole


def _crowd(frames: tuple[Frame, ...]) -> int:
    """How many frames lie at the most crowded place."""
    if any(frame.position_mm is None or frame.orientation is None for frame in frames):
        return 1
    places = Counter(round(along / SAME_PLACE_MM) for along in _along(frames))
    return max(places.values())


def _along(frames: tuple[Frame, ...]) -> list[float]:
    orientation = np.asarray(frames[0].orientation, np.float64)
    normal = np.cross(orientation[:3], orientation[3:])
    length = float(np.linalg.norm(normal))
    if not math.isfinite(length) or length < 0.5:
        return [0.0] * len(frames)
    positions = np.asarray([frame.position_mm for frame in frames], np.float64)
    return [float(value) for value in positions @ (normal / length)]


def _ordered(frames: tuple[Frame, ...], trait: tuple[str, str]) -> Stack:
    if any(frame.position_mm is None or frame.orientation is None for frame in frames):
        return Stack(frames, trait=trait)
    along = _along(frames)
    ranks = sorted(range(len(frames)), key=lambda i: (along[i], frames[i].instance_number, i))
    frames = tuple(frames[i] for i in ranks)
    geometry = analyse(
        np.asarray([frame.position_mm for frame in frames], np.float64),
        np.asarray([frame.orientation for frame in frames], np.float64),
        np.asarray([frame.thickness_mm for frame in frames], np.float64),
    )
    return Stack(frames, tuple(along[i] for i in ranks), geometry, trait)
