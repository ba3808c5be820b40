"""Exporter: the opinion's words as Basic Text SR, the report that most PACS can show."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from dicom_node.objects import basic_text
from plugins.contributions import Contribution, Exporter
from plugins.documents import identity, signed_opinion
from plugins.nouns import Export, Text

__all__ = ["contribute"]


def encode(export: Export) -> Sequence[Dataset]:
    return [basic_text(signed_opinion(export), identity(export, series_number=9002))]


def contribute() -> Iterator[Contribution]:
    yield Exporter(
        "basic_text",
        Text("Báo cáo dạng chữ (Basic Text SR)", "Text report (Basic Text SR)"),
        encode=encode,
    )
