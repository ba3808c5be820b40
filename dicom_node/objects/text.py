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
    """Cut `text` to `length` characters, with an ellipsis where something was cut off."""
    if len(text) <= length:
        return text
    return text[: length - 1].rstrip() + "…"


def long_string(text: str) -> str:
    """LO: one line of at most 64 characters."""
    return clip(_single_line(text), 64)


def short_string(text: str) -> str:
    """SH: one line of at most 16 characters."""
    return clip(_single_line(text), 16)


def code_meaning(text: str) -> str:
    """A Code Meaning; Type 1, so never empty."""
    return long_string(text) or "-"


def unlimited_text(text: str) -> str:
    """UT: line breaks and tabs kept, other control characters dropped."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in text if c in "\n\t" or _readable(c))
    return "\r\n".join(line.rstrip() for line in kept.split("\n")).strip()


def long_text(text: str, length: int = 10240) -> str:
    """LT (10240 characters) or ST (1024)."""
    return clip(unlimited_text(text), length)


def person_name(text: str) -> str:
    """PN: at most three component groups of five components, 64 characters each (PS3.5 6.2.1)."""
    groups = []
    for group in _single_line(text).split("=")[:3]:
        components = [" ".join(part.split()) for part in group.split("^")[:5]]
        groups.append("^".join(components)[:_GROUP_LENGTH].rstrip("^ "))
    return "=".join(groups).rstrip("=")


def person_name_of(name: str) -> str:
    """PN of a name as a person writes it, family name first as in Vietnam.

    ``"TS. Nguyễn Văn An"`` becomes ``"Nguyễn^Văn An^^TS."``.
    """
    if "^" in name or "=" in name:
        return person_name(name)
    words = _single_line(name).split()
    titles = []
    while len(words) > 1 and words[0].lower().rstrip(".,").replace(".", "") in _TITLES:
        titles.append(words.pop(0).rstrip(","))
    family, given = (words[0] if words else ""), " ".join(words[1:])
    return person_name(f"{family}^{given}^^{' '.join(titles)}")


def valid_date(text: str) -> str:
    """DA: ``YYYYMMDD``, from that or from the retired ``YYYY.MM.DD``; else empty."""
    digits = text.strip().replace(".", "").replace("-", "")
    if not re.fullmatch(r"\d{8}", digits):
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
