"""Series geometry: tilt, slice spacing and gaps, measured on arrival, shown to the reader."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np
from pydicom.sr.coding import Code

from plugins.contributions import Contribution, PreprocessStep, ViewerPanel
from plugins.nouns import Case, Measurement, Study, Text
from plugins.reader import language, spoken
from plugins.stacks import Stack, stacks_of

__all__ = ["contribute"]

MODALITIES: Final = frozenset({"CT", "MR", "PT"})

MILLIMETRE: Final = Code("mm", "UCUM", "mm")
DEGREE: Final = Code("deg", "UCUM", "degree")
COUNT: Final = Code("{count}", "UCUM", "count")

# "99" marks a private coding scheme (PS3.3 8.2); spacing is of the standard (PS3.16 CID 7004)
SLICES: Final = Code("SLICES", "99HOICHAN", "Slices in the stack")
TILT: Final = Code("TILT", "99HOICHAN", "Tilt of the stack from its geometry")
SPACING: Final = Code("112226", "DCM", "Spacing between slices")
SMALLEST: Final = Code("SPACINGMIN", "99HOICHAN", "Smallest spacing between slices")
LARGEST: Final = Code("SPACINGMAX", "99HOICHAN", "Largest spacing between slices")
MISSING: Final = Code("MISSING", "99HOICHAN", "Slices missing in gaps")

HEADINGS: Final = {
    SLICES: Text("Số lát", "Slices"),
    TILT: Text("Độ nghiêng", "Tilt"),
    SPACING: Text("Khoảng cách lát (trung vị)", "Slice spacing (median)"),
    SMALLEST: Text("Nhỏ nhất", "Smallest"),
    LARGEST: Text("Lớn nhất", "Largest"),
    MISSING: Text("Số lát thiếu", "Slices missing"),
}
SERIES: Final = Text("Chuỗi ảnh", "Series")
TITLE: Final = Text("Hình học chuỗi ảnh", "Series geometry")
NOTHING: Final = Text("Chưa có số đo hình học.", "No geometry has been measured yet.")


def wants(study: Study) -> bool:
    return bool(MODALITIES & study.modalities)


def measure(study: Study) -> Iterator[Measurement]:
    """Yield the geometry of every stack of at least two slices.

    ``parameters`` holds the stack's number within its series and the series' description.
    """
    for series in study.series:
        if series.modality not in MODALITIES:
            continue
        for number, stack in enumerate(stacks_of(series), start=1):
            if stack.geometry is None or not len(stack.geometry.spacings_mm):
                continue
            place = {
                "stack": number,
                "series_number": series.series_number,
                "series_description": series.series_description,
            }
            for name, value, unit in _numbers(stack):
                yield Measurement(name, value, unit, series.series_instance_uid, parameters=place)


def _numbers(stack: Stack) -> Iterator[tuple[Code, float, Code]]:
    geometry = stack.geometry
    assert geometry is not None
    spacings = geometry.spacings_mm
    yield SLICES, float(len(geometry.order)), COUNT
    yield TILT, max(stack.tilt_deg, geometry.swivel_deg, key=abs), DEGREE
    yield SPACING, float(np.median(spacings)), MILLIMETRE
    yield SMALLEST, float(spacings.min()), MILLIMETRE
    yield LARGEST, float(spacings.max()), MILLIMETRE
    yield MISSING, float(sum(gap.missing for gap in geometry.gaps)), COUNT


def rows(case: Case) -> list[dict[str, str]]:
    """One row a stack, with headings in the reader's language."""
    stacks: dict[tuple[str, str], dict[Code, Measurement]] = defaultdict(dict)
    for measurement in case.measurements:
        if measurement.name in HEADINGS:
            key = (measurement.series_instance_uid, str(measurement.parameters.get("stack", "")))
            stacks[key][measurement.name] = measurement
    return [_row(found) for found in stacks.values()]


def makers(case: Case) -> list[str]:
    """Names and versions of what made the numbers."""
    return sorted(
        {
            f"{measurement.algorithm} {measurement.algorithm_version}".strip()
            for measurement in case.measurements
            if measurement.name in HEADINGS
        }
    )


def _row(found: dict[Code, Measurement]) -> dict[str, str]:
    place = next(iter(found.values())).parameters
    name = " ".join(str(place.get(key) or "") for key in ("series_number", "series_description"))
    row = {spoken(SERIES): name.strip() or "—"}
    for code, heading in HEADINGS.items():
        row[spoken(heading)] = _shown(found[code]) if code in found else "—"
    return row


def _shown(measurement: Measurement) -> str:
    value = measurement.value
    if measurement.unit == COUNT:
        return f"{value:.0f}"
    shown = f"{value:.1f}°" if measurement.unit == DEGREE else f"{value:.2f} mm"
    shown = shown.removeprefix("-") if float(f"{value:.2f}") == 0 else shown
    return shown.replace(".", ",") if language() == "vi" else shown


def panel(case: Case) -> None:
    import streamlit as st  # a second to load: only pages need it, not the worker's children

    table = rows(case)
    if table:
        st.table(table)
        st.caption(", ".join(makers(case)))
    else:
        st.caption(spoken(NOTHING))


def contribute() -> Iterator[Contribution]:
    yield PreprocessStep("geometry", TITLE, wants=wants, run=measure)
    yield ViewerPanel("geometry", TITLE, wants=wants, render=panel)
