"""CT perfusion: maps, core and hypoperfused tissue, with every input open to correction.

Volumes follow thresholds the reader may move; published criteria stand beside them as facts. No
sentence here says what to do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.perfusion.deconvolution import OSCILLATION
from kernels.perfusion.inputs import Inputs, find_inputs, pick_input
from kernels.perfusion.lesions import LesionThresholds, lesions
from kernels.perfusion.maps import perfusion_maps
from kernels.perfusion.motion import SteadySeries, steady
from kernels.perfusion.preparation import Prepared, prepare
from kernels.perfusion.refusal import PerfusionFlag, PerfusionRefused
from plugins.builtin.stroke.edits import choice, handle_mm, parameter
from plugins.builtin.stroke.perfusion_numbers import (
    METHODS,
    criteria,
    perfusion_controls,
    perfusion_values,
)
from plugins.builtin.stroke.perfusion_pictures import (
    ARTERY,
    VEIN,
    motion_charts,
    perfusion_layers,
    time_density,
    vessel_handles,
)
from plugins.builtin.stroke.perfusion_source import PerfusionSource, read_perfusion
from plugins.builtin.stroke.series import Candidate, Role, candidates, chosen
from plugins.builtin.stroke.steps import Steps
from plugins.builtin.stroke.words import FLAGS, REFUSALS, Unusable, comma
from plugins.contributions import Analysis
from plugins.nouns import Study, Text
from plugins.results import Bench, Grade, Result

__all__ = ["ANALYSIS"]

VERSION = "1.0"
ID = "stroke_ctp"
TITLE = Text("CLVT tưới máu", "CT perfusion")
STAGES = 8
WEAKEST = Text(
    "Lõi là số kém chắc chắn nhất: trên phantom, thể tích có thể thấp hơn thật khoảng 20 %.",
    "The core is the weakest number: on phantoms its volume can be about 20 % too small.",
)


def subject(study: Study) -> Sequence[str]:
    best = chosen(candidates(study, Role.PERFUSION))
    return () if best is None else (best.series.series_instance_uid,)


def compute(study: Study, edits: Mapping[str, Any], bench: Bench) -> Result:
    """Maps and lesions of the chosen series, with the reader's artery, vein and thresholds."""
    found = candidates(study, Role.PERFUSION)
    candidate = chosen(found, str(edits.get("series") or ""))
    if candidate is None:
        raise ValueError("the study has no perfusion series")
    steps = Steps(bench, STAGES)
    try:
        return _computed(study, candidate, found, edits, steps)
    except PerfusionRefused as refused:
        return _refused(study, candidate, found, REFUSALS[refused.code], steps)
    except Unusable as unusable:
        return _refused(study, candidate, found, unusable.text, steps)


def _computed(
    study: Study,
    candidate: Candidate,
    found: Sequence[Candidate],
    edits: Mapping[str, Any],
    steps: Steps,
) -> Result:
    uid = candidate.series.series_instance_uid
    content = (uid, len(candidate.frames))
    source = steps.run(
        Text("Đọc ảnh và xếp theo thời gian", "Read images and order them by time"),
        lambda: read_perfusion(study, candidate, lambda share: None),
        ("source", *content),
        lambda s: Text(
            f"{s.hu.shape[0]} thời điểm × {s.hu.shape[1]} lát",
            f"{s.hu.shape[0]} times × {s.hu.shape[1]} slices",
        ),
    )
    corrects = choice(edits, "motion", "on", ("on", "off")) == "on"
    still = (
        steps.run(
            Text("Chỉnh cử động đầu theo xương sọ", "Correct head motion by the skull"),
            lambda: steady(source.hu, source.spacing_mm, source.order.taken),
            ("motion", *content),
            _motion_words,
        )
        if corrects
        else None
    )
    prepared = steps.run(
        Text("Làm mịn và khử nhiễu đường cong", "Smooth and denoise the curves"),
        lambda: _prepared(source, still),
        ("prepared", *content, corrects),
        lambda p: Text(
            f"{len(p.curves_hu)} điểm ảnh não, nhiễu {comma(f'{p.noise_hu:.1f}')} HU",
            f"{len(p.curves_hu)} brain voxels, noise {p.noise_hu:.1f} HU",
        ),
    )
    inputs = steps.run(
        Text("Tìm động mạch và tĩnh mạch", "Find artery and vein"),
        lambda: find_inputs(prepared),
        ("inputs", *content, corrects),
        _input_words,
    )
    inputs = _picked(inputs, prepared, source, edits)
    method = choice(edits, "method", "osvd", [key for key, _ in METHODS])
    artery = inputs.scaled_artery_hu
    maps = steps.run(
        Text("Khử tích chập, dựng bản đồ", "Deconvolve and make the maps"),
        lambda: perfusion_maps(prepared, artery, method),
        ("maps", *content, corrects, method, artery.tobytes()),
    )
    limits = LesionThresholds(
        late_s=parameter(edits, "late_s", 6.0, 2.0, 12.0),
        core_share=parameter(edits, "core_percent", 30.0, 15.0, 45.0) / 100,
        least_ml=parameter(edits, "least_ml", 1.0, 0.1, 5.0),
    )
    hurt = steps.run(
        Text("Đo lõi và vùng giảm tưới máu", "Measure core and hypoperfused tissue"),
        lambda: lesions(maps, limits),
    )
    flags = tuple(dict.fromkeys((*prepared.flags, *inputs.flags, *_motion_flags(still))))
    grade = (
        Grade.RED if any(flag.is_red for flag in flags) else Grade.AMBER if flags else Grade.GREEN
    )
    return Result(
        analysis=ID,
        title=TITLE,
        version=VERSION,
        study_instance_uid=study.study_instance_uid,
        series_instance_uids=(uid,),
        grade=grade,
        reasons=tuple(FLAGS[flag] for flag in flags),
        reason=_reason(candidate),
        summary=WEAKEST,
        values=tuple(perfusion_values(hurt, limits)),
        layers=tuple(perfusion_layers(source, maps, hurt, limits)),
        handles=tuple(vessel_handles(source, inputs)),
        controls=tuple(perfusion_controls(method, limits, corrects)),
        charts=(time_density(prepared, inputs), *motion_charts(still)),
        tables=(criteria(),),
        steps=tuple(steps.done),
        parameters={
            "method": method,
            "oscillation_index": OSCILLATION,
            "interval_s": 1.0,
            "smoothing_mm": 2.0,
            "averaging_mm": 2.5,
            "principal_components": 4,
            "tmax_threshold_s": limits.late_s,
            "core_cbf_percent": round(limits.core_share * 100, 1),
            "least_cluster_ml": limits.least_ml,
            "reference": "mean CBF of contralateral tissue, Tmax < 4 s",
            "motion_correction": corrects,
            "artery": "picked" if handle_mm(edits, ARTERY, 1) is not None else "automatic",
            "venous_scale": round(inputs.scale, 3),
        },
        alternatives=tuple((one.series.series_instance_uid, one.title) for one in found),
    )


def _prepared(source: PerfusionSource, still: SteadySeries | None) -> Prepared:
    times, spacing = source.order.times_s, source.spacing_mm
    if still is None:
        return prepare(source.hu, times, spacing, taken=source.order.taken)
    return prepare(still.hu, times, spacing, taken=still.taken, soft_hu=still.soft_hu)


def _picked(
    inputs: Inputs, prepared: Prepared, source: PerfusionSource, edits: Mapping[str, Any]
) -> Inputs:
    """The reader's artery and vein, where they were moved."""
    artery, vein = handle_mm(edits, ARTERY, 1), handle_mm(edits, VEIN, 1)
    if artery is not None:
        inputs = inputs.with_artery(pick_input(prepared, source.indices(artery[0])))
    if vein is not None:
        inputs = inputs.with_vein(pick_input(prepared, source.indices(vein[0])))
    return inputs


def _motion_words(still: SteadySeries) -> Text:
    most = float(np.abs(still.motion[:, :3]).max(initial=0))
    lost = len(still.rejected)
    return Text(
        f"lệch nhiều nhất {comma(f'{most:.1f}')} mm, bỏ {lost} thời điểm",
        f"at most {most:.1f} mm, {lost} time points left out",
    )


def _motion_flags(still: SteadySeries | None) -> tuple[PerfusionFlag, ...]:
    return () if still is None else still.flags


def _input_words(inputs: Inputs) -> Text:
    peak = inputs.artery.peak_hu
    return Text(f"đỉnh động mạch {peak:.0f} HU", f"arterial peak {peak:.0f} HU")


def _reason(candidate: Candidate) -> Text:
    merits_vi = ", ".join(merit.vi for merit in candidate.merits)
    merits_en = ", ".join(merit.en for merit in candidate.merits)
    return Text(f"{candidate.title.vi} ({merits_vi})", f"{candidate.title.en} ({merits_en})")


def _refused(
    study: Study, candidate: Candidate, found: Sequence[Candidate], why: Text, steps: Steps
) -> Result:
    """No numbers at all: the words say why."""
    return Result(
        analysis=ID,
        title=TITLE,
        version=VERSION,
        study_instance_uid=study.study_instance_uid,
        series_instance_uids=(candidate.series.series_instance_uid,),
        grade=Grade.RED,
        reasons=(why,),
        reason=_reason(candidate),
        steps=tuple(steps.done),
        alternatives=tuple((one.series.series_instance_uid, one.title) for one in found),
    )


ANALYSIS = Analysis(ID, TITLE, subject=subject, compute=compute, deadline_seconds=600.0)
