"""A series of the archive as a guest's volume: its largest stack, in true order, in HU."""

import numpy as np
from numpy.typing import NDArray

from dicom_node.archive import Archive
from dicom_node.errors import CannotDecode, NotFound
from dicom_node.pixels.volume import read_slices
from dicom_node.records import ReadScope
from plugins.frames import Frame
from plugins.nouns import Series, Volume
from plugins.stacks import Stack, stacks_of

__all__ = ["load_volume"]


def load_volume(archive: Archive, series: Series, *, scope: ReadScope) -> Volume | None:
    """Read the largest stack of a series; None where no honest volume can be made of it.

    A tilted stack stays sheared, and its affine says so. Where slices lie unevenly the affine is
    that of the mean step: ``problems`` tells, and ``positions_mm`` is true for every slice.
    """
    stack = next(iter(stacks_of(series)), None)
    if stack is None or not stack.is_volume or stack.geometry is None:
        return None
    frames = [stack.frames[index] for index in _order(stack)]
    places = [(frame.sop_instance_uid, frame.number) for frame in frames]
    try:
        array = read_slices(archive, places, scope=scope)
    except (CannotDecode, NotFound):
        return None
    positions = np.array([frame.position_mm for frame in frames], np.float64)
    return Volume(
        array=array,
        affine=_affine(stack, frames[0], positions),
        positions_mm=positions,
        series_instance_uid=series.series_instance_uid,
        sop_instance_uids=tuple(frame.sop_instance_uid for frame in frames),
        problems=tuple(str(problem) for problem in stack.geometry.problems),
    )


def _order(stack: Stack) -> list[int]:
    """The frames by rising position along the normal, whatever order they are shown in."""
    return [int(index) for index in np.argsort(stack.along_mm, kind="stable")]


def _affine(stack: Stack, first: Frame, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (4, 4) affine of a straight stack, evenly spaced or not."""
    assert stack.geometry is not None
    assert first.spacing_mm is not None
    affine = np.eye(4)
    affine[:3, 0] = (positions[-1] - positions[0]) / (len(positions) - 1)
    affine[:3, 1] = stack.geometry.column_direction * first.spacing_mm[0]
    affine[:3, 2] = stack.geometry.row_direction * first.spacing_mm[1]
    affine[:3, 3] = positions[0]
    return affine
