"""The language of whoever looks: set by the host for each page run, read by guests that draw."""

from contextvars import ContextVar

from plugins.nouns import Label, Text

__all__ = ["language", "spoken", "use_language"]

_language: ContextVar[str] = ContextVar("language", default="vi")


def use_language(code: str) -> None:
    """Host only: speak `code` for the rest of this page run; all but English is Vietnamese."""
    _language.set("en" if code == "en" else "vi")


def language() -> str:
    """``vi`` or ``en``."""
    return _language.get()


def spoken(label: Label) -> str:
    """The label in the reader's language."""
    return label.in_language(language()) if isinstance(label, Text) else label
