"""What Akoya and PerkinElmer write beside each channel of a QPTIFF."""

from typing import Any

from dicom_node.conversion.ome import read_xml
from dicom_node.conversion.refusals import ConversionRefused
from dicom_node.conversion.source import Channel

__all__ = ["objective_power", "read_channel"]


def read_channel(page: Any) -> Channel:
    """Name and colour of the channel of a page; a page that says nothing has neither."""
    found = _texts(page)
    # The marker is what the pathologist asks for; the name may be that of the filter.
    name = found.get("Biomarker") or found.get("Name") or ""
    return Channel(name, _colour(found.get("Color", "")), fluorescence=True)


def objective_power(page: Any) -> float:
    """The power of the objective, 0 when not written."""
    text = _texts(page).get("Objective", "").lower().rstrip("x ")
    try:
        power = float(text)
    except ValueError:
        return 0.0
    return power if 0 < power <= 200 else 0.0


def _texts(page: Any) -> dict[str, str]:
    try:
        root = read_xml(page.description, "QPTIFF XML")
    except ConversionRefused:
        return {}
    return {str(each.tag): (each.text or "").strip() for each in root.iter()}


def _colour(text: str) -> tuple[int, int, int] | None:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isdecimal() and int(part) < 256 for part in parts):
        return None
    red, green, blue = (int(part) for part in parts)
    return None if (red, green, blue) in ((255, 255, 255), (0, 0, 0)) else (red, green, blue)
