"""A stored header as a data set, converted element by element when asked for.

The archive keeps headers in the DICOM JSON model. Turning all of a large series into data sets
takes seconds, and a reader of geometry wants a dozen elements of each.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

__all__ = ["header_dataset"]


class _Elements(MutableMapping[BaseTag, DataElement | RawDataElement]):
    """Elements by tag; each is made from its JSON when first looked at."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self._waiting = {Tag(key): value for key, value in header.items()}
        self._made: dict[BaseTag, DataElement | RawDataElement] = {}

    def __getitem__(self, tag: BaseTag) -> DataElement | RawDataElement:
        made = self._made.get(tag)
        if made is None:
            made = self._made[tag] = _element(tag, self._waiting[tag])
            del self._waiting[tag]
        return made

    def __setitem__(self, tag: BaseTag, element: DataElement | RawDataElement) -> None:
        self._waiting.pop(tag, None)
        self._made[tag] = element

    def __delitem__(self, tag: BaseTag) -> None:
        if tag in self._waiting:
            del self._waiting[tag]
        else:
            del self._made[tag]

    def __contains__(self, tag: object) -> bool:
        return tag in self._made or tag in self._waiting

    def __iter__(self) -> Iterator[BaseTag]:
        return iter([*self._made, *self._waiting])

    def __len__(self) -> int:
        return len(self._made) + len(self._waiting)


def header_dataset(header: Mapping[str, Any]) -> Dataset:
    """The data set of a header in the DICOM JSON model (PS3.18 Annex F); bulk data are empty."""
    return Dataset(_Elements(header))


def _element(tag: BaseTag, said: Mapping[str, Any]) -> DataElement:
    name = f"{tag:08X}"
    for key in ("Value", "InlineBinary", "BulkDataURI"):
        if key in said:
            # a handler is asked for only where there is bulk data: it costs more than the rest
            handler = (lambda *_: b"") if key == "BulkDataURI" else None
            return DataElement.from_json(Dataset, name, said["vr"], said[key], key, handler)
    return DataElement.from_json(Dataset, name, said["vr"], "", None)
