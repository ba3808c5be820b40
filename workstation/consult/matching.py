"""Which studies belong to which cases, as they arrive and as people attach them."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from dicom_node.errors import NotFound as StudyNotFound
from dicom_node.names import fold
from dicom_node.records import ReadScope, StudyRecord
from plugins.nouns import Priority, State
from workstation.consult import events
from workstation.consult.moves import known, move
from workstation.consult.request import is_about, patient_of, require_same_patient
from workstation.consult.rows import CaseRecord, records
from workstation.consult.sending import queue_if_ready
from workstation.consult.transitions import BEFORE_FINAL, Event
from workstation.context import Context
from workstation.database import case_studies, cases
from workstation.errors import Conflict, NotFound
from workstation.roles import SYSTEM, Principal

__all__ = [
    "adopt_draft",
    "attach",
    "change_studies",
    "complete_study",
    "detach",
    "own_studies",
    "receive_study",
]


def receive_study(context: Context, connection: Connection, study: StudyRecord) -> None:
    """Something of a study came in: tell its cases, or find or make one that it belongs to.

    A request that was sent ahead of its images gets them when patient and site agree with exactly
    one such request. A study nobody asked about becomes a draft without a requester.
    """
    if _refresh(context, connection, study):
        return
    awaiting = _awaiting(context, connection, study)
    if awaiting is None:
        _make_draft(context, connection, study)
        return
    attach(connection, awaiting.id, study)
    detail = {"study_instance_uid": study.study_instance_uid}
    now = context.clock()
    events.append(connection, SYSTEM, now, awaiting.id, "study attached", detail, patient_of(study))
    queue_if_ready(context, connection, known(connection, now, awaiting.id))


def complete_study(context: Context, connection: Connection, study: StudyRecord) -> None:
    """A study has gone quiet: its counts are final for now, and its sent cases may be queued."""
    _refresh(context, connection, study)
    now = context.clock()
    for case in records(connection, now, _has(study.study_instance_uid)):
        queue_if_ready(context, connection, case)


def attach(connection: Connection, case_id: str, study: StudyRecord) -> None:
    """Make the study part of the case; harmless when it is already."""
    counts = _counts(study)
    itself = (case_studies.c.case_id == case_id) & (
        case_studies.c.study_instance_uid == study.study_instance_uid
    )
    if not connection.execute(update(case_studies).where(itself).values(**counts)).rowcount:
        connection.execute(
            insert(case_studies).values(
                case_id=case_id, study_instance_uid=study.study_instance_uid, **counts
            )
        )


def detach(connection: Connection, case_id: str, study_instance_uid: str) -> None:
    connection.execute(
        delete(case_studies).where(
            case_studies.c.case_id == case_id,
            case_studies.c.study_instance_uid == study_instance_uid,
        )
    )


def adopt_draft(
    context: Context,
    connection: Connection,
    principal: Principal,
    study_instance_uids: Sequence[str],
) -> CaseRecord | None:
    """The draft that intake made for one of these studies; further ones are cancelled."""
    unasked = (
        (cases.c.state == State.DRAFT)
        & cases.c.requester.is_(None)
        & (cases.c.requesting_site == principal.site)
        & cases.c.id.in_(
            select(case_studies.c.case_id).where(
                case_studies.c.study_instance_uid.in_(list(study_instance_uids))
            )
        )
    )
    found = records(connection, context.clock(), unasked, order=(cases.c.created_at,))
    for other in found[1:]:
        for study_instance_uid in other.study_instance_uids:
            detach(connection, other.id, study_instance_uid)
        move(context, connection, SYSTEM, other, Event.CANCEL, reason=f"merged into {found[0].id}")
    return found[0] if found else None


def own_studies(context: Context, principal: Principal, wanted: Sequence[str]) -> list[StudyRecord]:
    """The studies, all of the principal's own site: nobody asks about another's patient."""
    own = ReadScope(sites=frozenset({principal.site}))
    try:
        return [context.archive.study(uid, scope=own) for uid in wanted]
    except StudyNotFound:
        raise NotFound(
            "study_not_found",
            "Không tìm thấy lần chụp này ở cơ sở của bạn.",
            "There is no such study at your site.",
        ) from None


def change_studies(
    context: Context,
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    wanted: Sequence[str],
) -> dict[str, Any]:
    """Attach and (while a draft) detach studies; return the patient columns they imply."""
    studies = own_studies(context, principal, list(dict.fromkeys(wanted)))
    require_same_patient(studies)
    gone = set(case.study_instance_uids) - set(wanted)
    if gone and case.state is not State.DRAFT:
        raise Conflict(
            "studies_already_sent",
            "Không thể gỡ lần chụp đã gửi; hãy hủy ca và gửi lại.",
            "Studies already sent stay; cancel the case and ask again.",
        )
    for study in studies:
        attach(connection, case.id, study)
    for study_instance_uid in gone:
        detach(connection, case.id, study_instance_uid)
    return patient_of(studies[0]) if studies else {}


_LATE_FIELDS = {
    "clinical",
    "priority",
    "study_instance_uids",
    "images_to_follow",
    "patient_name",
    "patient_id",
    "patient_birth_date",
    "patient_sex",
}


def _refresh(context: Context, connection: Connection, study: StudyRecord) -> bool:
    """Bring the counts of the study up to date in every case that has it."""
    its = case_studies.c.study_instance_uid == study.study_instance_uid
    case_ids = list(connection.scalars(select(case_studies.c.case_id).where(its)))
    if case_ids:
        connection.execute(update(case_studies).where(its).values(**_counts(study)))
        events.touch(connection, context.clock(), case_ids)
    return bool(case_ids)


def _awaiting(context: Context, connection: Connection, study: StudyRecord) -> CaseRecord | None:
    """The one request of the study's site that waits for images of this patient."""
    waiting = (
        (cases.c.requesting_site == study.site)
        & cases.c.images_to_follow
        & cases.c.requester.is_not(None)
        & cases.c.state.in_(sorted(BEFORE_FINAL - {State.DRAFT}))
        & ~cases.c.id.in_(select(case_studies.c.case_id))
    )
    patient = is_about(study)
    found = [
        case
        for case in records(connection, context.clock(), waiting)
        if patient == ((case.patient_id,) if study.patient_id else _named(case))
    ]
    return found[0] if len(found) == 1 else None


def _named(case: CaseRecord) -> tuple[str, str]:
    return (fold(case.patient_name.replace("^", " ")), case.patient_birth_date)


def _make_draft(context: Context, connection: Connection, study: StudyRecord) -> None:
    now = context.clock()
    case_id = str(uuid.uuid4())
    row: dict[str, Any] = {
        "id": case_id,
        "state": str(State.DRAFT),
        "requesting_site": study.site,
        "area": "pathology" if "SM" in study.modalities else "radiology",
        "priority": str(Priority.PP if "SM" in study.modalities else Priority.P3),
        "created_at": now,
        **patient_of(study),
    }
    detail = {"studies": [study.study_instance_uid]}
    events.append_first(connection, SYSTEM, now, row, detail)
    attach(connection, case_id, study)


def _counts(study: StudyRecord) -> dict[str, Any]:
    return {
        "modalities": list(study.modalities),
        "series_count": study.series_count,
        "instance_count": study.instance_count,
        "last_received_at": study.last_received_at,
    }


def _has(study_instance_uid: str) -> Any:
    return cases.c.id.in_(
        select(case_studies.c.case_id).where(
            case_studies.c.study_instance_uid == study_instance_uid
        )
    )
