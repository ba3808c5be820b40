"""Strings in both languages."""

from dataclasses import dataclass

__all__ = ["Label", "Text"]


@dataclass(frozen=True, slots=True)
class Text:
    """One string in both languages."""

    vi: str
    en: str

    def in_language(self, language: str) -> str:
        return self.vi if language == "vi" else self.en


Label = Text | str
