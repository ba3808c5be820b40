"""RLE Lossless (PS3.5 G): grey of 16 bits, which no browser shows as it is.

Every DICOM toolkit reads it, and it decodes in a fiftieth of the time of JPEG 2000, for 1.4 times
the bytes: tiles of several channels are decoded for each field a reader looks at.
"""

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from rle.utils import encode_pixel_data

__all__ = ["decode", "encode"]


def encode(pixels: NDArray[np.uint16]) -> bytes:
    """Code (rows, columns) uint16."""
    rows, columns = pixels.shape
    raw = np.ascontiguousarray(pixels, "<u2").tobytes()
    return encode_pixel_data(
        raw, byteorder="<", rows=rows, columns=columns, samples_per_pixel=1, bits_allocated=16
    )


def decode(frame: bytes, rows: int, columns: int) -> NDArray[np.uint16]:
    """Undo `encode`, by another library."""
    raw = imagecodecs.dicomrle_decode(frame, "<u2")
    return np.frombuffer(raw, "<u2").reshape(rows, columns).astype(np.uint16)
