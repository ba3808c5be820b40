"""JPEG 2000 without loss, for slides no one has compressed with loss before us."""

import imagecodecs
import numpy as np
from numpy.typing import NDArray

__all__ = ["decode", "encode"]


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Code (rows, columns) or (rows, columns, 3) as a reversible codestream."""
    colour = pixels.ndim == 3
    return bytes(
        imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(pixels), level=0, reversible=True, codecformat="J2K", mct=colour
        )
    )


def decode(stream: bytes) -> NDArray[np.uint8]:
    """Undo `encode`."""
    pixels: NDArray[np.uint8] = imagecodecs.jpeg2k_decode(stream)
    return pixels
