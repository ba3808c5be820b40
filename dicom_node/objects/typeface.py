"""What the printed page can show: the fonts we ship, and the characters in them.

PDF/A forbids a character without a glyph (ISO 19005-2, 6.2.11.8), so text is checked first.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from dicom_node.objects.text import unlimited_text

__all__ = ["FAMILIES", "FONTS", "MISSING", "printable"]

FONTS: Final = Path(__file__).parent / "fonts"
# the second comes with typst itself, and brings signs that Noto Sans lacks
FAMILIES: Final = ("Noto Sans", "DejaVu Sans Mono")

MISSING: Final = "□"

# characters of the subset in fonts/, as inclusive ranges
_LETTERS = """
20-7E A0-24F 259 2BB-2BC 2C6 2DA 2DC 300-303 306-309 30B-30C 323 327-328 331 370-377 37A-37F
384-38A 38C 38E-3A1 3A3-3E1 3F0-45F 490-491 1E00-1EFF 2010-2015 2018-201E 2020-2022 2026 2030
2032-2033 2039-203A 2044 2070-2071 2074-208E 2090-209C 20AB-20AC 2103 2113 2116 2120 2122 2126
2150-215F
"""
_SIGNS = "←↑→↓↔∆∑−∞≈≠≤≥√∕□■○●✓"


@cache
def coverage() -> frozenset[str]:
    """Every character that can be printed in regular, bold and italic."""
    letters: set[str] = set(_SIGNS)
    for entry in _LETTERS.split():
        first, _, last = entry.partition("-")
        letters.update(map(chr, range(int(first, 16), int(last or first, 16) + 1)))
    # soft hyphens are a line-breaking hint, not a sign
    return frozenset(letters - {"\u00ad"})


def printable(text: str) -> str:
    """The text with every character that no font shows replaced by a box."""
    shown = []
    for character in unlimited_text(text).replace("\r\n", "\n"):
        if character == "\n" or character in coverage():
            shown.append(character)
        elif unicodedata.category(character) not in ("Cf", "Mn"):
            shown.append(MISSING)
    return "".join(shown)
