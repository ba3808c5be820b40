"""Exporter: numbers and drawings as Comprehensive SR, for a PACS that refuses 3D SR."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from dicom_node.objects import measurement_report
from plugins.contributions import Contribution, Exporter
from plugins.documents import identity, signed_opinion
from plugins.nouns import Export, Text

__all__ = ["contribute"]


def encode(export: Export) -> Sequence[Dataset]:
    own = identity(export, series_number=9005)
    return [measurement_report(signed_opinion(export), own, in_space=False)]


def contribute() -> Iterator[Contribution]:
    yield Exporter(
        "comprehensive",
        Text("Báo cáo số đo (Comprehensive SR)", "Measurement report (Comprehensive SR)"),
        encode=encode,
        fallback_for="tid1500",
    )
