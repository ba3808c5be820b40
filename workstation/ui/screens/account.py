"""One's own account: language, password, tokens for programs."""

import streamlit as st

from workstation import accounts
from workstation.context import Context
from workstation.i18n import LANGUAGES, _
from workstation.roles import Principal
from workstation.sites import get_site
from workstation.ui import labels, parts

__all__ = ["LANGUAGE_NAMES", "render"]

# A language is always named in itself.
LANGUAGE_NAMES = {"vi": "Tiếng Việt", "en": "English"}


def render(context: Context, principal: Principal) -> None:
    parts.heading(_("Account"))
    parts.tell_kept()
    left, right = st.columns(2, gap="large")
    with left:
        user = accounts.get_user(context, principal, principal.username)
        site = get_site(context, principal.site)
        st.html(
            parts.facts(
                [
                    (_("Full name"), user.name),
                    (_("User name"), user.username),
                    (_("Hospital"), f"{site.name} ({site.code})"),
                    (_("Roles"), ", ".join(_(labels.ROLES[role]) for role in user.roles)),
                    (_("Licence number"), user.licence_number),
                ]
            )
        )
        language = st.radio(
            _("Language"),
            LANGUAGES,
            index=LANGUAGES.index(user.language),
            format_func=lambda code: LANGUAGE_NAMES[code],
            horizontal=True,
        )
        if language != user.language:
            accounts.change_language(context, principal, language)
            st.rerun()
        st.html(parts.link(f"{context.settings.base_path}/logout", _("Sign out")))
    with right:
        password(context, principal)
        tokens(context, principal)


def password(context: Context, principal: Principal) -> None:
    with st.form("password", clear_on_submit=True):
        parts.section(_("Change the password"))
        current = st.text_input(_("Current password"), type="password")
        new = st.text_input(_("New password"), type="password", autocomplete="new-password")
        again = st.text_input(_("New password again"), type="password", autocomplete="new-password")
        if not st.form_submit_button(_("Change the password"), type="primary"):
            return
    if new != again:
        st.error(_("The two new passwords differ."))
        return
    with parts.explaining():
        accounts.change_password(context, principal, current, new)
        st.success(_("The password was changed; other sessions were ended."))


def tokens(context: Context, principal: Principal) -> None:
    with st.expander(_("Tokens for programs")):
        st.html(
            parts.paragraph(_("A token opens the API with your rights. It is shown once."), "muted")
        )
        label = st.text_input(_("What it is for"), key="token_label", max_chars=80)
        make, end = st.columns(2)
        if make.button(_("Make a token"), width="stretch"):
            st.code(
                accounts.issue_token(context, principal, principal.username, label), language=None
            )
        if end.button(_("Revoke all my tokens"), width="stretch"):
            accounts.revoke_tokens(context, principal, principal.username)
            st.success(_("All tokens were revoked."))
