"""Images and analyses made up for the tests of the panel of results."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from plugins.nouns import Text
from plugins.results import (
    Grade,
    Handle,
    HandleKind,
    Layer,
    LayerKind,
    Result,
    Segment,
    Value,
)
from tests.factories import ct_image, file_bytes

__all__ = [
    "ABNORMAL",
    "BLOOD",
    "HU",
    "ML",
    "MM",
    "RED",
    "SQUARE",
    "aspects",
    "at_pixel",
    "sorted_frames",
    "squares",
    "text",
    "tilted_stack",
]

ML = Code("mL", "UCUM", "milliliter")
HU = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
MM = Code("mm", "UCUM", "millimeter")
BLOOD = Code("50960005", "SCT", "Hemorrhage")
ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")

# Rows and columns of the bright square of `tilted_stack`, first and one after the last.
SQUARE = ((40, 60), (70, 100))
RED = (240, 90, 80)


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


def perfusion_stack(folder: Path, places: int = 4, times: int = 6) -> list[Path]:
    """One place after the other, again and again; the lower half two seconds before the upper.

    The bright square of time t is of 80 + 40 t HU. Files and numbers are in no order.
    """
    study = ct_image()
    paths = []
    for place in range(places):
        for time in range(times):
            seconds = 4 * time + (2 if place >= places // 2 else 0)
            pixels = np.full((128, 128), 1024, np.int16)
            (top, bottom), (left, right) = SQUARE
            pixels[top:bottom, left:right] = 1024 + 80 + 40 * time
            ds = ct_image(
                StudyInstanceUID=study.StudyInstanceUID,
                SeriesInstanceUID=study.SeriesInstanceUID,
                FrameOfReferenceUID=study.FrameOfReferenceUID,
                Rows=128,
                Columns=128,
                PixelSpacing=[0.8, 0.8],
                ImageOrientationPatient=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
                ImagePositionPatient=[-51.2, -51.2, 5.0 * place],
                AcquisitionTime=f"0259{30 + seconds:02d}.500000",
                InstanceNumber=(7 * (place * times + time)) % (places * times) + 1,
                WindowCenter="150",
                WindowWidth="400",
                PixelData=pixels.tobytes(),
            )
            path = folder / f"{place}-{time}.dcm"
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


def aspects(headers: Sequence[Dataset], edits: Mapping[str, Any]) -> Result:
    """The ASPECTS form; the aid is made only once the independent read is stored."""
    frames = sorted_frames(headers)
    middle = frames[len(frames) // 2]
    series = str(middle.SeriesInstanceUID)

    def place(index: int) -> dict[str, Any]:
        uid = str(frames[index].SOPInstanceUID)
        return {"series_instance_uid": series, "sop_instance_uid": uid, "frame_number": 1}

    aid = None
    if {"independent", "declined"} & set(edits.get("reads", {})):
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
