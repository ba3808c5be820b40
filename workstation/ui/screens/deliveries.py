"""Where signed opinions are on their way home: landed, waiting, or refused, and why."""

from dataclasses import dataclass
from datetime import timedelta

import streamlit as st

from workstation import access
from workstation.access import Action
from workstation.consult import case as cases
from workstation.consult.deliveries import Delivery, list_deliveries, retry
from workstation.consult.rows import CaseRecord
from workstation.consult.transitions import SIGNED
from workstation.context import Context
from workstation.i18n import N_, _, current_language, in_language, moment
from workstation.roles import Principal
from workstation.ui import parts
from workstation.ui.summary import patient

__all__ = ["render"]

SHOWN_CASES = 60
EVERY = timedelta(seconds=5)
PROOFS = {"storage commitment": N_("storage commitment"), "query": N_("found by query")}


@dataclass(frozen=True)
class Line:
    """One delivery with its case."""

    case: CaseRecord
    delivery: Delivery

    @property
    def is_open(self) -> bool:
        return self.delivery.landed_at is None and self.delivery.state != "refused"


def render(context: Context, principal: Principal) -> None:
    parts.heading(_("Returned results"))
    parts.tell_kept()
    everything = st.radio(
        _("Show"),
        [False, True],
        format_func=lambda whole: _("All") if whole else _("Not landed yet"),
        horizontal=True,
        label_visibility="collapsed",
        key="deliveries_all",
    )
    st.fragment(live, run_every=EVERY)(context, principal, everything)


def live(context: Context, principal: Principal, everything: bool) -> None:
    """The list, made again every few seconds without running the whole page."""
    found = lines(context, principal)
    shown = [line for line in found if everything or line.is_open]
    result = parts.listing(
        context,
        "deliveries",
        label=_("Returned results"),
        columns=[
            ("case", _("Case"), "130px"),
            ("patient", _("Patient")),
            ("what", _("Form")),
            ("to", _("To"), "110px"),
            ("state", _("State"), "260px"),
            ("attempts", _("Attempts"), "80px"),
            ("problem", _("Problem")),
        ],
        rows=[(f"{line.case.id}/{line.delivery.id}", cells(line)) for line in shown],
        choice="one",
        search=_("Find a case"),
        empty=_("Everything has landed."),
        height="calc(100dvh - 190px)",
    )
    chosen = next(
        (line for line in shown if f"{line.case.id}/{line.delivery.id}" == result.choose),
        None,
    )
    if chosen is not None:
        st.session_state["delivery"] = chosen.delivery.id
    kept = next((one for one in found if one.delivery.id == st.session_state.get("delivery")), None)
    if kept is not None:
        act(context, principal, kept)


def lines(context: Context, principal: Principal) -> list[Line]:
    signed = cases.list_cases(context, principal, states=SIGNED, limit=SHOWN_CASES)
    return [
        Line(view.record, delivery)
        for view in signed.rows
        for delivery in list_deliveries(context, principal, view.record.id)
    ]


def cells(line: Line) -> dict[str, object]:
    delivery = line.delivery
    return {
        "case": line.case.number,
        "patient": patient(line.case),
        "what": in_language(delivery.exporter_title),
        "to": delivery.destination or "–",
        "state": state(delivery),
        "attempts": str(delivery.attempts),
        "problem": str(delivery.last_error.get(current_language(), "")),
    }


def state(delivery: Delivery) -> tuple[str, str]:
    """Landed with its proof, or what it waits for."""
    if delivery.landed_at is not None:
        proof = _(PROOFS.get(delivery.proof, PROOFS["query"]))
        landed = _("Landed {time}", time=moment(delivery.landed_at))
        return f"✔ {landed} · {proof}", "good"
    if delivery.state == "refused":
        return _("This form is not accepted"), "quiet"
    if delivery.last_error:
        return "⚠ " + _("Not landed"), "bad"
    return (_("Sent, waiting for proof"), "info") if delivery.sent_at else (_("Waiting"), "info")


def act(context: Context, principal: Principal, line: Line) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f"<b>{line.case.number}</b>")
        if st.button(_("Open the case")):
            parts.go("case", case=line.case.id)
        if (
            line.delivery.landed_at is None
            and access.may(principal, Action.RETRY_DELIVERY, line.case)
            and st.button(_("Send again now"), type="primary")
        ):
            with parts.explaining():
                retry(context, principal, line.case.id, line.delivery.id)
                st.success(_("It will be sent in a moment."))
