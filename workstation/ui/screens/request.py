"""The consult request: choose the images that came in, ask, and send.

The form is not a Streamlit form: what it shows depends on the answers (a stroke asks for times,
an emergency may send its images later), and every answer is kept from run to run.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from dicom_node.archive import StudyQuery
from dicom_node.records import ReadScope, StudyRecord
from plugins.nouns import Priority, State
from workstation import sites
from workstation.consult import case as cases
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.errors import WorkstationError
from workstation.i18n import N_, _, dicom_date, in_language, moment
from workstation.roles import Principal
from workstation.ui import labels, parts
from workstation.ui.summary import CLINICAL

__all__ = ["render"]

SHOWN_STUDIES = 200
STROKE = (
    "onset_time",
    "last_known_well",
    "door_time",
    "nihss",
    "blood_pressure",
    "glucose",
    "anticoagulant",
)
SUMMARY = ("history", "status_on_admission", "course", "local_dx", "local_read")
FURTHER = ("safety", "treatment_available", "phone")
TIME_HINT = N_("e.g. 02:30 23/11/2026")
HINTS: Mapping[str, str] = {
    "onset_time": TIME_HINT,
    "last_known_well": TIME_HINT,
    "door_time": TIME_HINT,
    "blood_pressure": N_("e.g. 180/100 mmHg"),
    "glucose": N_("e.g. 7.2 mmol/L"),
    "treatment_available": N_("thrombolysis, angiography, surgery, intensive care"),
    "local_dx": N_("with ICD-10 code, e.g. I61.0"),
}
# The requester's choice, most pressing first; the others belong to pathology and conferences.
PRIORITIES = (Priority.P0, Priority.P1, Priority.P2, Priority.P3)
PATHOLOGY_PRIORITIES = (Priority.PF, Priority.P2, Priority.PP)


def render(context: Context, principal: Principal) -> None:
    case_id = st.query_params.get("case", "")
    record = cases.get(context, principal, case_id) if case_id else None
    parts.heading(
        _("Consult request"),
        parts.badge(record.number or _("Draft")) if record else "",
    )
    parts.tell_kept()
    form = Form(f"request-{case_id}", record)
    left, right = st.columns([5, 6], gap="medium")
    with left:
        studies = choose_studies(context, principal, form)
        consult(context, form)
        law(form)
    with right:
        questions(form)
        clinical(form)
        send(context, principal, form, studies)


class Form:
    """Field values between runs, under one prefix of the session state."""

    def __init__(self, prefix: str, record: CaseRecord | None) -> None:
        self.prefix = prefix
        self.record = record

    def key(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def first(self, name: str, default: Any = "") -> Any:
        """The first value of a field: what the draft has, else `default`."""
        if self.record is None:
            return default
        if name in CLINICAL:
            return self.record.clinical.get(name) or default
        return getattr(self.record, name) or default

    def get(self, name: str, default: Any = "") -> Any:
        return st.session_state.get(self.key(name), default)


def choose_studies(context: Context, principal: Principal, form: Form) -> list[StudyRecord]:
    parts.section(_("1. Images received from your hospital"))
    if st.button(_("Send slides from this computer"), key=form.key("slides"), type="tertiary"):
        parts.go("slides")
    own = ReadScope(sites=frozenset({principal.site}))
    found = context.archive.studies(StudyQuery(limit=SHOWN_STUDIES), scope=own)
    known = {
        uid: view.record
        for view in cases.list_cases(context, principal, limit=500).rows
        for uid in view.record.study_instance_uids
    }
    selected = list(form.record.study_instance_uids) if form.record else []
    if form.record is None and (study := st.query_params.get("study")):
        selected = [study]
    result = parts.listing(
        context,
        form.key("studies"),
        label=_("Images received"),
        columns=[
            ("patient", _("Patient")),
            ("date", _("Acquired"), "92px"),
            ("what", _("Images"), "78px"),
            ("received", _("Received"), "92px"),
            ("case", _("Case"), "96px"),
        ],
        rows=[(study.study_instance_uid, study_cells(study, known)) for study in found],
        choice="several",
        selected=selected,
        search=_("Find a patient"),
        empty=_("No images yet. Send them from your PACS to {ae}.", ae=context.settings.ae_title),
        height="300px",
    )
    chosen = set(result.chosen or ())
    return [study for study in found if study.study_instance_uid in chosen]


def study_cells(study: StudyRecord, known: Mapping[str, CaseRecord]) -> dict[str, Any]:
    case = known.get(study.study_instance_uid)
    state: Any = ""
    if case is not None and case.state is not State.DRAFT:
        state = (_(labels.STATES[case.state]), labels.STATE_TONES.get(case.state, "info"))
    return {
        "patient": f"{parts.person_name(study.patient_name)} · {study.patient_id}",
        "date": dicom_date(study.study_date),
        "what": f"{' '.join(study.modalities)} · {study.instance_count}",
        "received": moment(study.last_received_at),
        "case": state,
    }


def consult(context: Context, form: Form) -> None:
    parts.section(_("2. Who is asked, and how soon"))
    area = st.radio(
        _("Area"),
        list(labels.AREAS),
        index=list(labels.AREAS).index(form.first("area", "radiology")),
        format_func=lambda code: _(labels.AREAS[code]),
        horizontal=True,
        key=form.key("area"),
    )
    offered = PRIORITIES if area == "radiology" else PATHOLOGY_PRIORITIES
    first = form.first("priority", offered[-1])
    st.radio(
        _("Priority"),
        offered,
        index=offered.index(first) if first in offered else len(offered) - 1,
        format_func=lambda priority: f"{priority} · {_(labels.PRIORITIES[priority])}",
        horizontal=True,
        key=form.key("priority"),
    )
    upper = [site for site in sites.list_sites(context) if site.active and site.tier == "upper"]
    codes = [site.code for site in upper]
    names = {site.code: site.name for site in upper}
    left, right = st.columns(2)
    left.selectbox(
        _("Consulted hospital"),
        codes,
        index=codes.index(form.first("consulted_site"))
        if form.first("consulted_site") in codes
        else 0,
        format_func=lambda code: names[code],
        key=form.key("consulted_site"),
        placeholder=_("Choose"),
        filter_mode=None,
    )
    right.text_input(
        _("Your department"),
        form.first("requesting_department"),
        key=form.key("requesting_department"),
    )
    if Priority(form.get("priority", first)).is_emergency:
        st.checkbox(
            _("Images will follow"),
            form.first("images_to_follow", False),
            key=form.key("images_to_follow"),
        )


def questions(form: Form) -> None:
    parts.section(_("4. What you ask"))
    st.text_input(_("Reason for the consult"), form.first("reason"), key=form.key("reason"))
    asked = [question.text for question in form.record.questions] if form.record else []
    count_key = form.key("question_count")
    count = st.session_state.setdefault(count_key, max(1, len(asked)))
    for at in range(count):
        st.text_input(
            _("Question {n} (answered separately)", n=at + 1),
            asked[at] if at < len(asked) else "",
            key=form.key(f"question_{at}"),
        )
    if st.button(_("+ One more question"), key=form.key("more_questions")):
        st.session_state[count_key] = count + 1
        st.rerun()


def clinical(form: Form) -> None:
    if form.get("priority") == Priority.P0 and form.get("area", "radiology") == "radiology":
        parts.section(_("Stroke times"))
        st.checkbox(
            _("Onset time known"), form.first("onset_known", True), key=form.key("onset_known")
        )
        places = st.columns(4)
        for at, name in enumerate(STROKE):
            fact(places[at % 4], form, name)
    parts.section(_("5. Clinical summary"))
    left, right = st.columns(2)
    for at, name in enumerate(SUMMARY):
        text(left if at % 2 == 0 else right, form, name)
    with right:
        st.checkbox(
            _("Transfer intended before the consult"),
            bool(form.first("transfer_intended", False)),
            key=form.key("transfer_intended"),
        )
    with st.expander(_("More")):
        columns = st.columns(len(FURTHER))
        for column, name in zip(columns, FURTHER, strict=True):
            fact(column, form, name)


def fact(place: Any, form: Form, name: str) -> None:
    place.text_input(
        _(CLINICAL[name]), form.first(name), key=form.key(name), placeholder=hint(name)
    )


def text(place: Any, form: Form, name: str) -> None:
    place.text_area(
        _(CLINICAL[name]), form.first(name), key=form.key(name), height=72, placeholder=hint(name)
    )


def hint(name: str) -> str | None:
    return _(HINTS[name]) if name in HINTS else None


def law(form: Form) -> None:
    parts.section(_("3. Consent and sharing"))
    left, right = st.columns(2)
    consents, scopes = list(labels.CONSENT), list(labels.SHARE)
    first = form.first("consent_basis", "")
    left.radio(
        _("Consent"),
        consents,
        index=consents.index(first) if first else None,
        format_func=lambda code: _(labels.CONSENT[code]),
        key=form.key("consent_basis"),
    )
    right.radio(
        _("Shared with"),
        scopes,
        index=scopes.index(form.first("share_scope", "expert")),
        format_func=lambda code: _(labels.SHARE[code]),
        key=form.key("share_scope"),
    )
    st.html(
        parts.paragraph(
            _("The opinion is advice: the treating doctor decides and stays responsible."), "muted"
        )
    )


def values(form: Form, studies: list[StudyRecord]) -> dict[str, Any]:
    """The request as the domain takes it; only what the form showed."""
    names = (*SUMMARY, *FURTHER, *STROKE, "onset_known", "transfer_intended")
    facts = {name: form.get(name) for name in names if form.get(name) not in ("", None)}
    known = list(form.record.questions) if form.record else []
    asked = [
        {
            "id": known[at].id if at < len(known) else "",
            "text": form.get(f"question_{at}"),
        }
        for at in range(st.session_state[form.key("question_count")])
    ]
    return {
        "area": form.get("area"),
        "priority": str(form.get("priority")),
        "consulted_site": form.get("consulted_site"),
        "requesting_department": form.get("requesting_department"),
        "reason": form.get("reason"),
        "questions": asked,
        "clinical": facts,
        "consent_basis": form.get("consent_basis") or "",
        "share_scope": form.get("share_scope") or "",
        "images_to_follow": bool(form.get("images_to_follow", False)),
        "study_instance_uids": [study.study_instance_uid for study in studies],
    }


def send(context: Context, principal: Principal, form: Form, studies: list[StudyRecord]) -> None:
    """The two buttons at the end; what is missing is said beside them."""
    with st.container(key="send"):
        said = st.container()
        keep, submit = st.columns([1, 2])
        wants_draft = keep.button(_("Save as draft"), width="stretch")
        wants_sent = submit.button(_("Send the request"), type="primary", width="stretch")
    if not (wants_draft or wants_sent):
        return
    try:
        if form.record is None:
            record = cases.create(context, principal, values(form, studies), submit=wants_sent)
        else:
            record = cases.update_request(context, principal, form.record.id, values(form, studies))
            if wants_sent:
                record = cases.submit(context, principal, record.id)
    except WorkstationError as error:
        with said:
            refuse(error)
        return
    forget(form)
    parts.go("case", case=record.id)


def refuse(error: WorkstationError) -> None:
    fields = error.details.get("fields")
    if not isinstance(fields, Mapping):
        st.error(in_language(error.text))
        return
    which = "en" if in_language(error.text) == error.text.en else "vi"
    items = "".join(f"<li>{escape(str(text[which]))}</li>" for text in fields.values())
    title = escape(_("Still missing"))
    st.html(f'<div class="hc-notice" role="alert"><b>{title}</b><ul>{items}</ul></div>')


def forget(form: Form) -> None:
    for key in [key for key in st.session_state if str(key).startswith(f"{form.prefix}-")]:
        del st.session_state[key]
