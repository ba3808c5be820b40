"""Small pieces that pages are made of; whatever came from outside is escaped here."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import streamlit as st

from viewers import _component
from workstation.context import Context
from workstation.errors import WorkstationError
from workstation.i18n import _, current_language, in_language

__all__ = [
    "badge",
    "explaining",
    "facts",
    "go",
    "heading",
    "link",
    "listing",
    "paragraph",
    "person_name",
    "say_after",
    "section",
    "section_html",
    "tell_kept",
]


def go(address: str, **query: str) -> None:
    """Change to another page; the rest of this run does not happen."""
    st.switch_page(st.session_state["places"][address], query_params=query)


def heading(title: str, *pieces: str) -> None:
    """The one line on top of a page: what it is, and what matters now."""
    st.html(f'<div class="hc-heading"><h1>{escape(title)}</h1>{"".join(pieces)}</div>')


def section(title: str) -> None:
    """The title of a part of a page."""
    st.html(section_html(title))


def section_html(title: str) -> str:
    return f'<h2 class="hc-section">{escape(title)}</h2>'


def badge(text: str, tone: str = "quiet") -> str:
    return f'<span class="hc-badge" data-tone="{escape(tone)}">{escape(text)}</span>'


def link(address: str, title: str, *, new_tab: bool = False) -> str:
    """A link that looks like a button; for addresses outside the pages."""
    target = ' target="_blank" rel="noopener"' if new_tab else ""
    return f'<a class="hc-button" href="{escape(address)}"{target}>{escape(title)}</a>'


def facts(pairs: Iterable[tuple[str, str]], columns: int = 1) -> str:
    """Labelled values; those without a value are left out."""
    items = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for label, value in pairs
        if value.strip()
    )
    return f'<dl class="hc-facts" style="--columns:{columns}">{items}</dl>'


def paragraph(text: str, tone: str = "") -> str:
    return f'<p class="hc-text" data-tone="{escape(tone)}">{escape(text)}</p>'


def person_name(name: str) -> str:
    """A DICOM person name (PS3.5 6.2.1 PN) as it is read aloud."""
    return " ".join(name.split("=")[0].replace("^", " ").split())


@contextmanager
def explaining() -> Iterator[None]:
    """Show what the domain refuses, in the reader's language, and go on with the page."""
    try:
        yield
    except WorkstationError as error:
        st.error(in_language(error.text))


def say_after(text: str, *, failed: bool = False) -> None:
    """Run the page again and say there what was done, or what did not work."""
    st.session_state["kept_word"] = (text, failed)
    st.rerun()


def tell_kept() -> None:
    """Say what the run before wanted said."""
    text, failed = st.session_state.pop("kept_word", ("", False))
    if text:
        (st.error if failed else st.success)(text)


def listing(
    context: Context,
    key: str,
    *,
    label: str,
    columns: Sequence[tuple[str, ...]],
    rows: Sequence[tuple[str, Mapping[str, Any]]],
    choice: str = "none",
    selected: Sequence[str] = (),
    search: str = "",
    empty: str = "",
    height: str = "",
    on_choose: Callable[[], None] = lambda: None,
) -> Any:
    """A list to look through or choose from.

    Parameters
    ----------
    columns : sequence of (key, title[, CSS width])
    rows : sequence of (id, {key: text or (text, tone)})
    choice : {"none", "one", "several"}
        What comes back has ``choose`` (the id just clicked) or ``chosen`` (ids ticked).
    """
    key = key.replace("__", "-")  # Streamlit keeps two underscores for itself
    data = {
        "base": context.settings.base_path,
        "language": current_language(),
        "label": label,
        "columns": [
            {"key": column[0], "title": column[1], **({"width": column[2]} if column[2:] else {})}
            for column in columns
        ],
        "rows": [
            {"id": row_id, "cells": {k: _cell(v) for k, v in cells.items()}}
            for row_id, cells in rows
        ],
        "choice": choice,
        "selected": list(selected),
        "search": search,
        "empty": empty or _("Nothing here yet."),
    }
    if height:
        data["height"] = height
    if choice == "several":
        return _component.mount(
            "table", data, key=key, default={"chosen": list(selected)}, on_chosen_change=on_choose
        )
    return _component.mount("table", data, key=key, on_choose_change=on_choose)


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        text, tone = value
        return {"text": text, "tone": tone}
    return str(value)
