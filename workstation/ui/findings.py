"""What analyses computed for a case, in the reading room: the panel, and word of what waits."""

import streamlit as st

from plugins.nouns import Priority
from plugins.results import ResultState
from viewers import _component
from workstation.consult.results import Results
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.i18n import _, current_language
from workstation.roles import Principal

__all__ = ["has_any", "is_first", "news", "panel"]

EMERGENCIES = (Priority.P0, Priority.P1)
WAITING = (ResultState.COMPUTED, ResultState.EDITED)


def has_any(found: Results) -> bool:
    """Whether anything was computed, or could be if the reader asked."""
    return bool(found.items or found.startable)


def is_first(record: CaseRecord, found: Results) -> bool:
    """Whether the room opens with the results: an emergency of which something is computed.

    Decided once a visit: a tab must not change under the hand of somebody who is writing.
    """
    ready = any(one.record.content is not None for one in found.items)
    first: bool = st.session_state.setdefault(
        f"results_first_{record.id}", ready and record.priority in EMERGENCIES
    )
    return first


def news(found: Results) -> str:
    """A badge with the number of results nobody has confirmed; empty when there is none."""
    waiting = sum(one.record.state in WAITING for one in found.items)
    if not waiting:
        return ""
    words = _("Results to check: {n}").format(n=waiting)
    return f'<span class="hc-badge" data-tone="warn">◇ {words}</span>'


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
