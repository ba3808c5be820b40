"""Non-contrast head CT: every measurement of a stroke read, each with its mask or points."""

from collections.abc import Mapping, Sequence
from typing import Any

from kernels.asymmetry import mirror_difference
from kernels.haemorrhage import find_haemorrhages
from plugins.builtin.stroke import codes
from plugins.builtin.stroke.edits import parameter
from plugins.builtin.stroke.haemorrhage import haemorrhages
from plugins.builtin.stroke.head import (
    brain_layer,
    described,
    graded,
    plane_controls,
    prepare_head,
)
from plugins.builtin.stroke.hypodensity import SCORED_IN, difference_layer, hypodensity
from plugins.builtin.stroke.midline import midline_shift, ventricles, vessels
from plugins.builtin.stroke.outcome import outcome
from plugins.builtin.stroke.series import Candidate, Role, candidates, chosen
from plugins.builtin.stroke.steps import Steps
from plugins.builtin.stroke.words import MEMORY, Unusable
from plugins.contributions import Analysis
from plugins.nouns import Study, Text
from plugins.results import Bench, Control, ControlKind, Grade, Result, Value

__all__ = ["ANALYSIS"]

VERSION = "1.0"
ID = "stroke_ncct"
TITLE = Text("CLVT sọ não không tiêm", "Non-contrast head CT")
STAGES = 14
LIMITS = Text(
    "Có thể bỏ sót: chảy máu dưới nhện, máu tụ dưới màng cứng mỏng, hố sau, nhồi máu rất sớm. "
    "Không dùng để loại trừ.",
    "May miss: subarachnoid blood, thin subdural blood, posterior fossa, very early infarct. "
    "Never to be used to rule out.",
)
ABOUT: Mapping[str, Any] = {
    "analysis": ID,
    "title": TITLE,
    "version": VERSION,
    "summary": LIMITS,
}


def subject(study: Study) -> Sequence[str]:
    best = chosen(candidates(study, Role.NON_CONTRAST))
    return () if best is None else (best.series.series_instance_uid,)


def compute(study: Study, edits: Mapping[str, Any], bench: Bench) -> Result:
    """All measurements of the chosen series, with the reader's corrections."""
    found = candidates(study, Role.NON_CONTRAST)
    uid = str(edits.get("series") or "")
    # a reader may insist on a series with contrast; the grade then says what that means
    candidate = chosen((*found, *candidates(study, Role.ANGIOGRAPHY)) if uid else found, uid)
    if candidate is None:
        raise ValueError("the study has no non-contrast head series")
    steps = Steps(bench, STAGES)
    try:
        return _computed(study, candidate, found, edits, steps)
    except Unusable as unusable:
        return outcome(study, candidate, found, Grade.RED, (unusable.text,), steps, **ABOUT)


def _computed(
    study: Study,
    candidate: Candidate,
    found: Sequence[Candidate],
    edits: Mapping[str, Any],
    steps: Steps,
) -> Result:
    head = prepare_head(study, candidate, edits, steps)
    grade, reasons = graded(head)
    threshold = parameter(edits, "difference_hu", -4.0, -10.0, -2.0)
    asymmetry = steps.run(
        Text("So hai bên", "Compare both sides"),
        lambda: mirror_difference(
            head.copy.hu, head.brain.mask, head.plane, head.copy.spacing_mm, threshold_hu=threshold
        ),
        ("asymmetry", *head.key, threshold),
    )
    dark = steps.run(
        Text("Đo vùng giảm tỷ trọng", "Measure dark regions"),
        lambda: hypodensity(head, asymmetry, edits),
    )
    dense = steps.run(
        Text("Tìm vùng nghi chảy máu", "Look for blood"),
        lambda: find_haemorrhages(
            head.copy.hu, head.brain.mask, head.brain.bone, head.plane, head.copy.spacing_mm
        ),
        ("dense", *head.key),
        lambda d: Text(f"{len(d.candidates)} ứng viên", f"{len(d.candidates)} candidates"),
    )
    blood = steps.run(
        Text("Đo vùng nghi chảy máu", "Measure possible blood"),
        lambda: haemorrhages(head, dense, edits),
    )
    middle = midline_shift(head, edits, steps)
    fluid = ventricles(head, edits, steps)
    artery = vessels(head, edits, steps)
    values = [
        *blood.values,
        *dark.values,
        *middle.values,
        *fluid.values,
        *artery.values,
        Value(
            "brain_volume",
            Text("Thể tích trong sọ đo được", "Intracranial volume found"),
            head.brain.volume_ml,
            codes.ML,
            digits=0,
            group="brain",
            group_label=Text("Nhu mô não", "Brain"),
        ),
    ]
    return outcome(
        study,
        candidate,
        found,
        grade,
        reasons,
        steps,
        **ABOUT,
        reason=described(head),
        values=tuple(values),
        layers=(
            blood.layer,
            dark.layer,
            *fluid.layers,
            brain_layer(head),
            difference_layer(head, asymmetry),
        ),
        handles=(*middle.handles, *artery.handles),
        controls=(
            Control(
                "difference_hu",
                Text("Ngưỡng chênh lệch hai bên", "Threshold of side difference"),
                ControlKind.NUMBER,
                threshold,
                "HU",
                -10.0,
                -2.0,
                0.5,
                withheld_until=SCORED_IN,
            ),
            *plane_controls(edits),
        ),
        parameters={
            "difference_threshold_hu": threshold,
            "smoothing_mm": 2.5,
            "tissue_hu": "5 to 70",
            "grid_mm": " x ".join(f"{step:.2f}" for step in head.copy.spacing_mm),
        },
    )


ANALYSIS = Analysis(ID, TITLE, subject=subject, compute=compute, memory=MEMORY)
