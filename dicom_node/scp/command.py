"""Command sets (PS3.7 6.3.1): group 0000 in Implicit VR Little Endian, as a dictionary of keywords.

pynetdicom spends a quarter of a C-STORE's time on pydicom data sets for these few elements.
"""

import struct
from typing import Any

__all__ = ["NO_DATASET", "Command", "CommandError", "Field", "decode", "encode"]

Command = dict[str, Any]
NO_DATASET = 0x0101
_DATASET = 0x0001

_ELEMENTS: dict[int, tuple[str, str]] = {
    0x0002: ("AffectedSOPClassUID", "UI"),
    0x0003: ("RequestedSOPClassUID", "UI"),
    0x0100: ("CommandField", "US"),
    0x0110: ("MessageID", "US"),
    0x0120: ("MessageIDBeingRespondedTo", "US"),
    0x0600: ("MoveDestination", "AE"),
    0x0700: ("Priority", "US"),
    0x0800: ("CommandDataSetType", "US"),
    0x0900: ("Status", "US"),
    0x0902: ("ErrorComment", "LO"),
    0x1000: ("AffectedSOPInstanceUID", "UI"),
    0x1001: ("RequestedSOPInstanceUID", "UI"),
    0x1002: ("EventTypeID", "US"),
    0x1008: ("ActionTypeID", "US"),
    0x1020: ("NumberOfRemainingSuboperations", "US"),
    0x1021: ("NumberOfCompletedSuboperations", "US"),
    0x1022: ("NumberOfFailedSuboperations", "US"),
    0x1023: ("NumberOfWarningSuboperations", "US"),
    0x1030: ("MoveOriginatorApplicationEntityTitle", "AE"),
    0x1031: ("MoveOriginatorMessageID", "US"),
}
_PLACES = {keyword: (element, vr) for element, (keyword, vr) in _ELEMENTS.items()}


class CommandError(ValueError):
    """The bytes are no command set."""


class Field:
    """Values of Command Field (PS3.7 E.1); a response has the highest bit set."""

    STORE = 0x0001
    GET = 0x0010
    FIND = 0x0020
    MOVE = 0x0021
    ECHO = 0x0030
    EVENT_REPORT = 0x0100
    ACTION = 0x0130
    CANCEL = 0x0FFF
    RESPONSE = 0x8000


def encode(command: Command, has_dataset: bool = False) -> bytes:
    """Encode a command set; group length and data set type are filled in."""
    values = command | {"CommandDataSetType": _DATASET if has_dataset else NO_DATASET}
    parts = []
    for element, vr, value in sorted((*_PLACES[key], value) for key, value in values.items()):
        if vr == "US":
            parts.append(struct.pack("<HHIH", 0, element, 2, value))
        else:
            raw = value.encode("ascii", "replace")
            raw += (b"\x00" if vr == "UI" else b" ") * (len(raw) % 2)
            parts.append(struct.pack("<HHI", 0, element, len(raw)) + raw)
    body = b"".join(parts)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def decode(raw: bytes | bytearray) -> Command:
    """Decode a command set; elements we have no use for are left out. Raises CommandError."""
    command: Command = {}
    offset, end = 0, len(raw)
    try:
        while offset < end:
            group, element, length = struct.unpack_from("<HHI", raw, offset)
            offset += 8
            if group != 0 or offset + length > end:
                raise CommandError("the command set is broken")
            known = _ELEMENTS.get(element)
            if known is not None:
                keyword, vr = known
                if vr == "US":
                    command[keyword] = struct.unpack_from("<H", raw, offset)[0]
                else:
                    value = bytes(raw[offset : offset + length])
                    command[keyword] = value.decode("ascii", "replace").strip(" \x00")
            offset += length
    except struct.error as error:
        raise CommandError("the command set is broken") from error
    if "CommandField" not in command or "CommandDataSetType" not in command:
        raise CommandError("the command set says not what it wants")
    return command
