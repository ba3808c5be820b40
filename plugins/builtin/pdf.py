"""Exporter: the opinion as a page to read, print and file (PDF/A in DICOM)."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from dicom_node.objects import encapsulated_pdf, opinion_pdf
from plugins.contributions import Contribution, Exporter
from plugins.documents import identity, signed_opinion
from plugins.nouns import Export, Text

__all__ = ["contribute"]


def encode(export: Export) -> Sequence[Dataset]:
    opinion = signed_opinion(export)
    return [encapsulated_pdf(opinion, identity(export, series_number=9003), opinion_pdf(opinion))]


def contribute() -> Iterator[Contribution]:
    yield Exporter(
        "pdf",
        Text("Phiếu trả lời (PDF)", "Consult answer (PDF)"),
        encode=encode,
    )
