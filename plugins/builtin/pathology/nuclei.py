"""Nuclei, and the share that takes up DAB (Ki-67 and its like), within what the reader drew.

The number goes with its definition: outline and area, thresholds, stain vectors, how the region
was chosen. Methods and limits: ``docs/reference/pathology-tools.md``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kernels.nuclei import find_nuclei
from kernels.stain import HAEMATOXYLIN_EOSIN_DAB
from plugins.builtin.pathology import codes
from plugins.builtin.pathology.pictures import captioned, with_dots
from plugins.builtin.pathology.regions import Drawing, drawings
from plugins.builtin.pathology.slides import comma, mean_mpp, open_slides, slide_series
from plugins.contributions import Analysis
from plugins.nouns import SlidePixels, Study, Text
from plugins.results import (
    Bench,
    Colour,
    Control,
    ControlKind,
    Grade,
    Layer,
    LayerKind,
    Result,
    Segment,
    Value,
)

__all__ = ["ANALYSIS", "Count", "count_in"]

VERSION: Final = "2"
TITLE: Final = Text("Đếm nhân (Ki-67)", "Nuclei count (Ki-67)")
WORKING_UM: Final = 0.5
MOST_PIXELS: Final = 1 << 24  # of a region's box: 4 mm² at 0.5 µm
MARGIN_UM: Final = 12.0
LEAST_NUCLEI: Final = 500
MOST_PICTURES: Final = 6
DIAMETER, DENSITY, STAIN, CHOICE = "diameter_um", "positive_density", "stain", "choice"
STAINS: Final = (
    ("hdab", Text("Hematoxylin + DAB (Ki-67, ER, PR…)", "Haematoxylin + DAB (Ki-67, ER, PR…)")),
    ("he", Text("H&E: chỉ đếm nhân", "H&E: nuclei only")),
)
CHOICES: Final = (
    ("unstated", Text("Chưa ghi", "Not stated")),
    ("hot_spot", Text("Vùng nóng (hot-spot)", "Hot spot")),
    ("average", Text("Vùng đại diện (trung bình)", "Representative (average)")),
    ("whole", Text("Toàn bộ u trên tiêu bản", "Whole tumour on the slide")),
)
NEGATIVE, POSITIVE, ALL_ALIKE = 1, 2, 3


def _segment(number: int, vi: str, en: str, colour: Colour) -> Segment:
    return Segment(number, Text(vi, en), colour, codes.ANATOMICAL_STRUCTURE, codes.NUCLEUS)


STAINED: Final = (
    _segment(NEGATIVE, "Âm tính", "Negative", (40, 90, 230)),
    _segment(POSITIVE, "Dương tính", "Positive", (230, 30, 30)),
)
ALIKE: Final = (_segment(ALL_ALIKE, "Nhân", "Nuclei", (40, 90, 230)),)


@dataclass(frozen=True)
class Count:
    """Nuclei within an outline. ``points`` are columns and rows of level 0."""

    drawing: Drawing
    area_mm2: float
    points: NDArray[np.float64]
    positive: NDArray[np.bool_]
    received: float
    pixel_um: float
    picture: dict[str, Any]


def compute(study: Study, edits: Mapping[str, Any], bench: Bench) -> Result:
    said = edits.get("parameters") or {}
    diameter = min(max(float(said.get(DIAMETER, 7.0)), 4.0), 20.0)
    density = min(max(float(said.get(DENSITY, 0.15)), 0.02), 1.0)
    stain = str(said.get(STAIN, "hdab"))
    choice = str(said.get(CHOICE, "unstated"))
    slides = {one.series_instance_uid: one for one in open_slides(study)}
    wanted = drawings(edits, "regions")
    counts: list[Count] = []
    values: list[Value] = []
    reasons: list[Text] = []
    for number, drawing in enumerate(wanted):
        name = _name(number, drawing)
        bench.report(number / len(wanted), Text(f"Đếm trong {name.vi}", f"Counting in {name.en}"))
        slide = slides.get(drawing.series_instance_uid)
        trouble = _obstacle(slide, drawing, diameter)
        if trouble is not None:
            reasons.append(Text(f"{name.vi}: {trouble.vi}", f"{name.en}: {trouble.en}"))
            continue
        assert slide is not None
        one = count_in(slide, drawing, diameter, density, name)
        counts.append(one)
        values += _values(f"region {number}", name, [one], stain, diameter, density)
        if one.received < 1:
            share = f"{100 * (1 - one.received):.0f} %"
            reasons.append(
                Text(
                    f"{name.vi}: {share} vùng chưa nhận được ảnh",
                    f"{name.en}: {share} of the region has not been received",
                )
            )
    if len(counts) > 1:
        every = Text("Tất cả các vùng", "All regions")
        values += _values("all", every, counts, stain, diameter, density)
    total = sum(len(one.points) for one in counts)
    if counts and total < LEAST_NUCLEI:
        reasons.append(
            Text(
                f"Chỉ có {total} nhân; nên đếm ít nhất {LEAST_NUCLEI}",
                f"Only {total} nuclei; count at least {LEAST_NUCLEI}",
            )
        )
    if counts and choice == "unstated" and stain == "hdab":
        reasons.append(
            Text(
                "Chưa ghi cách chọn vùng: chỉ số phụ thuộc vào đó",
                "How the region was chosen is not stated: the index depends on it",
            )
        )
    main = (counts[0].drawing.series_instance_uid,) if counts else tuple(slides)[:1]
    others = [one.drawing.series_instance_uid for one in counts]
    return Result(
        analysis=ANALYSIS.id,
        title=TITLE,
        version=VERSION,
        study_instance_uid=study.study_instance_uid,
        series_instance_uids=tuple(dict.fromkeys([*main, *others])),
        grade=Grade.AMBER if reasons or not counts else Grade.GREEN,
        reasons=tuple(reasons),
        summary=None
        if wanted
        else Text(
            "Chọn một vùng đã vẽ trên tiêu bản rồi bấm «Đếm nhân trong vùng».",
            "Choose a region drawn on a slide, then press “Count nuclei in region”.",
        ),
        values=tuple(values),
        controls=_controls(diameter, density, stain, choice),
        parameters={
            DIAMETER: diameter,
            DENSITY: density,
            STAIN: stain,
            CHOICE: choice,
            "working_um": WORKING_UM,
            "stain_vectors": HAEMATOXYLIN_EOSIN_DAB.tolist(),
            "regions": [
                {
                    "annotation_id": one.drawing.id,
                    "series_instance_uid": one.drawing.series_instance_uid,
                    "area_mm2": one.area_mm2,
                    "outline_mm": np.round(one.drawing.points_mm, 5).tolist(),
                }
                for one in counts
            ],
        },
        layers=_layers(counts, stain),
        detail={"pictures": [one.picture for one in counts[:MOST_PICTURES]]},
    )


def count_in(
    slide: SlidePixels, drawing: Drawing, diameter_um: float, density: float, name: Text
) -> Count:
    """Find the nuclei whose centres are within an outline.

    The picture reaches beyond the outline, so that nuclei at its border are seen whole; the level
    of what counts as a nucleus is the region's own, so that the glass around it has no say.
    """
    mpp = mean_mpp(slide)
    if mpp is None:
        raise ValueError("the slide has no µm per pixel")
    scale = min(1.0, mpp / WORKING_UM)
    ring = slide.to_pixels(drawing.points_mm)
    left, top, right, bottom = _box(slide, ring, mpp)
    pixels, received = slide.read(left, top, right - left, bottom - top, scale)
    rows, columns = pixels.shape[:2]
    along = np.array([columns / (right - left), rows / (bottom - top)])
    inner = (ring - (left, top)) * along
    mask = Image.new("1", (columns, rows))
    ImageDraw.Draw(mask).polygon([(float(x) - 0.5, float(y) - 0.5) for x, y in inner], fill=1)
    inside = np.asarray(mask, np.bool_)
    here = inside & received
    found = find_nuclei(pixels, mpp / scale, here, diameter_um, density)
    centres = found.points[:, ::-1] + 0.5  # columns and rows from the corner of the first pixel
    caption = Text(
        f"{name.vi}: {len(centres)} nhân; đỏ: dương tính, xanh: âm tính",
        f"{name.en}: {len(centres)} nuclei; red: positive, blue: negative",
    )
    return Count(
        drawing=drawing,
        area_mm2=drawing.area_mm2 * float(here.sum()) / max(1, int(inside.sum())),
        points=centres / along + (left, top),
        positive=found.positive,
        received=float(here.sum()) / max(1, int(inside.sum())),
        pixel_um=mpp / scale,
        picture=captioned(with_dots(pixels, centres, found.positive, inner), caption),
    )


def _box(
    slide: SlidePixels, ring: NDArray[np.float64], mpp: float
) -> tuple[float, float, float, float]:
    """Whole pixels of level 0 around an outline, with a margin, within the slide."""
    margin = MARGIN_UM / mpp
    left, top = np.floor(ring.min(axis=0) - margin).clip(0)
    right, bottom = np.minimum(np.ceil(ring.max(axis=0) + margin), (slide.width, slide.height))
    return float(left), float(top), float(right), float(bottom)


def _obstacle(slide: SlidePixels | None, drawing: Drawing, diameter_um: float) -> Text | None:
    """Why nothing can be counted there."""
    if slide is None:
        return Text("tiêu bản không có ở đây", "the slide is not here")
    mpp = mean_mpp(slide)
    if mpp is None:
        return Text("tiêu bản không có µm/pixel", "the slide has no µm per pixel")
    if len(drawing.points_mm) < 3 or drawing.area_mm2 <= 0:
        return Text("không phải một vùng kín", "not an area")
    if slide.is_fluorescence:
        return Text("tiêu bản huỳnh quang", "a fluorescence slide")
    if diameter_um / max(mpp, WORKING_UM) < 4:
        size = f"{mpp:.2f}"
        return Text(
            f"ảnh quá thô để đếm nhân ({comma(size)} µm/pixel)",
            f"too coarse to count nuclei ({size} µm a pixel)",
        )
    left, top, right, bottom = _box(slide, slide.to_pixels(drawing.points_mm), mpp)
    scale = min(1.0, mpp / WORKING_UM)
    if right - left < 2 or bottom - top < 2:
        return Text("vùng nằm ngoài tiêu bản", "the region is not on the slide")
    if (right - left) * (bottom - top) * scale**2 > MOST_PIXELS:
        return Text("vùng quá lớn; hãy vẽ dưới 4 mm²", "too large; draw less than 4 mm²")
    return None


def _values(
    group: str,
    name: Text,
    counts: Sequence[Count],
    stain: str,
    diameter: float,
    density: float,
) -> list[Value]:
    area = sum(one.area_mm2 for one in counts)
    total = sum(len(one.points) for one in counts)
    positive = sum(int(one.positive.sum()) for one in counts)
    pixel = f"{counts[0].pixel_um:.2f}"
    method = Text(
        f"nhân {comma(f'{diameter:g}')} µm ở {comma(pixel)} µm/điểm ảnh, tách màu nhuộm",
        f"nuclei {diameter:g} µm at {pixel} µm/pixel, colour deconvolution",
    )
    few = (
        Text(f"Dưới {LEAST_NUCLEI} nhân", f"Fewer than {LEAST_NUCLEI} nuclei")
        if total < LEAST_NUCLEI
        else None
    )
    shared: dict[str, Any] = {"group": group, "group_label": name}
    values = [
        Value(f"{group} area", Text("Diện tích vùng", "Region"), area, codes.MM2, codes.AREA,
              digits=3, **shared),
        Value(f"{group} nuclei", Text("Số nhân", "Nuclei"), total, codes.NUCLEI,
              codes.NUCLEI_COUNT, method=method, note=few, digits=0, **shared),
        Value(f"{group} density", Text("Mật độ nhân", "Nuclei per mm²"),
              total / area if area else None, codes.PER_MM2, codes.NUCLEI_DENSITY, digits=0,
              **shared),
    ]  # fmt: skip
    if stain == "hdab":
        low, high = _wilson(positive, total)
        values += [
            Value(f"{group} positive", Text("Nhân dương tính", "Positive nuclei"), positive,
                  codes.NUCLEI, codes.POSITIVE_COUNT, digits=0, **shared),
            Value(f"{group} share", Text("Tỉ lệ dương tính", "Positive"),
                  100 * positive / total if total else None, codes.PERCENT,
                  codes.POSITIVE_SHARE, low=low, high=high,
                  note=few if total else Text("không có nhân nào", "no nuclei"),
                  method=Text(f"DAB ≥ {density:g} OD", f"DAB ≥ {density:g} OD"), is_main=True,
                  **shared),
        ]  # fmt: skip
    return values


def _wilson(positive: int, total: int) -> tuple[float | None, float | None]:
    """95 % interval of a share, in percent (Wilson, J. Am. Stat. Assoc. 22:209, 1927)."""
    if not total:
        return None, None
    z, share = 1.96, positive / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    spread = (
        z
        / (1 + z * z / total)
        * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    )
    return 100 * max(0.0, middle - spread), 100 * min(1.0, middle + spread)


def _layers(counts: Sequence[Count], stain: str) -> tuple[Layer, ...]:
    """Where the nuclei are: one layer of points a slide."""
    found: dict[str, list[NDArray[np.float32]]] = {}
    for one in counts:
        number = np.where(one.positive, POSITIVE, NEGATIVE) if stain == "hdab" else ALL_ALIKE
        points = np.column_stack([one.points, np.broadcast_to(number, len(one.points))])
        of_slide = found.setdefault(one.drawing.series_instance_uid, [])
        of_slide.append(points.astype(np.float32))
    stacked = {series: np.vstack(points) for series, points in found.items()}
    return tuple(
        Layer(
            key=f"nuclei_{number}",
            title=Text("Nhân đã đếm", "Nuclei counted"),
            kind=LayerKind.POINTS,
            series_instance_uid=series,
            frames=(),
            array=points,
            segments=STAINED if stain == "hdab" else ALIKE,
            is_shown=True,
            is_exported=False,
        )
        for number, (series, points) in enumerate(stacked.items())
        if len(points)
    )


def _name(number: int, drawing: Drawing) -> Text:
    if drawing.label:
        return Text(drawing.label, drawing.label)
    return Text(f"Vùng {number + 1}", f"Region {number + 1}")


def _controls(diameter: float, density: float, stain: str, choice: str) -> tuple[Control, ...]:
    return (
        Control(STAIN, Text("Nhuộm", "Stain"), ControlKind.CHOICE, stain, choices=STAINS),
        Control(CHOICE, Text("Cách chọn vùng", "How the region was chosen"), ControlKind.CHOICE,
                choice, choices=CHOICES),
        Control(DIAMETER, Text("Đường kính nhân", "Diameter of nuclei"), ControlKind.NUMBER,
                diameter, "µm", 4.0, 20.0, 0.5),
        Control(DENSITY, Text("Ngưỡng dương tính (DAB)", "Positive from (DAB)"),
                ControlKind.NUMBER, density, "OD", 0.05, 0.6, 0.01),
    )  # fmt: skip


ANALYSIS = Analysis(
    "nuclei_count", TITLE, slide_series, compute, deadline_seconds=240.0, starts_on="request"
)
