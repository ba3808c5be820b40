"""The slide viewer: whole slides at every magnification, one or two at a time."""

from collections.abc import Mapping
from typing import Any

from viewers._component import mount, page

__all__ = ["slide", "slide_page"]


def slide(data: Mapping[str, Any], *, key: str, height: str | int = "content") -> Any:
    """Show the viewer on the current Streamlit page.

    Parameters
    ----------
    data : mapping
        ``base`` (URL prefix), ``language`` and ``case_id``; ``study_instance_uids``,
        ``permissions`` and ``user`` (username, name, site) save a request each; ``height`` is a
        CSS length.
    key : str
        The same key on every rerun keeps the same mount: nothing is fetched again.
    """
    return mount("slide", data, key=key, height=height)


def slide_page(data: Mapping[str, Any], title: str) -> str:
    """Return the HTML of the viewer on a page of its own; `data` as for `slide`."""
    return page("slide", data, title)
