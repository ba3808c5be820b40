"""The consult: its urgency, its states, what is asked, and all that together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from plugins.nouns.marks import Measurement
from plugins.nouns.people import Person

if TYPE_CHECKING:
    # Loads every code there is; who only moves images has no use for them.
    from pydicom.sr.coding import Code

    from plugins.results import ConfirmedResult

__all__ = ["Answer", "Case", "Priority", "Question", "State"]


class Priority(StrEnum):
    """Priority classes of the consult; the clocks hang on them."""

    P0 = "P0"  # stroke, polytrauma: minutes
    P1 = "P1"  # emergency
    PF = "PF"  # frozen section
    P2 = "P2"  # urgent
    P3 = "P3"  # routine
    PP = "PP"  # routine pathology
    PC = "PC"  # scheduled conference

    @property
    def is_emergency(self) -> bool:
        return self in (Priority.P0, Priority.P1, Priority.PF)


class State(StrEnum):
    """States of a case."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    INCOMPLETE = "incomplete"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    READING = "reading"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    OUTCOME_DUE = "outcome due"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    REDIRECTED = "redirected"


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the request; each is answered (circular 49/2017, conclusion per issue)."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    question_id: str
    text: str


@dataclass(frozen=True)
class Case:
    """A consult case as host and guests see it. ``results`` are those a reader confirmed."""

    id: str
    number: str
    state: State
    priority: Priority
    area: str
    requesting_site: str
    requesting_site_name: str
    consulted_site: str
    consulted_site_name: str
    requester: Person | None
    assignee: Person | None
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    reason: str
    clinical: Mapping[str, Any]
    questions: tuple[Question, ...]
    study_instance_uids: tuple[str, ...]
    modalities: tuple[str, ...]
    instance_count: int
    created_at: datetime
    submitted_at: datetime | None
    due_at: datetime | None
    updated_at: datetime
    measurements: tuple[Measurement, ...] = ()
    requesting_department: str = ""
    results: "tuple[ConfirmedResult, ...]" = ()

    def measurement(self, name: "Code") -> Measurement | None:
        """The newest measurement of that name, or None."""
        return next((m for m in reversed(self.measurements) if m.name == name), None)

    def result(self, analysis: str) -> "ConfirmedResult | None":
        """The newest confirmed result of that analysis, or None."""
        return next((r for r in reversed(self.results) if r.result.analysis == analysis), None)
