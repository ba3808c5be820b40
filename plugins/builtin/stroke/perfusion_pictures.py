"""What a perfusion result shows: maps and lesions, the vessels that were used, curves, motion."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.perfusion.inputs import InputCurve, Inputs
from kernels.perfusion.lesions import Lesions, LesionThresholds
from kernels.perfusion.maps import PerfusionMaps
from kernels.perfusion.motion import SteadySeries
from kernels.perfusion.preparation import Prepared
from plugins.builtin.stroke import codes
from plugins.builtin.stroke.perfusion_source import PerfusionSource
from plugins.nouns import Text
from plugins.results import Chart, Curve, Handle, HandleKind, Layer, LayerKind, Segment

__all__ = [
    "ARTERY",
    "VEIN",
    "motion_charts",
    "perfusion_layers",
    "time_density",
    "vessel_handles",
]

ARTERY, VEIN = "artery", "vein"
RED, BLUE, GREEN = (230, 70, 60), (80, 150, 255), (110, 210, 120)


def perfusion_layers(
    source: PerfusionSource, maps: PerfusionMaps, hurt: Lesions, limits: LesionThresholds
) -> Sequence[Layer]:
    """Core and hypoperfused tissue, and the five maps, on the source slices."""
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


def vessel_handles(source: PerfusionSource, inputs: Inputs) -> Sequence[Handle]:
    """The artery and the vein in use, to be dragged elsewhere."""
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


def time_density(prepared: Prepared, inputs: Inputs) -> Chart:
    """Enhancement of artery, vein and tissue over time."""
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


def motion_charts(still: SteadySeries | None) -> Sequence[Chart]:
    """The six curves of the head's motion; none where it was not looked at."""
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


def _floats(values: NDArray[Any]) -> tuple[float, ...]:
    return tuple(round(float(value), 3) for value in values)
