"""Results as workers have them: planned on arrival, leased, computed, written down.

When series of a study have come in whole, the analyses are asked (in a child, `workstation.jobs`)
which series they are about. Where all of these are complete and their content is new, the shared
result is due, and so are the cases' own copies. Whoever computes a row leases it; a worker that
dies leaves its rows to others. What is written down is looked at again inside the transaction: a
correction that came meanwhile is not lost, and a cancelled run leaves no trace.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from plugins.contributions import Analysis
from plugins.nouns import Priority, Text
from plugins.results import ResultState
from workstation import audit
from workstation.audit import AuditEvent
from workstation.consult import result_files
from workstation.consult.result_content import hash_of
from workstation.consult.result_rows import content_key
from workstation.context import Context
from workstation.database import (
    case_studies,
    cases,
    result_plans,
    results,
    series_arrivals,
)
from workstation.roles import SYSTEM

__all__ = [
    "Claim",
    "Due",
    "Standing",
    "claim_plan",
    "claim_result",
    "due_work",
    "free_results",
    "give_back",
    "is_expecting",
    "mark_study",
    "record_computed",
    "record_failed",
    "record_subjects",
    "renew",
    "standing",
]

LEASE = timedelta(seconds=30)
# A study may have its analyses asked for so long.
PLAN_LEASE = timedelta(minutes=5)
_EMERGENCIES = sorted(str(priority) for priority in Priority if priority.is_emergency)


@dataclass(frozen=True, slots=True)
class Due:
    """Something for a bench: a result to compute, or (``result_id`` empty) a study to ask about."""

    study_instance_uid: str
    result_id: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A result that is ours to compute."""

    result_id: str
    study_instance_uid: str
    analysis: str
    revision: int
    edits: Mapping[str, Any]


class Standing(Enum):
    """What became of a result while it is computed."""

    WANTED = "wanted"
    SUPERSEDED = "superseded"  # corrected once more: the new run is due already
    CANCELLED = "cancelled"


def mark_study(context: Context, connection: Connection, study_instance_uid: str) -> None:
    """Something of the study is complete: the analyses are to be asked about it."""
    if not context.plugins.of(Analysis):
        return
    its = result_plans.c.study_instance_uid == study_instance_uid
    more = update(result_plans).where(its).values(version=result_plans.c.version + 1)
    if connection.execute(more).rowcount == 0:
        connection.execute(
            insert(result_plans).values(study_instance_uid=study_instance_uid, version=1)
        )


def is_expecting(context: Context) -> bool:
    """Whether images are coming in: there will be work soon."""
    with context.database.read() as connection:
        return connection.scalar(select(series_arrivals.c.study_instance_uid).limit(1)) is not None


def due_work(context: Context) -> list[Due]:
    """What waits for a bench: emergencies first, then readers, then what came first."""
    now = context.clock()
    with context.database.read() as connection:
        rows = connection.execute(
            select(
                results.c.id,
                results.c.study_instance_uid,
                results.c.case_id,
                results.c.wanted_at,
            ).where(_waiting(now))
        ).all()
        plans = connection.execute(
            select(result_plans.c.study_instance_uid).where(_unasked(now))
        ).all()
        if not rows and not plans:
            return []
        studies = {row.study_instance_uid for row in (*rows, *plans)}
        urgent = _emergencies(connection, studies)
    # (rank, since): a reader at the screen, then the question that leads to results, then these
    ranked = [((1, 0.0), Due(plan.study_instance_uid)) for plan in plans]
    for row in rows:
        rank = 2 if row.case_id is None else 0
        ranked.append(((rank, row.wanted_at.timestamp()), Due(row.study_instance_uid, row.id)))
    ranked.sort(key=lambda one: (one[1].study_instance_uid not in urgent, one[0]))
    return [due for _, due in ranked]


def claim_plan(context: Context, study_instance_uid: str) -> int | None:
    """Take a study to ask about; the version of its plan, None when there is nothing to ask."""
    now = context.clock()
    free = (result_plans.c.study_instance_uid == study_instance_uid) & _unasked(now)
    with context.database.begin() as connection:
        version = connection.scalar(select(result_plans.c.version).where(free))
        if version is not None:
            taken = update(result_plans).where(free).values(leased_until=now + PLAN_LEASE)
            connection.execute(taken)
        return version


def record_subjects(
    context: Context,
    study_instance_uid: str,
    version: int,
    subjects: Mapping[str, Mapping[str, int]],
) -> list[str]:
    """Write down what the analyses are about; return the ids of the results that became due.

    Parameters
    ----------
    subjects : mapping
        Analysis id to the Series Instance UIDs it would use and their numbers of instances.
    """
    due: list[str] = []
    with context.database.begin() as connection:
        arriving = set(
            connection.scalars(
                select(series_arrivals.c.series_instance_uid).where(
                    series_arrivals.c.study_instance_uid == study_instance_uid
                )
            )
        )
        for analysis_id, counts in subjects.items():
            if counts and arriving.isdisjoint(counts):
                due += _plan(context, connection, study_instance_uid, analysis_id, counts)
        connection.execute(
            update(result_plans)
            .where(result_plans.c.study_instance_uid == study_instance_uid)
            .values(
                asked_version=version,
                leased_until=None,
                subjects={key: dict(counts) for key, counts in subjects.items() if counts},
            )
        )
    return due


def claim_result(context: Context, result_id: str) -> Claim | None:
    """Take a result to compute; None when it is not ours to compute."""
    now = context.clock()
    free = (results.c.id == result_id) & _waiting(now)
    taken = {
        "state": str(ResultState.RUNNING),
        "leased_until": now + LEASE,
        "started_at": now,
        "progress": 0.0,
        "message": {},
        "error": None,
    }
    with context.database.begin() as connection:
        if connection.execute(update(results).where(free).values(**taken)).rowcount != 1:
            return None
        row = connection.execute(select(results).where(results.c.id == result_id)).one()
    return Claim(row.id, row.study_instance_uid, row.analysis, row.revision, row.edits)


def standing(context: Context, claim: Claim) -> Standing:
    """Whether what is being computed is still wanted."""
    wanted = select(results.c.state, results.c.revision).where(results.c.id == claim.result_id)
    with context.database.read() as connection:
        row = connection.execute(wanted).first()
    if row is None or row.state == ResultState.CANCELLED:
        return Standing.CANCELLED
    if row.revision != claim.revision:
        return Standing.SUPERSEDED
    return Standing.WANTED


def renew(context: Context, claim: Claim, progress: float, message: Text) -> None:
    """Keep the lease, and let readers see how far it is."""
    values = {
        "leased_until": context.clock() + LEASE,
        "progress": min(max(progress, 0.0), 1.0),
        "message": {"vi": message.vi, "en": message.en},
    }
    with context.database.begin() as connection:
        connection.execute(update(results).where(_running(claim)).values(**values))


def record_computed(context: Context, claim: Claim, content: Mapping[str, Any]) -> bool:
    """Write down what was computed; False when nobody wants it any more.

    What was computed from corrections that were corrected again is kept as the newest there is
    to show; the state stays, for its successor is due.
    """
    now = context.clock()
    with context.database.begin() as connection:
        wanted = select(results).where(results.c.id == claim.result_id)
        row = connection.execute(wanted).first()
        if row is None or row.state not in (ResultState.DUE, ResultState.RUNNING):
            return False
        if row.content_revision > claim.revision or row.revision < claim.revision:
            return False
        content_hash = hash_of(content, claim.edits)
        values: dict[str, Any] = {
            "content": content,
            "content_revision": claim.revision,
            "content_hash": content_hash,
        }
        if row.revision == claim.revision:
            state = ResultState.EDITED if claim.edits else ResultState.COMPUTED
            values.update(state=str(state), progress=1.0, message={}, error=None)
            values.update(leased_until=None, ended_at=now)
        connection.execute(update(results).where(results.c.id == row.id).values(**values))
        _audit(context, connection, claim, "computed", case_id=row.case_id, hash=content_hash)
    result_files.drop_older(context.settings.data, claim.result_id, claim.revision)
    return True


def record_failed(context: Context, claim: Claim, error: Text) -> bool:
    """Write down why there is no result; False when nobody wants it any more."""
    values = {
        "state": str(ResultState.FAILED),
        "error": {"vi": error.vi, "en": error.en},
        "leased_until": None,
        "ended_at": context.clock(),
    }
    with context.database.begin() as connection:
        if not connection.execute(update(results).where(_running(claim)).values(**values)).rowcount:
            return False
        _audit(context, connection, claim, "failed", outcome="failure")
    return True


def give_back(context: Context, claim: Claim) -> None:
    """Leave a result to the next worker."""
    values = {"state": str(ResultState.DUE), "leased_until": None}
    with context.database.begin() as connection:
        connection.execute(update(results).where(_running(claim)).values(**values))


def free_results(context: Context) -> None:
    """At the start of the only worker: what an earlier one held, it no longer works on."""
    running = results.c.state == ResultState.RUNNING
    with context.database.begin() as connection:
        connection.execute(
            update(results).where(running).values(state=str(ResultState.DUE), leased_until=None)
        )
        connection.execute(update(result_plans).values(leased_until=None))


def _plan(
    context: Context,
    connection: Connection,
    study_instance_uid: str,
    analysis_id: str,
    counts: Mapping[str, int],
) -> list[str]:
    """Let an analysis's results be due where they were made of something else."""
    analysis = context.plugins.get(Analysis, analysis_id)
    key, now = content_key(counts), context.clock()
    its = (results.c.study_instance_uid == study_instance_uid) & (results.c.analysis == analysis_id)
    rows = connection.execute(select(results).where(its)).all()
    if all(row.case_id is not None for row in rows):
        if analysis is None or analysis.starts_on != "arrival":
            return []
        result_id = str(uuid.uuid4())
        connection.execute(
            insert(results).values(
                id=result_id,
                study_instance_uid=study_instance_uid,
                analysis=analysis_id,
                state=str(ResultState.DUE),
                revision=1,
                content_key=key,
                wanted_at=now,
            )
        )
        return [result_id]
    due = []
    for row in rows:
        if row.content_key == key:
            continue
        if row.state == ResultState.CONFIRMED:
            # what was confirmed is not what is there now: its reader must look again
            claim = Claim(row.id, study_instance_uid, analysis_id, row.revision, row.edits)
            why = {"case_id": row.case_id, "hash": row.content_hash, "why": "new images"}
            _audit(context, connection, claim, "reopened", **why)
        connection.execute(
            update(results)
            .where(results.c.id == row.id)
            .values(
                state=str(ResultState.DUE),
                revision=row.revision + 1,
                content_key=key,
                wanted_at=now,
                progress=0.0,
                message={},
                error=None,
                leased_until=None,
                confirmed_by=None,
                confirmed_at=None,
            )
        )
        due.append(row.id)
    return due


def _emergencies(connection: Connection, studies: Iterable[str]) -> set[str]:
    wanted = (
        select(case_studies.c.study_instance_uid)
        .join(cases, cases.c.id == case_studies.c.case_id)
        .where(
            case_studies.c.study_instance_uid.in_(list(studies)),
            cases.c.priority.in_(_EMERGENCIES),
        )
    )
    return set(connection.scalars(wanted))


def _waiting(now: datetime) -> ColumnElement[bool]:
    """SQL: the result is due, or whoever computed it is gone."""
    lease = results.c.leased_until
    lost = and_(results.c.state == ResultState.RUNNING, or_(lease.is_(None), lease < now))
    return or_(results.c.state == ResultState.DUE, lost)


def _unasked(now: datetime) -> ColumnElement[bool]:
    """SQL: the study is to be asked about, and nobody does."""
    lease = result_plans.c.leased_until
    unasked = result_plans.c.asked_version < result_plans.c.version
    return and_(unasked, or_(lease.is_(None), lease < now))


def _running(claim: Claim) -> ColumnElement[bool]:
    return and_(
        results.c.id == claim.result_id,
        results.c.state == ResultState.RUNNING,
        results.c.revision == claim.revision,
    )


def _audit(
    context: Context,
    connection: Connection,
    claim: Claim,
    what: str,
    *,
    outcome: str = "success",
    **more: Any,
) -> None:
    audit.record(
        connection,
        AuditEvent.RESULT,
        SYSTEM,
        at=context.clock(),
        outcome=outcome,
        result_id=claim.result_id,
        analysis=claim.analysis,
        study=claim.study_instance_uid,
        revision=claim.revision,
        what=what,
        **more,
    )
