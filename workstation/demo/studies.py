"""Head-CT phantoms as DICOM files, such as a scanner would send: plain heads, and a stroke."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from kernels.perfusion_head import perfusion_head
from kernels.phantom import head_phantom
from kernels.stroke_phantom import Finding, stroke_phantom
from workstation.i18n import ZONE

__all__ = ["PHANTOMS", "Phantom", "Scan", "images", "plain_head", "write_phantom"]

# CT numbers start at -1024; 12 bits hold them all (PS3.3 C.8.2.1).
INTERCEPT = -1024
LARGEST_STORED = 4095
SHAPE = (30, 512, 512)
SPACING_MM = (5.0, 0.46, 0.46)
# The head as a doctor looks at it first.
WINDOW_CENTER, WINDOW_WIDTH = 40, 80


@dataclass(frozen=True)
class Scan:
    """One series, its images in the order they were taken.

    Attributes
    ----------
    hu : (images, rows, columns) int16
    positions_mm : (images, 3) float64
        Image Position (Patient).
    orientation : (6,) float64
    spacing_mm : (3,) float64
        Slice thickness, row and column distance.
    seconds : (images,) float64
        When each was taken, after the study began.
    """

    key: str
    number: int
    description: str
    hu: NDArray[np.int16]
    positions_mm: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]
    seconds: NDArray[np.float64]
    tilt_deg: float = 0.0
    contrast_agent: str = ""


@dataclass(frozen=True)
class Phantom:
    """One made-up patient and what the made-up scanner found, drawn series by series.

    ``site`` is whose study it is.
    """

    key: str
    site: str
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    study_description: str
    draw: Callable[[], Iterable[Scan]]

    @property
    def study_instance_uid(self) -> str:
        return self.uid("study")

    def uid(self, *parts: str) -> UID:
        """The same UID for the same part of the same phantom, on every machine."""
        return generate_uid(entropy_srcs=["hoichan demo", self.key, *parts])


def plain_head(
    kind: str,
    tilt_deg: float = 0.0,
    shape: Sequence[int] = SHAPE,
    spacing_mm: Sequence[float] = SPACING_MM,
    **made: Any,
) -> Iterator[Scan]:
    """A non-contrast head; the arguments are those of `kernels.head_phantom`."""
    head = head_phantom(kind, shape=shape, spacing_mm=spacing_mm, tilt_deg=tilt_deg, **made)
    yield Scan(
        "head",
        2,
        "Head 5.0",
        head.hu,
        head.positions_mm,
        head.orientation,
        head.spacing_mm,
        np.zeros(len(head.hu)),
        tilt_deg,
    )


def stroke() -> Iterator[Scan]:
    """A non-contrast head with a left infarct and a dense artery, then perfusion of the same side.

    The two series show two made-up heads: no registration between them would be honest.
    """
    findings = (
        Finding("infarct", "left", 42.0, hu=-5.0),
        Finding("dense vessel", "left"),
    )
    head = stroke_phantom(findings, (32, 256, 256), (5.0, 0.92, 0.92), tilt_deg=-12.0, seed=8)
    yield Scan(
        "head",
        2,
        "Head 5.0",
        head.hu,
        head.positions_mm,
        head.orientation,
        head.spacing_mm,
        np.zeros(len(head.hu)),
        -12.0,
    )
    perfused = perfusion_head(
        np.arange(0, 60, 2.0), (10, 160, 160), (5.0, 1.45, 1.45), side="left", seed=8
    )
    times, slices_, *_ = perfused.hu.shape
    places = np.zeros((slices_, 3))
    places[:, :2] = -np.array(perfused.hu.shape[:1:-1]) * perfused.spacing_mm[:0:-1] / 2
    places[:, 2] = np.arange(slices_) * perfused.spacing_mm[0]
    yield Scan(
        "perfusion",
        5,
        "Perfusion 5.0",
        perfused.hu.reshape(times * slices_, *perfused.hu.shape[2:]),
        np.tile(places, (times, 1)),
        np.array([1.0, 0, 0, 0, 1, 0]),
        perfused.spacing_mm,
        90.0 + perfused.times_s.reshape(-1),
        contrast_agent="IOHEXOL 350",
    )


PHANTOMS = (
    Phantom(
        "haemorrhage",
        "DEMO_A",
        "TRẦN^VĂN THỬ",
        "DEMO-A-0001",
        "19580412",
        "M",
        "CT SO NAO KHONG CAN QUANG - CAP CUU (PHANTOM)",
        partial(plain_head, "haemorrhage", haemorrhage_ml=30.0, seed=1),
    ),
    Phantom(
        "tilt",
        "DEMO_A",
        "NGUYỄN^THỊ MẪU",
        "DEMO-A-0002",
        "19710923",
        "F",
        "CT SO NAO, NGHIENG GANTRY (PHANTOM)",
        partial(plain_head, "normal", tilt_deg=-18.0, seed=2),
    ),
    Phantom(
        "normal",
        "DEMO_B",
        "LÊ^ĐỨC VÍ DỤ",
        "DEMO-B-0001",
        "19900105",
        "M",
        "CT SO NAO KHONG CAN QUANG (PHANTOM)",
        partial(plain_head, "normal", seed=3),
    ),
    Phantom(
        "stroke",
        "DEMO_A",
        "PHẠM^THỊ THÍ DỤ",
        "DEMO-A-0003",
        "19551130",
        "F",
        "CT SO NAO + TUOI MAU - DOT QUY (PHANTOM)",
        stroke,
    ),
)


def write_phantom(phantom: Phantom, folder: Path, now: datetime.datetime) -> list[Path]:
    """Make the phantom and write its images to `folder`; return the files in order.

    The same phantom on the same `now` is the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for scan in phantom.draw():
        for index, dataset in enumerate(images(phantom, scan, now)):
            path = folder / f"{scan.key}-{index + 1:03d}.dcm"
            dataset.save_as(path, enforce_file_format=True)
            files.append(path)
    return files


def images(phantom: Phantom, scan: Scan, now: datetime.datetime) -> Iterator[FileDataset]:
    """One CT Image instance (PS3.3 A.3) per image, in the order they were taken."""
    begun = now.astimezone(ZONE)
    common = of_series(phantom, scan, begun)
    stored = np.clip(scan.hu.astype(np.int32) - INTERCEPT, 0, LARGEST_STORED).astype("<u2")
    for index in range(len(stored)):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = phantom.uid("instance", scan.key, str(index))
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset = FileDataset("", Dataset(), file_meta=meta, preamble=b"\0" * 128)
        dataset.update(common)
        dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        dataset.InstanceNumber = index + 1
        taken = begun + datetime.timedelta(seconds=float(scan.seconds[index]))
        dataset.AcquisitionDate = dataset.ContentDate = taken.strftime("%Y%m%d")
        dataset.AcquisitionTime = dataset.ContentTime = taken.strftime("%H%M%S.%f")
        position = scan.positions_mm[index]
        dataset.ImagePositionPatient = [round(float(value), 4) for value in position]
        dataset.SliceLocation = round(float(position[2]), 4)
        dataset.PixelData = stored[index].tobytes()
        yield dataset


def of_series(phantom: Phantom, scan: Scan, now: datetime.datetime) -> Dataset:
    """What all images of a series share."""
    day, clock = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    _, rows, columns = scan.hu.shape
    found: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CTImageStorage,
        "StudyDate": day,
        "SeriesDate": day,
        "StudyTime": clock,
        "SeriesTime": clock,
        "AccessionNumber": f"{phantom.patient_id}-1",
        "Modality": "CT",
        "Manufacturer": "Hoichan",
        "ManufacturerModelName": "Phantom",
        "SoftwareVersions": "1",
        "InstitutionName": phantom.site,
        "ReferringPhysicianName": "",
        "StudyDescription": phantom.study_description,
        "SeriesDescription": scan.description,
        "PatientName": phantom.patient_name,
        "PatientID": phantom.patient_id,
        "IssuerOfPatientID": phantom.site,
        "PatientBirthDate": phantom.patient_birth_date,
        "PatientSex": phantom.patient_sex,
        "BodyPartExamined": "HEAD",
        "SliceThickness": round(float(scan.spacing_mm[0]), 4),
        "KVP": 120,
        "GantryDetectorTilt": scan.tilt_deg,
        "PatientPosition": "HFS",
        "StudyInstanceUID": phantom.study_instance_uid,
        "SeriesInstanceUID": phantom.uid("series", scan.key),
        "StudyID": "1",
        "SeriesNumber": scan.number,
        "AcquisitionNumber": 1,
        "ImageOrientationPatient": [round(float(value), 6) for value in scan.orientation],
        "FrameOfReferenceUID": phantom.uid("frame of reference", scan.key),
        "PositionReferenceIndicator": "",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "PixelSpacing": [round(float(value), 4) for value in scan.spacing_mm[1:]],
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
    if scan.contrast_agent:
        found["ContrastBolusAgent"] = scan.contrast_agent
    dataset = Dataset()
    for keyword, value in found.items():
        setattr(dataset, keyword, value)
    return dataset
