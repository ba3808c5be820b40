"""Where the bytes of all frames of an instance are, as arrays: slides have a hundred thousand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dicom_node.archive import FrameTable
from dicom_node.records import InstanceRecord

__all__ = ["FrameExtents", "frame_extents"]


@dataclass(frozen=True)
class FrameExtents:
    """Extents of frames, in bytes.

    Attributes
    ----------
    offsets, lengths : (fragments,) uint64
    first, pieces : (frames,) int64
        The first fragment of each frame, and how many it has.
    total : (frames,) uint64
        Length of each frame, all its fragments together.
    is_there : (frames,) bool
        Whether the bytes are within the file.
    """

    offsets: NDArray[np.uint64]
    lengths: NDArray[np.uint64]
    first: NDArray[np.int64]
    pieces: NDArray[np.int64]
    total: NDArray[np.uint64]
    is_there: NDArray[np.bool_]


def frame_extents(table: FrameTable, record: InstanceRecord) -> FrameExtents:
    """Work out the extents of all frames that a table knows of an instance."""
    offsets, lengths, first = table.arrays()
    if not len(first):
        none = np.zeros(0, np.uint64)
        return FrameExtents(offsets, lengths, first, first, none, np.zeros(0, bool))
    pieces = np.diff(first, append=len(offsets))
    total = np.add.reduceat(lengths, first)
    end = np.maximum.reduceat(offsets + lengths, first)
    # A deflated data set is longer than its file.
    last = table.offset + table.length if table.deflated or not table.encapsulated else record.size
    is_there = (total > 0) & (end <= last)
    return FrameExtents(offsets, lengths, first, pieces, total, is_there)
