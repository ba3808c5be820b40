"""A PDF as an instance of the study (PS3.3 A.45.1)."""

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from dicom_node.objects import codes, modules
from dicom_node.objects.content import Identity, SignedOpinion
from dicom_node.objects.text import long_text
from dicom_node.objects.words import SERIES_DESCRIPTION

__all__ = ["encapsulated_pdf"]


def encapsulated_pdf(opinion: SignedOpinion, identity: Identity, pdf: bytes) -> Dataset:
    """Wrap the printed opinion.

    Parameters
    ----------
    pdf : bytes
        From `pages.opinion_pdf`.

    References
    ----------
    PS3.3 A.45.1, C.24.2
    """
    ds = modules.common(
        opinion,
        identity,
        sop_class_uid=EncapsulatedPDFStorage,
        modality="DOC",
        series_description=SERIES_DESCRIPTION.in_language(opinion.language),
    )
    ds.ConversionType = "WSD"
    ds.AcquisitionDateTime = ""
    # the page carries the patient's name and date of birth
    ds.BurnedInAnnotation = "YES"
    ds.RecognizableVisualFeatures = "NO"
    ds.DocumentTitle = long_text(opinion.title, 1024)
    ds.ConceptNameCodeSequence = [modules.code_item(codes.DIAGNOSTIC_IMAGING_REPORT)]
    ds.VerificationFlag = "VERIFIED" if opinion.is_final else "UNVERIFIED"
    ds.SourceInstanceSequence = [
        modules.instance_item(reference) for reference in opinion.references
    ]
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.EncapsulatedDocumentLength = len(pdf)
    ds.EncapsulatedDocument = pdf + b"\x00" * (len(pdf) % 2)
    return ds
