"""The codes a converted slide needs (PS3.16 Annex D, SNOMED CT), written out.

pydicom's dictionary of all codes takes longer to load than a small slide to convert.
"""

from typing import Final, NamedTuple

__all__ = ["DCM", "SCT", "Code"]


class Code(NamedTuple):
    value: str
    scheme_designator: str
    meaning: str


class DCM:
    """DICOM Controlled Terminology."""

    BrightfieldIllumination: Final = Code("111744", "DCM", "Brightfield illumination")
    EpifluorescenceIllumination: Final = Code("111743", "DCM", "Epifluorescence illumination")
    ModifyingEquipment: Final = Code("109103", "DCM", "Modifying Equipment")
    ParentSpecimenIdentifier: Final = Code("111705", "DCM", "Parent Specimen Identifier")
    ParentSpecimenType: Final = Code("111707", "DCM", "Parent specimen type")
    ProcessingType: Final = Code("111701", "DCM", "Processing type")
    SamplingMethod: Final = Code("111704", "DCM", "Sampling Method")
    SpecimenIdentifier: Final = Code("121041", "DCM", "Specimen Identifier")


class SCT:
    """SNOMED CT."""

    BlockSectioning: Final = Code("434472006", "SCT", "Block sectioning")
    FullSpectrum: Final = Code("414298005", "SCT", "Full Spectrum")
    HematoxylinStain: Final = Code("12710003", "SCT", "hematoxylin stain")
    MicroscopeSlide: Final = Code("433466003", "SCT", "Microscope slide")
    SamplingOfTissueSpecimen: Final = Code("433465004", "SCT", "Sampling of tissue specimen")
    Staining: Final = Code("127790008", "SCT", "Staining")
    TissueSection: Final = Code("430856003", "SCT", "Tissue section")
    TissueSpecimen: Final = Code("119376003", "SCT", "tissue specimen")
    UsingSubstance: Final = Code("424361007", "SCT", "Using substance (attribute)")
    WaterSolubleEosinStain: Final = Code("36879007", "SCT", "water soluble eosin stain")
