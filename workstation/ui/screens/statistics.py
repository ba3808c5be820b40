"""Counts for the hospital or the whole network; small cells are left out where they must be."""

from collections.abc import Mapping
from html import escape

import streamlit as st

from workstation.consult.statistics import SMALLEST_CELL, statistics
from workstation.context import Context
from workstation.i18n import _, number
from workstation.roles import Principal
from workstation.ui import labels, parts

__all__ = ["render"]


def render(context: Context, principal: Principal) -> None:
    parts.heading(_("Statistics"))
    counts = statistics(context, principal)
    figures = [
        (_("Consults"), counts.consults),
        (_("Signed"), counts.signed),
        (_("Closed"), counts.closed),
        (_("Transfer recommended"), counts.transfer_recommended),
        (_("Transferred"), counts.transferred),
    ]
    for column, (title, value) in zip(st.columns(len(figures)), figures, strict=True):
        column.html(
            f'<div class="hc-figure"><div class="hc-count">{escape(said(value))}</div>'
            f'<div class="hc-muted">{escape(title)}</div></div>'
        )
    left, right = st.columns(2, gap="medium")
    with left:
        table(context, "by_state", _("State"), translated(counts.by_state, labels.STATES))
        table(
            context, "by_priority", _("Priority"), translated(counts.by_priority, labels.PRIORITIES)
        )
    with right:
        table(context, "by_month", _("Month"), months(counts.by_month))
        table(context, "by_site", _("Requesting hospital"), counts.by_requesting_site)
    if counts.suppressed_below:
        about = _("“<{least}”: left out so that nobody can be recognised.", least=SMALLEST_CELL)
        st.html(parts.paragraph(about, "muted"))


def said(value: int | None) -> str:
    return f"<{SMALLEST_CELL}" if value is None else number(value)


def translated(cells: Mapping[str, int | None], names: Mapping[str, str]) -> dict[str, int | None]:
    return {_(names.get(code, code)): value for code, value in cells.items()}


def months(cells: Mapping[str, int | None]) -> dict[str, int | None]:
    """2026-11 as 11/2026, newest first."""
    return {
        "/".join(reversed(month.split("-"))): cells[month] for month in sorted(cells, reverse=True)
    }


def table(context: Context, key: str, title: str, cells: Mapping[str, int | None]) -> None:
    parts.listing(
        context,
        key,
        label=title,
        columns=[("what", title), ("count", _("Consults"), "120px")],
        rows=[(name, {"what": name, "count": said(value)}) for name, value in cells.items()],
    )
