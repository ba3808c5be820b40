"""Signing: a draft becomes an opinion that nobody can change any more.

Opinions of a case are numbered versions. An addendum adds to what was issued, an amended opinion
replaces it and says why; both leave the earlier ones as they are. Content, state of the case,
deliveries and audit are one transaction: after a crash all are there, or none.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from plugins.contributions import ReportTemplate
from plugins.nouns import Opinion, OpinionKind, Person, State, Text
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult import content as contents
from workstation.consult import deliveries, result_files
from workstation.consult.annotations import load_marks
from workstation.consult.coverage import signed_coverage
from workstation.consult.draft import discard, template_of
from workstation.consult.moves import known, move
from workstation.consult.point_sets import load_points, load_sets
from workstation.consult.result_rows import ResultRecord, confirmed_records, layer_hashes
from workstation.consult.rows import CaseRecord
from workstation.consult.sending import assign_to
from workstation.consult.slides import held_image
from workstation.consult.transitions import SIGNED, Event
from workstation.context import Context
from workstation.database import opinions as table
from workstation.database import users
from workstation.errors import Conflict, InvalidRequest, NotAllowed
from workstation.roles import Principal
from workstation.sessions import confirm_password

__all__ = ["author_of", "list_opinions", "load_opinion", "sign", "verify_opinions"]

_EVENTS: Mapping[OpinionKind, Event] = {
    OpinionKind.PRELIMINARY: Event.SIGN_PRELIMINARY,
    OpinionKind.FINAL: Event.SIGN_FINAL,
    OpinionKind.ADDENDUM: Event.SIGN_ADDENDUM,
    OpinionKind.AMENDED: Event.SIGN_AMENDED,
}
_FIRST = (OpinionKind.PRELIMINARY, OpinionKind.FINAL)


def sign(
    context: Context,
    principal: Principal,
    case_id: str,
    *,
    kind: OpinionKind | str,
    password: str,
    draft_revision: int,
    reason: str = "",
    results: Mapping[str, str] | None = None,
) -> Opinion:
    """Sign the principal's draft, after asking the password again.

    Whoever may read the case may sign it, once: the first signature stands, a later one is a
    `Conflict` and its draft stays, for an addendum.

    Parameters
    ----------
    draft_revision : int
        The revision the author saw; another on the server is a `Conflict`.
    reason : str
        What is new or was wrong; needed for an addendum and an amended opinion.
    results : mapping, optional
        Ids and content hashes of the confirmed results that the author saw (`Draft.results`):
        no other than these are signed, and none of them is left out in silence.

    Raises
    ------
    NotFound, NotAllowed, Conflict, InvalidRequest, TooManyAttempts
    """
    kind = _kind(kind)
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
    access.require(principal, Action.WRITE, case)
    confirm_password(context, principal, password)
    now = context.clock()
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.WRITE, case)
        newest = _newest(connection, case_id)
        _require_turn(connection, principal, case, kind, newest)
        draft = discard(context, connection, principal, case_id, draft_revision)
        template = template_of(context, case, draft["template_id"])
        _require_whole(case, template, draft, kind)
        _require_key_images(context, case, draft)
        if kind in _FIRST:
            case = _made_reader(context, connection, principal, case)
        marks = load_marks(connection, case_id, draft["annotation_ids"])
        sets = load_sets(context, connection, case_id, draft["annotation_ids"])
        if len(marks) + len(sets) < len(set(draft["annotation_ids"])):
            raise Conflict(
                "mark_gone",
                "Một nét vẽ được dẫn trong kết luận đã bị xóa; hãy xem lại.",
                "A mark that the opinion refers to was deleted; look again.",
            )
        confirmed = _confirmed(context, connection, case_id, kind, results or {})
        author = author_of(connection, principal)
        if kind is not OpinionKind.ADDENDUM:
            looked_at = signed_coverage(context, connection, case, author, now)
            confirmed += [looked_at] if looked_at is not None else []
        opinion_id = str(uuid.uuid4())
        version = newest.version + 1 if newest is not None else 1
        text = contents.canonical(
            contents.build(
                case,
                template,
                draft,
                marks,
                confirmed,
                sets,
                opinion_id=opinion_id,
                kind=kind,
                version=version,
                author=author,
                signed_at=now,
                reason=reason.strip(),
                predecessor=newest,
            )
        )
        content_hash = contents.digest(text)
        connection.execute(
            insert(table).values(
                id=opinion_id,
                case_id=case_id,
                version=version,
                kind=str(kind),
                content=text,
                content_hash=content_hash,
                author=principal.username,
                signed_at=now,
                predecessor=newest.id if newest is not None else None,
            )
        )
        _move(context, connection, principal, case, kind, draft, reason, opinion_id, version)
        if kind is not OpinionKind.PRELIMINARY:
            deliveries.plan(context, connection, case, opinion_id)
        audit.record(
            connection,
            AuditEvent.SIGN,
            principal,
            at=now,
            case_id=case_id,
            opinion_id=opinion_id,
            kind=str(kind),
            version=version,
            content_hash=content_hash,
        )
    return _opinion(context, text, content_hash)


def list_opinions(context: Context, principal: Principal, case_id: str) -> list[Opinion]:
    """All signed opinions of a case, first version first."""
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.SEE, case)
        rows = connection.execute(
            select(table).where(table.c.case_id == case_id).order_by(table.c.version)
        ).all()
    return [_opinion(context, row.content, row.content_hash) for row in rows]


def load_opinion(context: Context, opinion_id: str) -> Opinion:
    """A signed opinion, for the workers that bring it home."""
    with context.database.read() as connection:
        row = connection.execute(select(table).where(table.c.id == opinion_id)).first()
    if row is None:
        raise access.not_found()
    return _opinion(context, row.content, row.content_hash)


def verify_opinions(context: Context) -> Iterator[str]:
    """Yield the id of each opinion that is not as it was signed: its text, or a result's layer."""
    with context.database.read() as connection:
        wanted = select(table.c.id, table.c.content, table.c.content_hash)
        for row in connection.execution_options(yield_per=100).execute(wanted):
            if contents.digest(row.content) != row.content_hash or not _is_whole(
                context, row.content
            ):
                yield row.id


def _is_whole(context: Context, text: str) -> bool:
    hashes = [
        sha256
        for result in contents.results_of(json.loads(text))
        for sha256 in layer_hashes(result["content"]).values()
    ]
    data = context.settings.data
    return all(
        result_files.is_intact(result_files.signed_path(data, sha256), sha256) for sha256 in hashes
    ) and all(_are_kept(context, one) for one in contents.point_sets_of(json.loads(text)))


def _are_kept(context: Context, point_set: Mapping[str, Any]) -> bool:
    try:
        load_points(context, point_set["content_hash"])
    except ValueError:
        return False
    return True


def _opinion(context: Context, text: str, content_hash: str) -> Opinion:
    path_of = partial(result_files.signed_path, context.settings.data)
    opinion = contents.opinion_of(text, content_hash, path_of)
    sets = tuple(
        replace(one, load=partial(load_points, context, one.content_hash))
        for one in opinion.point_sets
    )
    return replace(opinion, point_sets=sets)


def _confirmed(
    context: Context,
    connection: Connection,
    case_id: str,
    kind: OpinionKind,
    seen: Mapping[str, str],
) -> list[ResultRecord]:
    """The confirmed results that the opinion freezes, their layers kept for ever.

    An addendum says again nothing that an earlier opinion says already.
    """
    found = confirmed_records(context, connection, case_id)
    if {one.id: one.content_hash for one in found} != dict(seen):
        raise Conflict(
            "results_changed",
            "Các kết quả đã xác nhận vừa thay đổi; hãy xem lại rồi ký.",
            "The confirmed results have changed meanwhile; look again before signing.",
            results={one.id: one.content_hash for one in found},
        )
    if kind is OpinionKind.ADDENDUM:
        texts = connection.scalars(select(table.c.content).where(table.c.case_id == case_id))
        said = {
            (one["id"], one["content_hash"])
            for text in texts
            for one in contents.results_of(json.loads(text))
        }
        found = [one for one in found if (one.id, one.content_hash) not in said]
    for one in found:
        hashes = layer_hashes(one.content).values()
        try:
            result_files.keep_signed(context.settings.data, one.id, one.content_revision, hashes)
        except OSError:
            raise Conflict(
                "result_not_kept",
                f"Không lưu được ảnh của kết quả «{one.title.vi}» để ký; hãy tính lại.",
                f"The masks of the result “{one.title.en}” cannot be kept; compute it again.",
                result_id=one.id,
            ) from None
    return found


def _kind(kind: OpinionKind | str) -> OpinionKind:
    try:
        return OpinionKind(kind)
    except ValueError:
        known_kinds = ", ".join(OpinionKind)
        raise InvalidRequest(
            "unknown_kind",
            f"Loại kết luận phải là một trong: {known_kinds}.",
            f"The kind is one of {known_kinds}.",
            field="kind",
        ) from None


def _require_turn(
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    kind: OpinionKind,
    newest: Row[Any] | None,
) -> None:
    """Refuse a second first opinion, and a change of what somebody else has signed."""
    if kind in _FIRST and newest is not None:
        again = case.state in SIGNED or kind is OpinionKind.PRELIMINARY
        if again:
            who = connection.scalar(select(users.c.name).where(users.c.username == newest.author))
            raise Conflict(
                "already_signed",
                f"Ca này đã được {who} ký; bản nháp của bạn vẫn còn, hãy viết bổ sung nếu cần.",
                f"{who} has signed this case; your draft is kept, add to the opinion if needed.",
                author=newest.author,
                version=newest.version,
            )
    if kind not in _FIRST and newest is not None and newest.author != principal.username:
        active = connection.scalar(select(users.c.active).where(users.c.username == newest.author))
        if active:
            raise NotAllowed(
                "not_author",
                "Chỉ người đã ký mới bổ sung hoặc sửa kết luận của mình.",
                "Only whoever signed adds to or amends the opinion.",
            )
    if kind not in _FIRST:
        access.require(principal, _EVENTS[kind], case)


def _made_reader(
    context: Context, connection: Connection, principal: Principal, case: CaseRecord
) -> CaseRecord:
    """Whoever signs is the reader: the case is theirs from here on."""
    mine = case.assignee is not None and case.assignee.username == principal.username
    if case.state in (State.QUEUED, State.ASSIGNED, State.READING) and not mine:
        case = assign_to(context, connection, principal, case, principal.username)
    if case.state is State.ASSIGNED:
        started = {} if case.started_at else {"started_at": context.clock()}
        case = move(context, connection, principal, case, Event.START, started)
    return case


def _move(
    context: Context,
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    kind: OpinionKind,
    draft: Mapping[str, Any],
    reason: str,
    opinion_id: str,
    version: int,
) -> None:
    changes: dict[str, Any] = {"assignee": principal.username}
    if kind is not OpinionKind.PRELIMINARY:
        changes["signed_at"] = context.clock()
        for field in ("concordance", "transfer"):
            if draft[field]:
                changes[field] = draft[field]
    detail: dict[str, Any] = {"opinion_id": opinion_id, "version": version}
    if reason.strip():
        detail["reason"] = reason.strip()
    move(context, connection, principal, case, _EVENTS[kind], changes, **detail)


def _require_whole(
    case: CaseRecord, template: ReportTemplate, draft: Mapping[str, Any], kind: OpinionKind
) -> None:
    """Refuse an opinion that leaves a question or a needed section open (circular 49/2017)."""
    lacking: dict[str, Text] = {}
    sections = {key: text for key, text in draft["sections"].items() if text.strip()}
    if kind in (OpinionKind.FINAL, OpinionKind.AMENDED):
        for section in template.sections:
            if section.required and section.key not in sections:
                lacking[f"sections.{section.key}"] = Text(
                    f"Mục «{section.title.vi}» còn trống.", f"“{section.title.en}” is empty."
                )
        for number, question in enumerate(case.questions, 1):
            if not draft["answers"].get(question.id, "").strip():
                lacking[f"answers.{question.id}"] = Text(
                    f"Câu hỏi {number} chưa được trả lời.", f"Question {number} has no answer."
                )
        if not draft["concordance"]:
            lacking["concordance"] = Text(
                "Chưa ghi mức phù hợp với chẩn đoán tại chỗ.",
                "The comparison with the local diagnosis is missing.",
            )
        if not draft["transfer"]:
            lacking["transfer"] = Text(
                "Chưa ghi đề nghị chuyển tuyến.", "The advice on transfer is missing."
            )
    elif not sections and not any(text.strip() for text in draft["answers"].values()):
        lacking["sections"] = Text("Kết luận còn trống.", "The opinion says nothing.")
    if lacking:
        raise InvalidRequest(
            "opinion_incomplete",
            "Chưa thể ký: " + " ".join(text.vi for text in lacking.values()),
            "It cannot be signed yet: " + " ".join(text.en for text in lacking.values()),
            fields={key: {"vi": text.vi, "en": text.en} for key, text in lacking.items()},
        )


def _require_key_images(context: Context, case: CaseRecord, draft: dict[str, Any]) -> None:
    """Key images are images of the case that we hold; class and series are as we hold them."""
    for image in draft["key_images"]:
        study = image["study_instance_uid"]
        held = None
        if study in case.study_instance_uids:
            held = held_image(
                context.archive, study, image["series_instance_uid"], image["sop_instance_uid"]
            )
        if held is None:
            raise InvalidRequest(
                "image_not_of_case",
                "Một ảnh then chốt không thuộc ca hội chẩn.",
                "A key image does not belong to the case.",
                field="key_images",
            )
        image.update({key: held[key] for key in held if key in image})


def _newest(connection: Connection, case_id: str) -> Row[Any] | None:
    wanted = select(table).where(table.c.case_id == case_id).order_by(table.c.version.desc())
    return connection.execute(wanted.limit(1)).first()


def author_of(connection: Connection, principal: Principal) -> Person:
    """The principal as an author, with licence and site."""
    row = connection.execute(select(users).where(users.c.username == principal.username)).one()
    return Person(row.username, row.name, row.site, tuple(row.roles), row.licence_number)
