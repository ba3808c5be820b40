"""Drawings on the printed key images: the lines a reader at the other end should see."""

import math
from collections.abc import Iterator

from dicom_node.objects.content import KeyImage, Mark, MarkKind, Outline

__all__ = ["outlines"]

POINTS = frozenset({MarkKind.PROBE, MarkKind.POINT, MarkKind.COUNTER, MarkKind.TEXT})

Points = tuple[tuple[float, float], ...]


def outlines(image: KeyImage, marks: tuple[Mark, ...]) -> tuple[Outline, ...]:
    """What was drawn on that very image and frame, where its pixels are known."""
    columns, rows = image.shape
    if columns <= 0 or rows <= 0:
        return ()
    left, top = image.offset
    return tuple(
        Outline(
            label=mark.label if number == 0 else "",
            points=tuple(((x - left) / columns, (y - top) / rows) for x, y in line),
            is_closed=mark.is_closed,
        )
        for mark in marks
        if mark.points_px and _is_on(mark, image) and _is_in(mark, image)
        for number, line in enumerate(_lines(mark, columns))
    )


def _is_on(mark: Mark, image: KeyImage) -> bool:
    if mark.reference is None:
        return False
    ours, theirs = mark.reference, image.reference
    return (ours.sop_instance_uid, ours.frame_number or 1) == (
        theirs.sop_instance_uid,
        theirs.frame_number or 1,
    )


def _is_in(mark: Mark, image: KeyImage) -> bool:
    """Whether some of the drawing lies in what is shown: its box meets that of the image."""
    x = [point[0] for point in mark.points_px]
    y = [point[1] for point in mark.points_px]
    left, top = image.offset
    columns, rows = image.shape
    across = min(x) <= left + columns and max(x) >= left
    return across and min(y) <= top + rows and max(y) >= top


def _lines(mark: Mark, columns: float) -> Iterator[Points]:
    points = mark.points_px
    if mark.kind is MarkKind.ELLIPSE and len(points) == 4:
        yield _ellipse(points)
    elif mark.kind in POINTS:
        for x, y in points:
            arm = columns / 60
            yield ((x - arm, y), (x + arm, y))
            yield ((x, y - arm), (x, y + arm))
    elif mark.kind is MarkKind.ARROW and len(points) >= 2:
        yield (points[0], points[1])
        yield _arrow_head(points[0], points[1], columns / 40)
    elif len(points) >= 2:
        yield points


def _ellipse(ends: Points) -> Points:
    """Forty-eight points of the ellipse with those axis ends: major, then minor."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = ends
    x, y = (ax + bx) / 2, (ay + by) / 2
    major, minor = ((bx - ax) / 2, (by - ay) / 2), ((dx - cx) / 2, (dy - cy) / 2)
    turns = [2 * math.pi * step / 48 for step in range(48)]
    return tuple(
        (
            x + major[0] * math.cos(turn) + minor[0] * math.sin(turn),
            y + major[1] * math.cos(turn) + minor[1] * math.sin(turn),
        )
        for turn in turns
    )


def _arrow_head(tip: tuple[float, float], tail: tuple[float, float], length: float) -> Points:
    back = math.atan2(tail[1] - tip[1], tail[0] - tip[0])
    sides = [
        (tip[0] + length * math.cos(back + turn), tip[1] + length * math.sin(back + turn))
        for turn in (-0.45, 0.45)
    ]
    return (sides[0], tip, sides[1])
