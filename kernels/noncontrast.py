"""The non-contrast measurements of a stroke CT, one after the other, each shown as it is done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import positive
from kernels.analysis import AnalysisCopy
from kernels.asymmetry import mirror_difference
from kernels.brain import brain_mask
from kernels.densitometry import RegionComparison, compare_regions
from kernels.haemorrhage import find_haemorrhages
from kernels.midsagittal import find_midsagittal_plane
from kernels.regions import (
    ASPECTS_REGIONS,
    POSTERIOR_REGIONS,
    AspectsLevels,
    RegionOutline,
    RegionSeed,
    outline_regions,
    propose_levels,
    region_masks,
)
from kernels.shift import MidlineShift, ShiftPoints, measure_shift, propose_shift_points
from kernels.ventricles import find_ventricles
from kernels.vessel import compare_vessels, propose_corridor

__all__ = ["NONCONTRAST_STAGES", "RegionStage", "ShiftStage", "noncontrast_stages"]

NONCONTRAST_STAGES = (
    "brain",
    "midsagittal plane",
    "asymmetry",
    "haemorrhage",
    "levels",
    "aspects",
    "posterior aspects",
    "shift",
    "ventricles",
    "vessels",
)


@dataclass(frozen=True, eq=False)
class RegionStage:
    """Regions as laid, as filled and as compared."""

    seeds: tuple[RegionSeed, ...]
    outlines: tuple[RegionOutline, ...]
    labels: NDArray[np.uint8]
    comparisons: tuple[RegionComparison, ...]


@dataclass(frozen=True, eq=False)
class ShiftStage:
    """The three points and what they tell."""

    points: ShiftPoints
    shift: MidlineShift


def noncontrast_stages(
    copy: AnalysisCopy, slice_mm: float, given: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield every stage's name and result, in the order of `NONCONTRAST_STAGES`.

    Where the brain is not found, nothing follows it.

    Parameters
    ----------
    copy : AnalysisCopy
    slice_mm : float
        Thickness of the slices as scanned: whether vessels are assessable.
    given : mapping, optional
        Results to take instead of computing them, by stage: what a reader corrected, with all
        that depends on it computed anew. "brain" a `BrainMask`, "midsagittal plane" a
        `MidsagittalPlane`, "levels" an `AspectsLevels`; "aspects" and "posterior aspects"
        outlines; "shift" `ShiftPoints`; "vessels" a corridor, (n, 3) grid mm.

    Yields
    ------
    (name, result)
        "brain" BrainMask, "midsagittal plane" MidsagittalPlane, "asymmetry" Asymmetry,
        "haemorrhage" HaemorrhageCandidates, "levels" AspectsLevels, "aspects" and "posterior
        aspects" RegionStage, "shift" ShiftStage, "ventricles" Ventricles, "vessels"
        VesselComparison.
    """
    thick = positive("slice_mm", slice_mm)
    known = dict(given or {})
    unknown = set(known) - set(NONCONTRAST_STAGES)
    if unknown:
        raise ValueError(
            f"given has {sorted(unknown)}; expected some of {', '.join(NONCONTRAST_STAGES)}"
        )
    hu, spacing = copy.hu, copy.spacing_mm
    brain = known.get("brain") or brain_mask(hu, spacing, copy.valid)
    yield "brain", brain
    if not brain.mask.any():
        return
    plane = known.get("midsagittal plane") or find_midsagittal_plane(hu, brain.mask, spacing)
    yield "midsagittal plane", plane
    yield "asymmetry", mirror_difference(hu, brain.mask, plane, spacing)
    yield "haemorrhage", find_haemorrhages(hu, brain.mask, brain.bone, plane, spacing)
    levels: AspectsLevels = known.get("levels") or propose_levels(hu, brain.mask, plane, spacing)
    yield "levels", levels
    for name, seeds in (("aspects", ASPECTS_REGIONS), ("posterior aspects", POSTERIOR_REGIONS)):
        outlines = known.get(name) or outline_regions(seeds, levels, brain.mask, plane, spacing)
        labels = region_masks(outlines, brain.mask, spacing)
        found = compare_regions(hu, labels, outlines, spacing, brain.bone)
        yield name, RegionStage(seeds, tuple(outlines), labels, found)
    points = known.get("shift") or propose_shift_points(hu, brain.mask, plane, spacing)
    yield "shift", ShiftStage(points, measure_shift(points, plane, brain.mask, spacing))
    yield "ventricles", find_ventricles(hu, brain.mask, plane, spacing)
    corridor: ArrayLike | None = known.get("vessels")
    if corridor is None:
        corridor = propose_corridor(brain.mask, plane, spacing, levels.ganglionic)
    yield "vessels", compare_vessels(hu, corridor, plane, spacing, thick)
