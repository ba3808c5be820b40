"""What C-MOVE and C-GET have in common: which instances, and how the peer is kept informed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from dicom_node.archive import Query
from dicom_node.events import InstancesSent
from dicom_node.records import InstanceRecord
from dicom_node.scp.association import Association, Message
from dicom_node.scp.identifier import encode_dataset, read_identifier
from dicom_node.status import Status

__all__ = ["Progress", "find_instances"]

# Command elements of type US end here.
_MOST = 0xFFFF


def find_instances(association: Association, message: Message) -> list[InstanceRecord]:
    """Return what the identifier names and the caller may read.

    Raises
    ------
    ValueError
        The identifier names nothing.
    """
    identifier = read_identifier(message.dataset, message.context.transfer_syntax)
    keys = identifier.unique_keys()
    if not keys:
        raise ValueError("the identifier names no patient, study, series or instance")
    scope = association.peers.read_scope(association.calling_ae, association.host)
    return association.archive.instances(Query(keys), scope=scope)


@dataclass
class Progress:
    """Counts of sub-operations, and the responses that tell them (PS3.4 C.4.2.1.4)."""

    instances: Sequence[InstanceRecord]
    completed: int = 0
    warning: int = 0
    failed: list[str] = field(default_factory=list)  # SOP Instance UIDs
    sent: Counter[str] = field(default_factory=Counter)  # per Study Instance UID
    _open: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._open = {one.sop_instance_uid: one.study_instance_uid for one in self.instances}

    @property
    def remaining(self) -> int:
        return len(self._open)

    def note(self, sop_instance_uid: str, status: int | None) -> None:
        """Count one sub-operation by the status its C-STORE got, None for no answer at all."""
        study_instance_uid = self._open.pop(sop_instance_uid)
        if status == Status.SUCCESS:
            self.completed += 1
        elif status is not None and status >> 12 == 0xB:
            self.warning += 1
        else:
            self.failed.append(sop_instance_uid)
            return
        self.sent[study_instance_uid] += 1

    def fail_rest(self) -> None:
        """Count whatever was not sent as failed."""
        self.failed += self._open
        self._open.clear()

    def pending(self, association: Association, message: Message) -> None:
        """Tell the peer how far we are."""
        remaining = {"NumberOfRemainingSuboperations": min(self.remaining, _MOST)}
        association.answer(message, Status.PENDING, more=remaining | self._counts())

    def final(
        self, association: Association, message: Message, destination_ae: str, cancelled: bool
    ) -> None:
        """Tell the peer how it ended and which instances failed; tell audit what went."""
        for study_instance_uid, count in self.sent.items():
            association.note(
                InstancesSent(
                    association.calling_ae,
                    association.host,
                    destination_ae,
                    study_instance_uid,
                    count,
                )
            )
        if cancelled:
            status = Status.CANCELLED
        elif self.failed and not (self.completed or self.warning):
            status = Status.UNABLE_TO_PERFORM
        else:
            status = Status.SOME_FAILED if self.failed or self.warning else Status.SUCCESS
        dataset = None
        if self.failed:
            failures = Dataset()
            failures.FailedSOPInstanceUIDList = self.failed
            dataset = encode_dataset(failures, message.context.transfer_syntax)
        more = self._counts()
        if cancelled:
            more["NumberOfRemainingSuboperations"] = min(self.remaining, _MOST)
        association.answer(message, status, dataset, more)

    def _counts(self) -> dict[str, int]:
        return {
            "NumberOfCompletedSuboperations": min(self.completed, _MOST),
            "NumberOfFailedSuboperations": min(len(self.failed), _MOST),
            "NumberOfWarningSuboperations": min(self.warning, _MOST),
        }
