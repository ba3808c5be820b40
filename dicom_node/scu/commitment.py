"""Storage Commitment Push Model as SCU (PS3.4 Annex J)."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import build_context, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from dicom_node.errors import AssociationAborted, PeerRefused
from dicom_node.peers import Peer
from dicom_node.scu.association import associate

__all__ = ["CommitmentReport", "report_of", "request_commitment"]


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """The peer's N-EVENT-REPORT: what it committed to, what it did not and why."""

    transaction_uid: str
    committed: frozenset[str]
    failed: dict[str, int]


def report_of(event_information: Dataset) -> CommitmentReport:
    """Read the Event Information of an N-EVENT-REPORT (PS3.4 J.3.3)."""
    return CommitmentReport(
        transaction_uid=str(event_information.get("TransactionUID", "")),
        committed=frozenset(
            str(item.ReferencedSOPInstanceUID)
            for item in event_information.get("ReferencedSOPSequence", None) or ()
        ),
        failed={
            str(item.ReferencedSOPInstanceUID): int(item.get("FailureReason", 0x0110))
            for item in event_information.get("FailedSOPSequence", None) or ()
        },
    )


def request_commitment(
    peer: Peer,
    calling_ae: str,
    transaction_uid: str,
    references: Sequence[tuple[str, str]],
    *,
    wait_seconds: float = 2.0,
) -> CommitmentReport | None:
    """Ask `peer` to commit to (SOP Class UID, SOP Instance UID) `references`.

    Returns the report when it comes on the same association within `wait_seconds`; None when the
    peer accepted the request and will report later, to our listener.

    Raises
    ------
    PeerRefused
        The peer offers no storage commitment, or refused the request.
    PeerError
        The association failed.
    """
    arrived = Event()
    reports: list[CommitmentReport] = []

    def on_report(event: Any) -> tuple[int, None]:
        reports.append(report_of(event.event_information))
        arrived.set()
        return 0x0000, None

    with associate(
        peer,
        calling_ae,
        [build_context(StorageCommitmentPushModel)],
        handlers=[(evt.EVT_N_EVENT_REPORT, on_report)],
        roles=[build_role(StorageCommitmentPushModel, scu_role=True, scp_role=False)],
    ) as association:
        request = Dataset()
        request.TransactionUID = transaction_uid
        request.ReferencedSOPSequence = []
        for sop_class_uid, sop_instance_uid in references:
            item = Dataset()
            item.ReferencedSOPClassUID = sop_class_uid
            item.ReferencedSOPInstanceUID = sop_instance_uid
            request.ReferencedSOPSequence.append(item)
        answer, _ = association.send_n_action(
            request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        if "Status" not in answer:
            raise AssociationAborted(f"{peer} did not answer the commitment request.")
        if answer.Status != 0x0000:
            raise PeerRefused(
                f"{peer} refused the commitment request with status 0x{answer.Status:04X}.",
                answer.Status,
            )
        arrived.wait(wait_seconds)
    # A report for another transaction is answered all the same, and is not ours to use.
    return next((r for r in reports if r.transaction_uid == transaction_uid), None)
