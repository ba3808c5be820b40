"""Frames of a series with what places them in space, read from any header without complaint."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from plugins.nouns import Instance, Series

__all__ = ["TRAITS", "Frame", "frames_of", "frames_of_instance", "to_pixels"]

# what may tell apart frames that lie at the same place, most telling first
TRAITS = (
    "EchoNumbers",
    "EchoTime",
    "InversionTime",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "DiffusionBValue",
    "AcquisitionNumber",
    "FrameType",
    "ImageType",
    "ConvolutionKernel",
    "StackID",
)

# functional group → attribute, for the traits that Enhanced objects keep per frame
GROUPS = {
    "EchoTime": "MREchoSequence",
    "TemporalPositionIndex": "FrameContentSequence",
    "StackID": "FrameContentSequence",
    "FrameAcquisitionDateTime": "FrameContentSequence",
    "NominalCardiacTriggerDelayTime": "CardiacSynchronizationSequence",
    "DiffusionBValue": "MRDiffusionSequence",
    "ConvolutionKernel": "CTReconstructionSequence",
}
ENHANCED_NAMES = {"EchoTime": "EffectiveEchoTime"}
FRAME_TYPES = ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "PETFrameTypeSequence")


@dataclass(frozen=True)
class Frame:
    """One frame. Positions and spacings are millimetres; None where the header has none.

    ``orientation`` is six direction cosines; ``spacing_mm`` is (row, column) spacing;
    ``gantry_tilt_deg`` is Gantry/Detector Tilt, NaN where the header has none: vendors disagree
    on its sign; ``trait`` gives one of `TRAITS` as text, empty where the header has none.
    """

    sop_instance_uid: str
    sop_class_uid: str
    number: int
    instance_number: int
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    thickness_mm: float
    spacing_mm: tuple[float, float] | None
    rows: int
    columns: int
    frame_of_reference_uid: str
    is_localizer: bool
    is_colour: bool
    gantry_tilt_deg: float
    trait: Callable[[str], str] = field(compare=False, repr=False)


def frames_of(series: Series) -> tuple[Frame, ...]:
    """Every frame of the series, in the order of Instance Number and frame number."""
    frames = [frame for instance in series.instances for frame in _frames(instance)]
    return tuple(sorted(frames, key=lambda f: (f.instance_number, f.sop_instance_uid, f.number)))


def frames_of_instance(instance: Instance) -> tuple[Frame, ...]:
    """The frames of one instance, in order."""
    return tuple(_frames(instance))


def to_pixels(
    frame: Frame, points_mm: Sequence[tuple[float, float, float]]
) -> tuple[tuple[float, float], ...]:
    """(column, row) of points that lie in the slice; (0, 0) is the corner of the first pixel.

    Empty where the frame has no place in space, or a point lies outside the slice's thickness.
    """
    if frame.position_mm is None or frame.orientation is None or frame.spacing_mm is None:
        return ()
    offsets = np.asarray(points_mm, np.float64).reshape(-1, 3) - frame.position_mm
    along_row, along_column = np.asarray(frame.orientation, np.float64).reshape(2, 3)
    reach = frame.thickness_mm / 2 if frame.thickness_mm > 0 else 0.5
    if not np.abs(offsets @ np.cross(along_row, along_column)).max(initial=0) <= reach:
        return ()
    # positions are of pixel centres (PS3.3 C.7.6.2.1.1), coordinates count from the corner
    columns = offsets @ along_row / frame.spacing_mm[1] + 0.5
    rows = offsets @ along_column / frame.spacing_mm[0] + 0.5
    return tuple((float(x), float(y)) for x, y in zip(columns, rows, strict=True))


def _frames(instance: Instance) -> Iterator[Frame]:
    header = instance.header
    per_frame = _sequence(header, "PerFrameFunctionalGroupsSequence")
    shared = next(iter(_sequence(header, "SharedFunctionalGroupsSequence")), Dataset())
    for number in range(1, max(1, instance.number_of_frames) + 1):
        own = per_frame[number - 1] if number <= len(per_frame) else Dataset()
        sources = _Sources(header, shared, own)
        position = _floats(sources.get("PlanePositionSequence", "ImagePositionPatient"), 3)
        # a plain multi-frame object (US, XA) has one header for many frames: no place of its own
        if number > 1 and not per_frame:
            position = None
        spacing = _floats(sources.get("PixelMeasuresSequence", "PixelSpacing"), 2)
        kinds = sources.image_type()
        yield Frame(
            sop_instance_uid=instance.sop_instance_uid,
            sop_class_uid=instance.sop_class_uid,
            number=number,
            instance_number=_integer(_value(header, "InstanceNumber")),
            position_mm=(position[0], position[1], position[2]) if position else None,
            orientation=_floats(
                sources.get("PlaneOrientationSequence", "ImageOrientationPatient"), 6
            ),
            thickness_mm=_number(sources.get("PixelMeasuresSequence", "SliceThickness")),
            spacing_mm=(spacing[0], spacing[1]) if spacing and min(spacing) > 0 else None,
            rows=_integer(_value(header, "Rows")),
            columns=_integer(_value(header, "Columns")),
            frame_of_reference_uid=str(_value(header, "FrameOfReferenceUID") or ""),
            is_localizer="LOCALIZER" in kinds,
            is_colour=_integer(_value(header, "SamplesPerPixel")) > 1,
            gantry_tilt_deg=_number(
                sources.get("CTAcquisitionDetailsSequence", "GantryDetectorTilt")
            ),
            trait=sources.trait,
        )


@dataclass(frozen=True)
class _Sources:
    """Where an attribute of a frame may stand: its own groups, the shared ones, the top."""

    header: Dataset
    shared: Dataset
    own: Dataset

    def get(self, group: str, keyword: str) -> Any:
        for source in (self.own, self.shared):
            for item in _sequence(source, group):
                value = _value(item, keyword)
                if value is not None:
                    return value
        return _value(self.header, keyword)

    def image_type(self) -> tuple[str, ...]:
        value = next(
            (found for group in FRAME_TYPES if (found := self.get(group, "FrameType"))),
            _value(self.header, "ImageType"),
        )
        if isinstance(value, str):
            value = value.split("\\")
        return tuple(str(part).strip().upper() for part in value or ())

    def trait(self, keyword: str) -> str:
        if keyword in ("FrameType", "ImageType"):
            return "\\".join(self.image_type()) if keyword == "ImageType" else ""
        group = GROUPS.get(keyword, "")
        value = self.get(group, ENHANCED_NAMES.get(keyword, keyword)) if group else None
        if value is None:
            value = _value(self.header, keyword)
        return "" if value is None else str(value)


def _value(ds: Dataset, keyword: str) -> Any:
    """The value, or None when it is absent, empty, or unreadable."""
    try:
        value = ds.get(keyword)
    except Exception:  # raw elements are parsed on access, and may hold anything
        return None
    return None if value is None or value == "" or value == [] else value


def _sequence(ds: Dataset, keyword: str) -> list[Dataset]:
    value = _value(ds, keyword)
    if value is None or isinstance(value, str | bytes):
        return []
    try:
        return [item for item in value if isinstance(item, Dataset)]
    except TypeError:
        return []


def _floats(value: Any, count: int) -> tuple[float, ...] | None:
    """`count` finite numbers, or None."""
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        numbers = tuple(float(part) for part in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _integer(value: Any) -> int:
    number = _number(value)
    return 0 if math.isnan(number) else int(number)
