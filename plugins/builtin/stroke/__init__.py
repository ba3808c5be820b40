"""Stroke CT: measurements at the reader's elbow, every step of them visible.

Decision support. No result leaves before a named reader has confirmed it, and none of them says
what to do or rules anything out. Methods and limits: ``docs/reference/stroke-methods.md``.
"""

from collections.abc import Iterator

from plugins.builtin.stroke import aspects, cta, ctp, ncct, report
from plugins.contributions import Contribution

__all__ = ["contribute"]


def contribute() -> Iterator[Contribution]:
    yield ncct.ANALYSIS
    yield aspects.ANALYSIS
    yield cta.ANALYSIS
    yield ctp.ANALYSIS
    yield report.TEMPLATE
