"""What the node tells whoever started it: for audit, and for those who wait for a report.

What came in is in the archive's change log and not told here.
"""

from dataclasses import dataclass

from dicom_node.scu.commitment import CommitmentReport

__all__ = ["CommitmentReported", "InstancesSent", "NodeEvent", "Queried"]


@dataclass(frozen=True, slots=True)
class CommitmentReported:
    """A peer reports on what we asked it to keep."""

    calling_ae: str
    host: str
    report: CommitmentReport


@dataclass(frozen=True, slots=True)
class InstancesSent:
    """A C-MOVE or C-GET took instances of one study to `destination_ae`."""

    calling_ae: str
    host: str
    destination_ae: str
    study_instance_uid: str
    count: int


@dataclass(frozen=True, slots=True)
class Queried:
    """A C-FIND at `level` got `count` matches."""

    calling_ae: str
    host: str
    level: str
    count: int


NodeEvent = CommitmentReported | InstancesSent | Queried
