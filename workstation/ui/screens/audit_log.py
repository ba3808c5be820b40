"""Who did and saw what, and whether the chain of the log is whole."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from workstation import audit
from workstation.audit import AuditEvent, AuditRow
from workstation.context import Context
from workstation.i18n import N_, ZONE, _, number
from workstation.roles import Principal
from workstation.ui import parts

__all__ = ["EVENTS", "render"]

PAGE = 200
EVENTS: Mapping[str, str] = {
    AuditEvent.APPLICATION_START: N_("Program started"),
    AuditEvent.APPLICATION_STOP: N_("Program stopped"),
    AuditEvent.LOGIN: N_("Signed in"),
    AuditEvent.LOGOUT: N_("Signed out"),
    AuditEvent.INSTANCES_RECEIVED: N_("Images received"),
    AuditEvent.INSTANCES_SENT: N_("Objects sent"),
    AuditEvent.INSTANCES_ACCESSED: N_("Images seen"),
    AuditEvent.QUERY: N_("Search"),
    AuditEvent.EXPORT: N_("Export"),
    AuditEvent.IMPORT: N_("Import"),
    AuditEvent.STUDY_DELETED: N_("Study deleted"),
    AuditEvent.ORDER_RECORD: N_("Request written"),
    AuditEvent.PROCEDURE_RECORD: N_("State of a case changed"),
    AuditEvent.ROLES_CHANGED: N_("Rights changed"),
    AuditEvent.USER_CHANGED: N_("User changed"),
    AuditEvent.CONFIGURATION_CHANGED: N_("Configuration changed"),
    AuditEvent.AUDIT_LOG_USED: N_("Access log read"),
    AuditEvent.QUARANTINE: N_("Quarantine"),
    AuditEvent.ANNOTATION: N_("Mark drawn"),
    AuditEvent.RESULT: N_("Computed result"),
    AuditEvent.SIGN: N_("Opinion signed"),
    AuditEvent.SHARE_GRANT: N_("Share grant"),
    AuditEvent.DECISION: N_("Treating doctor's decision"),
    AuditEvent.DELIVERY: N_("Delivery"),
}


def render(context: Context, principal: Principal) -> None:
    parts.heading(_("Access log"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        event = st.selectbox(
            _("Event"),
            ["", *EVENTS],
            format_func=lambda code: _(EVENTS[code]) if code else _("All events"),
            key="audit_event",
            width=260,
            placeholder=_("Choose"),
            filter_mode=None,
        )
        actor = st.text_input(_("User name"), key="audit_actor", width=200)
        if st.button(_("Check the chain")):
            check(context)
    rows = audit.list_events(context, principal, event=event, actor=actor.strip(), limit=PAGE)
    parts.listing(
        context,
        "audit",
        label=_("Access log"),
        columns=[
            ("sequence", "№", "70px"),
            ("at", _("Time"), "170px"),
            ("event", _("Event"), "200px"),
            ("actor", _("User name"), "140px"),
            ("host", _("Address"), "130px"),
            ("outcome", _("Result"), "100px"),
            ("subject", _("About")),
        ],
        rows=[(str(row.sequence), cells(row)) for row in rows],
        search=_("Find in these rows"),
        height="calc(100dvh - 180px)",
    )


def check(context: Context) -> None:
    broken = audit.verify(context)
    if broken is None:
        st.success(_("The chain is whole: nothing was changed or taken out."))
    else:
        st.error(_("The chain is broken at row {row}.", row=number(broken.sequence)))


def cells(row: AuditRow) -> dict[str, object]:
    good = row.outcome == "success"
    at = datetime.fromisoformat(row.at).astimezone(ZONE)
    return {
        "sequence": str(row.sequence),
        "at": at.strftime("%d/%m/%Y %H:%M:%S"),
        "event": _(EVENTS[row.event]),
        "actor": row.actor,
        "host": row.host,
        "outcome": (_("Success"), "good") if good else (_("Failure"), "bad"),
        "subject": about(row.subject),
    }


def about(subject: Mapping[str, Any]) -> str:
    """Ids and codes only; the log holds no names."""
    return " · ".join(f"{key}={value}" for key, value in subject.items() if value not in ("", None))
