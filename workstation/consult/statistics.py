"""Counts of consults: by state, month, hospital and priority. Never a patient.

Hospitals see their own numbers as they are. Whoever is no party to the cases (administrators, for
the ministry) sees all, with small cells left out: four consults of a small hospital in a month
may be four people somebody knows.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, literal_column, or_, select, true

from plugins.nouns import State
from workstation.context import Context
from workstation.database import cases, sites
from workstation.errors import NotFound
from workstation.roles import Principal, Role

__all__ = ["SMALLEST_CELL", "Statistics", "statistics"]

SMALLEST_CELL = 5

Cells = Mapping[str, int | None]


@dataclass(frozen=True)
class Statistics:
    """Counts of sent requests; None where a cell is left out because it is small.

    ``transfer_recommended`` and ``transferred`` are the scheme's measures: how often an opinion
    advised a transfer, and how often the patient was moved.
    """

    since: datetime | None
    until: datetime | None
    suppressed_below: int | None
    consults: int | None
    signed: int | None
    closed: int | None
    transfer_recommended: int | None
    transferred: int | None
    by_state: Cells
    by_month: Cells
    by_requesting_site: Cells
    by_priority: Cells


def statistics(
    context: Context,
    principal: Principal,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Statistics:
    """Count what the principal's role may count; drafts are nobody's consults yet.

    Raises
    ------
    NotFound
        The principal's role counts nothing.
    """
    where, member = _scope(principal)
    conditions = [where, cases.c.submitted_at.is_not(None)]
    if since is not None:
        conditions.append(cases.c.submitted_at >= since)
    if until is not None:
        conditions.append(cases.c.submitted_at < until)
    with context.database.read() as connection:
        month = _month(connection.dialect.name)
        moved = cases.c.outcome["transferred"].as_boolean()
        wanted = (
            select(
                month.label("month"),
                cases.c.state,
                cases.c.priority,
                sites.c.code,
                func.count().label("number"),
                _sum(cases.c.signed_at.is_not(None)).label("signed"),
                _sum(cases.c.transfer.in_(("recommended", "urgent"))).label("advised"),
                _sum(moved).label("moved"),
            )
            .join(sites, sites.c.code == cases.c.requesting_site)
            .where(and_(*conditions))
            .group_by(literal_column("month"), cases.c.state, cases.c.priority, sites.c.code)
        )
        rows = connection.execute(wanted).all()
    least = 0 if member else SMALLEST_CELL

    def cells(field: str) -> Cells:
        counted: Counter[str] = Counter()
        for row in rows:
            counted[getattr(row, field)] += row.number
        return _without_small(counted, least)

    def total(field: str) -> int | None:
        value = sum(getattr(row, field) for row in rows)
        return None if 0 < value < least else value

    closed = sum(row.number for row in rows if row.state == State.CLOSED)
    return Statistics(
        since=since,
        until=until,
        suppressed_below=least or None,
        consults=total("number"),
        signed=total("signed"),
        closed=None if 0 < closed < least else closed,
        transfer_recommended=total("advised"),
        transferred=total("moved"),
        by_state=cells("state"),
        by_month=cells("month"),
        by_requesting_site=cells("code"),
        by_priority=cells("priority"),
    )


def _scope(principal: Principal) -> tuple[ColumnElement[bool], bool]:
    """Which cases are counted, and whether the principal's hospital is a party to them all."""
    if principal.is_system or principal.has(Role.ADMINISTRATOR):
        return true(), principal.is_system
    ways: list[ColumnElement[bool]] = [false()]
    if principal.has(Role.REQUESTER, Role.TECHNICIAN):
        ways.append(cases.c.requesting_site == principal.site)
    if principal.has(Role.COORDINATOR):
        ways.append(cases.c.consulted_site == principal.site)
    if principal.areas:
        ways.append(cases.c.assignee == principal.username)
    if len(ways) == 1:
        raise NotFound("not_found", "Không tìm thấy.", "Not found.")
    return or_(*ways), True


def _without_small(counted: Mapping[str, int], least: int) -> Cells:
    """Leave out small cells; never just one, which the total would give away."""
    small = {key for key, value in counted.items() if value < least}
    if len(small) == 1:
        others = [key for key in counted if key not in small]
        if others:
            small.add(min(others, key=lambda key: (counted[key], key)))
    return {key: None if key in small else counted[key] for key in sorted(counted)}


def _sum(condition: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _month(dialect: str) -> ColumnElement[str]:
    """The month a request was sent in, in Vietnam (UTC+7 all year): ``2026-11``."""
    sent = cases.c.submitted_at
    if dialect == "postgresql":
        return func.to_char(sent + literal_column("interval '7 hours'"), "YYYY-MM")
    return func.strftime("%Y-%m", sent, "+7 hours")
