"""Where a slide's pixels lie, from the header of its level 0."""

import math
from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset

from dicom_node.slides.geometry import USUAL_ORIENTATION, SlideGeometry, tile_count

__all__ = ["slide_geometry", "tiles_of_region"]

# more tiles than that name no place any more
MOST_TILES: Final = 64

Box = tuple[float, float, float, float]


def slide_geometry(header: Dataset) -> SlideGeometry:
    """The geometry of a slide's level 0, with the stand-ins of `dicom_node.slides` for what a
    header leaves out: an origin of zero, the usual orientation, pixels of one millimetre.

    References
    ----------
    PS3.3 C.8.12.2.1, C.8.12.4.1
    """
    return SlideGeometry(
        spacing_mm=_spacing(header) or (1.0, 1.0),
        origin_mm=_origin(header) or (0.0, 0.0),
        orientation=_orientation(header) or USUAL_ORIENTATION,
    )


def _spacing(header: Dataset) -> tuple[float, float] | None:
    measures = _first(_first(header, "SharedFunctionalGroupsSequence"), "PixelMeasuresSequence")
    pair = _numbers(measures, "PixelSpacing")
    if len(pair) == 2 and min(pair) > 0:
        return pair[1], pair[0]
    extent = (*_numbers(header, "ImagedVolumeWidth"), *_numbers(header, "ImagedVolumeHeight"))
    matrix = (header.get("TotalPixelMatrixColumns"), header.get("TotalPixelMatrixRows"))
    if len(extent) == 2 and min(extent) > 0 and all(matrix):
        return extent[0] / matrix[0], extent[1] / matrix[1]
    return None


def _origin(header: Dataset) -> tuple[float, float] | None:
    origin = _first(header, "TotalPixelMatrixOriginSequence")
    x = _numbers(origin, "XOffsetInSlideCoordinateSystem")
    y = _numbers(origin, "YOffsetInSlideCoordinateSystem")
    return (x[0], y[0]) if x and y else None


def _orientation(header: Dataset) -> tuple[float, ...] | None:
    values = _numbers(header, "ImageOrientationSlide")
    if len(values) != 6:
        return None
    columns, rows = values[:2], values[3:5]
    are_unit = all(abs(math.hypot(*one) - 1) < 0.01 for one in (columns, rows))
    are_square = abs(columns[0] * rows[0] + columns[1] * rows[1]) < 0.01
    return values if are_unit and are_square else None


def _first(of: Dataset, keyword: str) -> Dataset:
    items = of.get(keyword)
    return items[0] if items else Dataset()


def _numbers(of: Dataset, keyword: str) -> tuple[float, ...]:
    """Finite numbers of an element; none where it holds anything else."""
    try:
        value = of.get(keyword)
        several = value if isinstance(value, Sequence) else [] if value is None else [value]
        numbers = tuple(float(one) for one in several)
    except (TypeError, ValueError):
        return ()
    return numbers if all(math.isfinite(one) for one in numbers) else ()


def tiles_of_region(header: Dataset, box: Box) -> tuple[int, ...]:
    """Frame numbers (from 1) of the tiles a box (x, y, width, height in pixels) touches.

    Empty where they cannot be told from the header alone (not TILED_FULL), or are so many that
    they name no place.
    """
    if str(header.get("DimensionOrganizationType") or "") != "TILED_FULL":
        return ()
    tile_columns, tile_rows = int(header.get("Columns") or 0), int(header.get("Rows") or 0)
    width = int(header.get("TotalPixelMatrixColumns") or 0)
    height = int(header.get("TotalPixelMatrixRows") or 0)
    if min(tile_columns, tile_rows, width, height) <= 0:
        return ()
    x, y, wide, high = box
    left, right = max(x, 0) // tile_columns, (min(x + wide, width) - 1) // tile_columns
    top, bottom = max(y, 0) // tile_rows, (min(y + high, height) - 1) // tile_rows
    across = tile_count(width, tile_columns)
    columns = range(int(left), int(right) + 1)
    rows = range(int(top), int(bottom) + 1)
    if not 0 < len(columns) * len(rows) <= MOST_TILES:
        return ()
    first = int(header.get("ConcatenationFrameOffsetNumber") or 0)
    count = int(header.get("NumberOfFrames") or 1)
    numbers = tuple(row * across + column + 1 - first for row in rows for column in columns)
    return numbers if all(0 < number <= count for number in numbers) else ()
