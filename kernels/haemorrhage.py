"""Where there may be blood in a non-contrast head CT, and how much: candidates for a reader.

Blood along the surface of the brain (subarachnoid, thin subdural) is not found; a scan without
candidates is not a scan without haemorrhage.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from kernels._checks import array, finite_array
from kernels.asymmetry import floor, posterior_fossa
from kernels.midsagittal import MidsagittalPlane, mirror_mask
from kernels.morphology import dilate, distance_mm, marks, spacings
from kernels.volumetry import AbcVolume, abc_over_2, grow_half_maximum, planimetric_volume_ml

__all__ = [
    "HaemorrhageCandidate",
    "HaemorrhageCandidates",
    "HaemorrhageVolume",
    "find_haemorrhages",
    "measure_haemorrhage",
]

SEED_HU = (55.0, 95.0)
CALCIUM_HU, CALCIUM_95_HU = 100.0, 110.0
SKULL_MM, VERTEX_MM, LEAST_ML = 4.0, 8.0, 0.3


@dataclass(frozen=True)
class HaemorrhageCandidate:
    """A dense region that may be blood.

    Attributes
    ----------
    label : int
        In `HaemorrhageCandidates.labels`.
    side : "left", "right" or "midline"
        The patient's; midline within 5 mm of the plane.
    volume_ml : float
        On the analysis grid: for sorting. `measure_haemorrhage` measures.
    centre_mm : (3,) tuple
        Grid millimetres (slice, row, column).
    mean_hu, percentile_95_hu, border_hu, background_hu : float
        Of the region; where it was cut off; of the ring around it.
    skull_mm : float
        Least distance from bone.
    doubts : tuple of str
        Why it may be no blood: "symmetric" (a like density lies opposite: choroid plexus, basal
        ganglia), "sinus or falx" (midline, beside the skull), "skull base" (hardened beams),
        "posterior fossa" (likewise).
    """

    label: int
    side: str
    volume_ml: float
    centre_mm: tuple[float, float, float]
    mean_hu: float
    percentile_95_hu: float
    border_hu: float
    background_hu: float
    skull_mm: float
    doubts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class HaemorrhageCandidates:
    """What may be blood.

    Attributes
    ----------
    labels : (slices, rows, columns) int32
        0, or the label of a candidate.
    candidates : tuple of HaemorrhageCandidate
        Those without doubts first, then by falling volume.
    calcium : (slices, rows, columns) bool
        Within the brain and taken for calcium.
    """

    labels: NDArray[np.int32]
    candidates: tuple[HaemorrhageCandidate, ...]
    calcium: NDArray[np.bool_]


def find_haemorrhages(
    hu: ArrayLike,
    brain: ArrayLike,
    bone: ArrayLike,
    plane: MidsagittalPlane,
    spacing_mm: ArrayLike,
) -> HaemorrhageCandidates:
    """Gather dense regions, each grown to half its height over its surroundings.

    Seeds are 55 to 95 HU after a 3x3 median, 4 mm from the skull and 8 mm under its roof; what
    is denser than 100 HU, or is the blurred rim of such, is calcium; less than 0.3 mL is left out.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        `AnalysisCopy.hu`.
    brain, bone : (slices, rows, columns) bool or uint8
        `BrainMask.mask` and `BrainMask.bone`.
    plane : MidsagittalPlane
    spacing_mm : (3,)
    """
    values = array("hu", hu, (3,)).astype(np.float32, copy=False)
    inside, hard = marks("brain", brain), marks("bone", bone)
    spacing = spacings(spacing_mm)
    if not inside.shape == hard.shape == values.shape:
        raise ValueError(
            f"brain has shape {inside.shape} and bone {hard.shape}; expected {values.shape}"
        )
    labels = np.zeros(values.shape, np.int32)
    held = np.argwhere(inside)
    if not len(held):
        return HaemorrhageCandidates(labels, (), np.zeros(values.shape, np.bool_))
    low, high = held.min(axis=0), held.max(axis=0) + 1
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    picture = ndimage.median_filter(values[box], (1, 3, 3))
    within = inside[box]
    skull = hard & ~enclosed(hard, inside)
    away = distance_mm(skull, spacing)[box]
    calcium = within & (picture > CALCIUM_HU) & (away > 2.0)
    rim = distance_mm(calcium | (hard & ~skull)[box], spacing) <= 2.5
    # Under the vertex a thick slice holds brain and bone at once, however far the bone's voxels.
    roof = under_roof_mm(within, float(spacing[0]))
    room = within & (away > 2.0) & (roof > VERTEX_MM / 2) & (picture <= CALCIUM_HU)
    clear = room & (away > SKULL_MM) & (roof > VERTEX_MM)
    seeds, count = ndimage.label(clear & (picture >= SEED_HU[0]) & (picture <= SEED_HU[1]))
    voxel_ml = float(spacing.prod()) / 1000
    sizes = np.bincount(seeds.reshape(-1), minlength=count + 1) * voxel_ml
    sizes[0] = 0
    found: list[tuple[NDArray[np.bool_], float, float]] = []
    taken = np.zeros(within.shape, np.bool_)
    for seed in np.argsort(-sizes, kind="stable"):
        if sizes[seed] < LEAST_ML / 4:
            break
        core = seeds == seed
        if (core & taken).any():
            continue
        part, border, ring = grown(picture, core, room, spacing)
        part &= ~taken
        if part.sum() * voxel_ml < LEAST_ML or rim[part].mean() > 0.4:
            continue
        if np.percentile(picture[part], 95) > CALCIUM_95_HU:
            continue
        taken |= part
        found.append((part, border, ring))
    base = distance_mm(floor(inside), spacing)[box] <= 10.0
    fossa = posterior_fossa(inside, spacing)[box]
    sides = plane.sides(values.shape, spacing)[box]
    dense = np.zeros(values.shape, np.bool_)
    dense[box] = taken | calcium | (within & hard[box])
    opposite = dilate(mirror_mask(dense, plane, spacing), 4.0, spacing)[box]
    candidates = []
    for label, (part, border, ring) in enumerate(found, start=1):
        labels[box][part] = label
        offset = float(sides[part].mean())
        nearest = float(away[part].min())
        middle = abs(offset) < 5
        zones = (
            ("symmetric", not middle and opposite[part].mean() > 0.3),
            ("sinus or falx", middle and nearest < 12 and away[part].mean() < 20),
            ("skull base", base[part].mean() > 0.5),
            ("posterior fossa", fossa[part].mean() > 0.5),
        )
        centre = (np.argwhere(part).mean(axis=0) + low) * spacing
        candidates.append(
            HaemorrhageCandidate(
                label=label,
                side="midline" if middle else "left" if offset > 0 else "right",
                volume_ml=float(part.sum()) * voxel_ml,
                centre_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
                mean_hu=float(values[box][part].mean()),
                percentile_95_hu=float(np.percentile(picture[part], 95)),
                border_hu=border,
                background_hu=ring,
                skull_mm=nearest,
                doubts=tuple(name for name, holds in zones if holds),
            )
        )
    candidates.sort(key=lambda one: (bool(one.doubts), -one.volume_ml))
    whole = np.zeros(values.shape, np.bool_)
    whole[box] = calcium
    return HaemorrhageCandidates(labels, tuple(candidates), whole)


def grown(
    picture: NDArray[np.float32],
    core: NDArray[np.bool_],
    room: NDArray[np.bool_],
    spacing: NDArray[np.float64],
) -> tuple[NDArray[np.bool_], float, float]:
    """Grow a seed to half its height; also return the HU of the border and of the ring around."""
    box = around(core, 30.0, spacing)
    near, values, allowed = core[box], picture[box], room[box]
    away = distance_mm(near, spacing)
    ring = allowed & (away > 4.0) & (away <= 9.0) & (values < SEED_HU[0]) & (values > 15)
    background = float(np.median(values[ring])) if ring.any() else 30.0
    border = (float(np.median(values[near])) + background) / 2
    parts, _ = ndimage.label(allowed & (values >= border))
    kept = np.unique(parts[near])
    result = np.zeros(core.shape, np.bool_)
    result[box] = np.isin(parts, kept[kept > 0]) & (away <= 12.0)
    return result, border, background


def around(
    mask: NDArray[np.bool_], by_mm: float, spacing: NDArray[np.float64]
) -> tuple[slice, ...]:
    """Return the box that holds a mask and a margin."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    more = np.ceil(by_mm / spacing).astype(int)
    return tuple(
        slice(max(part.start - int(extra), 0), part.stop + int(extra))
        for part, extra in zip(box, more, strict=True)
    )


def under_roof_mm(brain: NDArray[np.bool_], slice_mm: float) -> NDArray[np.float32]:
    """Return how far above each voxel the brain ends, along the slices."""
    top = len(brain) - 1 - np.argmax(brain[::-1], axis=0)
    return np.asarray((top - np.arange(len(brain))[:, None, None] + 1) * slice_mm, np.float32)


def enclosed(bone: NDArray[np.bool_], brain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark bone that the brain surrounds in its slice: calcium, not skull."""
    result = np.zeros_like(bone)
    for index in np.flatnonzero((bone & ~brain).any(axis=(1, 2)) & brain.any(axis=(1, 2))):
        whole = ndimage.binary_fill_holes(brain[index])
        result[index] = bone[index] & whole
    return result


@dataclass(frozen=True, eq=False)
class HaemorrhageVolume:
    """A haemorrhage measured on the slices as scanned.

    Attributes
    ----------
    mask : (slices, rows, columns) bool
    volume_ml : float
        Planimetry: area times what each slice stands for.
    abc : AbcVolume or None
        Both forms of ABC/2; None for an empty mask.
    mean_hu : float
        0 for an empty mask.
    border_hu : float
        The half height at which the region was cut off; 0 for a mask that was given.
    """

    mask: NDArray[np.bool_]
    volume_ml: float
    abc: AbcVolume | None
    mean_hu: float
    border_hu: float


def measure_haemorrhage(
    hu: ArrayLike,
    mask: ArrayLike,
    weights_mm: ArrayLike,
    spacing_mm: ArrayLike,
    within: ArrayLike | None = None,
) -> HaemorrhageVolume:
    """Measure one haemorrhage on the slices as scanned.

    Parameters
    ----------
    hu : (slices, rows, columns) int16 or float32
        Source slices, in order along the normal.
    mask : (slices, rows, columns) bool or uint8
        A candidate brought to the source (`AnalysisCopy.to_source`), or what a reader drew.
    weights_mm : (slices,)
        `StackGeometry.weights_mm`.
    spacing_mm : (3,)
        Slice (median), row and column distance of the source.
    within : (slices, rows, columns) bool or uint8, optional
        The brain on the source, less other candidates: grow the region anew to its half height,
        on the source's own pixels, within 9 mm of `mask`. None measures `mask` as it is.
    """
    values = array("hu", hu, (3,))
    marked = marks("mask", mask)
    spacing = spacings(spacing_mm)
    weights = finite_array("weights_mm", weights_mm, (len(values),))
    if marked.shape != values.shape:
        raise ValueError(f"mask has shape {marked.shape}; expected {values.shape}")
    border = 0.0
    if within is not None and marked.any():
        allowed = marks("within", within)
        if allowed.shape != values.shape:
            raise ValueError(f"within has shape {allowed.shape}; expected {values.shape}")
        box = around(marked, 11.0, spacing)
        near = dilate(marked[box], 9.0, spacing) & allowed[box]
        half = grow_half_maximum(np.ascontiguousarray(values[box]), near, spacing, SEED_HU)
        if half.mask.any():
            border = half.border_hu
            marked = np.zeros(values.shape, np.bool_)
            marked[box] = half.mask
    if not marked.any():
        return HaemorrhageVolume(marked, 0.0, None, 0.0, 0.0)
    return HaemorrhageVolume(
        mask=marked,
        volume_ml=planimetric_volume_ml(marked, weights, spacing[1:]),
        abc=abc_over_2(marked, weights, spacing[1:]),
        mean_hu=float(values[marked].mean()),
        border_hu=border,
    )
