"""What a reader drew, as the viewer sends it in ``edits["form"]``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kernels import polygon_area_mm2

__all__ = ["Drawing", "drawings", "outline_mm"]

MOST: Final = 24
ELLIPSE_CORNERS: Final = 72


@dataclass(frozen=True)
class Drawing:
    """One mark: ``points_mm`` is (n, 2) in slide millimetres; areas are closed outlines."""

    id: str
    series_instance_uid: str
    kind: str
    label: str
    points_mm: NDArray[np.float64]

    @property
    def area_mm2(self) -> float:
        flat = np.column_stack([self.points_mm, np.zeros(len(self.points_mm))])
        return float(polygon_area_mm2(flat))


def drawings(edits: Mapping[str, Any], key: str) -> list[Drawing]:
    """The marks under that key; what is not of its form is left out."""
    found = []
    for one in (edits.get("form") or {}).get(key) or ():
        try:
            points = np.asarray(one["points_mm"], np.float64)[:, :2]
            kind = str(one.get("kind", "polygon"))
            mark = Drawing(
                str(one["annotation_id"]),
                str(one["series_instance_uid"]),
                kind,
                str(one.get("label", ""))[:80],
                outline_mm(kind, points),
            )
        except (KeyError, ValueError, TypeError, IndexError, AttributeError):
            continue
        if np.isfinite(points).all():
            found.append(mark)
    return found[:MOST]


def outline_mm(kind: str, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners of an area; an ellipse is given by the ends of its axes."""
    if kind != "ellipse":
        return points_mm
    if len(points_mm) != 4:
        raise ValueError(f"an ellipse has 4 points, not {len(points_mm)}")
    centre = points_mm.mean(axis=0)
    major, minor = (points_mm[1] - points_mm[0]) / 2, (points_mm[3] - points_mm[2]) / 2
    angles = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)
    return np.asarray(centre + np.cos(angles)[:, None] * major + np.sin(angles)[:, None] * minor)
