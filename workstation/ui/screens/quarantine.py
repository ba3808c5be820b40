"""What came in and belongs to nobody yet: give it to a hospital, or discard it."""

from collections.abc import Mapping

import streamlit as st

from dicom_node.records import QuarantineReason, QuarantineRecord
from workstation import quarantine, sites
from workstation.context import Context
from workstation.i18n import N_, _, moment, number
from workstation.roles import Principal
from workstation.ui import parts

__all__ = ["render"]

PAGE = 200
REASONS: Mapping[str, str] = {
    QuarantineReason.UNKNOWN_SENDER: N_("Unknown AE title or address"),
    QuarantineReason.OTHER_SITE: N_("The study belongs to another hospital"),
    QuarantineReason.NO_INSTANCE_UID: N_("No valid SOP UIDs"),
    QuarantineReason.NO_STUDY_UID: N_("No valid Study Instance UID"),
    QuarantineReason.NO_SERIES_UID: N_("No valid Series Instance UID"),
    QuarantineReason.UNREADABLE: N_("The data set cannot be read"),
}


def render(context: Context, principal: Principal) -> None:
    found, total = quarantine.list_quarantined(context, principal, PAGE)
    parts.heading(_("Quarantine"), parts.badge(_("{count} objects", count=number(total))))
    parts.tell_kept()
    result = parts.listing(
        context,
        "quarantine",
        label=_("Quarantine"),
        columns=[
            ("received", _("Received"), "150px"),
            ("reason", _("Reason")),
            ("sender", _("Sender"), "200px"),
            ("study", _("Study")),
            ("size", _("Size"), "100px"),
        ],
        rows=[(str(one.id), cells(one)) for one in found],
        choice="several",
        search=_("Find"),
        empty=_("Nothing is in quarantine."),
        height="52vh",
    )
    chosen = [int(each) for each in result.chosen or () if int(each) in {one.id for one in found}]
    if found:
        act(context, principal, chosen)
    conflicts(context, principal)


def cells(one: QuarantineRecord) -> dict[str, object]:
    return {
        "received": moment(one.received_at),
        "reason": (_(REASONS[one.reason]), "warn"),
        "sender": f"{one.origin.ae_title or '–'} · {one.origin.host}",
        "study": one.study_instance_uid or one.sop_instance_uid or "–",
        "size": kilobytes(one.size),
    }


def kilobytes(size: int) -> str:
    return f"{number(size / 1024)} kB"


def act(context: Context, principal: Principal, chosen: list[int]) -> None:
    codes = [site.code for site in sites.list_sites(context) if site.active]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        site = st.selectbox(
            _("Give to hospital"),
            codes,
            key="release_to",
            width=220,
            placeholder=_("Choose"),
            filter_mode=None,
        )
        if st.button(_("Release {count}", count=len(chosen)), type="primary", disabled=not chosen):
            with parts.explaining():
                for each in chosen:
                    quarantine.release(context, principal, each, site)
                parts.say_after(_("Released to {site}.", site=site))
        with st.popover(_("Discard"), disabled=not chosen):
            st.html(parts.paragraph(_("Discarded objects cannot be brought back.")))
            if st.button(_("Discard {count} for good", count=len(chosen)), key="discard"):
                with parts.explaining():
                    for each in chosen:
                        quarantine.discard(context, principal, each)
                    parts.say_after(_("Discarded."))


def conflicts(context: Context, principal: Principal) -> None:
    """Instances that came a second time with other bytes; the first was kept."""
    found = quarantine.list_conflicts(context, principal, PAGE)
    if not found:
        return
    parts.section(_("Sent again with different content; the first was kept"))
    parts.listing(
        context,
        "conflicts",
        label=_("Conflicts"),
        columns=[
            ("received", _("Received"), "150px"),
            ("sender", _("Sender"), "200px"),
            ("object", _("SOP Instance UID")),
            ("size", _("Size"), "100px"),
        ],
        rows=[
            (
                str(one.id),
                {
                    "received": moment(one.received_at),
                    "sender": f"{one.origin.ae_title or '–'} · {one.origin.host}",
                    "object": one.sop_instance_uid,
                    "size": kilobytes(one.size),
                },
            )
            for one in found
        ],
        height="30vh",
    )
