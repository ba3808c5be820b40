"""Slides and DICOM files sent from the browser, for hospitals whose scanner has no DICOM."""

import streamlit as st

from viewers import _component
from workstation.context import Context
from workstation.i18n import _, current_language
from workstation.roles import Principal, Role
from workstation.ui import parts

__all__ = ["render"]


def render(context: Context, principal: Principal) -> None:
    parts.heading(_("Send slides"))
    st.html(
        parts.paragraph(
            _(
                "Slides become DICOM here, without compressing them again where the scanner "
                "wrote JPEG. You may close the page and go on later."
            ),
            "muted",
        )
    )
    reported = _component.mount(
        "upload",
        {
            "base": context.settings.base_path,
            "language": current_language(),
            "may_request": principal.has(Role.REQUESTER),
        },
        key="upload",
        on_request_change=lambda: None,
    )
    if reported.request:
        parts.go("request", study=reported.request)
