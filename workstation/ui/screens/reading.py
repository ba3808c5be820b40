"""The reading room: images first and large, the opinion beside them.

The viewer is mounted before anything that could take time, so that a run of the page never
delays or greys out an image; the report saves itself and never makes the page run.
"""

import streamlit as st

from plugins.contributions import Exporter, ViewerPanel
from plugins.nouns import Case, Study
from viewers import _component, entries_of
from workstation import access
from workstation.access import Action
from workstation.consult import case as cases
from workstation.consult.results import Results, list_results
from workstation.consult.rows import CaseRecord
from workstation.consult.studies import load_study
from workstation.consult.transitions import Event
from workstation.context import Context
from workstation.i18n import N_, _, current_language, in_language
from workstation.roles import Principal
from workstation.ui import findings, labels, parts
from workstation.ui.summary import headline, history, request_summary

__all__ = ["render", "report"]

# What stands above and below the two panes.
PANES = "calc(100dvh - 100px)"
BELOW_SWITCH = "calc(100dvh - 148px)"
BESIDE = "calc(100dvh - 142px)"
PROGRAMS = N_("Findings by programs")
TABS = "room_tabs"


def render(context: Context, principal: Principal) -> None:
    case_id = st.query_params.get("case", "")
    head = st.container(key="room_head", horizontal=True, vertical_alignment="center")
    record = cases.get(context, principal, case_id)
    access.require(principal, Action.SEE, record)
    images, beside = st.columns([63, 37], gap="small")
    with images:
        viewer(context, principal, record)
    record = opened(context, principal, record)
    found = list_results(context, principal, record.id)
    with head:
        header(context, principal, record, found)
    with beside:
        panels(context, principal, record, found)


def viewer(context: Context, principal: Principal, record: CaseRecord) -> None:
    """The slides or the images of the case; a switch between them when it has both."""
    entries = entries_of(one for study in record.studies for one in study.modalities)
    entry, height = entries[0], PANES
    if len(entries) > 1:
        names = {"slide": _("Slides"), "radiology": _("Images")}
        entry = (
            st.segmented_control(
                _("Show"),
                entries,
                default=entry,
                format_func=lambda one: names[one],
                key=f"viewer_of_{record.id}",
                label_visibility="collapsed",
            )
            or entry
        )
        height = BELOW_SWITCH
    _component.mount(
        entry,
        {
            "base": context.settings.base_path,
            "language": current_language(),
            "theme": "dark",
            "height": height,
            "case_id": record.id,
            "study_instance_uids": list(record.study_instance_uids),
            "permissions": access.permissions(principal, record),
            "user": {
                "username": principal.username,
                "name": principal.name,
                "site": principal.site,
            },
        },
        key=f"viewer_{entry}_{record.id}",
    )


def opened(context: Context, principal: Principal, record: CaseRecord) -> CaseRecord:
    """An expert who opens a case reads it: a waiting one becomes theirs, once per visit."""
    if not access.may(principal, Action.WRITE, record):
        return record
    if st.session_state.get("opened_case") == record.id:
        return record
    st.session_state["opened_case"] = record.id
    return cases.start_reading(context, principal, record.id)


def header(context: Context, principal: Principal, record: CaseRecord, found: Results) -> None:
    st.html(headline(record), width="stretch")
    # A callback runs before the next run of the page has taken up the reader's language.
    programs = _(PROGRAMS)
    findings.badge(found, lambda: st.session_state.update({TABS: programs}))
    mine = record.assignee is not None and record.assignee.username == principal.username
    others = record.assignee is not None and not mine
    if (
        others
        and access.may(principal, Action.WRITE, record)
        and access.may(principal, Event.ASSIGN, record)
        and st.button(_("Take over"), key="take_over")
    ):
        cases.start_reading(context, principal, record.id, take_over=True)
        st.rerun()
    if mine and access.may(principal, Event.HAND_BACK, record):
        with st.popover(_("Hand back")):
            reason = st.text_input(_("Reason"), key="hand_back_reason")
            if st.button(_("Back to the queue"), key="hand_back"):
                cases.decline(context, principal, record.id, reason)
                st.session_state.pop("opened_case", None)
                parts.go("worklist")
    if st.button(_("Case details"), key="details"):
        parts.go("case", case=record.id)
    address = f"{context.settings.base_path}/viewer?case={record.id}"
    st.html(parts.link(address, _("Second screen"), new_tab=True))


def panels(context: Context, principal: Principal, record: CaseRecord, found: Results) -> None:
    case = cases.load_case(context, record.id, principal)
    # The report and the request come before whatever guests may take their time for.
    names = [_("Opinion"), _("Request"), _(PROGRAMS), _("History")]
    # With a key of its own the open tab can be chosen from elsewhere.
    opinion, request, programs, past = st.tabs(names, key=TABS, on_change=lambda: None)
    with opinion:
        writing = access.may(principal, Action.WRITE, record)
        report(context, principal, record, writing=writing, height=BESIDE)
    with request, st.container(height=560, border=False, key="room_request"):
        st.html(request_summary(record))
    with past, st.container(height=560, border=False, key="room_history"):
        st.html(history(cases.history(context, principal, record.id)))
    with programs:
        has_results = findings.has_any(found)
        if has_results:
            findings.panel(context, principal, record, height=BESIDE)
        with st.container(
            height="content" if has_results else 560, border=False, key="room_programs"
        ):
            guests(context, principal, record, case, alone=not has_results)


def guests(
    context: Context, principal: Principal, record: CaseRecord, case: Case, *, alone: bool
) -> None:
    """The panels that guests put beside the viewer; `alone`: nothing else stands in the tab."""
    studies = studies_of(context, principal, record)
    shown = 0
    told: set[str] = set()
    for panel in context.plugins.of(ViewerPanel):
        wanted = any(
            context.plugins.call(panel, panel.wants, study, default=False) for study in studies
        )
        if not wanted:
            continue
        shown += 1
        parts.section(in_language(panel.title))
        before = len(context.plugins.failures)
        context.plugins.call(panel, panel.render, case)
        if len(context.plugins.failures) != before:
            st.warning(_("This panel failed and was skipped; an administrator sees why."))
        else:
            told.add(panel.id)
    # What a guest shows in a panel of its own is not listed again.
    for measurement in (one for one in case.measurements if one.algorithm not in told):
        shown += 1
        value = f"{measurement.value:g} {measurement.unit.meaning}"
        st.html(
            parts.facts([(measurement.name.meaning, value)])
            + parts.paragraph(f"{measurement.algorithm} {measurement.algorithm_version}", "muted")
        )
    if shown:
        st.html(
            parts.paragraph(_("Decision support only; it does not replace the doctor."), "muted")
        )
    elif alone:
        st.html(parts.paragraph(_("No program has anything to say about these images."), "muted"))


def studies_of(context: Context, principal: Principal, record: CaseRecord) -> list[Study]:
    return [
        load_study(
            context.archive,
            study_instance_uid,
            scope=access.read_scope(context, principal, study_instance_uid),
        )
        for study_instance_uid in record.study_instance_uids
    ]


def report(
    context: Context, principal: Principal, record: CaseRecord, *, writing: bool, height: str
) -> None:
    """The opinion component: to write in, or only to read."""
    _component.mount(
        "report",
        {
            "base": context.settings.base_path,
            "language": current_language(),
            "height": height,
            "case_id": record.id,
            "username": principal.username,
            "writing": writing,
            "questions": [{"id": one.id, "text": one.text} for one in record.questions],
            "concordance": labels.choices(labels.CONCORDANCE),
            "transfer": labels.choices(labels.TRANSFER),
            "exporters": {
                exporter.id: in_language(exporter.title)
                for exporter in context.plugins.of(Exporter)
            },
        },
        key=f"report_{record.id}",
        on_news_change=lambda: None,
    )
