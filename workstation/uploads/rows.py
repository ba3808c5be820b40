"""The rows of uploads: who brings what, how far it is, what became of it."""

import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update

from dicom_node.conversion.blocks import Blocks, block_bytes_for
from workstation import audit
from workstation.audit import AuditEvent
from workstation.context import Context
from workstation.database import uploads
from workstation.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from workstation.roles import SYSTEM, Principal, Role
from workstation.uploads.facts import checked_facts

__all__ = [
    "SENDERS",
    "PreviewState",
    "Upload",
    "UploadState",
    "begin_upload",
    "blocks_of",
    "content_path",
    "folder_of",
    "get_upload",
    "hold_file",
    "list_uploads",
    "make_due",
    "make_due_when_known",
    "remove_expired",
    "remove_upload",
    "set_digest",
    "touch",
    "try_again",
    "want_preview",
]

SENDERS = (Role.REQUESTER, Role.TECHNICIAN)
# An upload nobody goes on with, and what was refused and may be tried again with better facts.
KEPT_UNFINISHED = timedelta(days=7)
# What is done stays on the list so long.
KEPT_ROWS = timedelta(days=30)
MOST_UNFINISHED = 300
# Of one user, not yet converted, in sizes of the largest single upload.
QUOTA_UPLOADS = 4
LONGEST_NAME = 300


class UploadState(StrEnum):
    RECEIVING = "receiving"
    DUE = "due"
    WORKING = "working"
    DONE = "done"
    REFUSED = "refused"  # with a reason; other facts may help
    CANCELLED = "cancelled"


class PreviewState(StrEnum):
    """Of the smaller levels of a slide that is still arriving."""

    NONE = ""
    DUE = "due"
    WORKING = "working"
    DONE = "done"
    REFUSED = "refused"  # not of this file; the whole of it may do


UNFINISHED = (UploadState.RECEIVING, UploadState.DUE, UploadState.WORKING, UploadState.REFUSED)


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way in; `owner` is "" for the watched folder."""

    id: str
    owner: str
    site: str
    name: str
    size: int
    facts: dict[str, Any]
    state: UploadState
    progress: float
    message: dict[str, str]
    error: dict[str, str]
    outcome: dict[str, Any]
    host: str
    created_at: datetime
    updated_at: datetime
    block_bytes: int = 0  # 0: it comes front to back, by tus
    digest: str = ""  # BLAKE2b-256 of the whole, as the sender worked it out
    preview: PreviewState = PreviewState.NONE

    @property
    def shown_steps(self) -> int:
        """How many steps of its plan are in the archive (`conversion.priority.Plan`)."""
        return int(self.outcome.get("shown", 0))

    @property
    def expires_at(self) -> datetime:
        return self.updated_at + KEPT_UNFINISHED


def folder_of(context: Context, upload_id: str) -> Path:
    """Where an upload's files are; `upload_id` is one of our rows'."""
    return context.settings.data / "uploads" / upload_id


def content_path(context: Context, upload_id: str) -> Path:
    """The bytes as they come."""
    return folder_of(context, upload_id) / "content"


def blocks_of(context: Context, upload: Upload) -> Blocks:
    """Which blocks of an upload are here."""
    return Blocks(folder_of(context, upload.id) / "blocks", upload.size, upload.block_bytes)


def begin_upload(
    context: Context,
    principal: Principal,
    name: str,
    size: int,
    facts: Mapping[str, Any],
    *,
    in_blocks: bool = False,
) -> Upload:
    """Make the row and the empty file of a new upload; one in blocks has its full size at once.

    Raises
    ------
    NotAllowed, InvalidRequest
    """
    if not principal.has(*SENDERS):
        raise NotAllowed(
            "may_not_upload",
            "Chỉ người xin hội chẩn và kỹ thuật viên gửi được tệp.",
            "Only requesters and technicians can send files.",
        )
    largest = context.settings.largest_upload_bytes
    if not 0 < size <= largest:
        raise InvalidRequest(
            "upload_size",
            f"Tệp rỗng hoặc lớn hơn giới hạn {largest / 1e9:.0f} GB.",
            f"The file is empty or larger than the limit of {largest / 1e9:.0f} GB.",
        )
    values = _new_row(context, name, size, checked_facts(facts))
    values |= {"owner": principal.username, "site": principal.site, "host": principal.host}
    values["block_bytes"] = block_bytes_for(size) if in_blocks else 0
    with context.database.begin() as connection:
        _check_quota(connection, principal.username, size, largest)
        _check_room(context, size)
        connection.execute(insert(uploads).values(values))
        audit.record(
            connection,
            AuditEvent.IMPORT,
            principal,
            at=context.clock(),
            upload=values["id"],
            step="begun",
        )
    folder = folder_of(context, values["id"])
    folder.mkdir(mode=0o750, parents=True)
    (folder / "content").touch(mode=0o640)
    upload = get_upload(context, principal, values["id"])
    if in_blocks:
        os.truncate(folder / "content", size)
        blocks_of(context, upload).begin()
    return upload


def hold_file(context: Context, site: str, name: str, size: int, facts: Mapping[str, Any]) -> str:
    """Make the row of a file found in the watched folder, not yet due; return its id."""
    values = _new_row(context, name, size, dict(facts)) | {"owner": None, "site": site}
    with context.database.begin() as connection:
        connection.execute(insert(uploads).values(values))
    return str(values["id"])


def make_due(context: Context, upload_id: str) -> None:
    """All bytes are on the disk: the worker may begin."""
    _change(context, upload_id, (UploadState.RECEIVING,), state=UploadState.DUE.value)


def make_due_when_known(context: Context, upload_id: str) -> None:
    """All blocks are here; when the digest of the whole is, too, the worker may begin."""
    known = (
        update(uploads)
        .where(
            uploads.c.id == upload_id,
            uploads.c.state == UploadState.RECEIVING.value,
            uploads.c.digest != "",
        )
        .values(state=UploadState.DUE.value, updated_at=context.clock())
    )
    with context.database.begin() as connection:
        connection.execute(known)


def _new_row(context: Context, name: str, size: int, facts: dict[str, Any]) -> dict[str, Any]:
    now = context.clock()
    return {
        "id": str(uuid.uuid4()),
        "name": name.replace("\0", "").strip()[:LONGEST_NAME] or "?",
        "size": size,
        "facts": facts,
        "state": UploadState.RECEIVING.value,
        "created_at": now,
        "updated_at": now,
    }


def get_upload(context: Context, principal: Principal, upload_id: str) -> Upload:
    """One upload of the caller's own. Raises NotFound."""
    query = select(uploads).where(uploads.c.id == upload_id, _own(principal))
    with context.database.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("no_upload", "Không có lần gửi này.", "There is no such upload.")
    return _upload(row)


def list_uploads(context: Context, principal: Principal, limit: int = 100) -> list[Upload]:
    """The caller's own uploads and their site's watched folder, latest first."""
    visible = or_(_own(principal), (uploads.c.owner.is_(None)) & (uploads.c.site == principal.site))
    query = (
        select(uploads)
        .where(visible, uploads.c.state != UploadState.CANCELLED.value)
        .order_by(uploads.c.created_at.desc())
        .limit(limit)
    )
    with context.database.read() as connection:
        return [_upload(row) for row in connection.execute(query)]


def try_again(
    context: Context, principal: Principal, upload_id: str, facts: Mapping[str, Any]
) -> Upload:
    """Queue a refused file once more with other facts. Raises NotFound, Conflict."""
    upload = get_upload(context, principal, upload_id)
    merged = {**upload.facts, **checked_facts(facts)}
    changed = content_path(context, upload.id).exists() and _change(
        context,
        upload.id,
        (UploadState.REFUSED,),
        state=UploadState.DUE.value,
        facts=merged,
        error={},
        progress=0.0,
    )
    if not changed:
        raise Conflict(
            "not_refused",
            "Tệp này không ở trạng thái bị từ chối.",
            "This file is not in the state of being refused.",
        )
    return get_upload(context, principal, upload_id)


def remove_upload(context: Context, principal: Principal, upload_id: str) -> None:
    """Stop an upload or its conversion, and forget its bytes. Raises NotFound."""
    upload = get_upload(context, principal, upload_id)
    if _change(context, upload.id, UNFINISHED, state=UploadState.CANCELLED.value):
        with context.database.begin() as connection:
            audit.record(
                connection,
                AuditEvent.IMPORT,
                principal,
                at=context.clock(),
                upload=upload.id,
                step="cancelled",
            )
    if upload.state is not UploadState.WORKING:  # its worker clears away what it works on
        shutil.rmtree(folder_of(context, upload.id), ignore_errors=True)


def remove_expired(context: Context) -> int:
    """Forget what nobody goes on with; return how many rows went."""
    now = context.clock()
    abandoned = (UploadState.RECEIVING.value, UploadState.REFUSED.value)
    old = or_(
        uploads.c.state.in_(abandoned) & (uploads.c.updated_at < now - KEPT_UNFINISHED),
        uploads.c.state.in_((UploadState.DONE.value, UploadState.CANCELLED.value))
        & (uploads.c.updated_at < now - KEPT_ROWS),
    )
    with context.database.begin() as connection:
        gone = list(connection.scalars(select(uploads.c.id).where(old).limit(500)))
        if gone:
            connection.execute(delete(uploads).where(uploads.c.id.in_(gone)))
            audit.record(
                connection,
                AuditEvent.IMPORT,
                SYSTEM,
                at=now,
                uploads=gone,
                step="expired",
            )
    for upload_id in gone:
        shutil.rmtree(folder_of(context, upload_id), ignore_errors=True)
    return len(gone)


def touch(context: Context, upload_id: str) -> None:
    """Bytes came: the upload lives."""
    _change(context, upload_id, (UploadState.RECEIVING,))


def set_digest(context: Context, upload_id: str, digest: str) -> None:
    """What the sender makes of the whole file; the worker compares it."""
    _change(context, upload_id, (UploadState.RECEIVING,), digest=digest)


def want_preview(context: Context, upload_id: str) -> None:
    """More levels are here: the worker may show them, unless it is at it or could not."""
    wanted = (
        update(uploads)
        .where(
            uploads.c.id == upload_id,
            uploads.c.state == UploadState.RECEIVING.value,
            uploads.c.preview.in_((PreviewState.NONE.value, PreviewState.DONE.value)),
        )
        .values(preview=PreviewState.DUE.value)
    )
    with context.database.begin() as connection:
        connection.execute(wanted)


def _change(
    context: Context, upload_id: str, states: tuple[UploadState, ...], **values: Any
) -> bool:
    change = (
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.state.in_([state.value for state in states]))
        .values(updated_at=context.clock(), **values)
    )
    with context.database.begin() as connection:
        return connection.execute(change).rowcount == 1


def _own(principal: Principal) -> ColumnElement[bool]:
    return uploads.c.owner == principal.username


def _check_quota(connection: Connection, username: str, size: int, largest: int) -> None:
    mine = uploads.c.owner == username
    unfinished = uploads.c.state.in_([state.value for state in UNFINISHED])
    count, held = connection.execute(
        select(func.count(), func.coalesce(func.sum(uploads.c.size), 0)).where(mine, unfinished)
    ).one()
    if count >= MOST_UNFINISHED or held + size > QUOTA_UPLOADS * largest:
        raise Conflict(
            "upload_quota",
            "Bạn có quá nhiều tệp chưa gửi xong; hãy chờ hoặc xoá bớt.",
            "You have too many unfinished files; wait, or remove some.",
        )


def _check_room(context: Context, size: int) -> None:
    context.settings.data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(context.settings.data).free
    # The bytes themselves, the converted slide, and its copy in the archive.
    if free - 3 * size < context.settings.minimum_free_bytes:
        raise Conflict(
            "upload_room",
            "Máy chủ không còn đủ chỗ cho tệp này; hãy báo quản trị viên.",
            "The server has no room for this file; tell an administrator.",
        )


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        id=row.id,
        owner=row.owner or "",
        site=row.site,
        name=row.name,
        size=row.size,
        facts=row.facts,
        state=UploadState(row.state),
        progress=row.progress,
        message=row.message,
        error=row.error,
        outcome=row.outcome,
        host=row.host,
        created_at=row.created_at,
        updated_at=row.updated_at,
        block_bytes=row.block_bytes,
        digest=row.digest,
        preview=PreviewState(row.preview),
    )
