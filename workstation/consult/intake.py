"""What came in becomes somebody's case.

Intake reads the archive's change log from its own cursor. Each batch updates the cases that have
the study, or makes a draft for the hospital that sent it; a study without a new instance for
``quiet_seconds`` is complete: its cases may be queued, and the guests' steps are due. Cursor,
arrivals and cases change in one transaction, so a crash repeats a batch or does not, and a
repeated batch does no harm.
"""

import logging
from collections import defaultdict
from datetime import timedelta

from sqlalchemy import Connection, delete, insert, select, update

from dicom_node.errors import NotFound
from dicom_node.records import Change, ChangeKind, Channel, ReadScope
from dicom_node.slides import index_slides
from workstation import audit
from workstation.consult.case import complete_study, receive_study
from workstation.consult.result_runs import mark_study
from workstation.context import Context
from workstation.database import arrivals, cursors, series_arrivals
from workstation.jobs.steps import plan_steps
from workstation.roles import SYSTEM

__all__ = ["complete_quiet_series", "complete_quiet_studies", "take_in"]

logger = logging.getLogger(__name__)

CURSOR = "intake"
EVERYTHING = ReadScope(everything=True)


def take_in(context: Context, limit: int = 1000) -> int:
    """Read the next changes of the archive; return how many there were."""
    changes = context.archive.changes(_position(context), limit)
    if not changes:
        return 0
    by_study: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        # What we made ourselves (signed opinions) is nobody's new images.
        if change.detail.get("channel") != Channel.LOCAL:
            by_study[change.study_instance_uid].append(change)
    with context.database.begin() as connection:
        for study_instance_uid, its_changes in by_study.items():
            _record(context, connection, its_changes)
            if any(change.kind is ChangeKind.INSTANCE_STORED for change in its_changes):
                _arrived(context, connection, study_instance_uid, its_changes)
        _advance(connection, changes[-1].number)
    index_slides(context.archive, by_study)
    return len(changes)


def complete_quiet_series(context: Context) -> list[str]:
    """Let the analyses look at every study of which a series has gone quiet; return the series."""
    quiet_since = context.clock() - timedelta(seconds=context.settings.series_quiet_seconds)
    quiet = series_arrivals.c.last_change_at <= quiet_since
    with context.database.read() as connection:
        if connection.scalar(select(series_arrivals.c.series_instance_uid).where(quiet)) is None:
            return []
    with context.database.begin() as connection:
        rows = connection.execute(select(series_arrivals).where(quiet)).all()
        connection.execute(delete(series_arrivals).where(quiet))
        for study_instance_uid in dict.fromkeys(row.study_instance_uid for row in rows):
            mark_study(context, connection, study_instance_uid)
    return [row.series_instance_uid for row in rows]


def complete_quiet_studies(context: Context) -> list[str]:
    """Complete every study that has gone quiet; return their UIDs."""
    quiet_since = context.clock() - timedelta(seconds=context.settings.quiet_seconds)
    query = select(arrivals.c.study_instance_uid).where(arrivals.c.last_change_at <= quiet_since)
    with context.database.read() as connection:
        quiet = list(connection.scalars(query))
    for study_instance_uid in quiet:
        try:
            study = context.archive.study(study_instance_uid, scope=EVERYTHING)
        except NotFound:
            study = None  # deleted while it was coming in
        with context.database.begin() as connection:
            # Another instance may have come between reading and writing.
            gone = connection.execute(
                delete(arrivals).where(
                    arrivals.c.study_instance_uid == study_instance_uid,
                    arrivals.c.last_change_at <= quiet_since,
                )
            ).rowcount
            if gone and study is not None:
                its = series_arrivals.c.study_instance_uid == study_instance_uid
                connection.execute(delete(series_arrivals).where(its))
                complete_study(context, connection, study)
                plan_steps(context, connection, study)
                mark_study(context, connection, study_instance_uid)
    return quiet


def _position(context: Context) -> int:
    query = select(cursors.c.position).where(cursors.c.name == CURSOR)
    with context.database.read() as connection:
        return int(connection.scalar(query) or 0)


def _advance(connection: Connection, position: int) -> None:
    moved = update(cursors).where(cursors.c.name == CURSOR).values(position=position)
    if connection.execute(moved).rowcount == 0:
        connection.execute(insert(cursors).values(name=CURSOR, position=position))


def _arrived(
    context: Context, connection: Connection, study_instance_uid: str, changes: list[Change]
) -> None:
    try:
        study = context.archive.study(study_instance_uid, scope=EVERYTHING)
    except NotFound:
        logger.warning("study %s left the archive before intake saw it", study_instance_uid)
        return
    # By our own clock: the sender's change times may lie behind a restart.
    values = {"site": study.site, "last_change_at": context.clock()}
    itself = arrivals.c.study_instance_uid == study_instance_uid
    if connection.execute(update(arrivals).where(itself).values(**values)).rowcount == 0:
        connection.execute(insert(arrivals).values(study_instance_uid=study_instance_uid, **values))
    _series_arrived(context, connection, study_instance_uid, changes)
    receive_study(context, connection, study)


def _series_arrived(
    context: Context, connection: Connection, study_instance_uid: str, changes: list[Change]
) -> None:
    stored = (one for one in changes if one.kind is ChangeKind.INSTANCE_STORED)
    for series_instance_uid in dict.fromkeys(one.series_instance_uid for one in stored):
        itself = series_arrivals.c.series_instance_uid == series_instance_uid
        values = {"study_instance_uid": study_instance_uid, "last_change_at": context.clock()}
        if not connection.execute(update(series_arrivals).where(itself).values(**values)).rowcount:
            connection.execute(
                insert(series_arrivals).values(series_instance_uid=series_instance_uid, **values)
            )


def _record(context: Context, connection: Connection, changes: list[Change]) -> None:
    """One audit row a study, kind and batch: who received what is found in the change log."""
    kinds = {
        ChangeKind.INSTANCE_STORED: audit.AuditEvent.INSTANCES_RECEIVED,
        ChangeKind.INSTANCE_CONFLICT: audit.AuditEvent.INSTANCES_RECEIVED,
        ChangeKind.INSTANCE_QUARANTINED: audit.AuditEvent.QUARANTINE,
    }
    for kind, event in kinds.items():
        of_kind = [change for change in changes if change.kind is kind]
        if of_kind:
            audit.record(
                connection,
                event,
                SYSTEM,
                at=context.clock(),
                outcome="success" if kind is ChangeKind.INSTANCE_STORED else "failure",
                study=of_kind[0].study_instance_uid,
                sender_site=of_kind[0].site,
                instances=len(of_kind),
                changes=[of_kind[0].number, of_kind[-1].number],
            )
