"""Segmentations of slides as highdicom writes them."""

from typing import Any

from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from plugins.testing import uid

__all__ = ["highdicom_masks"]

TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


def highdicom_masks(
    header: Dataset, pixels: NDArray[Any], labels: list[str], **how: Any
) -> Dataset:
    """A segmentation on the grid of an image; one segment a label."""
    for keyword in TYPE_2:
        if keyword not in header:
            setattr(header, keyword, "")
    if "TotalPixelMatrixOriginSequence" not in header:
        # as the product reads a header without one
        origin = Dataset()
        origin.XOffsetInSlideCoordinateSystem = origin.YOffsetInSlideCoordinateSystem = 0
        header.TotalPixelMatrixOriginSequence = [origin]
    measures = header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    if "SliceThickness" not in measures:
        measures.SliceThickness = 0.005
    descriptions = [
        SegmentDescription(
            number,
            label,
            codes.SCT.MorphologicallyAbnormalStructure,
            codes.SCT.Neoplasm,
            SegmentAlgorithmTypeValues.MANUAL,
            display_color=CIELabColor.from_string("#c81e1e"),
        )
        for number, label in enumerate(labels, 1)
    ]
    return Segmentation(
        source_images=[header],
        pixel_array=pixels[None],
        segment_descriptions=descriptions,
        series_instance_uid=uid("masks"),
        series_number=1,
        sop_instance_uid=uid("mask"),
        instance_number=1,
        manufacturer="-",
        manufacturer_model_name="-",
        software_versions="-",
        device_serial_number="-",
        tile_pixel_array=True,
        **{"segmentation_type": "BINARY", "tile_size": (96, 96), **how},
    )
