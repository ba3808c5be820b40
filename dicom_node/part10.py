"""The File Meta Information we write, and how we read that of others (PS3.10 7.1).

Every file in the archive begins with meta that depends on nothing but the SOP UIDs and the
transfer syntax. So the same data set gives the same file, whoever sent it and by whichever door,
and the SHA-256 of the file is the name of its content.
"""

import struct
from dataclasses import dataclass

from dicom_node.errors import CannotUnderstand

__all__ = [
    "DEFLATED",
    "EXPLICIT_BIG_ENDIAN",
    "EXPLICIT_LITTLE_ENDIAN",
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "IMPLICIT_LITTLE_ENDIAN",
    "FileMeta",
    "encode_meta",
    "meta_is_complete",
    "read_meta",
]

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
# Transfer syntaxes whose whole data set is deflated (PS3.5 A.5, A.4.8).
DEFLATED = frozenset(
    {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
)

# A UUID-derived UID (PS3.5 B.2). Both values are part of every stored file's hash: never change.
IMPLEMENTATION_CLASS_UID = "2.25.194138172063259861370243160928530846729"
IMPLEMENTATION_VERSION_NAME = "HOICHAN"

_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"))
_EXPLICIT_VRS = _LONG_VRS | frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST SV TM UI UL US UV".split()
)
# No sane meta is longer; also the most we buffer of a stream before giving up.
_MAXIMUM_META = 65_536


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the meta says, and where in the file the data set begins (bytes)."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset_offset: int = 0


def encode_meta(meta: FileMeta) -> bytes:
    """Return preamble, prefix and File Meta Information in Explicit VR Little Endian."""
    body = b"".join(
        (
            b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01",
            _uid(0x02, meta.sop_class_uid),
            _uid(0x03, meta.sop_instance_uid),
            _uid(0x10, meta.transfer_syntax_uid),
            _uid(0x12, IMPLEMENTATION_CLASS_UID),
            _short(0x13, b"SH", IMPLEMENTATION_VERSION_NAME.encode(), b" "),
        )
    )
    return b"\x00" * 128 + b"DICM\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(body)) + body


def _uid(element: int, value: str) -> bytes:
    return _short(element, b"UI", value.encode("ascii", "replace"), b"\x00")


def _short(element: int, vr: bytes, value: bytes, padding: bytes) -> bytes:
    if len(value) % 2:
        value += padding
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value


def meta_is_complete(head: bytes | bytearray) -> bool:
    """True once `head` holds enough of a file for `read_meta` to succeed or fail for good."""
    if len(head) >= _MAXIMUM_META:
        return True
    if len(head) < 144:
        return False
    if head[128:132] != b"DICM":
        return True
    if head[132:140] == b"\x02\x00\x00\x00UL\x04\x00":
        length: int = struct.unpack_from("<I", head, 140)[0]
        return len(head) >= 144 + length
    return False  # no group length: wait for _MAXIMUM_META or the end of the stream


def read_meta(head: bytes | bytearray | memoryview) -> FileMeta:
    """Read the meta at the start of a file; guess what is missing.

    Files without preamble, group length or transfer syntax occur in the field; for them the
    data set's own first bytes tell its encoding. Absent UIDs come back as "".

    Raises
    ------
    CannotUnderstand
        This is no DICOM.
    """
    view = memoryview(head)
    start = 132 if bytes(view[128:132]) == b"DICM" else 0
    values: dict[int, str] = {}
    offset = _read_group_2(view, start, values)
    syntax = values.get(0x10, "")
    if not syntax:
        syntax = _guess_syntax(view, offset)
    return FileMeta(values.get(0x02, ""), values.get(0x03, ""), syntax, offset)


def _read_group_2(view: memoryview, offset: int, values: dict[int, str]) -> int:
    """Fill `values` with group 0002's UIDs; return where the group ends."""
    while offset + 8 <= len(view) and bytes(view[offset : offset + 2]) == b"\x02\x00":
        element = struct.unpack_from("<H", view, offset + 2)[0]
        vr = bytes(view[offset + 4 : offset + 6])
        if vr in _LONG_VRS and offset + 12 <= len(view):
            length, begin = struct.unpack_from("<I", view, offset + 8)[0], offset + 12
        elif vr in _EXPLICIT_VRS:
            length, begin = struct.unpack_from("<H", view, offset + 6)[0], offset + 8
        else:  # an implicit VR meta, against the standard, but seen
            length, begin = struct.unpack_from("<I", view, offset + 4)[0], offset + 8
        if begin + length > len(view):
            raise CannotUnderstand("the file ends within its File Meta Information")
        if element in (0x02, 0x03, 0x10):
            raw = bytes(view[begin : begin + length])
            values[element] = raw.decode("ascii", "replace").strip(" \x00")
        offset = begin + length
    return offset


def _guess_syntax(view: memoryview, offset: int) -> str:
    head = bytes(view[offset : offset + 8])
    if len(head) == 8:
        # Group 0008 comes first in nearly every data set; 0000 to 0028 bounds the guess.
        little, big = struct.unpack("<H", head[:2])[0], struct.unpack(">H", head[:2])[0]
        explicit = head[4:6] in _EXPLICIT_VRS
        if 0x0003 <= little <= 0x0040:
            if explicit:
                return EXPLICIT_LITTLE_ENDIAN
            if struct.unpack("<I", head[4:])[0] < 0x1_0000:
                return IMPLICIT_LITTLE_ENDIAN
        if explicit and 0x0003 <= big <= 0x0040:
            return EXPLICIT_BIG_ENDIAN
    raise CannotUnderstand("the bytes are not a DICOM file: no prefix, no known data element")
