"""Segmentations of slides, read back as outlines (PS3.3 A.51, A.90): any writer's, tiled in any
order, binary, fractional by its middle, or a map of labels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from dicom_node.objects.bulk_annotations import code_of, colour_of
from dicom_node.objects.mask_outlines import outlines_of
from dicom_node.objects.slide_space import slide_geometry
from dicom_node.slides.geometry import SlideGeometry, tile_count

__all__ = ["SEGMENTATIONS", "MaskRegion", "SlideMasks", "TooLargeMask", "read_slide_masks"]

LABELMAP_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.66.7"
SEGMENTATIONS: Final = frozenset({SegmentationStorage, LABELMAP_STORAGE})
# of all frames together: 8192 tiles of 512 pixels
MOST_PIXELS: Final = 1 << 31


class TooLargeMask(ValueError):
    """More pixels, or more and smaller regions, than can be traced while somebody waits."""


@dataclass(frozen=True)
class MaskRegion:
    """One connected region of a segment: its outline, then its holes, each (n, 2) columns and rows
    of the mask's own grid, pixel i covering [i, i + 1)."""

    label: str
    type: Code
    colour: str
    algorithm: str
    rings: tuple[NDArray[np.float64], ...] = field(repr=False)


@dataclass(frozen=True)
class SlideMasks:
    """All regions of a segmentation; ``images`` are the UIDs of the levels it was made from, and
    ``geometry`` is what it says itself of where its grid lies."""

    frame_of_reference_uid: str
    images: tuple[str, ...]
    width: int
    height: int
    geometry: SlideGeometry
    regions: tuple[MaskRegion, ...]


def read_slide_masks(ds: Dataset) -> SlideMasks:
    """Trace every segment.

    Raises
    ------
    ValueError
        It is no segmentation of a whole slide, or contradicts itself.
    TooLargeMask
    """
    if ds.get("SOPClassUID") not in SEGMENTATIONS or not ds.get("TotalPixelMatrixColumns"):
        raise ValueError("the instance is no segmentation of a whole slide")
    width, height = int(ds.TotalPixelMatrixColumns), int(ds.TotalPixelMatrixRows)
    frames = int(ds.get("NumberOfFrames") or 1)
    if frames * int(ds.Rows) * int(ds.Columns) > MOST_PIXELS:
        raise TooLargeMask("the segmentation has too many pixels")
    tiles = _tiles(ds, width, height)
    regions = []
    for item in ds.SegmentSequence:
        of_segment = tiles.get(int(item.SegmentNumber), {})
        try:
            outlines = outlines_of(((*place, mask) for place, mask in of_segment.items()), width)
        except ValueError as error:
            raise TooLargeMask(str(error)) from error
        label = str(item.get("SegmentLabel") or "")
        is_manual = str(item.get("SegmentAlgorithmType") or "MANUAL") == "MANUAL"
        for rings in outlines:
            regions.append(
                MaskRegion(
                    label=label,
                    type=code_of(item, "SegmentedPropertyTypeCodeSequence"),
                    colour=colour_of(item),
                    algorithm="" if is_manual else str(item.get("SegmentAlgorithmName") or ""),
                    rings=rings,
                )
            )
    return SlideMasks(
        frame_of_reference_uid=str(ds.get("FrameOfReferenceUID") or ""),
        images=_images(ds),
        width=width,
        height=height,
        geometry=slide_geometry(ds),
        regions=tuple(regions),
    )


def _images(ds: Dataset) -> tuple[str, ...]:
    named = [
        image
        for series in ds.get("ReferencedSeriesSequence") or ()
        for image in series.get("ReferencedInstanceSequence") or ()
    ]
    named += ds.get("SourceImageSequence") or ()
    return tuple(dict.fromkeys(str(one.get("ReferencedSOPInstanceUID") or "") for one in named))


def _tiles(
    ds: Dataset, width: int, height: int
) -> dict[int, dict[tuple[int, int], NDArray[np.bool_]]]:
    """Segment number → (row, column) from 0 → its mask there; planes of focus fall together."""
    is_map = str(ds.get("SegmentationType") or "") == "LABELMAP"
    least = 1
    if str(ds.get("SegmentationType") or "") == "FRACTIONAL":
        least = (int(ds.MaximumFractionalValue) + 1) // 2
    found: dict[int, dict[tuple[int, int], NDArray[np.bool_]]] = {}
    for (segment, row, column), pixels in zip(
        _places(ds, width, height), _frames(ds), strict=False
    ):
        if row % int(ds.Rows) or column % int(ds.Columns) or not (row < height and column < width):
            raise ValueError("the tiles of the segmentation do not lie side by side")
        inside = pixels[: height - row, : width - column]
        if not inside.any():
            continue
        numbers = np.unique(inside[inside > 0]).tolist() if is_map else [segment]
        for number in numbers:
            mask = inside == number if is_map else inside >= least
            tiles = found.setdefault(number, {})
            before = tiles.get((row, column))
            tiles[row, column] = mask if before is None else before | mask
    return found


def _frames(ds: Dataset) -> Iterator[NDArray[Any]]:
    """(rows, columns) of each frame."""
    if int(ds.get("NumberOfFrames") or 1) == 1:
        yield np.squeeze(ds.pixel_array)
        return
    # the bits of many small frames are unpacked faster together
    if int(ds.BitsAllocated) == 1 and not ds.file_meta.TransferSyntaxUID.is_compressed:
        size = int(ds.Rows) * int(ds.Columns)
        data = np.frombuffer(ds.PixelData, np.uint8)
        for number in range(int(ds.NumberOfFrames)):
            first, last = number * size, (number + 1) * size
            bits = np.unpackbits(data[first // 8 : -(-last // 8)], bitorder="little")
            yield bits[first % 8 :][:size].reshape(int(ds.Rows), int(ds.Columns))
        return
    yield from iter_pixels(ds, raw=True)


def _places(ds: Dataset, width: int, height: int) -> Iterator[tuple[int, int, int]]:
    """Segment number, row and column from 0 of each frame."""
    shared = (ds.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    groups = ds.get("PerFrameFunctionalGroupsSequence") or ()
    positions = [group.get("PlanePositionSlideSequence") for group in groups]
    if len(positions) and all(positions):
        for group, position in zip(groups, positions, strict=True):
            segment = _segment(group) or _segment(shared)
            row = int(position[0].RowPositionInTotalImagePixelMatrix) - 1
            column = int(position[0].ColumnPositionInTotalImagePixelMatrix) - 1
            if row < 0 or column < 0:
                raise ValueError("a tile lies outside the segmentation")
            yield segment, row, column
        return
    if str(ds.get("DimensionOrganizationType") or "") != "TILED_FULL":
        raise ValueError("the segmentation does not say where its tiles lie")
    # by column, row, plane of focus, and segment last (PS3.3 C.7.6.17.3)
    across, down = tile_count(width, int(ds.Columns)), tile_count(height, int(ds.Rows))
    planes = int(ds.get("TotalPixelMatrixFocalPlanes") or 1)
    numbers = [int(item.SegmentNumber) for item in ds.SegmentSequence]
    for number in range(int(ds.get("NumberOfFrames") or 1)):
        tile = number % (across * down)
        segment = _segment(shared)
        if not segment:
            at = number // (across * down * planes)
            segment = numbers[at] if at < len(numbers) else 0
        yield segment, tile // across * int(ds.Rows), tile % across * int(ds.Columns)


def _segment(group: Dataset) -> int:
    said = group.get("SegmentIdentificationSequence")
    return int(said[0].ReferencedSegmentNumber) if said else 0
