"""The Specimen module: container, specimen, how it was cut and stained (PS3.3 C.7.6.22)."""

from pydicom.dataset import Dataset

from dicom_node.conversion import codes
from dicom_node.conversion.codes import Code
from dicom_node.conversion.facts import SlideFacts
from dicom_node.objects import text
from dicom_node.objects.items import code_item

__all__ = ["add_specimen"]

# Stains of every day by the names laboratories write; others go as text.
_STAINS: dict[str, tuple[Code, ...]] = {
    "he": (codes.SCT.HematoxylinStain, codes.SCT.WaterSolubleEosinStain),
    "h&e": (codes.SCT.HematoxylinStain, codes.SCT.WaterSolubleEosinStain),
}


def add_specimen(ds: Dataset, facts: SlideFacts, specimen_uid: str) -> None:
    """Say whose tissue lies on the slide, and how it got there (TID 8001)."""
    ds.ContainerIdentifier = text.long_string(facts.container_id) or "-"
    ds.IssuerOfTheContainerIdentifierSequence = []
    ds.ContainerTypeCodeSequence = [code_item(codes.SCT.MicroscopeSlide)]
    specimen = Dataset()
    specimen.SpecimenIdentifier = ds.ContainerIdentifier
    specimen.SpecimenUID = specimen_uid
    specimen.IssuerOfTheSpecimenIdentifierSequence = []
    short = text.long_string(facts.specimen_description)
    if short:
        specimen.SpecimenShortDescription = short
        specimen.SpecimenDetailedDescription = text.unlimited_text(facts.specimen_description)
    specimen.SpecimenTypeCodeSequence = [code_item(codes.SCT.TissueSection)]
    specimen.SpecimenPreparationSequence = _preparation(facts, ds.ContainerIdentifier)
    ds.SpecimenDescriptionSequence = [specimen]


def _preparation(facts: SlideFacts, slide: str) -> list[Dataset]:
    block = text.long_string(facts.block_id)
    # A laboratory that takes one part a case calls the part by the case.
    part = text.long_string(facts.part_id or facts.accession_number)
    steps = []
    if block and part:
        steps.append(_sampling(block, codes.SCT.SamplingOfTissueSpecimen, part))
    if block or part:
        steps.append(_sampling(slide, codes.SCT.BlockSectioning, block or part))
    if facts.stain.strip():
        steps.append(_staining(slide, facts.stain.strip()))
    return steps


def _sampling(specimen: str, method: Code, parent: str) -> Dataset:
    return _step(
        specimen,
        codes.SCT.SamplingOfTissueSpecimen,
        _code(codes.DCM.SamplingMethod, method),
        _text(codes.DCM.ParentSpecimenIdentifier, parent),
        _code(codes.DCM.ParentSpecimenType, codes.SCT.TissueSpecimen),
    )


def _staining(specimen: str, stain: str) -> Dataset:
    known = _STAINS.get(stain.lower().replace(" ", ""))
    if known is None:
        items = [_text(codes.SCT.UsingSubstance, text.long_string(stain))]
    else:
        items = [_code(codes.SCT.UsingSubstance, substance) for substance in known]
    return _step(specimen, codes.SCT.Staining, *items)


def _step(specimen: str, processing: Code, *items: Dataset) -> Dataset:
    step = Dataset()
    step.SpecimenPreparationStepContentItemSequence = [
        _text(codes.DCM.SpecimenIdentifier, specimen),
        _code(codes.DCM.ProcessingType, processing),
        *items,
    ]
    return step


def _text(name: Code, value: str) -> Dataset:
    item = Dataset()
    item.ValueType = "TEXT"
    item.ConceptNameCodeSequence = [code_item(name)]
    item.TextValue = value
    return item


def _code(name: Code, value: Code) -> Dataset:
    item = Dataset()
    item.ValueType = "CODE"
    item.ConceptNameCodeSequence = [code_item(name)]
    item.ConceptCodeSequence = [code_item(value)]
    return item
