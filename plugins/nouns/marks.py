"""What readers and programs mark on images, and what was measured there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plugins.nouns.people import Person

if TYPE_CHECKING:
    # Loads every code there is; who only moves images has no use for them.
    from pydicom.sr.coding import Code

__all__ = ["Annotation", "AnnotationKind", "KeyImage", "Measurement", "PointSet", "Region"]


class AnnotationKind(StrEnum):
    LENGTH = "length"
    ANGLE = "angle"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"
    PROBE = "probe"
    ARROW = "arrow"
    POINT = "point"
    POLYLINE = "polyline"
    POLYGON = "polygon"
    FREEHAND = "freehand"
    COUNTER = "counter"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number with its meaning and unit, and the code that made it."""

    name: "Code"
    value: float
    unit: "Code"
    series_instance_uid: str = ""
    algorithm: str = ""
    algorithm_version: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotation:
    """A drawing in patient (or slide) millimetres, saved with author and time.

    ``points_mm`` is a sequence of (x, y, z). Length: two ends. Angle: end, vertex, end.
    Ellipse: the four axis ends (major a, major b, minor a, minor b). Rectangle: four corners in
    order. Probe, point, text: one point; arrow: two (tip first). ``classification`` is empty or
    ``{"name", "colour" ("#rrggbb"), "code" (optional)}``. ``measurements`` are plain
    ``{"name", "value", "unit"}`` mappings with UCUM units, names from ``length``, ``angle``,
    ``area``, ``count``, ``density``, ``mean``, ``standard_deviation``, ``minimum``, ``maximum``,
    ``value``. A counter whose ``origin`` has ``area_mm2`` (the area it was counted in) has an
    area and a density per mm².
    """

    id: str
    case_id: str
    kind: AnnotationKind
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    frame_number: int
    frame_of_reference_uid: str
    points_mm: tuple[tuple[float, float, float], ...]
    text: str
    measurements: tuple[Mapping[str, Any], ...]
    origin: Mapping[str, Any]
    author: Person
    created_at: datetime
    updated_at: datetime
    revision: int
    deleted: bool = False
    classification: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PointSet:
    """Many points or outlines of one class on a slide, as another program found them.

    ``graphic_type`` is ``POINT``, ``POLYLINE`` or ``POLYGON``; ``count`` counts annotations,
    ``vertices`` their points. ``load`` gives the points, (vertices, 2) float32 columns and rows
    of level 0 from the top left corner of its first pixel, and the index of the first point of
    each line or outline, (count,) uint32. ``content_hash`` is SHA-256 over both.
    """

    id: str
    case_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    frame_of_reference_uid: str
    name: str
    classification: Mapping[str, Any]
    graphic_type: str
    count: int
    vertices: int
    algorithm: str
    content_hash: str
    author: Person
    created_at: datetime
    load: Callable[[], tuple[NDArray[np.float32], NDArray[np.uint32]]] | None = field(
        default=None, repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a slide: a box in pixels of its level 0; ``slide`` is its name in addresses."""

    slide: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class KeyImage:
    """An image, or what of a slide the reader chose (``region``; the instance is level 0)."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    frame_number: int = 1
    window_center: float | None = None
    window_width: float | None = None
    caption: str = ""
    region: Region | None = None
