"""The nouns that host and guests share: frozen values, no behaviour beyond look-ups.

Lengths are millimetres in the patient coordinate system (PS3.3 C.7.6.2.1.1) unless a name
says otherwise; times are timezone-aware; HU is Hounsfield units after the Modality LUT.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

if TYPE_CHECKING:
    # Loads every code there is; who only moves images has no use for them.
    from pydicom.sr.coding import Code

    from plugins.results import ConfirmedResult

__all__ = [
    "Annotation",
    "AnnotationKind",
    "Answer",
    "Case",
    "DisplaySet",
    "DisplaySetKind",
    "Export",
    "Instance",
    "KeyImage",
    "Label",
    "Measurement",
    "Opinion",
    "OpinionKind",
    "Person",
    "PointSet",
    "Priority",
    "Question",
    "Region",
    "Section",
    "Series",
    "SlidePixels",
    "State",
    "Study",
    "Text",
    "Volume",
]


@dataclass(frozen=True, slots=True)
class Text:
    """One string in both languages."""

    vi: str
    en: str

    def in_language(self, language: str) -> str:
        return self.vi if language == "vi" else self.en


Label = Text | str


class Priority(StrEnum):
    """Priority classes of the consult; the clocks hang on them."""

    P0 = "P0"  # stroke, polytrauma: minutes
    P1 = "P1"  # emergency
    PF = "PF"  # frozen section
    P2 = "P2"  # urgent
    P3 = "P3"  # routine
    PP = "PP"  # routine pathology
    PC = "PC"  # scheduled conference

    @property
    def is_emergency(self) -> bool:
        return self in (Priority.P0, Priority.P1, Priority.PF)


class State(StrEnum):
    """States of a case."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    INCOMPLETE = "incomplete"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    READING = "reading"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    OUTCOME_DUE = "outcome due"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    REDIRECTED = "redirected"


@dataclass(frozen=True, slots=True)
class Person:
    """A user as others see one."""

    username: str
    name: str
    site: str
    roles: tuple[str, ...] = ()
    licence_number: str = ""


@dataclass(frozen=True)
class Instance:
    """One SOP Instance of a study on arrival. ``header`` has no Pixel Data."""

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    number_of_frames: int
    header: Dataset


@dataclass(frozen=True)
class Series:
    series_instance_uid: str
    study_instance_uid: str
    modality: str
    series_number: str
    series_description: str
    body_part_examined: str
    instances: tuple[Instance, ...]


@dataclass(frozen=True)
class Volume:
    """One stack of slices in true order.

    ``array`` is (slices, rows, columns) float32 or int16 in HU; ``affine`` maps (slice, row,
    column) indices to patient millimetres, (4, 4) float64; ``positions_mm`` is (slices, 3).
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    positions_mm: NDArray[np.float64]
    series_instance_uid: str
    sop_instance_uids: tuple[str, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class SlidePixels:
    """A slide that can be read.

    ``width`` and ``height`` are those of level 0; ``mpp`` are micrometres a pixel along x and y
    (None: nobody wrote them); ``to_slide_mm`` is (2, 3), from corners of level-0 pixels (column,
    row, 1) to slide millimetres. ``read(x, y, width, height, scale)`` draws a box of level-0
    pixels, so many pixels of the picture in each of them: (rows, columns, 3) uint8, and (rows,
    columns) bool, False where tiles have not come. It raises ValueError when the box has too many
    pixels at that scale. ``read_overview()`` is the photograph of the glass and its micrometres a
    pixel, or None; the label may be on it, so a guest shows no part of it to anybody.
    """

    series_instance_uid: str
    title: str
    width: int
    height: int
    mpp: tuple[float, float] | None
    to_slide_mm: NDArray[np.float64]
    is_fluorescence: bool
    is_complete: bool
    read: Callable[
        [float, float, float, float, float], tuple[NDArray[np.uint8], NDArray[np.bool_]]
    ] = field(repr=False, compare=False)
    read_overview: Callable[[], tuple[NDArray[np.uint8], tuple[float, float]] | None] = field(
        repr=False, compare=False
    )

    def to_pixels(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2 or 3) slide millimetres to (n, 2) columns and rows of level 0."""
        flat = np.asarray(points_mm, np.float64)[:, :2] - self.to_slide_mm[:, 2]
        return np.asarray(flat @ np.linalg.inv(self.to_slide_mm[:, :2]).T, np.float64)


@dataclass(frozen=True)
class Study:
    """A study as it has come so far.

    ``load_slices`` reads frames, named by (SOP Instance UID, 1-based frame number), as one
    (frames, rows, columns) int16 or float32 array after the Modality LUT; it raises when one of
    them cannot be decoded. ``load_slide`` opens a series of whole-slide images; None when it has no
    tissue level.
    """

    study_instance_uid: str
    site: str
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    study_date: str
    study_time: str
    accession_number: str
    study_description: str
    series: tuple[Series, ...]
    load_volume: Callable[[Series], Volume | None] | None = field(
        default=None, repr=False, compare=False
    )
    load_slices: Callable[[Sequence[tuple[str, int]]], NDArray[Any]] | None = field(
        default=None, repr=False, compare=False
    )
    load_slide: Callable[[Series], SlidePixels | None] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def modalities(self) -> frozenset[str]:
        return frozenset(series.modality for series in self.series if series.modality)

    @property
    def body_parts(self) -> frozenset[str]:
        return frozenset(s.body_part_examined.upper() for s in self.series if s.body_part_examined)

    def volumes(self, modality: str) -> Iterator[Volume]:
        """Yield the largest stack of each series of `modality`, where it is a volume."""
        if self.load_volume is None:
            return
        for series in self.series:
            volume = self.load_volume(series) if series.modality == modality else None
            if volume is not None:
                yield volume


class DisplaySetKind(StrEnum):
    STACK = "stack"
    SLIDE = "slide"
    DOCUMENT = "document"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class DisplaySet:
    """What a viewport can show as one thing; frames are in true spatial order.

    ``frames`` holds (SOP Instance UID, 1-based frame number); ``positions_mm`` is the position
    of each frame along the common normal, or empty; ``problems`` says, in both languages, why
    reformatting would not be honest.
    """

    id: str
    kind: DisplaySetKind
    study_instance_uid: str
    series_instance_uid: str
    modality: str
    title: str
    frames: tuple[tuple[str, int], ...]
    positions_mm: tuple[float, ...] = ()
    tilt_deg: float = 0.0
    is_volume: bool = False
    problems: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the request; each is answered (circular 49/2017, conclusion per issue)."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    question_id: str
    text: str


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


@dataclass(frozen=True, slots=True)
class Section:
    """One free-text section of a report. ``code`` is its concept name in the SR."""

    key: str
    title: Text
    code: "Code | None" = None
    required: bool = False
    placeholder: Text | None = None


class OpinionKind(StrEnum):
    PRELIMINARY = "preliminary"
    FINAL = "final"
    ADDENDUM = "addendum"
    AMENDED = "amended"


@dataclass(frozen=True)
class Opinion:
    """A signed, frozen opinion. ``content_hash`` is SHA-256 over its canonical JSON.

    ``reason`` says what an addendum adds, or what an amended opinion corrects.
    """

    id: str
    case_id: str
    version: int
    kind: OpinionKind
    template_id: str
    language: str
    sections: Mapping[str, str]
    section_titles: Mapping[str, Text]
    section_codes: Mapping[str, "Code"]
    answers: tuple[Answer, ...]
    key_images: tuple[KeyImage, ...]
    annotations: tuple[Annotation, ...]
    concordance: str
    transfer: str
    author: Person
    signed_at: datetime
    content_hash: str
    predecessor: str = ""
    reason: str = ""
    results: "tuple[ConfirmedResult, ...]" = ()
    point_sets: tuple[PointSet, ...] = ()


@dataclass(frozen=True)
class Case:
    """A consult case as host and guests see it. ``results`` are those a reader confirmed."""

    id: str
    number: str
    state: State
    priority: Priority
    area: str
    requesting_site: str
    requesting_site_name: str
    consulted_site: str
    consulted_site_name: str
    requester: Person | None
    assignee: Person | None
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    reason: str
    clinical: Mapping[str, Any]
    questions: tuple[Question, ...]
    study_instance_uids: tuple[str, ...]
    modalities: tuple[str, ...]
    instance_count: int
    created_at: datetime
    submitted_at: datetime | None
    due_at: datetime | None
    updated_at: datetime
    measurements: tuple[Measurement, ...] = ()
    requesting_department: str = ""
    results: "tuple[ConfirmedResult, ...]" = ()

    def measurement(self, name: "Code") -> Measurement | None:
        """The newest measurement of that name, or None."""
        return next((m for m in reversed(self.measurements) if m.name == name), None)

    def result(self, analysis: str) -> "ConfirmedResult | None":
        """The newest confirmed result of that analysis, or None."""
        return next((r for r in reversed(self.results) if r.result.analysis == analysis), None)


class UidSource(Protocol):
    def __call__(self, name: str) -> str:
        """The same UID for the same `name`, however often the export is repeated."""
        ...


@dataclass(frozen=True)
class Export:
    """All an exporter needs to encode one opinion, the same bytes each time.

    ``headers`` maps each study UID to the header of one of its instances (patient and study
    modules are copied from it); ``evidence`` lists (study, series, SOP Class, SOP Instance UID)
    of what the opinion refers to; ``previous`` holds SOP references of the predecessor
    opinion's documents made by the same exporter; ``images`` maps the SOP Instance UIDs of
    ``evidence`` and of the results' source slices to their headers, where the host has them;
    ``render`` gives a key image as PNG or JPEG in its window.
    """

    case: Case
    opinion: Opinion
    study_instance_uid: str
    headers: Mapping[str, Dataset]
    evidence: Sequence[tuple[str, str, str, str]]
    institution: str
    uid: UidSource
    previous: Sequence[tuple[str, str, str, str]] = ()
    images: Mapping[str, Dataset] = field(default_factory=dict, repr=False, compare=False)
    render: Callable[[KeyImage], bytes] | None = field(default=None, repr=False, compare=False)
