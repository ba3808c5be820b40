"""Point sets: what another program found on a slide, too many to be marks one by one.

Their coordinates are pixels of level 0 in single precision, eight bytes a point, kept as they came
and handed to viewers as they are.
"""

import hashlib
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, func, insert, select, update

from plugins.nouns import Person, PointSet
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult.mark_content import checked_classification
from workstation.consult.moves import known
from workstation.consult.slides import Slide, chosen_slide
from workstation.context import Context
from workstation.database import point_set_data, point_sets, users
from workstation.errors import Conflict, InvalidRequest, NotAllowed
from workstation.roles import Principal

__all__ = [
    "NewPointSet",
    "add",
    "insert_sets",
    "list_point_sets",
    "load_points",
    "load_sets",
    "not_held",
    "points_bytes",
    "remove",
    "starts_bytes",
]

MOST_POINTS = 5_000_000
MOST_PER_CASE = 64
FARTHEST_PX = 1e7
_LINES = ("POLYLINE", "POLYGON")
_FIXED = (
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
    "sop_class_uid",
    "frame_of_reference_uid",
    "name",
    "classification",
    "graphic_type",
    "count",
    "vertices",
    "algorithm",
)


@dataclass(frozen=True)
class NewPointSet:
    """What somebody wants to keep. ``starts`` is empty for points."""

    points: NDArray[np.float32] = field(repr=False)
    starts: NDArray[np.uint32] = field(repr=False, default_factory=lambda: np.empty(0, np.uint32))
    graphic_type: str = "POINT"
    name: str = ""
    classification: Mapping[str, Any] = field(default_factory=dict)
    algorithm: str = ""


def list_point_sets(context: Context, principal: Principal, case_id: str) -> tuple[PointSet, ...]:
    """The living point sets of a case, oldest first, without their points."""
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.SEE, case)
        return _read(context, connection, (point_sets.c.case_id == case_id) & ~point_sets.c.deleted)


def points_bytes(
    context: Context, principal: Principal, case_id: str, point_set_id: str
) -> tuple[bytes, str]:
    """The points of a set as float32 pairs, little-endian, and the hash of the content."""
    return _data(context, principal, case_id, point_set_id, "points")


def starts_bytes(
    context: Context, principal: Principal, case_id: str, point_set_id: str
) -> tuple[bytes, str]:
    """Where each line or outline of a set begins, as uint32, little-endian, and the hash."""
    return _data(context, principal, case_id, point_set_id, "starts")


def add(
    context: Context,
    principal: Principal,
    case_id: str,
    series_instance_uid: str,
    new: NewPointSet,
) -> PointSet:
    """Keep a point set on a slide of the case.

    Raises
    ------
    NotFound, NotAllowed, Conflict, InvalidRequest
    """
    now = context.clock()
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.ANNOTATE, case)
        slide = chosen_slide(context, case, series_instance_uid)
        (made,) = insert_sets(context, connection, principal, case_id, slide, [new])
        return made


def insert_sets(
    context: Context,
    connection: Connection,
    principal: Principal,
    case_id: str,
    slide: Slide,
    new: Sequence[NewPointSet],
) -> tuple[PointSet, ...]:
    """Keep point sets in a transaction that has asked for the right already."""
    if not new:
        return ()
    now = context.clock()
    living = (point_sets.c.case_id == case_id) & ~point_sets.c.deleted
    held = connection.scalar(select(func.count()).select_from(point_sets).where(living)) or 0
    if held + len(new) > MOST_PER_CASE:
        raise Conflict(
            "too_many_point_sets",
            f"Một ca có nhiều nhất {MOST_PER_CASE} tập điểm.",
            f"A case has at most {MOST_PER_CASE} point sets.",
        )
    ids = []
    for one in new:
        content, points, starts = _checked(one, slide)
        content_hash = _hash(points, starts)
        same = point_set_data.c.content_hash == content_hash
        if connection.scalar(select(point_set_data.c.content_hash).where(same)) is None:
            connection.execute(
                insert(point_set_data).values(
                    content_hash=content_hash, points=points, starts=starts
                )
            )
        ids.append(str(uuid.uuid4()))
        connection.execute(
            insert(point_sets).values(
                id=ids[-1],
                case_id=case_id,
                content=content,
                content_hash=content_hash,
                author=principal.username,
                created_at=now,
                deleted=False,
            )
        )
        _audit(connection, principal, context, case_id, ids[-1], "added")
    return load_sets(context, connection, case_id, ids)


def not_held(
    connection: Connection, case_id: str, slide: Slide, new: Sequence[NewPointSet]
) -> list[NewPointSet]:
    """Those of which no living set of the slide has the same points."""
    living = (point_sets.c.case_id == case_id) & ~point_sets.c.deleted
    held = {
        (row.content["series_instance_uid"], row.content_hash)
        for row in connection.execute(
            select(point_sets.c.content, point_sets.c.content_hash).where(living)
        )
    }
    return [
        one
        for one in new
        if (slide.series_instance_uid, _hash(*_checked(one, slide)[1:])) not in held
    ]


def remove(context: Context, principal: Principal, case_id: str, point_set_id: str) -> PointSet:
    """Delete one's own point set; it stays in the record. A second time does no harm."""
    with context.database.begin() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.ANNOTATE, case)
        row = _row(connection, case_id, point_set_id)
        if row.author != principal.username:
            raise NotAllowed(
                "not_author",
                "Chỉ người đưa vào mới xóa được tập điểm của mình.",
                "Only whoever brought it in deletes a point set.",
            )
        if not row.deleted:
            wanted = update(point_sets).where(point_sets.c.id == point_set_id)
            connection.execute(wanted.values(deleted=True))
            _audit(connection, principal, context, case_id, point_set_id, "removed")
        return _read(context, connection, point_sets.c.id == point_set_id)[0]


def load_sets(
    context: Context, connection: Connection, case_id: str, ids: Sequence[str]
) -> tuple[PointSet, ...]:
    """Living point sets of a case by their ids, in that order; unknown ones are left out."""
    wanted = (point_sets.c.case_id == case_id) & ~point_sets.c.deleted
    found = {one.id: one for one in _read(context, connection, wanted)}
    return tuple(found[one] for one in dict.fromkeys(ids) if one in found)


def load_points(
    context: Context, content_hash: str
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Points and starts of that content, proved to have its hash.

    Raises
    ------
    ValueError
        It is gone, or was changed.
    """
    wanted = select(point_set_data).where(point_set_data.c.content_hash == content_hash)
    with context.database.read() as connection:
        row = connection.execute(wanted).first()
    if row is None or _hash(row.points, row.starts) != content_hash:
        raise ValueError(f"the points {content_hash} are not as they were kept")
    points = np.frombuffer(row.points, "<f4").reshape(-1, 2)
    return points, np.frombuffer(row.starts, "<u4")


def _hash(points: bytes, starts: bytes) -> str:
    return hashlib.sha256(points + b"\0starts\0" + starts).hexdigest()


def _checked(new: NewPointSet, slide: Slide) -> tuple[dict[str, Any], bytes, bytes]:
    """The content to keep, and its bytes."""
    points = np.asarray(new.points, "<f4")
    starts = np.asarray(new.starts, "<u4")
    lines = new.graphic_type in _LINES
    if (
        (new.graphic_type != "POINT" and not lines)
        or points.ndim != 2
        or points.shape[1] != 2
        or not 0 < len(points) <= MOST_POINTS
        or not (np.abs(points) <= FARTHEST_PX).all()  # not a number fails here too
        or lines != bool(len(starts))
        or (lines and not _begin(starts, len(points)))
    ):
        raise InvalidRequest(
            "invalid_points",
            f"Tập điểm không hợp lệ (tối đa {MOST_POINTS} điểm).",
            f"The points are not valid (at most {MOST_POINTS}).",
            field="points",
        )
    content = {
        "study_instance_uid": slide.study_instance_uid,
        "series_instance_uid": slide.series_instance_uid,
        "sop_instance_uid": slide.sop_instance_uid,
        "sop_class_uid": slide.sop_class_uid,
        "frame_of_reference_uid": slide.frame_of_reference_uid,
        "name": unicodedata.normalize("NFC", new.name).strip()[:200],
        "classification": checked_classification(new.classification),
        "graphic_type": new.graphic_type,
        "count": len(starts) if lines else len(points),
        "vertices": len(points),
        "algorithm": unicodedata.normalize("NFC", new.algorithm).strip()[:64],
    }
    return content, points.tobytes(), starts.tobytes()


def _begin(starts: NDArray[np.uint32], count: int) -> bool:
    steps = np.diff(starts.astype(np.int64))
    return bool(starts[0] == 0 and (steps > 0).all() and starts[-1] < count)


def _data(
    context: Context, principal: Principal, case_id: str, point_set_id: str, column: str
) -> tuple[bytes, str]:
    with context.database.read() as connection:
        case = known(connection, context.clock(), case_id)
        access.require(principal, Action.SEE, case)
        content_hash = _row(connection, case_id, point_set_id).content_hash
        wanted = select(point_set_data.c[column])
        data = connection.scalar(wanted.where(point_set_data.c.content_hash == content_hash))
    return bytes(data or b""), content_hash


def _row(connection: Connection, case_id: str, point_set_id: str) -> Row[Any]:
    wanted = (point_sets.c.id == point_set_id) & (point_sets.c.case_id == case_id)
    row = connection.execute(select(point_sets).where(wanted)).first()
    if row is None:
        raise access.not_found()
    return row


def _read(context: Context, connection: Connection, where: Any) -> tuple[PointSet, ...]:
    wanted = (
        select(point_sets, users.c.name, users.c.site, users.c.roles, users.c.licence_number)
        .join(users, users.c.username == point_sets.c.author)
        .where(where)
        .order_by(point_sets.c.created_at, point_sets.c.id)
    )
    return tuple(
        PointSet(
            id=row.id,
            case_id=row.case_id,
            **{key: row.content[key] for key in _FIXED},
            content_hash=row.content_hash,
            author=Person(row.author, row.name, row.site, tuple(row.roles), row.licence_number),
            created_at=row.created_at,
            load=partial(load_points, context, row.content_hash),
        )
        for row in connection.execute(wanted)
    )


def _audit(
    connection: Connection,
    principal: Principal,
    context: Context,
    case_id: str,
    point_set_id: str,
    what: str,
) -> None:
    audit.record(
        connection,
        AuditEvent.ANNOTATION,
        principal,
        at=context.clock(),
        case_id=case_id,
        point_set_id=point_set_id,
        what=what,
    )
