"""The archive: durable instances, their index, and the log of what happened."""

from dicom_node.archive.archive import Archive
from dicom_node.archive.frames import FrameTable
from dicom_node.archive.query import INSTANCE_KEYS, SERIES_KEYS, STUDY_KEYS, Query, StudyQuery
from dicom_node.archive.reception import Reception
from dicom_node.archive.recovery import Problem, ProblemKind, RecoveryReport
from dicom_node.settings import ArchiveSettings

__all__ = [
    "INSTANCE_KEYS",
    "SERIES_KEYS",
    "STUDY_KEYS",
    "Archive",
    "ArchiveSettings",
    "FrameTable",
    "Problem",
    "ProblemKind",
    "Query",
    "Reception",
    "RecoveryReport",
    "StudyQuery",
]
