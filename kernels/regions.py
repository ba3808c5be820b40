"""The regions of ASPECTS and its posterior kin, laid into a head without a template.

A level is a slice. In it a point is told by `u`, its distance from the mid-sagittal plane over the
brain's half-width there, and `w`, its place from the brain's front (0) to its back (1). Regions
are polygons in a level, drawn from u and w once, then a reader's to move; their masks reach 5 mm
above and below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array, positive, whole
from kernels.midsagittal import MidsagittalPlane
from kernels.morphology import marks, spacings
from kernels.region import polygon_mask

__all__ = [
    "ASPECTS_REGIONS",
    "POSTERIOR_REGIONS",
    "AspectsLevels",
    "RegionOutline",
    "RegionSeed",
    "levels_at",
    "outline_regions",
    "propose_levels",
    "region_masks",
]

SUPRAGANGLIONIC_MM, MIDBRAIN_MM, PONS_MM, HALF_DEPTH_MM = 20.0, 18.0, 36.0, 5.0
SAMPLES = 5


@dataclass(frozen=True)
class RegionSeed:
    """Where a region begins: shares of the half-width and of the brain's length.

    Parameters
    ----------
    name : str
    level : str
        A field of `AspectsLevels`.
    u, w : (low, high)
    points : int
        What it takes off the score when affected; shared by both halves of what lies midline.
    midline : bool
        One structure across the plane, whose halves are compared.
    """

    name: str
    level: str
    u: tuple[float, float]
    w: tuple[float, float]
    points: int = 1
    midline: bool = False


ASPECTS_REGIONS = (
    RegionSeed("C", "ganglionic", (0.08, 0.22), (0.30, 0.42)),
    RegionSeed("L", "ganglionic", (0.25, 0.48), (0.36, 0.56)),
    RegionSeed("IC", "ganglionic", (0.17, 0.30), (0.34, 0.56)),
    RegionSeed("I", "ganglionic", (0.52, 0.64), (0.36, 0.58)),
    RegionSeed("M1", "ganglionic", (0.50, 0.97), (0.20, 0.36)),
    RegionSeed("M2", "ganglionic", (0.66, 0.97), (0.36, 0.58)),
    RegionSeed("M3", "ganglionic", (0.50, 0.97), (0.58, 0.75)),
    RegionSeed("M4", "supraganglionic", (0.40, 0.97), (0.20, 0.40)),
    RegionSeed("M5", "supraganglionic", (0.40, 0.97), (0.40, 0.60)),
    RegionSeed("M6", "supraganglionic", (0.40, 0.97), (0.60, 0.78)),
)
# Puetz et al., Stroke 39:2485, 2008 (10.1161/STROKEAHA.107.511162): pons and midbrain take off
# two points each, the paired regions one a side.
POSTERIOR_REGIONS = (
    RegionSeed("thalamus", "ganglionic", (0.06, 0.24), (0.46, 0.60)),
    RegionSeed("PCA", "ganglionic", (0.10, 0.60), (0.80, 0.97)),
    RegionSeed("midbrain", "midbrain", (0.01, 0.16), (0.49, 0.60), 2, True),
    RegionSeed("pons", "pons", (0.01, 0.17), (0.53, 0.63), 2, True),
    RegionSeed("cerebellum", "pons", (0.14, 0.60), (0.66, 0.88)),
)


@dataclass(frozen=True)
class AspectsLevels:
    """Slices of the analysis copy on which regions are laid.

    Attributes
    ----------
    ganglionic, supraganglionic, midbrain, pons : int
        Slice indices. The supraganglionic level is 20 mm above, midbrain and pons 18 and 36 mm
        below the ganglionic one, as far as the scan reaches.
    """

    ganglionic: int
    supraganglionic: int
    midbrain: int
    pons: int


@dataclass(frozen=True, eq=False)
class RegionOutline:
    """A region on one side: a polygon in a level.

    Attributes
    ----------
    name : str
    side : "left" or "right"
    corners_mm : (n, 3) float64
        Grid millimetres; all on one slice.
    """

    name: str
    side: str
    corners_mm: NDArray[np.float64]


def propose_levels(
    smooth_hu: ArrayLike, brain: ArrayLike, plane: MidsagittalPlane, spacing_mm: ArrayLike
) -> AspectsLevels:
    """Propose the levels: the ganglionic one where fluid shows both in front and in the middle.

    That is, 0.36 to 0.46 brain lengths below the vertex, the slice where the frontal horns' area
    of fluid (below 16 HU) times the third ventricle's is largest.

    Parameters
    ----------
    smooth_hu : (slices, rows, columns) float32
        `AnalysisCopy.hu`, at best smoothed a little.
    brain : (slices, rows, columns) bool or uint8
    plane : MidsagittalPlane
    spacing_mm : (3,)

    Raises
    ------
    ValueError
        The brain is empty, or an argument has the wrong shape or value.
    """
    inside = marks("brain", brain)
    values = np.asarray(smooth_hu)
    spacing = spacings(spacing_mm)
    if values.shape != inside.shape or not inside.any():
        raise ValueError(
            f"brain has shape {inside.shape} and marks {int(inside.sum())} voxels; "
            f"expected some of {values.shape}"
        )
    heights = np.flatnonzero(inside.any(axis=(1, 2)))
    rows = np.flatnonzero(inside.any(axis=(0, 2)))
    top, length = int(heights[-1]), np.ptp(rows) * spacing[1]
    # From the vertex down, since scans begin anywhere below: the commissures lie some 0.43 brain
    # lengths deep, the basal cisterns below 0.48.
    low = max(int(np.ceil(top - 0.46 * length / spacing[0])), int(heights[0]))
    high = max(int(top - 0.36 * length / spacing[0]), low)
    aside = np.abs(plane.sides(inside.shape, spacing)[low : high + 1])
    fluid = (inside & (values < 16))[low : high + 1]

    def area(front: float, back: float, near: float, far: float) -> NDArray[np.float64]:
        band = slice(*(int(rows[0] + share * np.ptp(rows)) for share in (front, back)))
        there = fluid[:, band] & (aside[:, band] >= near) & (aside[:, band] < far)
        return np.asarray(there.sum(axis=(1, 2)), np.float64)

    both = np.sqrt(area(0.25, 0.45, 2.0, 18.0) * area(0.42, 0.60, 0.0, 5.0))
    best = low + int(np.argmax(both)) if both.any() else (low + high) // 2
    return levels_at(best, inside, spacing)


def levels_at(ganglionic: int, brain: ArrayLike, spacing_mm: ArrayLike) -> AspectsLevels:
    """Return all levels from the ganglionic one, which a reader may have chosen.

    Parameters
    ----------
    ganglionic : int
        Slice of the analysis copy.
    brain : (slices, rows, columns) bool or uint8
    spacing_mm : (3,)
    """
    inside = marks("brain", brain)
    step = float(spacings(spacing_mm)[0])
    middle = whole("ganglionic", ganglionic, 0, len(inside) - 1)
    heights = np.flatnonzero(inside.any(axis=(1, 2)))
    lowest, highest = (int(heights[0]), int(heights[-1])) if len(heights) else (0, len(inside) - 1)

    def at(offset_mm: float) -> int:
        return int(np.clip(middle + round(offset_mm / step), lowest, highest))

    return AspectsLevels(middle, at(SUPRAGANGLIONIC_MM), at(-MIDBRAIN_MM), at(-PONS_MM))


def outline_regions(
    seeds: Sequence[RegionSeed],
    levels: AspectsLevels,
    brain: ArrayLike,
    plane: MidsagittalPlane,
    spacing_mm: ArrayLike,
) -> tuple[RegionOutline, ...]:
    """Draw both sides of every region.

    Below the tentorium the brain's outline says little of what is inside: midbrain, pons and
    cerebellum are laid by the ganglionic level's frame.

    Parameters
    ----------
    seeds : sequence of RegionSeed
        `ASPECTS_REGIONS` or `POSTERIOR_REGIONS`.
    levels : AspectsLevels
    brain, plane, spacing_mm
        As for `propose_levels`.

    Returns
    -------
    tuple of RegionOutline
        Left before right; none where the level that gives the frame holds no brain.
    """
    inside = marks("brain", brain)
    spacing = spacings(spacing_mm)
    result = []
    frames: dict[int, Frame | None] = {}
    for seed in seeds:
        index = getattr(levels, seed.level)
        shown = levels.supraganglionic if seed.level == "supraganglionic" else levels.ganglionic
        if shown not in frames:
            frames[shown] = frame_of(inside, shown, plane, spacing)
        frame = frames[shown]
        if frame is None:
            continue
        for side, sign in (("left", 1.0), ("right", -1.0)):
            flat = frame.polygon(seed, sign)
            # The same place beside the plane, which may lean, on the slice that is meant.
            lean = (shown - index) * spacing[0] * plane.normal[0] / frame.norm
            corners = np.column_stack([np.full(len(flat), index * spacing[0]), flat])
            corners[:, 1:] += lean * frame.lateral
            result.append(RegionOutline(seed.name, side, corners))
    return tuple(result)


@dataclass(frozen=True, eq=False)
class Frame:
    """The brain in one slice: directions, ends and half-widths, in (row, column) mm."""

    middle: NDArray[np.float64]  # of the line where plane and slice meet, nearest to the origin
    lateral: NDArray[np.float64]
    backward: NDArray[np.float64]
    norm: float
    front_mm: float
    back_mm: float
    places_mm: NDArray[np.float64]
    widths_mm: Mapping[float, NDArray[np.float64]]  # by side, +1 left

    def polygon(self, seed: RegionSeed, sign: float) -> NDArray[np.float64]:
        shares = np.linspace(seed.w[0], seed.w[1], SAMPLES)
        along = self.front_mm + shares * (self.back_mm - self.front_mm)
        width = np.interp(along, self.places_mm, self.widths_mm[sign])
        inner = self.point(along, sign * seed.u[0] * width)
        outer = self.point(along, sign * seed.u[1] * width)
        return np.concatenate([inner, outer[::-1]])

    def point(self, along: NDArray[np.float64], aside: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(
            self.middle + along[:, None] * self.backward + aside[:, None] * self.lateral
        )


def frame_of(
    brain: NDArray[np.bool_], index: int, plane: MidsagittalPlane, spacing: NDArray[np.float64]
) -> Frame | None:
    pixels = np.argwhere(brain[index]) * spacing[1:]
    if len(pixels) < 50:
        return None
    flat = plane.normal[1:]
    norm = float(np.linalg.norm(flat))
    lateral = flat / norm
    backward = np.array([lateral[1], -lateral[0]])
    middle = lateral * (plane.offset_mm - plane.normal[0] * index * spacing[0]) / norm
    along, aside = (pixels - middle) @ backward, (pixels - middle) @ lateral
    front, back = np.percentile(along, [0.2, 99.8])
    places = np.arange(front, back, 2.0)
    bins = np.clip(((along - front) / 2.0).astype(int), 0, len(places) - 1)
    widths = {}
    for sign in (1.0, -1.0):
        width = np.zeros(len(places))
        np.maximum.at(width, bins, sign * aside)
        widths[sign] = width
    return Frame(middle, lateral, backward, norm, float(front), float(back), places + 1, widths)


def region_masks(
    outlines: Sequence[RegionOutline],
    brain: ArrayLike,
    spacing_mm: ArrayLike,
    half_depth_mm: float = HALF_DEPTH_MM,
) -> NDArray[np.uint8]:
    """Fill outlines, as deep as said above and below their slice.

    Parameters
    ----------
    outlines : sequence of RegionOutline
        At most 255; where two overlap, the earlier has the voxel.
    brain : (slices, rows, columns) bool or uint8
        Nothing outside is marked.
    spacing_mm : (3,)
    half_depth_mm : float

    Returns
    -------
    (slices, rows, columns) uint8
        0, or 1 + the outline's place among the outlines.
    """
    inside = marks("brain", brain)
    spacing = spacings(spacing_mm)
    depth = positive("half_depth_mm", half_depth_mm)
    whole("the number of outlines", len(outlines), 0, 255)
    labels = np.zeros(inside.shape, np.uint8)
    for number, outline in enumerate(outlines, start=1):
        corners = finite_array("corners_mm", outline.corners_mm, (None, 3))
        picture = polygon_mask(corners[:, 1:] / spacing[1:], inside.shape[1:])
        height = float(corners[:, 0].mean())
        low = max(int(np.ceil((height - depth) / spacing[0] - 1e-6)), 0)
        high = min(int(np.floor((height + depth) / spacing[0] + 1e-6)), len(inside) - 1)
        for index in range(low, high + 1):
            labels[index][picture & inside[index] & (labels[index] == 0)] = number
    return labels
