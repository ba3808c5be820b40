"""ASPECTS: the reader scores first; densities of the ten regions come second, as an aid.

Until the reader's own first read is stored, or the reader declined to score, nothing computed
from the densities leaves this module. The form and its JSON are described in
``docs/reference/results-forms.md``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.sr.coding import Code

from kernels.densitometry import RegionComparison, RegionFinding, compare_regions
from kernels.regions import (
    ASPECTS_REGIONS,
    POSTERIOR_REGIONS,
    AspectsLevels,
    RegionOutline,
    levels_at,
    outline_regions,
    propose_levels,
    region_masks,
)
from plugins.builtin.stroke import codes
from plugins.builtin.stroke.edits import parameter
from plugins.builtin.stroke.findings import on_source
from plugins.builtin.stroke.head import Head, described, graded, prepare_head
from plugins.builtin.stroke.outcome import outcome
from plugins.builtin.stroke.scores import score_values
from plugins.builtin.stroke.series import Role, candidates, chosen
from plugins.builtin.stroke.steps import Steps
from plugins.builtin.stroke.words import MEMORY, SIDES, Unusable
from plugins.contributions import Analysis
from plugins.nouns import Study, Text
from plugins.results import (
    Bench,
    Colour,
    Control,
    ControlKind,
    Grade,
    Handle,
    HandleKind,
    Layer,
    LayerKind,
    Result,
    Segment,
)

__all__ = ["ANALYSIS"]

VERSION = "1.0"
ID = "stroke_aspects"
TITLE = Text("ASPECTS", "ASPECTS")
STAGES = 7
FORM = "aspects"
LIMITS = Text(
    "Gợi ý theo đậm độ bỏ sót khoảng một nửa số vùng tổn thương sớm ở bệnh nhân "
    "(độ nhạy 41–57 %, độ đặc hiệu 88–89 %: Wolff 2021). Điểm số là của người đọc.",
    "Suggestions from density miss about half of the regions with early change in patients "
    "(sensitivity 41–57 %, specificity 88–89 %: Wolff 2021). The score is the reader's.",
)
# names of the kernels → names of the form
NAMES = {"PCA": "occipital"}
STATES = {
    RegionFinding.NORMAL: "normal",
    RegionFinding.POSSIBLE_EARLY: "early",
    RegionFinding.POSSIBLE_CHRONIC: "old",
    RegionFinding.NOT_ASSESSABLE: "not_assessable",
}
COLOURS: Mapping[str, Colour] = {
    "normal": (120, 170, 130),
    "early": (255, 110, 70),
    "old": (150, 150, 220),
    "not_assessable": (130, 130, 130),
}
SITES: Mapping[str, Code] = {
    "C": codes.CAUDATE,
    "IC": codes.INTERNAL_CAPSULE,
    "I": codes.INSULA,
}


class Regions(NamedTuple):
    """Outlines on the copy, their masks, and what was compared."""

    outlines: tuple[RegionOutline, ...]
    labels: NDArray[np.uint8]
    comparisons: tuple[RegionComparison, ...]


ABOUT: Mapping[str, Any] = {
    "analysis": ID,
    "title": TITLE,
    "version": VERSION,
    "summary": LIMITS,
    "form": FORM,
}


def subject(study: Study) -> Sequence[str]:
    best = chosen(candidates(study, Role.NON_CONTRAST))
    return () if best is None else (best.series.series_instance_uid,)


def compute(study: Study, edits: Mapping[str, Any], bench: Bench) -> Result:
    """Levels at once; densities only beside a stored first read."""
    found = candidates(study, Role.NON_CONTRAST)
    candidate = chosen(found, str(edits.get("series") or ""))
    if candidate is None:
        raise ValueError("the study has no non-contrast head series")
    steps = Steps(bench, STAGES)
    try:
        head = prepare_head(study, candidate, edits, steps)
    except Unusable as unusable:
        return outcome(study, candidate, found, Grade.RED, (unusable.text,), steps, **ABOUT)
    proposed = steps.run(
        Text("Chọn mức hạch nền", "Choose the ganglionic level"),
        lambda: propose_levels(head.copy.hu, head.brain.mask, head.plane, head.copy.spacing_mm),
        ("levels", *head.key),
    )
    shift_mm = parameter(edits, "level_shift_mm", 0.0, -25.0, 25.0)
    levels = _shifted(head, proposed, shift_mm)
    reads = edits.get("reads") or {}
    rest: dict[str, Any] = {}
    if reads.get("independent") or reads.get("declined"):
        regions = steps.run(
            Text("So đậm độ từng vùng", "Compare the density of each region"),
            lambda: _regions(head, levels, edits),
        )
        rest = {
            "layers": (_layer(head, regions),),
            "handles": tuple(_handles(head, regions)),
        }
        aid = _aid(regions)
    else:
        aid = None
    grade, reasons = graded(head)
    return outcome(
        study,
        candidate,
        found,
        grade,
        reasons,
        steps,
        **ABOUT,
        reason=described(head),
        values=tuple(score_values(reads)),
        controls=(
            Control(
                "level_shift_mm",
                Text("Dời mức hạch nền", "Move the ganglionic level"),
                ControlKind.NUMBER,
                shift_mm,
                "mm",
                -25.0,
                25.0,
                1.0,
            ),
        ),
        parameters={
            "level_shift_mm": shift_mm,
            "tissue_hu": "15 to 60",
            "early": "delta <= -2 HU, |z| >= 3, >= 5 %",
        },
        detail={"levels": _places(head, levels), "aid": aid},
        **rest,
    )


def _shifted(head: Head, proposed: AspectsLevels, shift_mm: float) -> AspectsLevels:
    moved = proposed.ganglionic + round(shift_mm / float(head.copy.spacing_mm[0]))
    inside = int(np.clip(moved, 0, len(head.copy.hu) - 1))
    return levels_at(inside, head.brain.mask, head.copy.spacing_mm)


def _regions(head: Head, levels: AspectsLevels, edits: Mapping[str, Any]) -> Regions:
    brain, spacing = head.brain.mask, head.copy.spacing_mm
    seeds = (*ASPECTS_REGIONS, *POSTERIOR_REGIONS)
    drawn = outline_regions(seeds, levels, brain, head.plane, spacing)
    outlines = tuple(_moved(head, outline, edits) for outline in drawn)
    labels = region_masks(outlines, brain, spacing)
    return Regions(
        outlines,
        labels,
        compare_regions(head.copy.hu, labels, outlines, spacing, head.brain.bone),
    )


def _moved(head: Head, outline: RegionOutline, edits: Mapping[str, Any]) -> RegionOutline:
    """The outline where the reader dragged it, kept on its own level."""
    given = (edits.get("handles") or {}).get(_key(outline))
    points = np.asarray(given if given is not None else (), np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 3 or not np.isfinite(points).all():
        return outline
    corners = head.copy.grid_points(points)
    corners[:, 0] = outline.corners_mm[0, 0]
    return RegionOutline(outline.name, outline.side, corners)


def _key(outline: RegionOutline) -> str:
    return f"{NAMES.get(outline.name, outline.name)}_{outline.side}"


def _places(head: Head, levels: AspectsLevels) -> dict[str, dict[str, Any]]:
    """The source image nearest to each level."""
    named = {
        "ganglionic": levels.ganglionic,
        "supraganglionic": levels.supraganglionic,
        "posterior": levels.pons,
    }
    scan, step = head.scan, float(head.copy.spacing_mm[0])
    middle = np.array(head.copy.hu.shape[1:]) * head.copy.spacing_mm[1:] / 2
    places = {}
    for name, index in named.items():
        centre = head.copy.patient_points([[index * step, *middle]])
        slice_ = int(np.clip(round(float(scan.to_indices(centre)[0, 0])), 0, len(scan.frames) - 1))
        sop_instance_uid, number = scan.frames[slice_]
        places[name] = {
            "series_instance_uid": scan.series_instance_uid,
            "sop_instance_uid": sop_instance_uid,
            "frame_number": number,
        }
    return places


def _aid(regions: Regions) -> dict[str, Any]:
    """What the form shows beside the reader's own read."""
    sides: dict[str, dict[str, Any]] = {"right": {}, "left": {}}
    for one in regions.comparisons:
        name = NAMES.get(one.name, one.name)
        for side, sign in (("right", 1.0), ("left", -1.0)):
            sides[side][name] = _aid_of(one, side, sign)
    early = [one for one in regions.comparisons if one.finding is RegionFinding.POSSIBLE_EARLY]
    right = sum(one.darker == "right" for one in early)
    left = len(early) - right
    return {
        "side": None if right == left else "right" if right > left else "left",
        "regions": sides,
    }


def _aid_of(one: RegionComparison, side: str, sign: float) -> dict[str, Any]:
    count = one.right_count if side == "right" else one.left_count
    if one.finding is RegionFinding.NOT_ASSESSABLE:
        nothing = dict.fromkeys(("delta_hu", "low", "high", "relative_percent"))
        return {**nothing, "n": count, "suggestion": "not_assessable"}
    bounds = sorted((sign * one.low_hu, sign * one.high_hu))
    is_darker = one.darker == side
    return {
        "delta_hu": round(sign * one.delta_hu, 2),
        "low": round(bounds[0], 2),
        "high": round(bounds[1], 2),
        "relative_percent": round(one.percent if is_darker else -one.percent, 1),
        "n": count,
        "suggestion": STATES[one.finding] if is_darker else "normal",
    }


def _state(regions: Regions, outline: RegionOutline) -> str:
    one = next(found for found in regions.comparisons if found.name == outline.name)
    if one.finding is RegionFinding.NOT_ASSESSABLE:
        return "not_assessable"
    return STATES[one.finding] if one.darker == outline.side else "normal"


def _layer(head: Head, regions: Regions) -> Layer:
    segments = []
    for number, outline in enumerate(regions.outlines, start=1):
        name = NAMES.get(outline.name, outline.name)
        side = SIDES[outline.side]
        segments.append(
            Segment(
                number,
                Text(f"{name} {side.vi}", f"{name} {side.en}"),
                COLOURS[_state(regions, outline)],
                codes.TISSUE,
                codes.TISSUE,
                SITES.get(outline.name, codes.BRAIN),
                codes.SIDES[outline.side],
            )
        )
    return Layer(
        "regions",
        Text("Các vùng ASPECTS", "ASPECTS regions"),
        LayerKind.MASK,
        head.scan.series_instance_uid,
        head.scan.frames,
        on_source(head, regions.labels),
        segments=tuple(segments),
        is_shown=True,
    )


def _handles(head: Head, regions: Regions) -> list[Handle]:
    return [
        Handle(
            _key(outline),
            HandleKind.POLYGON,
            Text(_key(outline).split("_")[0], _key(outline).split("_")[0]),
            tuple(
                (float(x), float(y), float(z))
                for x, y, z in head.copy.patient_points(outline.corners_mm)
            ),
            head.scan.series_instance_uid,
            COLOURS[_state(regions, outline)],
            group=outline.side,
        )
        for outline in regions.outlines
    ]


ANALYSIS = Analysis(ID, TITLE, subject=subject, compute=compute, memory=MEMORY)
