"""Small pictures that go with a result: a slide or region with what was found drawn on it."""

import base64
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dicom_node.objects.typeface import FONTS
from plugins.nouns import Text

__all__ = ["captioned", "outlined", "with_dots"]

EDGE: Final = 560
QUALITY: Final = 78
WATERMARK: Final = "HỖ TRỢ / AID"
FONT: Final = ImageFont.truetype(str(FONTS / "NotoSans-Bold.ttf"), 12)


def captioned(picture: NDArray[np.uint8], caption: Text) -> dict[str, Any]:
    """A picture as ``Result.detail["pictures"]`` holds it."""
    image = Image.fromarray(picture)
    image.thumbnail((EDGE, EDGE), Image.Resampling.BOX)
    ImageDraw.Draw(image).text((6, 4), WATERMARK, fill=(200, 30, 30), font=FONT)
    out = BytesIO()
    image.save(out, "JPEG", quality=QUALITY, optimize=True)
    return {
        "caption": caption,
        "data": f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}",
    }


def outlined(
    picture: NDArray[np.uint8], mask: NDArray[np.bool_], colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """The border of a mask drawn into a picture, two pixels wide."""
    inner = mask.copy()
    for axis in (0, 1):
        for step in (-2, 2):
            inner &= np.roll(mask, step, axis)
    drawn = picture.copy()
    drawn[mask & ~inner] = colour
    return drawn


def with_dots(
    picture: NDArray[np.uint8],
    points: NDArray[np.float64],
    is_positive: NDArray[np.bool_],
    outline: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Points (column, row) and the region's outline drawn into a picture, as large as it is
    shown: positive ones red, the others blue."""
    scale = min(1.0, EDGE / max(picture.shape[:2]))
    image = Image.fromarray(picture)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image = image.resize(size, Image.Resampling.BOX)
    draw = ImageDraw.Draw(image)
    ring = [(float(x), float(y)) for x, y in outline * scale]
    draw.line([*ring, ring[0]], fill=(20, 140, 60), width=2)
    for (x, y), positive in zip(points * scale, is_positive, strict=True):
        draw.ellipse(
            (x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=(230, 30, 30) if positive else (40, 90, 230)
        )
    return np.asarray(image)
