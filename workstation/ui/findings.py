"""What analyses computed for a case, in the reading room: the panel, and word of what waits."""

from collections.abc import Callable

import streamlit as st

from plugins.results import ResultState
from viewers import _component
from workstation.consult.result_rows import ResultRecord
from workstation.consult.results import Results
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.i18n import _, current_language
from workstation.roles import Principal

__all__ = ["badge", "has_any", "panel"]

WAITING = (ResultState.COMPUTED, ResultState.EDITED)


def has_any(found: Results) -> bool:
    """Whether anything was computed, or could be if the reader asked."""
    return bool(found.items or found.startable)


def badge(found: Results, see: Callable[[], None]) -> None:
    """A button with the number of results that wait for the caller to confirm them, or nothing."""
    mine = [one.record for one in found.items if "confirm" in one.permissions]
    waiting = sum(record.state in WAITING and not _is_declined(record) for record in mine)
    if waiting:
        words = _("Results to check: {n}").format(n=waiting)
        st.button(f"◇ {words}", key="see_results", on_click=see)


def _is_declined(record: ResultRecord) -> bool:
    """Whether its reader will not score: there is nothing to confirm."""
    reads = record.edits.get("reads") or {}
    return "declined" in reads and "final" not in reads


def panel(context: Context, principal: Principal, record: CaseRecord, *, height: str) -> None:
    """The component: it asks for results by itself, and makes the page run when one has come."""
    _component.mount(
        "results",
        {
            "base": context.settings.base_path,
            "language": current_language(),
            "height": height,
            "case_id": record.id,
            "username": principal.username,
            "name": principal.name,
        },
        key=f"results_{record.id}",
        on_news_change=lambda: None,
    )
