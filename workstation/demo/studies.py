"""Head-CT phantoms as DICOM files, such as a scanner would send."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from kernels.phantom import HeadPhantom, head_phantom
from workstation.i18n import ZONE

__all__ = ["PHANTOMS", "Phantom", "write_phantom"]

# CT numbers start at -1024; 12 bits hold them all (PS3.3 C.8.2.1).
INTERCEPT = -1024
LARGEST_STORED = 4095
SHAPE = (30, 512, 512)
SPACING_MM = (5.0, 0.46, 0.46)
# The head as a doctor looks at it first.
WINDOW_CENTER, WINDOW_WIDTH = 40, 80


@dataclass(frozen=True)
class Phantom:
    """One made-up patient and what the made-up scanner found.

    ``made`` are arguments of `kernels.phantom.head_phantom`; ``site`` is whose study it is.
    """

    key: str
    site: str
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    study_description: str
    made: dict[str, Any]

    @property
    def study_instance_uid(self) -> str:
        return self.uid("study")

    def uid(self, *parts: str) -> UID:
        """The same UID for the same part of the same phantom, on every machine."""
        return generate_uid(entropy_srcs=["hoichan demo", self.key, *parts])


PHANTOMS = (
    Phantom(
        "haemorrhage",
        "DEMO_A",
        "TRẦN^VĂN THỬ",
        "DEMO-A-0001",
        "19580412",
        "M",
        "CT SO NAO KHONG CAN QUANG - CAP CUU (PHANTOM)",
        {"kind": "haemorrhage", "haemorrhage_ml": 30.0, "seed": 1},
    ),
    Phantom(
        "tilt",
        "DEMO_A",
        "NGUYỄN^THỊ MẪU",
        "DEMO-A-0002",
        "19710923",
        "F",
        "CT SO NAO, NGHIENG GANTRY (PHANTOM)",
        {"kind": "normal", "tilt_deg": -18.0, "seed": 2},
    ),
    Phantom(
        "normal",
        "DEMO_B",
        "LÊ^ĐỨC VÍ DỤ",
        "DEMO-B-0001",
        "19900105",
        "M",
        "CT SO NAO KHONG CAN QUANG (PHANTOM)",
        {"kind": "normal", "seed": 3},
    ),
)


def write_phantom(phantom: Phantom, folder: Path, now: datetime.datetime) -> list[Path]:
    """Make the phantom and write its slices to `folder`; return the files in order.

    The same phantom on the same `now` is the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = head_phantom(shape=SHAPE, spacing_mm=SPACING_MM, **phantom.made)
    files = []
    for index, dataset in enumerate(slices(phantom, head, now)):
        path = folder / f"{index + 1:03d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        files.append(path)
    return files


def slices(phantom: Phantom, head: HeadPhantom, now: datetime.datetime) -> Iterator[FileDataset]:
    """One CT Image instance (PS3.3 A.3) per slice, from the bottom up."""
    common = of_series(phantom, head, now.astimezone(ZONE))
    stored = np.clip(head.hu - INTERCEPT, 0, LARGEST_STORED).astype("<u2")
    for index in range(len(stored)):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = phantom.uid("instance", str(index))
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
        dataset.update(common)
        dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        dataset.InstanceNumber = index + 1
        dataset.ImagePositionPatient = [
            round(float(value), 4) for value in head.positions_mm[index]
        ]
        dataset.SliceLocation = round(float(head.positions_mm[index][2]), 4)
        dataset.PixelData = stored[index].tobytes()
        yield dataset


def of_series(phantom: Phantom, head: HeadPhantom, now: datetime.datetime) -> Dataset:
    """What all slices share."""
    day, clock = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    _, rows, columns = head.hu.shape
    found = {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CTImageStorage,
        "StudyDate": day,
        "SeriesDate": day,
        "AcquisitionDate": day,
        "ContentDate": day,
        "StudyTime": clock,
        "SeriesTime": clock,
        "AcquisitionTime": clock,
        "ContentTime": clock,
        "AccessionNumber": f"{phantom.patient_id}-1",
        "Modality": "CT",
        "Manufacturer": "Hoichan",
        "ManufacturerModelName": "Phantom",
        "SoftwareVersions": "1",
        "InstitutionName": phantom.site,
        "ReferringPhysicianName": "",
        "StudyDescription": phantom.study_description,
        "SeriesDescription": "Head 5.0",
        "PatientName": phantom.patient_name,
        "PatientID": phantom.patient_id,
        "IssuerOfPatientID": phantom.site,
        "PatientBirthDate": phantom.patient_birth_date,
        "PatientSex": phantom.patient_sex,
        "BodyPartExamined": "HEAD",
        "SliceThickness": round(float(head.spacing_mm[0]), 4),
        "KVP": 120,
        "GantryDetectorTilt": phantom.made.get("tilt_deg", 0.0),
        "PatientPosition": "HFS",
        "StudyInstanceUID": phantom.study_instance_uid,
        "SeriesInstanceUID": phantom.uid("series"),
        "StudyID": "1",
        "SeriesNumber": 2,
        "AcquisitionNumber": 1,
        "ImageOrientationPatient": [round(float(value), 6) for value in head.orientation],
        "FrameOfReferenceUID": phantom.uid("frame of reference"),
        "PositionReferenceIndicator": "",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "PixelSpacing": [round(float(value), 4) for value in head.spacing_mm[1:]],
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "WindowCenter": WINDOW_CENTER,
        "WindowWidth": WINDOW_WIDTH,
        "RescaleIntercept": INTERCEPT,
        "RescaleSlope": 1,
        "RescaleType": "HU",
    }
    dataset = Dataset()
    for keyword, value in found.items():
        setattr(dataset, keyword, value)
    return dataset
