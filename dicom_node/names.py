"""Person names: folding for search, so that ``nguyen`` finds *Nguyễn* and ``d`` finds *đ*.

A Person Name has up to three component groups, parted by ``=`` (alphabetic, ideographic,
phonetic), each with up to five components, parted by ``^`` (PS3.5 6.2.1).
"""

import unicodedata

__all__ = ["fold", "fold_person_name"]

# Letters with a stroke have no canonical decomposition, so stripping marks does not reach them.
_STROKES = str.maketrans({"đ": "d", "ð": "d", "ł": "l", "ø": "o", "ħ": "h", "ı": "i"})


def fold(text: str) -> str:
    """Strip case and diacritics: ``Nguyễn Đức`` becomes ``nguyen duc``.

    The input may be in any Unicode normal form; the result is in NFC and holds single spaces.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    parts = unicodedata.normalize("NFD", text.casefold())
    bare = "".join(character for character in parts if not unicodedata.combining(character))
    return " ".join(unicodedata.normalize("NFC", bare).translate(_STROKES).split())


def fold_person_name(name: str) -> str:
    """Fold a Person Name to the form the index searches: ``= nguyen van a =``.

    Every component group stands between equals signs and every word follows a space, so the start
    of a word is found by ``% word%`` and a whole group by ``%= group =%``.
    """
    groups = (fold(group.replace("^", " ")) for group in name.split("="))
    return "=" + "".join(f" {group} =" for group in groups if group)
