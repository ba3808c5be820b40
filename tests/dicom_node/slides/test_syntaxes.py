"""Every transfer syntax a scanner may choose becomes a picture with its true pixels."""

from collections.abc import Callable
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import (
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicom_node.archive import Archive
from dicom_node.pixels.description import PixelDescription
from dicom_node.pixels.encode import encode_frame
from dicom_node.pixels.syntaxes import JXL_LOSSLESS
from dicom_node.slides import SlideSource
from tests.dicom_node.slides.glass import Glass, put, slide_of, tile_colour

TILE = (16, 16)
Encode = Callable[[NDArray[np.uint8]], bytes]


def by(syntax: str) -> Encode:
    """What the node itself encodes with, tested elsewhere against other decoders."""
    description = PixelDescription("1.2.840.10008.1.2.1", 16, 16, 3, "RGB", 8, 8, 0, 0, 1)
    return lambda pixels: encode_frame(pixels, description, syntax)


def jpeg_xl(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(pixels, lossless=True))


def jpeg_ls(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(imagecodecs.jpegls_encode(pixels))


@pytest.mark.parametrize(
    ("syntax", "encode", "photometric"),
    [
        (HTJ2KLossless, by(HTJ2KLossless), "YBR_RCT"),
        (JPEG2000Lossless, by(JPEG2000Lossless), "YBR_RCT"),
        (RLELossless, by(RLELossless), "RGB"),
        (JPEGLSLossless, jpeg_ls, "RGB"),
        (JXL_LOSSLESS, jpeg_xl, "RGB"),
    ],
)
def test_pixels_are_true_and_the_tile_is_for_browsers(
    archive: Archive, source: SlideSource, syntax: UID, encode: Encode, photometric: str
) -> None:
    def coded(*place: int) -> bytes:
        return encode(np.full((16, 16, 3), tile_colour(*place), np.uint8))

    glass = Glass()
    put(
        archive,
        glass.level(
            tile=TILE, pixels=coded, syntax=UID(syntax), PhotometricInterpretation=photometric
        ),
    )
    index = slide_of(archive, glass)
    frame = index.frame(0, 0, 0, 2, 1)
    expected = tile_colour(0, 0, 1, 2)
    values = source.values(index, frame)
    assert values.shape == (16, 16, 3)
    assert (values == expected).all()
    data, media_type = source.tile(index, frame)
    assert media_type == "image/jpeg"
    shown = np.asarray(Image.open(BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(shown - expected).max() <= 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_keeps_every_value(
    archive: Archive, source: SlideSource, dtype: type[np.unsignedinteger]
) -> None:
    ramp = np.arange(256, dtype=dtype).reshape(16, 16)

    def coded(*_place: int) -> bytes:
        return bytes(imagecodecs.jpeg2k_encode(ramp, level=0, reversible=True, codecformat="J2K"))

    bits = np.dtype(dtype).itemsize * 8
    glass = Glass()
    put(
        archive,
        glass.level(
            tile=TILE,
            pixels=coded,
            syntax=JPEG2000Lossless,
            SamplesPerPixel=1,
            PhotometricInterpretation="MONOCHROME2",
            PlanarConfiguration=None,
            BitsAllocated=bits,
            BitsStored=bits,
            HighBit=bits - 1,
        ),
    )
    index = slide_of(archive, glass)
    low, high = index.facts["optical_paths"][0]["range"]
    data, media_type = source.tile(index, index.frame(0, 0, 0, 0, 0))
    assert media_type == "image/png"
    expected = np.rint((ramp - low) * 255 / (high - low))
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(data))), expected)
