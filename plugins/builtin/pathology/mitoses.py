"""Mitoses a reader marked, within the areas the reader laid, as a number per mm².

A count without its area says nothing: the field of a microscope, and all the more that of a
screen, is no unit. Methods and limits: ``docs/reference/pathology-tools.md``.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plugins.builtin.pathology import codes
from plugins.builtin.pathology.regions import Drawing, drawings
from plugins.builtin.pathology.slides import slide_series
from plugins.contributions import Analysis
from plugins.nouns import Study, Text
from plugins.results import Bench, Grade, Result, Value

__all__ = ["ANALYSIS", "is_inside"]

VERSION: Final = "1"
TITLE: Final = Text("Phân bào trên mm²", "Mitoses per mm²")


def compute(study: Study, edits: Mapping[str, Any], bench: Bench) -> Result:
    boxes = [one for one in drawings(edits, "boxes") if len(one.points_mm) > 2 and one.area_mm2]
    counters = drawings(edits, "counters")
    values: list[Value] = []
    reasons: list[Text] = []
    counted, area, total = 0, 0.0, 0
    for number, box in enumerate(boxes):
        inside = sum(
            int(is_inside(one.points_mm, box.points_mm).sum())
            for one in counters
            if one.series_instance_uid == box.series_instance_uid
        )
        counted += inside
        area += box.area_mm2
        name = box.label or str(number + 1)
        values += _values(f"box {number}", Text(f"Ô {name}", f"Box {name}"), inside, box.area_mm2)
    if len(boxes) > 1:
        values += _values("all", Text("Tất cả các ô", "All boxes"), counted, area)
    total = sum(len(one.points_mm) for one in counters)
    outside = sum(int(_is_outside(one, boxes).sum()) for one in counters)
    if not boxes:
        reasons.append(
            Text(
                "chưa có ô diện tích: hãy đặt ô 2 mm² rồi đếm trong ô",
                "no area yet: lay a 2 mm² box and count within it",
            )
        )
    if outside and boxes:
        reasons.append(
            Text(
                f"{outside} trong {total} dấu đếm nằm ngoài các ô, không tính",
                f"{outside} of {total} marks lie outside the boxes and are not counted",
            )
        )
    if _overlap(boxes):
        reasons.append(
            Text("các ô chồng lên nhau: tổng tính trùng", "boxes overlap: the total counts twice")
        )
    used = [box.series_instance_uid for box in boxes] or list(slide_series(study))[:1]
    return Result(
        analysis=ANALYSIS.id,
        title=TITLE,
        version=VERSION,
        study_instance_uid=study.study_instance_uid,
        series_instance_uids=tuple(dict.fromkeys(used)),
        grade=Grade.AMBER if reasons else Grade.GREEN,
        reasons=tuple(reasons),
        values=tuple(values),
        parameters={
            "boxes": [{"annotation_id": box.id, "area_mm2": box.area_mm2} for box in boxes],
            "counters": [one.id for one in counters],
        },
    )


def is_inside(points: NDArray[np.float64], ring: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of (n, 2) points are within a closed outline (m, 2): the even-odd rule."""
    inside = np.zeros(len(points), np.bool_)
    x, y = points[:, 0], points[:, 1]
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        crosses = (y0 > y) != (y1 > y)
        if crosses.any():
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def _is_outside(counter: Drawing, boxes: list[Drawing]) -> NDArray[np.bool_]:
    outside = np.ones(len(counter.points_mm), np.bool_)
    for box in boxes:
        if box.series_instance_uid == counter.series_instance_uid:
            outside &= ~is_inside(counter.points_mm, box.points_mm)
    return outside


def _overlap(boxes: list[Drawing]) -> bool:
    return any(
        one.series_instance_uid == other.series_instance_uid
        and is_inside(one.points_mm, other.points_mm).any()
        for one in boxes
        for other in boxes
        if one is not other
    )


def _values(group: str, name: Text, count: int, area: float) -> list[Value]:
    shared: dict[str, Any] = {"group": group, "group_label": name}
    return [
        Value(f"{group} count", Text("Số phân bào", "Mitoses"), count, codes.MITOSES,
              codes.MITOSES_COUNT, digits=0, **shared),
        Value(f"{group} area", Text("Diện tích đếm", "Area counted"), area, codes.MM2, codes.AREA,
              digits=2, **shared),
        Value(f"{group} density", Text("Phân bào/mm²", "Mitoses per mm²"), count / area,
              codes.PER_MM2, codes.MITOSES_DENSITY, is_main=True,
              method=Text("người đọc đánh dấu", "marked by the reader"), **shared),
    ]  # fmt: skip


ANALYSIS = Analysis(
    "mitoses", TITLE, slide_series, compute, deadline_seconds=60.0, starts_on="request"
)
