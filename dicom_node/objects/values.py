"""Numbers as people read them: decimal comma in Vietnamese, units, one line a drawing."""

import math

from pydicom.sr.coding import Code

from dicom_node.objects import codes
from dicom_node.objects.content import Algorithm, Mark, Value
from dicom_node.objects.words import MARK_KINDS, VALUE_LABELS

__all__ = ["describe_mark", "describe_value", "drawn_value", "number"]

_SHOWN_UNITS = {
    "[hnsf'U]": "HU",
    "deg": "°",
    "mm2": "mm²",
    "cm2": "cm²",
    "um": "µm",
    "um2": "µm²",
    "/mm2": "/mm²",
    "ml": "mL",
    "{pixels}": "px",
}
# below so many, the next smaller unit says it better: what a cell measures is no 0.00 mm
_SMALL = {
    codes.UNITS["mm"]: (0.1, 1e3, codes.MICROMETRE),
    codes.UNITS["mm2"]: (0.01, 1e6, codes.SQUARE_MICROMETRE),
}


def drawn_value(name: str, value: float, unit: str, algorithm: Algorithm | None = None) -> Value:
    """A number of a drawing, coded. Unknown names and units keep their text."""
    unit_code = codes.UNITS.get(unit) or Code(unit[:16], "UCUM", unit[:64])
    limit, factor, smaller = _SMALL.get(unit_code, (0.0, 1.0, unit_code))
    if 0 < abs(value) < limit:
        value, unit_code = value * factor, smaller
    concept, derivation = codes.VALUE_NAMES.get(name, (codes.MEASURED_VALUE, None))
    return Value(
        name=concept or codes.intensity(unit_code),
        number=value,
        unit=unit_code,
        derivation=derivation,
        algorithm=algorithm,
        label=name,
    )


def number(value: float, language: str) -> str:
    """At most two decimals, as many as mean something."""
    if not math.isfinite(value):
        return "—"
    places = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    shown = f"{value:.{places}f}"
    if float(shown) == 0:
        shown = shown.removeprefix("-")
    return shown.replace("-", "−").replace(".", "," if language == "vi" else ".")


def unit_text(unit: Code) -> str:
    """A unit as printed, without the space before it; empty for plain numbers.

    What UCUM has in braces alone, as ``{nuclei}``, says what was counted and is no unit.
    """
    code = unit.value
    is_plain = code == "1" or (code.startswith("{") and code.find("}") == len(code) - 1)
    return _SHOWN_UNITS.get(code, "" if is_plain else code)


def describe_value(value: Value, language: str) -> str:
    """``Diện tích 123,4 mm²``."""
    label = VALUE_LABELS.get(value.label)
    name = label.in_language(language) if label else value.label or value.name.meaning
    unit = unit_text(value.unit)
    if not unit and float(value.number).is_integer():
        return f"{name} {value.number:.0f}"
    space = "" if unit in ("", "°") or unit.startswith("/") else " "
    return f"{name} {number(value.number, language)}{space}{unit}"


def describe_mark(mark: Mark, language: str) -> str:
    """One line: label, kind, numbers, text."""
    kind = MARK_KINDS[mark.kind].in_language(language)
    of_class = mark.classification.name if mark.classification else ""
    what = ", ".join(part for part in (kind, of_class, mark.place) if part)
    parts = [f"{mark.label} ({what})" if mark.label else what]
    numbers = "; ".join(describe_value(value, language) for value in mark.values)
    if numbers:
        parts.append(numbers)
    if mark.text.strip() and mark.text.strip() != mark.label:
        parts.append(mark.text.strip())
    line = ": ".join([parts[0], " — ".join(parts[1:])]) if parts[1:] else parts[0]
    if mark.algorithm is not None:
        line += f" [{mark.algorithm.name} {mark.algorithm.version}".rstrip() + "]"
    return line
