"""What a compressed frame says of itself, read from its first markers."""

import struct

__all__ = ["codestream_size"]

_J2K_START = b"\xff\x4f\xff\x51"  # SOC, SIZ
_JPEG_START = b"\xff\xd8"
# SOF0 to SOF15 without DHT, JPG and DAC, and SOF55 of JPEG-LS.
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def codestream_size(encoded: bytes) -> tuple[int, int] | None:
    """Rows and columns a JPEG, JPEG-LS or (HT)JPEG 2000 codestream claims; None if not found.

    References
    ----------
    ITU-T T.81 B.2.2, T.87 C.2.2, T.800 A.5.1
    """
    if encoded[:2] == _JPEG_START:
        return _jpeg_size(encoded)
    # Some senders wrap the codestream in a JP2 file; its boxes come first.
    start = encoded.find(_J2K_START, 0, 4096)
    if start < 0 or len(encoded) < start + 24:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", encoded, start + 8)
    return bottom - top, right - left


def _jpeg_size(encoded: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(encoded):
        if encoded[position] != 0xFF:
            return None
        marker = encoded[position + 1]
        if marker in _START_OF_FRAME:
            rows, columns = struct.unpack_from(">2H", encoded, position + 5)
            return rows, columns
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        position += 2 + int.from_bytes(encoded[position + 2 : position + 4], "big")
    return None
