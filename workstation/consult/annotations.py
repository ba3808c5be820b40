"""What readers draw: saved at once, with author and time, seen by everyone who sees the case.

Each change takes the case's next revision, so a viewer asks for what is new since the revision it
has. Marks belong to their author; deleted ones stay, marked as such.
"""

import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from dicom_node.errors import NotFound as NotHeld
from dicom_node.records import ReadScope
from plugins.nouns import Annotation, AnnotationKind, Person
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult.measuring import checked_measurements
from workstation.consult.moves import known
from workstation.consult.rows import CaseRecord
from workstation.context import Context
from workstation.database import annotations, users
from workstation.errors import Conflict, InvalidRequest, NotAllowed
from workstation.roles import Principal

__all__ = ["Marks", "add", "change", "list_annotations", "load_marks", "remove"]

LONGEST_TEXT = 2000
MOST_PER_CASE = 20_000

_FIXED = (
    "kind",
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
    "sop_class_uid",
    "frame_number",
    "frame_of_reference_uid",
)
_CHANGEABLE = ("points_mm", "text", "measurements", "origin")


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
    kept = _content(content)
    annotation_id = _uuid(content.get("id"))
    now = context.clock()
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.ANNOTATE, case)
        before = _find(connection, annotation_id)
        if before is not None:
            if before.case_id != case_id or before.author != principal.username:
                raise Conflict("id_taken", "Mã nét vẽ đã có.", "There is a mark of this id.")
            return _one(connection, annotation_id)
        _require_image(context, case, kept)
        if _count(connection, case_id) >= MOST_PER_CASE:
            raise Conflict(
                "too_many_marks",
                f"Ca đã có {MOST_PER_CASE} nét vẽ.",
                f"The case has {MOST_PER_CASE} marks already.",
            )
        connection.execute(
            insert(annotations).values(
                id=annotation_id,
                case_id=case_id,
                revision=_last_revision(connection, case_id) + 1,
                content=kept,
                author=principal.username,
                created_at=now,
                updated_at=now,
            )
        )
        _audit(connection, principal, now, case_id, annotation_id, "added")
        return _one(connection, annotation_id)


def change(
    context: Context,
    principal: Principal,
    case_id: str,
    annotation_id: str,
    content: Mapping[str, Any],
) -> Annotation:
    """Change points, text, measurements or origin of one's own mark."""
    now = context.clock()
    with context.database.begin() as connection:
        row = _own(context, connection, principal, case_id, annotation_id)
        if row.deleted:
            raise access.not_found()
        fresh = {key: content[key] for key in _CHANGEABLE if key in content}
        kept = _content({**row.content, **fresh})
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
        for mark in _read(connection, wanted & annotations.c.id.in_(list(annotation_ids)))
    }
    return tuple(found[one] for one in dict.fromkeys(annotation_ids) if one in found)


def _content(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a mark, checked."""
    try:
        kind = AnnotationKind(given["kind"])
    except (KeyError, ValueError):
        known_kinds = ", ".join(AnnotationKind)
        raise InvalidRequest(
            "unknown_kind", "Loại nét vẽ không hợp lệ.", f"A mark is one of {known_kinds}."
        ) from None
    points = [tuple(float(number) for number in point) for point in given["points_mm"]]
    if any(len(point) != 3 for point in points):
        raise InvalidRequest(
            "invalid_point", "Mỗi điểm cần x, y, z.", "A point is (x, y, z).", field="points_mm"
        )
    text = unicodedata.normalize("NFC", str(given.get("text") or "")).strip()
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(
            "text_too_long",
            f"Ghi chú dài quá {LONGEST_TEXT} ký tự.",
            f"The text is longer than {LONGEST_TEXT} characters.",
            field="text",
        )
    measured = checked_measurements(
        kind,
        points,  # type: ignore[arg-type]  # three numbers each, just checked
        given.get("measurements") or (),
    )
    return {
        "kind": str(kind),
        "study_instance_uid": str(given["study_instance_uid"]),
        "series_instance_uid": str(given.get("series_instance_uid") or ""),
        "sop_instance_uid": str(given.get("sop_instance_uid") or ""),
        "sop_class_uid": str(given.get("sop_class_uid") or ""),
        "frame_number": int(given.get("frame_number") or 1),
        "frame_of_reference_uid": str(given.get("frame_of_reference_uid") or ""),
        "points_mm": [list(point) for point in points],
        "text": text,
        "measurements": measured,
        "origin": dict(given.get("origin") or {}),
    }


def _require_image(context: Context, case: CaseRecord, content: dict[str, Any]) -> None:
    """The mark lies on an image of the case that we hold; its SOP Class is what we hold."""
    study = content["study_instance_uid"]
    if study in case.study_instance_uids:
        if not content["sop_instance_uid"]:
            return  # drawn on a reformatted plane: the frame of reference says where
        try:
            instance = context.archive.instance(
                content["sop_instance_uid"],
                scope=ReadScope(studies=frozenset({study})),
                study_instance_uid=study,
            )
        except NotHeld:
            pass
        else:
            content["sop_class_uid"] = instance.sop_class_uid
            content["series_instance_uid"] = instance.series_instance_uid
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
) -> None:
    audit.record(
        connection,
        AuditEvent.ANNOTATION,
        principal,
        at=at,
        case_id=case_id,
        annotation_id=annotation_id,
        what=what,
    )
