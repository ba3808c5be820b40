"""Speaks DICOM: receive, keep, index, serve, send back."""

from dicom_node.archive import Archive
from dicom_node.errors import DicomNodeError
from dicom_node.node import CommitmentReported, Node, NodeEvent, StudyReceived
from dicom_node.settings import ArchiveSettings, NodeSettings

__all__ = [
    "Archive",
    "ArchiveSettings",
    "CommitmentReported",
    "DicomNodeError",
    "Node",
    "NodeEvent",
    "NodeSettings",
    "StudyReceived",
]
