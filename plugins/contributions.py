"""What a guest may add. The type of a contribution says where it belongs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from plugins.nouns import (
    Case,
    DisplaySet,
    Export,
    Label,
    Measurement,
    Section,
    Series,
    Study,
)
from plugins.results import Bench, Result

__all__ = [
    "Analysis",
    "Contribution",
    "DisplaySetHandler",
    "Exporter",
    "PreprocessStep",
    "ReportTemplate",
    "ViewerPanel",
    "WorklistColumn",
]


@dataclass(frozen=True)
class Contribution:
    """Root of the kinds: ``id`` is unique within its kind, ``title`` is for people."""

    id: str
    title: Label


@dataclass(frozen=True)
class PreprocessStep(Contribution):
    """Arithmetic on arrival, outside the web and DICOM processes, with a deadline."""

    wants: Callable[[Study], bool]
    run: Callable[[Study], Iterable[Measurement]]
    deadline_seconds: float = 120.0


@dataclass(frozen=True)
class Analysis(Contribution):
    """Arithmetic whose result a reader corrects and confirms.

    ``subject`` names the Series Instance UIDs it would use of what has come so far, none when
    there is nothing for it yet; the host computes when they are complete, and again when the
    answer changes. ``compute(study, edits, bench)`` makes the result with the reader's
    corrections (JSON: ``series``, ``parameters``, ``handles``, ``strokes``, ``rejected`` and
    whatever the guest's own form keeps). ``starts_on`` is ``"arrival"``, as soon as its series
    are complete, or ``"request"``, when a reader asks. Analyses of one ``memory`` share what
    their bench remembers of a study; without one, each has its own.
    """

    subject: Callable[[Study], Sequence[str]]
    compute: Callable[[Study, Mapping[str, Any], Bench], Result]
    deadline_seconds: float = 300.0
    starts_on: str = "arrival"
    memory: str = ""


@dataclass(frozen=True)
class DisplaySetHandler(Contribution):
    """Splits a series of certain SOP Classes into what a viewport can show.

    Of several handlers that name a class, the one that names the fewest gets it. No class at
    all means: whatever nobody else names.
    """

    sop_class_uids: frozenset[str]
    split: Callable[[Series], Sequence[DisplaySet]]


@dataclass(frozen=True)
class ViewerPanel(Contribution):
    """A Streamlit panel beside the viewer in the reading room."""

    wants: Callable[[Study], bool]
    render: Callable[[Case], None]


@dataclass(frozen=True)
class WorklistColumn(Contribution):
    """One more column of the worklist."""

    value: Callable[[Case], str]


@dataclass(frozen=True)
class ReportTemplate(Contribution):
    """Sections of an opinion, and their first text.

    Of several that want a study, the one of highest ``precedence`` is offered first. ``draft``
    speaks the language of the draft (`plugins.language`); of what programs found it may use
    ``Case.results`` alone, which a reader has confirmed.
    """

    wants: Callable[[Study], bool]
    sections: tuple[Section, ...]
    draft: Callable[[Case], Mapping[str, str]]
    precedence: int = 0


@dataclass(frozen=True)
class Exporter(Contribution):
    """Encodes a signed opinion as SOP Instances of the same study.

    ``fallback_for`` names the exporter whose objects this one replaces at sites that refuse
    them (empty: always sent). ``encode`` returns complete data sets with file meta, and the
    same UIDs however often it is called; none when the opinion has nothing of this kind.
    """

    encode: Callable[[Export], Sequence[Dataset]]
    fallback_for: str = ""
