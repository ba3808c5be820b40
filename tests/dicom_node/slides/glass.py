"""Whole-slide images made for tests: every tile knows where it lies."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLWholeSlideMicroscopyImageStorage,
    generate_uid,
)

from dicom_node.archive import Archive, Query
from dicom_node.slides import SlideIndex, SlideSource
from dicom_node.slides.images import SlideImage
from dicom_node.slides.shelf import Shelf
from tests.factories import EVERYTHING, file_bytes, from_site

__all__ = [
    "Glass",
    "colour_at",
    "image_of",
    "item",
    "jpeg",
    "put",
    "slide_of",
    "tile_colour",
]


def item(**attributes: Any) -> Dataset:
    """A sequence item."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def tile_colour(path: int, plane: int, row: int, column: int) -> tuple[int, int, int]:
    """The one colour of a whole tile: no two tiles of a small slide have the same."""
    return 20 + 30 * path + 5 * plane, 10 + 20 * row, 10 + 20 * column


def colour_at(source: SlideSource, index: SlideIndex, *place: int) -> tuple[int, ...]:
    """The colour of the tile at (level, path, plane, column, row)."""
    pixels = source.values(index, index.frame(*place))
    assert (pixels == pixels[0, 0]).all()
    return tuple(int(value) for value in np.atleast_1d(pixels[0, 0]))


def jpeg(pixels: NDArray[np.uint8], quality: int = 95) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


class Glass:
    """One slide in the making: instances that share study, series and place.

    ``level`` makes a data set; attributes given to it override or, with None, remove.
    """

    def __init__(self, **attributes: Any) -> None:
        self.shared = {
            "StudyInstanceUID": generate_uid(),
            "SeriesInstanceUID": generate_uid(),
            "FrameOfReferenceUID": generate_uid(),
        } | attributes

    def level(
        self,
        columns: int = 40,
        rows: int = 24,
        tile: tuple[int, int] = (16, 8),
        *,
        spacing: float = 0.0005,
        role: str = "VOLUME",
        paths: Sequence[str] = ("1",),
        planes: Sequence[float] = (0.0,),
        sparse: Sequence[tuple[int, int, int, int]] | None = None,
        frames: slice = slice(None),
        pixels: Callable[[int, int, int, int], NDArray[Any]] | None = None,
        syntax: UID = ExplicitVRLittleEndian,
        table: str = "basic",
        fragments: int = 1,
        **attributes: Any,
    ) -> Dataset:
        """One instance.

        Parameters
        ----------
        tile : (columns, rows)
        sparse : sequence of (path, plane, row, column), optional
            Which tiles there are, in this order; all of them, full, when absent.
        frames : slice
            Of those; for parts of concatenations.
        pixels : callable of (path, plane, row, column), optional
            Gives the pixels of a tile; else they have its `tile_colour`.
        syntax : UID
            Native, or JPEG baseline, or anything else of which `pixels` gives bytes.
        table : str
            "basic", "extended" or "none"
        """
        tiles_across, tiles_down = -(-columns // tile[0]), -(-rows // tile[1])
        places = (
            list(sparse)
            if sparse is not None
            else [
                (path, plane, row, column)
                for path in range(len(paths))
                for plane in range(len(planes))
                for row in range(tiles_down)
                for column in range(tiles_across)
            ]
        )[frames]

        def flat(*place: int) -> NDArray[np.uint8]:
            return np.full((tile[1], tile[0], 3), tile_colour(*place), np.uint8)

        made = [(pixels or flat)(*place) for place in places]
        dataset = self._header(columns, rows, tile, spacing, role, paths, planes)
        first = np.asarray(made[0]) if made and not isinstance(made[0], bytes) else None
        if first is not None and first.ndim == 2:
            dataset.SamplesPerPixel = 1
            dataset.PhotometricInterpretation = "MONOCHROME2"
            dataset.BitsAllocated = dataset.BitsStored = 8 * first.dtype.itemsize
            dataset.HighBit = dataset.BitsStored - 1
            del dataset.PlanarConfiguration
        dataset.NumberOfFrames = len(places)
        if sparse is not None:
            dataset.DimensionOrganizationType = "TILED_SPARSE"
            dataset.PerFrameFunctionalGroupsSequence = Items(
                self._place(place, tile, paths, planes) for place in places
            )
        self._add_pixels(dataset, made, syntax, table, fragments)
        for keyword, value in attributes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.syntax = syntax
        return dataset

    def _header(
        self,
        columns: int,
        rows: int,
        tile: tuple[int, int],
        spacing: float,
        role: str,
        paths: Sequence[str],
        planes: Sequence[float],
    ) -> Dataset:
        dataset = item(**self.shared)
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.SOPClassUID = VLWholeSlideMicroscopyImageStorage
        dataset.SOPInstanceUID = generate_uid()
        dataset.Modality = "SM"
        dataset.PatientID = "P1"
        dataset.PatientName = "NGUYEN^VAN A"
        dataset.ImageType = ["DERIVED", "PRIMARY", role, "NONE"]
        dataset.InstanceNumber = 1
        dataset.ContainerIdentifier = "26-1234 A1"
        dataset.SpecimenLabelInImage = "YES" if role in ("LABEL", "OVERVIEW") else "NO"
        dataset.SamplesPerPixel = 3
        dataset.PhotometricInterpretation = "RGB"
        dataset.PlanarConfiguration = 0
        dataset.Columns, dataset.Rows = tile
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        dataset.PixelRepresentation = 0
        dataset.DimensionOrganizationType = "TILED_FULL"
        dataset.TotalPixelMatrixColumns = columns
        dataset.TotalPixelMatrixRows = rows
        dataset.TotalPixelMatrixFocalPlanes = len(planes)
        dataset.NumberOfOpticalPaths = len(paths)
        dataset.ImageOrientationSlide = [0.0, -1.0, 0.0, -1.0, 0.0, 0.0]
        dataset.TotalPixelMatrixOriginSequence = [
            item(
                XOffsetInSlideCoordinateSystem="25.0",
                YOffsetInSlideCoordinateSystem="50.0",
                ZOffsetInSlideCoordinateSystem=str(planes[0]),
            )
        ]
        measures = item(PixelSpacing=[spacing, spacing])
        if len(planes) > 1:
            measures.SpacingBetweenSlices = (planes[1] - planes[0]) / 1000
        dataset.SharedFunctionalGroupsSequence = [item(PixelMeasuresSequence=[measures])]
        dataset.OpticalPathSequence = [
            item(OpticalPathIdentifier=name, OpticalPathDescription=f"path {name}")
            for name in paths
        ]
        return dataset

    @staticmethod
    def _place(
        place: tuple[int, int, int, int],
        tile: tuple[int, int],
        paths: Sequence[str],
        planes: Sequence[float],
    ) -> Dataset:
        path, plane, row, column = place
        return item(
            PlanePositionSlideSequence=[
                item(
                    XOffsetInSlideCoordinateSystem="0",
                    YOffsetInSlideCoordinateSystem="0",
                    ZOffsetInSlideCoordinateSystem=str(planes[plane]),
                    ColumnPositionInTotalImagePixelMatrix=1 + column * tile[0],
                    RowPositionInTotalImagePixelMatrix=1 + row * tile[1],
                )
            ],
            OpticalPathIdentificationSequence=[item(OpticalPathIdentifier=paths[path])],
        )

    @staticmethod
    def _add_pixels(
        dataset: Dataset, made: Sequence[Any], syntax: UID, table: str, fragments: int
    ) -> None:
        if not syntax.is_compressed or syntax.is_deflated:
            dataset.PixelData = b"".join(np.ascontiguousarray(one).tobytes() for one in made)
            dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"
            return
        encoded = [one if isinstance(one, bytes) else jpeg(np.asarray(one)) for one in made]
        if table == "extended":
            data, offsets, lengths = encapsulate_extended(encoded)
            dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, lengths
        else:
            has_table = table == "basic"
            data = encapsulate(encoded, fragments_per_frame=fragments, has_bot=has_table)
        dataset.PixelData = data
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        if syntax == JPEGBaseline8Bit:
            dataset.LossyImageCompression = "01"


def jpeg_2000(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, codecformat="J2K"))


def put(archive: Archive, *datasets: Dataset, site: str = "DEMO_A") -> None:
    """Store instances."""
    for dataset in datasets:
        syntax = dataset.__dict__.pop("syntax", ExplicitVRLittleEndian)
        result = archive.store_bytes(file_bytes(dataset, syntax), from_site(site))
        assert result.outcome == "stored", result
        dataset.syntax = syntax


def slide_of(archive: Archive, glass: Glass) -> SlideIndex:
    """The index of the slide as the archive holds it now."""
    return Shelf(archive).of_series(glass.shared["SeriesInstanceUID"], EVERYTHING)


def image_of(archive: Archive, dataset: Dataset) -> SlideImage:
    """What the archive's header says of an instance."""
    query = Query({"SOPInstanceUID": [dataset.SOPInstanceUID]})
    ((record, header),) = archive.records_with_headers(query, scope=EVERYTHING)
    return SlideImage.of(
        record,
        header,
        archive.frame_offsets(record),
        lambda offset, length: archive.read_range(record, offset, length),
        lambda: header,
    )


def stored_file(archive: Archive, dataset: Dataset) -> Path:
    return archive.instance(dataset.SOPInstanceUID, scope=EVERYTHING).path
