"""Numbers of a perfusion result, the parameters behind them, and what trials published."""

from collections.abc import Sequence

from kernels.perfusion.lesions import Lesions, LesionThresholds
from plugins.builtin.stroke import codes
from plugins.nouns import Text
from plugins.results import Control, ControlKind, Table, Value

__all__ = ["METHODS", "criteria", "perfusion_controls", "perfusion_values"]

METHODS = (
    ("osvd", Text("oSVD (không phụ thuộc trễ)", "oSVD (delay-insensitive)")),
    ("bsvd", Text("bSVD (không phụ thuộc trễ)", "bSVD (delay-insensitive)")),
    ("ssvd", Text("sSVD (phụ thuộc trễ)", "sSVD (delay-sensitive)")),
)
GHOST_CORE = Text(
    "Trong 3 giờ đầu, CBF thấp có thể không phải nhồi máu thật.",
    "Within the first 3 hours, low CBF may not be infarct.",
)

# (trial, what it published): facts, none of them a rule of ours
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
        "EXTEND (4:30–9 h)",
        Text(
            "tỉ số > 1,2; chênh lệch > 10 mL; lõi < 70 mL",
            "ratio > 1.2; mismatch > 10 mL; core < 70 mL",
        ),
    ),
)


def perfusion_values(hurt: Lesions, limits: LesionThresholds) -> Sequence[Value]:
    """Volumes, mismatch and ratios, each with the thresholds it was made with."""
    # columns run to the patient's left, so low ones are on the right
    side = {"left": codes.RIGHT, "right": codes.LEFT}.get(hurt.affected)
    late, share = limits.late_s, round(limits.core_share * 100)
    late_method = Text(f"Tmax > {late:g} s", f"Tmax > {late:g} s")
    core = f"CBF < {share} %, Tmax > {late:g} s"
    core_method = Text(core, core)
    undefined = Text("không xác định (không có lõi)", "undefined (no core)")
    none = Text("không xác định (không có vùng giảm tưới máu)", "undefined (no hypoperfusion)")
    return [
        Value(
            "hypoperfused",
            Text(f"Tmax > {late:g} s", f"Tmax > {late:g} s"),
            hurt.hypoperfused_ml,
            codes.ML,
            codes.VOLUME,
            method=late_method,
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


def perfusion_controls(method: str, limits: LesionThresholds, corrects: bool) -> Sequence[Control]:
    """What the reader may turn: thresholds, deconvolution, motion correction."""
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


def criteria() -> Table:
    """What trials published, as facts."""
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
