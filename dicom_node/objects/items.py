"""What every object we write says the same way: its codes, and who made it."""

from typing import Final, Protocol

from pydicom.dataset import Dataset

from dicom_node.objects import text

__all__ = ["MANUFACTURER", "MODEL", "Coded", "code_item"]

MANUFACTURER: Final = "Hội chẩn"
MODEL: Final = "hoichan"


class Coded(Protocol):
    """A code of whatever dictionary."""

    @property
    def value(self) -> str: ...
    @property
    def scheme_designator(self) -> str: ...
    @property
    def meaning(self) -> str: ...


def code_item(code: Coded) -> Dataset:
    """One item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = text.short_string(code.value)
    item.CodingSchemeDesignator = text.short_string(code.scheme_designator)
    item.CodeMeaning = text.code_meaning(code.meaning)
    return item
