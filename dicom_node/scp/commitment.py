"""Storage commitment as SCP: asked for, kept, verified against the disk, reported (PS3.4 J.3).

The report goes out on a new association, for days if need be. A peer whose address we do not know
gets it at once, on its own association.

The same abstract syntax brings us the reports of peers we asked: see `serve_report`.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pynetdicom import build_context, build_role
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_node.archive import Archive
from dicom_node.archive.commitments import Commitment, Commitments
from dicom_node.archive.header import first_value
from dicom_node.errors import AssociationAborted, NotFound, PeerError, PeerRefused
from dicom_node.events import CommitmentReported
from dicom_node.peers import Peer, Peers
from dicom_node.records import ReadScope
from dicom_node.scp.association import Association, Message
from dicom_node.scp.command import Command, Field
from dicom_node.scp.identifier import encode_dataset, read_dataset
from dicom_node.scu.association import associate
from dicom_node.scu.commitment import CommitmentReport
from dicom_node.status import Status

__all__ = ["CommitmentWorker", "judge", "serve_action", "serve_report"]

logger = logging.getLogger(__name__)

_REQUEST = 1  # action type of the N-ACTION
_ALL_SAFE, _SOME_FAILED = 1, 2  # event types of the N-EVENT-REPORT
_RETRY_SECONDS = (10, 30, 60, 300, 900, 3600)
_GIVE_UP = timedelta(days=7)


def serve_action(association: Association, message: Message) -> None:
    """Take a request: kept before it is answered, reported afterwards."""
    if message.command.get("ActionTypeID") != _REQUEST:
        association.answer(message, Status.UNRECOGNIZED_OPERATION)
        return
    try:
        found = read_dataset(message.dataset, message.context.transfer_syntax)
        transaction_uid = str(first_value(found, "00081195"))
        references = _references(found, "00081199")
        if not transaction_uid or not references:
            raise ValueError("no transaction or no references")
    except ValueError:
        association.answer(message, Status.INVALID_ARGUMENT)
        return
    destination = association.peers.destination(association.calling_ae)
    if destination is not None:
        Commitments(association.archive.index).add(
            transaction_uid,
            association.calling_ae,
            association.host,
            references,
            datetime.now(UTC),
        )
    logger.info("%s asks to commit to %d instances", association.calling_ae, len(references))
    association.answer(message, Status.SUCCESS)
    if destination is None:
        scope = _scope(association.peers, association.calling_ae, association.host)
        judged = judge_all(association.archive, references, scope)
        _report_here(association, message, transaction_uid, judged)


def serve_report(association: Association, message: Message) -> None:
    """Take a peer's report on what we asked for; it is answered when it has been dealt with."""
    try:
        found = read_dataset(message.dataset, message.context.transfer_syntax)
        report = CommitmentReport(
            transaction_uid=str(first_value(found, "00081195")),
            committed=frozenset(uid for _, uid in _references(found, "00081199")),
            failed={
                str(first_value(item, "00081155")): _reason(item)
                for item in found.get("00081198", {}).get("Value", [])
            },
        )
        association.tell(CommitmentReported(association.calling_ae, association.host, report))
        status = Status.SUCCESS
    except ValueError:
        status = Status.INVALID_ARGUMENT
    except Exception:
        logger.exception("a storage commitment report was not taken")
        status = Status.PROCESSING_FAILURE
    event_type = message.command.get("EventTypeID", _ALL_SAFE)
    association.answer(message, status, more={"EventTypeID": event_type})


def _scope(peers: Peers, calling_ae: str, host: str) -> ReadScope:
    """Who may send into a site may also ask whether it arrived: that tells but yes or no."""
    site = peers.site_of(calling_ae, host)
    return (
        peers.read_scope(calling_ae, host) if site is None else ReadScope(sites=frozenset({site}))
    )


def judge(archive: Archive, sop_class_uid: str, sop_instance_uid: str, scope: ReadScope) -> int:
    """Return 0 when we hold an instance, whole and readable, else the failure reason (J.3.3.1.1).

    The file is read and hashed: a promise is made of what is on the disk, not of what should be.
    """
    try:
        record = archive.instance(sop_instance_uid, scope=scope)
    except NotFound:
        return Status.NO_SUCH_INSTANCE
    if record.sop_class_uid != sop_class_uid:
        return Status.CLASS_INSTANCE_CONFLICT
    if not archive.is_intact(record):
        logger.error("the file of %s is damaged or missing", sop_instance_uid)
        return Status.PROCESSING_FAILURE
    return Status.SUCCESS


def judge_all(
    archive: Archive, references: Sequence[tuple[str, str]], scope: ReadScope
) -> list[tuple[str, str, int]]:
    """Return (SOP Class UID, SOP Instance UID, failure reason or 0) of each reference."""
    return [
        (sop_class, instance, judge(archive, sop_class, instance, scope))
        for sop_class, instance in references
    ]


class CommitmentWorker:
    """The thread that verifies and reports.

    Parameters
    ----------
    archive : Archive
    peers : Peers
    ae_title : str
        Ours.
    """

    def __init__(self, archive: Archive, peers: Peers, ae_title: str) -> None:
        self._archive = archive
        self._peers = peers
        self._ae_title = ae_title
        self._requests = Commitments(archive.index)
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="commitment", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look for due reports now."""
        self._wake.set()

    def stop(self, seconds: float) -> None:
        """Stop after the report being made, but wait for it no longer than `seconds`."""
        self._stopped = True
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            try:
                request = self._requests.claim(datetime.now(UTC))
                if request is not None:
                    self._report(request)
                    continue
                due = self._requests.next_due()
            except Exception:
                logger.exception("storage commitment reports are held up")
                due = datetime.now(UTC) + timedelta(seconds=_RETRY_SECONDS[0])
            self._wake.wait((due - datetime.now(UTC)).total_seconds() if due else None)

    def _report(self, request: Commitment) -> None:
        scope = _scope(self._peers, request.ae_title, request.host)
        judged = judge_all(self._archive, request.references, scope)
        try:
            peer = self._peers.destination(request.ae_title)
            if peer is None:
                raise PeerRefused(f"{request.ae_title} has no address any more")
            _report_to(peer, self._ae_title, request.transaction_uid, judged)
        except PeerError as error:
            logger.warning("commitment %s not reported: %s", request.transaction_uid, error)
            now = datetime.now(UTC)
            wait = _RETRY_SECONDS[min(request.attempts, len(_RETRY_SECONDS)) - 1]
            again = now + timedelta(seconds=wait)
            is_late = now - request.requested_at > _GIVE_UP
            self._requests.failed(request.id, str(error), None if is_late else again)
        else:
            self._requests.reported(request.id)


def _report_to(
    peer: Peer, ae_title: str, transaction_uid: str, judged: Sequence[tuple[str, str, int]]
) -> None:
    """Report on an association of our own, as SCP. Raises PeerError."""
    model = StorageCommitmentPushModel
    roles = [build_role(model, scu_role=False, scp_role=True)]
    with associate(peer, ae_title, [build_context(model)], roles=roles) as association:
        dataset, event_type = _information(transaction_uid, judged)
        answer, _ = association.send_n_event_report(
            dataset, event_type, model, StorageCommitmentPushModelInstance
        )
    if "Status" not in answer:
        raise AssociationAborted(f"{peer} did not answer the commitment report.")
    if answer.Status != Status.SUCCESS:
        raise PeerRefused(
            f"{peer} answered the commitment report with 0x{answer.Status:04X}.", answer.Status
        )


def _report_here(
    association: Association,
    message: Message,
    transaction_uid: str,
    judged: Sequence[tuple[str, str, int]],
) -> None:
    """Report on the association the request came by."""
    dataset, event_type = _information(transaction_uid, judged)
    command: Command = {
        "AffectedSOPClassUID": str(StorageCommitmentPushModel),
        "CommandField": Field.EVENT_REPORT,
        "MessageID": 1,
        "AffectedSOPInstanceUID": str(StorageCommitmentPushModelInstance),
        "EventTypeID": event_type,
    }
    encoded = encode_dataset(dataset, message.context.transfer_syntax)
    association.send(message.context, command, encoded)


def _information(
    transaction_uid: str, judged: Sequence[tuple[str, str, int]]
) -> tuple[Dataset, int]:
    """Return the Event Information and the event type."""
    safe = [_item(sop_class, uid) for sop_class, uid, reason in judged if not reason]
    failed = [_item(sop_class, uid, reason) for sop_class, uid, reason in judged if reason]
    dataset = Dataset()
    dataset.TransactionUID = transaction_uid
    if safe:
        dataset.ReferencedSOPSequence = Items(safe)
    if failed:
        dataset.FailedSOPSequence = Items(failed)
    return dataset, _SOME_FAILED if failed else _ALL_SAFE


def _item(sop_class_uid: str, sop_instance_uid: str, reason: int = 0) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    if reason:
        item.FailureReason = reason
    return item


def _references(found: dict[str, Any], tag: str) -> list[tuple[str, str]]:
    return [
        (str(first_value(item, "00081150")), str(first_value(item, "00081155")))
        for item in found.get(tag, {}).get("Value", [])
    ]


def _reason(item: dict[str, Any]) -> int:
    value = first_value(item, "00081197")
    return value if isinstance(value, int) else Status.PROCESSING_FAILURE
