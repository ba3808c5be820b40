"""Which program a file is of, by its content."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from plugins.interchange.asap import read_asap
from plugins.interchange.drawing import Drawings, InterchangeError
from plugins.interchange.imagescope import read_imagescope
from plugins.interchange.qupath import read_geojson

__all__ = ["Format", "read_drawings", "sniff"]


class Format(StrEnum):
    GEOJSON = "geojson"
    ASAP = "asap"
    IMAGESCOPE = "imagescope"
    DICOM = "dicom"


_READERS: Mapping[Format, Callable[[bytes], Drawings]] = {
    Format.GEOJSON: read_geojson,
    Format.ASAP: read_asap,
    Format.IMAGESCOPE: read_imagescope,
}
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def sniff(data: bytes) -> Format | None:
    """The format of a file, or None where it is none we read."""
    if data[128:132] == b"DICM":
        return Format.DICOM
    start = data[:4096]
    for mark in _MARKS:
        start = start.removeprefix(mark)
    start = start.replace(b"\0", b"").lstrip()  # UTF-16 of ASCII
    if start[:1] in (b"{", b"["):
        return Format.GEOJSON
    if re.search(rb"<ASAP_Annotations[\s>/]", start):
        return Format.ASAP
    if re.search(rb"<Annotations[\s>/]", start):
        return Format.IMAGESCOPE
    return None


def read_drawings(data: bytes, file_format: Format) -> Drawings:
    """Read a file that is no DICOM.

    Raises
    ------
    InterchangeError
        It is not of that format; or nothing is in it.
    """
    drawings = _READERS[file_format](data)
    if not drawings.items and not drawings.ignored:
        raise InterchangeError("Tệp không có nét vẽ nào.", "There is no drawing in the file.")
    return drawings
