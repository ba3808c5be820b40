"""Colours as they were on the glass: a scanner's ICC profile, towards sRGB.

Browsers ignore the profile of a tile, since it stands in the DICOM header. The viewer gets a table
once and applies it to every tile; pictures made here go through Little CMS.
"""

from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

__all__ = ["EDGE", "is_usable", "table", "to_srgb"]

# Entries along each side of the table.
EDGE = 33
_HEADER_BYTES = 128


def is_usable(profile: bytes) -> bool:
    """Whether the bytes are a profile that RGB can be turned into sRGB by."""
    if len(profile) < _HEADER_BYTES:
        return False
    try:
        _transform(profile)
    except (ImageCms.PyCMSError, OSError):
        return False
    return True


def to_srgb(pixels: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """Turn (rows, columns, 3) of the scanner's colours into sRGB."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(ImageCms.applyTransform(image, _transform(profile)))


@lru_cache(maxsize=64)
def table(profile: bytes) -> bytes:
    """sRGB for `EDGE` ** 3 colours of the scanner, three bytes each; red changes fastest."""
    steps = np.rint(np.linspace(0, 255, EDGE)).astype(np.uint8)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    cube = np.stack([red, green, blue], axis=-1).reshape(EDGE, EDGE * EDGE, 3)
    return to_srgb(cube, profile).tobytes()


@lru_cache(maxsize=64)
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform:
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    # The intent its maker meant; black stays black, as on a viewer's screen.
    intent = ImageCms.Intent(ImageCms.getDefaultIntent(source))
    return ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        "RGB",
        "RGB",
        intent,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
