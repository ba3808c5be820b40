"""Every text of the workstation in Vietnamese and English.

Texts are written in English in the code, ``_("Sign in")``, and looked up in the gettext
catalogues ``locale/<language>/LC_MESSAGES/hoichan.po`` (tests hold both complete). The language
belongs to the run of a page, so that two users of one process each read their own.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from plugins.nouns import Label, Text
from plugins.reader import use_language as tell_guests

__all__ = [
    "DOMAIN",
    "LANGUAGES",
    "LOCALE",
    "N_",
    "ZONE",
    "_",
    "catalogue",
    "current_language",
    "dicom_date",
    "in_language",
    "moment",
    "number",
    "use_language",
]

LANGUAGES = ("vi", "en")
LOCALE = Path(__file__).with_name("locale")
DOMAIN = "hoichan"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")

_language: ContextVar[str] = ContextVar("language", default="vi")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Messages of one language, msgid → text, from its ``.po`` file."""
    path = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with path.open("rb") as file:
        read = read_po(file, locale=language, domain=DOMAIN)
    return {str(m.id): str(m.string) for m in read if m.id and m.string}


def use_language(language: str) -> None:
    """Speak `language` for the rest of this page run; anything but English means Vietnamese."""
    _language.set("en" if language == "en" else "vi")
    tell_guests(language)


def current_language() -> str:
    return _language.get()


def _(message: str, **values: object) -> str:
    """The text of `message` in the current language, with ``{name}`` places filled."""
    text = catalogue(_language.get()).get(message, message)
    return text.format(**values) if values else text


def N_(message: str) -> str:  # the usual name of gettext's "translate later"
    """Mark `message` for the catalogues; ``_`` looks it up when it is shown."""
    return message


def in_language(label: Label) -> str:
    """A guest's or an error's label in the current language."""
    return label.in_language(_language.get()) if isinstance(label, Text) else label


def moment(at: datetime | None) -> str:
    """``23/11/2026 10:32``, Vietnamese time; "" for None."""
    return "" if at is None else at.astimezone(ZONE).strftime("%d/%m/%Y %H:%M")


def dicom_date(value: str) -> str:
    """A DICOM date (PS3.5 6.2 DA) as dd/mm/yyyy; what is not one stays as it is."""
    try:
        return date.fromisoformat(value).strftime("%d/%m/%Y") if len(value) == 8 else value
    except ValueError:
        return value


def number(value: float, decimals: int = 0) -> str:
    """``1.234,5`` in Vietnamese, ``1,234.5`` in English."""
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return format_decimal(value, format=pattern, locale=_language.get())
