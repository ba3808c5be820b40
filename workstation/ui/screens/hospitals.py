"""Hospitals and their AE titles: who may send, where opinions go, and whether they answer."""

from typing import Any

import streamlit as st

from workstation import sites
from workstation.context import Context
from workstation.i18n import _, in_language, moment, number
from workstation.roles import Principal, Role
from workstation.ui import labels, parts

__all__ = ["render"]


def render(context: Context, principal: Principal) -> None:
    parts.heading(_("Hospitals and AE titles"))
    parts.tell_kept()
    administrator = principal.has(Role.ADMINISTRATOR)
    known = [
        site for site in sites.list_sites(context) if administrator or site.code == principal.site
    ]
    chosen = st.session_state.get("hospital") or known[0].code
    left, right = st.columns([2, 3], gap="medium")
    with left:
        result = parts.listing(
            context,
            "hospitals",
            label=_("Hospitals"),
            columns=[
                ("code", _("Code"), "30%"),
                ("name", _("Name")),
                ("tier", _("Tier"), "20%"),
            ],
            rows=[
                (
                    site.code,
                    {
                        "code": site.code,
                        "name": site.name,
                        "tier": _(labels.TIERS[site.tier]) if site.active else (_("Ended"), "bad"),
                    },
                )
                for site in known
            ],
            choice="one",
            selected=[chosen],
            height="60vh",
        )
        if result.choose:
            st.session_state["hospital"] = chosen = result.choose
        if administrator:
            with st.expander(_("Add a hospital")):
                add_site(context, principal)
    with right:
        site = next((one for one in known if one.code == chosen), known[0])
        if administrator:
            edit_site(context, principal, site)
        entities(context, principal, site, administrator)


def add_site(context: Context, principal: Principal) -> None:
    with st.form("add_site", border=False):
        code = st.text_input(_("Code"), max_chars=32, placeholder="BVDK_LAO_CAI")
        name = st.text_input(_("Name"))
        tier = st.radio(
            _("Tier"), list(labels.TIERS), format_func=lambda t: _(labels.TIERS[t]), horizontal=True
        )
        phone = st.text_input(_("Contact phone"))
        if st.form_submit_button(_("Add"), type="primary"):
            with parts.explaining():
                sites.create_site(
                    context, principal, code=code.strip().upper(), name=name, tier=tier, phone=phone
                )
                st.session_state["hospital"] = code.strip().upper()
                parts.say_after(_("The hospital was added."))


def edit_site(context: Context, principal: Principal, site: sites.Site) -> None:
    with st.form(f"site_{site.code}"):
        parts.section(site.code)
        first, second, third = st.columns([4, 2, 2], vertical_alignment="bottom")
        name = first.text_input(_("Name"), site.name)
        phone = second.text_input(_("Contact phone"), site.phone)
        active = third.checkbox(_("Active"), site.active)
        if st.form_submit_button(_("Save")):
            with parts.explaining():
                sites.change_site(
                    context, principal, site.code, name=name, phone=phone, active=active
                )
                parts.say_after(_("Saved."))


def entities(context: Context, principal: Principal, site: sites.Site, administrator: bool) -> None:
    known = sites.list_ae_titles(context, principal, site.code)
    result = parts.listing(
        context,
        f"entities_{site.code}",
        label=_("AE titles"),
        columns=[
            ("ae", _("AE title")),
            ("address", _("Address")),
            ("sends", _("Sends to us")),
            ("receives", _("Receives opinions")),
            ("echo", _("Last echo test")),
        ],
        rows=[
            (
                one.ae_title,
                {
                    "ae": one.ae_title,
                    "address": address(one),
                    "sends": "✔" if one.sends else "–",
                    "receives": "✔" if one.receives else "–",
                    "echo": echo_cell(one),
                },
            )
            for one in known
        ],
        choice="one",
        selected=[st.session_state.get("entity", "")],
        empty=_("No AE title yet: what this hospital sends goes to quarantine."),
    )
    if result.choose:
        st.session_state["entity"] = result.choose
    chosen = next((one for one in known if one.ae_title == st.session_state.get("entity")), None)
    if chosen is not None:
        entity(context, principal, site, chosen, administrator)
    if administrator:
        with st.expander(_("Add an AE title"), expanded=not known):
            edit_entity(context, principal, site, None)


def address(one: sites.AeTitle) -> str:
    if not one.host:
        return "–"
    return f"{one.host}:{one.port}{' · TLS' if one.tls else ''}"


def echo_cell(one: sites.AeTitle) -> tuple[str, str] | str:
    if one.last_echo_at is None:
        return "–"
    good = one.last_echo_result == "OK"
    sign = "✔" if good else "⚠"
    return f"{sign} {moment(one.last_echo_at)}", "good" if good else "bad"


def entity(
    context: Context,
    principal: Principal,
    site: sites.Site,
    one: sites.AeTitle,
    administrator: bool,
) -> None:
    with st.container(border=True):
        title, test, forget = st.columns([4, 2, 2], vertical_alignment="center")
        title.html(parts.section_html(one.ae_title))
        if test.button(_("Echo test"), key="echo", type="primary", width="stretch"):
            with parts.explaining():
                answer = sites.echo(context, principal, site.code, one.ae_title)
                name = one.ae_title
                if answer.answered and answer.seconds is not None:
                    ms = number(answer.seconds * 1000)
                    parts.say_after(_("{ae} answered in {ms} ms.", ae=name, ms=ms))
                reason = in_language(answer.message)
                text = _("{ae} did not answer: {reason}", ae=name, reason=reason)
                parts.say_after(text, failed=True)
        if administrator:
            sure = forget.popover(_("Remove"), width="stretch")
            sure.html(
                parts.paragraph(
                    _("What {ae} sends from then on goes to quarantine.", ae=one.ae_title)
                )
            )
            if sure.button(_("Remove for good"), key="forget"):
                sites.remove_ae_title(context, principal, site.code, one.ae_title)
                st.session_state.pop("entity", None)
                parts.say_after(_("The AE title was removed."))
            edit_entity(context, principal, site, one)


def edit_entity(
    context: Context, principal: Principal, site: sites.Site, one: sites.AeTitle | None
) -> None:
    """The form of an AE title: a new one when `one` is None."""
    name = one.ae_title if one else ""
    with st.form(f"entity_{site.code}_{name}", border=False):
        first, second, third = st.columns([2, 3, 1])
        title = first.text_input(_("AE title"), name, max_chars=16, disabled=one is not None)
        host = second.text_input(_("Host (for returning opinions)"), one.host if one else "")
        port = third.text_input(_("Port"), str(one.port or "") if one else "", max_chars=5)
        fourth, fifth, sixth = st.columns([2, 2, 2], vertical_alignment="bottom")
        sends = fourth.checkbox(_("Sends to us"), one.sends if one else True)
        receives = fifth.checkbox(_("Receives opinions"), one.receives if one else False)
        allowed = sixth.text_input(
            _("Allowed addresses (empty: any)"),
            ", ".join(one.allowed_hosts) if one else "",
            placeholder="10.0.0.0/24",
        )
        tls = st.checkbox(
            _("Called inside TLS"),
            one.tls if one else False,
            help=_("Never in clear: without TLS nothing is sent."),
        )
        pinned = st.text_area(
            _("Its certificate or its CA, as PEM (empty: by our CAs and its host name)"),
            one.tls_pinned if one else "",
            placeholder="-----BEGIN CERTIFICATE-----",
            height=68,
        )
        if not st.form_submit_button(_("Save") if one else _("Add"), type="secondary"):
            return
    if not (port or "0").isdigit():
        st.error(_("The port must be a number."))
        return
    values: dict[str, Any] = {
        "host": host.strip(),
        "port": int(port or 0),
        "sends": sends,
        "receives": receives,
        "allowed_hosts": [part.strip() for part in allowed.split(",") if part.strip()],
        "tls": tls,
        "tls_pinned": pinned,
    }
    with parts.explaining():
        if one is None:
            sites.add_ae_title(context, principal, site.code, ae_title=title, **values)
        else:
            sites.change_ae_title(context, principal, site.code, one.ae_title, **values)
        st.session_state["entity"] = title.strip()
        parts.say_after(_("Saved."))
