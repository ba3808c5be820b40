"""Speaks DICOM: receive, keep, index, serve, send back."""

from dicom_node.archive import Archive
from dicom_node.errors import DicomNodeError
from dicom_node.events import CommitmentReported, InstancesSent, NodeEvent, Queried
from dicom_node.node import Node
from dicom_node.settings import ArchiveSettings, NodeSettings

__all__ = [
    "Archive",
    "ArchiveSettings",
    "CommitmentReported",
    "DicomNodeError",
    "InstancesSent",
    "Node",
    "NodeEvent",
    "NodeSettings",
    "Queried",
]
