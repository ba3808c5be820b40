"""A head scan as arrays: HU on its own slices, and the way between voxels and millimetres."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels import StackGeometry
from plugins.frames import Frame
from plugins.nouns import Study
from plugins.stacks import Stack

__all__ = ["Scan", "read_scan"]

PADDED_HU = -1024


@dataclass(frozen=True)
class Scan:
    """One stack of slices as scanned, in order along the normal.

    ``hu`` is (slices, rows, columns) int16; ``valid`` is False on padding; ``spacing_mm`` is
    (row, column) spacing. Slices may be tilted and uneven: ``geometry`` says so; ``tilt_deg`` is
    the tilt with the sign that a reader sees.
    """

    series_instance_uid: str
    frames: tuple[tuple[str, int], ...]
    hu: NDArray[np.int16]
    valid: NDArray[np.bool_]
    geometry: StackGeometry
    tilt_deg: float
    spacing_mm: tuple[float, float]
    frame_of_reference_uid: str

    def to_mm(self, indices: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) indices (slice, row, column) of voxel centres to (n, 3) patient millimetres.

        Between slices, positions are interpolated; beyond the ends the last step goes on.
        """
        indices = np.asarray(indices, np.float64).reshape(-1, 3)
        origins = self.slice_origins_mm()
        slices = np.clip(indices[:, 0], 0, len(origins) - 1)
        lower = np.clip(np.floor(slices).astype(int), 0, max(len(origins) - 2, 0))
        upper = np.minimum(lower + 1, len(origins) - 1)
        share = (slices - lower)[:, None]
        base = origins[lower] * (1 - share) + origins[upper] * share
        down = indices[:, 1:2] * self.spacing_mm[0] * self.geometry.column_direction
        across = indices[:, 2:3] * self.spacing_mm[1] * self.geometry.row_direction
        return np.asarray(base + down + across)

    def to_indices(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) patient millimetres to (n, 3) indices (slice, row, column), not rounded."""
        points = np.asarray(points_mm, np.float64).reshape(-1, 3)
        geometry = self.geometry
        offsets = points - geometry.origin_mm
        along = offsets @ geometry.normal
        places = geometry.positions_along_normal_mm
        slices = np.interp(along, places, np.arange(len(places)))
        shear = np.stack(
            [np.interp(along, places, geometry.shear_mm[:, axis]) for axis in (0, 1)], axis=1
        )
        rows = (offsets @ geometry.column_direction - shear[:, 0]) / self.spacing_mm[0]
        columns = (offsets @ geometry.row_direction - shear[:, 1]) / self.spacing_mm[1]
        return np.stack([slices, rows, columns], axis=1)

    def slice_origins_mm(self) -> NDArray[np.float64]:
        """(slices, 3): the centre of the first voxel of each slice."""
        geometry = self.geometry
        return np.asarray(
            geometry.origin_mm
            + geometry.positions_along_normal_mm[:, None] * geometry.normal
            + geometry.shear_mm[:, :1] * geometry.column_direction
            + geometry.shear_mm[:, 1:] * geometry.row_direction
        )


def read_scan(study: Study, series_instance_uid: str, stack: Stack) -> Scan:
    """Decode the stack.

    Raises
    ------
    ValueError
        The host gives no pixels, or the stack is no volume.
    dicom_node.errors.DicomNodeError
        A slice cannot be decoded.
    """
    if study.load_slices is None or stack.geometry is None or not stack.is_volume:
        raise ValueError("the series is no volume that can be read")
    frames = tuple(stack.frames[index] for index in stack.geometry.order)
    places = tuple((frame.sop_instance_uid, frame.number) for frame in frames)
    return scan_of(series_instance_uid, frames, places, study.load_slices(places), stack)


def scan_of(
    series_instance_uid: str,
    frames: Sequence[Frame],
    places: tuple[tuple[str, int], ...],
    values: NDArray[Any],
    stack: Stack,
) -> Scan:
    """Put slices and geometry together; what lies below air is padding."""
    assert stack.geometry is not None
    spacing = frames[0].spacing_mm
    assert spacing is not None
    valid = values > PADDED_HU
    return Scan(
        series_instance_uid=series_instance_uid,
        frames=places,
        hu=np.clip(values, PADDED_HU, np.iinfo(np.int16).max).astype(np.int16),
        valid=np.ascontiguousarray(valid),
        geometry=stack.geometry,
        tilt_deg=stack.tilt_deg,
        spacing_mm=(float(spacing[0]), float(spacing[1])),
        frame_of_reference_uid=frames[0].frame_of_reference_uid,
    )
