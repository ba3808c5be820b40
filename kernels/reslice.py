"""Planes, slabs and curves through a volume, in millimetres.

A volume comes with an affine, (4, 4): from (slice, row, column, 1) to patient millimetres. It
may shear, so a tilted stack is resliced as scanned, with nothing interpolated beforehand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import array, choice, finite_array, number, positive, room, whole
from kernels._threads import spread
from kernels.interpolate import plane_linear, plane_nearest, points_linear, slab_linear

__all__ = ["Plane", "Projection", "curved_plane", "project", "reslice", "sample", "slab"]


class Projection(StrEnum):
    """What becomes of the samples along a ray."""

    MAXIMUM = "maximum"
    MINIMUM = "minimum"
    MEAN = "mean"


@dataclass(frozen=True, eq=False)
class Plane:
    """A picture's place in the patient.

    Parameters
    ----------
    origin_mm : (3,)
        Centre of the first pixel.
    row_direction, column_direction : (3,)
        Where column and row indices grow: perpendicular unit vectors.
    spacing_mm : (2,)
        Distance of rows, distance of columns.
    shape : (rows, columns)
    """

    origin_mm: ArrayLike
    row_direction: ArrayLike
    column_direction: ArrayLike
    spacing_mm: ArrayLike
    shape: Sequence[int]

    def __post_init__(self) -> None:
        for name in ("origin_mm", "row_direction", "column_direction"):
            object.__setattr__(self, name, finite_array(name, getattr(self, name), (3,)))
        spacing = finite_array("spacing_mm", self.spacing_mm, (2,))
        positive("the least of spacing_mm", float(spacing.min()))
        object.__setattr__(self, "spacing_mm", spacing)
        if len(self.shape) != 2:
            raise ValueError(f"shape is {tuple(self.shape)}; expected (rows, columns)")
        object.__setattr__(self, "shape", room("shape", self.shape, 4))
        row, column = self.directions()
        if (
            abs(np.linalg.norm(row) - 1) > 1e-3
            or abs(np.linalg.norm(column) - 1) > 1e-3
            or abs(row @ column) > 1e-3
        ):
            raise ValueError(
                f"row_direction is {row} and column_direction {column}; "
                "expected perpendicular unit vectors"
            )

    def directions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.asarray(self.row_direction), np.asarray(self.column_direction)

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(*self.directions())


def reslice(
    volume: ArrayLike,
    affine: ArrayLike,
    plane: Plane,
    interpolation: str = "linear",
    fill: float = -1024.0,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Cut a plane through a volume.

    Parameters
    ----------
    volume : (slices, rows, columns) int16, uint8, bool or float32
    affine : (4, 4)
    plane : Plane
    interpolation : "linear" or "nearest"
        Nearest for masks and labels.
    fill : float
        Value outside the outermost voxel centres.
    out : contiguous (rows, columns) float32, optional

    Returns
    -------
    (rows, columns) float32

    Raises
    ------
    ValueError
        An argument has the wrong shape or value; the affine is singular.
    """
    found, start, steps = through(volume, affine, plane)
    result = target(plane, out)
    kernel = plane_nearest if choice_of(interpolation) == "nearest" else plane_linear
    spread(
        kernel,
        plane.shape[0],
        found,
        start,
        steps,
        np.float32(number("fill", fill)),
        result,
        least=16,
    )
    return result


def slab(
    volume: ArrayLike,
    affine: ArrayLike,
    plane: Plane,
    thickness_mm: float,
    how: Projection | str = Projection.MAXIMUM,
    step_mm: float | None = None,
    fill: float = -1024.0,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Project a slab, with `plane` in its middle, onto that plane.

    Parameters
    ----------
    volume, affine, plane, fill, out
        As for `reslice`; values are interpolated linearly.
    thickness_mm : float
        Between the outermost samples; 0 gives the plane itself.
    how : Projection
    step_mm : float, optional
        Distance of samples, at most; the volume's finest spacing when None.

    Returns
    -------
    (rows, columns) float32
        Of the samples within the volume, less those beside a NaN; `fill` where none is left.
    """
    found, start, steps = through(volume, affine, plane)
    try:
        projection = Projection(how)
    except ValueError:
        raise ValueError(f"how is {how!r}; expected one of {', '.join(Projection)}") from None
    thickness = number("thickness_mm", thickness_mm)
    if thickness < 0:
        raise ValueError(f"thickness_mm is {thickness_mm!r}; expected 0 or more")
    finest = float(np.linalg.norm(np.asarray(affine, np.float64)[:3, :3], axis=0).min())
    step = positive("step_mm", finest if step_mm is None else step_mm)
    with np.errstate(over="ignore"):
        intervals = np.ceil(thickness / step - 1e-9)
    count = whole("the number of samples along a ray", intervals + 1, 1, 4096)
    depth = linear_part(affine) @ plane.normal * (thickness / max(count - 1, 1))
    result = target(plane, out)
    code = list(Projection).index(projection)
    arguments = found, start - depth * (count - 1) / 2, steps, depth, count
    spread(
        slab_linear,
        plane.shape[0],
        *arguments,
        code,
        np.float32(number("fill", fill)),
        result,
        least=4,
    )
    return result


def sample(
    volume: ArrayLike, affine: ArrayLike, points_mm: ArrayLike, fill: float = -1024.0
) -> NDArray[np.float32]:
    """Interpolate a volume linearly at any points.

    Parameters
    ----------
    volume, affine, fill
        As for `reslice`.
    points_mm : (..., 3)

    Returns
    -------
    (...) float32
    """
    found = sampled(volume)
    points = array("points_mm", points_mm, tuple(range(1, 9)))
    if points.shape[-1] != 3:
        raise ValueError(f"points_mm has shape {points.shape}; expected (..., 3)")
    flat = finite_array("points_mm", points.reshape(-1, 3), (None, 3))
    inverse = inverted(affine)
    places = np.ascontiguousarray(flat @ inverse[:3, :3].T + inverse[:3, 3])
    result = np.empty(len(flat), np.float32)
    spread(
        points_linear,
        len(flat),
        found,
        places,
        np.float32(number("fill", fill)),
        result,
        least=4096,
    )
    return result.reshape(points.shape[:-1])


def curved_plane(
    volume: ArrayLike,
    affine: ArrayLike,
    path_mm: ArrayLike,
    across: ArrayLike,
    width_mm: float,
    spacing_mm: float,
    fill: float = -1024.0,
) -> NDArray[np.float32]:
    """Straighten a volume along a path: a vessel, a jaw.

    Parameters
    ----------
    volume, affine, fill
        As for `reslice`.
    path_mm : (n, 3)
        Corners of the path; rows follow it at even distances.
    across : (3,)
        The direction shown across; its part along the path is taken away at every row.
    width_mm : float
        Shown width, centred on the path.
    spacing_mm : float
        Distance of rows along the path, and of columns.

    Returns
    -------
    (rows, columns) float32

    Raises
    ------
    ValueError
        The path has no length or somewhere runs along `across`.
    """
    path = finite_array("path_mm", path_mm, (None, 3))
    step = positive("spacing_mm", spacing_mm)
    side = finite_array("across", across, (3,))
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    if not lengths.sum() > 0:
        raise ValueError(f"path_mm with {len(path)} points has no length; expected a path")
    path = path[np.concatenate([[True], lengths > 0])]
    travelled = np.concatenate([[0.0], np.cumsum(lengths[lengths > 0])])
    half = positive("width_mm", width_mm) / 2
    with np.errstate(over="ignore"):
        size = np.floor(travelled[-1] / step + 1e-9) + 1, 2 * np.floor(half / step + 1e-9) + 1
    rows, columns, _ = room("the curved shape", (*size, 3), 8)
    stops = np.arange(rows) * step
    centres = np.stack([np.interp(stops, travelled, path[:, axis]) for axis in range(3)], axis=1)
    # The heading at a corner is the mean of the legs' that meet there: no row is torn.
    legs = np.diff(path, axis=0) / np.diff(travelled)[:, None]
    corners = np.concatenate([legs[:1], legs[:-1] + legs[1:], legs[-1:]])
    corners /= np.maximum(np.linalg.norm(corners, axis=1, keepdims=True), 1e-12)
    heading = np.stack([np.interp(stops, travelled, corners[:, axis]) for axis in range(3)], axis=1)
    heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-12)
    aside = side - (heading @ side)[:, None] * heading
    sizes = np.linalg.norm(aside, axis=1, keepdims=True)
    if not (sizes > 1e-3 * np.linalg.norm(side)).all() or not side.any():
        raise ValueError(f"across is {side}; expected a direction that path_mm never runs along")
    offsets = (np.arange(columns) - columns // 2) * step
    points = centres[:, None] + offsets[:, None] * (aside / sizes)[:, None]
    return sample(volume, affine, points, fill)


def project(
    volume: ArrayLike, axis: int = 0, how: Projection | str = Projection.MAXIMUM
) -> NDArray[Any]:
    """Project a whole volume along one of its own axes.

    Returns
    -------
    2-D; the volume's dtype for maximum and minimum, float32 for the mean.
    """
    found = array("volume", volume, (3,))
    whole("axis", axis, 0, 2)
    if not found.size:
        raise ValueError(f"volume has shape {found.shape}; expected at least one voxel")
    if how not in list(Projection):
        raise ValueError(f"how is {how!r}; expected one of {', '.join(Projection)}")
    if how == Projection.MEAN:
        return np.asarray(found.mean(axis=axis, dtype=np.float64), np.float32)
    return np.asarray(found.max(axis=axis) if how == Projection.MAXIMUM else found.min(axis=axis))


def choice_of(interpolation: str) -> str:
    return choice("interpolation", interpolation, ("linear", "nearest"))


def sampled(volume: ArrayLike) -> NDArray[Any]:
    """Return a volume as contiguous int16 or float32, with at least one voxel."""
    found = array("volume", volume, (3,))
    if found.dtype in (np.uint8, np.bool_, np.int8):
        found = found.astype(np.int16)
    if found.dtype not in (np.int16, np.float32):
        raise ValueError(f"volume has dtype {found.dtype}; expected int16, uint8, bool or float32")
    if not found.size:
        raise ValueError(f"volume has shape {found.shape}; expected at least one voxel")
    return np.ascontiguousarray(found)


def inverted(affine: ArrayLike) -> NDArray[np.float64]:
    """Return the way from millimetres to (slice, row, column)."""
    forward = finite_array("affine", affine, (4, 4))
    lengths = np.linalg.norm(forward[:3, :3], axis=0)
    lopsided = not np.array_equal(forward[3], [0, 0, 0, 1])
    if lopsided or not abs(np.linalg.det(forward[:3, :3])) > 1e-6 * max(lengths.prod(), 1e-300):
        raise ValueError(
            f"affine is {forward.tolist()}; expected an invertible affine with last row 0 0 0 1"
        )
    return np.linalg.inv(forward)


def linear_part(affine: ArrayLike) -> NDArray[np.float64]:
    return inverted(affine)[:3, :3]


def through(
    volume: ArrayLike, affine: ArrayLike, plane: Plane
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """Return the volume, the voxel index of the plane's first pixel, and the steps to the next
    row and column: (2, 3)."""
    found = sampled(volume)
    inverse = inverted(affine)
    start = inverse[:3, :3] @ np.asarray(plane.origin_mm) + inverse[:3, 3]
    row, column = plane.directions()
    spacing = np.asarray(plane.spacing_mm)
    steps = np.stack([inverse[:3, :3] @ column * spacing[0], inverse[:3, :3] @ row * spacing[1]])
    return found, start, steps


def target(plane: Plane, out: NDArray[np.float32] | None) -> NDArray[np.float32]:
    result = np.empty(tuple(plane.shape), np.float32) if out is None else out
    if result.shape != tuple(plane.shape) or result.dtype != np.float32:
        raise ValueError(
            f"out has shape {result.shape} and dtype {result.dtype}; "
            f"expected float32 of shape {tuple(plane.shape)}"
        )
    if not result.flags.c_contiguous:
        raise ValueError("out is not contiguous; expected a contiguous array")
    return result
