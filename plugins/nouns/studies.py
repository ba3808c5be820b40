"""Studies, what is in them, and what of them is shown.

Lengths are millimetres in the patient coordinate system (PS3.3 C.7.6.2.1.1) unless a name
says otherwise; HU is Hounsfield units after the Modality LUT.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from plugins.nouns.words import Text

__all__ = ["DisplaySet", "DisplaySetKind", "Instance", "Series", "SlidePixels", "Study", "Volume"]


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
    reformatting would not be honest. ``tilt_deg`` has the sign of Gantry/Detector Tilt (0018,1120)
    where the images tell it, else that of the geometry.
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
