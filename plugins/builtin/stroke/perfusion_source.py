"""A perfusion series as a rectangle of times and slices, each slice with its own times.

Images are ordered by when they were acquired (Frame Acquisition Date Time, Acquisition DateTime,
Acquisition Time, in that order), never by Instance Number. Arrays are turned so that rows run to
the patient's back and columns to the patient's left.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.perfusion.timing import ImageOrder, order_images
from plugins.builtin.stroke.series import Candidate
from plugins.builtin.stroke.words import Unusable
from plugins.frames import Frame
from plugins.nouns import Study, Text

__all__ = ["PerfusionSource", "read_perfusion"]

MOST_ROWS = 256
LARGEST_OBLIQUITY = 0.85  # least |cosine| between image axes and the patient's


@dataclass(frozen=True)
class PerfusionSource:
    """The series in memory.

    Attributes
    ----------
    hu : (times, slices, rows, columns) int16
        Blocks of `factor` x `factor` source pixels averaged.
    order : ImageOrder
    spacing_mm : (3,) float64
        Slice, row and column distance of `hu`.
    frames : tuple of (SOP Instance UID, frame number)
        The first image of each slice, in order: what results are drawn upon.
    to_mm : (4, 4) float64
        From (slice, row, column, 1) of `hu` to patient millimetres.
    """

    series_instance_uid: str
    hu: NDArray[np.int16]
    order: ImageOrder
    spacing_mm: NDArray[np.float64]
    frames: tuple[tuple[str, int], ...]
    to_mm: NDArray[np.float64]
    factor: int
    flips: tuple[bool, bool]
    source_shape: tuple[int, int]

    def to_source(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Bring (slices, rows, columns) back to the pixels of the source slices."""
        turned = picture[:, :: -1 if self.flips[0] else 1, :: -1 if self.flips[1] else 1]
        large = turned.repeat(self.factor, axis=1).repeat(self.factor, axis=2)
        rows, columns = self.source_shape
        result = np.zeros((len(large), rows, columns), picture.dtype)
        result[:, : large.shape[1], : large.shape[2]] = large
        return result

    def patient_mm(self, index: NDArray[np.float64]) -> tuple[float, float, float]:
        """Patient millimetres of a (slice, row, column)."""
        x, y, z = (self.to_mm @ [*np.asarray(index, np.float64), 1.0])[:3]
        return float(x), float(y), float(z)

    def indices(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """(slice, row, column) of patient millimetres."""
        return np.asarray((np.linalg.inv(self.to_mm) @ [*points_mm, 1.0])[:3])


def read_perfusion(
    study: Study, candidate: Candidate, report: Callable[[float], None]
) -> PerfusionSource:
    """Read every image of the series, a time after the other.

    Raises
    ------
    Unusable, kernels.PerfusionRefused
        Times are missing or contradict each other, or the slices do not lie square.
    """
    frames = [frame for frame in candidate.frames if frame.position_mm and frame.orientation]
    first = frames[0]
    assert first.orientation is not None
    assert first.spacing_mm is not None
    row, column = np.asarray(first.orientation[:3]), np.asarray(first.orientation[3:])
    flips = _flips(row, column)
    normal = np.cross(row, column)
    positions = np.array([frame.position_mm for frame in frames]) @ normal
    order = order_images(positions, np.array([_seconds(frame) for frame in frames]))
    if study.load_slices is None:
        raise ValueError("the host gives no pixels")
    factor = max(1, first.rows // MOST_ROWS)
    rows, columns = first.rows // factor, first.columns // factor
    hu = np.full((*order.images.shape, rows, columns), -1024, np.int16)
    for time, images in enumerate(order.images):
        report(time / len(order.images))
        here = np.flatnonzero(images >= 0)
        if len(here):
            chosen = [frames[image] for image in images[here]]
            planes = study.load_slices([(one.sop_instance_uid, one.number) for one in chosen])
            hu[time, here] = _averaged(planes, factor)
    leading = [frames[int(column_[column_ >= 0][0])] for column_ in order.images.T]
    hu = np.ascontiguousarray(hu[:, :, :: -1 if flips[0] else 1, :: -1 if flips[1] else 1])
    spacing = np.array(
        [
            float(np.median(np.diff(order.positions_mm))) if len(leading) > 1 else 1.0,
            first.spacing_mm[0] * factor,
            first.spacing_mm[1] * factor,
        ]
    )
    return PerfusionSource(
        series_instance_uid=candidate.series.series_instance_uid,
        hu=hu,
        order=order,
        spacing_mm=np.abs(spacing),
        frames=tuple((frame.sop_instance_uid, frame.number) for frame in leading),
        to_mm=_affine(leading, row, column, first.spacing_mm, factor, flips, (rows, columns)),
        factor=factor,
        flips=flips,
        source_shape=(first.rows, first.columns),
    )


def _flips(row: NDArray[np.float64], column: NDArray[np.float64]) -> tuple[bool, bool]:
    """Whether rows, and columns, must be turned round to run back and to the left."""
    if abs(row[0]) < LARGEST_OBLIQUITY or abs(column[1]) < LARGEST_OBLIQUITY:
        raise Unusable(Text("Lát cắt không theo trục ngang.", "The slices are not axial."))
    return bool(column[1] < 0), bool(row[0] < 0)


def _affine(
    leading: list[Frame],
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    pixel_mm: tuple[float, float],
    factor: int,
    flips: tuple[bool, bool],
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    places = np.array([frame.position_mm for frame in leading], np.float64)
    step = (places[-1] - places[0]) / max(len(places) - 1, 1)
    down, across = column * pixel_mm[0], row * pixel_mm[1]
    origin = places[0] + (factor - 1) / 2 * (down + across)
    affine = np.eye(4)
    affine[:3, 0] = step if len(places) > 1 else np.cross(row, column)
    for axis, (direction, flip, length) in enumerate(
        ((down * factor, flips[0], shape[0]), (across * factor, flips[1], shape[1])), start=1
    ):
        origin = origin + direction * (length - 1) if flip else origin
        affine[:3, axis] = -direction if flip else direction
    affine[:3, 3] = origin
    return affine


def _averaged(planes: NDArray[Any], factor: int) -> NDArray[np.int16]:
    if factor > 1:
        rows, columns = planes.shape[1] // factor, planes.shape[2] // factor
        cut = planes[:, : rows * factor, : columns * factor]
        blocks = cut.reshape(len(planes), rows, factor, columns, factor)
        planes = np.round(blocks.mean(axis=(2, 4), dtype=np.float32))
    return np.asarray(np.clip(planes, -1024, 4095), np.int16)


def _seconds(frame: Frame) -> float:
    """When the frame was acquired, in seconds of some clock.

    Raises
    ------
    Unusable
        The header says no time.
    """
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime"):
        text = frame.trait(keyword).split("+")[0].split("-")[0].strip()
        if len(text) >= 14 and text[:14].isdigit():
            day = int(text[6:8])
            return day * 86400.0 + _clock(text[8:])
    for keyword in ("AcquisitionTime", "ContentTime"):
        text = frame.trait(keyword).strip()
        if len(text) >= 6 and text[:6].isdigit():
            return _clock(text)
    raise Unusable(
        Text(
            "Ảnh không ghi giờ chụp: không tính được tưới máu.",
            "The headers do not say when images were acquired: no perfusion can be computed.",
        )
    )


def _clock(text: str) -> float:
    """HHMMSS.FFFFFF to seconds."""
    seconds = float(text[4:]) if text[4:].replace(".", "", 1).isdigit() else math.nan
    return int(text[:2]) * 3600.0 + int(text[2:4]) * 60.0 + seconds
