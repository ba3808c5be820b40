"""A reader's corrections of a result: of a known form and size before anybody keeps them."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from plugins.nouns import Text
from workstation.errors import InvalidRequest

__all__ = ["checked_edits"]

LONGEST_EDITS = 2_000_000
LONGEST_FREE = 64_000
LONGEST_TEXT = 200
MOST_KEYS = 200
MOST_POINTS = 2000
MOST_STROKES = 5000
FARTHEST_MM = 100_000.0


def checked_edits(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of `given`; empty parts are left out.

    Raises
    ------
    InvalidRequest
        Code ``invalid_edits``, with the ``field`` that is not of its form.
    """
    for key in given:
        if key not in _PARTS:
            raise _refused(str(key)[:LONGEST_TEXT])
    kept = {}
    for key, check in _PARTS.items():
        if given.get(key):
            try:
                kept[key] = check(given[key])
            except (ValueError, TypeError, KeyError, AttributeError):
                raise _refused(key) from None
    if len(json.dumps(kept)) > LONGEST_EDITS:
        raise _refused("edits")
    return kept


def _series(given: Any) -> str:
    if not isinstance(given, str) or not given.replace(".", "").isdigit() or len(given) > 64:
        raise ValueError
    return given


def _parameters(given: Any) -> dict[str, Any]:
    return {_key(key): _parameter(value) for key, value in _few(given.items(), MOST_KEYS)}


def _parameter(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    return _text(value) if isinstance(value, str) else _number(value)


def _handles(given: Any) -> dict[str, Any]:
    return {_key(key): _points(points) for key, points in _few(given.items(), MOST_KEYS)}


def _strokes(given: Any) -> list[dict[str, Any]]:
    return [_stroke(one) for one in _few(given, MOST_STROKES)]


def _stroke(given: Any) -> dict[str, Any]:
    slice_, erase, radius = given["slice"], given["erase"], _number(given["radius_mm"])
    if type(slice_) is not int or not 0 <= slice_ < 100_000 or type(erase) is not bool:
        raise ValueError
    if not 0 < radius <= 200 or set(given) - {"layer", "slice", "erase", "radius_mm", "points_mm"}:
        raise ValueError
    return {
        "layer": _key(given["layer"]),
        "slice": slice_,
        "erase": erase,
        "radius_mm": radius,
        "points_mm": _points(given["points_mm"]),
    }


def _rejected(given: Any) -> list[str]:
    return list(dict.fromkeys(_text(one) for one in _few(given, MOST_KEYS)))


def _free(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError
    if len(json.dumps(given, allow_nan=False)) > LONGEST_FREE:
        raise ValueError
    return given


_PARTS: Mapping[str, Callable[[Any], Any]] = {
    "series": _series,
    "parameters": _parameters,
    "handles": _handles,
    "strokes": _strokes,
    "rejected": _rejected,
    "reads": _free,
    "form": _free,
}


def _points(given: Any) -> list[list[float]]:
    points = [[_number(number) for number in point] for point in _few(given, MOST_POINTS)]
    if any(len(point) != 3 for point in points):
        raise ValueError
    if any(abs(number) > FARTHEST_MM for point in points for number in point):
        raise ValueError
    return points


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    if not math.isfinite(value):
        raise ValueError
    return value


def _key(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise ValueError
    return value


def _few(given: Any, most: int) -> list[Any]:
    if isinstance(given, str | Mapping):
        raise ValueError
    items = list(given)
    if len(items) > most:
        raise ValueError
    return items


def _refused(field: str) -> InvalidRequest:
    text = Text(
        f"Phần sửa «{field}» không đúng dạng hoặc quá lớn.",
        f"The correction {field!r} is malformed or too large.",
    )
    return InvalidRequest("invalid_edits", text.vi, text.en, field=field)
