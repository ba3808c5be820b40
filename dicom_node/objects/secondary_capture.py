"""The printed opinion as pictures, for a PACS that shows nothing but images (PS3.3 A.8.1)."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from dicom_node.objects import modules
from dicom_node.objects.content import Identity, SignedOpinion
from dicom_node.objects.words import SERIES_DESCRIPTION

__all__ = ["secondary_captures"]


def secondary_captures(
    opinion: SignedOpinion, identity: Identity, pages: Sequence[bytes], uids: Sequence[str]
) -> list[Dataset]:
    """One 8-bit grey image a page; grey, since the oldest stations show no colour.

    Parameters
    ----------
    pages : sequence of bytes
        PNG pictures, from `pages.opinion_pictures`.
    uids : sequence of str
        A SOP Instance UID for each page.

    References
    ----------
    PS3.3 A.8.1, C.8.6
    """
    return [
        _page(opinion, replace(identity, sop_instance_uid=uid, instance_number=number), page)
        for number, (page, uid) in enumerate(zip(pages, uids, strict=True), start=1)
    ]


def _page(opinion: SignedOpinion, identity: Identity, page: bytes) -> Dataset:
    ds = modules.common(
        opinion,
        identity,
        sop_class_uid=SecondaryCaptureImageStorage,
        modality="OT",
        series_description=SERIES_DESCRIPTION.in_language(opinion.language),
    )
    grey = np.asarray(Image.open(BytesIO(page)).convert("L"))
    ds.ConversionType = "WSD"
    ds.Laterality = ""
    ds.PatientOrientation = ""
    ds.ImageType = ["DERIVED", "SECONDARY"]
    # the page carries the patient's name and date of birth
    ds.BurnedInAnnotation = "YES"
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = grey.shape
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelRepresentation = 0
    ds.WindowCenter, ds.WindowWidth = "128", "256"
    ds.PixelData = grey.tobytes() + b"\0" * (grey.size % 2)
    ds["PixelData"].VR = "OB"
    return ds
