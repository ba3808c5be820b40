"""What an instance of a slide shows: tissue, a thumbnail of it, the label, the whole glass.

Vendors agree on one thing only: value 3 of Image Type (PS3.3 C.8.12.4.1.1). Nothing else decides.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydicom.uid import (
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    VLMicroscopicImageStorage,
    VLPhotographicImageStorage,
    VLSlideCoordinatesMicroscopicImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)

__all__ = [
    "CLASSES_IN_SLIDES",
    "LABEL_TAGS",
    "Role",
    "holds_label_text",
    "role_of",
    "shows_label",
    "without_label_text",
]

_SOP_CLASS, _IMAGE_TYPE, _MODALITY = "00080016", "00080008", "00080060"
_LABEL_IN_IMAGE = "00480010"
# Barcode Value, Label Text (PS3.3 C.8.12.8), and the icon, which may be of the whole glass.
_LABEL_TEXT = frozenset({"22000005", "22000002"})
_ICON = "00880200"
LABEL_TAGS = _LABEL_TEXT | {_ICON}

# What may be found in the series of a slide; all else need not be looked into.
CLASSES_IN_SLIDES = frozenset(
    {
        VLWholeSlideMicroscopyImageStorage,
        VLSlideCoordinatesMicroscopicImageStorage,
        VLMicroscopicImageStorage,
        VLPhotographicImageStorage,
        SecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)


class Role(StrEnum):
    """Value 3 of Image Type."""

    VOLUME = "VOLUME"
    THUMBNAIL = "THUMBNAIL"
    LABEL = "LABEL"
    OVERVIEW = "OVERVIEW"
    OTHER = "OTHER"


_TISSUE = frozenset({Role.VOLUME, Role.THUMBNAIL})


def role_of(header: Mapping[str, Any]) -> Role:
    """Return the role of the instance with this DICOM JSON header."""
    kinds = header.get(_IMAGE_TYPE, {}).get("Value") or []
    kind = str(kinds[2] or "").strip().upper() if len(kinds) > 2 else ""
    return Role(kind) if kind in set(Role) else Role.OTHER


def shows_label(header: Mapping[str, Any]) -> bool:
    """Whether the pixels may show what is written on the glass: names, numbers, barcodes.

    Of a whole-slide image everything may that does not say it is tissue, or says that the label
    is within it.
    """
    role = role_of(header)
    if _first(header, _SOP_CLASS) != VLWholeSlideMicroscopyImageStorage:
        return _first(header, _MODALITY) == "SM" and role in (Role.LABEL, Role.OVERVIEW)
    return role not in _TISSUE or _first(header, _LABEL_IN_IMAGE) == "YES"


def holds_label_text(header: Mapping[str, Any]) -> bool:
    """Whether the data set repeats what is written on the glass, or may show it in an icon."""
    if any(header.get(tag, {}).get("Value") for tag in _LABEL_TEXT):
        return True
    return _ICON in header and _first(header, _MODALITY) == "SM"


def without_label_text(header: Mapping[str, Any]) -> dict[str, Any]:
    """The header without what is written on the glass."""
    hidden = LABEL_TAGS if _first(header, _MODALITY) == "SM" else _LABEL_TEXT
    return {
        tag: {"vr": element["vr"]} if tag in hidden else element for tag, element in header.items()
    }


def _first(header: Mapping[str, Any], tag: str) -> str:
    values = header.get(tag, {}).get("Value") or [""]
    return str(values[0] or "").strip().upper()
