"""The plane a head is symmetric about, found from the skull, and the head's mirror image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, optimize

from kernels._checks import array, finite_array, number
from kernels._jit import helper, jit
from kernels._threads import spread
from kernels.morphology import dilate, marks, spacings

__all__ = ["MidsagittalPlane", "find_midsagittal_plane", "mirror", "mirror_mask"]

CEILING_HU = 60.0
SKULL_MM = 12.0
MOST_POINTS = 24_000


@dataclass(frozen=True, eq=False)
class MidsagittalPlane:
    """A plane in grid millimetres (slice, row, column), near to sagittal.

    Attributes
    ----------
    normal : (3,) float64
        Unit vector to the patient's left.
    offset_mm : float
        ``point @ normal`` of its points.
    cost_hu : float
        Mean difference between head and mirror image, each capped at 60 HU: small where the fit
        is good. 0 for a plane that was given.
    """

    normal: NDArray[np.float64]
    offset_mm: float
    cost_hu: float = 0.0

    def __post_init__(self) -> None:
        normal = finite_array("normal", self.normal, (3,))
        if not abs(float(np.linalg.norm(normal)) - 1) < 1e-6:
            raise ValueError(f"normal is {normal}; expected a unit vector")
        object.__setattr__(self, "normal", normal)
        number("offset_mm", self.offset_mm)

    @property
    def yaw_deg(self) -> float:
        """The normal's turn about the slice axis, from columns towards rows."""
        return float(np.degrees(np.arctan2(self.normal[1], self.normal[2])))

    @property
    def roll_deg(self) -> float:
        """The normal's lean towards the slice axis."""
        return float(np.degrees(np.arcsin(np.clip(self.normal[0], -1, 1))))

    def side_mm(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Return how far points lie from the plane, positive to the left.

        Parameters
        ----------
        points_mm : (..., 3)
            Grid millimetres.
        """
        return np.asarray(np.asarray(points_mm, np.float64) @ self.normal - self.offset_mm)

    def reflect(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Return the points' mirror images."""
        found = np.asarray(points_mm, np.float64)
        return np.asarray(found - 2 * self.side_mm(found)[..., None] * self.normal)

    def sides(self, shape: tuple[int, ...], spacing_mm: ArrayLike) -> NDArray[np.float32]:
        """Return how far every voxel lies from the plane, positive to the left."""
        spacing = spacings(spacing_mm)
        k, i, j = (
            np.arange(length, dtype=np.float32) * np.float32(step * part)
            for length, step, part in zip(shape, spacing, self.normal, strict=True)
        )
        return np.asarray(
            k[:, None, None] + i[:, None] + (j - np.float32(self.offset_mm)), np.float32
        )


def find_midsagittal_plane(
    hu: ArrayLike, brain: ArrayLike, spacing_mm: ArrayLike
) -> MidsagittalPlane:
    """Find the plane about which skull and brain differ least from their mirror image.

    Every yaw within 30 degrees, roll within 16 and shift within 9 mm is tried coarsely, the best
    are refined by the simplex method. Differences count up to 60 HU each, so no lesion pulls.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        `AnalysisCopy.hu`.
    brain : (slices, rows, columns) bool or uint8
    spacing_mm : (3,)

    Raises
    ------
    ValueError
        The brain is empty, or an argument has the wrong shape or value.
    """
    values = array("hu", hu, (3,))
    inside = marks("brain", brain)
    spacing = spacings(spacing_mm)
    if inside.shape != values.shape or not inside.any():
        raise ValueError(
            f"brain has shape {inside.shape} and marks {int(inside.sum())} voxels; "
            f"expected some of {values.shape}"
        )
    # No smoothing through thick slices: they are blurred enough.
    sigma = 1.5 / np.maximum(spacing, [3.0, 0, 0])
    picture = np.clip(values, -100, 300).astype(np.float32)
    picture = ndimage.gaussian_filter(picture, sigma, truncate=3)
    where = np.argwhere(dilate(inside, SKULL_MM, spacing))
    where = where[:: max(1, len(where) // MOST_POINTS)]
    points = np.ascontiguousarray(where * spacing)
    middle = np.argwhere(inside).mean(axis=0) * spacing

    chosen = {every: np.ascontiguousarray(points[::every]) for every in (1, 4, 16)}

    def cost(pose: NDArray[np.float64], every: int) -> float:
        normal = direction(pose[0], pose[1])
        offset = float(middle @ normal) + pose[2]
        return float(mirror_cost(picture, spacing, chosen[every], normal, offset, CEILING_HU))

    def refined(start: NDArray[np.float64], every: int, step: float) -> Any:
        simplex = start + np.concatenate([np.zeros((1, 3)), step * np.eye(3)])
        options = {"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-4, "maxfev": 200}
        return optimize.minimize(cost, start, (every,), "Nelder-Mead", options=options)

    grid = np.stack(
        np.meshgrid(
            np.arange(-30, 31, 3), np.arange(-16, 17, 4), np.arange(-9, 10, 3), indexing="ij"
        ),
        axis=-1,
    ).reshape(-1, 3)
    poses = grid.astype(np.float64)
    coarse = np.array([cost(pose, 16) for pose in poses])
    starts = poses[np.argsort(coarse, kind="stable")[:4]]
    nearly = min((refined(start, 4, 2.0) for start in starts), key=lambda found: found.fun)
    best = refined(nearly.x, 1, 0.4)
    normal = direction(best.x[0], best.x[1])
    return MidsagittalPlane(normal, float(middle @ normal + best.x[2]), float(best.fun))


def direction(yaw_deg: float, roll_deg: float) -> NDArray[np.float64]:
    a, b = np.radians(yaw_deg), np.radians(roll_deg)
    return np.array([np.sin(b), np.sin(a) * np.cos(b), np.cos(a) * np.cos(b)])


def mirror(
    values: ArrayLike, plane: MidsagittalPlane, spacing_mm: ArrayLike, fill: float = -1024.0
) -> NDArray[np.float32]:
    """Return the mirror image: at every voxel, the value on the plane's other side.

    Parameters
    ----------
    values : (slices, rows, columns) int16 or float32
    plane : MidsagittalPlane
    spacing_mm : (3,)
    fill : float
        Value where the other side was not scanned.

    Returns
    -------
    (slices, rows, columns) float32
        Interpolated linearly.
    """
    found = np.ascontiguousarray(array("values", values, (3,)), np.float32)
    spacing = spacings(spacing_mm)
    result = np.empty(found.shape, np.float32)
    offset, empty = float(plane.offset_mm), np.float32(number("fill", fill))
    spread(mirror_slices, len(found), found, spacing, plane.normal, offset, empty, result)
    return result


def mirror_mask(
    mask: ArrayLike, plane: MidsagittalPlane, spacing_mm: ArrayLike
) -> NDArray[np.bool_]:
    """Return a mask's mirror image: voxels whose other side is at least half inside."""
    marked = marks("mask", mask)
    return np.asarray(mirror(marked.astype(np.float32), plane, spacing_mm, 0.0) >= 0.5)


@helper
def between(picture, z, y, x, fill):  # type: ignore[no-untyped-def]
    """Interpolate linearly; `fill` more than half a voxel outside."""
    slices, rows, columns = picture.shape
    if z < -0.5 or y < -0.5 or x < -0.5:
        return fill
    if z > slices - 0.5 or y > rows - 0.5 or x > columns - 0.5:
        return fill
    z = min(max(z, 0.0), slices - 1.0)
    y = min(max(y, 0.0), rows - 1.0)
    x = min(max(x, 0.0), columns - 1.0)
    k, i, j = int(z), int(y), int(x)
    w, v, u = np.float32(z - k), np.float32(y - i), np.float32(x - j)
    one = np.float32(1)
    m, n, o = min(k + 1, slices - 1), min(i + 1, rows - 1), min(j + 1, columns - 1)
    first = (one - v) * ((one - u) * picture[k, i, j] + u * picture[k, i, o])
    first += v * ((one - u) * picture[k, n, j] + u * picture[k, n, o])
    second = (one - v) * ((one - u) * picture[m, i, j] + u * picture[m, i, o])
    second += v * ((one - u) * picture[m, n, j] + u * picture[m, n, o])
    return (one - w) * first + w * second


@jit("f8(f4[:,:,::1], f8[::1], f8[:,::1], f8[::1], f8, f8)", writes=0)
def mirror_cost(
    picture: NDArray[np.float32],
    spacing: NDArray[np.float64],
    points: NDArray[np.float64],
    normal: NDArray[np.float64],
    offset: float,
    ceiling: float,
) -> float:
    """Return the mean of capped differences between points and their mirror images."""
    total = 0.0
    air = np.float32(-100)
    for index in range(len(points)):
        z, y, x = points[index, 0], points[index, 1], points[index, 2]
        twice = 2 * (z * normal[0] + y * normal[1] + x * normal[2] - offset)
        here = between(picture, z / spacing[0], y / spacing[1], x / spacing[2], air)
        there = between(
            picture,
            (z - twice * normal[0]) / spacing[0],
            (y - twice * normal[1]) / spacing[1],
            (x - twice * normal[2]) / spacing[2],
            air,
        )
        total += min(abs(here - there), ceiling)
    return total / max(len(points), 1)


@jit("void(i8, i8, f4[:,:,::1], f8[::1], f8[::1], f8, f4, f4[:,:,::1])")
def mirror_slices(
    start: int,
    stop: int,
    values: NDArray[np.float32],
    spacing: NDArray[np.float64],
    normal: NDArray[np.float64],
    offset: float,
    fill: np.float32,
    result: NDArray[np.float32],
) -> None:
    """Write every voxel's value from the plane's other side."""
    for k in range(start, stop):
        for i in range(result.shape[1]):
            for j in range(result.shape[2]):
                z, y, x = k * spacing[0], i * spacing[1], j * spacing[2]
                twice = 2 * (z * normal[0] + y * normal[1] + x * normal[2] - offset)
                result[k, i, j] = between(
                    values,
                    (z - twice * normal[0]) / spacing[0],
                    (y - twice * normal[1]) / spacing[1],
                    (x - twice * normal[2]) / spacing[2],
                    fill,
                )
