"""Who looks at the page: the gate's word, turned into a principal.

The front process names the browser's session in a header only it may write (`X-Hoichan-User`);
Streamlit hands it on as ``st.user.username``. It is a reference that opens nothing by itself, so
every page run asks again whether that session still stands.
"""

import streamlit as st

from workstation import accounts
from workstation.context import Context
from workstation.i18n import _, use_language
from workstation.roles import Principal
from workstation.ui import parts

__all__ = ["current", "provide"]

_context: Context | None = None


def provide(context: Context) -> None:
    """Give the pages of this process their context; once, before the first page is served."""
    global _context
    context.plugins.gather()
    _context = context


def current() -> tuple[Context, Principal]:
    """The context and the one who is signed in; speaks that user's language from here on.

    Without a living session the page run ends with a link to the sign-in page.
    """
    if _context is None:
        raise RuntimeError("session.provide(context) has not been called in this process")
    principal = accounts.principal_for_reference(
        _context, reference(), st.context.ip_address or "", prolong=False
    )
    if principal is None:
        use_language(_context.settings.language)
        st.warning(_("Your session has ended."))
        st.html(parts.link(f"{_context.settings.base_path}/login", _("Sign in")))
        st.stop()
    use_language(principal.language)
    return _context, principal


def reference() -> str:
    """The session reference that the gate put on this connection; "" when there is none."""
    return str(st.user.get("username") or "")
