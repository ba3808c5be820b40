"""What a JPEG tile lacks is added, and nothing else."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dicom_node.slides.jpeg import read_head, splice

GENERATOR = np.random.default_rng(4)
# Smooth, so that the loss is small and a wrong colour space shows.
PIXELS = np.stack(
    [np.add.outer(np.arange(16), np.arange(16)) * factor for factor in (8, 4, 1)], axis=-1
).astype(np.uint8)


def encoded(mode: str, subsampling: int = 0) -> bytes:
    """RGB components as they are ("RGB"), or YCbCr ("YCbCr"), by libjpeg."""
    out = BytesIO()
    Image.fromarray(PIXELS).save(
        out, "JPEG", quality=95, subsampling=subsampling, keep_rgb=mode == "RGB"
    )
    return out.getvalue()


def without(data: bytes, *markers: int) -> bytes:
    """Take segments out."""
    at, kept = 2, [data[:2]]
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] not in markers:
            kept.append(data[at:end])
        at = end
    return b"".join(kept) + data[at:]


def shown(data: bytes) -> NDArray[np.uint8]:
    """As libjpeg, and so every browser, shows it."""
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def numbered(data: bytes) -> bytes:
    """Components called 1, 2, 3 instead of R, G, B, as Aperio's are: nothing tells them apart."""
    out = bytearray(data)
    for at in (data.index(b"\xff\xc0") + 10, data.index(b"\xff\xda") + 5):
        step = 3 if data[at - 9 : at - 8] != b"\xff" and data[at - 10] == 0xFF else 2
        for number in range(3):
            out[at + step * number] = number + 1
    return bytes(out)


def aperio() -> bytes:
    """RGB without a word about it."""
    return numbered(without(encoded("RGB"), 0xEE, 0xE0))


def test_silent_rgb_is_marked_and_shows_its_colours() -> None:
    silent = aperio()
    assert np.abs(shown(silent).astype(int) - PIXELS).max() > 60  # the pink and green
    fixed = splice(silent, b"", is_rgb=True)
    assert len(fixed) == len(silent) + 16
    assert np.abs(shown(fixed).astype(int) - PIXELS).max() < 12
    # The coded scan is untouched, and a second time changes nothing.
    assert fixed.endswith(silent[silent.index(b"\xff\xda") :])
    assert splice(fixed, b"", is_rgb=True) == fixed


@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_header_that_wrongly_says_rgb_is_not_believed(subsampling: int) -> None:
    """JFIF is YCbCr, and nobody subsamples green: real slides claim RGB for such tiles."""
    data = encoded("YCbCr", subsampling)
    if subsampling:
        data = without(data, 0xE0)
    assert splice(data, b"", is_rgb=True) == data


def test_ycbcr_is_left_alone() -> None:
    silent = without(encoded("YCbCr"), 0xE0)
    assert splice(silent, b"", is_rgb=False) == silent


def test_an_abbreviated_stream_gets_its_tables() -> None:
    whole = encoded("YCbCr")
    head = read_head(whole)
    assert head is not None
    bare = without(whole, 0xDB, 0xC4)
    with pytest.raises(OSError):
        shown(bare)
    np.testing.assert_array_equal(shown(splice(bare, head.tables, is_rgb=False)), shown(whole))


def test_both_at_once() -> None:
    silent = aperio()
    head = read_head(silent)
    assert head is not None
    assert not head.is_jfif
    fixed = splice(without(silent, 0xDB, 0xC4), head.tables, is_rgb=True)
    np.testing.assert_array_equal(shown(fixed), shown(splice(silent, b"", is_rgb=True)))


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xff\xd8\xff\xdb\xff\xff"]
)
def test_what_is_no_jpeg_stays_as_it_is(data: bytes) -> None:
    assert read_head(data) is None
    assert splice(data, b"tables", is_rgb=True) == data


def test_fill_bytes_before_markers() -> None:
    data = encoded("YCbCr")
    padded = data[:2] + b"\xff\xff" + data[2:]
    head = read_head(padded)
    assert head is not None
    assert head.is_for_browsers
    assert head.is_jfif
