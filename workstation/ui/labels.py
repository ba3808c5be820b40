"""The words for codes that the domain keeps: states, priorities, roles, choices of forms."""

from collections.abc import Mapping

from plugins.nouns import Priority, State
from workstation.i18n import N_, _
from workstation.roles import Role

__all__ = [
    "AREAS",
    "CONCORDANCE",
    "CONSENT",
    "DECISIONS",
    "PRIORITIES",
    "ROLES",
    "SHARE",
    "STATES",
    "STATE_TONES",
    "TIERS",
    "TRANSFER",
    "choices",
    "translated",
]

STATES: Mapping[str, str] = {
    State.DRAFT: N_("Draft"),
    State.SUBMITTED: N_("Submitted"),
    State.INCOMPLETE: N_("Incomplete"),
    State.QUEUED: N_("Queued"),
    State.ASSIGNED: N_("Assigned"),
    State.READING: N_("Reading"),
    State.PRELIMINARY: N_("Preliminary"),
    State.FINAL: N_("Signed"),
    State.DELIVERED: N_("Delivered"),
    State.ACKNOWLEDGED: N_("Acknowledged"),
    State.OUTCOME_DUE: N_("Outcome due"),
    State.CLOSED: N_("Closed"),
    State.CANCELLED: N_("Cancelled"),
    State.DECLINED: N_("Declined"),
    State.REDIRECTED: N_("Redirected"),
}
STATE_TONES: Mapping[str, str] = {
    State.INCOMPLETE: "warn",
    State.OUTCOME_DUE: "warn",
    State.FINAL: "good",
    State.DELIVERED: "good",
    State.ACKNOWLEDGED: "good",
    State.CLOSED: "quiet",
    State.CANCELLED: "quiet",
    State.DRAFT: "quiet",
    State.DECLINED: "bad",
}
PRIORITIES: Mapping[str, str] = {
    Priority.P0: N_("Immediate"),
    Priority.P1: N_("Emergency"),
    Priority.PF: N_("Frozen section"),
    Priority.P2: N_("Urgent"),
    Priority.P3: N_("Routine"),
    Priority.PP: N_("Routine pathology"),
    Priority.PC: N_("Scheduled"),
}
ROLES: Mapping[str, str] = {
    Role.REQUESTER: N_("Requesting doctor"),
    Role.TECHNICIAN: N_("Technologist"),
    Role.RADIOLOGIST: N_("Radiologist"),
    Role.PATHOLOGIST: N_("Pathologist"),
    Role.COORDINATOR: N_("Coordinator"),
    Role.ADMINISTRATOR: N_("Administrator"),
}
AREAS: Mapping[str, str] = {
    "radiology": N_("Imaging consult"),
    "pathology": N_("Pathology consult"),
}
TIERS: Mapping[str, str] = {"lower": N_("Lower tier"), "upper": N_("Upper tier")}
# Law 91/2025/QH15 Art 26, law 15/2023/QH15 Art 61: on what ground another hospital is told.
CONSENT: Mapping[str, str] = {
    "written": N_("Patient's written consent"),
    "electronic": N_("Patient's electronic consent"),
    "emergency_art61": N_("Emergency (Art 61, law 15/2023)"),
    "art19_1": N_("No consent needed (Art 19.1, law 91/2025)"),
}
SHARE: Mapping[str, str] = {
    "expert": N_("The consulted experts only"),
    "network_deidentified": N_("Network consult, de-identified"),
    "training": N_("Training, de-identified"),
}
CONCORDANCE: Mapping[str, str] = {
    "concordant": N_("Concordant"),
    "minor": N_("Minor difference"),
    "major": N_("Major difference"),
    "not_applicable": N_("No local diagnosis to compare"),
}
TRANSFER: Mapping[str, str] = {
    "none": N_("No transfer"),
    "recommended": N_("Transfer recommended"),
    "urgent": N_("Urgent transfer"),
}
DECISIONS: Mapping[str, str] = {
    "adopted": N_("Follow the opinion"),
    "partly": N_("Follow in part"),
    "not adopted": N_("Do not follow"),
}


def translated(labels: Mapping[str, str]) -> dict[str, str]:
    """Code → words in the current language."""
    return {str(code): _(message) for code, message in labels.items()}


def choices(labels: Mapping[str, str]) -> list[dict[str, str]]:
    """The same for a component's select: ``[{"value", "title"}]``."""
    return [{"value": str(code), "title": _(message)} for code, message in labels.items()]
