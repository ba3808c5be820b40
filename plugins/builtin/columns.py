"""Worklist column: what was imaged, in how many images."""

from collections.abc import Iterator

from plugins.contributions import Contribution, WorklistColumn
from plugins.nouns import Case, Text

__all__ = ["contribute"]


def images(case: Case) -> str:
    """``CT · 28``: modalities and images; empty as long as nothing arrived."""
    if not case.instance_count:
        return ""
    modalities = "/".join(sorted(case.modalities))
    return f"{modalities} · {case.instance_count}" if modalities else str(case.instance_count)


def contribute() -> Iterator[Contribution]:
    yield WorklistColumn("images", Text("Ảnh", "Images"), value=images)
