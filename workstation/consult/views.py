"""A case as one principal may see it: what is shown, what may be done, how long is left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from plugins.contributions import WorklistColumn
from plugins.nouns import Case, Measurement
from plugins.results import ConfirmedResult
from workstation import access
from workstation.access import Action
from workstation.consult import clocks
from workstation.consult.rows import CaseRecord, noun, without_identity
from workstation.context import Context
from workstation.roles import Principal

__all__ = ["CaseView", "view_of"]


@dataclass(frozen=True)
class CaseView:
    """A case for a worklist line or a page.

    ``header_only``: identity and images are left out of ``record`` and ``case``. ``columns``
    holds the guests' texts by column id, where they were asked.
    """

    record: CaseRecord
    case: Case
    header_only: bool
    permissions: tuple[str, ...]
    time_left_seconds: float | None
    columns: Mapping[str, str] = field(default_factory=dict)


def view_of(
    context: Context,
    principal: Principal,
    record: CaseRecord,
    measured: tuple[Measurement, ...],
    now: datetime,
    *,
    results: tuple[ConfirmedResult, ...] = (),
    with_columns: bool = False,
) -> CaseView:
    """What `principal` may see of `record`, which it may know of."""
    header_only = not access.may(principal, Action.SEE, record)
    shown = without_identity(record) if header_only else record
    its_noun = noun(shown) if header_only else noun(shown, measured, results)
    return CaseView(
        shown,
        its_noun,
        header_only,
        tuple(access.permissions(principal, record)),
        clocks.time_left(record.due_at, record.paused_at, now),
        _columns(context, its_noun) if with_columns and not header_only else {},
    )


def _columns(context: Context, its_noun: Case) -> dict[str, str]:
    registry = context.plugins
    return {
        column.id: str(registry.call(column, column.value, its_noun, default=""))
        for column in registry.of(WorklistColumn)
    }
