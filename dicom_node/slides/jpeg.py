"""JPEG tiles as a browser needs them: complete, and in the colours they were written in.

A browser takes three components for YCbCr unless a marker says otherwise. Tiles whose header says
RGB and whose codestream says nothing (Aperio, and DICOM made of it) would turn pink and green:
an APP14 segment that says "no transform" puts that right without touching a coefficient.
"""

from dataclasses import dataclass

__all__ = ["JpegHead", "read_head", "splice"]

# "Adobe", version 101, flags 0 and 0, transform 0: RGB (ITU-T T.872 6.5.3).
_APP14_RGB = b"\xff\xee\x00\x0eAdobe\x00\x65\x00\x00\x00\x00\x00"
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
# What a browser decodes: baseline, extended and progressive, Huffman coded.
_FOR_BROWSERS = frozenset({0xC0, 0xC1, 0xC2})
_DQT, _DHT, _SOS, _APP0, _APP14 = 0xDB, 0xC4, 0xDA, 0xE0, 0xEE


@dataclass(frozen=True, slots=True)
class JpegHead:
    """What comes before the first scan.

    Attributes
    ----------
    tables : bytes
        The segments that define quantisation and Huffman tables; empty in an abbreviated stream.
    transform : int or None
        Of an APP14 segment: 0 is RGB, 1 YCbCr.
    scan : int
        Where the scan's header begins, in bytes.
    """

    process: int = 0
    precision: int = 0
    components: int = 0
    is_subsampled: bool = False
    is_jfif: bool = False
    transform: int | None = None
    tables: bytes = b""
    scan: int = 0

    @property
    def is_for_browsers(self) -> bool:
        return self.process in _FOR_BROWSERS and self.precision == 8 and self.components in (1, 3)

    @property
    def means_rgb(self) -> bool:
        """Whether three components may be RGB although no marker says so.

        JFIF is YCbCr by definition, and nobody subsamples green: such a header is wrong in saying
        RGB, and the browser right.
        """
        is_silent = self.transform is None and not self.is_jfif
        return self.components == 3 and is_silent and not self.is_subsampled


def read_head(data: bytes) -> JpegHead | None:
    """Read the segments before the first scan; None when the bytes are no JPEG (T.81 B.1.1)."""
    if data[:2] != b"\xff\xd8":
        return None
    process = precision = components = 0
    is_subsampled = is_jfif = False
    transform: int | None = None
    tables: list[bytes] = []
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SOS:
            head = (process, precision, components, is_subsampled, is_jfif, transform)
            return JpegHead(*head, b"".join(tables), at)
        if marker in _START_OF_FRAME:
            process, precision, components = marker, data[at + 4], data[at + 9]
            is_subsampled = len(set(data[at + 11 : end : 3])) > 1
        elif marker in (_DQT, _DHT):
            tables.append(data[at:end])
        elif marker == _APP0:
            is_jfif = is_jfif or data[at + 4 : at + 9] == b"JFIF\x00"
        elif marker == _APP14 and data[at + 4 : at + 9] == b"Adobe":
            transform = data[at + 15]
        at = end
    return None


def splice(data: bytes, tables: bytes, is_rgb: bool) -> bytes:
    """Add what a tile lacks: tables of another frame of its instance, the mark of RGB.

    Returns `data` itself when it lacks nothing or is no JPEG.
    """
    head = read_head(data)
    if head is None:
        return data
    added = b"" if head.tables else tables
    if is_rgb and head.means_rgb:
        added = _APP14_RGB + added
    return data[: head.scan] + added + data[head.scan :] if added else data
