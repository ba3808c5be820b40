"""Optical paths: what each is called, in which colour and in which window it is shown."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_node.errors import DicomNodeError
from dicom_node.pixels.attributes import Attributes, ReadBulk
from dicom_node.pixels.description import PixelDescription
from dicom_node.pixels.display import palette
from dicom_node.pixels.frames import Frames
from dicom_node.slides.levels import Pyramid

__all__ = ["channel_sample", "colour_of", "describe_path", "range_of", "window_of"]

_ENOUGH_PIXELS = 1 << 16
_MOST_FRAMES = 8

WHITE = (255, 255, 255)
# What is named or measured in a fluorescence microscope, and the colour people expect.
_STAINS = (
    (("DAPI", "HOECHST"), (0, 0, 255)),
    (("FITC", "GFP", "ALEXA 488", "ALEXA488", "SPGREEN", "GREEN"), (0, 255, 0)),
    (("TRITC", "CY3", "RHODAMINE", "SPORANGE", "ORANGE"), (255, 128, 0)),
    (("TEXAS RED", "TEXASRED", "MCHERRY", "SPRED", "ALEXA 594", "RED"), (255, 0, 0)),
    (("CY5", "ALEXA 647", "FAR RED"), (255, 0, 255)),
    (("AQUA", "CYAN", "CFP"), (0, 255, 255)),
    (("YELLOW", "GOLD", "YFP"), (255, 255, 0)),
)
_WAVELENGTHS_NM = (
    (380, (128, 0, 255)),
    (440, (0, 0, 255)),
    (490, (0, 255, 255)),
    (510, (0, 255, 0)),
    (570, (255, 255, 0)),
    (590, (255, 128, 0)),
    (620, (255, 0, 0)),
    (780, (255, 0, 255)),
)
_IN_ORDER = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255), (255, 0, 255), (255, 255, 0))


def describe_path(
    item: Mapping[str, Any], number: int, is_monochrome: bool, read_bulk: ReadBulk
) -> dict[str, Any]:
    """What the slide's JSON says of one item of the Optical Path Sequence (PS3.3 C.8.12.5)."""
    path = Attributes(item, 0, read_bulk)
    description = path.text("OpticalPathDescription")
    illumination = path.group("IlluminationTypeCodeSequence").text("CodeMeaning")
    is_fluorescent = is_monochrome and "FLUORESCENCE" in illumination.upper()
    colour = colour_of(path, number, is_fluorescent) if is_monochrome else WHITE
    return {
        "description": description,
        "illumination": illumination,
        "fluorescence": is_fluorescent,
        "wavelength_nm": _wavelength(path) or None,
        "monochrome": is_monochrome,
        "colour": list(colour),
    }


def colour_of(path: Attributes, number: int, is_fluorescent: bool) -> tuple[int, int, int]:
    """The colour of a grey channel at full: of its palette, its stain, its light, its number."""
    found = _of_palette(path)
    if found is not None:
        return found
    description = path.text("OpticalPathDescription").upper()
    for names, colour in _STAINS:
        if any(name in description for name in names):
            return colour
    if not is_fluorescent:
        return WHITE
    wavelength = _wavelength(path)
    if wavelength:
        nearest = min(_WAVELENGTHS_NM, key=lambda pair: abs(pair[0] - wavelength))
        return nearest[1]
    return _IN_ORDER[number % len(_IN_ORDER)]


def _wavelength(path: Attributes) -> float:
    """Nanometres of the light the eye would see: emitted, else that which excites; 0 unknown."""
    emitted = path.number("ImagePathFilterPassThroughWavelength")
    return emitted or path.number("IlluminationWaveLength") or 0.0


def _of_palette(path: Attributes) -> tuple[int, int, int] | None:
    """The last entry of the path's palette, plain or in segments (PS3.3 C.7.9.2)."""
    table = path.group("PaletteColorLookupTableSequence")
    plain = palette(table)
    if plain is not None:
        return _tint(plain[1][-1])
    last = []
    for colour in ("Red", "Green", "Blue"):
        words = table.words(f"Segmented{colour}PaletteColorLookupTableData", 16)
        # Every kind of segment but an indirect one ends with the value it ends at.
        if len(words) < 3:
            return None
        last.append(int(words[-1]))
    if max(last) > 255:
        last = [value >> 8 for value in last]
    return _tint(np.array(last))


def _tint(values: NDArray[Any]) -> tuple[int, int, int] | None:
    red, green, blue = (int(value) for value in values)
    return (red, green, blue) if max(red, green, blue) else None


def channel_sample(pyramid: Pyramid, path: int) -> NDArray[np.float64]:
    """Stored values of a grey channel: of the smallest level that still shows something.

    Nothing when none of it decodes.
    """
    large = [one for one in pyramid.levels if one.width * one.height >= _ENOUGH_PIXELS]
    level = (large or pyramid.levels)[-1]
    grid = level.grid[path, level.grid.shape[1] // 2]
    places = np.argwhere(grid >= 0)
    values = []
    for row, column in places[:: max(1, len(places) // _MOST_FRAMES)]:
        image, frame = pyramid.frame(int(grid[row, column]))
        frames = Frames(image.read, image.table, image.description)
        try:
            pixels = frames.array(frame)
        except DicomNodeError:
            continue
        width, height = image.tile
        # Frames at the edge are padded.
        inside = pixels[: level.height - row * height, : level.width - column * width]
        values.append(inside.astype(float).ravel())
    return np.concatenate(values) if values else np.empty(0)


def range_of(values: NDArray[np.float64], description: PixelDescription) -> tuple[float, float]:
    """The stored values that tiles of eight bits show as 0 and 255.

    Eight bits are shown as they are. Of more, the range in use: what is small and bright in level
    0 is half as bright in the sample, and need not be told from what is brighter still.
    """
    if description.bits_stored <= 8 and not description.pixel_representation:
        return 0.0, 255.0
    low = min(0.0, float(values.min())) if values.size else 0.0
    most = float((1 << description.bits_stored) - 1)
    return low, float(min(most, max(2 * values.max(), 255.0))) if values.size else most


def window_of(grey: NDArray[np.float64], is_fluorescent: bool) -> list[int]:
    """The grey values of a channel's tiles to show black and full.

    Fluorescence is dim: what all but a thousandth of the pixels stay below is full, the darkest
    twentieth is black.
    """
    if not is_fluorescent or not grey.size:
        return [0, 255]
    low, high = (int(value) for value in np.percentile(grey, (5, 99.9)).clip(0, 255))
    return [min(low, 239), min(max(high, low + 16), 255)]
