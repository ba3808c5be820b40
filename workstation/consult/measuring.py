"""Recomputes what can be computed from an annotation's points: no number is taken on trust.

Lengths, angles, areas and counts follow from points in millimetres. Values of pixels (mean,
minimum …) do not, and stay as the viewer measured them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels import angle_deg, ellipse_area_mm2, length_mm, polygon_area_mm2
from plugins.nouns import AnnotationKind
from workstation.errors import InvalidRequest

__all__ = ["ABSOLUTE_TOLERANCE", "RELATIVE_TOLERANCE", "checked_measurements"]

Point = tuple[float, float, float]

# Single precision in a browser is good to 1e-7; a mistake of axis, spacing or slice is far beyond.
RELATIVE_TOLERANCE = 0.005
ABSOLUTE_TOLERANCE = 0.05  # of the unit it was given in, for very small marks

FARTHEST_MM = 1e7

_FROM_PIXELS = ("mean", "standard_deviation", "minimum", "maximum", "value")
_UNITS: Mapping[str, Mapping[str, float]] = {
    "length": {"mm": 1.0, "cm": 10.0, "um": 0.001},
    "area": {"mm2": 1.0, "cm2": 100.0, "um2": 1e-6},
    "angle": {"deg": 1.0},
    "count": {"{count}": 1.0, "1": 1.0},
    "density": {"/mm2": 1.0},
}
_MILLIMETRES = {
    "length": "mm",
    "area": "mm2",
    "angle": "deg",
    "count": "{count}",
    "density": "/mm2",
}
# An image without known spacing: its "millimetres" are pixels, and say so.
_UNCALIBRATED = "{pixel}"

POINT_COUNTS: Mapping[AnnotationKind, tuple[int, int]] = {
    AnnotationKind.LENGTH: (2, 2),
    AnnotationKind.ANGLE: (3, 3),
    AnnotationKind.ELLIPSE: (4, 4),
    AnnotationKind.RECTANGLE: (4, 4),
    AnnotationKind.PROBE: (1, 1),
    AnnotationKind.ARROW: (2, 2),
    AnnotationKind.POINT: (1, 1),
    AnnotationKind.POLYLINE: (2, 10_000),
    AnnotationKind.POLYGON: (3, 10_000),
    AnnotationKind.FREEHAND: (2, 10_000),
    AnnotationKind.COUNTER: (1, 10_000),
    AnnotationKind.TEXT: (1, 1),
}


def checked_measurements(
    kind: AnnotationKind,
    points_mm: Sequence[Point],
    given: Sequence[Mapping[str, Any]],
    origin: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The measurements to keep: recomputed from the points, pixel values as given.

    Parameters
    ----------
    points_mm : sequence of (x, y, z)
        In the order `plugins.nouns.Annotation` states for the kind.
    given : sequence of {"name", "value", "unit"}
    origin : mapping
        A counter's ``area_mm2`` is the area it was counted in: the count per mm² follows.

    Raises
    ------
    InvalidRequest
        A value differs from the recomputed one by more than 0.5 % and 0.05 of its unit; or a
        name, unit or number of points that cannot be.
    """
    least, most = POINT_COUNTS[kind]
    if not least <= len(points_mm) <= most:
        raise InvalidRequest(
            "wrong_point_count",
            "Số điểm của nét vẽ không đúng.",
            f"A {kind} has {least} to {most} points, not {len(points_mm)}.",
            field="points_mm",
        )
    # Not a number fails here too; farther away, lengths and areas overflow.
    if not (np.abs(np.asarray(points_mm, dtype=float)) <= FARTHEST_MM).all():
        raise InvalidRequest(
            "invalid_point", "Tọa độ không hợp lệ.", "A point is not a number.", field="points_mm"
        )
    computed = _computed(kind, points_mm, origin or {})
    kept: list[dict[str, Any]] = []
    for one in given:
        name, value, unit = str(one["name"]), float(one["value"]), str(one["unit"])
        if name in _FROM_PIXELS and math.isfinite(value):
            kept.append({"name": name, "value": value, "unit": unit})
        elif name in computed and unit == _UNCALIBRATED:
            kept.append({"name": name, "value": value, "unit": unit})
            computed.pop(name)
        elif name in computed and unit in _UNITS[name]:
            _compare(name, value, computed[name] / _UNITS[name][unit], unit)
        else:
            raise InvalidRequest(
                "unknown_measurement",
                f"Không nhận phép đo {name} ({unit}) cho loại nét vẽ này.",
                f"A {kind} has no measurement {name} in {unit}.",
                field="measurements",
            )
    recomputed = [
        {"name": name, "value": value, "unit": _MILLIMETRES[name]}
        for name, value in computed.items()
    ]
    return [*recomputed, *kept]


def _computed(
    kind: AnnotationKind, points: Sequence[Point], origin: Mapping[str, Any]
) -> dict[str, float]:
    try:
        match kind:
            case AnnotationKind.LENGTH | AnnotationKind.POLYLINE:
                return {"length": length_mm(points)}
            case AnnotationKind.ANGLE:
                return {"angle": angle_deg(*points)}
            case AnnotationKind.ELLIPSE:
                long, short = length_mm(points[:2]), length_mm(points[2:])
                return {"area": ellipse_area_mm2(long, short)}
            case AnnotationKind.RECTANGLE | AnnotationKind.POLYGON:
                return {"area": polygon_area_mm2(points)}
            case AnnotationKind.FREEHAND:
                return {"length": length_mm(points)} | (
                    {"area": polygon_area_mm2(points)} if len(points) > 2 else {}
                )
            case AnnotationKind.COUNTER:
                return _counted(len(points), origin.get("area_mm2"))
            case _:
                return {}
    except ValueError as error:
        raise InvalidRequest(
            "degenerate_mark",
            "Nét vẽ không có kích thước.",
            f"The {kind} has no extent: {error}.",
            field="points_mm",
        ) from error


def _counted(count: int, area_mm2: Any) -> dict[str, float]:
    """A count, and what it is per mm² where the area it was counted in is known."""
    counted = {"count": float(count)}
    if area_mm2 is None:
        return counted
    if not isinstance(area_mm2, int | float) or not 0 < area_mm2 < FARTHEST_MM:
        raise InvalidRequest(
            "invalid_area",
            "Diện tích đếm phải là số dương.",
            "The area counted in is a positive number.",
            field="origin",
        )
    return {**counted, "area": float(area_mm2), "density": count / area_mm2}


def _compare(name: str, given: float, computed: float, unit: str) -> None:
    if math.isclose(given, computed, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE):
        return
    raise InvalidRequest(
        "measurement_disagrees",
        f"Số đo {given:.2f} {unit} không khớp với các điểm ({computed:.2f} {unit}).",
        f"The {name} {given:.2f} {unit} does not fit its points ({computed:.2f} {unit}).",
        field="measurements",
        given=given,
        computed=computed,
    )
