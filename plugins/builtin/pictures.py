"""Exporter: the printed opinion as images, for a PACS that refuses PDF."""

from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from dicom_node.objects import opinion_pictures, secondary_captures
from plugins.contributions import Contribution, Exporter
from plugins.documents import identity, signed_opinion
from plugins.nouns import Export, Text

__all__ = ["contribute"]


def encode(export: Export) -> Sequence[Dataset]:
    opinion = signed_opinion(export)
    pages = opinion_pictures(opinion)
    uids = [export.uid(f"page {number}") for number in range(1, len(pages) + 1)]
    return secondary_captures(opinion, identity(export, series_number=9006), pages, uids)


def contribute() -> Iterator[Contribution]:
    yield Exporter(
        "pictures",
        Text("Phiếu trả lời dạng ảnh (SC)", "Consult answer as images (SC)"),
        encode=encode,
        fallback_for="pdf",
    )
