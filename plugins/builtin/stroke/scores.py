"""Totals of what a reader scored: ASPECTS on each side, posterior-circulation ASPECTS overall."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydicom.sr.coding import Code

from plugins.builtin.stroke import codes
from plugins.builtin.stroke.words import SIDES
from plugins.nouns import Text
from plugins.results import Value

__all__ = ["score_values", "total"]

READS = {
    "independent": Text("đọc độc lập", "independent read"),
    "aided": Text("đọc khi có gợi ý", "aided read"),
    "final": Text("Điểm của người đọc", "Reader's score"),
}
# two points each; every other region one
HEAVY = frozenset({"midbrain", "pons"})
WHOLE = 10


def score_values(reads: Mapping[str, Any]) -> Iterator[Value]:
    """Each read's totals; only the final ones have a code, and so reach a report."""
    for read, title in READS.items():
        scored = (reads.get(read) or {}).get("regions") or {}
        is_final = read == "final"
        for side, states in sorted((scored.get("aspects") or {}).items()):
            if side in SIDES:
                words = Text(f"ASPECTS {SIDES[side].vi}", f"ASPECTS {SIDES[side].en}")
                yield _value("aspects", read, side, words, title, states, is_final, codes.ASPECTS)
        posterior = {
            f"{side} {name}": state
            for side, states in (scored.get("pc_aspects") or {}).items()
            for name, state in states.items()
        }
        if posterior:
            words = Text("pc-ASPECTS", "pc-ASPECTS")
            yield _value(
                "pc_aspects", read, "", words, title, posterior, is_final, codes.PC_ASPECTS
            )


def total(states: Mapping[str, str]) -> tuple[int, int]:
    """Return the least and greatest score: they differ by what could not be assessed."""

    def points(wanted: str) -> int:
        return sum(
            2 if name.split()[-1] in HEAVY else 1
            for name, state in states.items()
            if state == wanted
        )

    highest = max(WHOLE - points("early"), 0)
    return max(highest - points("not_assessable"), 0), highest


def _value(
    scale: str,
    read: str,
    side: str,
    label: Text,
    title: Text,
    states: Mapping[str, str],
    is_final: bool,
    code: Code,
) -> Value:
    low, high = total(states)
    early = sorted(name for name, state in states.items() if state == "early")
    names = ", ".join(early)
    return Value(
        "_".join(part for part in (scale, side, read) if part),
        label,
        float(high),
        codes.SCORE,
        code if is_final else None,
        low=float(low),
        high=float(high),
        note=Text(f"thay đổi sớm: {names}", f"early change: {names}") if early else None,
        group=f"{scale}_{side}" if is_final else f"read_{read}",
        group_label=title,
        finding_site=codes.BRAIN if is_final else None,
        laterality=codes.SIDES.get(side),
        digits=0,
        is_main=is_final,
    )
