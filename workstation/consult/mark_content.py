"""What a mark may say: kind, points, text, class, and numbers that follow from its points."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from plugins.nouns import AnnotationKind
from workstation.consult.measuring import checked_measurements
from workstation.errors import InvalidRequest

__all__ = ["checked_classification", "checked_content"]

LONGEST_TEXT = 2000
# code value, scheme and meaning, as long as SH and LO may be (PS3.5 6.2)
_CODE_LENGTHS = {"value": 16, "scheme_designator": 16, "meaning": 64}


def checked_content(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a mark.

    Raises
    ------
    InvalidRequest
    """
    try:
        kind = AnnotationKind(given["kind"])
    except (KeyError, ValueError):
        known_kinds = ", ".join(AnnotationKind)
        raise InvalidRequest(
            "unknown_kind", "Loại nét vẽ không hợp lệ.", f"A mark is one of {known_kinds}."
        ) from None
    points = [tuple(float(number) for number in point) for point in given["points_mm"]]
    if any(len(point) != 3 for point in points):
        raise InvalidRequest(
            "invalid_point", "Mỗi điểm cần x, y, z.", "A point is (x, y, z).", field="points_mm"
        )
    text = unicodedata.normalize("NFC", str(given.get("text") or "")).strip()
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(
            "text_too_long",
            f"Ghi chú dài quá {LONGEST_TEXT} ký tự.",
            f"The text is longer than {LONGEST_TEXT} characters.",
            field="text",
        )
    if kind is AnnotationKind.TEXT and not text:
        raise InvalidRequest(
            "text_missing", "Ghi chú chưa có chữ.", "A text mark has a text.", field="text"
        )
    origin = dict(given.get("origin") or {})
    measured = checked_measurements(
        kind,
        points,  # type: ignore[arg-type]  # three numbers each, just checked
        given.get("measurements") or (),
        origin,
    )
    return {
        "kind": str(kind),
        "study_instance_uid": str(given["study_instance_uid"]),
        "series_instance_uid": str(given.get("series_instance_uid") or ""),
        "sop_instance_uid": str(given.get("sop_instance_uid") or ""),
        "sop_class_uid": str(given.get("sop_class_uid") or ""),
        "frame_number": int(given.get("frame_number") or 1),
        "frame_of_reference_uid": str(given.get("frame_of_reference_uid") or ""),
        "points_mm": [list(point) for point in points],
        "text": text,
        "measurements": measured,
        "origin": origin,
        "classification": checked_classification(given.get("classification") or {}),
    }


def checked_classification(given: Mapping[str, Any]) -> dict[str, Any]:
    """A class of marks: its name, its colour, and its code where it has one; empty for none.

    Raises
    ------
    InvalidRequest
    """
    if not given:
        return {}
    name = unicodedata.normalize("NFC", str(given.get("name") or "")).strip()
    colour = str(given.get("colour") or "").lower()
    code = given.get("code")
    if (
        not 0 < len(name) <= _CODE_LENGTHS["meaning"]
        or not re.fullmatch(r"#[0-9a-f]{6}", colour)
        or not given.keys() <= {"name", "colour", "code"}
        or not (code is None or _is_code(code))
    ):
        raise InvalidRequest(
            "invalid_classification",
            "Lớp của nét vẽ cần tên, màu #rrggbb và mã đầy đủ nếu có.",
            "A class has a name, a colour #rrggbb and, if any, a whole code.",
            field="classification",
        )
    return {"name": name, "colour": colour} | ({"code": dict(code)} if code else {})


def _is_code(code: Any) -> bool:
    return (
        isinstance(code, Mapping)
        and code.keys() == _CODE_LENGTHS.keys()
        and all(
            isinstance(code[key], str) and 0 < len(code[key].strip()) <= most
            for key, most in _CODE_LENGTHS.items()
        )
    )
