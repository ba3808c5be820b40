"""What a reader corrected, applied: brush strokes on masks, dragged points, turned parameters."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from plugins.builtin.stroke.scan import Scan

__all__ = ["brushed", "handle_mm", "is_rejected", "parameter", "relabelled"]


def parameter(edits: Mapping[str, Any], key: str, default: float, low: float, high: float) -> float:
    """The number the reader chose, kept within bounds; the default where none was."""
    value = (edits.get("parameters") or {}).get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return min(max(float(value), low), high)


def choice(edits: Mapping[str, Any], key: str, default: str, known: Sequence[str]) -> str:
    """The choice the reader made among those known."""
    value = (edits.get("parameters") or {}).get(key, default)
    return value if value in known else default


def is_rejected(edits: Mapping[str, Any], group: str) -> bool:
    """True when the reader said that this finding is none."""
    return group in (edits.get("rejected") or ())


def handle_mm(edits: Mapping[str, Any], key: str, count: int) -> NDArray[np.float64] | None:
    """(count, 3) patient millimetres of a handle the reader moved; None where untouched."""
    points = np.asarray((edits.get("handles") or {}).get(key, ()), np.float64)
    if points.shape != (count, 3) or not np.isfinite(points).all():
        return None
    return points


def brushed(
    mask: NDArray[np.bool_], scan: Scan, edits: Mapping[str, Any], layer: str
) -> NDArray[np.bool_]:
    """A mask on the source slices with the reader's strokes painted in and wiped out, in order."""
    strokes = [one for one in edits.get("strokes") or () if one.get("layer") == layer]
    if not strokes:
        return mask
    result = mask.copy()
    for stroke in strokes:
        number = int(stroke["slice"])
        if 0 <= number < len(result):
            _paint(result[number], scan, stroke)
    return result


def _paint(plane: NDArray[np.bool_], scan: Scan, stroke: Mapping[str, Any]) -> None:
    """All pixels whose centre is within the radius of the stroke's path."""
    path = scan.to_indices(np.asarray(stroke["points_mm"], np.float64))[:, 1:] * scan.spacing_mm
    radius = float(stroke["radius_mm"])
    spacing = np.asarray(scan.spacing_mm)
    low = np.clip(np.floor((path.min(axis=0) - radius) / spacing), 0, plane.shape).astype(int)
    high = np.clip(np.ceil((path.max(axis=0) + radius) / spacing) + 1, 0, plane.shape).astype(int)
    if (high <= low).any():
        return
    rows, columns = np.mgrid[low[0] : high[0], low[1] : high[1]]
    centres = np.stack([rows * spacing[0], columns * spacing[1]], axis=-1)
    nearest = np.full(rows.shape, np.inf)
    for start, end in zip(path, np.concatenate([path[1:], path[-1:]]), strict=True):
        along = end - start
        share = ((centres - start) @ along) / max(float(along @ along), 1e-12)
        gap = centres - start - np.clip(share, 0, 1)[..., None] * along
        nearest = np.minimum(nearest, np.hypot(gap[..., 0], gap[..., 1]))
    plane[low[0] : high[0], low[1] : high[1]][nearest <= radius] = not stroke.get("erase")


def relabelled(
    labels: NDArray[np.uint8], edited: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """Labels of an edited mask: what touches a former label keeps it, the rest is numbered on.

    Returns
    -------
    (slices, rows, columns) uint8, and the numbers that are new
    """
    result = np.where(edited, labels, 0).astype(np.uint8)
    fresh = edited & (labels == 0)
    if not fresh.any():
        return result, ()
    parts, count = ndimage.label(edited)
    used = int(labels.max(initial=0))
    added = []
    for part in range(1, count + 1):
        here = parts == part
        new = here & fresh
        if not new.any():
            continue
        known = labels[here]
        known = known[known > 0]
        if len(known):
            result[new] = np.bincount(known).argmax()
        elif used < 255:
            used += 1
            added.append(used)
            result[new] = used
    return result, tuple(added)
