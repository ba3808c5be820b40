"""One case for both sides: what is to be done now, the opinion and its way home, the request."""

import streamlit as st

from plugins.nouns import State, Text
from workstation import access, accounts, sites
from workstation.access import Action
from workstation.consult import case as cases
from workstation.consult import results
from workstation.consult.rows import CaseRecord
from workstation.consult.transitions import Event
from workstation.context import Context
from workstation.i18n import _, current_language, moment
from workstation.roles import READER_AREAS, Principal, Role
from workstation.ui import labels, parts
from workstation.ui.screens.reading import report
from workstation.ui.summary import headline, history, request_summary

__all__ = ["render"]


def render(context: Context, principal: Principal) -> None:
    case_id = st.query_params.get("case", "")
    record = cases.get(context, principal, case_id)
    with st.container(key="room_head", horizontal=True, vertical_alignment="center"):
        shown = cases.view(context, principal, record).record
        st.html(headline(shown), width="stretch")
        if access.may(principal, Action.SEE, record) and record.study_instance_uids:
            reading = access.may(principal, Action.WRITE, record)
            if st.button(
                _("Read") if reading else _("See the images"),
                type="primary" if reading else "secondary",
            ):
                parts.go("reading", case=record.id)
    parts.tell_kept()
    tell_senders(context, principal, record)
    left, right = st.columns([6, 5], gap="medium")
    with left:
        tasks(context, principal, record)
        report(context, principal, shown, writing=False, height="calc(100dvh - 150px)")
    with right:
        request, past = st.tabs([_("Request"), _("History")])
        request.html(request_summary(shown))
        past.html(history(cases.history(context, principal, record.id)))
        others(context, principal, record)


def tell_senders(context: Context, principal: Principal, record: CaseRecord) -> None:
    """What programs have to say to those who sent the images: slides to be scanned again."""
    if principal.site != record.requesting_site or not access.may(principal, Action.SEE, record):
        return
    for one in results.list_results(context, principal, record.id).items:
        content = one.record.content
        said = content["detail"].get("message") if content is not None else None
        if said:
            st.warning(Text(**said).in_language(current_language()), icon=":material/biotech:")


def tasks(context: Context, principal: Principal, record: CaseRecord) -> None:
    """What this side has to do next, and nothing else."""
    may = set(access.permissions(principal, record))
    unsent = record.state is State.DRAFT and Event.SUBMIT in may
    if unsent and st.button(_("Complete and send the request"), type="primary"):
        parts.go("request", case=record.id)
    if record.state is State.REDIRECTED and Event.SUBMIT in may:
        st.info(_("The case was redirected. Sending it again is your consent to the new hospital."))
        if st.button(_("Send to {site}", site=record.consulted_site_name), type="primary"):
            with parts.explaining():
                cases.submit(context, principal, record.id)
                parts.say_after(_("Sent."))
    if Event.COMPLETE in may:
        missing = "; ".join(record.missing)
        st.warning(_("Missing: {what}", what=missing))
        with st.container(horizontal=True):
            if Action.EDIT in may and st.button(_("Add to the request")):
                parts.go("request", case=record.id)
            if st.button(_("Everything is there now"), type="primary"):
                with parts.explaining():
                    cases.complete(context, principal, record.id)
                    parts.say_after(_("Sent back to the queue."))
    if Event.ACKNOWLEDGE in may and st.button(
        _("I have read the opinion"), type="primary", width="stretch"
    ):
        with parts.explaining():
            cases.acknowledge(context, principal, record.id)
            parts.say_after(_("Acknowledged."))
    if Event.DECIDE in may:
        decide(context, principal, record)
    if Event.CLOSE in may:
        outcome(context, principal, record)
    if Event.ASSIGN in may and principal.has(Role.COORDINATOR):
        assign(context, principal, record)


def decide(context: Context, principal: Principal, record: CaseRecord) -> None:
    with st.form("decide"):
        parts.section(_("Treating doctor's decision"))
        decision = st.radio(
            _("Decision"),
            list(labels.DECISIONS),
            format_func=lambda code: _(labels.DECISIONS[code]),
            horizontal=True,
            label_visibility="collapsed",
        )
        reason = st.text_input(_("Reason (needed unless followed in full)"))
        if st.form_submit_button(_("Record the decision"), type="primary"):
            with parts.explaining():
                cases.decide(context, principal, record.id, decision, reason)
                parts.say_after(_("The decision was recorded."))


def outcome(context: Context, principal: Principal, record: CaseRecord) -> None:
    if not principal.has(Role.REQUESTER):
        if st.button(_("Close without an answer (after 30 days)")):
            with parts.explaining():
                cases.close(context, principal, record.id, {})
                parts.say_after(_("Closed."))
        return
    with st.form("outcome"):
        parts.section(_("Outcome of the consult"))
        left, right = st.columns(2)
        values = {
            "diagnosis": left.text_input(_("Final diagnosis")),
            "treatment": right.text_input(_("Treatment given")),
            "transferred": left.checkbox(_("The patient was transferred")),
            "transferred_to": right.text_input(_("Transferred to")),
            "died": left.checkbox(_("The patient died")),
            "note": right.text_input(_("Remark for the expert")),
        }
        if st.form_submit_button(_("Report the outcome and close"), type="primary"):
            with parts.explaining():
                cases.close(context, principal, record.id, values)
                parts.say_after(_("Closed."))


def assign(context: Context, principal: Principal, record: CaseRecord) -> None:
    area_roles = {role for role, area in READER_AREAS.items() if area == record.area}
    experts = {
        user.username: user.name
        for user in accounts.list_users(context, principal)
        if user.active
        and area_roles.intersection(user.roles)
        and user.site == record.consulted_site
    }
    if not experts:
        st.warning(_("No expert of this area at this hospital."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = list(experts)
        current = record.assignee.username if record.assignee else ""
        who = st.selectbox(
            _("Expert"),
            names,
            index=names.index(current) if current in names else 0,
            format_func=lambda name: experts[name],
            placeholder=_("Choose"),
            filter_mode=None,
        )
        if st.button(_("Assign"), type="primary"):
            with parts.explaining():
                cases.assign(context, principal, record.id, who)
                parts.say_after(_("Assigned."))


def others(context: Context, principal: Principal, record: CaseRecord) -> None:
    """The rarer acts, each behind its own button and with its reason."""
    may = set(access.permissions(principal, record))
    facts = [
        (
            _("Decision"),
            _(labels.DECISIONS.get(str(record.decision.get("decision", "")), ""))
            if record.decision
            else "",
        ),
        (_("Reason"), str(record.decision.get("reason", ""))),
        (_("Final diagnosis"), str(record.outcome.get("diagnosis", ""))),
        (_("Treatment given"), str(record.outcome.get("treatment", ""))),
        (_("Due"), moment(record.due_at)),
    ]
    st.html(parts.facts(facts, columns=2))
    with st.container(horizontal=True):
        if Event.REPORT_INCOMPLETE in may:
            with st.popover(_("Something is missing")):
                lines = st.text_area(_("What is missing, one per line"), key="missing")
                if st.button(_("Ask for it"), key="report_missing"):
                    with parts.explaining():
                        cases.report_incomplete(context, principal, record.id, lines.splitlines())
                        parts.say_after(_("The asking hospital was told."))
        if Event.REDIRECT in may:
            with st.popover(_("Redirect")):
                upper = [
                    site.code
                    for site in sites.list_sites(context)
                    if site.tier == "upper" and site.active and site.code != record.consulted_site
                ]
                site = st.selectbox(
                    _("To"), upper, key="redirect_to", placeholder=_("Choose"), filter_mode=None
                )
                reason = st.text_input(_("Reason"), key="redirect_reason")
                if st.button(_("Redirect"), key="redirect", disabled=not upper) and site:
                    with parts.explaining():
                        cases.redirect(context, principal, record.id, site, reason)
                        parts.say_after(_("Redirected."))
        if Event.REFUSE in may:
            with st.popover(_("Decline")):
                reason = st.text_input(_("Reason"), key="decline_reason")
                if st.button(_("Decline the case"), key="decline"):
                    with parts.explaining():
                        cases.decline(context, principal, record.id, reason)
                        parts.say_after(_("Declined."))
        if Event.CANCEL in may:
            with st.popover(_("Cancel the request")):
                reason = st.text_input(_("Reason"), key="cancel_reason")
                if st.button(_("Cancel for good"), key="cancel"):
                    with parts.explaining():
                        cases.cancel(context, principal, record.id, reason)
                        parts.say_after(_("Cancelled."))
