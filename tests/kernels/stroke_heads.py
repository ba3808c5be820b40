"""Heads for the stroke kernels' tests, and what is known of them on the analysis grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels import (
    AnalysisCopy,
    BrainMask,
    MidsagittalPlane,
    StackGeometry,
    StrokePhantom,
    analyse,
    analysis_copy,
    brain_mask,
    find_midsagittal_plane,
    stroke_phantom,
)
from tests.kernels.test_real_series import geometry_of, slices_of, stored_of


@dataclass(frozen=True, eq=False)
class Case:
    """A head on the analysis grid, with its brain and plane found."""

    hu: NDArray[np.int16]
    geometry: StackGeometry
    pixel_mm: NDArray[np.float64]
    copy: AnalysisCopy
    brain: BrainMask
    plane: MidsagittalPlane


def case_of(
    hu: NDArray[np.int16],
    geometry: StackGeometry,
    pixel_mm: NDArray[np.float64],
    valid: NDArray[np.bool_] | None = None,
) -> Case:
    copy = analysis_copy(hu, geometry, pixel_mm, valid)
    brain = brain_mask(copy.hu, copy.spacing_mm, copy.valid)
    plane = find_midsagittal_plane(copy.hu, brain.mask, copy.spacing_mm)
    return Case(hu, geometry, pixel_mm, copy, brain, plane)


def phantom_case(phantom: StrokePhantom) -> Case:
    geometry = analyse(phantom.positions_mm, phantom.orientation)
    return case_of(ordered(phantom, phantom.hu), geometry, phantom.spacing_mm[1:])


def ordered(phantom: StrokePhantom, values: NDArray[Any]) -> NDArray[Any]:
    """Put slices in the order of the geometry: head-first or not, from feet to head or back."""
    return np.ascontiguousarray(values[analyse(phantom.positions_mm, phantom.orientation).order])


def true_plane(phantom: StrokePhantom, copy: AnalysisCopy) -> MidsagittalPlane:
    """Return the plane the head was drawn about, in grid millimetres."""
    normal = (copy.affine[:3, :3] / copy.spacing_mm).T @ phantom.midline_normal
    return MidsagittalPlane(normal, float(copy.grid_points(phantom.centre_mm) @ normal))


def head(*findings: Any, **arguments: Any) -> Case:
    return phantom_case(stroke_phantom(findings, **arguments))


def ge_case(test_data: Path) -> Case:
    """The real head: tilted 18.5 degrees, uneven, padded, with an old left infarct."""
    slices = slices_of(test_data / "ct_head" / "ge_tilt_infarct")
    geometry = geometry_of(slices)
    hu = stored_of(slices, geometry).astype(np.int16)
    return case_of(hu, geometry, np.array(slices[0].PixelSpacing, float), hu != -1500)
