"""The opinion comes home: sent to the asking hospital's AE, until it is proved to have landed.

A delivery row is written in the transaction that signs the opinion (state ``due``). Here each is
leased, encoded once, sent, and proved by storage commitment or, where the peer offers none, by
C-FIND. Rows move ``due → sent → landed``; ``refused`` when the peer accepts neither the object
nor any fallback; back to ``due`` with a later hour when anything else fails. Every step may run
twice: the objects keep their UIDs and bytes, and a PACS takes the second as the first.
"""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydicom.uid import UID, generate_uid
from sqlalchemy import Connection, Row, delete, or_, select, update

from dicom_node.errors import (
    DicomNodeError,
    PeerError,
)
from dicom_node.peers import Peer
from dicom_node.scu import (
    CommitmentReport,
    SendResult,
    instances_held,
    request_commitment,
    store,
)
from plugins.contributions import Exporter
from plugins.nouns import Text
from workstation import audit
from workstation.consult.course import mark_delivered
from workstation.consult.deliveries import DUE, LANDED, REFUSED, SENT, is_home
from workstation.consult.export import EVERYTHING, ExportedObject, ExportFailed, encode
from workstation.context import Context
from workstation.database import ae_titles, deliveries
from workstation.peers import explain, peer_of
from workstation.roles import SYSTEM

__all__ = ["deliver", "due_deliveries", "free_leases", "record_commitment"]

logger = logging.getLogger(__name__)

# A first failure is often a PACS restarting; an emergency's opinion must not wait for minutes.
RETRY_SECONDS = (10, 30, 60, 300, 900, 3600)
LEASE = timedelta(minutes=3)
# How long a peer may take to report on a commitment before we ask again or look ourselves.
REPORT_SECONDS = 20
# In the column ``proof``: a report was promised and has not come yet.
ASKED = "asked"


@dataclass(frozen=True)
class _Failure(Exception):
    text: Text
    refused: bool = False


def due_deliveries(context: Context, limit: int = 100) -> list[str]:
    """Ids of the deliveries whose hour has come and that nobody is working on."""
    now = context.clock()
    query = (
        select(deliveries.c.id)
        .where(
            deliveries.c.state.in_((DUE, SENT)),
            or_(deliveries.c.next_attempt_at.is_(None), deliveries.c.next_attempt_at <= now),
            or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= now),
        )
        .order_by(deliveries.c.next_attempt_at)
        .limit(limit)
    )
    with context.database.read() as connection:
        return list(connection.scalars(query))


def deliver(context: Context, delivery_id: str) -> str | None:
    """Take one delivery as far as it goes now; return its state, None when it was not ours.

    Never raises for what a peer or an exporter does: the row says what went wrong, in both
    languages, and when it is tried again.
    """
    row = _lease(context, delivery_id)
    if row is not None and row.state == DUE:
        row = _step(context, row, _send)
    if row is not None and row.state == SENT:
        row = _step(context, row, _prove)
    return None if row is None else str(row.state)


def record_commitment(context: Context, report: CommitmentReport) -> bool:
    """Apply a storage commitment report that came to our listener; False when not ours."""
    query = select(deliveries).where(deliveries.c.transaction_uid == report.transaction_uid)
    with context.database.read() as connection:
        row = connection.execute(query).first()
    if row is None or not report.transaction_uid:
        return False
    if row.state == SENT:
        _save(context, row, _judged(context, row, report))
    return True


def free_leases(context: Context) -> None:
    """Take back every lease; only where no other worker runs."""
    with context.database.begin() as connection:
        connection.execute(update(deliveries).values(leased_until=None))


def _lease(context: Context, delivery_id: str) -> Row[Any] | None:
    now = context.clock()
    claim = (
        update(deliveries)
        .where(
            deliveries.c.id == delivery_id,
            deliveries.c.state.in_((DUE, SENT)),
            or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= now),
        )
        .values(leased_until=now + LEASE)
    )
    with context.database.begin() as connection:
        if connection.execute(claim).rowcount != 1:
            return None
        query = select(deliveries).where(deliveries.c.id == delivery_id)
        return connection.execute(query).one()


def _step(
    context: Context,
    row: Row[Any],
    act: Callable[[Context, Row[Any], Peer], dict[str, Any] | None],
) -> Row[Any] | None:
    """Do one thing and write down what came of it; None when the row is gone or moved on."""
    try:
        changes = act(context, row, _peer(context, row.destination))
    except _Failure as failure:
        changes = _failed(context, row, failure)
    except Exception:
        logger.exception("delivery %s broke down", row.id)
        text = Text(
            "Lỗi nội bộ khi gửi; xem nhật ký máy chủ.", "Internal error; see the server log."
        )
        changes = _failed(context, row, _Failure(text))
    if changes is None:
        _drop(context, row)
        return None
    return _save(context, row, changes)


def _peer(context: Context, ae_title: str) -> Peer:
    query = select(ae_titles).where(ae_titles.c.ae_title == ae_title, ae_titles.c.receives)
    with context.database.read() as connection:
        found = connection.execute(query).first()
    peer = peer_of(context.settings, found) if found is not None else None
    if peer is None:
        raise _Failure(
            Text(
                "Bệnh viện yêu cầu chưa có AE nhận kết quả; quản trị viên cần khai báo AE, "
                "địa chỉ và cổng.",
                "The asking hospital has no receiving AE; an administrator must enter its AE "
                "title, host and port.",
            )
        )
    return peer


def _send(context: Context, row: Row[Any], peer: Peer) -> dict[str, Any] | None:
    """Send the primary exporter's objects, or the first fallback's that the peer accepts.

    None when the exporter has nothing to say of this opinion: a key image object without keys.
    """
    refusals: list[str] = []
    for exporter in _candidates(context, row.exporter):
        try:
            objects = encode(context, exporter, row.opinion_id, row.study_instance_uid)
        except (ExportFailed, DicomNodeError) as error:
            raise _Failure(
                Text(
                    f"Không tạo được tệp kết quả ({exporter.id}): {error}",
                    f"The result could not be encoded ({exporter.id}): {error}",
                )
            ) from error
        if not objects and refusals:
            continue  # nothing this fallback could say instead
        if not objects:
            return None
        results = _store(context, peer, objects)
        _learn(context, peer, results)
        if all(result.stored for result in results):
            return _sent(context, objects)
        bad = next(result for result in results if not result.stored)
        if not any(result.refused for result in results):
            raise _Failure(Text(f"Gửi tới {peer} không thành công: {bad.error}", bad.error))
        refusals.append(bad.error)
    raise _Failure(
        Text(
            f"{peer} không nhận loại tệp này, kể cả dạng thay thế: {' '.join(refusals)}",
            f"{peer} accepts neither this object nor a fallback: {' '.join(refusals)}",
        ),
        refused=True,
    )


def _candidates(context: Context, exporter_id: str) -> Sequence[Exporter]:
    """The exporter and its chain of fallbacks, best first."""
    exporters = context.plugins.of(Exporter)
    chain = [exporter for exporter in exporters if exporter.id == exporter_id]
    for exporter in chain:
        chain += [e for e in exporters if e.fallback_for == exporter.id and e not in chain]
    if not chain:
        raise _Failure(
            Text(
                f"Phần mở rộng xuất kết quả {exporter_id!r} không còn được cài đặt.",
                f"The exporter {exporter_id!r} is no longer installed.",
            )
        )
    return chain


def _store(context: Context, peer: Peer, objects: Sequence[ExportedObject]) -> list[SendResult]:
    files = [
        context.archive.instance(one.sop_instance_uid, scope=EVERYTHING).path for one in objects
    ]
    try:
        return store(peer, context.settings.ae_title, files)
    except PeerError as error:
        raise _Failure(explain(error, peer)) from error


def _learn(context: Context, peer: Peer, results: Sequence[SendResult]) -> None:
    """Remember which SOP Classes the site takes, for its administrator."""
    learnt = {
        UID(r.sop_class_uid): r.stored
        for r in results
        if r.sop_class_uid and (r.stored or r.refused)
    }
    if not learnt:
        return
    where = ae_titles.c.ae_title == peer.ae_title
    with context.database.begin() as connection:
        known = connection.scalar(select(ae_titles.c.capabilities).where(where)) or {}
        connection.execute(update(ae_titles).where(where).values(capabilities={**known, **learnt}))


def _sent(context: Context, objects: Sequence[ExportedObject]) -> dict[str, Any]:
    now = context.clock()
    return {
        "state": SENT,
        "objects": [one.as_json() for one in objects],
        "sent_at": now,
        "proof": "",
        "transaction_uid": str(generate_uid(prefix=None)),
        "last_error": {},
        "leased_until": now + LEASE,
    }


def _prove(context: Context, row: Row[Any], peer: Peer) -> dict[str, Any]:
    """Storage commitment first; the peer's own catalogue where it offers none or stays silent."""
    if row.proof != ASKED:
        references = [(o["sop_class_uid"], o["sop_instance_uid"]) for o in row.objects]
        try:
            report = request_commitment(
                peer, context.settings.ae_title, row.transaction_uid, references
            )
        except PeerError as error:
            logger.info("delivery %s: no commitment: %s", row.id, error)
        else:
            if report is not None:
                return _judged(context, row, report)
            # It will report to our listener (`record_commitment`); if not, we look ourselves.
            later = context.clock() + timedelta(seconds=REPORT_SECONDS)
            return {"state": SENT, "proof": ASKED, "next_attempt_at": later}
    held = _held(context, row, peer)
    if held is None:
        raise _Failure(
            Text(
                f"{peer} đã nhận nhưng không xác nhận lưu trữ và không trả lời truy vấn.",
                f"{peer} took the objects but neither commits to them nor answers a query.",
            )
        )
    if not _all_there(row, held):
        raise _Failure(_not_there(peer))
    return _landed(context, "query")


def _held(context: Context, row: Row[Any], peer: Peer) -> frozenset[str] | None:
    """What the peer finds of the row's objects; None when it cannot be asked."""
    held: set[str] = set()
    try:
        for study, series in {
            (o["study_instance_uid"], o["series_instance_uid"]) for o in row.objects
        }:
            uids = [o["sop_instance_uid"] for o in row.objects]
            held |= instances_held(peer, context.settings.ae_title, study, series, uids)
    except PeerError as error:
        logger.info("delivery %s: query not possible: %s", row.id, error)
        return None
    return frozenset(held)


def _all_there(row: Row[Any], held: frozenset[str]) -> bool:
    return {o["sop_instance_uid"] for o in row.objects} <= held


def _judged(context: Context, row: Row[Any], report: CommitmentReport) -> dict[str, Any]:
    if _all_there(row, report.committed):
        return _landed(context, "storage commitment")
    return _failed(context, row, _Failure(_not_there(row.destination)))


def _not_there(peer: Peer | str) -> Text:
    return Text(
        f"{peer} báo không có kết quả đã gửi; sẽ gửi lại.",
        f"{peer} does not hold what was sent; it will be sent again.",
    )


def _landed(context: Context, proof: str) -> dict[str, Any]:
    return {
        "state": LANDED,
        "proof": proof,
        "landed_at": context.clock(),
        "last_error": {},
        "next_attempt_at": None,
    }


def _failed(context: Context, row: Row[Any], failure: _Failure) -> dict[str, Any]:
    attempts = row.attempts + 1
    seconds = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1]
    later = context.clock() + timedelta(seconds=seconds * random.uniform(0.9, 1.1))
    return {
        "state": REFUSED if failure.refused else DUE,
        "proof": "",
        "attempts": attempts,
        "last_error": {"vi": failure.text.vi, "en": failure.text.en},
        "next_attempt_at": None if failure.refused else later,
    }


def _save(context: Context, row: Row[Any], changes: dict[str, Any]) -> Row[Any] | None:
    """Write the outcome, tell the case when its opinion is home; None when the row moved on.

    A commitment report may reach our listener while the worker still waits for it.
    """
    values: dict[str, Any] = {"leased_until": None, **changes}
    itself = deliveries.c.id == row.id
    with context.database.begin() as connection:
        change = update(deliveries).where(itself, deliveries.c.state == row.state).values(**values)
        if connection.execute(change).rowcount != 1:
            return None
        if changes["state"] != row.state:
            _record(context, connection, row, changes)
        if is_home(connection, row.case_id):
            mark_delivered(context, connection, row.case_id)
        return connection.execute(select(deliveries).where(itself)).one()


def _drop(context: Context, row: Row[Any]) -> None:
    with context.database.begin() as connection:
        connection.execute(delete(deliveries).where(deliveries.c.id == row.id))
        if is_home(connection, row.case_id):
            mark_delivered(context, connection, row.case_id)


def _record(
    context: Context, connection: Connection, row: Row[Any], changes: dict[str, Any]
) -> None:
    audit.record(
        connection,
        audit.AuditEvent.DELIVERY,
        SYSTEM,
        at=context.clock(),
        outcome="failure" if changes.get("last_error") else "success",
        delivery=row.id,
        case=row.case_id,
        opinion=row.opinion_id,
        destination=row.destination,
        state=changes["state"],
        proof=changes.get("proof", ""),
    )
