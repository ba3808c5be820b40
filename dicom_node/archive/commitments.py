"""Storage commitment requests, kept until their reports are delivered (PS3.4 J.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import RowMapping, delete, func, insert, select, update

from dicom_node.archive.index import Index
from dicom_node.archive.tables import commitments

__all__ = ["Commitment", "CommitmentState", "Commitments"]

# A process that claimed a row and died gives it back after this long.
_LEASE = timedelta(minutes=5)


class CommitmentState(StrEnum):
    DUE = "due"
    REPORTED = "reported"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Commitment:
    """One N-ACTION. ``references`` are (SOP Class UID, SOP Instance UID)."""

    id: int
    transaction_uid: str
    ae_title: str
    host: str
    references: tuple[tuple[str, str], ...]
    attempts: int
    requested_at: datetime


class Commitments:
    """The table of requests; every method is one durable transaction."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def add(
        self,
        transaction_uid: str,
        ae_title: str,
        host: str,
        references: Sequence[tuple[str, str]],
        now: datetime,
    ) -> None:
        """Note a request; one with the same Transaction UID takes the place of the former."""
        with self._index.writing() as connection:
            connection.execute(
                delete(commitments).where(
                    commitments.c.transaction_uid == transaction_uid,
                    commitments.c.ae_title == ae_title,
                )
            )
            connection.execute(
                insert(commitments).values(
                    transaction_uid=transaction_uid,
                    ae_title=ae_title,
                    host=host,
                    references=[list(reference) for reference in references],
                    state=CommitmentState.DUE.value,
                    next_attempt_at=now,
                    requested_at=now,
                )
            )

    def claim(self, now: datetime) -> Commitment | None:
        """Return the request whose report is due longest, for the caller alone."""
        with self._index.reading() as connection:
            due = commitments.c.state == CommitmentState.DUE.value
            if not connection.execute(
                select(commitments.c.id).where(due, commitments.c.next_attempt_at <= now).limit(1)
            ).first():
                return None
        with self._index.writing() as connection:
            row = (
                connection.execute(
                    select(commitments)
                    .where(due, commitments.c.next_attempt_at <= now)
                    .order_by(commitments.c.next_attempt_at)
                    .limit(1)
                )
                .mappings()
                .first()
            )
            if row is None:
                return None
            connection.execute(
                update(commitments)
                .where(commitments.c.id == row["id"])
                .values(attempts=row["attempts"] + 1, next_attempt_at=now + _LEASE)
            )
            return _commitment(row)

    def next_due(self) -> datetime | None:
        """Return when the next report is due, None when none is."""
        with self._index.reading() as connection:
            return connection.execute(
                select(func.min(commitments.c.next_attempt_at)).where(
                    commitments.c.state == CommitmentState.DUE.value
                )
            ).scalar()

    def reported(self, commitment_id: int) -> None:
        """Note that the peer has the report."""
        self._set(commitment_id, CommitmentState.REPORTED)

    def failed(self, commitment_id: int, error: str, next_attempt_at: datetime | None) -> None:
        """Note a failed attempt; without a next one the request is given up."""
        state = CommitmentState.DUE if next_attempt_at else CommitmentState.GIVEN_UP
        self._set(commitment_id, state, error, next_attempt_at)

    def _set(
        self,
        commitment_id: int,
        state: CommitmentState,
        error: str = "",
        next_attempt_at: datetime | None = None,
    ) -> None:
        values: dict[str, object] = {"state": state.value, "last_error": error}
        if next_attempt_at is not None:
            values["next_attempt_at"] = next_attempt_at
        with self._index.writing() as connection:
            connection.execute(
                update(commitments).where(commitments.c.id == commitment_id).values(values)
            )


def _commitment(row: RowMapping) -> Commitment:
    return Commitment(
        row["id"],
        row["transaction_uid"],
        row["ae_title"],
        row["host"],
        tuple((sop_class, instance) for sop_class, instance in row["references"]),
        row["attempts"] + 1,
        row["requested_at"],
    )
