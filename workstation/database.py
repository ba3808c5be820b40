"""The workstation's tables.

The archive keeps its own index; here live people, sites, cases, opinions, deliveries and audit.
Times are stored as UTC. Migrations are in ``workstation/migrations`` (Alembic); the database
itself is opened by `workstation.engine`.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from workstation.engine import Database

__all__ = ["Database", "metadata"]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware time, kept as naive UTC where the database knows no zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


sites = Table(
    "sites",
    metadata,
    Column("code", String(32), primary_key=True),  # DEMO_A
    Column("name", Text, nullable=False),
    Column("tier", String(16), nullable=False),  # lower | upper
    Column("phone", Text, nullable=False, default=""),
    Column("active", Boolean, nullable=False, default=True),
    Column("created_at", UtcDateTime, nullable=False),
)

# One row per AE title of a site. A row with host and port is a destination for opinions too.
ae_titles = Table(
    "ae_titles",
    metadata,
    Column("ae_title", String(16), primary_key=True),
    Column("site", ForeignKey("sites.code"), nullable=False, index=True),
    Column("host", Text, nullable=False, default=""),
    Column("port", Integer, nullable=False, default=0),
    Column("sends", Boolean, nullable=False, default=True),  # may C-STORE to us
    Column("receives", Boolean, nullable=False, default=False),  # opinions go here
    Column("allowed_hosts", JSON, nullable=False, default=list),  # [] = any address
    Column("tls", Boolean, nullable=False, default=False),  # is called inside TLS
    Column("tls_pinned", Text, nullable=False, default=""),  # PEM; "" = by CA and host name
    Column("capabilities", JSON, nullable=False, default=dict),  # SOP Class UID -> accepted?
    Column("last_echo_at", UtcDateTime),
    Column("last_echo_result", Text, nullable=False, default=""),
    Column("created_at", UtcDateTime, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("username", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("site", ForeignKey("sites.code"), nullable=False, index=True),
    Column("roles", JSON, nullable=False),
    Column("licence_number", Text, nullable=False, default=""),
    Column("language", String(2), nullable=False, default="vi"),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("created_at", UtcDateTime, nullable=False),
)

# Sessions and tokens are kept as SHA-256 of their secret: reading the table opens no door.
sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("username", ForeignKey("users.username"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("host", Text, nullable=False, default=""),
)
tokens = Table(
    "tokens",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("username", ForeignKey("users.username"), nullable=False, index=True),
    Column("label", Text, nullable=False, default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)
sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    # Keyed hash of what was typed as user name: people type passwords there by mistake.
    Column("name_hash", String(64), nullable=False),
    Column("host", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("succeeded", Boolean, nullable=False),
    Index("ix_sign_in_attempts_name_hash_at", "name_hash", "at"),
    Index("ix_sign_in_attempts_host_at", "host", "at"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", String(32), unique=True),  # HC-2026-000123, given when submitted
    Column("state", String(24), nullable=False),
    Column("priority", String(2), nullable=False),
    Column("area", String(24), nullable=False),  # radiology | pathology
    Column("requesting_site", ForeignKey("sites.code"), nullable=False),
    Column("requesting_department", Text, nullable=False, default=""),
    Column("consulted_site", ForeignKey("sites.code")),
    Column("requester", ForeignKey("users.username")),
    Column("assignee", ForeignKey("users.username"), index=True),
    Column("patient_name", Text, nullable=False, default=""),
    Column("patient_name_folded", Text, nullable=False, default=""),
    Column("patient_id", Text, nullable=False, default=""),
    Column("patient_birth_date", String(8), nullable=False, default=""),
    Column("patient_sex", String(1), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("clinical", JSON, nullable=False, default=dict),  # the rest of the request form
    Column("questions", JSON, nullable=False, default=list),  # [{"id", "text"}]
    Column("consent_basis", String(32), nullable=False, default=""),
    Column("share_scope", String(24), nullable=False, default=""),
    Column("images_to_follow", Boolean, nullable=False, default=False),
    Column("missing", JSON, nullable=False, default=list),  # what an incomplete case waits for
    Column("concordance", String(16), nullable=False, default=""),  # from the newest opinion
    Column("transfer", String(16), nullable=False, default=""),  # likewise
    Column("decision", JSON, nullable=False, default=dict),  # the treating doctor's (Art 64)
    Column("outcome", JSON, nullable=False, default=dict),
    Column("created_at", UtcDateTime, nullable=False),
    Column("submitted_at", UtcDateTime),
    Column("started_at", UtcDateTime),  # first time a reader began
    Column("signed_at", UtcDateTime),  # newest final opinion
    Column("closed_at", UtcDateTime),
    Column("due_at", UtcDateTime),
    Column("paused_at", UtcDateTime),  # the clock stands still since
    Column("paused_seconds", Integer, nullable=False, default=0),
    Column("updated_at", UtcDateTime, nullable=False, index=True),
    Column("revision", Integer, nullable=False, default=1),
    Index("ix_cases_requesting_site_state", "requesting_site", "state"),
    Index("ix_cases_consulted_site_state", "consulted_site", "state"),
)
case_studies = Table(
    "case_studies",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("study_instance_uid", String(64), primary_key=True),
    Column("modalities", JSON, nullable=False, default=list),
    Column("series_count", Integer, nullable=False, default=0),
    Column("instance_count", Integer, nullable=False, default=0),
    Column("last_received_at", UtcDateTime),
    Index("ix_case_studies_study_instance_uid", "study_instance_uid"),
)
# The case's own history; every state change is one of these, in the same transaction.
case_events = Table(
    "case_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("actor", String(64), nullable=False),  # username, or "system"
    Column("at", UtcDateTime, nullable=False),
    Column("detail", JSON, nullable=False, default=dict),
    Column("changes", JSON, nullable=False, default=dict),  # columns of the case set by it
)
# Who has the case open: a second reader sees the first.
case_readers = Table(
    "case_readers",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("username", ForeignKey("users.username"), primary_key=True),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
# Law 15/2023/QH15 Art 69: another facility reads only with the holder's consent.
share_grants = Table(
    "share_grants",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("granted_to", ForeignKey("sites.code"), nullable=False),
    Column("scope", String(24), nullable=False),
    Column("granted_by", String(64), nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    # Looked up for every row of every list: a case has few grants, a site has thousands.
    Index("ix_share_grants_case_id_granted_to", "case_id", "granted_to"),
)
# What guests measured on arrival, by study: every case with the study shows it.
study_measurements = Table(
    "study_measurements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_instance_uid", String(64), nullable=False, index=True),
    Column("plugin", String(64), nullable=False),
    Column("plugin_version", String(32), nullable=False, default=""),
    Column("name", JSON, nullable=False),  # {"value", "scheme_designator", "meaning"}
    Column("value", Float, nullable=False),
    Column("unit", JSON, nullable=False),
    Column("series_instance_uid", String(64), nullable=False, default=""),
    Column("parameters", JSON, nullable=False, default=dict),
    Column("made_at", UtcDateTime, nullable=False),
)

# Newest revision of each annotation; revisions count per case so that viewers ask "since N".
annotations = Table(
    "annotations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("content", JSON, nullable=False),
    Column("author", ForeignKey("users.username"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
    UniqueConstraint("case_id", "revision"),
)

# What the analyses were last found to be about in a study, and whether to ask them anew.
result_plans = Table(
    "result_plans",
    metadata,
    Column("study_instance_uid", String(64), primary_key=True),
    Column("version", Integer, nullable=False),  # counts reasons to ask
    Column("asked_version", Integer, nullable=False, default=0),
    Column("leased_until", UtcDateTime),
    Column("subjects", JSON, nullable=False, default=dict),  # {analysis: [Series Instance UID]}
)
# One row for an analysis of a study, shared by its cases, and one for each case whose reader has
# corrected or confirmed it. ``revision`` counts what it is to be computed from (corrections,
# new images), ``content_revision`` says from which of them ``content`` was.
results = Table(
    "results",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("study_instance_uid", String(64), nullable=False),
    Column("analysis", String(64), nullable=False),
    Column("case_id", ForeignKey("cases.id"), index=True),
    Column("state", String(16), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("content_revision", Integer, nullable=False, default=0),
    Column("content_key", String(64), nullable=False, default=""),  # hash of series and counts
    Column("edits", JSON, nullable=False, default=dict),
    Column("content", JSON(none_as_null=True)),  # plugins.results.Result without its arrays
    Column("content_hash", String(64), nullable=False, default=""),  # of content and edits
    Column("progress", Float, nullable=False, default=0),
    Column("message", JSON, nullable=False, default=dict),  # {"vi", "en"}
    Column("error", JSON(none_as_null=True)),  # likewise
    Column("wanted_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("leased_until", UtcDateTime),
    Column("confirmed_by", ForeignKey("users.username")),
    Column("confirmed_at", UtcDateTime),
    Index("ix_results_study_instance_uid_analysis", "study_instance_uid", "analysis"),
)

# What another program found on a slide, by the thousand; the bytes are kept once for each content,
# and for ever, since a signed opinion may name them.
point_sets = Table(
    "point_sets",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("content", JSON, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("author", ForeignKey("users.username"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
)
point_set_data = Table(
    "point_set_data",
    metadata,
    Column("content_hash", String(64), primary_key=True),
    Column("points", LargeBinary, nullable=False),  # float32 pairs, little-endian
    Column("starts", LargeBinary, nullable=False),  # uint32, little-endian
)

# What a reader looked at closely: a bit for each cell of a slide.
coverage = Table(
    "coverage",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("reader", ForeignKey("users.username"), primary_key=True),
    Column("series_instance_uid", String(64), primary_key=True),
    Column("cell_um", Float, nullable=False),
    Column("columns", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("seen", LargeBinary, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

drafts = Table(
    "drafts",
    metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("author", ForeignKey("users.username"), primary_key=True),
    Column("content", JSON, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
opinions = Table(
    "opinions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("content", Text, nullable=False),  # canonical JSON of everything that was signed
    Column("content_hash", String(64), nullable=False),
    Column("author", ForeignKey("users.username"), nullable=False),
    Column("signed_at", UtcDateTime, nullable=False),
    Column("predecessor", ForeignKey("opinions.id")),
    UniqueConstraint("case_id", "version"),
)

# One row per (opinion, destination AE, study, exporter); written in the signing transaction.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("opinion_id", ForeignKey("opinions.id"), nullable=False, index=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False, index=True),
    Column("destination", String(16), nullable=False),  # AE title; "" when the site has none
    Column("study_instance_uid", String(64), nullable=False),
    Column("exporter", String(64), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt_at", UtcDateTime),
    Column("leased_until", UtcDateTime),
    Column(
        "objects", JSON, nullable=False, default=list
    ),  # [{"sop_class_uid", "sop_instance_uid", "path"}]
    Column("proof", String(24), nullable=False, default=""),  # storage commitment | query
    Column("transaction_uid", String(64), nullable=False, default=""),
    Column("last_error", JSON, nullable=False, default=dict),  # {"vi", "en"}
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("landed_at", UtcDateTime),
    UniqueConstraint(
        "opinion_id", "destination", "study_instance_uid", "exporter", name="uq_deliveries_target"
    ),
)

# Named positions in logs we follow, e.g. intake's place in the archive's change log.
cursors = Table(
    "cursors",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
)
counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Integer, nullable=False),
)
# Studies whose instances still come in; a row goes when its study has gone quiet.
arrivals = Table(
    "arrivals",
    metadata,
    Column("study_instance_uid", String(64), primary_key=True),
    Column("site", String(32), nullable=False),
    Column("last_change_at", UtcDateTime, nullable=False),
)
# Series whose instances still come in; likewise, by a shorter time.
series_arrivals = Table(
    "series_arrivals",
    metadata,
    Column("series_instance_uid", String(64), primary_key=True),
    Column("study_instance_uid", String(64), nullable=False, index=True),
    Column("last_change_at", UtcDateTime, nullable=False),
)
step_runs = Table(
    "step_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_instance_uid", String(64), nullable=False),
    Column("plugin", String(64), nullable=False),
    Column("content_key", String(64), nullable=False),  # instance count and last arrival seen
    Column("state", String(16), nullable=False),  # due | running | done | failed
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("error", Text, nullable=False, default=""),
    UniqueConstraint("study_instance_uid", "plugin", "content_key"),
)

# Files brought by browser or found in the watched folder; the rows are the queue of conversions.
uploads = Table(
    "uploads",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner", ForeignKey("users.username"), index=True),  # None: the watched folder
    Column("site", ForeignKey("sites.code"), nullable=False, index=True),
    Column("name", Text, nullable=False),  # as the sender called the file
    Column("size", BigInteger, nullable=False),
    Column("facts", JSON, nullable=False, default=dict),  # what the laboratory says
    Column("state", String(16), nullable=False, index=True),
    Column("progress", Float, nullable=False, default=0.0),
    Column("message", JSON, nullable=False, default=dict),  # {"vi", "en"}
    Column("error", JSON, nullable=False, default=dict),  # {"code", "vi", "en"}
    Column("outcome", JSON, nullable=False, default=dict),  # what became of it
    Column("host", Text, nullable=False, default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("leased_until", UtcDateTime),
    Column("block_bytes", Integer, nullable=False, default=0, server_default="0"),  # 0: by tus
    Column("digest", String(64), nullable=False, default="", server_default=""),  # BLAKE2b-256
    Column("preview", String(16), nullable=False, default="", server_default=""),
)

# Append-only; row_hash covers the row and its predecessor's hash (PS3.15 A.5 event names).
audit_events = Table(
    "audit_events",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),  # ISO 8601, exactly as hashed
    Column("event", String(48), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("site", String(32), nullable=False, default=""),
    Column("host", Text, nullable=False, default=""),
    Column("outcome", String(16), nullable=False),
    Column("subject", JSON, nullable=False, default=dict),  # UIDs and ids, never names
    Column("previous_hash", String(64), nullable=False),
    Column("row_hash", String(64), nullable=False),
)
secrets = Table(
    "secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
