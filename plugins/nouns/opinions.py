"""Opinions, their sections, and what an exporter makes of one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pydicom.dataset import Dataset

from plugins.nouns.consults import Answer, Case
from plugins.nouns.marks import Annotation, KeyImage, PointSet
from plugins.nouns.people import Person
from plugins.nouns.words import Text

if TYPE_CHECKING:
    # Loads every code there is; who only moves images has no use for them.
    from pydicom.sr.coding import Code

    from plugins.results import ConfirmedResult

__all__ = ["Export", "Opinion", "OpinionKind", "Section", "UidSource"]


@dataclass(frozen=True, slots=True)
class Section:
    """One free-text section of a report. ``code`` is its concept name in the SR."""

    key: str
    title: Text
    code: "Code | None" = None
    required: bool = False
    placeholder: Text | None = None


class OpinionKind(StrEnum):
    PRELIMINARY = "preliminary"
    FINAL = "final"
    ADDENDUM = "addendum"
    AMENDED = "amended"


@dataclass(frozen=True)
class Opinion:
    """A signed, frozen opinion. ``content_hash`` is SHA-256 over its canonical JSON.

    ``reason`` says what an addendum adds, or what an amended opinion corrects.
    """

    id: str
    case_id: str
    version: int
    kind: OpinionKind
    template_id: str
    language: str
    sections: Mapping[str, str]
    section_titles: Mapping[str, Text]
    section_codes: Mapping[str, "Code"]
    answers: tuple[Answer, ...]
    key_images: tuple[KeyImage, ...]
    annotations: tuple[Annotation, ...]
    concordance: str
    transfer: str
    author: Person
    signed_at: datetime
    content_hash: str
    predecessor: str = ""
    reason: str = ""
    results: "tuple[ConfirmedResult, ...]" = ()
    point_sets: tuple[PointSet, ...] = ()


class UidSource(Protocol):
    def __call__(self, name: str) -> str:
        """The same UID for the same `name`, however often the export is repeated."""
        ...


@dataclass(frozen=True)
class Export:
    """All an exporter needs to encode one opinion, the same bytes each time.

    ``headers`` maps each study UID to the header of one of its instances (patient and study
    modules are copied from it); ``evidence`` lists (study, series, SOP Class, SOP Instance UID)
    of what the opinion refers to; ``previous`` holds SOP references of the predecessor
    opinion's documents made by the same exporter; ``images`` maps the SOP Instance UIDs of
    ``evidence`` and of the results' source slices to their headers, where the host has them;
    ``render`` gives a key image as PNG or JPEG in its window.
    """

    case: Case
    opinion: Opinion
    study_instance_uid: str
    headers: Mapping[str, Dataset]
    evidence: Sequence[tuple[str, str, str, str]]
    institution: str
    uid: UidSource
    previous: Sequence[tuple[str, str, str, str]] = ()
    images: Mapping[str, Dataset] = field(default_factory=dict, repr=False, compare=False)
    render: Callable[[KeyImage], bytes] | None = field(default=None, repr=False, compare=False)
