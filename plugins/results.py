"""What an analysis found, shown so that a reader can check it, correct it and confirm it.

A `Result` holds numbers, masks and maps on the source slices, points a reader may drag,
parameters a reader may turn, and how good all this is. It is decision support: nothing of it
leaves before a named reader has confirmed it.

A value, layer or control with ``withheld_until`` (an analysis's id) would lead the eye of whoever
is to score in that analysis. The host sends it to a case's readers only when the case's result of
that analysis has an independent read, or a reader declined to score.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from plugins.nouns.people import Person
from plugins.nouns.words import Text

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

__all__ = [
    "Bench",
    "Chart",
    "Colour",
    "ConfirmedResult",
    "Control",
    "ControlKind",
    "Curve",
    "Grade",
    "Handle",
    "HandleKind",
    "Layer",
    "LayerKind",
    "Result",
    "ResultState",
    "Segment",
    "Step",
    "Table",
    "Value",
]

Points = tuple[tuple[float, float, float], ...]
Colour = tuple[int, int, int]


class ResultState(StrEnum):
    """Where a result stands. Only a confirmed one reaches a report or leaves the house."""

    DUE = "due"
    RUNNING = "running"
    COMPUTED = "computed"
    EDITED = "edited"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Grade(StrEnum):
    """Quality of a result: numbers of a red one are hidden behind a click."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Value:
    """One number, or the words why there is none.

    ``value`` is in ``unit`` (UCUM); None is "not measurable", and ``note`` says why. ``low`` and
    ``high`` bound it (95 % confidence, or the range of an incomplete score). ``name`` is the
    concept of the SR item; without one the value stays on the screen. Values of one ``group``
    describe one thing (a lesion, a region): they stand together, and are rejected together.
    ``method`` states how it was made, thresholds included.
    """

    key: str
    label: Text
    value: float | None
    unit: "Code"
    name: "Code | None" = None
    low: float | None = None
    high: float | None = None
    note: Text | None = None
    method: Text | None = None
    group: str = ""
    group_label: Text | None = None
    finding_site: "Code | None" = None
    laterality: "Code | None" = None
    layer: str = ""
    segment: int = 0
    digits: int = 1
    is_main: bool = False
    withheld_until: str = ""


class LayerKind(StrEnum):
    MASK = "mask"  # uint8: 0 or a segment's number
    MAP = "map"  # float32, invalid pixels are 0 and outside `mask`
    PICTURE = "picture"  # uint8 (slices, rows, columns, 3): colours as they are
    POINTS = "points"  # float32 (points, 3): column and row of a slide's level 0, segment's number


@dataclass(frozen=True, slots=True)
class Segment:
    """One label of a mask, with the codes of PS3.3 C.8.20.4."""

    number: int
    label: Text
    colour: Colour
    category: "Code"
    type: "Code"
    finding_site: "Code | None" = None
    laterality: "Code | None" = None


@dataclass(frozen=True)
class Layer:
    """A mask or map on the slices of a source series.

    ``array`` is (slices, rows, columns), one slice for each of ``frames`` (SOP Instance UID,
    1-based frame number): the source geometry, never the un-tilted copy. Points lie on a slide as a
    whole and name no frame; they stay on the screen. ``array`` is empty in a
    result read back from the record; the host then gives ``load``.
    """

    key: str
    title: Text
    kind: LayerKind
    series_instance_uid: str
    frames: tuple[tuple[str, int], ...]
    array: NDArray[Any] = field(repr=False, compare=False, default_factory=lambda: np.empty(0))
    segments: tuple[Segment, ...] = ()
    quantity: "Code | None" = None
    unit: "Code | None" = None
    range: tuple[float, float] = (0.0, 1.0)
    palette: str = "hot iron"
    is_editable: bool = False
    is_shown: bool = False
    is_exported: bool = True
    withheld_until: str = ""
    load: Callable[[], NDArray[Any]] | None = field(repr=False, compare=False, default=None)


class HandleKind(StrEnum):
    POINT = "point"
    LINE = "line"
    POLYGON = "polygon"


@dataclass(frozen=True, slots=True)
class Handle:
    """Something on the image the reader may drag; all numbers follow. Patient millimetres."""

    key: str
    kind: HandleKind
    label: Text
    points_mm: Points
    series_instance_uid: str
    colour: Colour = (255, 220, 80)
    is_editable: bool = True
    group: str = ""


class ControlKind(StrEnum):
    NUMBER = "number"
    CHOICE = "choice"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Control:
    """A parameter the reader may turn; its value comes back in ``edits["parameters"][key]``."""

    key: str
    label: Text
    kind: ControlKind
    value: float | str | bool
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    step: float = 0.1
    choices: tuple[tuple[str, Text], ...] = ()
    help: Text | None = None
    withheld_until: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    label: Text
    x: tuple[float, ...]
    y: tuple[float, ...]
    colour: Colour


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves in one frame (time-density, motion); ``marks`` are upright lines at x."""

    key: str
    title: Text
    x_label: Text
    y_label: Text
    curves: tuple[Curve, ...]
    marks: tuple[tuple[float, Text], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Words in rows, for what is no number of ours (published criteria as facts)."""

    key: str
    title: Text
    columns: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the arithmetic, so that every step can be seen."""

    title: Text
    seconds: float
    outcome: Text | None = None


@dataclass(frozen=True)
class Result:
    """What an analysis makes of a study and a reader's corrections.

    ``reason`` says why these series were used; ``parameters`` are all that a repetition needs.
    ``form`` names a front-end form that shows this result in its own way ("" is the plain one);
    ``detail`` is JSON for that form and for report templates.
    """

    analysis: str
    title: Text
    version: str
    study_instance_uid: str
    series_instance_uids: tuple[str, ...]
    grade: Grade
    reasons: tuple[Text, ...] = ()
    reason: Text | None = None
    summary: Text | None = None
    values: tuple[Value, ...] = ()
    layers: tuple[Layer, ...] = ()
    handles: tuple[Handle, ...] = ()
    controls: tuple[Control, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    steps: tuple[Step, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    alternatives: tuple[tuple[str, Text], ...] = ()
    form: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def value(self, key: str) -> Value | None:
        """The value of that key, or None."""
        return next((one for one in self.values if one.key == key), None)

    def layer(self, key: str) -> Layer | None:
        """The layer of that key, or None."""
        return next((one for one in self.layers if one.key == key), None)


@dataclass(frozen=True)
class ConfirmedResult:
    """A result a named reader has confirmed, with the corrections it came from.

    ``layer_hashes`` holds the SHA-256 of each layer's bytes, so that the signature covers them.
    """

    id: str
    result: Result
    edits: Mapping[str, Any]
    confirmed_by: Person
    confirmed_at: datetime
    layer_hashes: Mapping[str, str] = field(default_factory=dict)


class Bench(Protocol):
    """What the host gives a running computation."""

    @property
    def memory(self) -> MutableMapping[str, Any]:
        """Kept between computations of the same study and analysis, as long as there is room."""
        ...

    def report(self, fraction: float, message: Text) -> None:
        """Tell the reader how far it is, 0 to 1, and at what. A cancelled run ends here."""
        ...
