"""How much of a slide's tissue is out of focus, and where."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels import focus_map
from plugins.nouns import SlidePixels

__all__ = ["BLURRED_BELOW", "FOCUS_UM", "focus_of"]

FOCUS_UM: Final = 1.0
FIELD_UM, BLOCK_UM = 1024, 64  # read at once; measured as one
MOST_FIELDS: Final = 160
# Variance of the Laplacian over that of the picture: above 0.1 wherever our sharp slides have
# tissue, below 0.08 once they are blurred by 2 µm.
BLURRED_BELOW: Final = 0.08
FLAT_BELOW: Final = 60.0  # grey levels squared: nothing there to be sharp


def focus_of(
    slide: SlidePixels, tissue: NDArray[np.bool_], mpp: float, scale: float
) -> tuple[float | None, NDArray[np.bool_]]:
    """Share of the tissue that is out of focus, and where, on the picture of the tissue.

    Fields of about 1 mm with tissue are looked at; of very many, as many spread evenly.
    """
    blurred = np.zeros(tissue.shape, np.bool_)
    sharp_scale = min(1.0, mpp / FOCUS_UM)
    edge = FIELD_UM / mpp  # level-0 pixels
    places = [
        (x, y)
        for y in np.arange(0, slide.height, edge)
        for x in np.arange(0, slide.width, edge)
        if _part(tissue, x, y, edge, scale).mean() > 0.05
    ]
    if len(places) > MOST_FIELDS:
        chosen = np.linspace(0, len(places) - 1, MOST_FIELDS).round().astype(int)
        places = [places[index] for index in chosen]
    seen = out = 0.0
    for x, y in places:
        width, height = min(edge, slide.width - x), min(edge, slide.height - y)
        pixels, _ = slide.read(x, y, width, height, sharp_scale)
        block = max(8, round(BLOCK_UM / (mpp / sharp_scale)))
        ratio = _sharpness(pixels, block)
        for row, column in np.argwhere(~np.isnan(ratio)):
            left, top = x + column * block / sharp_scale, y + row * block / sharp_scale
            here = _part(tissue, left, top, block / sharp_scale, scale)
            share = float(here.mean()) if here.size else 0.0
            if share < 0.5:
                continue
            seen += share
            if ratio[row, column] < BLURRED_BELOW:
                out += share
                _part(blurred, left, top, block / sharp_scale, scale)[:] = True
    return (out / seen if seen else None), blurred


def _sharpness(pixels: NDArray[np.uint8], block: int) -> NDArray[np.float64]:
    """Variance of the Laplacian over that of the picture, in whole blocks; NaN where it is flat.

    The ratio does not hang on how strongly a slide is stained.
    """
    rows, columns = pixels.shape[0] // block, pixels.shape[1] // block
    grey = np.ascontiguousarray(pixels[: rows * block, : columns * block, 1])
    if not grey.size:
        return np.full((0, 0), np.nan)
    variance = grey.reshape(rows, block, columns, block).astype(np.float32).var(axis=(1, 3))
    edges = focus_map(grey, block)
    flat = variance < FLAT_BELOW
    return np.where(flat, np.nan, edges / np.where(flat, 1, variance))


def _part(
    mask: NDArray[np.bool_], x: float, y: float, edge: float, scale: float
) -> NDArray[np.bool_]:
    """The part of a mask under a square of level-0 pixels."""
    left, top = int(x * scale), int(y * scale)
    size = max(1, round(edge * scale))
    return mask[top : top + size, left : left + size]
