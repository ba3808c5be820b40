"""A scale bar on a picture of a slide: without one, nobody can tell a cell from a gland."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dicom_node.objects.typeface import FONTS

__all__ = ["bar_of", "with_scale_bar"]

# Of the picture's width, at most.
_SHARE = 0.25
_GROUND, _INK = (255, 255, 255), (0, 0, 0)


def bar_of(um_per_pixel: float, pixels: float) -> tuple[float, str]:
    """The longest round length that fits into `pixels`: micrometres, and its words."""
    longest = um_per_pixel * pixels
    power = 10.0 ** np.floor(np.log10(longest))
    um = next(step * power for step in (5.0, 2.0, 1.0) if step * power <= longest * (1 + 1e-9))
    return um, f"{um / 1000:g} mm" if um >= 1000 else f"{um:g} µm"


def with_scale_bar(pixels: NDArray[np.uint8], um_per_pixel: float) -> NDArray[np.uint8]:
    """Draw a bar into the lower right corner.

    Parameters
    ----------
    pixels : (rows, columns, 3) uint8
    um_per_pixel : float
    """
    height, width = pixels.shape[:2]
    um, words = bar_of(um_per_pixel, width * _SHARE)
    length = round(um / um_per_pixel)
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    unit = max(1, min(width, height) // 220)
    font = ImageFont.truetype(str(FONTS / "NotoSans-Bold.ttf"), max(9, 8 * unit))
    _, _, text_width, text_height = font.getbbox(words)
    inner = max(length, text_width)
    right, bottom = width - 3 * unit, height - 3 * unit
    left, top = right - inner - 8 * unit, bottom - text_height - 10 * unit
    pen.rectangle((left, top, right, bottom), fill=_GROUND)
    middle = (left + right) / 2
    pen.text((middle - text_width / 2, top + unit), words, fill=_INK, font=font)
    start = round(middle - length / 2)
    pen.rectangle((start, bottom - 5 * unit, start + length - 1, bottom - 3 * unit), fill=_INK)
    return np.asarray(image)
