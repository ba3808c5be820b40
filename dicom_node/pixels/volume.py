"""Slices, in the order given, as one array of real values: HU for CT.

Which slices, and in which order, is the caller's to say: no geometry is read here.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_node.archive import Archive, Query
from dicom_node.errors import CannotDecode, NotFound
from dicom_node.pixels.attributes import Attributes
from dicom_node.pixels.description import PixelDescription
from dicom_node.pixels.display import grey_display
from dicom_node.pixels.frames import Frames
from dicom_node.records import InstanceRecord, ReadScope
from kernels import modality_values

__all__ = ["read_slices"]

# An array of more would not fit beside everything else on the machines this runs on.
_MOST_VOXELS = 1 << 30
_PADDED = -1024.0  # air, for CT


def read_slices(
    archive: Archive, places: Sequence[tuple[str, int]], *, scope: ReadScope
) -> NDArray[np.generic]:
    """Decode frames and apply their Modality LUT.

    Parameters
    ----------
    archive : Archive
    places : sequence of (SOP Instance UID, frame number from 1)
        All of one size, and grey.
    scope : ReadScope

    Returns
    -------
    (slices, rows, columns) int16 or float32
        int16 where every value is whole and fits, as in CT. Padding is -1024.

    Raises
    ------
    NotFound
        An instance or frame is not there.
    CannotDecode
        The pixels do not decode, are of several sizes, are colour, or are too many.

    References
    ----------
    PS3.3 C.11.1, C.7.5.1.1.2
    """
    wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for position, (uid, number) in enumerate(places):
        wanted[uid].append((position, number - 1))
    query = Query({"SOPInstanceUID": list(wanted)})
    found = archive.records_with_headers(query, scope=scope) if wanted else iter(())
    volume: NDArray[np.float32] | None = None
    for record, header in found:
        frames = _frames(archive, record, header)
        shape = (len(places), frames.description.rows, frames.description.columns)
        if volume is None:
            if np.prod(shape, dtype=np.int64) > _MOST_VOXELS:
                raise CannotDecode(f"a volume of {shape} is too large")
            volume = np.empty(shape, np.float32)
        elif volume.shape != shape:
            raise CannotDecode(f"slices are of different sizes: {volume.shape[1:]}, {shape[1:]}")
        for position, frame in wanted.pop(record.sop_instance_uid):
            attributes = Attributes(header, frame, partial(archive.read_range, record))
            volume[position] = _values(frames.array(frame), attributes)
    if wanted or volume is None:
        raise NotFound("an instance of the volume is not there")
    whole = volume.astype(np.int16)
    return whole if np.array_equal(whole, volume) else volume


def _frames(archive: Archive, record: InstanceRecord, header: dict[str, Any]) -> Frames:
    table = archive.frame_offsets(record)
    description = PixelDescription.from_header(header, record.transfer_syntax_uid, len(table))
    if description.is_colour or description.photometric_interpretation == "PALETTE COLOR":
        raise CannotDecode("a volume is made of grey images")
    return Frames(partial(archive.read_range, record), table, description)


def _values(stored: NDArray[np.generic], attributes: Attributes) -> NDArray[np.generic]:
    how = grey_display(attributes)
    padding = how.padding if stored.dtype.kind in "ui" else None
    return modality_values(stored, how.modality, padding, _PADDED)
