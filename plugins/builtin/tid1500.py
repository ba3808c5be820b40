"""Exporter: the opinion's numbers and drawings as Comprehensive 3D SR (TID 1500)."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from dicom_node.objects import measurement_report
from plugins.contributions import Contribution, Exporter
from plugins.documents import identity, signed_opinion
from plugins.nouns import Export, Text

__all__ = ["contribute"]


def encode(export: Export) -> Sequence[Dataset]:
    return [measurement_report(signed_opinion(export), identity(export, series_number=9001))]


def contribute() -> Iterator[Contribution]:
    yield Exporter(
        "tid1500",
        Text("Báo cáo số đo (SR TID 1500)", "Measurement report (SR TID 1500)"),
        encode=encode,
    )
