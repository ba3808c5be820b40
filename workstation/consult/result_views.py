"""Results as a caller gets them: the case's own before the shared, less what is withheld."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from workstation import access
from workstation.access import Action
from workstation.consult.result_reads import Withheld, withheld_from, without
from workstation.consult.result_rows import ResultRecord, find_results
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.database import results
from workstation.roles import Principal

__all__ = ["ResultView", "permissions_on", "results_of_case", "shown_alone", "shown_in_case"]


@dataclass(frozen=True)
class ResultView:
    """A result as the caller gets it, and what the caller may do to it: ``edit``, ``confirm``.

    ``record.content`` is without what is ``withheld``. ``case_id`` is the case it is shown in.
    """

    record: ResultRecord
    permissions: tuple[str, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    case_id: str | None = None


def results_of_case(
    context: Context, connection: Connection, case: CaseRecord
) -> list[ResultRecord]:
    """One result for each study and analysis: the case's own before the shared one."""
    where = results.c.study_instance_uid.in_(case.study_instance_uids) & (
        results.c.case_id.is_(None) | (results.c.case_id == case.id)
    )
    found: dict[tuple[str, str], ResultRecord] = {}
    for record in find_results(connection, context.plugins, where):
        place = (record.study_instance_uid, record.analysis)
        if record.case_id is not None or place not in found:
            found[place] = record
    return list(found.values())


def shown_in_case(
    record: ResultRecord, case: CaseRecord, principal: Principal, of_case: Iterable[ResultRecord]
) -> ResultView:
    """The result as `principal` gets it in `case`, whose results are `of_case`."""
    return replace(
        shown_alone(record, of_case),
        permissions=permissions_on(principal, case),
        case_id=case.id,
    )


def shown_alone(record: ResultRecord, others: Iterable[ResultRecord]) -> ResultView:
    """The result without what waits for a read of one of `others`."""
    of_study = [one for one in others if one.study_instance_uid == record.study_instance_uid]
    withheld = withheld_from(record.content, of_study)
    content = without(record.content, withheld)
    return ResultView(replace(record, content=content), withheld=withheld)


def permissions_on(principal: Principal, case: CaseRecord) -> tuple[str, ...]:
    """What `principal` may do to the results of `case`."""
    named = not principal.is_system and access.may(principal, Action.WRITE, case)
    return ("edit", "confirm") if named else ()
