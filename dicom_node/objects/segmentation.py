"""Segmentation of source slices: the masks a reader confirmed (PS3.3 A.51)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
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
from dicom_node.objects.content import Identity, SignedOpinion
from dicom_node.objects.derived import Slices, dressed, series_source

__all__ = ["Segment", "present_segments", "segmentation"]

MORPHOLOGICAL_OPERATIONS: Final = Code("123104", "DCM", "Morphological Operations")


@dataclass(frozen=True, slots=True)
class Segment:
    """One label of a mask (PS3.3 C.8.20.4). ``colour`` is sRGB; ``tracking_uid`` names the finding
    in the measurement report too."""

    number: int
    label: str
    category: Code
    type: Code
    colour: tuple[int, int, int]
    tracking_uid: str
    finding_site: Code | None = None
    laterality: Code | None = None


def segmentation(
    opinion: SignedOpinion,
    identity: Identity,
    slices: Slices,
    segments: Sequence[Segment],
    label: str,
) -> Dataset | None:
    """Encode a mask on its source slices; None when nothing of it is marked.

    Parameters
    ----------
    slices : Slices
        ``array`` is (slices, rows, columns) uint8: 0, or the number of a segment.
    segments : sequence of Segment
        Those without a marked voxel are left out, and the rest numbered from 1 in their order.
    label : str
        What the mask shows, for people.

    Raises
    ------
    ValueError
        A marked voxel has no segment, or the source slices have no place in space.

    References
    ----------
    PS3.3 A.51, C.8.20
    """
    marked = slices.array
    present = present_segments(marked, segments)
    unknown = set(np.unique(marked).tolist()) - {0, *(one.number for one in segments)}
    if unknown:
        raise ValueError(f"the mask has labels {sorted(unknown)} without a segment")
    if not present:
        return None
    numbered = np.zeros(256, np.uint8)
    for position, one in enumerate(present, start=1):
        numbered[one.number] = position
    algorithm = AlgorithmIdentificationSequence(
        name=text.long_string(slices.algorithm.name) or "-",
        version=text.long_string(slices.algorithm.version) or "-",
        family=MORPHOLOGICAL_OPERATIONS,
    )
    made: Dataset = Segmentation(
        source_images=series_source(slices, opinion.study_instance_uid),
        pixel_array=numbered[marked],
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(position, one, algorithm) for position, one in enumerate(present, start=1)
        ],
        series_instance_uid=identity.series_instance_uid,
        series_number=identity.series_number,
        sop_instance_uid=identity.sop_instance_uid,
        instance_number=identity.instance_number,
        manufacturer=modules.MANUFACTURER,
        manufacturer_model_name=modules.MODEL,
        software_versions=opinion.software_version or "-",
        device_serial_number=opinion.station or modules.MODEL,
        content_label="MASK",
        content_description=text.long_string(label),
    )
    for item, one in zip(made.SegmentSequence, present, strict=True):
        if one.finding_site is not None and one.laterality is not None:
            site = item.AnatomicRegionSequence[0]
            site.AnatomicRegionModifierSequence = [modules.code_item(one.laterality)]
    return dressed(made, opinion, identity, modality="SEG", series_description=label)


def present_segments(
    array: NDArray[np.integer[Any]], segments: Sequence[Segment]
) -> tuple[Segment, ...]:
    """The segments with a marked voxel; their places, from 1, are their numbers in the object."""
    found = set(np.unique(array).tolist())
    return tuple(one for one in segments if one.number in found)


def _description(
    number: int, segment: Segment, algorithm: AlgorithmIdentificationSequence
) -> SegmentDescription:
    return SegmentDescription(
        segment_number=number,
        segment_label=text.long_string(segment.label),
        segmented_property_category=segment.category,
        segmented_property_type=segment.type,
        # drawn by arithmetic, seen and perhaps corrected by the reader
        algorithm_type=SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=algorithm,
        tracking_uid=segment.tracking_uid,
        tracking_id=text.long_string(segment.label),
        anatomic_regions=[segment.finding_site] if segment.finding_site is not None else None,
        display_color=CIELabColor.from_rgb(*segment.colour),
    )
