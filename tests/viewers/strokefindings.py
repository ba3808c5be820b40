"""A made-up stroke result with every kind of part a result can have."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from plugins.nouns import Text
from plugins.results import (
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
    Step,
    Table,
    Value,
)
from tests.viewers.findings import (
    ABNORMAL,
    BLOOD,
    HU,
    ML,
    MM,
    RED,
    at_pixel,
    sorted_frames,
    text,
)

__all__ = ["OTHER_SERIES", "stroke"]

ONE = Code("1", "UCUM", "no units")
SECONDS = Code("s", "UCUM", "second")
OTHER_SERIES = "1.2.840.99999.3"
BLUE = (90, 160, 250)


def stroke(
    headers: Sequence[Dataset], edits: Mapping[str, Any], grade: Grade = Grade.AMBER
) -> Result:
    """Every part at once, on a head: masks, maps, lines, polygons, charts, tables, steps."""
    frames = sorted_frames(headers)
    count, rows, columns = len(frames), int(frames[0].Rows), int(frames[0].Columns)
    middle = frames[count // 2]
    series = str(middle.SeriesInstanceUID)
    keys = tuple((str(ds.SOPInstanceUID), 1) for ds in frames)
    y, x = np.mgrid[:rows, :columns]
    blob = ((x - 0.62 * columns) ** 2 + (y - 0.55 * rows) ** 2 < (0.07 * columns) ** 2).astype(
        np.uint8
    )
    mask = np.zeros((count, rows, columns), np.uint8)
    mask[count // 2 - 2 : count // 2 + 3] = blob
    mask[
        count // 2, int(0.4 * rows) : int(0.44 * rows), int(0.36 * columns) : int(0.4 * columns)
    ] = 2
    inside = ((x - columns / 2) / (0.3 * columns)) ** 2 + ((y - rows / 2) / (0.38 * rows)) ** 2 < 1
    tmax = (np.where(inside, 3 + 9 * x / columns, 0)).astype(np.float32)
    cbf = (np.where(inside, 60 - 50 * x / columns, 0)).astype(np.float32)
    threshold = edits.get("parameters", {}).get("threshold", 6.0)
    times = tuple(float(t) for t in range(0, 60, 2))
    bolus = tuple(120 * (t / 18) ** 3 * np.exp(3 - t / 6) if t else 0.0 for t in times)
    sinus = tuple(160 * (t / 26) ** 4 * np.exp(4 - t / 6.5) if t else 0.0 for t in times)

    def here(row: float, column: float) -> tuple[float, float, float]:
        return at_pixel(middle, row * rows, column * columns)

    def layer_map(
        key: str, title: Text, array: Any, unit: Code, most: float, palette: str
    ) -> Layer:
        stack = np.repeat(array[None], count, 0)
        return Layer(
            key,
            title,
            LayerKind.MAP,
            series,
            keys,
            stack,
            unit=unit,
            range=(0.0, most),
            palette=palette,
        )

    return Result(
        analysis="stroke",
        title=text("CT sọ não không cản quang", "Non-contrast head CT"),
        version="0.4.0",
        study_instance_uid=str(middle.StudyInstanceUID),
        series_instance_uids=(series,),
        grade=grade,
        reasons=(
            text(
                "Nghiêng giàn 18,5°: đã dựng thẳng để tính.",
                "Gantry tilt 18.5°: un-tilted to compute.",
            ),
            text("Khoảng lát cắt không đều (1,1–7,0 mm).", "Uneven slice spacing (1.1–7.0 mm)."),
        ),
        reason=text(
            "Loạt 2 “Brain 5.0 H31s”: nhân mềm, phủ hết sọ.",
            "Series 2 “Brain 5.0 H31s”: soft kernel, whole head.",
        ),
        alternatives=(
            (series, text("Loạt 2 “Brain 5.0 H31s”", "Series 2 “Brain 5.0 H31s”")),
            (OTHER_SERIES, text("Loạt 3 “Bone 1.0 H60s”", "Series 3 “Bone 1.0 H60s”")),
        ),
        summary=text(
            "Có vùng tăng tỷ trọng nghi máu; cần người đọc xác nhận.",
            "Hyperdense regions that may be blood; a reader must confirm.",
        ),
        values=(
            Value(
                "blood",
                text("Thể tích máu", "Blood volume"),
                18.4,
                ML,
                low=15.9,
                high=21.0,
                method=text(
                    "Cộng các điểm ảnh 50–90 HU, bờ ở nửa độ cao; PLOS One 2013.",
                    "Voxels of 50–90 HU times voxel volume, half-maximum edges; PLOS One 2013.",
                ),
                is_main=True,
            ),
            Value(
                "shift",
                text("Lệch đường giữa", "Midline shift"),
                3.2,
                MM,
                is_main=True,
                method=text(
                    "Khoảng cách vuông góc từ vách trong suốt tới đường giữa lý tưởng.",
                    "Perpendicular distance from the ideal midline to the septum pellucidum.",
                ),
            ),
            Value(
                "nwu",
                text("Ngấm nước tịnh", "Net water uptake"),
                None,
                ONE,
                is_main=True,
                note=text(
                    "không đo được: vùng đối xứng là dịch", "not measurable: the mirror is fluid"
                ),
            ),
            *(
                Value(
                    f"v{i}",
                    text(name, english),
                    value,
                    unit,
                    low=low,
                    high=high,
                    group=group,
                    group_label=label,
                    method=method,
                    layer="blood",
                    segment=segment,
                )
                for i, (
                    name,
                    english,
                    value,
                    unit,
                    low,
                    high,
                    group,
                    label,
                    method,
                    segment,
                ) in enumerate(
                    [
                        (
                            "Thể tích",
                            "Volume",
                            17.6,
                            ML,
                            15.2,
                            20.1,
                            "a",
                            text("Ổ 1 – đồi thị trái", "Candidate 1 – left thalamus"),
                            text("Cộng diện tích.", "Planimetry."),
                            1,
                        ),
                        (
                            "ABC/2",
                            "ABC/2",
                            16.1,
                            ML,
                            None,
                            None,
                            "a",
                            None,
                            text("Kothari 1996."),
                            1,
                        ),
                        (
                            "Tỷ trọng trung bình",
                            "Mean density",
                            61.3,
                            HU,
                            60.8,
                            61.9,
                            "a",
                            None,
                            None,
                            1,
                        ),
                        (
                            "Thể tích",
                            "Volume",
                            0.8,
                            ML,
                            0.4,
                            1.1,
                            "b",
                            text("Ổ 2 – thùy đảo phải", "Candidate 2 – right insula"),
                            text("Cộng diện tích.", "Planimetry."),
                            2,
                        ),
                    ]
                )
            ),
        ),
        layers=(
            Layer(
                "blood",
                text("Ổ nghi máu", "Blood candidates"),
                LayerKind.MASK,
                series,
                keys,
                mask,
                segments=(
                    Segment(1, text("Ổ 1", "Candidate 1"), RED, ABNORMAL, BLOOD),
                    Segment(2, text("Ổ 2", "Candidate 2"), BLUE, ABNORMAL, BLOOD),
                ),
                is_editable=True,
                is_shown=True,
            ),
            layer_map("tmax", text("Tmax", "Tmax"), tmax, SECONDS, 12.0, "rainbow"),
            layer_map(
                "cbf", text("CBF", "CBF"), cbf, Code("ml/(100.g)/min", "UCUM", ""), 60.0, "viridis"
            ),
        ),
        handles=(
            Handle(
                "aif",
                HandleKind.POINT,
                text("AIF", "AIF"),
                (here(0.42, 0.45),),
                series,
                (255, 120, 120),
            ),
            Handle(
                "midline",
                HandleKind.LINE,
                text("Đường giữa", "Midline"),
                (here(0.2, 0.5), here(0.8, 0.49)),
                series,
            ),
            Handle(
                "m2",
                HandleKind.POLYGON,
                text("M2", "M2"),
                (here(0.45, 0.7), here(0.45, 0.76), here(0.6, 0.76), here(0.6, 0.7)),
                series,
                (120, 220, 160),
            ),
        ),
        controls=(
            Control(
                "threshold",
                text("Ngưỡng Tmax", "Tmax threshold"),
                ControlKind.NUMBER,
                threshold,
                "s",
                4.0,
                12.0,
                0.5,
                help=text(
                    "Vùng giảm tưới máu: Tmax lớn hơn ngưỡng này.",
                    "Hypoperfusion: Tmax above this.",
                ),
            ),
            Control(
                "method",
                text("Giải chập", "Deconvolution"),
                ControlKind.CHOICE,
                "osvd",
                choices=(("osvd", text("oSVD")), ("ssvd", text("sSVD")), ("bsvd", text("bSVD"))),
            ),
            Control(
                "motion", text("Chỉnh chuyển động", "Motion correction"), ControlKind.SWITCH, True
            ),
        ),
        charts=(
            Chart(
                "tdc",
                text("Đường cong đậm độ – thời gian", "Time-density curves"),
                text("thời gian (s)", "time (s)"),
                text("tăng đậm độ (HU)", "enhancement (HU)"),
                (
                    Curve(text("AIF"), times, bolus, (255, 120, 120)),
                    Curve(text("VOF"), times, sinus, (120, 170, 255)),
                ),
                ((18.0, text("thuốc đến", "arrival")),),
            ),
        ),
        tables=(
            Table(
                "criteria",
                text("Tiêu chuẩn đã công bố", "Published criteria"),
                (
                    text("Nghiên cứu", "Trial"),
                    text("Điều kiện", "Criterion"),
                    text("Ca này", "This case"),
                ),
                (
                    (text("DEFUSE-3"), text("lõi < 70 mL", "core < 70 mL"), text("✓ 12 mL")),
                    (text("EXTEND"), text("tỷ số > 1,2", "ratio > 1.2"), text("✓ 3,1")),
                ),
                text(
                    "Dữ kiện để đối chiếu, không phải khuyến cáo.",
                    "Facts to compare with, no recommendation.",
                ),
            ),
        ),
        steps=(
            Step(
                text("Xếp lát cắt", "Order slices"),
                0.12,
                text("28 lát, nghiêng 18,5°", "28 slices, tilt 18.5°"),
            ),
            Step(text("Tách não", "Brain mask"), 1.84, text("1432 mL", "1432 mL")),
        ),
    )
