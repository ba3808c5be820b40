"""What readers draw: saved at once, with author and time, seen by everyone who sees the case.

Each change takes the case's next revision, so a viewer asks for what is new since the revision it
has. Marks belong to their author; deleted ones stay, marked as such.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from plugins.nouns import Annotation, AnnotationKind, Person
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult.mark_content import checked_content
from workstation.consult.moves import known
from workstation.consult.rows import CaseRecord
from workstation.consult.slides import held_image
from workstation.context import Context
from workstation.database import annotations, users
from workstation.errors import Conflict, InvalidRequest, NotAllowed
from workstation.roles import Principal

__all__ = [
    "MOST_AT_ONCE",
    "Marks",
    "add",
    "add_many",
    "change",
    "insert_marks",
    "known_ids",
    "list_annotations",
    "load_marks",
    "remove",
]

MOST_PER_CASE = 20_000
MOST_AT_ONCE = 5_000
# what SQLite takes in one statement, with room
_AT_A_TIME = 500

_FIXED = (
    "kind",
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
    "sop_class_uid",
    "frame_number",
    "frame_of_reference_uid",
)
_CHANGEABLE = ("points_mm", "text", "measurements", "origin", "classification")


@dataclass(frozen=True)
class Marks:
    """The annotations asked for, and the case's revision they are true at."""

    items: tuple[Annotation, ...]
    revision: int


def list_annotations(
    context: Context, principal: Principal, case_id: str, since: int | None = None
) -> Marks:
    """All living annotations; with `since`, those changed later, deleted ones too."""
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.SEE, case)
        wanted = annotations.c.case_id == case_id
        if since is None:
            wanted &= ~annotations.c.deleted
        else:
            wanted &= annotations.c.revision > since
        return Marks(_read(connection, wanted), _last_revision(connection, case_id))


def add(
    context: Context, principal: Principal, case_id: str, content: Mapping[str, Any]
) -> Annotation:
    """Save a new mark.

    Parameters
    ----------
    content : mapping
        Fields of `plugins.nouns.Annotation` that a viewer knows; ``id`` (a UUID) lets it try
        again after a lost answer: the same id from the same author is saved once.
    """
    return add_many(context, principal, case_id, [content])[0]


def add_many(
    context: Context, principal: Principal, case_id: str, contents: Sequence[Mapping[str, Any]]
) -> tuple[Annotation, ...]:
    """Save up to `MOST_AT_ONCE` new marks: all of them, or none.

    Returns
    -------
    tuple of Annotation
        In the order given.

    Raises
    ------
    NotFound, NotAllowed, Conflict, InvalidRequest
        Of a mark that is refused, ``details`` names its place as ``item``.
    """
    if len(contents) > MOST_AT_ONCE:
        raise InvalidRequest(
            "too_many_at_once",
            f"Mỗi lần lưu được nhiều nhất {MOST_AT_ONCE} nét vẽ.",
            f"At most {MOST_AT_ONCE} marks are saved at once.",
            field="items",
        )
    now = context.clock()
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.ANNOTATE, case)
        return insert_marks(context, connection, principal, case, contents)


def insert_marks(
    context: Context,
    connection: Connection,
    principal: Principal,
    case: CaseRecord,
    contents: Sequence[Mapping[str, Any]],
) -> tuple[Annotation, ...]:
    """Save new marks in a transaction that has asked for the right already."""
    kept = [_of_item(number, checked_content, one) for number, one in enumerate(contents)]
    ids = [_of_item(number, _uuid, one.get("id")) for number, one in enumerate(contents)]
    if len(set(ids)) < len(ids):
        raise InvalidRequest(
            "id_twice", "Một mã nét vẽ bị lặp.", "Two marks have the same id.", field="items"
        )
    held: dict[tuple[str, str], dict[str, str] | None] = {}
    for number, one in enumerate(kept):
        _of_item(number, _require_image, context, case, one, held)
    saved = _owners(connection, ids)
    mine = (case.id, principal.username)
    if any(saved.get(one, mine) != mine for one in ids):
        raise Conflict("id_taken", "Mã nét vẽ đã có.", "There is a mark of this id.")
    fresh = {one: content for one, content in zip(ids, kept, strict=True) if one not in saved}
    if _count(connection, case.id) + len(fresh) > MOST_PER_CASE:
        raise Conflict(
            "too_many_marks",
            f"Một ca có nhiều nhất {MOST_PER_CASE} nét vẽ.",
            f"A case has at most {MOST_PER_CASE} marks.",
        )
    now = context.clock()
    revision = _last_revision(connection, case.id)
    if fresh:
        connection.execute(
            insert(annotations),
            [
                {
                    "id": one,
                    "case_id": case.id,
                    "revision": revision + number,
                    "content": content,
                    "author": principal.username,
                    "created_at": now,
                    "updated_at": now,
                }
                for number, (one, content) in enumerate(fresh.items(), 1)
            ],
        )
        _audit(connection, principal, now, case.id, next(iter(fresh)), "added", len(fresh))
    found = {
        mark.id: mark
        for part in _parts(ids)
        for mark in _read(connection, annotations.c.id.in_(part))
    }
    return tuple(found[one] for one in ids)


def change(
    context: Context,
    principal: Principal,
    case_id: str,
    annotation_id: str,
    content: Mapping[str, Any],
) -> Annotation:
    """Change points, text, class, measurements or origin of one's own mark."""
    now = context.clock()
    with context.database.begin() as connection:
        row = _own(context, connection, principal, case_id, annotation_id)
        if row.deleted:
            raise access.not_found()
        fresh = {key: content[key] for key in _CHANGEABLE if key in content}
        kept = checked_content({**row.content, **fresh})
        _save(connection, now, row, content=kept)
        _audit(connection, principal, now, case_id, annotation_id, "changed")
        return _one(connection, annotation_id)


def remove(context: Context, principal: Principal, case_id: str, annotation_id: str) -> Annotation:
    """Delete one's own mark; it stays in the record. A second time does no harm."""
    now = context.clock()
    with context.database.begin() as connection:
        row = _own(context, connection, principal, case_id, annotation_id)
        if not row.deleted:
            _save(connection, now, row, deleted=True)
            _audit(connection, principal, now, case_id, annotation_id, "removed")
        return _one(connection, annotation_id)


def load_marks(
    connection: Connection, case_id: str, annotation_ids: Sequence[str]
) -> tuple[Annotation, ...]:
    """Living marks of a case by their ids, in that order; unknown ones are left out."""
    wanted = (annotations.c.case_id == case_id) & ~annotations.c.deleted
    found = {
        mark.id: mark
        for part in _parts(list(annotation_ids))
        for mark in _read(connection, wanted & annotations.c.id.in_(part))
    }
    return tuple(found[one] for one in dict.fromkeys(annotation_ids) if one in found)


def _require_image(
    context: Context,
    case: CaseRecord,
    content: dict[str, Any],
    held: dict[tuple[str, str], dict[str, str] | None],
) -> None:
    """The mark lies on an image of the case that we hold; its SOP Class is what we hold.

    ``held`` remembers what is known of the images already looked up.
    """
    study, image = content["study_instance_uid"], content["sop_instance_uid"]
    if study in case.study_instance_uids:
        if not image:
            return  # drawn on a reformatted plane: the frame of reference says where
        if (study, image) not in held:
            held[study, image] = held_image(
                context.archive, study, content["series_instance_uid"], image
            )
        known_image = held[study, image]
        if known_image is not None:
            content.update(known_image)
            return
    raise InvalidRequest(
        "image_not_of_case",
        "Ảnh này không thuộc ca hội chẩn.",
        "This image does not belong to the case.",
        field="sop_instance_uid",
    )


def _own(
    context: Context,
    connection: Connection,
    principal: Principal,
    case_id: str,
    annotation_id: str,
) -> Row[Any]:
    case = known(connection, context.clock(), case_id)
    access.require(principal, Action.ANNOTATE, case)
    row = _find(connection, annotation_id)
    if row is None or row.case_id != case_id:
        raise access.not_found()
    if row.author != principal.username:
        raise NotAllowed(
            "not_author",
            "Chỉ người vẽ mới sửa hoặc xóa được nét vẽ của mình.",
            "Only its author changes or deletes a mark.",
        )
    return row


def _save(connection: Connection, at: datetime, row: Row[Any], **values: Any) -> None:
    connection.execute(
        update(annotations)
        .where(annotations.c.id == row.id)
        .values(revision=_last_revision(connection, row.case_id) + 1, updated_at=at, **values)
    )


def _of_item(number: int, check: Callable[..., Any], *arguments: Any) -> Any:
    """What `check` makes of one of several marks; a refusal says of which."""
    try:
        return check(*arguments)
    except InvalidRequest as error:
        error.details["item"] = number
        raise


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[first : first + _AT_A_TIME] for first in range(0, len(ids), _AT_A_TIME)]


def known_ids(connection: Connection, ids: Sequence[str]) -> dict[str, bool]:
    """Which of those marks are there already, and whether each still lives."""
    wanted = select(annotations.c.id, annotations.c.deleted)
    return {
        row.id: not row.deleted
        for part in _parts(ids)
        for row in connection.execute(wanted.where(annotations.c.id.in_(part)))
    }


def _owners(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Case and author of those marks that are already there."""
    wanted = select(annotations.c.id, annotations.c.case_id, annotations.c.author)
    return {
        row.id: (row.case_id, row.author)
        for part in _parts(ids)
        for row in connection.execute(wanted.where(annotations.c.id.in_(part)))
    }


def _find(connection: Connection, annotation_id: str) -> Row[Any] | None:
    wanted = select(annotations).where(annotations.c.id == annotation_id)
    return connection.execute(wanted).first()


def _last_revision(connection: Connection, case_id: str) -> int:
    wanted = select(func.max(annotations.c.revision)).where(annotations.c.case_id == case_id)
    return connection.scalar(wanted) or 0


def _count(connection: Connection, case_id: str) -> int:
    wanted = select(func.count()).select_from(annotations)
    return connection.scalar(wanted.where(annotations.c.case_id == case_id)) or 0


def _one(connection: Connection, annotation_id: str) -> Annotation:
    return _read(connection, annotations.c.id == annotation_id)[0]


def _read(connection: Connection, where: Any) -> tuple[Annotation, ...]:
    wanted = (
        select(annotations, users.c.name, users.c.site, users.c.roles, users.c.licence_number)
        .join(users, users.c.username == annotations.c.author)
        .where(where)
        .order_by(annotations.c.revision)
    )
    return tuple(_annotation(row) for row in connection.execute(wanted))


def _annotation(row: Row[Any]) -> Annotation:
    content = row.content
    fixed = {key: content[key] for key in _FIXED if key != "kind"}
    return Annotation(
        id=row.id,
        case_id=row.case_id,
        kind=AnnotationKind(content["kind"]),
        **fixed,
        points_mm=tuple((x, y, z) for x, y, z in content["points_mm"]),
        text=content["text"],
        measurements=tuple(content["measurements"]),
        origin=content["origin"],
        author=Person(row.author, row.name, row.site, tuple(row.roles), row.licence_number),
        created_at=row.created_at,
        updated_at=row.updated_at,
        revision=row.revision,
        deleted=row.deleted,
        classification=content.get("classification") or {},
    )


def _uuid(given: Any) -> str:
    if not given:
        return str(uuid.uuid4())
    try:
        return str(uuid.UUID(str(given)))
    except ValueError:
        raise InvalidRequest(
            "invalid_id", "Mã phải là UUID.", "The id is a UUID.", field="id"
        ) from None


def _audit(
    connection: Connection,
    principal: Principal,
    at: datetime,
    case_id: str,
    annotation_id: str,
    what: str,
    count: int = 1,
) -> None:
    more = {"count": str(count)} if count > 1 else {}
    audit.record(
        connection,
        AuditEvent.ANNOTATION,
        principal,
        at=at,
        case_id=case_id,
        annotation_id=annotation_id,
        what=what,
        **more,
    )
