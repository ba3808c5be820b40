"""Exporter: the key images of the opinion's study as a Key Object Selection."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from dicom_node.objects import key_images
from plugins.contributions import Contribution, Exporter
from plugins.documents import identity, signed_opinion
from plugins.nouns import Export, Text

__all__ = ["contribute"]


def encode(export: Export) -> Sequence[Dataset]:
    made = key_images(signed_opinion(export), identity(export, series_number=9004))
    return [] if made is None else [made]


def contribute() -> Iterator[Contribution]:
    yield Exporter(
        "key_images",
        Text("Ảnh then chốt (KOS)", "Key images (KOS)"),
        encode=encode,
    )
