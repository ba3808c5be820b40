"""What the index says of what we hold. Plain values, no file handles."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

__all__ = [
    "Change",
    "ChangeKind",
    "Channel",
    "ConflictRecord",
    "InstanceRecord",
    "Origin",
    "QuarantineReason",
    "QuarantineRecord",
    "ReadScope",
    "SeriesRecord",
    "StoreOutcome",
    "StoreResult",
    "StudyRecord",
]


class Channel(StrEnum):
    """The door by which an instance came in."""

    DIMSE = "dimse"
    STOW = "stow"
    UPLOAD = "upload"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who gave us an instance. ``site`` is None when no rule knows the sender."""

    site: str | None
    ae_title: str = ""
    host: str = ""
    channel: Channel = Channel.DIMSE


@dataclass(frozen=True, slots=True)
class ReadScope:
    """What a caller may see: everything, the studies of some sites, or some studies.

    Every read of the archive takes one; what lies outside it does not exist for the caller.
    """

    everything: bool = False
    sites: frozenset[str] = frozenset()
    studies: frozenset[str] = frozenset()

    def covers(self, study_instance_uid: str, site: str) -> bool:
        return self.everything or site in self.sites or study_instance_uid in self.studies


class StoreOutcome(StrEnum):
    """What became of an instance. Each is durable before it is answered."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # identical bytes were here already: success, no-op
    CONFLICT = "conflict"  # same SOP Instance UID, other bytes: kept apart, reported
    QUARANTINED = "quarantined"  # kept, but not visible to anyone but an administrator


@dataclass(frozen=True, slots=True)
class StoreResult:
    outcome: StoreOutcome
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StudyRecord:
    study_instance_uid: str
    site: str
    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    study_date: str
    study_time: str
    study_id: str
    accession_number: str
    study_description: str
    referring_physician_name: str
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int
    size: int
    source_ae: str
    first_received_at: datetime
    last_received_at: datetime


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    series_instance_uid: str
    study_instance_uid: str
    site: str
    modality: str
    series_number: str
    series_description: str
    body_part_examined: str
    series_date: str
    series_time: str
    instance_count: int


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str
    study_instance_uid: str
    site: str
    instance_number: str
    rows: int
    columns: int
    number_of_frames: int
    transfer_syntax_uid: str
    size: int
    sha256: str
    path: Path  # absolute
    source_ae: str
    received_at: datetime


class QuarantineReason(StrEnum):
    """Why an instance is kept where only an administrator sees it."""

    UNKNOWN_SENDER = "unknown sender"
    OTHER_SITE = "study of another site"
    NO_INSTANCE_UID = "no valid SOP UIDs"
    NO_STUDY_UID = "no valid Study Instance UID"
    NO_SERIES_UID = "no valid Series Instance UID"
    UNREADABLE = "data set cannot be read"


@dataclass(frozen=True, slots=True)
class QuarantineRecord:
    id: int
    reason: QuarantineReason
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    origin: Origin
    transfer_syntax_uid: str
    size: int
    path: Path
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ConflictRecord:
    """Bytes that claim the SOP Instance UID of an instance we hold, but differ from it."""

    id: int
    sop_instance_uid: str
    study_instance_uid: str
    kept_sha256: str
    origin: Origin
    size: int
    path: Path  # of the newcomer
    received_at: datetime


class ChangeKind(StrEnum):
    INSTANCE_STORED = "instance stored"
    INSTANCE_CONFLICT = "instance conflict"
    INSTANCE_QUARANTINED = "instance quarantined"


@dataclass(frozen=True, slots=True)
class Change:
    """One numbered line of the change log; numbers only grow."""

    number: int
    kind: ChangeKind
    at: datetime
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    site: str
    detail: dict[str, Any] = field(default_factory=dict)
