"""Plugins: what has entered, what each gave, and what failed."""

import streamlit as st

from workstation.context import Context
from workstation.i18n import _, in_language, moment
from workstation.roles import Principal
from workstation.ui import parts

__all__ = ["render"]


def render(context: Context, principal: Principal) -> None:
    parts.heading(_("Plugins"))
    registry = context.plugins
    parts.listing(
        context,
        "guests",
        label=_("Plugins"),
        columns=[
            ("name", _("Name"), "18%"),
            ("version", _("Version"), "12%"),
            ("source", _("From"), "18%"),
            ("gifts", _("Contributes")),
            ("state", _("State"), "20%"),
        ],
        rows=[
            (
                guest.name,
                {
                    "name": guest.name,
                    "version": guest.version,
                    "source": guest.source,
                    "gifts": ", ".join(
                        f"{type(gift).__name__}: {in_language(gift.title)}"
                        for gift in guest.contributions
                    ),
                    "state": (f"⚠ {guest.error}", "bad") if guest.error else (_("Entered"), "good"),
                },
            )
            for guest in registry.guests
        ],
    )
    folder = context.settings.plugins_dir
    st.html(
        parts.paragraph(
            _("Lone files in {folder} enter at the next start.", folder=folder)
            if folder
            else _("Set plugins_dir to let lone files in."),
            "muted",
        )
    )
    if registry.failures:
        parts.section(_("Failures"))
        parts.listing(
            context,
            "failures",
            label=_("Failures"),
            columns=[
                ("at", _("Time"), "18%"),
                ("what", _("Plugin"), "22%"),
                ("error", _("Problem")),
            ],
            rows=[
                (
                    str(at),
                    {"at": moment(failure.at), "what": failure.guest, "error": failure.error},
                )
                for at, failure in enumerate(registry.failures)
            ],
        )
