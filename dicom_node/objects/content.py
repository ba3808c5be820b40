"""What the builders write down: a signed opinion in the words of the standard.

These nouns know nothing of guests or cases; whoever signs fills them in. Lengths are patient
(or slide) millimetres, times are timezone-aware.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import StrEnum

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

__all__ = [
    "Algorithm",
    "Author",
    "Classification",
    "DocumentKind",
    "Identity",
    "KeyImage",
    "Mark",
    "MarkKind",
    "Outline",
    "Passage",
    "QuestionAnswer",
    "Reference",
    "Request",
    "SegmentReference",
    "SignedOpinion",
    "Value",
]

# Việt Nam has one zone and no summer time
LOCAL = timezone(timedelta(hours=7))


class DocumentKind(StrEnum):
    PRELIMINARY = "preliminary"
    FINAL = "final"
    ADDENDUM = "addendum"
    AMENDED = "amended"


class MarkKind(StrEnum):
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
    RESULT = "result"


_OUTLINES = frozenset({MarkKind.ELLIPSE, MarkKind.RECTANGLE, MarkKind.POLYGON})


@dataclass(frozen=True, slots=True)
class Identity:
    """Where an object belongs and what it is called; the same for the same opinion, always."""

    series_instance_uid: str
    sop_instance_uid: str
    series_number: int
    instance_number: int = 1


@dataclass(frozen=True, slots=True)
class Author:
    """The person who signed. ``name`` is as people write it, family name first."""

    name: str
    username: str = ""
    organization: str = ""
    licence_number: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """One SOP Instance, or frames of it (1-based; none for the whole)."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None = None
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A free-text section with its heading."""

    title: str
    text: str
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A drawing on a printed picture; points are shares (0 to 1) of its width and height."""

    label: str
    points: tuple[tuple[float, float], ...]
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class KeyImage:
    """``picture`` is PNG or JPEG bytes for the printed page, or empty; ``place`` is for people.

    ``shape`` is (columns, rows) of what is shown, for the drawings on it; ``offset`` is its
    (column, row) in the image, where only a part is shown.
    """

    reference: Reference
    caption: str = ""
    picture: bytes = b""
    place: str = ""
    shape: tuple[float, float] = (0, 0)
    offset: tuple[float, float] = (0, 0)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What made a number (PS3.16 TID 4019)."""

    name: str
    version: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Classification:
    """What a drawing marks: a class with its colour (``#rrggbb``)."""

    name: str
    code: Code
    colour: str


@dataclass(frozen=True, slots=True)
class SegmentReference:
    """The segment of a Segmentation of this opinion that numbers were measured on."""

    series_instance_uid: str
    sop_instance_uid: str
    number: int
    source_series_instance_uid: str


@dataclass(frozen=True, slots=True)
class Value:
    """A number. ``derivation`` says how it sums up a region (mean, standard deviation …)."""

    name: Code
    number: float
    unit: Code
    derivation: Code | None = None
    algorithm: Algorithm | None = None
    label: str = ""


@dataclass(frozen=True)
class Mark:
    """A drawing with its numbers, or numbers without a drawing: of a series, of a segment.

    ``points_mm`` are (x, y, z): two ends (length), end, vertex, end (angle), major then minor
    axis ends (ellipse), corners in order (rectangle, polygon). ``points_px`` are (column, row)
    of the referenced image, 0 at the top left corner of the first pixel; they stand in where
    the image has no place in space, or the report takes no coordinates in space. ``place`` names
    the image to a person.
    """

    uid: str
    kind: MarkKind
    label: str
    author: Author
    reference: Reference | None = None
    frame_of_reference_uid: str = ""
    points_mm: tuple[tuple[float, float, float], ...] = ()
    points_px: tuple[tuple[float, float], ...] = ()
    values: tuple[Value, ...] = ()
    text: str = ""
    algorithm: Algorithm | None = None
    series_instance_uid: str = ""
    place: str = ""
    classification: Classification | None = None
    segment: SegmentReference | None = None
    finding_site: Code | None = None
    laterality: Code | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it is an outline: a freehand line is one where it ends at its start."""
        if self.kind is MarkKind.FREEHAND:
            points = self.points_mm or self.points_px
            return len(points) > 3 and points[0] == points[-1]
        return self.kind in _OUTLINES


@dataclass(frozen=True)
class Request:
    """What was asked, and by whom."""

    number: str
    reason: str = ""
    requesting_institution: str = ""
    requesting_department: str = ""
    requester: str = ""
    priority: str = ""
    submitted_at: datetime | None = None
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class SignedOpinion:
    """Everything the documents of one opinion in one study say.

    ``header`` is the header of any instance of the study: patient and study are copied from
    it. ``reason`` says what an addendum adds or an amended opinion corrects. ``evidence`` are
    all instances that the opinion refers to; ``predecessors`` the documents of the opinion's
    former version.
    """

    header: Dataset
    study_instance_uid: str
    language: str
    kind: DocumentKind
    version: int
    title: str
    request: Request
    author: Author
    signed_at: datetime
    institution: str
    station: str
    software_version: str
    content_hash: str
    passages: tuple[Passage, ...] = ()
    answers: tuple[QuestionAnswer, ...] = ()
    key_images: tuple[KeyImage, ...] = ()
    marks: tuple[Mark, ...] = ()
    concordance: str = ""
    transfer: str = ""
    reason: str = ""
    evidence: tuple[Reference, ...] = ()
    predecessors: tuple[Reference, ...] = ()

    @property
    def is_final(self) -> bool:
        return self.kind is not DocumentKind.PRELIMINARY

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every instance the opinion refers to, once each, as whole instances, in UID order."""
        found = [*self.evidence, *(image.reference for image in self.key_images)]
        found += [mark.reference for mark in self.marks if mark.reference is not None]
        unique = {
            reference.sop_instance_uid: Reference(
                reference.study_instance_uid,
                reference.series_instance_uid,
                reference.sop_class_uid,
                reference.sop_instance_uid,
            )
            for reference in found
        }
        return tuple(
            sorted(
                unique.values(),
                key=lambda r: (r.study_instance_uid, r.series_instance_uid, r.sop_instance_uid),
            )
        )
