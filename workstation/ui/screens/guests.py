"""Plugins: what has entered, what each gave, and what failed."""

from collections.abc import Mapping

import streamlit as st

from plugins.contributions import (
    Analysis,
    Contribution,
    DisplaySetHandler,
    Exporter,
    PreprocessStep,
    ReportTemplate,
    ViewerPanel,
    WorklistColumn,
)
from workstation.context import Context
from workstation.i18n import N_, _, in_language, moment
from workstation.roles import Principal
from workstation.ui import parts

__all__ = ["KINDS", "render"]

KINDS: Mapping[type[Contribution], str] = {
    Analysis: N_("analysis"),
    DisplaySetHandler: N_("image handler"),
    Exporter: N_("form of the result"),
    PreprocessStep: N_("step on arrival"),
    ReportTemplate: N_("report template"),
    ViewerPanel: N_("panel"),
    WorklistColumn: N_("worklist column"),
}
BUILT_IN = "built-in"  # as the registry calls guests that come with us


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
                    "source": _("built in") if guest.source == BUILT_IN else guest.source,
                    "gifts": ", ".join(
                        f"{_(KINDS[type(gift)])}: {in_language(gift.title)}"
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
