"""A case in words: the line that names it, the request, and what happened so far."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape

from plugins.nouns import State
from workstation.consult.events import CaseEvent
from workstation.consult.rows import CaseRecord
from workstation.i18n import N_, _, dicom_date, moment
from workstation.ui import labels, parts

__all__ = ["CLINICAL", "headline", "history", "patient", "request_summary"]

SEXES: Mapping[str, str] = {"M": N_("Male"), "F": N_("Female"), "O": N_("Other")}
# Fields of the request form beside those every case has (circular 32/2023, form of the consult).
CLINICAL: Mapping[str, str] = {
    "onset_known": N_("Onset time known"),
    "onset_time": N_("Onset"),
    "last_known_well": N_("Last known well"),
    "door_time": N_("Arrived at hospital"),
    "nihss": N_("NIHSS"),
    "blood_pressure": N_("Blood pressure"),
    "glucose": N_("Blood glucose"),
    "anticoagulant": N_("Anticoagulant"),
    "history": N_("Past history"),
    "status_on_admission": N_("Status on admission"),
    "course": N_("Course and treatment so far"),
    "local_dx": N_("Local diagnosis"),
    "local_read": N_("Local read"),
    "safety": N_("Allergies, contrast, pregnancy, implants"),
    "treatment_available": N_("Treatment available here"),
    "transfer_intended": N_("Transfer intended before the consult"),
    "phone": N_("Direct phone"),
}
EVENTS: Mapping[str, str] = {
    "created": N_("Created"),
    "adopted": N_("Request written for received images"),
    "changed": N_("Request changed"),
    "study attached": N_("Images received"),
    "submit": N_("Submitted"),
    "queue": N_("Queued"),
    "report incomplete": N_("Something is missing"),
    "complete": N_("Completed"),
    "assign": N_("Assigned"),
    "start": N_("Reading started"),
    "hand back": N_("Handed back to the queue"),
    "refuse": N_("Declined"),
    "redirect": N_("Redirected"),
    "cancel": N_("Cancelled"),
    "sign preliminary": N_("Preliminary opinion signed"),
    "sign final": N_("Opinion signed"),
    "deliver": N_("Landed in the asking hospital's PACS"),
    "acknowledge": N_("Read by the asking hospital"),
    "decide": N_("Treating doctor's decision"),
    "close": N_("Closed"),
    "sign addendum": N_("Addendum signed"),
    "sign amended": N_("Amended report signed"),
}
PRIORITY_TONES = {"P0": "bad", "P1": "bad", "PF": "bad", "P2": "warn"}


def patient(record: CaseRecord) -> str:
    """Name, sex, age and number, as far as they are known."""
    name = parts.person_name(record.patient_name)
    sex = SEXES.get(record.patient_sex)
    pieces = [
        name,
        _(sex) if sex else "",
        age(record.patient_birth_date),
        record.patient_id,
    ]
    return " · ".join(piece for piece in pieces if piece)


def age(birth_date: str) -> str:
    """Whole years from a DICOM date, or months below two years."""
    try:
        born = datetime.strptime(birth_date, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return ""
    today = datetime.now(UTC)
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    if months < 24:
        return _("{count} months old", count=months)
    return _("{count} years old", count=months // 12)


def headline(record: CaseRecord) -> str:
    """One line: number, patient, priority, state, who reads."""
    number = record.number or _("Draft")
    reader = record.assignee.name if record.assignee else ""
    due = (
        _("due {time}", time=moment(record.due_at).rsplit(" ", 1)[-1])
        if is_due_today(record)
        else ""
    )
    urgency = PRIORITY_TONES.get(record.priority, "quiet")
    pieces = [
        f"<b>{escape(number)}</b>",
        parts.badge(_(labels.PRIORITIES[record.priority]), urgency),
        f'<span class="hc-patient">{escape(patient(record))}</span>',
        parts.badge(_(labels.STATES[record.state]), labels.STATE_TONES.get(record.state, "info")),
        f'<span class="hc-due">{escape(due)}</span>' if due else "",
        _from_and_reader(record.requesting_site_name, reader),
    ]
    return f'<div class="hc-heading hc-line">{"".join(pieces)}</div>'


def _from_and_reader(site: str, reader: str) -> str:
    """The asking hospital over the reader's name, small: both whole on a narrow screen."""
    lines = [
        f'<span title="{escape(text, quote=True)}">{escape(_abbreviated(text))}</span>'
        for text in (site, reader)
        if text
    ]
    return f'<span class="hc-whose">{"".join(lines)}</span>'


def _abbreviated(name: str) -> str:
    """As the title is written in every Vietnamese hospital."""
    return name.replace("Bệnh viện", "BV").replace("Bác sĩ", "BS.")


def is_due_today(record: CaseRecord) -> bool:
    """Whether a clock runs out within a day; later than that an hour says nothing."""
    due = record.due_at
    return due is not None and abs((due - datetime.now(UTC)).total_seconds()) < 20 * 3600


def request_summary(record: CaseRecord) -> str:
    """The whole request, in the order of the form."""
    questions = "".join(f"<li>{escape(question.text)}</li>" for question in record.questions)
    missing = ""
    if record.state is State.INCOMPLETE and record.missing:
        items = "".join(f"<li>{escape(item)}</li>" for item in record.missing)
        missing = parts.section_html(_("Missing")) + f"<ul>{items}</ul>"
    asked_by = record.requester.name if record.requester else ""
    top = [
        (_("Reason for the consult"), record.reason),
    ]
    clinical = [
        (_(title), value_text(record.clinical[key]))
        for key, title in CLINICAL.items()
        if record.clinical.get(key) not in (None, "", False)
    ]
    other = [
        (_("Requesting doctor"), asked_by),
        (_("Hospital"), record.requesting_site_name),
        (_("Department"), record.requesting_department),
        (_("Consulted hospital"), record.consulted_site_name),
        (_("Date of birth"), dicom_date(record.patient_birth_date)),
        (_("Submitted"), moment(record.submitted_at)),
        (_("Consent"), _(labels.CONSENT[record.consent_basis]) if record.consent_basis else ""),
        (_("Shared with"), _(labels.SHARE[record.share_scope]) if record.share_scope else ""),
    ]
    return (
        missing
        + parts.section_html(_("Questions"))
        + f'<ol class="hc-questions">{questions}</ol>'
        + parts.facts(top)
        + (parts.section_html(_("Clinical summary")) + parts.facts(clinical) if clinical else "")
        + parts.section_html(_("Request"))
        + parts.facts(other, columns=2)
    )


def value_text(value: object) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return str(value)


def history(events: Iterable[CaseEvent]) -> str:
    """What happened, newest first."""
    items = "".join(
        f"<li><time>{escape(moment(event.at))}</time> "
        f"<b>{escape(_(EVENTS.get(event.kind, event.kind)))}</b> "
        f'<span class="hc-muted">{escape(who(event))}</span>{why(event)}</li>'
        for event in sorted(events, key=lambda event: event.id, reverse=True)
    )
    return f'<ul class="hc-steps">{items}</ul>'


def who(event: CaseEvent) -> str:
    return _("the system") if event.actor == "system" else event.actor


def why(event: CaseEvent) -> str:
    reason = str(event.detail.get("reason") or "")
    return f'<div class="hc-text">{escape(reason)}</div>' if reason else ""
