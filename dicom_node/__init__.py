"""Speaks DICOM: receive, keep, index, serve, send back."""

from dicom_node.archive import Archive
from dicom_node.errors import DicomNodeError
from dicom_node.node import Node, StudyReceived
from dicom_node.settings import ArchiveSettings, NodeSettings

__all__ = [
    "Archive",
    "ArchiveSettings",
    "DicomNodeError",
    "Node",
    "NodeSettings",
    "StudyReceived",
]
