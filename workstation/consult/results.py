"""Results as readers have them: seen, corrected, confirmed, withdrawn.

A result made on arrival is shared by the cases of its study. The first correction or confirmation
in a case makes the case's own copy; from then on the others' go their own way. What a reader asks
for is written here; a worker computes it (`workstation.consult.result_runs`).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from dicom_node.errors import NotFound as NotHeld
from dicom_node.records import ReadScope
from plugins.contributions import Analysis
from plugins.nouns import Text
from plugins.results import Grade, ResultState
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult import result_files
from workstation.consult.moves import known
from workstation.consult.result_content import hash_of
from workstation.consult.result_edits import checked_edits
from workstation.consult.result_reads import kept_reads, seen_of
from workstation.consult.result_rows import (
    ResultRecord,
    content_key,
    find_results,
    layer_hashes,
    title_of,
)
from workstation.consult.result_views import (
    ResultView,
    permissions_on,
    results_of_case,
    shown_alone,
    shown_in_case,
)
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.database import result_plans, results
from workstation.errors import Conflict, InvalidRequest
from workstation.roles import Principal

__all__ = [
    "LayerFile",
    "ResultView",
    "Results",
    "Startable",
    "cancel",
    "confirm",
    "edit",
    "find_layer",
    "get_result",
    "list_results",
    "reopen",
    "start",
]

_UNDER_WAY = (ResultState.DUE, ResultState.RUNNING)
_NOTHING: dict[str, Any] = {
    "progress": 0.0,
    "message": {},
    "error": None,
    "leased_until": None,
    "confirmed_by": None,
    "confirmed_at": None,
}


@dataclass(frozen=True, slots=True)
class Startable:
    """An analysis that was not made of a study yet and might be."""

    analysis: str
    title: Text
    study_instance_uid: str


@dataclass(frozen=True)
class Results:
    """The results of a case, and what else a reader could ask for."""

    items: tuple[ResultView, ...]
    startable: tuple[Startable, ...]


@dataclass(frozen=True, slots=True)
class LayerFile:
    """Where a layer lies: the gzip of its bytes in C order, little-endian."""

    path: Path
    sha256: str
    revision: int


def list_results(context: Context, principal: Principal, case_id: str) -> Results:
    """The case's own results, and the shared ones it has no copy of."""
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.SEE, case)
        found = results_of_case(context, connection, case)
        startable = _startable(context, connection, case, found)
    return Results(
        tuple(shown_in_case(one, case, principal, found) for one in found),
        startable if permissions_on(principal, case) else (),
    )


def get_result(
    context: Context, principal: Principal, result_id: str, case_id: str | None = None
) -> ResultView:
    """One result: of a case the caller sees, or shared, of a study whose images it sees.

    A shared one is shown as in the case `case_id`; without one, nothing is read yet.
    """
    with context.database.read() as connection:
        record = _find(context, connection, result_id)
        place = record.case_id or case_id
        if place is not None:
            case = known(connection, context.clock(), place)
            access.require(principal, Action.SEE, case)
            if record.study_instance_uid not in case.study_instance_uids:
                raise access.not_found()
            return _view(context, connection, principal, case, record)
        shared = (results.c.study_instance_uid == record.study_instance_uid) & (
            results.c.case_id.is_(None)
        )
        unread = find_results(connection, context.plugins, shared)
    scope = access.read_scope(context, principal, record.study_instance_uid)
    try:
        context.archive.study(record.study_instance_uid, scope=scope)
    except NotHeld:
        raise access.not_found() from None
    return shown_alone(record, unread)


def find_layer(
    context: Context, principal: Principal, result_id: str, key: str, case_id: str | None = None
) -> LayerFile:
    """The file of a layer of a result's content, under the rule of `get_result`."""
    record = get_result(context, principal, result_id, case_id).record
    sha256 = layer_hashes(record.content).get(key)
    if sha256 is None:
        raise access.not_found()
    data = context.settings.data
    path = result_files.layer_path(data, record.id, record.content_revision, sha256)
    if not path.is_file():
        raise access.not_found()  # a newer revision took its place this moment
    return LayerFile(path, sha256, record.content_revision)


def start(
    context: Context, principal: Principal, case_id: str, analysis_id: str, study_instance_uid: str
) -> ResultView:
    """Compute what was never computed, was cancelled or failed; else there is nothing to do."""
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.WRITE, case)
        record = _of_study(context, connection, case, study_instance_uid, analysis_id)
        if record is None:
            known_analysis = context.plugins.get(Analysis, analysis_id) is not None
            if not known_analysis or study_instance_uid not in case.study_instance_uids:
                raise access.not_found()
            result_id = str(uuid.uuid4())
            connection.execute(
                insert(results).values(
                    id=result_id,
                    study_instance_uid=study_instance_uid,
                    analysis=analysis_id,
                    state=str(ResultState.DUE),
                    revision=1,
                    content_key=_planned_key(connection, study_instance_uid, analysis_id),
                    wanted_at=context.clock(),
                )
            )
            return _changed(context, connection, principal, case, result_id, "started")
        if record.state not in (ResultState.FAILED, ResultState.CANCELLED):
            return _view(context, connection, principal, case, record)
        _set(connection, record.id, **_due(context))
        return _changed(context, connection, principal, case, record.id, "started")


def edit(
    context: Context,
    principal: Principal,
    case_id: str,
    result_id: str,
    edits: Mapping[str, Any],
    revision: int,
) -> ResultView:
    """Correct a result: it is computed anew, as the case's own. A confirmation is withdrawn.

    Parameters
    ----------
    edits : mapping
        All corrections, old and new, as `plugins.contributions.Analysis` names them.
    revision : int
        The revision the reader saw; another is a `Conflict`, code ``stale_result``.
    """
    kept = checked_edits(edits)
    with context.database.begin() as connection:
        case, record = _writable(context, connection, principal, case_id, result_id, revision)
        _require_series(context, record, kept)
        seen = seen_of(record.study_instance_uid, results_of_case(context, connection, case))
        kept, fresh = kept_reads(record.edits, kept, principal.username, context.clock(), seen)
        own = _own_copy(context, connection, case, record)
        if record.state is ResultState.CONFIRMED:
            _audit(context, connection, principal, case, own, "reopened")
        _set(connection, own.id, edits=kept, revision=record.revision + 1, **_due(context))
        more = {"reads": fresh} if fresh else {}
        return _changed(context, connection, principal, case, own.id, "edited", **more)


def confirm(
    context: Context,
    principal: Principal,
    case_id: str,
    result_id: str,
    revision: int,
    *,
    acknowledge_red: bool = False,
) -> ResultView:
    """Put one's name to a result as it is; only now it reaches reports and opinions.

    Raises
    ------
    Conflict
        ``stale_result``; ``not_computed`` while its numbers are not those of its corrections;
        ``withheld`` while the caller has not got all of it.
    InvalidRequest
        ``red_quality``: its quality is red, and the caller did not say that this was seen.
    """
    with context.database.begin() as connection:
        case, record = _writable(context, connection, principal, case_id, result_id, revision)
        if record.state is ResultState.CONFIRMED:
            return _view(context, connection, principal, case, record)
        if record.state in _UNDER_WAY or not record.is_current or record.content is None:
            raise Conflict(
                "not_computed",
                "Kết quả chưa tính xong theo các chỉnh sửa; chưa thể xác nhận.",
                "The result is not computed with its corrections yet; it cannot be confirmed.",
                state=str(record.state),
            )
        withheld = _view(context, connection, principal, case, record).withheld
        if withheld:
            title = withheld[0].title
            raise Conflict(
                "withheld",
                f"Một phần kết quả còn giữ lại: hãy đọc độc lập «{title.vi}» hoặc bỏ qua trước.",
                f"A part of it is withheld: read “{title.en}” on your own or decline first.",
            )
        is_red = record.content["grade"] == Grade.RED
        if is_red and not acknowledge_red:
            raise InvalidRequest(
                "red_quality",
                "Chất lượng ở mức đỏ: cần đánh dấu đã biết trước khi xác nhận.",
                "The quality is red: say that you know before confirming.",
                field="acknowledge_red",
            )
        own = _own_copy(context, connection, case, record)
        _set(
            connection,
            own.id,
            state=str(ResultState.CONFIRMED),
            error=None,
            confirmed_by=principal.username,
            confirmed_at=context.clock(),
        )
        more = {"acknowledged_red": True} if is_red else {}
        return _changed(context, connection, principal, case, own.id, "confirmed", **more)


def reopen(
    context: Context,
    principal: Principal,
    case_id: str,
    result_id: str,
    revision: int | None = None,
) -> ResultView:
    """Withdraw a confirmation; what was signed with it stays signed."""
    with context.database.begin() as connection:
        case, record = _writable(context, connection, principal, case_id, result_id, revision)
        if record.state is not ResultState.CONFIRMED:
            raise Conflict(
                "not_confirmed", "Kết quả chưa được xác nhận.", "The result is not confirmed."
            )
        state = ResultState.EDITED if record.edits else ResultState.COMPUTED
        _set(connection, record.id, state=str(state), confirmed_by=None, confirmed_at=None)
        return _changed(context, connection, principal, case, record.id, "reopened")


def cancel(context: Context, principal: Principal, case_id: str, result_id: str) -> ResultView:
    """End a computation, or do not begin it; what was computed before is still shown."""
    with context.database.begin() as connection:
        case, record = _writable(context, connection, principal, case_id, result_id, None)
        if record.state not in _UNDER_WAY:
            return _view(context, connection, principal, case, record)
        _set(connection, record.id, **{**_NOTHING, "state": str(ResultState.CANCELLED)})
        return _changed(context, connection, principal, case, record.id, "cancelled")


def _view(
    context: Context,
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    record: ResultRecord,
) -> ResultView:
    return shown_in_case(record, case, principal, results_of_case(context, connection, case))


def _of_study(
    context: Context,
    connection: Connection,
    case: CaseRecord,
    study_instance_uid: str,
    analysis_id: str,
) -> ResultRecord | None:
    place = (study_instance_uid, analysis_id)
    found = results_of_case(context, connection, case)
    return next((o for o in found if (o.study_instance_uid, o.analysis) == place), None)


def _startable(
    context: Context, connection: Connection, case: CaseRecord, found: list[ResultRecord]
) -> tuple[Startable, ...]:
    there = {(one.study_instance_uid, one.analysis) for one in found}
    wanted = select(result_plans).where(
        result_plans.c.study_instance_uid.in_(case.study_instance_uids),
        result_plans.c.asked_version > 0,
    )
    asked = {row.study_instance_uid: row.subjects for row in connection.execute(wanted)}
    return tuple(
        Startable(analysis.id, title_of(context.plugins, analysis.id, None), study)
        for study in case.study_instance_uids
        for analysis in context.plugins.of(Analysis)
        if (study, analysis.id) not in there and (study not in asked or analysis.id in asked[study])
    )


def _planned_key(connection: Connection, study_instance_uid: str, analysis_id: str) -> str:
    wanted = select(result_plans.c.subjects)
    its = result_plans.c.study_instance_uid == study_instance_uid
    subjects = connection.scalar(wanted.where(its)) or {}
    return content_key(subjects[analysis_id]) if analysis_id in subjects else ""


def _writable(
    context: Context,
    connection: Connection,
    principal: Principal,
    case_id: str,
    result_id: str,
    revision: int | None,
) -> tuple[CaseRecord, ResultRecord]:
    """Case and result, when the caller may correct it and saw it as it is."""
    case = known(connection, context.clock(), case_id)
    access.require(principal, Action.WRITE, case)
    record = _find(context, connection, result_id)
    place = (record.study_instance_uid, record.analysis)
    current = _of_study(context, connection, case, *place)
    if current is None or (record.case_id is not None and record.id != current.id):
        raise access.not_found()
    # another reader's correction made the case its own copy meanwhile
    if record.id != current.id or (revision is not None and revision != current.revision):
        raise Conflict(
            "stale_result",
            "Kết quả vừa được thay đổi; hãy xem lại trước khi tiếp tục.",
            "The result has changed meanwhile; look at it before going on.",
            id=current.id,
            revision=current.revision,
        )
    return case, current


def _find(context: Context, connection: Connection, result_id: str) -> ResultRecord:
    found = find_results(connection, context.plugins, results.c.id == result_id)
    if not found:
        raise access.not_found()
    return found[0]


def _own_copy(
    context: Context, connection: Connection, case: CaseRecord, record: ResultRecord
) -> ResultRecord:
    """The case's own row; its layers are the shared files under another name."""
    if record.case_id is not None:
        return record
    copy_id = str(uuid.uuid4())
    row = connection.execute(select(results).where(results.c.id == record.id)).one()
    values = {**row._mapping, "id": copy_id, "case_id": case.id}
    connection.execute(insert(results).values(**values))
    result_files.copy_layers(
        context.settings.data,
        (record.id, record.content_revision),
        (copy_id, record.content_revision),
        layer_hashes(record.content).values(),
    )
    return _find(context, connection, copy_id)


def _require_series(context: Context, record: ResultRecord, edits: Mapping[str, Any]) -> None:
    if "series" not in edits:
        return
    scope = ReadScope(studies=frozenset({record.study_instance_uid}))
    held = context.archive.study_series(record.study_instance_uid, scope=scope)
    if edits["series"] not in {one.series_instance_uid for one in held}:
        raise InvalidRequest(
            "series_not_of_study",
            "Loạt ảnh này không thuộc lần chụp.",
            "This series does not belong to the study.",
            field="series",
        )


def _due(context: Context) -> dict[str, Any]:
    return {**_NOTHING, "state": str(ResultState.DUE), "wanted_at": context.clock()}


def _set(connection: Connection, result_id: str, **values: Any) -> None:
    connection.execute(update(results).where(results.c.id == result_id).values(**values))


def _changed(
    context: Context,
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    result_id: str,
    what: str,
    **more: Any,
) -> ResultView:
    """The result as it is now, with what was done in the audit."""
    record = _find(context, connection, result_id)
    _audit(context, connection, principal, case, record, what, **more)
    return _view(context, connection, principal, case, record)


def _audit(
    context: Context,
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    record: ResultRecord,
    what: str,
    **more: Any,
) -> None:
    audit.record(
        connection,
        AuditEvent.RESULT,
        principal,
        at=context.clock(),
        case_id=case.id,
        result_id=record.id,
        analysis=record.analysis,
        study=record.study_instance_uid,
        revision=record.revision,
        what=what,
        hash=hash_of({}, record.edits) if what == "edited" else record.content_hash,
        **more,
    )
