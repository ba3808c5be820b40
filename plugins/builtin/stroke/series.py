"""Which series of a study a stroke analysis should use, and why.

Series are told apart by headers first; the arithmetic checks the pixels afterwards. Nothing is
ever merged, the choice is always shown, and the reader may choose another.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from plugins.builtin.stroke.words import comma
from plugins.frames import Frame, frames_of
from plugins.nouns import Series, Study, Text
from plugins.stacks import Stack, stacks_of

__all__ = ["Candidate", "Role", "candidates", "chosen"]

LEAST_TIME_POINTS = 10
LEAST_SLICES = 3
HEAD_COVERAGE_MM = (60.0, 320.0)
HEAD_FIELD_MM = (150.0, 330.0)
WHOLE_BRAIN_MM = 110.0
STEEPEST_DEG = 45.0  # of the slice normal from head-foot
SAME_PLACE_MM = 0.05

HEAD_WORDS = re.compile(r"HEAD|BRAIN|SKULL|CRANI|CEREB|NEURO|STROKE|SO NAO|SỌ|NÃO", re.IGNORECASE)
OTHER_WORDS = re.compile(
    r"CHEST|THORAX|ABD|PELV|LUNG|LIVER|SPINE|KNEE|LEG|NGUC|NGỰC|BUNG|BỤNG|COT SONG|CỘT SỐNG",
    re.IGNORECASE,
)
NECK_WORDS = re.compile(r"NECK|CAROTID|CAROTIS|CỔ", re.IGNORECASE)
CONTRAST_WORDS = re.compile(
    r"\bCTA\b|ANGIO|\bC\+|\+C\b|\bPOST\b|CONTRAST|TIÊM|TIEM|CĐQ|MẠCH", re.IGNORECASE
)
NO_AGENT = frozenset({"", "NONE", "NO", "N", "C-", "-C", "WITHOUT", "UNENHANCED", "KHONG", "KHÔNG"})
NOT_SCANNED = frozenset({"LOCALIZER", "SCOUT", "TOPO", "TOPOGRAM", "DOSE", "SCREEN SAVE", "MPR"})

# Kernel names are the makers' own; whatever is in neither table is judged by its noise later.
SOFT_KERNELS = re.compile(
    r"^(STANDARD|SOFT|STD\+?|DETAIL|[HJ]R?3\d|HR3[6-9]|HR40|H4[01]|J4[01]|QR3\d|U[AB]|FC2[0-8])",
    re.IGNORECASE,
)
SHARP_KERNELS = re.compile(
    r"^(BONE|EDGE|BONEPLUS|LUNG|[HJ]R?[67]\d|UD|Y[ABCD]|FC30|FC8\d)", re.IGNORECASE
)


class Role(StrEnum):
    """What a series is for, in a stroke study."""

    NON_CONTRAST = "non-contrast"
    ANGIOGRAPHY = "angiography"
    PERFUSION = "perfusion"


@dataclass(frozen=True)
class Candidate:
    """A series that could serve a role, with the points it earns and what speaks for it.

    ``stack`` is its largest stack; of a perfusion series, all time points lie in ``frames``.
    """

    series: Series
    role: Role
    stack: Stack
    frames: tuple[Frame, ...]
    score: float
    merits: tuple[Text, ...]

    @property
    def title(self) -> Text:
        """Series number, description, slices and thickness: how a person finds it."""
        name = " ".join(part for part in (self.series.series_number, _description(self)) if part)
        count, thickness = len(self.stack.frames), _thickness(self.stack.frames)
        thick = f"{thickness:g} mm" if math.isfinite(thickness) else "? mm"
        return Text(f"{name}: {count} lát, {comma(thick)}", f"{name}: {count} slices, {thick}")


def candidates(study: Study, role: Role) -> tuple[Candidate, ...]:
    """Every series that could serve `role`, the best first."""
    found = [
        candidate
        for series in study.series
        if series.modality == "CT" and (candidate := _candidate(series, role)) is not None
    ]
    return tuple(
        sorted(found, key=lambda c: (-c.score, -len(c.stack.frames), c.series.series_instance_uid))
    )


def chosen(found: Sequence[Candidate], series_instance_uid: str = "") -> Candidate | None:
    """The series the reader named, else the best."""
    named = (one for one in found if one.series.series_instance_uid == series_instance_uid)
    return next(named, found[0] if found else None)


def _candidate(series: Series, role: Role) -> Candidate | None:
    frames = tuple(frame for frame in frames_of(series) if _is_scanned(frame))
    if len(frames) < LEAST_SLICES or not _is_head(series, frames):
        return None
    points = time_points(frames)
    is_perfusion = points >= LEAST_TIME_POINTS
    if is_perfusion is not (role is Role.PERFUSION):
        return None
    stack = next(iter(stacks_of(series)), None)
    if stack is None or stack.geometry is None or len(stack.frames) < LEAST_SLICES:
        return None
    if is_perfusion:
        merit = Text(f"{points} thời điểm", f"{points} time points")
        return Candidate(series, role, stack, frames, float(points), (merit,))
    if not stack.is_volume or _steepness_deg(stack) > STEEPEST_DEG:
        return None
    if has_contrast(series) is not (role is Role.ANGIOGRAPHY):
        return None
    score, merits = _score(series, stack, role)
    return Candidate(series, role, stack, frames, score, merits)


def _score(series: Series, stack: Stack, role: Role) -> tuple[float, tuple[Text, ...]]:
    """Points after the kernel, the thickness a reader wants, and coverage."""
    header = series.instances[0].header
    kernel = kernel_of(series)
    thickness = _thickness(stack.frames)
    coverage = coverage_mm(stack)
    rules: list[tuple[bool, float, Text]] = [
        (
            [str(part) for part in header.get("ImageType", ())][:2] == ["ORIGINAL", "PRIMARY"],
            3.0,
            Text("ảnh gốc", "original images"),
        ),
        (
            bool(SOFT_KERNELS.match(kernel)),
            2.0,
            Text(f"bộ lọc mô mềm {kernel}", f"soft-tissue kernel {kernel}"),
        ),
        (
            bool(SHARP_KERNELS.match(kernel)),
            -5.0,
            Text(f"bộ lọc xương {kernel}", f"bone kernel {kernel}"),
        ),
        (
            coverage >= WHOLE_BRAIN_MM,
            1.0,
            Text(f"phủ {coverage:.0f} mm", f"covers {coverage:.0f} mm"),
        ),
    ]
    if role is Role.NON_CONTRAST:
        rules.append((2.0 <= thickness <= 5.0, 1.0, _thick(thickness)))
    else:
        rules.append((thickness <= 1.5, 2.0, _thick(thickness)))
        rules.append((thickness > 3.0, -3.0, _thick(thickness)))
    kept = [(points, words) for holds, points, words in rules if holds]
    return sum(points for points, _ in kept), tuple(words for _, words in kept)


def _thick(thickness_mm: float) -> Text:
    return Text(f"lát dày {comma(f'{thickness_mm:g}')} mm", f"slices {thickness_mm:g} mm thick")


def time_points(frames: Iterable[Frame]) -> int:
    """How often the most visited place was scanned."""
    places = Counter(
        tuple(round(value / SAME_PLACE_MM) for value in frame.position_mm)
        for frame in frames
        if frame.position_mm is not None
    )
    return max(places.values(), default=0)


def has_contrast(series: Series) -> bool:
    """True when headers or names say a contrast agent was given."""
    header = series.instances[0].header
    agent = str(header.get("ContrastBolusAgent") or "").strip().upper()
    named = f"{series.series_description} {header.get('ProtocolName') or ''}"
    return agent not in NO_AGENT or bool(CONTRAST_WORDS.search(named))


def kernel_of(series: Series) -> str:
    """Convolution Kernel of the first image, or empty."""
    value = series.instances[0].header.get("ConvolutionKernel") or ""
    return str(value if isinstance(value, str) else value[0]).strip()


def is_sharp(kernel: str) -> bool:
    return bool(SHARP_KERNELS.match(kernel))


def coverage_mm(stack: Stack) -> float:
    """From the outer face of the first slice to that of the last, along the normal."""
    if not stack.along_mm:
        return 0.0
    thickness = _thickness(stack.frames)
    return stack.along_mm[-1] - stack.along_mm[0] + (thickness if thickness > 0 else 0.0)


def _thickness(frames: Sequence[Frame]) -> float:
    known = [frame.thickness_mm for frame in frames if frame.thickness_mm > 0]
    return float(np.median(known)) if known else math.nan


def _is_scanned(frame: Frame) -> bool:
    kinds = set(frame.trait("ImageType").upper().split("\\"))
    return not (frame.is_localizer or frame.is_colour or kinds & NOT_SCANNED)


def _is_head(series: Series, frames: Sequence[Frame]) -> bool:
    header = series.instances[0].header
    words = " ".join(
        str(value or "")
        for value in (
            series.body_part_examined,
            series.series_description,
            header.get("StudyDescription"),
            header.get("ProtocolName"),
        )
    )
    if HEAD_WORDS.search(words):
        return True
    if OTHER_WORDS.search(words) or NECK_WORDS.search(words):
        return False
    # No word at all: a head is as large as a head.
    first = frames[0]
    if first.spacing_mm is None or first.position_mm is None:
        return False
    field = first.spacing_mm[0] * first.rows
    places = np.array([frame.position_mm for frame in frames if frame.position_mm is not None])
    extent = float(np.ptp(places, axis=0).max())
    return (
        HEAD_FIELD_MM[0] <= field <= HEAD_FIELD_MM[1]
        and HEAD_COVERAGE_MM[0] <= extent <= HEAD_COVERAGE_MM[1]
    )


def _steepness_deg(stack: Stack) -> float:
    """Angle between the slice normal and the patient's head-foot axis."""
    assert stack.geometry is not None
    return math.degrees(math.acos(min(1.0, abs(float(stack.geometry.normal[2])))))


def _description(candidate: Candidate) -> str:
    return candidate.series.series_description or kernel_of(candidate.series)
