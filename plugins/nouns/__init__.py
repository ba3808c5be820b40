"""The nouns that host and guests share: frozen values, no behaviour beyond look-ups.

Times are timezone-aware; lengths are millimetres unless a name says otherwise.
"""

from plugins.nouns.consults import Answer, Case, Priority, Question, State
from plugins.nouns.marks import Annotation, AnnotationKind, KeyImage, Measurement, PointSet, Region
from plugins.nouns.opinions import Export, Opinion, OpinionKind, Section, UidSource
from plugins.nouns.people import Person
from plugins.nouns.studies import (
    DisplaySet,
    DisplaySetKind,
    Instance,
    Series,
    SlidePixels,
    Study,
    Volume,
)
from plugins.nouns.words import Label, Text

__all__ = [
    "Annotation",
    "AnnotationKind",
    "Answer",
    "Case",
    "DisplaySet",
    "DisplaySetKind",
    "Export",
    "Instance",
    "KeyImage",
    "Label",
    "Measurement",
    "Opinion",
    "OpinionKind",
    "Person",
    "PointSet",
    "Priority",
    "Question",
    "Region",
    "Section",
    "Series",
    "SlidePixels",
    "State",
    "Study",
    "Text",
    "UidSource",
    "Volume",
]
