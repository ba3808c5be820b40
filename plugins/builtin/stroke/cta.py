"""CT angiography: vessels without bone, each side beside its mirror image; the reader decides.

No verdict on large-vessel occlusion is computed here, on purpose: neither from vessel densities
nor from their difference between the sides.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.bone import bone_of_angiogram, masked_bone, sliding_maximum
from kernels.midsagittal import mirror
from plugins.builtin.stroke import codes
from plugins.builtin.stroke.edits import choice, parameter
from plugins.builtin.stroke.head import Head, described, graded, map_to_source, prepare_head
from plugins.builtin.stroke.outcome import outcome
from plugins.builtin.stroke.series import Role, candidates, chosen
from plugins.builtin.stroke.steps import Steps
from plugins.builtin.stroke.words import MEMORY, Unusable
from plugins.contributions import Analysis
from plugins.nouns import Study, Text
from plugins.results import (
    Bench,
    Control,
    ControlKind,
    Grade,
    Layer,
    LayerKind,
    Result,
    Value,
)

__all__ = ["ANALYSIS"]

VERSION = "1.0"
ID = "stroke_cta"
TITLE = Text("CLVT mạch não (CTA)", "CT angiography")
STAGES = 7
BONE_MARGIN_MM = 1.2
WINDOW_HU = (0.0, 600.0)
UNSTATED = "unstated"
LIMITS = Text(
    "Không tự kết luận tắc mạch. Xương bị che kéo theo mạch sát xương (siphon cảnh): "
    "xem thêm ảnh gốc.",
    "No occlusion is concluded. Vessels close to bone (carotid siphon) go with the bone: "
    "see the source images too.",
)
SITES: Sequence[tuple[str, Text]] = (
    (UNSTATED, Text("chưa ghi", "not stated")),
    ("none", Text("không thấy tắc", "no occlusion seen")),
    ("ica", Text("ĐM cảnh trong", "ICA")),
    ("m1", Text("M1", "M1")),
    ("m2", Text("M2", "M2")),
    ("m3", Text("M3 / xa", "M3 / distal")),
    ("a1", Text("A1", "A1")),
    ("a2", Text("A2", "A2")),
    ("basilar", Text("ĐM thân nền", "basilar artery")),
    ("vertebral", Text("ĐM đốt sống", "vertebral artery")),
    ("p1", Text("P1", "P1")),
    ("p2", Text("P2", "P2")),
    ("unclear", Text("không rõ", "unclear")),
)
SIDES: Sequence[tuple[str, Text]] = (
    (UNSTATED, Text("chưa ghi", "not stated")),
    ("left", Text("trái", "left")),
    ("right", Text("phải", "right")),
    ("midline", Text("giữa", "midline")),
    ("both", Text("hai bên", "both sides")),
)
# Tan et al., AJNR 30:525 (2009), doi:10.3174/ajnr.A1464
COLLATERALS: Sequence[tuple[str, Text]] = (
    (UNSTATED, Text("chưa ghi", "not stated")),
    ("0", Text("0 – không có", "0 – absent")),
    ("1", Text("1 – ≤ 50 % vùng tắc", "1 – ≤ 50 % of the territory")),
    ("2", Text("2 – > 50 %, < 100 %", "2 – > 50 %, < 100 %")),
    ("3", Text("3 – 100 %", "3 – 100 %")),
)
ABOUT: Mapping[str, Any] = {
    "analysis": ID,
    "title": TITLE,
    "version": VERSION,
    "summary": LIMITS,
}


def subject(study: Study) -> Sequence[str]:
    best = chosen(candidates(study, Role.ANGIOGRAPHY))
    return () if best is None else (best.series.series_instance_uid,)


def compute(study: Study, edits: Mapping[str, Any], bench: Bench) -> Result:
    """Slabs of the chosen series and the reader's own fields."""
    found = candidates(study, Role.ANGIOGRAPHY)
    candidate = chosen(found, str(edits.get("series") or ""))
    if candidate is None:
        raise ValueError("the study has no angiography of the head")
    steps = Steps(bench, STAGES)
    try:
        head = prepare_head(study, candidate, edits, steps)
    except Unusable as unusable:
        return outcome(study, candidate, found, Grade.RED, (unusable.text,), steps, **ABOUT)
    thickness = parameter(edits, "slab_mm", 15.0, 3.0, 40.0)
    vessels = steps.run(
        Text("Che xương", "Mask bone"),
        lambda: _without_bone(head),
        ("bone", *head.key),
    )
    slabs = steps.run(
        Text("Dựng lớp dày (MIP) và ảnh gương", "Make slabs (MIP) and their mirror image"),
        lambda: _slabs(head, vessels, thickness),
        ("slabs", *head.key, thickness),
    )
    grade, reasons = graded(head, enhanced=True)
    return outcome(
        study,
        candidate,
        found,
        grade,
        reasons,
        steps,
        **ABOUT,
        reason=described(head),
        values=tuple(_values(edits)),
        layers=tuple(_layers(head, slabs, thickness)),
        controls=tuple(_controls(edits, thickness)),
        parameters={
            "slab_mm": thickness,
            "bone": "cortex > 650 HU, grown 3 mm above 150 HU",
            "grid_mm": " x ".join(f"{step:.2f}" for step in head.copy.spacing_mm),
        },
    )


def _without_bone(head: Head) -> NDArray[np.float32]:
    copy = head.copy
    bone = bone_of_angiogram(copy.hu, copy.spacing_mm)
    return masked_bone(copy.hu, bone, 0.0, BONE_MARGIN_MM, copy.spacing_mm)


def _slabs(
    head: Head, vessels: NDArray[np.float32], thickness_mm: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The slab at each source slice, and the same mirrored."""
    spacing = head.copy.spacing_mm
    slab = np.clip(sliding_maximum(vessels, thickness_mm, float(spacing[0])), *WINDOW_HU)
    other = mirror(slab, head.plane, spacing, 0.0)
    return map_to_source(head.copy, slab), map_to_source(head.copy, other)


def _layers(
    head: Head, slabs: tuple[NDArray[np.float32], NDArray[np.float32]], thickness_mm: float
) -> Sequence[Layer]:
    scan, thick = head.scan, f"{thickness_mm:g} mm"
    titles = (
        ("slab", Text(f"MIP {thick}, đã che xương", f"MIP {thick}, bone masked")),
        ("mirrored", Text("Ảnh gương của MIP", "Mirror image of the MIP")),
    )
    return [
        Layer(
            key,
            title,
            LayerKind.MAP,
            scan.series_instance_uid,
            scan.frames,
            values,
            unit=codes.HU,
            range=WINDOW_HU,
            palette="grey",
            is_exported=False,
        )
        for (key, title), values in zip(titles, slabs, strict=True)
    ]


def _fields(
    edits: Mapping[str, Any],
) -> Sequence[tuple[str, Text, Sequence[tuple[str, Text]], str]]:
    """Key, label, choices and choice of each field that the reader fills in."""
    fields = (
        ("occlusion", Text("Vị trí tắc", "Occlusion site"), SITES),
        ("side", Text("Bên", "Side"), SIDES),
        ("collaterals", Text("Tuần hoàn bàng hệ (Tan)", "Collaterals (Tan)"), COLLATERALS),
    )
    return [
        (key, label, choices, choice(edits, key, UNSTATED, [name for name, _ in choices]))
        for key, label, choices in fields
    ]


def _values(edits: Mapping[str, Any]) -> Sequence[Value]:
    """What the reader stated, in words; a collateral score is a number too."""
    made = []
    for key, label, choices, name in _fields(edits):
        is_score = key == "collaterals" and name != UNSTATED
        made.append(
            Value(
                key,
                label,
                float(name) if is_score else None,
                codes.SCORE,
                codes.COLLATERAL_SCORE if is_score else None,
                note=dict(choices)[name],
                method=Text("người đọc", "reader"),
                digits=0,
                group="reader",
                group_label=Text("Người đọc ghi", "Stated by the reader"),
            )
        )
    return made


def _controls(edits: Mapping[str, Any], thickness_mm: float) -> Sequence[Control]:
    choices = [
        Control(key, label, ControlKind.CHOICE, name, choices=tuple(choices))
        for key, label, choices, name in _fields(edits)
    ]
    slab = Control(
        "slab_mm",
        Text("Bề dày lớp", "Slab thickness"),
        ControlKind.NUMBER,
        thickness_mm,
        "mm",
        3.0,
        40.0,
        1.0,
    )
    return [*choices, slab]


ANALYSIS = Analysis(ID, TITLE, subject=subject, compute=compute, memory=MEMORY)
