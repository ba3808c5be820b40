"""A frame as a picture a browser shows: windowed, cropped, scaled, JPEG or PNG."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Viewport", "encode_picture", "fit"]

JPEG, PNG = "image/jpeg", "image/png"


@dataclass(frozen=True, slots=True)
class Viewport:
    """What to show of an image, and in how many pixels (PS3.18 8.3.5.1.3).

    ``source_*`` are pixels of the frame; a width or height of 0 means up to the edge, a negative
    one mirrors. The result fits into ``width`` x ``height`` and keeps its shape.
    """

    width: int
    height: int
    source_x: int = 0
    source_y: int = 0
    source_width: int = 0
    source_height: int = 0


def fit(
    picture: NDArray[np.uint8], viewport: Viewport | None, aspect: float = 1.0
) -> NDArray[np.uint8]:
    """Crop and scale a picture.

    Parameters
    ----------
    picture : (rows, columns) or (rows, columns, 3)
    viewport : Viewport or None
        None leaves the size.
    aspect : float
        Height of a pixel by its width; other than 1 the picture is stretched to square pixels.

    Raises
    ------
    ValueError
        Nothing of the picture lies in the viewport.
    """
    if viewport is None:
        return picture
    part = _cropped(picture, viewport)
    rows, columns = part.shape[:2]
    scale = min(viewport.width / columns, viewport.height / (rows * aspect))
    size = (max(1, round(columns * scale)), max(1, round(rows * aspect * scale)))
    if size == (columns, rows):
        return part
    method = Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(part).resize(size, method))


def _cropped(picture: NDArray[np.uint8], viewport: Viewport) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    left, top = viewport.source_x, viewport.source_y
    width, height = viewport.source_width, viewport.source_height
    right = min(columns, left + (abs(width) or columns - left))
    bottom = min(rows, top + (abs(height) or rows - top))
    if not (0 <= left < right and 0 <= top < bottom):
        raise ValueError("the viewport shows nothing of the frame")
    part = picture[top:bottom, left:right]
    if width < 0:
        part = part[:, ::-1]
    if height < 0:
        part = part[::-1]
    return np.ascontiguousarray(part)


def encode_picture(picture: NDArray[np.uint8], media_type: str, quality: int) -> bytes:
    """Encode as ``image/jpeg`` (`quality` 1 to 100) or ``image/png``."""
    out = BytesIO()
    image = Image.fromarray(picture)
    if media_type == PNG:
        image.save(out, "PNG", compress_level=1)
    else:
        image.save(out, "JPEG", quality=quality, subsampling=0 if quality > 90 else 2)
    return out.getvalue()
