"""Multi-frame true colour Secondary Capture: pictures for viewers that know no maps (A.8.5)."""

from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import MultiFrameTrueColorSecondaryCaptureImageStorage

from dicom_node.objects import modules, text
from dicom_node.objects.content import Identity, SignedOpinion
from dicom_node.objects.derived import Slices

__all__ = ["color_capture"]

PAGE_NUMBER_VECTOR: Final = 0x00182001


def color_capture(
    opinion: SignedOpinion, identity: Identity, slices: Slices, label: str
) -> Dataset:
    """Encode colour pictures, one frame a source slice.

    Parameters
    ----------
    slices : Slices
        ``array`` is (slices, rows, columns, 3) uint8 sRGB, with scale and warning burned in.
    label : str
        What the pictures show, for people.

    Raises
    ------
    ValueError
        The pictures are not colour.

    References
    ----------
    PS3.3 A.8.5, C.8.6.3
    """
    pictures = slices.array
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8:
        raise ValueError(f"pictures have shape {pictures.shape}; expected colour")
    ds = modules.common(
        opinion,
        identity,
        sop_class_uid=MultiFrameTrueColorSecondaryCaptureImageStorage,
        modality="CT",
        series_description=label,
    )
    ds.ConversionType = "WSD"
    ds.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    # what is burned in is a scale and a warning, and no name
    ds.BurnedInAnnotation = "NO"
    ds.RecognizableVisualFeatures = "NO"
    ds.DerivationDescription = text.long_text(
        f"{slices.algorithm.name} {slices.algorithm.version}: "
        + ", ".join(f"{key} = {value}" for key, value in slices.algorithm.parameters.items()),
        1024,
    )
    ds.SourceImageSequence = [_source(header) for header in slices.headers]
    ds.Laterality = ""
    ds.PatientOrientation = ""
    ds.SamplesPerPixel = 3
    ds.PhotometricInterpretation = "RGB"
    ds.PlanarConfiguration = 0
    ds.NumberOfFrames, ds.Rows, ds.Columns = pictures.shape[:3]
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelRepresentation = 0
    ds.FrameIncrementPointer = PAGE_NUMBER_VECTOR
    ds.PageNumberVector = list(range(1, len(pictures) + 1))
    pixels = pictures.tobytes()
    ds.PixelData = pixels + b"\0" * (len(pixels) % 2)
    ds["PixelData"].VR = "OB"
    return ds


def _source(header: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
    item.PurposeOfReferenceCodeSequence = [
        modules.code_item(Code("121322", "DCM", "Source image for image processing operation"))
    ]
    return item
