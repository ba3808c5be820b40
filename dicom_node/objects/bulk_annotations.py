"""Microscopy Bulk Simple Annotations: the drawings on a slide, thousands at a time (PS3.3 A.87).

Coordinates go through numpy as one array a group: a million points are written and read in
milliseconds. They are columns and rows of the total pixel matrix (``2D``, origin VOLUME), 0 at the
top left corner of its first pixel, or slide millimetres (``3D``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
from highdicom.color import CIELabColor
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import MicroscopyBulkSimpleAnnotationsStorage

from dicom_node.objects import modules, text
from dicom_node.objects.content import Algorithm, Identity, Reference, SignedOpinion
from dicom_node.objects.words import ANNOTATIONS

__all__ = [
    "AnnotationGroup",
    "BulkAnnotations",
    "GraphicType",
    "GroupMeasurement",
    "bulk_annotations",
    "code_of",
    "colour_of",
    "read_bulk_annotations",
]

IMAGE_REGION: Final = Code("111030", "DCM", "Image Region")
SPATIAL_CONCEPT: Final = Code("309825002", "SCT", "Spatial and Relational Concept")
ABNORMAL_STRUCTURE: Final = Code("49755003", "SCT", "Morphologically Abnormal Structure")
ANATOMICAL_STRUCTURE: Final = Code("91723000", "SCT", "Anatomical Structure")
TISSUE: Final = Code("85756007", "SCT", "Tissue")

# what a program of unknown kind does with cells: the family must be said (C.37.1.2)
MORPHOLOGICAL_OPERATIONS: Final = Code("123104", "DCM", "Morphological Operations")

# property type → its category (CID 7150); whatever else a reader names is a place on the slide
CATEGORIES: Final = {
    ("108369006", "SCT"): ABNORMAL_STRUCTURE,
    ("6574001", "SCT"): ABNORMAL_STRUCTURE,
    ("409774005", "SCT"): ABNORMAL_STRUCTURE,
    ("84640000", "SCT"): ANATOMICAL_STRUCTURE,
    ("4421005", "SCT"): ANATOMICAL_STRUCTURE,
    ("85756007", "SCT"): TISSUE,
}
# a hostile file may claim anything; beyond this no slide has objects
MOST_POINTS: Final = 50_000_000


class GraphicType(StrEnum):
    POINT = "POINT"
    POLYLINE = "POLYLINE"
    POLYGON = "POLYGON"
    ELLIPSE = "ELLIPSE"
    RECTANGLE = "RECTANGLE"


# points of one annotation; those of lines and outlines say it themselves
_POINTS: Final = {GraphicType.POINT: 1, GraphicType.ELLIPSE: 4, GraphicType.RECTANGLE: 4}


@dataclass(frozen=True)
class GroupMeasurement:
    """One number for each annotation of a group."""

    name: Code
    unit: Code
    values: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class AnnotationGroup:
    """Annotations of one class and one shape.

    Attributes
    ----------
    points : (n, 2) or (n, 3) float32 or float64
        All points, annotation by annotation; stored in the precision they have.
    starts : (count,) int
        Index of the first point of each annotation; only for lines and outlines.
    colour : str
        ``#rrggbb``, or empty.
    algorithm : Algorithm or None
        What found them; None for drawn by hand.
    """

    uid: str
    label: str
    graphic_type: GraphicType
    points: NDArray[Any] = field(repr=False)
    starts: NDArray[np.integer[Any]] | None = field(default=None, repr=False)
    type: Code = IMAGE_REGION
    colour: str = ""
    description: str = ""
    algorithm: Algorithm | None = None
    measurements: tuple[GroupMeasurement, ...] = ()

    @property
    def count(self) -> int:
        """How many annotations."""
        if self.graphic_type in _POINTS:
            return len(self.points) // _POINTS[self.graphic_type]
        return 0 if self.starts is None else len(self.starts)

    @property
    def outlines(self) -> list[NDArray[Any]]:
        """The points of each annotation."""
        if self.graphic_type in _POINTS:
            return np.split(self.points, self.count) if self.count else []
        return np.split(self.points, np.asarray(self.starts)[1:])


@dataclass(frozen=True)
class BulkAnnotations:
    """What an instance of annotations says.

    ``images`` are the SOP Instance UIDs of what they lie on; ``in_space`` tells slide
    millimetres from pixels; ``of_frames`` that the pixels are a frame's, not the matrix's.
    """

    images: tuple[str, ...]
    series: tuple[str, ...]
    frame_of_reference_uid: str
    in_space: bool
    of_frames: bool
    groups: tuple[AnnotationGroup, ...]


def bulk_annotations(
    opinion: SignedOpinion,
    identity: Identity,
    source: Reference,
    groups: Sequence[AnnotationGroup],
) -> Dataset:
    """Encode groups of annotations in pixels of the total matrix of `source`.

    Parameters
    ----------
    source : Reference
        Level 0 of the slide; of a concatenation, the instance its parts were cut from.

    Raises
    ------
    ValueError
        A group has no annotation, or points that are not two finite numbers each.

    References
    ----------
    PS3.3 C.37.1
    """
    ds = modules.common(
        opinion,
        identity,
        sop_class_uid=MicroscopyBulkSimpleAnnotationsStorage,
        modality="ANN",
        series_description=ANNOTATIONS.in_language(opinion.language),
    )
    ds.Laterality = ""  # Type 2C: nobody knows whether the glass holds a paired structure
    ds.ContentLabel = "ANNOTATIONS"
    ds.ContentDescription = text.long_string(opinion.request.number)
    ds.ContentCreatorName = text.person_name_of(opinion.author.name or opinion.author.username)
    ds.AnnotationCoordinateType = "2D"
    ds.PixelOriginInterpretation = "VOLUME"
    ds.ReferencedImageSequence = [modules.instance_item(source)]
    series = Dataset()
    series.ReferencedInstanceSequence = [modules.instance_item(source)]
    series.SeriesInstanceUID = source.series_instance_uid
    ds.ReferencedSeriesSequence = [series]
    ds.AnnotationGroupSequence = [_item(n, group) for n, group in enumerate(groups, 1)]
    return ds


def _item(number: int, group: AnnotationGroup) -> Dataset:
    points = np.ascontiguousarray(group.points)
    if not group.count or points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"the group {group.uid} has no points of two numbers each")
    if not np.isfinite(points).all():
        raise ValueError(f"the group {group.uid} has a point that is not finite")
    item = Dataset()
    item.AnnotationGroupNumber = number
    item.AnnotationGroupUID = group.uid
    item.AnnotationGroupLabel = text.long_string(group.label) or str(number)
    if group.description.strip():
        item.AnnotationGroupDescription = text.unlimited_text(group.description)
    item.AnnotationGroupGenerationType = "AUTOMATIC" if group.algorithm else "MANUAL"
    if group.algorithm:
        item.AnnotationGroupAlgorithmIdentificationSequence = [_algorithm(group.algorithm)]
    category = CATEGORIES.get((group.type.value, group.type.scheme_designator), SPATIAL_CONCEPT)
    item.AnnotationPropertyCategoryCodeSequence = [modules.code_item(category)]
    item.AnnotationPropertyTypeCodeSequence = [modules.code_item(group.type)]
    item.NumberOfAnnotations = group.count
    item.GraphicType = group.graphic_type.value
    item.AnnotationAppliesToAllOpticalPaths = "YES"
    if points.dtype == np.float32:
        item.PointCoordinatesData = points.astype("<f4").tobytes()
    else:
        item.DoublePointCoordinatesData = points.astype("<f8").tobytes()
    if group.starts is not None and group.graphic_type not in _POINTS:
        # positions count numbers, from 1 (C.37.1.2)
        positions = np.asarray(group.starts, np.int64) * points.shape[1] + 1
        item.LongPrimitivePointIndexList = positions.astype("<u4").tobytes()
    if group.colour:
        item.RecommendedDisplayCIELabValue = list(CIELabColor.from_string(group.colour).value)
    if group.measurements:
        item.MeasurementsSequence = [_measurement(one) for one in group.measurements]
    return item


def _algorithm(algorithm: Algorithm) -> Dataset:
    item = Dataset()
    item.AlgorithmFamilyCodeSequence = [modules.code_item(MORPHOLOGICAL_OPERATIONS)]
    item.AlgorithmName = text.long_string(algorithm.name) or "-"
    item.AlgorithmVersion = text.long_string(algorithm.version) or "-"
    return item


def _measurement(measurement: GroupMeasurement) -> Dataset:
    values = Dataset()
    values.FloatingPointValues = np.asarray(measurement.values).astype("<f4").tobytes()
    item = Dataset()
    item.ConceptNameCodeSequence = [modules.code_item(measurement.name)]
    item.MeasurementUnitsCodeSequence = [modules.code_item(measurement.unit)]
    item.MeasurementValuesSequence = [values]
    return item


def read_bulk_annotations(ds: Dataset) -> BulkAnnotations:
    """Read annotations of any writer.

    Raises
    ------
    ValueError
        It is no such instance, or a group contradicts itself.
    """
    if ds.get("SOPClassUID") != MicroscopyBulkSimpleAnnotationsStorage:
        raise ValueError("the instance holds no bulk annotations")
    in_space = str(ds.get("AnnotationCoordinateType") or "") == "3D"
    referenced = [
        (str(series.get("SeriesInstanceUID") or ""), image)
        for series in ds.get("ReferencedSeriesSequence") or ()
        for image in series.get("ReferencedInstanceSequence") or ()
    ]
    images = [*(ds.get("ReferencedImageSequence") or ()), *(image for _, image in referenced)]
    groups = tuple(
        _group(item, 3 if in_space else 2) for item in ds.get("AnnotationGroupSequence") or ()
    )
    return BulkAnnotations(
        # some writers name the image by its own UID instead of the referenced one
        images=tuple(
            dict.fromkeys(
                str(uid)
                for image in images
                if (uid := image.get("ReferencedSOPInstanceUID") or image.get("SOPInstanceUID"))
            )
        ),
        series=tuple(dict.fromkeys(uid for uid, _ in referenced if uid)),
        frame_of_reference_uid=str(ds.get("FrameOfReferenceUID") or ""),
        in_space=in_space,
        of_frames=str(ds.get("PixelOriginInterpretation") or "VOLUME") == "FRAME",
        groups=groups,
    )


def _group(item: Dataset, dimensions: int) -> AnnotationGroup:
    try:
        graphic = GraphicType(str(item.GraphicType))
        points = _coordinates(item, dimensions)
        starts = None if graphic in _POINTS else _starts(item, points)
        group = AnnotationGroup(
            uid=str(item.get("AnnotationGroupUID") or ""),
            label=str(item.get("AnnotationGroupLabel") or ""),
            graphic_type=graphic,
            points=points,
            starts=starts,
            type=code_of(item, "AnnotationPropertyTypeCodeSequence"),
            colour=colour_of(item),
            description=str(item.get("AnnotationGroupDescription") or ""),
            algorithm=_found_by(item),
        )
    except (AttributeError, TypeError, IndexError) as error:
        raise ValueError(f"a group of annotations is not whole: {error}") from error
    if len(points) != group.count * _POINTS.get(graphic, 1) and graphic in _POINTS:
        raise ValueError("the points of a group do not make whole annotations")
    return group


def _coordinates(item: Dataset, dimensions: int) -> NDArray[Any]:
    if "DoublePointCoordinatesData" in item:
        numbers = np.frombuffer(item.DoublePointCoordinatesData, "<f8")
    else:
        numbers = np.frombuffer(item.PointCoordinatesData, "<f4")
    if "CommonZCoordinateValue" in item and dimensions == 3:
        # every point has the same Z, which is not repeated
        pairs = _shaped(numbers, 2)
        z = np.full((len(pairs), 1), float(item.CommonZCoordinateValue), pairs.dtype)
        return np.hstack([pairs, z])
    return _shaped(numbers, dimensions)


def _shaped(numbers: NDArray[Any], dimensions: int) -> NDArray[Any]:
    if len(numbers) % dimensions or not 0 < len(numbers) <= MOST_POINTS * dimensions:
        raise ValueError("the coordinates of a group are not whole points")
    if not np.isfinite(numbers).all():
        raise ValueError("a coordinate is not a finite number")
    return numbers.reshape(-1, dimensions)


def _starts(item: Dataset, points: NDArray[Any]) -> NDArray[np.int64]:
    positions = np.frombuffer(item.LongPrimitivePointIndexList, "<u4").astype(np.int64) - 1
    # a common Z is not among the numbers that are counted
    dimensions = 2 if "CommonZCoordinateValue" in item else points.shape[1]
    starts = positions // dimensions
    if (
        not len(starts)
        or (positions % dimensions).any()
        or starts[0] != 0
        or (np.diff(starts) <= 0).any()
        or starts[-1] >= len(points)
    ):
        raise ValueError("the index of a group does not fit its points")
    return starts


def code_of(item: Dataset, keyword: str) -> Code:
    """The first code of a sequence; “Image Region” where there is none."""
    codes = item.get(keyword)
    if not codes:
        return IMAGE_REGION
    value = codes[0].get("CodeValue") or codes[0].get("LongCodeValue") or ""
    return Code(
        str(value),
        str(codes[0].get("CodingSchemeDesignator") or ""),
        str(codes[0].get("CodeMeaning") or ""),
    )


def colour_of(item: Dataset) -> str:
    """Recommended Display CIELab Value as ``#rrggbb``, or ""."""
    value = item.get("RecommendedDisplayCIELabValue")
    if not value:
        return ""
    return "#{:02x}{:02x}{:02x}".format(*CIELabColor.from_dicom_value(tuple(value)).to_rgb())


def _found_by(item: Dataset) -> Algorithm | None:
    found = item.get("AnnotationGroupAlgorithmIdentificationSequence")
    if not found:
        return None
    name, version = found[0].get("AlgorithmName"), found[0].get("AlgorithmVersion")
    return Algorithm(name=str(name or "-"), version=str(version or ""))
