"""The treaty between host and guests: nouns, contributions, registry.

A guest is one module with ``contribute()``; it imports from here and from ``kernels``.
"""

from plugins.contributions import (
    Contribution,
    DisplaySetHandler,
    Exporter,
    PreprocessStep,
    ReportTemplate,
    ViewerPanel,
    WorklistColumn,
)
from plugins.display import display_sets
from plugins.nouns import (
    Annotation,
    AnnotationKind,
    Answer,
    Case,
    DisplaySet,
    DisplaySetKind,
    Export,
    Instance,
    KeyImage,
    Label,
    Measurement,
    Opinion,
    OpinionKind,
    Person,
    Priority,
    Question,
    Section,
    Series,
    State,
    Study,
    Text,
    UidSource,
    Volume,
)
from plugins.reader import language, spoken
from plugins.registry import Failure, Guest, Registry
from plugins.stacks import Stack, stacks_of

__all__ = [
    "Annotation",
    "AnnotationKind",
    "Answer",
    "Case",
    "Contribution",
    "DisplaySet",
    "DisplaySetHandler",
    "DisplaySetKind",
    "Export",
    "Exporter",
    "Failure",
    "Guest",
    "Instance",
    "KeyImage",
    "Label",
    "Measurement",
    "Opinion",
    "OpinionKind",
    "Person",
    "PreprocessStep",
    "Priority",
    "Question",
    "Registry",
    "ReportTemplate",
    "Section",
    "Series",
    "Stack",
    "State",
    "Study",
    "Text",
    "UidSource",
    "ViewerPanel",
    "Volume",
    "WorklistColumn",
    "display_sets",
    "language",
    "spoken",
    "stacks_of",
]
