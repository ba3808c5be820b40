"""Analyses made up for the tests of the panel: every kind of part a result can have."""

from collections.abc import Mapping, Sequence
from pathlib import Path
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
from tests.factories import ct_image, file_bytes

__all__ = [
    "HU",
    "ML",
    "OTHER_SERIES",
    "SQUARE",
    "aspects",
    "at_pixel",
    "squares",
    "stroke",
    "tilted_stack",
]

ML = Code("mL", "UCUM", "milliliter")
HU = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
MM = Code("mm", "UCUM", "millimeter")
ONE = Code("1", "UCUM", "no units")
SECONDS = Code("s", "UCUM", "second")
BLOOD = Code("50960005", "SCT", "Hemorrhage")
ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")

# Rows and columns of the bright square of `tilted_stack`, first and one after the last.
SQUARE = ((40, 60), (70, 100))
OTHER_SERIES = "1.2.840.99999.3"
RED, BLUE = (240, 90, 80), (90, 160, 250)


def at_pixel(ds: Dataset, row: float, column: float) -> tuple[float, float, float]:
    """The patient position of a continuous pixel index (PS3.3 C.7.6.2.1.1)."""
    across, down = np.reshape(np.asarray(ds.ImageOrientationPatient, float), (2, 3))
    between_rows, between_columns = map(float, ds.PixelSpacing)
    place = np.asarray(ds.ImagePositionPatient, float)
    x, y, z = place + across * column * between_columns + down * row * between_rows
    return float(x), float(y), float(z)


def tilted_stack(folder: Path, tilt_deg: float = 18.5, count: int = 5) -> list[Path]:
    """CT slices with one bright square, oblique by `tilt_deg` about the row, table along z."""
    study = ct_image()
    angle = np.deg2rad(tilt_deg)
    down = [0.0, float(np.cos(angle)), float(np.sin(angle))]
    paths = []
    for index in range(count):
        pixels = np.full((128, 128), 1024, np.int16)
        (top, bottom), (left, right) = SQUARE
        pixels[top:bottom, left:right] = 1024 + 80
        ds = ct_image(
            StudyInstanceUID=study.StudyInstanceUID,
            SeriesInstanceUID=study.SeriesInstanceUID,
            FrameOfReferenceUID=study.FrameOfReferenceUID,
            Rows=128,
            Columns=128,
            PixelSpacing=[0.8, 0.8],
            ImageOrientationPatient=[1.0, 0.0, 0.0, *down],
            ImagePositionPatient=[-51.2, -51.2, 5.0 * index],
            InstanceNumber=index + 1,
            WindowCenter="40",
            WindowWidth="80",
            PixelData=pixels.tobytes(),
        )
        path = folder / f"{index}.dcm"
        path.write_bytes(file_bytes(ds))
        paths.append(path)
    return paths


def sorted_frames(headers: Sequence[Dataset]) -> list[Dataset]:
    return sorted(headers, key=lambda ds: float(ds.ImagePositionPatient[2]))


def text(words: str, english: str | None = None) -> Text:
    return Text(words, english or words)


def squares(headers: Sequence[Dataset], edits: Mapping[str, Any]) -> Result:
    """A mask over exactly the bright square of `tilted_stack`, a point at its middle."""
    frames = sorted_frames(headers)
    (top, bottom), (left, right) = SQUARE
    mask = np.zeros((len(frames), int(frames[0].Rows), int(frames[0].Columns)), np.uint8)
    mask[:, top:bottom, left:right] = 1
    for stroke in edits.get("strokes", ()):
        mask[stroke["slice"], :20, :20] = 0 if stroke["erase"] else 1
    middle = frames[len(frames) // 2]
    series = str(middle.SeriesInstanceUID)
    point = at_pixel(middle, (top + bottom - 1) / 2, (left + right - 1) / 2)
    moved = edits.get("handles", {}).get("middle", [point])
    return Result(
        analysis="squares",
        title=text("Hình vuông", "Square"),
        version="1.0",
        study_instance_uid=str(middle.StudyInstanceUID),
        series_instance_uids=(series,),
        grade=Grade.GREEN,
        values=(
            Value("x", text("Vị trí x", "Position x"), moved[0][0], MM, is_main=True),
            Value("area", text("Diện tích", "Area"), float(mask.sum()), MM, digits=0),
        ),
        layers=(
            Layer(
                "square",
                text("Hình vuông", "Square"),
                LayerKind.MASK,
                series,
                tuple((str(ds.SOPInstanceUID), 1) for ds in frames),
                mask,
                segments=(Segment(1, text("Hình vuông", "Square"), RED, ABNORMAL, BLOOD),),
                is_editable=True,
                is_shown=True,
            ),
        ),
        handles=(
            Handle("middle", HandleKind.POINT, text("Giữa", "Middle"), (tuple(moved[0]),), series),
        ),
    )


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
                method="Voxels of 50–90 HU times voxel volume, half-maximum edges; PLOS One 2013.",
                is_main=True,
            ),
            Value(
                "shift",
                text("Lệch đường giữa", "Midline shift"),
                3.2,
                MM,
                is_main=True,
                method="Perpendicular distance from the ideal midline to the septum pellucidum.",
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
                            "Planimetry.",
                            1,
                        ),
                        ("ABC/2", "ABC/2", 16.1, ML, None, None, "a", None, "Kothari 1996.", 1),
                        (
                            "Tỷ trọng trung bình",
                            "Mean density",
                            61.3,
                            HU,
                            60.8,
                            61.9,
                            "a",
                            None,
                            "",
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
                            "Planimetry.",
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


def aspects(headers: Sequence[Dataset], edits: Mapping[str, Any]) -> Result:
    """The ASPECTS form; the aid is made only once the independent read is stored."""
    frames = sorted_frames(headers)
    middle = frames[len(frames) // 2]
    series = str(middle.SeriesInstanceUID)

    def place(index: int) -> dict[str, Any]:
        uid = str(frames[index].SOPInstanceUID)
        return {"series_instance_uid": series, "sop_instance_uid": uid, "frame_number": 1}

    aid = None
    if "independent" in edits.get("reads", {}):
        regions = ("C", "L", "IC", "I", "M1", "M2", "M3", "M4", "M5", "M6")
        left = {
            name: {
                "delta_hu": -3.1 if name in ("I", "M2") else -0.4,
                "low": -4.0 if name in ("I", "M2") else -1.2,
                "high": -2.2 if name in ("I", "M2") else 0.4,
                "relative_percent": 8.4 if name in ("I", "M2") else 1.1,
                "n": 812,
                "suggestion": "early" if name in ("I", "M2") else "normal",
            }
            for name in regions
        }
        right = {
            name: {**one, "delta_hu": -one["delta_hu"], "suggestion": "normal"}
            for name, one in left.items()
        }
        aid = {"side": "left", "regions": {"right": right, "left": left}}
    return Result(
        analysis="aspects",
        title=text("ASPECTS", "ASPECTS"),
        version="0.4.0",
        study_instance_uid=str(middle.StudyInstanceUID),
        series_instance_uids=(series,),
        grade=Grade.GREEN,
        form="aspects",
        detail={
            "levels": {
                "ganglionic": place(len(frames) // 2),
                "supraganglionic": place(len(frames) // 2 + 4),
            },
            "aid": aid,
        },
    )
