"""Which viewer shows what."""

from collections.abc import Iterable

__all__ = ["entries_of"]

SLIDES = "SM"
# Objects about images: nothing to look at by themselves.
ABOUT_IMAGES = frozenset({"ANN", "AU", "DOC", "KO", "PR", "REG", "SEG", "SR"})


def entries_of(modalities: Iterable[str]) -> list[str]:
    """The entries that have something to show of these modalities, the one to begin with first."""
    there = set(modalities)
    if SLIDES not in there:
        return ["radiology"]
    return ["slide", "radiology"] if there - ABOUT_IMAGES - {SLIDES} else ["slide"]
