"""OME-TIFF and QPTIFF written for tests: known pictures by channel and focal plane."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

__all__ = ["CHANNELS", "halves", "picture", "write_ome", "write_qptiff"]

BLUE, GREEN, RED = 0x0000FFFF, 0x00FF00FF, -0x00FFFF01
CHANNELS = {
    "Name": ["DAPI", "CD3 (Opal 520)", "PanCK"],
    "Color": [BLUE, GREEN, RED],
    "ExcitationWavelength": [358, 488, 561],
    "EmissionWavelength": [461, 520, 603],
}


def picture(
    channels: int, planes: int, rows: int, columns: int, dtype: Any = np.uint16
) -> NDArray[Any]:
    """(channels, planes, rows, columns): waves that differ in every layer, of 12 or 8 bits."""
    y, x = np.mgrid[:rows, :columns]
    most = 4095 if np.dtype(dtype).itemsize == 2 else 255
    made = np.empty((channels, planes, rows, columns), dtype)
    for channel in range(channels):
        for plane in range(planes):
            wave = np.sin(x / (23 + 5 * channel)) + np.cos(y / (31 + 3 * channel + 2 * plane))
            made[channel, plane] = (wave / 4 + 0.5) * most * (1 - plane / (2 * planes))
    return made


def halves(pixels: NDArray[Any]) -> NDArray[Any]:
    """The mean of 2 x 2 pixels of the last two axes, halves up; an odd last one is repeated."""
    rows, columns = pixels.shape[-2:]
    even = np.pad(
        pixels.astype(np.uint32),
        [(0, 0)] * (pixels.ndim - 2) + [(0, rows % 2), (0, columns % 2)],
        mode="edge",
    )
    four = even[..., ::2, ::2] + even[..., 1::2, ::2] + even[..., ::2, 1::2] + even[..., 1::2, 1::2]
    return ((four + 2) // 4).astype(pixels.dtype)


def write_ome(path: Path, levels: list[NDArray[Any]], axes: str = "CZYX", **options: Any) -> Path:
    """Write an OME-TIFF; all but the first of `levels` become SubIFDs."""
    byteorder = options.pop("byteorder", "<")
    metadata = {
        "axes": axes,
        "PhysicalSizeX": 0.5,
        "PhysicalSizeY": 0.5,
        "PhysicalSizeZ": 1.5,
        **options.pop("metadata", {"Channel": CHANNELS}),
    }
    given = {"tile": (256, 256), "photometric": "minisblack", **options}
    with tifffile.TiffWriter(path, ome=True, byteorder=byteorder) as tiff:
        tiff.write(levels[0], subifds=len(levels) - 1, metadata=metadata, **given)
        for level in levels[1:]:
            tiff.write(level, subfiletype=1, **given)
    return path


def write_qptiff(path: Path, levels: list[NDArray[Any]], **options: Any) -> Path:
    """Write what Akoya's scanners do: a page a channel, a thumbnail, smaller levels, the rest."""

    def described(kind: str, channel: int) -> str:
        colour = ("0,0,255", "0,255,0", "255,0,0")[channel % 3]
        return (
            '<?xml version="1.0" encoding="utf-8"?><PerkinElmer-QPI-ImageDescription>'
            f"<ImageType>{kind}</ImageType><Name>Opal {channel}</Name>"
            f"<Biomarker>Marker {channel}</Biomarker><Color>{colour}</Color>"
            "<Objective>20x</Objective></PerkinElmer-QPI-ImageDescription>"
        )

    given = {
        "photometric": "minisblack",
        "software": "PerkinElmer-QPI",
        "resolution": (20000, 20000),
        "resolutionunit": "CENTIMETER",
        "metadata": None,
    }
    rows, columns = levels[0].shape[-2:]
    small = np.full((rows // 7, columns // 7, 3), 90, np.uint8)
    rgb = given | {"photometric": "rgb"}
    with tifffile.TiffWriter(path) as tiff:
        for number, level in enumerate(levels):
            kind = "ReducedResolution" if number else "FullResolution"
            for channel, layer in enumerate(level):
                described_by = described(kind, channel)
                tiff.write(layer, tile=(256, 256), description=described_by, **given, **options)
            if not number:
                tiff.write(small, description=described("Thumbnail", 0), **rgb)
        tiff.write(small + 1, description=described("Overview", 0), **rgb)
        tiff.write(small + 2, description=described("Label", 0), **rgb)
    return path
