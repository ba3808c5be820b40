"""One frame as a browser can show it: windowed, cut out, scaled, packed as JPEG or PNG.

What a rendered DICOMweb resource needs (PS3.18 8.3.5.1), on arrays. Everything is a pure
function of hashable arguments and the frame, so that a server may cache by
(object, frame, `Viewport`, `Display`, format, quality).
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from kernels._checks import array, choice, number, positive, room, whole
from kernels.palette import display_colour
from kernels.window import Display, display

__all__ = ["FORMATS", "Viewport", "encode", "render"]

FORMATS = ("jpeg", "png")
LARGEST = 16384  # pixels along one side of a rendered image


@dataclass(frozen=True, slots=True)
class Viewport:
    """Which part of a frame to show, and how large.

    Parameters
    ----------
    columns, rows : int
        The box, in screen pixels, that the image must fit in; its aspect is kept, and it may be
        smaller than the box.
    left, top : float
        Source corner, in image pixels from the top left corner of the top left pixel.
    width, height : float or None
        Source size in image pixels; None reaches to the edge; negative mirrors the image
        left-right or top-bottom.

    References
    ----------
    PS3.18 8.3.5.1.3
    """

    columns: int
    rows: int
    left: float = 0.0
    top: float = 0.0
    width: float | None = None
    height: float | None = None

    def __post_init__(self) -> None:
        whole("columns", self.columns, 1, LARGEST)
        whole("rows", self.rows, 1, LARGEST)
        for name in ("left", "top"):
            if number(name, getattr(self, name)) < 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected 0 or more")
        for name in ("width", "height"):
            value = getattr(self, name)
            if value is not None and number(name, value) == 0:
                raise ValueError(f"{name} is {value!r}; expected a size other than 0")


def render(
    frame: ArrayLike,
    how: Display | None = None,
    viewport: Viewport | None = None,
    palette: ArrayLike | None = None,
    pixel_aspect: float = 1.0,
) -> NDArray[np.uint8]:
    """Turn one decoded frame into screen pixels.

    The frame is windowed first and scaled after: with an area filter when it shrinks, linear
    when it grows.

    Parameters
    ----------
    frame : (rows, columns), or (rows, columns, 3) uint8 for colour
        Stored values.
    how : Display
        Needed for grey; colour frames ignore it.
    viewport : Viewport, optional
        None shows the frame as it is.
    palette : (256, 3) uint8, optional
        Shows a grey frame in colour.
    pixel_aspect : float
        Row spacing over column spacing; other than 1 stretches the image to true proportion.

    Returns
    -------
    (rows, columns) or (rows, columns, 3) uint8
    """
    found = array("frame", frame, (2, 3))
    room("the shape of frame", found.shape, 1)
    if found.ndim == 3:
        if found.shape[2] != 3 or found.dtype != np.uint8:
            raise ValueError(
                f"frame has shape {found.shape} and dtype {found.dtype}; "
                "expected (rows, columns, 3) uint8 for colour"
            )
        shown = np.ascontiguousarray(found)
    elif palette is not None:
        shown = display_colour(found, how or Display(), palette)
    else:
        shown = display(found, how or Display())
    aspect = positive("pixel_aspect", pixel_aspect)
    if viewport is None:
        if abs(aspect - 1) < 1e-3 or not shown.size:
            return shown
        rows, columns = shown.shape[:2]
        viewport = Viewport(
            max(1, round(columns * max(1, 1 / aspect))), max(1, round(rows * max(1, aspect)))
        )
    return scaled(shown, viewport, aspect)


def scaled(image: NDArray[np.uint8], viewport: Viewport, aspect: float) -> NDArray[np.uint8]:
    """Cut the viewport's source out of `image` and fit it to its box."""
    rows, columns = image.shape[:2]
    width = columns - viewport.left if viewport.width is None else viewport.width
    height = rows - viewport.top if viewport.height is None else viewport.height
    right, bottom = viewport.left + abs(width), viewport.top + abs(height)
    if right > columns or bottom > rows or right <= viewport.left or bottom <= viewport.top:
        raise ValueError(
            f"viewport takes columns {viewport.left} to {right} and rows {viewport.top} to "
            f"{bottom}; expected a part of the {rows} x {columns} frame"
        )
    zoom = min(viewport.columns / abs(width), viewport.rows / (abs(height) * aspect))
    size = (
        min(viewport.columns, max(1, round(abs(width) * zoom))),
        min(viewport.rows, max(1, round(abs(height) * aspect * zoom))),
    )
    box = viewport.left, viewport.top, right, bottom
    # Pillow widens its filters when it shrinks: a box then averages areas.
    shrinks = zoom <= 1 and aspect * zoom <= 1
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    result = np.asarray(Image.fromarray(image).resize(size, method, box=box))
    if width < 0:
        result = result[:, ::-1]
    if height < 0:
        result = result[::-1]
    return np.ascontiguousarray(result)


def encode(image: ArrayLike, format: str, quality: int = 85) -> bytes:
    """Pack screen pixels.

    Parameters
    ----------
    image : (rows, columns) or (rows, columns, 3) uint8
    format : "jpeg" or "png"
    quality : int
        1 to 100, for JPEG. Colour is not subsampled from 90 on.
    """
    found = array("image", image, (2, 3), "u")
    if found.dtype != np.uint8 or not found.size or found.shape[2:] not in ((), (3,)):
        raise ValueError(
            f"image has shape {found.shape} and dtype {found.dtype}; "
            "expected (rows, columns) or (rows, columns, 3) uint8, not empty"
        )
    whole("quality", quality, 1, 100)
    target = BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(found))
    if choice("format", format, FORMATS) == "jpeg":
        if max(found.shape[:2]) > 65500:
            raise ValueError(f"image has shape {found.shape}; expected sides up to 65500 for JPEG")
        picture.save(target, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
    else:
        picture.save(target, "PNG", compress_level=3)
    return target.getvalue()
