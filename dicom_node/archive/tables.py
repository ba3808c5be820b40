"""The tables of the index. One row per study, series and instance, keyed by their UIDs."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

__all__ = [
    "changes",
    "commitments",
    "conflicts",
    "headers",
    "instances",
    "metadata",
    "quarantine",
    "series",
    "studies",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A BIGINT on PostgreSQL; SQLite gives rowids only to INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")


class _UtcTime(TypeDecorator[datetime]):
    """A time with zone, kept as naive UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="")


studies = Table(
    "studies",
    metadata,
    Column("study_instance_uid", String(64), primary_key=True),
    Column("site", String(32), nullable=False),
    _text("patient_id"),
    _text("issuer_of_patient_id"),
    _text("patient_name"),
    _text("patient_name_folded"),
    _text("patient_birth_date"),
    _text("patient_sex"),
    _text("study_date"),
    _text("study_time"),
    _text("study_id"),
    _text("accession_number"),
    _text("study_description"),
    _text("referring_physician_name"),
    _text("referring_physician_name_folded"),
    _text("modalities"),  # "\CT\SEG\": every value between backslashes
    # Counters live in the row: counting per query costs five times the query (QIDO).
    Column("series_count", Integer, nullable=False),
    Column("instance_count", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    _text("source_ae"),
    Column("first_received_at", _UtcTime, nullable=False),
    Column("last_received_at", _UtcTime, nullable=False),
    Index("ix_studies_site_study_date", "site", "study_date"),
    Index("ix_studies_study_date", "study_date"),
    Index("ix_studies_patient_id", "patient_id"),
    Index("ix_studies_accession_number", "accession_number"),
)

series = Table(
    "series",
    metadata,
    # A Series Instance UID that turns up in two studies (bad senders) makes two rows.
    Column("study_instance_uid", String(64), primary_key=True),
    Column("series_instance_uid", String(64), primary_key=True),
    Column("site", String(32), nullable=False),
    _text("modality"),
    _text("series_number"),
    Column("series_order", Integer, nullable=False, default=0),  # the number, for sorting
    _text("series_description"),
    _text("body_part_examined"),
    _text("series_date"),
    _text("series_time"),
    Column("instance_count", Integer, nullable=False),
    Index("ix_series_series_instance_uid", "series_instance_uid"),
)

instances = Table(
    "instances",
    metadata,
    Column("sop_instance_uid", String(64), primary_key=True),
    Column("sop_class_uid", String(64), nullable=False),
    Column("series_instance_uid", String(64), nullable=False),
    Column("study_instance_uid", String(64), nullable=False),
    Column("site", String(32), nullable=False),
    _text("instance_number"),
    Column("instance_order", Integer, nullable=False, default=0),
    Column("rows", Integer, nullable=False, default=0),
    Column("columns", Integer, nullable=False, default=0),
    Column("number_of_frames", Integer, nullable=False, default=0),
    _text("transfer_syntax_uid"),
    Column("size", BigInteger, nullable=False),  # bytes of the file
    Column("sha256", String(64), nullable=False),  # of the file, and its name
    _text("source_ae"),
    Column("received_at", _UtcTime, nullable=False),
    Index("ix_instances_study_instance_uid", "study_instance_uid", "series_instance_uid"),
    Index("ix_instances_sha256", "sha256"),
)

# Apart from `instances`, so that scans of those stay in few pages.
headers = Table(
    "headers",
    metadata,
    Column("sop_instance_uid", String(64), primary_key=True),
    Column("dicom_json", LargeBinary, nullable=False),  # zlib
    Column("frames", LargeBinary, nullable=False),  # see frames.FrameTable
)

changes = Table(
    "changes",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("at", _UtcTime, nullable=False),
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    _text("sop_instance_uid"),
    Column("site", String(32), nullable=False),
    Column("detail", JSON, nullable=False, default=dict),
    # Rows are never deleted, so the next number is always a new one.
)

# Kept apart: instances nobody but an administrator may see, with the reason.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("reason", Text, nullable=False),
    _text("sop_class_uid"),
    _text("sop_instance_uid"),
    _text("study_instance_uid"),
    Column("site", String(32), nullable=True),
    _text("ae_title"),
    _text("host"),
    Column("channel", String(16), nullable=False),
    _text("transfer_syntax_uid"),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("received_at", _UtcTime, nullable=False),
    Index("ix_quarantine_sha256", "sha256"),
    sqlite_autoincrement=True,
)

# Same SOP Instance UID as an instance we hold, other bytes: never overwritten, never served.
conflicts = Table(
    "conflicts",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    _text("sop_instance_uid"),
    _text("study_instance_uid"),
    Column("kept_sha256", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("site", String(32), nullable=True),
    _text("ae_title"),
    _text("host"),
    Column("channel", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("received_at", _UtcTime, nullable=False),
    Index("ix_conflicts_sop_instance_uid", "sop_instance_uid"),
    Index("ix_conflicts_sha256", "sha256"),
    sqlite_autoincrement=True,
)

# Storage commitment we were asked for (PS3.4 J.3): the row outlives the process.
commitments = Table(
    "commitments",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("transaction_uid", String(64), nullable=False),
    Column("ae_title", String(16), nullable=False),
    Column("host", Text, nullable=False, default=""),
    Column("references", JSON, nullable=False),  # [[SOP Class UID, SOP Instance UID], …]
    Column("state", String(16), nullable=False),  # due | reported | given up
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt_at", _UtcTime, nullable=False),
    Column("requested_at", _UtcTime, nullable=False),
    Column("last_error", Text, nullable=False, default=""),
    Index("ix_commitments_state_next_attempt_at", "state", "next_attempt_at"),
    sqlite_autoincrement=True,
)
