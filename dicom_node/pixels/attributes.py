"""Reading a DICOM JSON header the way multi-frame images need it (PS3.18 F.2, PS3.3 C.7.6.16)."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword

__all__ = ["Attributes", "ReadBulk"]

# Given offset and length of a bulk value, its bytes.
ReadBulk = Callable[[int, int], bytes]

_SHARED, _PER_FRAME = "52009229", "52009230"


class Attributes:
    """The attributes that hold for one frame, looked up by keyword.

    A frame's own functional group wins over the shared one, that over the top level.

    Parameters
    ----------
    header : DICOM JSON header of the instance
    frame : int, from 0
    read_bulk : ReadBulk
        For values the header only points to.
    """

    def __init__(self, header: Mapping[str, Any], frame: int, read_bulk: ReadBulk) -> None:
        self._read_bulk = read_bulk
        self._levels: list[Mapping[str, Any]] = []
        for tag, index in ((_PER_FRAME, frame), (_SHARED, 0)):
            items = header.get(tag, {}).get("Value") or []
            if index < len(items) and isinstance(items[index], dict):
                self._levels.append(items[index])
        self._levels.append(header)
        self.header = header

    def group(self, keyword: str) -> "Attributes":
        """The item of a functional group macro, or of a sequence; empty when there is none."""
        for level in self._levels:
            items = level.get(_key(keyword), {}).get("Value")
            if items and isinstance(items[0], dict):
                return Attributes(items[0], 0, self._read_bulk)
        return Attributes({}, 0, self._read_bulk)

    def __bool__(self) -> bool:
        return any(self._levels)

    def values(self, keyword: str) -> list[Any]:
        for level in self._levels:
            found: list[Any] = level.get(_key(keyword), {}).get("Value") or []
            if found:
                return found
        return []

    def text(self, keyword: str) -> str:
        found = self.values(keyword)
        return found[0].strip() if found and isinstance(found[0], str) else ""

    def numbers(self, keyword: str) -> list[float]:
        """The values that are numbers; writers put blanks and words into DS as well."""
        numbers = []
        for value in self.values(keyword):
            try:
                number = float(value)
            except (TypeError, ValueError):
                continue
            if np.isfinite(number):
                numbers.append(number)
        return numbers

    def number(self, keyword: str) -> float | None:
        found = self.numbers(keyword)
        return found[0] if found else None

    def words(self, keyword: str, bits: int) -> NDArray[np.uint16]:
        """The entries of a look-up table, stored as US values, OW bytes or packed 8-bit."""
        element = self._element(keyword)
        if "Value" in element:
            return np.asarray(element["Value"], np.int64).astype(np.uint16)
        raw = self.data(keyword)
        if bits == 8:
            return np.frombuffer(raw, np.uint8).astype(np.uint16)
        return np.frombuffer(raw[: len(raw) // 2 * 2], "<u2").astype(np.uint16)

    def data(self, keyword: str) -> bytes:
        """The bytes of a binary value; none when it is absent."""
        element = self._element(keyword)
        if "InlineBinary" in element:
            return base64.b64decode(element["InlineBinary"])
        if "BulkDataURI" in element:
            _, offset, length = element["BulkDataURI"].rsplit("/", 2)
            return self._read_bulk(int(offset), int(length))
        return b""

    def _element(self, keyword: str) -> Mapping[str, Any]:
        key = _key(keyword)
        return next((one[key] for one in self._levels if key in one), {})


def _key(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return f"{tag:08X}"
