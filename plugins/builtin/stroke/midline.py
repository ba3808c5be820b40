"""Midline shift by three points, ventricles side by side, and the two middle cerebral arteries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.regions import propose_levels
from kernels.shift import ShiftPoints, measure_shift, propose_shift_points
from kernels.ventricles import Ventricles, find_ventricles
from kernels.vessel import VesselComparison, compare_vessels, propose_corridor
from plugins.builtin.stroke import codes
from plugins.builtin.stroke.edits import handle_mm
from plugins.builtin.stroke.findings import findings_of, mask_layer
from plugins.builtin.stroke.head import Head
from plugins.builtin.stroke.steps import Steps
from plugins.builtin.stroke.words import SIDES, comma
from plugins.nouns import Text
from plugins.results import Handle, HandleKind, Layer, Segment, Value

__all__ = ["Outcome", "midline_shift", "ventricles", "vessels"]

FRONT, BACK, SEPTUM, CORRIDOR = "falx_front", "falx_back", "septum", "vessel"
VENTRICLES = "ventricles"
CORRIDOR_POINTS = 4


@dataclass(frozen=True)
class Outcome:
    values: tuple[Value, ...]
    handles: tuple[Handle, ...] = ()
    layers: tuple[Layer, ...] = ()


def midline_shift(head: Head, edits: Mapping[str, Any], steps: Steps) -> Outcome:
    """The shift that three points tell: proposed, or where the reader put them."""
    copy, plane = head.copy, head.plane
    proposed = steps.run(
        Text("Đề xuất ba điểm đo lệch đường giữa", "Propose the three points of midline shift"),
        lambda: propose_shift_points(copy.hu, head.brain.mask, plane, copy.spacing_mm),
        ("shift", *head.key),
    )
    moved = {name: handle_mm(edits, name, 1) for name in (FRONT, BACK, SEPTUM)}
    points = ShiftPoints(
        _grid(head, moved[FRONT], proposed.anterior_mm),
        _grid(head, moved[BACK], proposed.posterior_mm),
        _grid(head, moved[SEPTUM], proposed.septum_mm),
        proposed.contrast_hu,
    )
    handles = tuple(
        _point(head, name, label, place)
        for name, label, place in (
            (FRONT, Text("Liềm – trước", "Falx, front"), points.anterior_mm),
            (BACK, Text("Liềm – sau", "Falx, back"), points.posterior_mm),
            (SEPTUM, Text("Vách trong suốt", "Septum pellucidum"), points.septum_mm),
        )
    )
    shared: dict[str, Any] = {
        "group": "midline",
        "group_label": Text("Đường giữa", "Midline"),
        "finding_site": codes.BRAIN,
    }
    try:
        shift = measure_shift(points, plane, head.brain.mask, copy.spacing_mm)
    except ValueError:
        words = Text("hai điểm liềm trùng hoặc nằm ngang", "the falx points coincide or lie across")
        value = Value("shift", Text("Lệch", "Shift"), None, codes.MM, note=words, **shared)
        return Outcome((value,), handles)
    is_found = proposed.contrast_hu > 0 or moved[SEPTUM] is not None
    unsure = Text("không thấy vách: hãy đặt điểm", "the septum was not found: place the point")
    size = abs(shift.shift_mm)
    side = codes.LEFT if shift.shift_mm > 0 else codes.RIGHT
    return Outcome(
        (
            Value(
                "shift",
                Text("Lệch đường giữa", "Midline shift"),
                size if is_found else None,
                codes.MM,
                codes.MIDLINE_SHIFT,
                note=None if is_found else unsure,
                laterality=side if size >= 0.5 else None,
                method=Text("vách trong suốt tới đường liềm đại não", "septum to falx line"),
                is_main=is_found and size >= 2,
                **shared,
            ),
            Value(
                "half_width",
                Text("Lệch theo A/2 − B", "Shift by A/2 − B"),
                abs(shift.half_width_shift_mm) if is_found and shift.width_mm else None,
                codes.MM,
                note=None if shift.width_mm else Text("không gặp bản trong", "no inner table met"),
                **shared,
            ),
        ),
        handles,
    )


def ventricles(head: Head, edits: Mapping[str, Any], steps: Steps) -> Outcome:
    """Volumes of both halves, from the mask the reader may correct."""
    copy, plane = head.copy, head.plane
    proposed: Ventricles = steps.run(
        Text("Tìm não thất", "Find the ventricles"),
        lambda: find_ventricles(copy.hu, head.brain.mask, plane, copy.spacing_mm),
        ("ventricles", *head.key),
    )
    halves = _halves(head, proposed.mask)
    source = np.zeros(head.scan.hu.shape, np.uint8)
    for number in (1, 2):
        source[copy.to_source(halves == number)] = number
    found = findings_of(head, VENTRICLES, halves, source, edits)
    left, right = (found.volume_ml(number) for number in (1, 2))
    whole = left + right
    asymmetry = (left - right) / whole if whole > 0 else None
    smaller, larger = sorted((left, right))
    note = None
    if larger > 0 and smaller < 0.5 * larger:
        side = SIDES["left" if left < right else "right"]
        note = Text(
            f"não thất {side.vi} nhỏ hơn một nửa bên kia",
            f"the {side.en} ventricle is less than half the other",
        )
    shared: dict[str, Any] = {
        "group": VENTRICLES,
        "group_label": Text("Não thất", "Ventricles"),
        "digits": 1,
    }
    return Outcome(
        (
            Value(
                "ventricle_left",
                Text("Bên trái", "Left"),
                left,
                codes.ML,
                **shared,
            ),
            Value("ventricle_right", Text("Bên phải", "Right"), right, codes.ML, **shared),
            Value(
                "ventricle_asymmetry",
                Text("Chỉ số bất đối xứng (T − P)/(T + P)", "Asymmetry (L − R)/(L + R)"),
                asymmetry,
                codes.RATIO,
                codes.VENTRICLE_ASYMMETRY,
                note=note,
                finding_site=codes.LATERAL_VENTRICLE,
                **{**shared, "digits": 2},
            ),
        ),
        layers=(
            mask_layer(
                found,
                Text("Não thất", "Ventricles"),
                found.labels,
                [
                    Segment(
                        number,
                        Text(f"Não thất {SIDES[side].vi}", f"Ventricle, {side}"),
                        colour,
                        codes.TISSUE,
                        codes.LATERAL_VENTRICLE,
                        codes.LATERAL_VENTRICLE,
                        codes.SIDES[side],
                    )
                    for number, side, colour in (
                        (1, "left", (110, 160, 255)),
                        (2, "right", (90, 210, 200)),
                    )
                ],
                is_shown=False,
            ),
        ),
    )


def vessels(head: Head, edits: Mapping[str, Any], steps: Steps) -> Outcome:
    """Both first segments of the middle cerebral artery along one corridor and its mirror image."""
    copy = head.copy
    corridor = steps.run(
        Text("Đề xuất đường đi của M1", "Propose the course of M1"),
        lambda: propose_corridor(
            head.brain.mask,
            head.plane,
            copy.spacing_mm,
            propose_levels(copy.hu, head.brain.mask, head.plane, copy.spacing_mm).ganglionic,
        ),
        ("corridor", *head.key),
    )
    moved = handle_mm(edits, CORRIDOR, CORRIDOR_POINTS)
    if moved is not None:
        corridor = copy.grid_points(moved)
    handle = Handle(
        CORRIDOR,
        HandleKind.LINE,
        Text("Đường đi M1", "Course of M1"),
        tuple((float(x), float(y), float(z)) for x, y, z in copy.patient_points(corridor)),
        head.scan.series_instance_uid,
        (255, 170, 60),
    )
    shared: dict[str, Any] = {
        "group": "vessel",
        "group_label": Text("Tăng đậm M1 (không tiêm)", "Hyperdense M1 (non-contrast)"),
    }
    thick = float(np.median(head.scan.geometry.spacings_mm))
    found = compare_vessels(copy.hu, corridor, head.plane, copy.spacing_mm, thick)
    if not found.assessable:
        words = Text(
            f"lát {comma(f'{thick:.1f}')} mm quá dày để đánh giá",
            f"slices of {thick:.1f} mm are too thick to assess",
        )
        value = Value("ratio", Text("Tỉ số", "Ratio"), None, codes.RATIO, note=words, **shared)
        return Outcome((value,), (handle,))
    return Outcome(tuple(_vessel_values(found, shared)), (handle,))


def _vessel_values(found: VesselComparison, shared: dict[str, Any]) -> Sequence[Value]:
    calcified = found.left.calcified or found.right.calcified
    note = (
        Text("vôi hóa (> 90 HU): không kết luận được", "calcified (> 90 HU): not conclusive")
        if calcified
        else Text("vượt cả hai ngưỡng (43 HU; 1,2)", "above both limits (43 HU; 1.2)")
        if found.dense
        else None
    )
    side = codes.SIDES[found.denser]
    return [
        *(
            Value(
                f"vessel_{name}",
                Text(f"Cao nhất {SIDES[name].vi}", f"Highest, {name}"),
                ridge.max_hu,
                codes.HU,
                digits=0,
                **shared,
            )
            for name, ridge in (("left", found.left), ("right", found.right))
        ),
        Value(
            "vessel_ratio",
            Text("Tỉ số hai bên", "Ratio of sides"),
            found.ratio,
            codes.RATIO,
            codes.DENSITY_RATIO,
            note=note,
            digits=2,
            finding_site=codes.MCA_M1,
            laterality=side,
            method=Text("theo trục mạch, trung bình trên trung bình", "ridge, mean over mean"),
            **shared,
        ),
    ]


def _halves(head: Head, mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """1 left, 2 right of the plane."""
    sides = head.plane.sides(mask.shape, head.copy.spacing_mm)
    return np.where(mask, np.where(sides > 0, 1, 2), 0).astype(np.uint8)


def _grid(
    head: Head, moved: NDArray[np.float64] | None, proposed: NDArray[np.float64]
) -> NDArray[np.float64]:
    return proposed if moved is None else head.copy.grid_points(moved)[0]


def _point(head: Head, name: str, label: Text, place: NDArray[np.float64]) -> Handle:
    x, y, z = (float(value) for value in head.copy.patient_points(place[None])[0])
    return Handle(
        name, HandleKind.POINT, label, ((x, y, z),), head.scan.series_instance_uid, group="midline"
    )
