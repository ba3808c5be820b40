"""Text as a value representation may hold it (PS3.5 6.2): clean, cut, never refused.

A report must go home even when a name is absurd, so nothing here raises on odd input.
"""

import re
import unicodedata
from datetime import date

__all__ = [
    "clip",
    "code_meaning",
    "long_string",
    "long_text",
    "one_line",
    "person_name",
    "person_name_of",
    "short_string",
    "unlimited_text",
    "valid_date",
    "valid_time",
]

# Titles written before a name; a Person Name keeps them as its prefix (PS3.5 6.2.1)
_TITLES = frozenset(
    re.findall(
        r"\w+",
        "gs gsts gstskh pgs pgsts ts tsbs ths thsbs bs bscki bsckii bsnt bscc cki ckii"
        " prof assoc dr md phd mr mrs ms",
    )
)

_GROUP_LENGTH = 64  # characters of one component group of a PN


def _readable(character: str) -> bool:
    # format characters (joiners, direction marks) carry meaning in some scripts; the rest of
    # category C are controls, surrogates and unassigned code points
    category = unicodedata.category(character)
    return category[0] != "C" or category == "Cf"


def _single_line(text: str) -> str:
    text = "".join(c if _readable(c) else " " for c in unicodedata.normalize("NFC", text))
    # the backslash parts values in every VR but the text ones
    return " ".join(text.replace("\\", "/").split())


def clip(text: str, length: int) -> str:
    """Cut `text` to `length` bytes of UTF-8, with an ellipsis where something was cut off.

    The standard counts characters; receivers that count bytes are many, and a value that
    pleases them pleases both.
    """
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= length:
        return text
    return encoded[: length - 3].decode("utf-8", "ignore").rstrip() + "…"


def long_string(text: str) -> str:
    """LO: one line of at most 64 bytes."""
    return clip(_single_line(text), 64)


def short_string(text: str) -> str:
    """SH: one line of at most 16 bytes."""
    return clip(_single_line(text), 16)


def one_line(text: str, length: int = 300) -> str:
    """A heading or a name on paper: one line of at most `length` bytes."""
    return clip(" ".join(unlimited_text(text).split()), length)


def code_meaning(text: str) -> str:
    """A Code Meaning; Type 1, so never empty."""
    return long_string(text) or "-"


def unlimited_text(text: str) -> str:
    """UT: line breaks kept, tabs as spaces, other control characters dropped."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in text.expandtabs(4) if c == "\n" or _readable(c))
    return "\r\n".join(line.rstrip() for line in kept.split("\n")).strip()


def long_text(text: str, length: int) -> str:
    """LT (10240) or ST (1024), lengths in bytes."""
    return clip(unlimited_text(text), length)


def person_name(text: str) -> str:
    """PN: at most three component groups of five components, 64 characters each (PS3.5 6.2.1).

    A legal name stays as it is, so that the receiver knows its patient again; one too long is
    cut to 64 bytes.
    """
    groups = []
    for group in _single_line(text).split("=")[:3]:
        components = "^".join(" ".join(part.split()) for part in group.split("^")[:5]).rstrip("^")
        legal = len(components) <= _GROUP_LENGTH
        groups.append(components if legal else clip(components, _GROUP_LENGTH).rstrip("^"))
    return "=".join(groups).rstrip("=")


def person_name_of(name: str) -> str:
    """PN of a name as a person writes it, family name first as in Vietnam.

    ``"TS. Nguyễn Văn An"`` becomes ``"Nguyễn^Văn An^^TS."``.
    """
    name = name.replace("^", " ").replace("=", " ")
    words = _single_line(name).split()
    titles = []
    while len(words) > 1 and words[0].lower().rstrip(".,").replace(".", "") in _TITLES:
        titles.append(words.pop(0).rstrip(","))
    family, given = (words[0] if words else ""), " ".join(words[1:])
    return clip(person_name(f"{family}^{given}^^{' '.join(titles)}"), _GROUP_LENGTH)


def valid_date(text: str) -> str:
    """DA: ``YYYYMMDD``, from that or from the retired ``YYYY.MM.DD``; else empty.

    So is a year before 1800: anonymisers write 1 January of the year 1.
    """
    digits = text.strip().replace(".", "").replace("-", "")
    if not re.fullmatch(r"(?:1[89]|[2-9]\d)\d{6}", digits):
        return ""
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return ""
    return digits


def valid_time(text: str) -> str:
    """TM: ``HHMMSS.FFFFFF`` or its beginning, from that or ``HH:MM:SS``; else empty."""
    found = re.fullmatch(
        r"([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d|60)(\.\d{1,6})?)?)?",
        text.strip().replace(":", ""),
    )
    return found.group(0) if found else ""
