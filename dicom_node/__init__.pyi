from .archive import Archive
from .errors import DicomNodeError
from .events import CommitmentReported, InstancesSent, NodeEvent, Queried
from .node import Node
from .settings import ArchiveSettings, NodeSettings

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
