"""Outlines on a slide as a mask, for receivers that take segmentations (PS3.3 A.51).

The mask lies on a grid of its own: that of level 0, or every second, fourth … of its pixels where
level 0 has too many. Only tiles with something in them are stored (TILED_SPARSE).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.objects import modules, text
from dicom_node.objects.bulk_annotations import CATEGORIES, SPATIAL_CONCEPT
from dicom_node.objects.content import Identity, SignedOpinion
from dicom_node.objects.derived import dressed
from dicom_node.objects.slide_space import slide_geometry
from dicom_node.objects.words import ANNOTATIONS
from dicom_node.slides.geometry import SlideGeometry
from kernels import polygon_mask

__all__ = ["SlideSegment", "slide_segmentation"]

MOST_PIXELS: Final = 1 << 25
TILE: Final = 512
# what a slide's own header says of the section, wanted by highdicom and not drawn by us
THICKNESS_MM: Final = 0.005


@dataclass(frozen=True)
class SlideSegment:
    """Outlines of one class: (n, 2) columns and rows of level 0 each, closed by themselves."""

    label: str
    type: Code
    outlines: Sequence[NDArray[Any]] = field(repr=False)
    colour: str = ""
    tracking_uid: str = ""


def slide_segmentation(
    opinion: SignedOpinion, identity: Identity, header: Dataset, segments: Sequence[SlideSegment]
) -> Dataset | None:
    """Encode outlines on the slide whose level 0 has that header; None when no pixel is in any.

    A pixel is marked when its centre lies inside. Segments may overlap.

    References
    ----------
    PS3.3 A.51, C.8.20
    """
    width = int(header.TotalPixelMatrixColumns)
    height = int(header.TotalPixelMatrixRows)
    step = 1
    while (width // step) * (height // step) * len(segments) > MOST_PIXELS:
        step *= 2
    shape = -(-height // step), -(-width // step)
    painted = [(segment, _mask(segment, shape, step)) for segment in segments]
    present = [(segment, mask) for segment, mask in painted if mask.any()]
    if not present:
        return None
    made: Dataset = Segmentation(
        source_images=[_grid(header, shape, step, opinion.study_instance_uid)],
        pixel_array=np.stack([mask for _, mask in present], axis=-1)[None].astype(np.uint8),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(number, segment) for number, (segment, _) in enumerate(present, 1)
        ],
        series_instance_uid=identity.series_instance_uid,
        series_number=identity.series_number,
        sop_instance_uid=identity.sop_instance_uid,
        instance_number=identity.instance_number,
        manufacturer=modules.MANUFACTURER,
        manufacturer_model_name=modules.MODEL,
        software_versions=opinion.software_version or "-",
        device_serial_number=opinion.station or modules.MODEL,
        content_label="ANNOTATIONS",
        tile_pixel_array=True,
        tile_size=(TILE, TILE),
        dimension_organization_type="TILED_SPARSE",
        omit_empty_frames=True,
    )
    # who the tissue is of stands with the slide itself
    del made.ContainerIdentifier
    made.PatientOrientation = None
    return dressed(
        made,
        opinion,
        identity,
        modality="SEG",
        series_description=ANNOTATIONS.in_language(opinion.language),
    )


def _mask(segment: SlideSegment, shape: tuple[int, int], step: int) -> NDArray[np.bool_]:
    """All outlines of a segment painted on the grid; each only where it lies."""
    mask = np.zeros(shape, np.bool_)
    for outline in segment.outlines:
        # pixel i of the grid has its centre at (i + 1/2) steps
        corners = np.asarray(outline, np.float64)[:, ::-1] / step - 0.5
        low = np.clip(np.floor(corners.min(axis=0)), 0, shape).astype(int)
        high = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, shape).astype(int)
        if (high > low).all() and len(corners) >= 3:
            part = mask[low[0] : high[0], low[1] : high[1]]
            part |= polygon_mask(corners - low, part.shape)
    return mask


def _description(number: int, segment: SlideSegment) -> SegmentDescription:
    category = CATEGORIES.get((segment.type.value, segment.type.scheme_designator), SPATIAL_CONCEPT)
    return SegmentDescription(
        segment_number=number,
        segment_label=text.long_string(segment.label) or str(number),
        segmented_property_category=category,
        segmented_property_type=segment.type,
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=segment.tracking_uid or None,
        tracking_id=text.long_string(segment.label) if segment.tracking_uid else None,
        display_color=CIELabColor.from_string(segment.colour) if segment.colour else None,
    )


def _grid(header: Dataset, shape: tuple[int, int], step: int, study_instance_uid: str) -> Dataset:
    """Level 0 as highdicom wants a source image, with the pixels of the grid."""
    geometry = slide_geometry(header)
    along_x, along_y = (one * step for one in geometry.spacing_mm)
    coarse = SlideGeometry((along_x, along_y), (0.0, 0.0), geometry.orientation)
    # both grids share the corner of their first pixels; an origin is the pixel's centre
    x, y = (coarse.to_slide_mm(np.array([[0.5, 0.5]])) - coarse.affine[:, 2])[0]
    corner = geometry.affine[:, 2]
    measures = Dataset()
    measures.PixelSpacing = [along_y, along_x]
    measures.SliceThickness = THICKNESS_MM
    groups = Dataset()
    groups.PixelMeasuresSequence = [measures]
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem = f"{corner[0] + x:.10g}"
    origin.YOffsetInSlideCoordinateSystem = f"{corner[1] + y:.10g}"
    source = Dataset()
    source.StudyInstanceUID = study_instance_uid
    for keyword in ("SeriesInstanceUID", "SOPClassUID", "FrameOfReferenceUID"):
        setattr(source, keyword, header.get(keyword) or "")
    source.SOPInstanceUID = (
        header.get("SOPInstanceUIDOfConcatenationSource") or header.SOPInstanceUID
    )
    source.Modality = "SM"
    source.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    source.DimensionOrganizationType = "TILED_FULL"
    source.Rows = source.Columns = TILE
    source.TotalPixelMatrixRows, source.TotalPixelMatrixColumns = shape
    source.TotalPixelMatrixFocalPlanes = 1
    source.NumberOfOpticalPaths = 1
    source.NumberOfFrames = -(-shape[0] // TILE) * -(-shape[1] // TILE)
    source.ImageOrientationSlide = list(geometry.orientation)
    source.TotalPixelMatrixOriginSequence = [origin]
    source.SharedFunctionalGroupsSequence = [groups]
    source.ContainerIdentifier = ""
    # `dressed` writes them, cleaned, from the opinion
    modules.leave_patient_blank(source)
    return source
