"""Images we derive from a signed opinion's source slices: what SEG, maps and captures share.

highdicom builds the functional groups; patient, study, equipment and times are then those of
every other document of the opinion, so that one opinion makes the same bytes each time.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom_node.objects import modules, text
from dicom_node.objects.content import Algorithm, Identity, SignedOpinion

__all__ = ["Slices", "dressed", "series_source"]

# What highdicom reads of a source image; anything else may hold anything.
GEOMETRY: Final = (
    "FrameOfReferenceUID",
    "Rows",
    "Columns",
    "PixelSpacing",
    "SliceThickness",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "NumberOfFrames",
    "ImageType",
    "LossyImageCompression",
    "LossyImageCompressionMethod",
    "LossyImageCompressionRatio",
)
FALLBACK_THICKNESS_MM: Final = 1.0


@dataclass(frozen=True)
class Slices:
    """The source slices of a derived image, in order: their headers, one for each slice.

    ``array`` has one plane for each header: (slices, rows, columns[, 3]).
    """

    headers: Sequence[Dataset]
    array: NDArray[Any]
    algorithm: Algorithm

    def __post_init__(self) -> None:
        if not self.headers or len(self.headers) != len(self.array):
            raise ValueError(f"{len(self.array)} planes for {len(self.headers)} source slices")


def series_source(slices: Slices, study_instance_uid: str) -> list[Dataset]:
    """Source images as highdicom wants them: geometry only, patient left blank."""
    return [_source(header, study_instance_uid) for header in slices.headers]


def dressed(
    made: Dataset,
    opinion: SignedOpinion,
    identity: Identity,
    *,
    modality: str,
    series_description: str,
) -> Dataset:
    """Give a derived image the patient, study, equipment and times of the opinion."""
    common = modules.common(
        opinion,
        identity,
        sop_class_uid=UID(made.SOPClassUID),
        modality=modality,
        series_description=series_description,
    )
    syntax = made.file_meta.TransferSyntaxUID
    for element in common:
        made[element.tag] = element
    made.file_meta = common.file_meta
    made.file_meta.TransferSyntaxUID = syntax
    _name_dimensions(made, identity)
    for equipment in made.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = f"{modules.local_time(opinion):%Y%m%d%H%M%S%z}"
    if "ContentCreatorName" in made:
        made.ContentCreatorName = text.person_name_of(
            opinion.author.name or opinion.author.username
        )
    return made


def _name_dimensions(made: Dataset, identity: Identity) -> None:
    """The same UID for the same object, where highdicom makes a new one each time."""
    name = uuid.uuid5(uuid.NAMESPACE_OID, f"{identity.sop_instance_uid}/dimensions")
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = f"2.25.{name.int}"


def _source(header: Dataset, study_instance_uid: str) -> Dataset:
    source = Dataset()
    source.StudyInstanceUID = study_instance_uid
    source.SeriesInstanceUID = header.SeriesInstanceUID
    source.SOPClassUID = header.SOPClassUID
    source.SOPInstanceUID = header.SOPInstanceUID
    source.Modality = "CT"
    # `dressed` writes them, cleaned, from the opinion
    modules.leave_patient_blank(source)
    for keyword in GEOMETRY:
        if keyword in header:
            source[keyword] = header[keyword]
    if not source.get("SliceThickness") and "PerFrameFunctionalGroupsSequence" not in source:
        source.SliceThickness = FALLBACK_THICKNESS_MM
    return source
