"""One pass over an instance's bytes: its header in the DICOM JSON Model (PS3.18 F).

pydicom would do, at 4 ms of CPU for a CT header; ingest has 2 ms for everything. This reader takes
0.3 ms, never copies bulk values, and keeps what it understood when the rest is broken. Tests hold
it against pydicom on every file we have.

Values too long to be part of a header, and pixel data, come as ``{"vr", "BulkDataURI":
"bulk/<offset>/<length>"}``: bytes counted from the start of the file, or, where the transfer
syntax deflates the data set, from the start of the inflated data set.
"""

import base64
import mmap
import struct
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR, private_dictionary_VR

from dicom_node.archive.values import BINARY, NUMBERS, Charset, json_value
from dicom_node.part10 import (
    DEFLATED,
    EXPLICIT_BIG_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
)

__all__ = ["Header", "PixelData", "first_value", "inflate", "read_header"]

Buffer = Any  # bytes or mmap: sliceable to bytes, readable by struct

_UNDEFINED = 0xFFFFFFFF
_INLINE_BYTES = 4096
_INLINE_TEXT_BYTES = 65_536
_DEEPEST = 48
_MOST_ELEMENTS = 2_000_000
_MOST_INFLATED = 1 << 30
_MAPPED_BYTES = 1 << 22

_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"))
_LONG_NUMBERS = frozenset((b"SV", b"UV"))  # 64-bit integers have 32-bit lengths too
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_PIXEL_ELEMENTS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_LUT_DATA = 0x00283006


@dataclass(frozen=True, slots=True)
class PixelData:
    """Where the pixel data are: `offset` and `length` of the value, in bytes.

    For encapsulated pixel data the value is the run of items, without the closing delimiter;
    `items` are the place and length of what is in each, the Basic Offset Table first.
    """

    offset: int
    length: int
    encapsulated: bool
    items: tuple["array[int]", "array[int]"] = (array("Q"), array("Q"))


@dataclass(slots=True)
class Header:
    """What one pass found.

    ``dicom_json`` is the DICOM JSON Model of the data set. ``problem`` says where the reader had to
    stop, or is "" when it read everything; what came before is in ``dicom_json`` all the same.
    """

    dicom_json: dict[str, Any] = field(default_factory=dict)
    pixel_data: PixelData | None = None
    extended_offsets: tuple[int, int] | None = None  # (7FE0,0001): offset, length
    problem: str = ""


class _Broken(Exception):
    """The bytes stop making sense here."""


def first_value(dicom_json: dict[str, Any], tag: str) -> Any:
    """Return an attribute's first value, "" when it is absent or empty. Names as DICOM text."""
    values = dicom_json.get(tag, {}).get("Value")
    if not values or values[0] is None:
        return ""
    value = values[0]
    if isinstance(value, dict):
        groups = (value.get(key, "") for key in ("Alphabetic", "Ideographic", "Phonetic"))
        return "=".join(groups).rstrip("=")
    return value


def inflate(data: bytes) -> bytes:
    """Inflate a deflated data set (PS3.5 A.5). Raises ValueError when it is broken or a bomb."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        result = inflater.decompress(data, _MOST_INFLATED)
    except zlib.error as error:
        raise ValueError("the deflated data set is broken") from error
    if inflater.unconsumed_tail:
        raise ValueError("the deflated data set is too large")
    return result


def read_header(buffer: Buffer, offset: int, transfer_syntax_uid: str) -> Header:
    """Read the data set that begins at `offset` (bytes) of a file. Never raises on bad bytes."""
    header = Header()
    if transfer_syntax_uid in DEFLATED:
        try:
            buffer, offset = inflate(buffer[offset:]), 0
        except ValueError as error:
            header.problem = str(error)
            return header
    reader = _Reader(buffer, header, transfer_syntax_uid == EXPLICIT_BIG_ENDIAN)
    explicit = transfer_syntax_uid != IMPLICIT_LITTLE_ENDIAN
    try:
        reader.elements(offset, len(buffer), explicit, reader.default, header.dicom_json, 0)
    except (_Broken, struct.error) as error:
        header.problem = str(error) or "the data set is broken"
    return header


class _Reader:
    def __init__(self, buffer: Buffer, header: Header, big_endian: bool) -> None:
        self.buffer = buffer
        self.header = header
        self.order = ">" if big_endian else "<"
        self.default = Charset(())
        self.count = 0
        self._tag: Callable[..., tuple[Any, ...]] = struct.Struct(self.order + "HH").unpack_from
        self._half: Callable[..., tuple[Any, ...]] = struct.Struct(self.order + "H").unpack_from
        self._word: Callable[..., tuple[Any, ...]] = struct.Struct(self.order + "I").unpack_from

    def elements(
        self,
        offset: int,
        end: int,
        explicit: bool,
        charset: "Charset",
        out: dict[str, Any],
        depth: int,
    ) -> int:
        """Read elements into `out` up to `end` or a delimiter; return the offset behind them."""
        buffer = self.buffer
        if depth > _DEEPEST:
            raise _Broken("sequences are nested too deeply")
        creators: dict[int, str] = {}
        signed = False
        while offset + 8 <= end:
            self.count += 1
            if self.count > _MOST_ELEMENTS:
                raise _Broken("the data set has too many elements for a header")
            group, element = self._tag(buffer, offset)
            if group == 0xFFFE:
                return offset + 8
            tag = group << 16 | element
            vr = buffer[offset + 4 : offset + 6] if explicit else b""
            if vr in _SHORT:
                length, start = self._half(buffer, offset + 6)[0], offset + 8
            elif vr in _LONG or vr in _LONG_NUMBERS:
                length, start = self._word(buffer, offset + 8)[0], offset + 12
            elif explicit and vr.isalpha() and vr.isupper():
                # A VR of the future has a 32-bit length (PS3.5 7.1.2).
                length, start, vr = self._word(buffer, offset + 8)[0], offset + 12, b"UN"
            else:  # implicit, or an implicit element gone astray in an explicit data set
                length, start = self._word(buffer, offset + 4)[0], offset + 8
                vr = self._vr(tag, signed, creators, out)
            implicit_value = not explicit
            if vr == b"UN" and explicit:
                # Value of a known attribute that passed through a node that did not know it:
                # implicit VR little endian inside (PS3.5 6.2.2 note 2).
                known = self._vr(tag, signed, creators, out)
                if known != b"UN" and length != _UNDEFINED and self.order == "<":
                    vr, implicit_value = known, True
            key = f"{tag:08X}"
            if length == _UNDEFINED or vr == b"SQ":
                if vr in (b"SQ", b"UN") and tag not in _PIXEL_ELEMENTS:
                    inside = explicit and vr == b"SQ" and not implicit_value
                    stop = end if length == _UNDEFINED else start + length
                    if stop > end:
                        raise _Broken(f"sequence ({key[:4]},{key[4:]}) is longer than its parent")
                    items: list[dict[str, Any]] = []
                    offset = self._items(start, stop, inside, charset, items, depth, length)
                    out[key] = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
                    continue
                offset = self._fragments(start, end, key, vr, tag, out, depth)
                continue
            offset = start + length
            if offset > end:
                if tag in _PIXEL_ELEMENTS and depth == 0:
                    self.header.pixel_data = PixelData(start, end - start, False)
                    out[key] = {"vr": vr.decode(), "BulkDataURI": f"bulk/{start}/{end - start}"}
                raise _Broken(f"element ({key[:4]},{key[4:]}) is longer than the data set")
            if element == 0:
                continue  # group lengths are not part of the JSON model (PS3.18 F.2.2)
            if tag in _PIXEL_ELEMENTS and depth == 0:
                self.header.pixel_data = PixelData(start, length, False)
                out[key] = {"vr": vr.decode(), "BulkDataURI": f"bulk/{start}/{length}"}
                continue
            if not length:
                out[key] = {"vr": vr.decode()}
                continue
            if length > _INLINE_BYTES and self._is_bulk(tag, vr, start, length, key, out, depth):
                continue
            raw = buffer[start:offset]
            if group & 1 and 0x10 <= element <= 0xFF:
                creators[group << 16 | element] = raw.decode("latin-1").strip(" \x00")
            elif tag == 0x00080005:
                charset = Charset.named(raw.decode("latin-1"))
            elif tag == 0x00280103:
                signed = raw[:1] == b"\x01" or raw[-1:] == b"\x01"
            try:
                value = json_value(vr, raw, self.order, charset)
            except (ValueError, LookupError, struct.error):
                # Not what its VR promises: hand the bytes on as they are.
                value = {"vr": "UN", "InlineBinary": base64.b64encode(raw).decode()}
            out[key] = value
        if 0 < end - offset < 8 and buffer[offset:end].strip(b"\x00"):
            raise _Broken("bytes are left over behind the last element")
        return offset

    def _items(
        self,
        offset: int,
        end: int,
        explicit: bool,
        charset: "Charset",
        items: list[dict[str, Any]],
        depth: int,
        length: int,
    ) -> int:
        while offset + 8 <= end:
            group, element = self._tag(self.buffer, offset)
            size = self._word(self.buffer, offset + 4)[0]
            offset += 8
            if group != 0xFFFE:
                raise _Broken("a sequence holds something other than items")
            if element == 0xE0DD:
                if length == _UNDEFINED:
                    return offset
                continue  # a delimiter although the length was given; seen in the field
            item: dict[str, Any] = {}
            items.append(item)
            stop = end if size == _UNDEFINED else offset + size
            if stop > end:
                raise _Broken("an item is longer than its sequence")
            read = self.elements(offset, stop, explicit, charset, item, depth + 1)
            offset = read if size == _UNDEFINED else stop
        return offset

    def _fragments(
        self, start: int, end: int, key: str, vr: bytes, tag: int, out: dict[str, Any], depth: int
    ) -> int:
        """Walk over an encapsulated value; return the offset behind its delimiter."""
        places, lengths = array("Q"), array("Q")
        offset = seen = start
        is_ended = False
        while offset + 8 <= end:
            group, element = self._tag(self.buffer, offset)
            size = self._word(self.buffer, offset + 4)[0]
            is_ended = (group, element) == (0xFFFE, 0xE0DD)
            if group != 0xFFFE or is_ended or offset + 8 + size > end:
                break
            places.append(offset + 8)
            lengths.append(size)
            offset += 8 + size
            if offset - seen > _MAPPED_BYTES and isinstance(self.buffer, mmap.mmap):
                # A slide has gigabytes; the pages we have seen need not stay in our memory.
                self.buffer.madvise(mmap.MADV_DONTNEED)
                seen = offset
        if tag in _PIXEL_ELEMENTS and depth == 0:
            items = (places, lengths)
            self.header.pixel_data = PixelData(start, offset - start, True, items)
        out[key] = {"vr": vr.decode(), "BulkDataURI": f"bulk/{start}/{offset - start}"}
        if not is_ended:
            raise _Broken(f"the fragments of ({key[:4]},{key[4:]}) do not end")
        return offset + 8

    def _is_bulk(
        self,
        tag: int,
        vr: bytes,
        start: int,
        length: int,
        key: str,
        out: dict[str, Any],
        depth: int,
    ) -> bool:
        if tag == 0x7FE00001 and depth == 0:
            self.header.extended_offsets = (start, length)
        if vr not in BINARY and vr not in NUMBERS and length <= _INLINE_TEXT_BYTES:
            return False
        out[key] = {"vr": vr.decode(), "BulkDataURI": f"bulk/{start}/{length}"}
        return True

    def _vr(self, tag: int, signed: bool, creators: dict[int, str], out: dict[str, Any]) -> bytes:
        """Return the VR the dictionary gives; choose where it leaves a choice (PS3.5 A.1)."""
        entry = DicomDictionary.get(tag)
        if entry is not None:
            vr: str = entry[0]
        elif tag & 0xFFFF == 0:
            return b"UL"
        elif tag >> 16 & 1:
            element = tag & 0xFFFF
            if 0x10 <= element <= 0xFF:
                return b"LO"
            creator = creators.get((tag & 0xFFFF0000) | element >> 8)
            if not creator:
                return b"UN"
            try:
                vr = private_dictionary_VR(tag, creator)
            except KeyError:
                return b"UN"
        else:
            return _repeater_vr(tag)
        if len(vr) == 2:
            return vr.encode()
        if vr == "US or SS":
            return b"SS" if signed else b"US"
        if vr.startswith("US or"):
            descriptor = out.get("00283002", {}).get("Value", [0])
            return b"US" if tag == _LUT_DATA and descriptor[0] == 1 else b"OW"
        return b"OW"


def _repeater_vr(tag: int) -> bytes:
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return b"UN"
    return vr.encode() if len(vr) == 2 else b"OW"
