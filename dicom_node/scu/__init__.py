"""Our side when we call: C-ECHO, C-STORE, C-FIND and storage commitment as SCU."""

from dicom_node.scu.commitment import CommitmentReport, request_commitment
from dicom_node.scu.echo import echo
from dicom_node.scu.find import find, instances_held
from dicom_node.scu.store import SendResult, store

__all__ = [
    "CommitmentReport",
    "SendResult",
    "echo",
    "find",
    "instances_held",
    "request_commitment",
    "store",
]
