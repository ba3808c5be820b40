"""Maps as colour pictures, scale and warning burned in, for viewers that know no maps."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dicom_node.objects.typeface import FONTS
from kernels import named_palette

__all__ = ["map_pictures"]

SCALE_HEIGHT = 96
LEAST_SIZE = 320
TEXT_SIZE = 15
WHITE, GREY, AMBER = (255, 255, 255), (150, 150, 150), (255, 196, 64)


def map_pictures(
    values: NDArray[np.float32],
    *,
    palette: str,
    shown: tuple[float, float],
    title: str,
    unit: str,
    warning: str,
    places: Sequence[str],
) -> NDArray[np.uint8]:
    """Colour each plane and write its scale below it.

    Parameters
    ----------
    values : (slices, rows, columns) float32
        0 where there is no value: shown black.
    palette : str
        One of `kernels.PALETTES`.
    shown : (float, float)
        Values of the darkest and the brightest colour.
    title, unit, warning : str
    places : sequence of str
        What to write beside each plane: which slice it is.

    Returns
    -------
    (slices, rows + scale, columns, 3) uint8
    """
    low, high = shown
    table = named_palette(palette)
    share = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    indices = np.where(values == 0, 0, np.maximum(1, np.round(share * 255))).astype(np.uint8)
    coloured = table[indices]
    coloured[values == 0] = 0
    factor = max(1, -(-LEAST_SIZE // min(values.shape[1:])))
    coloured = coloured.repeat(factor, axis=1).repeat(factor, axis=2)
    scale = _scale(coloured.shape[2], table, shown, unit, title, warning)
    pages = [
        np.concatenate([_named(plane, place), scale])
        for plane, place in zip(coloured, places, strict=True)
    ]
    return np.stack(pages)


def _font(size: int = TEXT_SIZE) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / "NotoSans-Regular.ttf"), size)


def _named(plane: NDArray[np.uint8], place: str) -> NDArray[np.uint8]:
    picture = Image.fromarray(plane)
    ImageDraw.Draw(picture).text((6, 4), place, fill=WHITE, font=_font())
    return np.asarray(picture)


def _scale(
    width: int,
    table: NDArray[np.uint8],
    shown: tuple[float, float],
    unit: str,
    title: str,
    warning: str,
) -> NDArray[np.uint8]:
    """Title, colour bar with its ends and middle, and the warning."""
    picture = Image.new("RGB", (width, SCALE_HEIGHT))
    draw = ImageDraw.Draw(picture)
    draw.text((8, 4), f"{title} [{unit}]", fill=WHITE, font=_font())
    inner = width - 16
    bar = table[np.linspace(1, 255, inner).astype(np.uint8)]
    picture.paste(Image.fromarray(np.broadcast_to(bar, (14, inner, 3)).copy()), (8, 26))
    low, high = shown
    for share, anchor in ((0.0, "la"), (0.5, "ma"), (1.0, "ra")):
        text = f"{low + share * (high - low):g}"
        draw.text((8 + share * inner, 44), text, fill=GREY, font=_font(), anchor=anchor)
    size = TEXT_SIZE
    while size > 8 and draw.textlength(warning, font=_font(size)) > inner:
        size -= 1
    draw.text((8, 70), warning, fill=AMBER, font=_font(size))
    return np.asarray(picture)
