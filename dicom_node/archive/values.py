"""Values of single elements in the DICOM JSON Model (PS3.18 F.2.2), from their bytes."""

import base64
import math
import struct
from collections.abc import Sequence
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

__all__ = ["BINARY", "NUMBERS", "Charset", "json_value"]

NUMBERS = {
    b"US": ("H", 2),
    b"SS": ("h", 2),
    b"UL": ("I", 4),
    b"SL": ("i", 4),
    b"UV": ("Q", 8),
    b"SV": ("q", 8),
    b"FL": ("f", 4),
    b"FD": ("d", 8),
}
_WORD_BYTES = {b"OW": 2, b"OF": 4, b"OL": 4, b"OD": 8, b"OV": 8}
BINARY = frozenset((b"OB", b"UN", *_WORD_BYTES))
_CHARSET_TEXT = frozenset((b"LO", b"SH", b"UC", b"LT", b"ST", b"UT"))
_ONE_TEXT = frozenset((b"LT", b"ST", b"UT", b"UR"))


def json_value(vr: bytes, raw: bytes, order: str, charset: "Charset") -> dict[str, Any]:
    """Return an element's JSON.

    Parameters
    ----------
    vr : bytes
    raw : bytes
        The value; not empty.
    order : str
        "<" or ">", as in struct.
    charset : Charset

    Raises
    ------
    ValueError, LookupError, struct.error
        The bytes are not what the VR promises.
    """
    if vr in NUMBERS:
        code, size = NUMBERS[vr]
        numbers: Sequence[Any] = struct.unpack(f"{order}{len(raw) // size}{code}", raw)
        if code in "fd":
            numbers = [_json_float(number) for number in numbers]
        return {"vr": vr.decode(), "Value": list(numbers)}
    if vr in BINARY:
        if order == ">" and vr in _WORD_BYTES:
            raw = _swap(raw, _WORD_BYTES[vr])  # PS3.18 F.2.7: little endian
        return {"vr": vr.decode(), "InlineBinary": base64.b64encode(raw).decode()}
    if vr == b"AT":
        halves = struct.unpack(f"{order}{len(raw) // 2}H", raw)
        pairs = zip(halves[::2], halves[1::2], strict=True)
        return {"vr": "AT", "Value": [f"{group:04X}{element:04X}" for group, element in pairs]}
    if vr == b"PN":
        return _present("PN", [_name(name) for name in charset.names(raw)])
    text = charset.text(raw) if vr in _CHARSET_TEXT else raw.decode("latin-1")
    if vr in _ONE_TEXT:
        text = text.rstrip(" \x00")
        return {"vr": vr.decode(), "Value": [text]} if text else {"vr": vr.decode()}
    parts = text.split("\\")
    if vr == b"DS":
        return _present("DS", [_decimal(part) for part in parts])
    if vr == b"IS":
        return _present("IS", [_integer(part) for part in parts])
    return _present(vr.decode(), [part.strip(" \x00") or None for part in parts])


class Charset:
    """How the text of one data set or item is decoded (PS3.5 6.1.2)."""

    _known: dict[str, "Charset"] = {}  # noqa: RUF012 - a cache, bounded below

    def __init__(self, encodings: tuple[str, ...]) -> None:
        self._encodings = encodings

    @classmethod
    def named(cls, value: str) -> "Charset":
        found = cls._known.get(value)
        if found is None:
            names = [name.strip(" \x00") for name in value.split("\\")]
            try:
                found = cls(tuple(convert_encodings(names)) if any(names) else ())
            except (LookupError, ValueError):
                found = cls(())
            if len(cls._known) < 256:
                cls._known[value] = found
        return found

    def text(self, raw: bytes, delimiters: set[int] = TEXT_VR_DELIMS) -> str:
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii")
        if not self._encodings:
            # Undeclared, though not ASCII: nearly always UTF-8 today, else Latin-1.
            try:
                return raw.decode("utf-8")
            except UnicodeDecodeError:
                return raw.decode("latin-1")
        if len(self._encodings) == 1 and b"\x1b" not in raw:
            return raw.decode(self._encodings[0], "replace")
        try:
            return decode_bytes(raw, list(self._encodings), delimiters)
        except (LookupError, ValueError):
            return raw.decode(self._encodings[0], "replace")

    def names(self, raw: bytes) -> list[str]:
        if b"\x1b" not in raw:
            return self.text(raw).split("\\")
        # An escape sequence holds only up to the next delimiter, so part the bytes first.
        return [
            "=".join(self.text(group, PN_DELIMS) for group in name.split(b"="))
            for name in raw.split(b"\\")
        ]


def _present(vr: str, values: list[Any]) -> dict[str, Any]:
    if all(value is None for value in values):
        return {"vr": vr}
    return {"vr": vr, "Value": values}


def _name(name: str) -> dict[str, str] | None:
    groups = (group.strip(" \x00") for group in name.split("="))
    keys = ("Alphabetic", "Ideographic", "Phonetic")
    return {key: group for key, group in zip(keys, groups, strict=False) if group} or None


def _decimal(text: str) -> float | str | None:
    text = text.strip(" \x00")
    if not text:
        return None
    try:
        return _json_float(float(text))
    except ValueError:
        return text


def _integer(text: str) -> int | str | None:
    text = text.strip(" \x00")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        try:
            number = float(text)
            return int(number) if number.is_integer() else text
        except (ValueError, OverflowError):
            return text


def _json_float(number: float) -> float | str:
    # JSON has no such numbers; strings are allowed where a number would be (PS3.18 F.2.3).
    return number if math.isfinite(number) else str(number)


def _swap(raw: bytes, size: int) -> bytes:
    swapped = bytearray(len(raw))
    for place in range(size):
        swapped[place::size] = raw[size - 1 - place :: size]
    return bytes(swapped)
