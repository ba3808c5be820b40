"""A head scan made ready: upright copy, brain, midline; and how good all this is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kernels.analysis import AnalysisCopy, analysis_copy
from kernels.brain import BrainMask, BrainProblem, brain_mask, grain_ratio
from kernels.midsagittal import MidsagittalPlane, find_midsagittal_plane
from plugins.builtin.stroke import codes
from plugins.builtin.stroke.edits import brushed, parameter
from plugins.builtin.stroke.scan import Scan, read_scan
from plugins.builtin.stroke.series import (
    WHOLE_BRAIN_MM,
    Candidate,
    coverage_mm,
    has_contrast,
    is_sharp,
    kernel_of,
)
from plugins.builtin.stroke.steps import Steps
from plugins.builtin.stroke.words import Unusable, comma
from plugins.nouns import Study, Text
from plugins.results import Control, ControlKind, Grade, Layer, LayerKind, Segment

__all__ = [
    "Head",
    "brain_layer",
    "described",
    "graded",
    "map_to_source",
    "plane_controls",
    "prepare_head",
]

BRAIN = "brain"
# of `edits.parameter`: key, default, least, greatest
TURN = ("plane_turn_deg", 0.0, -15.0, 15.0)
SHIFT = ("plane_shift_mm", 0.0, -15.0, 15.0)

GRAINY = 2.5  # of `grain_ratio`: soft kernels stay near 1
THICKEST_MM = 8.0
JUMP_MM = 2.5  # of the brain's outline between neighbouring slices, off its own trend
TILTED_DEG = 0.5


@dataclass(frozen=True)
class Head:
    """What every analysis of a head begins with. ``brain`` and ``plane`` are on the ``copy``."""

    candidate: Candidate
    scan: Scan
    copy: AnalysisCopy
    brain: BrainMask
    plane: MidsagittalPlane
    grain: float
    key: tuple[Any, ...]
    """Names all that this depends on, the reader's corrections too."""


def prepare_head(
    study: Study, candidate: Candidate, edits: Mapping[str, Any], steps: Steps
) -> Head:
    """Read the series, stand it upright, find brain and midline; each stage is remembered.

    The reader may paint the brain (layer "brain"), and turn and move the plane (parameters
    ``plane_turn_deg``, ``plane_shift_mm``).

    Raises
    ------
    Unusable
        There is no brain in the series.
    """
    key: tuple[Any, ...] = (candidate.series.series_instance_uid, len(candidate.frames))
    scan = steps.run(
        Text("Đọc các lát cắt", "Read the slices"),
        lambda: read_scan(study, candidate.series.series_instance_uid, candidate.stack),
        ("scan", *key),
        lambda s: Text(f"{len(s.hu)} lát", f"{len(s.hu)} slices"),
    )
    copy = steps.run(
        Text("Dựng thẳng, lấy mẫu đều", "Stand upright, resample evenly"),
        lambda: analysis_copy(scan.hu, scan.geometry, scan.spacing_mm, scan.valid),
        ("copy", *key),
        lambda c: _copy_words(scan, c),
    )
    brain = steps.run(
        Text("Tìm nhu mô não", "Find the brain"),
        lambda: brain_mask(copy.hu, copy.spacing_mm, copy.valid),
        ("brain", *key),
        lambda b: Text(f"{b.volume_ml:.0f} mL", f"{b.volume_ml:.0f} mL"),
    )
    if not brain.mask.any():
        raise Unusable(Text("Không tìm thấy nhu mô não.", "No brain was found."))
    brain, strokes = _painted(brain, scan, copy, edits)
    key = (*key, strokes)
    plane = steps.run(
        Text("Tìm mặt phẳng giữa", "Find the midsagittal plane"),
        lambda: find_midsagittal_plane(copy.hu, brain.mask, copy.spacing_mm),
        ("plane", *key),
        lambda p: Text(
            f"xoay {comma(f'{p.yaw_deg:.1f}')}°, nghiêng bên {comma(f'{p.roll_deg:.1f}')}°",
            f"yaw {p.yaw_deg:.1f}°, roll {p.roll_deg:.1f}°",
        ),
    )
    grain = grain_ratio(copy.hu, brain.mask, copy.spacing_mm[1:])
    turn, shift = parameter(edits, *TURN), parameter(edits, *SHIFT)
    if turn or shift:
        plane = _turned(plane, brain, copy, turn, shift)
    return Head(candidate, scan, copy, brain, plane, grain, (*key, turn, shift))


def plane_controls(edits: Mapping[str, Any]) -> tuple[Control, ...]:
    """What turns and moves the midsagittal plane."""
    labels = (
        (TURN, Text("Xoay mặt phẳng giữa", "Turn the midsagittal plane"), "°"),
        (SHIFT, Text("Dời mặt phẳng giữa sang trái", "Move the midsagittal plane left"), "mm"),
    )
    return tuple(
        Control(
            limits[0],
            label,
            ControlKind.NUMBER,
            parameter(edits, *limits),
            unit,
            limits[2],
            limits[3],
            0.5,
        )
        for limits, label, unit in labels
    )


def brain_layer(head: Head) -> Layer:
    """The brain as found and as the reader corrected it."""
    segment = Segment(
        1,
        Text("Nhu mô não", "Brain"),
        (120, 200, 140),
        codes.TISSUE,
        codes.BRAIN,
        codes.BRAIN,
    )
    return Layer(
        BRAIN,
        Text("Mặt nạ não", "Brain mask"),
        LayerKind.MASK,
        head.scan.series_instance_uid,
        head.scan.frames,
        head.copy.to_source(head.brain.mask).astype(np.uint8),
        segments=(segment,),
        is_editable=True,
        is_exported=False,
    )


def _painted(
    brain: BrainMask, scan: Scan, copy: AnalysisCopy, edits: Mapping[str, Any]
) -> tuple[BrainMask, str]:
    """The brain with the reader's strokes, and a name for them."""
    strokes = [one for one in edits.get("strokes") or () if one.get("layer") == BRAIN]
    if not strokes:
        return brain, ""
    source = copy.to_source(brain.mask)
    mask = copy.from_source(brushed(source, scan, edits, BRAIN))
    volume = float(mask.sum()) * float(copy.spacing_mm.prod()) / 1000
    return replace(brain, mask=mask, volume_ml=volume), repr(strokes)


def _turned(
    plane: MidsagittalPlane, brain: BrainMask, copy: AnalysisCopy, turn_deg: float, shift_mm: float
) -> MidsagittalPlane:
    """The plane turned about the slice axis through the brain's middle, and moved."""
    middle = np.argwhere(brain.mask).mean(axis=0) * copy.spacing_mm
    through = middle - plane.side_mm(middle) * plane.normal
    angle = np.radians(turn_deg)
    z, y, x = plane.normal
    normal = np.array(
        [z, y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)]
    )
    return MidsagittalPlane(normal, float(through @ normal) + shift_mm)


def graded(head: Head, *, enhanced: bool = False) -> tuple[Grade, tuple[Text, ...]]:
    """How far the numbers may be believed, and why not further.

    Parameters
    ----------
    enhanced : bool
        Contrast is expected (CTA).
    """
    geometry, series = head.scan.geometry, head.candidate.series
    coverage = coverage_mm(head.candidate.stack)
    jump = largest_jump_mm(head)
    problems = head.brain.problems
    thickest = float(np.max(geometry.spacings_mm))
    rules: Sequence[tuple[bool, Grade, Text]] = (
        (
            bool(geometry.gaps),
            Grade.RED,
            Text("Thiếu lát cắt trong chuỗi.", "Slices of the series are missing."),
        ),
        (
            not enhanced and has_contrast(series),
            Grade.RED,
            Text(
                "Chuỗi này có thuốc cản quang: đo đậm độ không dùng được.",
                "This series has contrast: densitometry does not hold.",
            ),
        ),
        (
            is_sharp(kernel_of(series)) or head.grain > GRAINY,
            Grade.RED,
            Text("Bộ lọc tái tạo sắc nét (xương).", "Sharp (bone) reconstruction kernel."),
        ),
        (
            BrainProblem.HU_SUSPECT in problems and not enhanced,
            Grade.RED,
            Text(
                "Đậm độ (HU) của não hoặc không khí bất thường.",
                "HU of brain or air are not as they should be.",
            ),
        ),
        (
            coverage < WHOLE_BRAIN_MM or BrainProblem.CUT_OFF in problems,
            Grade.AMBER,
            Text(
                f"Chưa phủ hết não ({coverage:.0f} mm).",
                f"The whole brain is not covered ({coverage:.0f} mm).",
            ),
        ),
        (
            BrainProblem.VOLUME_UNUSUAL in problems,
            Grade.AMBER,
            Text("Thể tích não tìm thấy bất thường.", "The brain found is of unusual size."),
        ),
        (
            BrainProblem.SKULL_OPEN in problems,
            Grade.AMBER,
            Text(
                "Hộp sọ hở (mở sọ?): mặt nạ não có thể tràn ra ngoài.",
                "The skull is open (craniectomy?): the brain mask may leak.",
            ),
        ),
        (
            jump > JUMP_MM,
            Grade.AMBER,
            Text(
                f"Đầu cử động giữa các lát (khoảng {jump:.0f} mm).",
                f"The head moved between slices (about {jump:.0f} mm).",
            ),
        ),
        (
            thickest > THICKEST_MM,
            Grade.AMBER,
            Text(
                f"Lát thưa ({comma(f'{thickest:.1f}')} mm).",
                f"Slices lie far apart ({thickest:.1f} mm).",
            ),
        ),
        (
            not geometry.is_uniform and not geometry.gaps,
            Grade.AMBER,
            Text("Khoảng cách lát không đều.", "Slice spacing is uneven."),
        ),
    )
    kept = [(grade, words) for holds, grade, words in rules if holds]
    worst = next(
        (grade for grade in (Grade.RED, Grade.AMBER) if any(g is grade for g, _ in kept)),
        Grade.GREEN,
    )
    return worst, tuple(words for _, words in kept)


def described(head: Head) -> Text:
    """Which series this is, what spoke for it, and what was mended."""
    candidate, tilt = head.candidate, head.scan.tilt_deg
    parts_vi = [merit.vi for merit in candidate.merits]
    parts_en = [merit.en for merit in candidate.merits]
    if abs(tilt) > TILTED_DEG:
        parts_vi.append(f"nghiêng {comma(f'{tilt:.1f}')}° đã dựng thẳng")
        parts_en.append(f"tilt of {tilt:.1f}° made upright")
    return Text(
        f"{candidate.title.vi} ({', '.join(parts_vi)})",
        f"{candidate.title.en} ({', '.join(parts_en)})",
    )


def map_to_source(copy: AnalysisCopy, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring a map of the copy to the source slices, linearly; 0 where the copy has nothing."""
    recipe = copy.recipe
    plain = np.transpose(values[recipe.flips], np.argsort(recipe.axes))
    result = np.zeros(recipe.source_shape, np.float32)
    for number, start in enumerate(recipe.starts):
        height = min(max(float(start[0]), 0.0), len(plain) - 1.0)
        lower = int(height)
        upper = min(lower + 1, len(plain) - 1)
        plane = plain[lower] + (height - lower) * (plain[upper] - plain[lower])
        ndimage.affine_transform(
            plane, recipe.steps, start[1:], order=1, output=result[number], mode="constant"
        )
    return result


def largest_jump_mm(head: Head) -> float:
    """How far the brain's outline on one slice lies off the line between its neighbours.

    A brain tapers smoothly; a head that moved between two slices does not. Only the middle of
    its height counts, where the outline is round.
    """
    mask, spacing = head.brain.mask, head.copy.spacing_mm
    used = np.flatnonzero(mask.any(axis=(1, 2)))
    used = used[len(used) // 4 : len(used) - len(used) // 4]
    centres = [_centre_mm(mask[k], spacing) for k in used if mask[k].any()]
    if len(centres) < 5:
        return 0.0
    path = np.array(centres)
    bends = path[1:-1] - (path[:-2] + path[2:]) / 2
    return float(np.linalg.norm(bends, axis=1).max())


def _centre_mm(plane: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> tuple[float, float]:
    """The middle of the box around what is marked on a slice."""
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    return (
        float(rows[0] + rows[-1]) / 2 * float(spacing_mm[1]),
        float(columns[0] + columns[-1]) / 2 * float(spacing_mm[2]),
    )


def _copy_words(scan: Scan, copy: AnalysisCopy) -> Text:
    tilt = scan.tilt_deg
    size = " × ".join(f"{step:.1f}" for step in copy.spacing_mm)
    return Text(
        comma(f"nghiêng {tilt:.1f}°") + f", lưới {comma(size)} mm",
        f"tilt {tilt:.1f}°, grid {size} mm",
    )
