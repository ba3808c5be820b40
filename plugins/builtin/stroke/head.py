"""A head scan made ready: upright copy, brain, midline; and how good all this is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kernels.analysis import AnalysisCopy, analysis_copy
from kernels.brain import BrainMask, BrainProblem, brain_mask, grain_ratio
from kernels.midsagittal import MidsagittalPlane, find_midsagittal_plane
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
from plugins.builtin.stroke.words import Unusable
from plugins.nouns import Study, Text
from plugins.results import Grade

__all__ = ["Head", "described", "graded", "map_to_source", "prepare_head"]

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


def prepare_head(study: Study, candidate: Candidate, steps: Steps) -> Head:
    """Read the series, stand it upright, find brain and midline; each stage is remembered.

    Raises
    ------
    Unusable
        There is no brain in the series.
    """
    key = (candidate.series.series_instance_uid, len(candidate.frames))
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
    plane = steps.run(
        Text("Tìm mặt phẳng giữa", "Find the midsagittal plane"),
        lambda: find_midsagittal_plane(copy.hu, brain.mask, copy.spacing_mm),
        ("plane", *key),
        lambda p: Text(
            f"xoay {p.yaw_deg:.1f}°, nghiêng bên {p.roll_deg:.1f}°",
            f"yaw {p.yaw_deg:.1f}°, roll {p.roll_deg:.1f}°",
        ),
    )
    grain = grain_ratio(copy.hu, brain.mask, copy.spacing_mm[1:])
    return Head(candidate, scan, copy, brain, plane, grain)


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
            Text(f"Lát thưa ({thickest:.1f} mm).", f"Slices lie far apart ({thickest:.1f} mm)."),
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
    candidate, tilt = head.candidate, head.scan.geometry.tilt_deg
    parts_vi = [merit.vi for merit in candidate.merits]
    parts_en = [merit.en for merit in candidate.merits]
    if abs(tilt) > TILTED_DEG:
        parts_vi.append(f"nghiêng {tilt:.1f}° đã dựng thẳng")
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
    tilt = scan.geometry.tilt_deg
    size = " × ".join(f"{step:.1f}" for step in copy.spacing_mm)
    return Text(f"nghiêng {tilt:.1f}°, lưới {size} mm", f"tilt {tilt:.1f}°, grid {size} mm")
