"""Synthetic DICOM for tests: small, valid, and different wherever a test needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import _read_file_meta_info
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from dicom_node.archive import Archive, ArchiveSettings
from dicom_node.node import Node
from dicom_node.peers import Peer
from dicom_node.records import Channel, Origin, ReadScope
from dicom_node.settings import NodeSettings

__all__ = [
    "EVERYTHING",
    "FixedPeers",
    "ct_image",
    "ct_series",
    "dataset_bytes",
    "file_bytes",
    "from_site",
    "open_archive",
    "running_node",
]

EVERYTHING = ReadScope(everything=True)


def ct_image(**attributes: Any) -> Dataset:
    """Return a 16×16 CT image with noise; `attributes` override or add by keyword.

    UIDs are new on every call unless given. Values of None remove the attribute.
    """
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyDate = "20260115"
    dataset.StudyTime = "031500"
    dataset.AccessionNumber = "ACC1"
    dataset.Modality = "CT"
    dataset.Manufacturer = "Hội chẩn tests"
    dataset.ReferringPhysicianName = "TRAN^THI B"
    dataset.StudyDescription = "CT so nao"
    dataset.SeriesDescription = "Axial 5.0"
    dataset.PatientName = "NGUYEN^VAN A"
    dataset.PatientID = "P1"
    dataset.PatientBirthDate = "19600101"
    dataset.PatientSex = "M"
    dataset.SliceThickness = "5.0"
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.StudyID = "S1"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = 1
    dataset.ImagePositionPatient = [0.0, 0.0, 0.0]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.FrameOfReferenceUID = generate_uid()
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = dataset.Columns = 16
    dataset.PixelSpacing = [0.5, 0.5]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept = "-1024"
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    if "PixelData" not in dataset:
        shape = (int(dataset.Rows), int(dataset.Columns))
        generator = np.random.default_rng(abs(hash(str(dataset.get("SOPInstanceUID", "")))))
        dataset.PixelData = generator.integers(0, 2000, shape, dtype=np.int16).tobytes()
    return dataset


def ct_series(count: int, **attributes: Any) -> list[Dataset]:
    """Return `count` slices of one series, 5 mm apart along z."""
    shared = {
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
    } | attributes
    return [
        ct_image(InstanceNumber=number, ImagePositionPatient=[0.0, 0.0, 5.0 * number], **shared)
        for number in range(1, count + 1)
    ]


def file_bytes(dataset: Dataset, transfer_syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """Return a Part 10 file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CTImageStorage) or CTImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "") or generate_uid()
    meta.TransferSyntaxUID = transfer_syntax
    dataset.file_meta = meta
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def dataset_bytes(path: Path) -> bytes:
    """Return what follows the File Meta Information of a file, as pydicom places it."""
    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return path.read_bytes()
        _read_file_meta_info(file)
        return file.read()


def from_site(site: str | None = "DEMO_A", ae_title: str = "") -> Origin:
    """Return an origin as if `site` had sent it over DIMSE."""
    return Origin(site, ae_title or site or "STRANGER", "127.0.0.1", Channel.DIMSE)


@contextmanager
def open_archive(folder: Path, **settings: Any) -> Iterator[Archive]:
    """An archive in `folder`, closed afterwards."""
    archive = Archive.open(ArchiveSettings(folder, minimum_free_bytes=0, **settings))
    try:
        yield archive
    finally:
        archive.close()


class FixedPeers:
    """`Peers` from dictionaries: AE title → site, AE title → peer."""

    def __init__(
        self, sites: dict[str, str] | None = None, destinations: dict[str, Peer] | None = None
    ) -> None:
        self.sites = sites if sites is not None else {"DEMO_A": "DEMO_A", "DEMO_B": "DEMO_B"}
        self.destinations = destinations or {}

    def site_of(self, calling_ae: str, host: str) -> str | None:
        return self.sites.get(calling_ae)

    def destination(self, ae_title: str, calling_ae: str = "") -> Peer | None:
        return self.destinations.get(ae_title)

    def read_scope(self, calling_ae: str, host: str) -> ReadScope:
        site = self.sites.get(calling_ae)
        return ReadScope(sites=frozenset({site} if site else ()))


@contextmanager
def running_node(
    archive: Archive,
    peers: FixedPeers | None = None,
    on_event: Any = None,
    **settings: Any,
) -> Iterator[Node]:
    """A node on a free port of the loopback interface."""
    values = {"host": "127.0.0.1", "port": 0} | settings
    node = Node(archive, NodeSettings(**values), peers or FixedPeers(), on_event)
    node.start()
    try:
        yield node
    finally:
        node.stop()
