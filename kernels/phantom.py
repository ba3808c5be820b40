"""A head that never was: CT phantoms whose every volume is known.

The head is a set of formulas in patient millimetres (x to the left, y to the back, z up), so a
tilted gantry is the same head sampled on a sheared grid, not a sheared picture. It is drawn to
look credible in a brain window; it is no anatomical atlas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kernels._checks import choice, finite_array, number, positive, room, whole
from kernels.head import BLOOD, OEDEMA, Field, Head

__all__ = ["HeadPhantom", "head_phantom"]

KINDS = ("normal", "haemorrhage", "infarct")
MOST_BLOOD_ML = 150.0


@dataclass(frozen=True)
class HeadPhantom:
    """A head CT and what is true of it.

    Attributes
    ----------
    hu : (slices, rows, columns) int16
        Hounsfield units, slices from the bottom up.
    positions_mm : (slices, 3) float64
        Image Position (Patient) of each slice.
    orientation : (6,) float64
        Image Orientation (Patient).
    spacing_mm : (3,) float64
        Between slices along the normal, between rows, between columns.
    masks : mapping of str to (slices, rows, columns) bool
        "brain" (within the inner table, above the skull base), and "haemorrhage" or "infarct".
    volumes_ml : mapping of str to float
        Of each mask, by voxel counting.
    """

    hu: NDArray[np.int16]
    positions_mm: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]
    masks: Mapping[str, NDArray[np.bool_]]
    volumes_ml: Mapping[str, float]


def head_phantom(
    kind: str = "normal",
    shape: Sequence[int] = (30, 512, 512),
    spacing_mm: Sequence[float] = (5.0, 0.46, 0.46),
    tilt_deg: float = 0.0,
    seed: int = 0,
    haemorrhage_ml: float = 30.0,
    noise_hu: float = 3.5,
    head_holder: bool = True,
) -> HeadPhantom:
    """Make a plausible non-contrast head CT of an adult.

    Parameters
    ----------
    kind : "normal", "haemorrhage" or "infarct"
        A bleeding into the left basal ganglia with a rim of oedema, or an early infarct in the
        territory of the right middle cerebral artery.
    shape : (slices, rows, columns)
    spacing_mm : (slice, row, column) distances; the first is measured along the normal
    tilt_deg : float
        Gantry tilt, with the sign of `kernels.StackGeometry.tilt_deg`; -45 to 45.
    seed : int
        The same seed gives the same head and noise, voxel for voxel.
    haemorrhage_ml : float
        The volume of the bleeding: its mask holds this many millilitres to half a voxel.
    noise_hu : float
        Standard deviation of the noise in the brain.

    Raises
    ------
    ValueError
        An argument is out of range, or the volume does not fit the head or the grid.
    """
    choice("kind", kind, KINDS)
    if len(shape) != 3:
        raise ValueError(f"shape is {tuple(shape)}; expected (slices, rows, columns)")
    slices, rows, columns = room("shape", shape, 8)
    for name, length in (("slices", slices), ("rows", rows), ("columns", columns)):
        whole(f"shape ({name})", length, 1)
    spacing = finite_array("spacing_mm", spacing_mm, (3,))
    positive("the least spacing_mm", float(spacing.min()))
    if abs(number("tilt_deg", tilt_deg)) > 45:
        raise ValueError(f"tilt_deg is {tilt_deg!r}; expected -45 to 45")
    if not 0 <= number("noise_hu", noise_hu) <= 500:
        raise ValueError(f"noise_hu is {noise_hu!r}; expected 0 to 500")
    if not 0 < number("haemorrhage_ml", haemorrhage_ml) <= MOST_BLOOD_ML:
        raise ValueError(
            f"haemorrhage_ml is {haemorrhage_ml!r}; expected above 0 and at most {MOST_BLOOD_ML}"
        )

    grid = Grid(slices, rows, columns, spacing, np.radians(tilt_deg))
    generator = np.random.default_rng(whole("seed", seed, 0))
    head = Head(generator)
    voxel_ml = float(spacing.prod()) / 1000
    masks = {"brain": np.empty((slices, rows, columns), np.bool_)}
    if kind == "haemorrhage":
        masks["haemorrhage"] = nearest_voxels(grid, haemorrhage_ml / voxel_ml)
        edge = edge_radius(grid, masks["haemorrhage"])
    elif kind == "infarct":
        masks["infarct"] = np.empty((slices, rows, columns), np.bool_)

    hu = np.empty((slices, rows, columns), np.int16)
    steps = int(np.clip(np.ceil(spacing[0] / 2.5), 1, 3))
    blur = np.maximum(0.45 / spacing[1:], 0.3)
    for index in range(slices):
        picture = np.zeros((rows, columns), np.float32)
        for step in range(steps):  # partial volume through the slice
            x, y, z = grid.points(index + (step + 0.5) / steps - 0.5)
            picture += head.attenuation(x, y, z) / steps
        x, y, z = grid.points(index)
        masks["brain"][index] = head.brain(x, y, z)
        if kind == "infarct":
            masks["infarct"][index] = head.infarct(x, y, z) & masks["brain"][index]
            grow = ndimage.gaussian_filter(masks["infarct"][index].astype(np.float32), 2 * blur)
            tissue = (picture > 20) & (picture < 50)
            picture -= np.where(tissue, grow * np.where(picture > 32, 9.5, 4.0), 0)
        if kind == "haemorrhage":
            clot = masks["haemorrhage"][index]
            radius = clot_radius(x, y, z)
            rim = (radius < edge * 1.22) & masks["brain"][index] & (picture > 15) & (picture < 60)
            picture[rim] = OEDEMA
            picture[clot] = BLOOD + 3 * head.mottle(x[clot], y[clot], z[clot])
        if head_holder:
            shell = np.abs(np.hypot(x, y + 8) - 121)
            picture[(shell < 1.2) & (y > 48)] = -180
        picture = ndimage.gaussian_filter(picture, blur)
        picture += noise_hu * noise(generator, picture.shape, spacing[1:])
        hu[index] = np.clip(np.rint(picture), -1024, 3071)
    for mask in masks.values():
        mask.setflags(write=False)
    return HeadPhantom(
        hu=hu,
        positions_mm=grid.positions(),
        orientation=np.concatenate([grid.row_direction, grid.column_direction]),
        spacing_mm=spacing,
        masks=MappingProxyType(masks),
        volumes_ml=MappingProxyType(
            {name: float(mask.sum()) * voxel_ml for name, mask in masks.items()}
        ),
    )


class Grid:
    """Where the voxels of a (perhaps tilted) scan lie in the head."""

    def __init__(
        self, slices: int, rows: int, columns: int, spacing: NDArray[np.float64], tilt: float
    ) -> None:
        self.row_direction = np.array([1.0, 0.0, 0.0])
        self.column_direction = np.array([0.0, np.cos(tilt), np.sin(tilt)])
        self.shape = slices, rows, columns
        self.spacing = spacing
        self.table_step = np.array([0.0, 0.0, spacing[0] / np.cos(tilt)])
        self.origin = (
            np.array([0.0, 4.0, 8.0])
            - self.table_step * (slices - 1) / 2
            - self.row_direction * spacing[2] * (columns - 1) / 2
            - self.column_direction * spacing[1] * (rows - 1) / 2
        )

    def positions(self) -> NDArray[np.float64]:
        return np.asarray(self.origin + np.arange(self.shape[0])[:, None] * self.table_step)

    def points(self, index: float) -> tuple[Field, Field, Field]:
        """Return x, y and z in mm of every voxel of a slice, each (rows, columns)."""
        corner = self.origin + index * self.table_step
        across = np.arange(self.shape[2]) * self.spacing[2]
        down = np.arange(self.shape[1])[:, None] * self.spacing[1]
        x, y, z = (
            (corner[axis] + across * self.row_direction[axis] + down * self.column_direction[axis])
            for axis in range(3)
        )
        return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)


def clot_radius(x: Field, y: Field, z: Field) -> Field:
    """Return the distance from the clot's centre in units of its semi-axes' shape."""
    squares = ((x - 28) / 0.80) ** 2 + (y / 1.35) ** 2 + ((z - 6) / 0.95) ** 2
    return np.asarray(np.sqrt(squares), np.float32)


def nearest_voxels(grid: Grid, count: float) -> NDArray[np.bool_]:
    """Mark the `count` voxels nearest to the clot's centre: an ellipsoid, counted exactly."""
    wanted = round(count)
    radii = np.stack([clot_radius(*grid.points(index)) for index in range(grid.shape[0])])
    flat = radii.reshape(-1)
    if not 0 < wanted <= len(flat):
        raise ValueError(
            f"haemorrhage_ml is {count:.1f} voxels of this grid of {len(flat)}; "
            "expected at least one and no more than all"
        )
    chosen = np.zeros(len(flat), np.bool_)
    chosen[np.argsort(flat, kind="stable")[:wanted]] = True
    mask = chosen.reshape(radii.shape)
    border = np.concatenate([mask[[0, -1]].ravel(), mask[:, [0, -1]].ravel(), mask[..., 0].ravel()])
    if border.any():
        raise ValueError(
            f"shape is {radii.shape} with spacing_mm {tuple(grid.spacing)}; "
            "expected a grid that holds the whole haemorrhage"
        )
    return mask


def edge_radius(grid: Grid, mask: NDArray[np.bool_]) -> float:
    """Return the clot radius whose ellipsoid has the mask's volume."""
    volume = float(mask.sum()) * float(grid.spacing.prod())
    return float((volume * 3 / (4 * np.pi * 0.80 * 1.35 * 0.95)) ** (1 / 3))


def noise(
    generator: np.random.Generator, shape: tuple[int, ...], spacing_mm: NDArray[np.float64]
) -> Field:
    """Return noise with the grain of filtered back-projection: little of it is low-frequency."""
    white = generator.standard_normal(shape, np.float32)
    grain = ndimage.gaussian_filter(white, 0.42 / spacing_mm)
    grain -= ndimage.gaussian_filter(white, 1.5 / spacing_mm)
    return np.asarray(grain / max(float(grain.std()), 1e-6), np.float32)
