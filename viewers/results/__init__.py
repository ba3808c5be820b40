"""The panel of results beside the images: check, correct, confirm."""

from collections.abc import Callable, Mapping
from typing import Any

from viewers._component import mount

__all__ = ["results"]


def results(
    data: Mapping[str, Any],
    *,
    key: str,
    on_news_change: Callable[[], None],
    height: str | int = "content",
) -> Any:
    """Show the results of a case on the current Streamlit page.

    Parameters
    ----------
    data : mapping
        ``base``, ``language``, ``case_id``, ``username`` and ``name`` of the reader.
        ``height`` is the CSS height the panel does not grow beyond.
    key : str
        The same key on every rerun keeps the same mount.
    on_news_change : callable
        Called when a result has come since the page was opened.
    """
    return mount("results", data, key=key, height=height, on_news_change=on_news_change)
