"""Pages of a TIFF that show one place: its channels and focal planes, level by level."""

from collections.abc import Sequence
from typing import Any

from dicom_node.conversion.refusals import refuse
from dicom_node.conversion.source import Stack
from dicom_node.conversion.strips import Desk, StripLevel, read_strip_level
from dicom_node.conversion.tiles import TiffLevel, read_tile_level

__all__ = ["pages_at", "read_layers", "smaller_pages"]

_MOST_LEVELS = 32
# As many places as an index takes (`dicom_node.slides.images`).
_MOST_TILES = 1 << 24


def pages_at(tiff: Any, numbers: Sequence[int]) -> list[Any]:
    """The pages of these numbers, each read from its own directory. Raises ConversionRefused."""
    pages = tiff.pages
    absent = sum(number >= len(pages) for number in numbers)
    if absent:
        raise refuse(
            "damaged",
            f"{absent} of {len(numbers)} planes are not in the file",
            f"{absent}/{len(numbers)} mặt phẳng không có trong tệp",
        )
    found = [pages[number] for number in numbers]
    return [each.aspage() if each.is_frame else each for each in found]


def smaller_pages(pages: Sequence[Any]) -> list[list[Any]]:
    """The smaller copies in their SubIFDs, level by level; none if the pages do not agree."""
    try:
        copies = [list(page.pages or ()) for page in pages]
    except Exception:  # directories that are not there: the levels are made anew
        return []
    counts = {len(each) for each in copies}
    if len(counts) != 1 or max(counts) > _MOST_LEVELS:
        return []
    return [list(level) for level in zip(*copies, strict=True)]


def read_layers(descriptor: int, pages: Sequence[Any], desk: Desk) -> tuple[Any, int]:
    """One level of these pages, by channel and then by plane, and how many tiles it misses.

    Raises
    ------
    ConversionRefused
        A page cannot be taken, or is of another kind than the first.
    """
    layers: list[TiffLevel | StripLevel] = []
    for page in pages:
        if page.is_tiled:
            layers.append(read_tile_level(descriptor, page))
        else:
            layers.append(read_strip_level(descriptor, page, desk))
    if len({_kind(page) for page in pages}) > 1:
        raise refuse(
            "damaged",
            "its channels or planes are of different sizes",
            "các kênh hoặc mặt tiêu có kích thước khác nhau",
        )
    first = layers[0]
    across, down = -(-first.width // first.tile_width), -(-first.height // first.tile_height)
    if across * down * len(layers) > _MOST_TILES:
        what = f"{across} × {down} × {len(layers)}"
        raise refuse("too_large", f"{what} tiles", f"{what} ô")
    missing = sum(layer.missing for layer in layers)
    return (first if len(layers) == 1 else Stack(list(layers))), missing


def _kind(page: Any) -> tuple[Any, ...]:
    tile = (page.tilewidth, page.tilelength) if page.is_tiled else ()
    return page.imagewidth, page.imagelength, page.dtype, page.samplesperpixel, tile
