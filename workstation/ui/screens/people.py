"""Users: who they are, what they may do, and ending their access."""

import streamlit as st

from workstation import accounts, sites
from workstation.context import Context
from workstation.i18n import LANGUAGES, _, moment
from workstation.roles import Principal, Role
from workstation.ui import labels, parts
from workstation.ui.screens.account import LANGUAGE_NAMES

__all__ = ["render"]


def render(context: Context, principal: Principal) -> None:
    parts.heading(_("Users"))
    parts.tell_kept()
    users = accounts.list_users(context, principal)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        result = parts.listing(
            context,
            "users",
            label=_("Users"),
            columns=[
                ("username", _("User name"), "20%"),
                ("name", _("Full name")),
                ("site", _("Hospital"), "16%"),
                ("roles", _("Roles"), "26%"),
                ("active", _("Access"), "12%"),
            ],
            rows=[
                (
                    user.username,
                    {
                        "username": user.username,
                        "name": user.name,
                        "site": user.site,
                        "roles": ", ".join(_(labels.ROLES[role]) for role in user.roles),
                        "active": (_("Active"), "good") if user.active else (_("Ended"), "bad"),
                    },
                )
                for user in users
            ],
            choice="one",
            selected=[st.session_state.get("user", "")],
            search=_("Find a user"),
            height="calc(100dvh - 130px)",
        )
        if result.choose:
            st.session_state["user"] = result.choose
    with right:
        chosen = next((u for u in users if u.username == st.session_state.get("user")), None)
        if chosen is not None:
            edit(context, principal, chosen)
        with st.expander(_("Add a user"), expanded=chosen is None):
            add(context, principal)


def role_boxes(key: str, current: tuple[Role, ...]) -> list[Role]:
    """One tick per role, in two columns."""
    st.html(parts.paragraph(_("Roles"), "muted"))
    columns = st.columns(2)
    return [
        role
        for at, role in enumerate(Role)
        if columns[at % 2].checkbox(_(labels.ROLES[role]), role in current, key=f"{key}_{role}")
    ]


def add(context: Context, principal: Principal) -> None:
    codes = [site.code for site in sites.list_sites(context) if site.active]
    with st.form("add_user", border=False):
        username = st.text_input(_("User name"), max_chars=64)
        name = st.text_input(_("Full name"))
        site = st.selectbox(_("Hospital"), codes, placeholder=_("Choose"), filter_mode=None)
        licence = st.text_input(_("Licence number"))
        roles = role_boxes("new", ())
        password = st.text_input(_("First password"), type="password", autocomplete="new-password")
        if not st.form_submit_button(_("Add"), type="primary"):
            return
    with parts.explaining():
        user = accounts.create_user(
            context,
            principal,
            username=username,
            name=name,
            site=site,
            roles=roles,
            password=password,
            licence_number=licence,
        )
        st.session_state["user"] = user.username
        parts.say_after(_("The user was added."))


def edit(context: Context, principal: Principal, user: accounts.User) -> None:
    with st.form(f"user_{user.username}"):
        parts.section(user.username)
        name = st.text_input(_("Full name"), user.name)
        licence = st.text_input(_("Licence number"), user.licence_number)
        roles = role_boxes(user.username, user.roles)
        language = st.radio(
            _("Language"),
            LANGUAGES,
            index=LANGUAGES.index(user.language),
            format_func=lambda code: LANGUAGE_NAMES[code],
            horizontal=True,
        )
        active = st.checkbox(_("May sign in"), user.active)
        password = st.text_input(
            _("New password (empty: keep)"), type="password", autocomplete="new-password"
        )
        st.html(parts.paragraph(_("Since {time}", time=moment(user.created_at)), "muted"))
        if not st.form_submit_button(_("Save"), type="primary"):
            return
    changes: dict[str, object] = {
        "name": name,
        "licence_number": licence,
        "roles": roles,
        "language": language,
        "active": active,
    }
    if password:
        changes["password"] = password
    with parts.explaining():
        accounts.change_user(context, principal, user.username, **changes)
        parts.say_after(_("Saved."))
