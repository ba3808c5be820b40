"""What stands around every page: navigation by role, the user's corner, the style sheet."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from workstation import accounts
from workstation.context import Context
from workstation.i18n import LANGUAGES, N_, _
from workstation.roles import Principal, Role
from workstation.ui import parts, session, theme
from workstation.ui.screens import (
    account,
    audit_log,
    case,
    deliveries,
    guests,
    hospitals,
    people,
    quarantine,
    reading,
    request,
    slides,
    statistics,
    worklist,
)

__all__ = ["PLACES", "Place", "run"]

CLINICAL = frozenset(
    {Role.REQUESTER, Role.TECHNICIAN, Role.RADIOLOGIST, Role.PATHOLOGIST, Role.COORDINATOR}
)
ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
LOGO = Path(__file__).with_name("logo.svg")
ADMINISTRATION = N_("Administration")


@dataclass(frozen=True)
class Place:
    """One page: its address, its title, and whose it is."""

    address: str
    title: str
    render: Callable[[Context, Principal], None]
    roles: frozenset[Role]
    group: str = ""
    listed: bool = True


PLACES = (
    Place("worklist", N_("Worklist"), worklist.render, CLINICAL),
    Place("request", N_("New consult"), request.render, frozenset({Role.REQUESTER})),
    Place("slides", N_("Send slides"), slides.render, frozenset({Role.REQUESTER, Role.TECHNICIAN})),
    Place("reading", N_("Reading room"), reading.render, CLINICAL, listed=False),
    Place("case", N_("Case"), case.render, CLINICAL, listed=False),
    Place("deliveries", N_("Returned results"), deliveries.render, CLINICAL),
    Place(
        "hospitals",
        N_("Hospitals"),
        hospitals.render,
        ADMINISTRATOR | {Role.TECHNICIAN},
        ADMINISTRATION,
    ),
    Place("users", N_("Users"), people.render, ADMINISTRATOR, ADMINISTRATION),
    Place("quarantine", N_("Quarantine"), quarantine.render, ADMINISTRATOR, ADMINISTRATION),
    Place("plugins", N_("Plugins"), guests.render, ADMINISTRATOR, ADMINISTRATION),
    Place("audit", N_("Access log"), audit_log.render, ADMINISTRATOR, ADMINISTRATION),
    Place(
        "statistics",
        N_("Statistics"),
        statistics.render,
        frozenset({Role.REQUESTER, Role.COORDINATOR, Role.ADMINISTRATOR}),
    ),
    Place("account", N_("Account"), account.render, frozenset(Role), listed=False),
)


def run() -> None:
    """Show the page of this address to the one who is signed in."""
    st.set_page_config(page_title="Hội chẩn", layout="wide")
    st.html(theme.style_sheet())
    st.logo(LOGO)
    context, principal = session.current()
    pages = {place.address: page(place, context, principal) for place in PLACES}
    st.session_state["places"] = pages
    first = next(place for place in PLACES if principal.has(*place.roles))
    # Streamlit forgets the address of its default page; ours stays reachable by its own.
    home = st.Page(
        partial(st.switch_page, pages[first.address]),
        title=_(first.title),
        url_path="home",
        default=True,
        visibility="hidden",
    )
    groups: dict[str, list[st.Page]] = {"": [home]}
    for place in PLACES:
        groups.setdefault(_(place.group) if place.group else "", []).append(pages[place.address])
    chosen = st.navigation(groups, position="top")
    corner(context, principal)
    chosen.run()


def page(place: Place, context: Context, principal: Principal) -> st.Page:
    """Every place is a page for everybody, so that no address leads to Streamlit's own words."""
    allowed = principal.has(*place.roles)
    return st.Page(
        partial(show if allowed else turn_away, place, context, principal),
        title=_(place.title),
        url_path=place.address,
        visibility="visible" if allowed and place.listed else "hidden",
    )


def turn_away(place: Place, context: Context, principal: Principal) -> None:
    st.warning(_("This page is for other roles."))


def show(place: Place, context: Context, principal: Principal) -> None:
    with parts.explaining():
        place.render(context, principal)


def corner(context: Context, principal: Principal) -> None:
    """Top right: who is signed in, in which language, and the way out."""
    # The key names the language: once it is changed, the menu is closed.
    key = f"menu-{principal.language}"
    with st.container(key="corner"), st.popover(principal.name, key=key):
        for code in LANGUAGES:
            if code != principal.language and st.button(
                account.LANGUAGE_NAMES[code], key=f"language_{code}", width="stretch"
            ):
                accounts.change_language(context, principal, code)
                st.rerun()
        st.page_link(st.session_state["places"]["account"], label=_("Account"))
        st.html(parts.link(f"{context.settings.base_path}/logout", _("Sign out")))
