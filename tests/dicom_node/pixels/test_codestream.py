import struct

import pytest

from dicom_node.pixels.codestream import codestream_size

SIZ = struct.pack(">4sHH4I", b"\xff\x4f\xff\x51", 41, 0, 140, 70, 40, 20)
SOF = b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 300, 400)
COMMENT = b"\xff\xfe" + struct.pack(">H", 6) + b"note"


@pytest.mark.parametrize(
    ("encoded", "size"),
    [
        (SIZ, (50, 100)),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\x00" * 60 + SIZ, (50, 100)),
        (b"\xff\xd8" + SOF, (300, 400)),
        (b"\xff\xd8" + COMMENT + b"\xff\xff" + SOF, (300, 400)),
        (b"\xff\xd8" + COMMENT + b"\xff\xf7" + SOF[2:], (300, 400)),
        (b"\xff\xd8" + COMMENT, None),
        (b"\xff\xd8garbage-garbage", None),
        (SIZ[:20], None),
        (b"", None),
        (b"\x00" * 5000 + SIZ, None),
    ],
)
def test_size_as_the_first_markers_tell(encoded: bytes, size: tuple[int, int] | None) -> None:
    assert codestream_size(encoded) == size
