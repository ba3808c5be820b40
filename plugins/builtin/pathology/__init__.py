"""Pathology: is a slide fit to be read, how many nuclei and mitoses are where the reader drew, and
templates of reports.

Decision support. What is counted here leaves only under a reader's name. Methods and limits:
``docs/reference/pathology-tools.md``.
"""

from collections.abc import Iterator

from plugins.builtin.pathology import adequacy, mitoses, nuclei, templates
from plugins.contributions import Contribution

__all__ = ["contribute"]


def contribute() -> Iterator[Contribution]:
    yield adequacy.ANALYSIS
    yield nuclei.ANALYSIS
    yield mitoses.ANALYSIS
    yield from templates.TEMPLATES
