"""Drawings of a structured report in slide millimetres, read from any writer's TID 1500."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

__all__ = ["SlideRegion", "read_slide_regions"]

GROUP: Final = ("125007", "DCM")  # Measurement Group
TRACKING: Final = ("112039", "DCM")  # Tracking Identifier
FINDING: Final = ("121071", "DCM")
COMMENT: Final = ("121106", "DCM")
GRAPHICS: Final = frozenset({"POINT", "MULTIPOINT", "POLYLINE", "POLYGON", "ELLIPSE"})
# items below items: no report is deeper
DEEPEST: Final = 32


@dataclass(frozen=True)
class SlideRegion:
    """One drawing: its points in mm, (n, 3), and what its measurement group says of it."""

    graphic_type: str
    points_mm: NDArray[np.float64] = field(repr=False)
    frame_of_reference_uid: str
    label: str = ""
    text: str = ""
    finding: Code | None = None


def read_slide_regions(ds: Dataset) -> list[SlideRegion]:
    """Every SCOORD3D of a report, each once.

    Raises
    ------
    ValueError
        A coordinate is no finite number, or the report is nested beyond reason.
    """
    found: dict[tuple[str, str, bytes], SlideRegion] = {}
    for region in _regions(ds.get("ContentSequence") or (), {}, 0):
        key = (region.graphic_type, region.frame_of_reference_uid, region.points_mm.tobytes())
        found.setdefault(key, region)
    return list(found.values())


def _regions(items: Any, said: dict[str, Any], depth: int) -> Iterator[SlideRegion]:
    if depth > DEEPEST:
        raise ValueError("the report is nested beyond reason")
    for item in items:
        kind = str(item.get("ValueType") or "")
        children = item.get("ContentSequence") or ()
        if kind == "SCOORD3D":
            region = _region(item, said)
            if region is not None:
                yield region
        if _name(item) == GROUP:
            yield from _regions(children, _said(children), depth + 1)
        else:
            yield from _regions(children, said, depth + 1)


def _region(item: Dataset, said: dict[str, Any]) -> SlideRegion | None:
    graphic = str(item.get("GraphicType") or "")
    try:
        numbers = np.asarray(item.get("GraphicData") or (), np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("the coordinates of a region are not numbers") from error
    if graphic not in GRAPHICS or numbers.size == 0 or numbers.size % 3:
        return None
    points = numbers.reshape(-1, 3)
    if not np.isfinite(points).all():
        raise ValueError("a coordinate of a region is not a finite number")
    return SlideRegion(
        graphic_type=graphic,
        points_mm=points,
        frame_of_reference_uid=str(item.get("ReferencedFrameOfReferenceUID") or ""),
        **said,
    )


def _said(children: Any) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for item in children:
        name = _name(item)
        if name == TRACKING:
            said["label"] = str(item.get("TextValue") or "")
        elif name == COMMENT:
            said["text"] = str(item.get("TextValue") or "")
        elif name == FINDING and item.get("ConceptCodeSequence"):
            code = item.ConceptCodeSequence[0]
            said["finding"] = Code(
                str(code.get("CodeValue") or ""),
                str(code.get("CodingSchemeDesignator") or ""),
                str(code.get("CodeMeaning") or ""),
            )
    return said


def _name(item: Dataset) -> tuple[str, str]:
    names = item.get("ConceptNameCodeSequence")
    if not names:
        return "", ""
    return str(names[0].get("CodeValue") or ""), str(names[0].get("CodingSchemeDesignator") or "")
