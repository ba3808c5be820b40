"""CT perfusion: maps, core and hypoperfused tissue, with every input open to correction.

Volumes follow thresholds the reader may move; published criteria stand beside them as facts. No
sentence here says what to do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.perfusion.inputs import InputCurve, Inputs, find_inputs, pick_input
from kernels.perfusion.lesions import Lesions, LesionThresholds, lesions
from kernels.perfusion.maps import PerfusionMaps, perfusion_maps
from kernels.perfusion.motion import SteadySeries, steady
from kernels.perfusion.preparation import Prepared, prepare
from kernels.perfusion.refusal import PerfusionFlag, PerfusionRefused
from plugins.builtin.stroke import codes
from plugins.builtin.stroke.edits import choice, handle_mm, parameter
from plugins.builtin.stroke.perfusion_source import PerfusionSource, read_perfusion
from plugins.builtin.stroke.series import Candidate, Role, candidates, chosen
from plugins.builtin.stroke.steps import Steps
from plugins.builtin.stroke.words import FLAGS, REFUSALS, Unusable, comma
from plugins.contributions import Analysis
from plugins.nouns import Study, Text
from plugins.results import (
    Bench,
    Chart,
    Control,
    ControlKind,
    Curve,
    Grade,
    Handle,
    HandleKind,
    Layer,
    LayerKind,
    Result,
    Segment,
    Table,
    Value,
)

__all__ = ["ANALYSIS"]

VERSION = "1.0"
ID = "stroke_ctp"
TITLE = Text("CLVT tưới máu", "CT perfusion")
STAGES = 8
METHODS = (
    ("osvd", Text("oSVD (không phụ thuộc trễ)", "oSVD (delay-insensitive)")),
    ("bsvd", Text("bSVD (không phụ thuộc trễ)", "bSVD (delay-insensitive)")),
    ("ssvd", Text("sSVD (phụ thuộc trễ)", "sSVD (delay-sensitive)")),
)
ARTERY, VEIN = "artery", "vein"
RED, BLUE, ORANGE, GREEN = (230, 70, 60), (80, 150, 255), (255, 170, 60), (110, 210, 120)
GHOST_CORE = Text(
    "Trong 3 giờ đầu, CBF thấp có thể không phải nhồi máu thật.",
    "Within the first 3 hours, low CBF may not be infarct.",
)
WEAKEST = Text(
    "Lõi là số kém chắc chắn nhất: trên phantom, thể tích có thể thấp hơn thật khoảng 20 %.",
    "The core is the weakest number: on phantoms its volume can be about 20 % too small.",
)

# (name, what each trial published); facts, none of them a rule of ours
CRITERIA: Sequence[tuple[str, Text]] = (
    (
        "DEFUSE 3 (6–16 h)",
        Text(
            "lõi < 70 mL; chênh lệch ≥ 15 mL; tỉ số ≥ 1,8",
            "core < 70 mL; mismatch ≥ 15 mL; ratio ≥ 1.8",
        ),
    ),
    (
        "DAWN (6–24 h)",
        Text(
            "≥ 80 tuổi: NIHSS ≥ 10, lõi < 21 mL; < 80 tuổi: NIHSS ≥ 10, lõi < 31 mL, "
            "hoặc NIHSS ≥ 20, lõi 31–51 mL",
            "age ≥ 80: NIHSS ≥ 10, core < 21 mL; < 80: NIHSS ≥ 10, core < 31 mL, "
            "or NIHSS ≥ 20, core 31–51 mL",
        ),
    ),
    (
        "EXTEND (4,5–9 h)",
        Text(
            "tỉ số > 1,2; chênh lệch > 10 mL; lõi < 70 mL",
            "ratio > 1.2; mismatch > 10 mL; core < 70 mL",
        ),
    ),
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
        values=tuple(_values(hurt, limits)),
        layers=tuple(_layers(source, maps, hurt, limits)),
        handles=tuple(_handles(source, inputs)),
        controls=tuple(_controls(method, limits, corrects)),
        charts=(_curves(prepared, inputs), *_motion_charts(still)),
        tables=(_criteria(),),
        steps=tuple(steps.done),
        parameters={
            "method": method,
            "oscillation_index": 0.035,
            "interval_s": 1.0,
            "smoothing_mm": 2.0,
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
    series = source.hu if still is None else still.hu
    taken = source.order.taken if still is None else still.taken
    return prepare(series, source.order.times_s, source.spacing_mm, taken=taken)


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


def _values(hurt: Lesions, limits: LesionThresholds) -> Sequence[Value]:
    # columns run to the patient's left, so low ones are on the right
    side = {"left": codes.RIGHT, "right": codes.LEFT}.get(hurt.affected)
    late, share = limits.late_s, round(limits.core_share * 100)
    core_method = f"CBF < {share} %, Tmax > {late:g} s"
    undefined = Text("không xác định (không có lõi)", "undefined (no core)")
    none = Text("không xác định (không có vùng giảm tưới máu)", "undefined (no hypoperfusion)")
    return [
        Value(
            "hypoperfused",
            Text(f"Tmax > {late:g} s", f"Tmax > {late:g} s"),
            hurt.hypoperfused_ml,
            codes.ML,
            codes.VOLUME,
            method=f"Tmax > {late:g} s",
            laterality=side,
            group="hypoperfused",
            group_label=Text("Vùng giảm tưới máu", "Hypoperfused tissue"),
            layer="lesions",
            segment=2,
            is_main=True,
            digits=0,
        ),
        Value(
            "core",
            Text(f"CBF < {share} %", f"CBF < {share} %"),
            hurt.core_ml,
            codes.ML,
            codes.VOLUME,
            method=core_method,
            note=GHOST_CORE,
            laterality=side,
            group="core",
            group_label=Text("Lõi (ước lượng)", "Core (estimate)"),
            layer="lesions",
            segment=1,
            is_main=True,
            digits=0,
        ),
        Value(
            "mismatch",
            Text("Chênh lệch", "Mismatch volume"),
            hurt.mismatch_ml,
            codes.ML,
            codes.MISMATCH_VOLUME,
            method=core_method,
            is_main=True,
            digits=0,
        ),
        Value(
            "mismatch_ratio",
            Text("Tỉ số chênh lệch", "Mismatch ratio"),
            hurt.mismatch_ratio,
            codes.RATIO,
            codes.MISMATCH_RATIO,
            note=None if hurt.mismatch_ratio is not None else undefined,
            is_main=True,
        ),
        Value(
            "hypoperfusion_intensity",
            Text("HIR (Tmax > 10 s / > 6 s)", "HIR (Tmax > 10 s / > 6 s)"),
            hurt.hypoperfusion_intensity,
            codes.RATIO,
            codes.HYPOPERFUSION_RATIO,
            note=None if hurt.hypoperfusion_intensity is not None else none,
            digits=2,
        ),
        *(
            Value(
                f"late_{limit:g}",
                Text(f"Tmax > {limit:g} s", f"Tmax > {limit:g} s"),
                volume,
                codes.ML,
                group="late",
                group_label=Text("Theo ngưỡng Tmax", "By Tmax threshold"),
                digits=0,
            )
            for limit, volume in sorted(hurt.late_ml.items())
        ),
        *(
            Value(
                f"low_{100 * limit:.0f}",
                Text(f"CBF < {100 * limit:.0f} %", f"CBF < {100 * limit:.0f} %"),
                volume,
                codes.ML,
                group="low",
                group_label=Text("Theo ngưỡng CBF", "By CBF threshold"),
                digits=0,
            )
            for limit, volume in sorted(hurt.low_ml.items())
        ),
    ]


def _layers(
    source: PerfusionSource, maps: PerfusionMaps, hurt: Lesions, limits: LesionThresholds
) -> Sequence[Layer]:
    marked = np.zeros(hurt.core.shape, np.uint8)
    marked[hurt.hypoperfused] = 2
    marked[hurt.core] = 1
    uid = source.series_instance_uid
    pictures: Sequence[tuple[str, Text, NDArray[Any], Any, Any, tuple[float, float]]] = (
        ("tmax", Text("Tmax", "Tmax"), maps.tmax_s, codes.TMAX, codes.SECONDS, (0, 12)),
        (
            "cbf",
            Text("CBF – lưu lượng máu", "CBF – blood flow"),
            maps.cbf_ml_100g_min,
            codes.BLOOD_FLOW,
            codes.FLOW,
            (0, 80),
        ),
        (
            "cbv",
            Text("CBV – thể tích máu", "CBV – blood volume"),
            maps.cbv_ml_100g,
            codes.BLOOD_VOLUME,
            codes.BLOOD_VOLUME_UNIT,
            (0, 6),
        ),
        (
            "mtt",
            Text("MTT – thời gian lưu", "MTT – mean transit time"),
            maps.mtt_s,
            codes.MEAN_TRANSIT_TIME,
            codes.SECONDS,
            (0, 15),
        ),
        (
            "ttp",
            Text("TTP – thời gian tới đỉnh", "TTP – time to peak"),
            maps.ttp_s,
            codes.TIME_TO_PEAK,
            codes.SECONDS,
            (0, 25),
        ),
    )
    return [
        Layer(
            "lesions",
            Text("Lõi và vùng giảm tưới máu", "Core and hypoperfused tissue"),
            LayerKind.MASK,
            uid,
            source.frames,
            source.to_source(marked),
            segments=(
                Segment(
                    1,
                    Text(
                        f"Lõi (CBF < {100 * limits.core_share:.0f} %)",
                        f"Core (CBF < {100 * limits.core_share:.0f} %)",
                    ),
                    (220, 70, 200),
                    codes.ABNORMAL,
                    codes.LESION,
                    codes.BRAIN,
                ),
                Segment(
                    2,
                    Text(
                        f"Giảm tưới máu (Tmax > {limits.late_s:g} s)",
                        f"Hypoperfused (Tmax > {limits.late_s:g} s)",
                    ),
                    (90, 200, 110),
                    codes.ABNORMAL,
                    codes.LESION,
                    codes.BRAIN,
                ),
            ),
            is_shown=True,
        ),
        *(
            Layer(
                key,
                title,
                LayerKind.MAP,
                uid,
                source.frames,
                source.to_source(values.astype(np.float32)),
                quantity=quantity,
                unit=unit,
                range=shown,
                palette="rainbow",
            )
            for key, title, values, quantity, unit, shown in pictures
        ),
    ]


def _handles(source: PerfusionSource, inputs: Inputs) -> Sequence[Handle]:
    vessels: Sequence[tuple[str, Text, InputCurve | None, tuple[int, int, int]]] = (
        (ARTERY, Text("Động mạch vào (AIF)", "Arterial input (AIF)"), inputs.artery, RED),
        (VEIN, Text("Tĩnh mạch ra (VOF)", "Venous output (VOF)"), inputs.vein, BLUE),
    )
    return [
        Handle(
            key,
            HandleKind.POINT,
            label,
            (source.patient_mm(vessel.voxels[0].astype(np.float64)),),
            source.series_instance_uid,
            colour,
        )
        for key, label, vessel, colour in vessels
        if vessel is not None
    ]


def _controls(method: str, limits: LesionThresholds, corrects: bool) -> Sequence[Control]:
    number = ControlKind.NUMBER
    return [
        Control(
            "late_s", Text("Ngưỡng Tmax", "Tmax threshold"), number, limits.late_s, "s", 2, 12, 0.5
        ),
        Control(
            "core_percent",
            Text("Ngưỡng CBF của lõi", "Core CBF threshold"),
            number,
            round(100 * limits.core_share),
            "%",
            15,
            45,
            1,
        ),
        Control(
            "least_ml",
            Text("Cụm nhỏ nhất", "Smallest cluster"),
            number,
            limits.least_ml,
            "mL",
            0.1,
            5,
            0.1,
        ),
        Control(
            "method",
            Text("Khử tích chập", "Deconvolution"),
            ControlKind.CHOICE,
            method,
            choices=METHODS,
        ),
        Control(
            "motion",
            Text("Chỉnh cử động", "Motion correction"),
            ControlKind.CHOICE,
            "on" if corrects else "off",
            choices=(("on", Text("Có", "On")), ("off", Text("Không", "Off"))),
        ),
    ]


def _curves(prepared: Prepared, inputs: Inputs) -> Chart:
    x = tuple(float(t) for t in prepared.times_s)
    tissue = prepared.curves_hu[prepared.is_tissue].mean(axis=0)
    curves = [Curve(Text("Động mạch", "Artery"), x, _floats(inputs.artery.curve_hu), RED)]
    if inputs.vein is not None:
        curves.append(Curve(Text("Tĩnh mạch", "Vein"), x, _floats(inputs.vein.curve_hu), BLUE))
    curves.append(Curve(Text("Nhu mô × 10", "Tissue × 10"), x, _floats(10 * tissue), GREEN))
    return Chart(
        "curves",
        Text("Đường cong ngấm thuốc", "Time–density curves"),
        Text("giây", "seconds"),
        Text("HU trên nền", "HU above baseline"),
        tuple(curves),
        marks=((prepared.arrival_s, Text("thuốc tới", "arrival")),),
    )


def _motion_charts(still: SteadySeries | None) -> Sequence[Chart]:
    if still is None:
        return ()
    x = tuple(float(index + 1) for index in range(len(still.motion)))
    axes = (
        Text("trên–dưới", "head–foot"),
        Text("trước–sau", "front–back"),
        Text("ngang", "sideways"),
    )
    colours = (RED, GREEN, BLUE)
    charts = []
    for key, title, unit, values in (
        ("shift", Text("Dịch chuyển", "Shift"), Text("mm", "mm"), still.motion[:, :3]),
        ("turn", Text("Xoay", "Rotation"), Text("độ", "degrees"), still.motion[:, 3:]),
    ):
        curves = tuple(
            Curve(axis, x, _floats(values[:, number]), colours[number])
            for number, axis in enumerate(axes)
        )
        charts.append(Chart(key, title, Text("thời điểm", "time point"), unit, curves))
    return charts


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


def _criteria() -> Table:
    return Table(
        "criteria",
        Text("Tiêu chuẩn đã công bố (để tham khảo)", "Published criteria (for reference)"),
        (Text("Nghiên cứu", "Trial"), Text("Tiêu chuẩn hình ảnh", "Imaging criteria")),
        tuple((Text(name, name), words) for name, words in CRITERIA),
        note=Text(
            "Ngưỡng tùy phần mềm; đây không phải khuyến cáo điều trị.",
            "Thresholds depend on the software; this is no recommendation of treatment.",
        ),
    )


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


def _floats(values: NDArray[Any]) -> tuple[float, ...]:
    return tuple(round(float(value), 3) for value in values)


ANALYSIS = Analysis(ID, TITLE, subject=subject, compute=compute, deadline_seconds=600.0)
