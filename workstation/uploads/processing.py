"""What the worker does with an upload: look inside, convert slides, store everything.

Every step may run twice: UIDs and bytes follow from the upload, so the archive takes the second
time for what it is. The original goes only when what was made of it is verified and stored.
"""

import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from dicom_node.conversion import ConversionRefused, SlideFacts, convert, refuse
from dicom_node.conversion.contents import SLIDE_SUFFIXES, Contents, find_contents
from dicom_node.conversion.unpacking import is_archive, unpack
from dicom_node.errors import CannotUnderstand, DicomNodeError
from dicom_node.records import Channel, Origin, StoreOutcome, StoreResult
from dicom_node.slides.announced import withdraw
from workstation import accounts, audit
from workstation.audit import AuditEvent
from workstation.context import Context
from workstation.database import uploads
from workstation.roles import SYSTEM, Principal
from workstation.uploads.facts import slide_facts
from workstation.uploads.rows import PreviewState, UploadState, content_path, folder_of

__all__ = [
    "Work",
    "due_uploads",
    "interrupt_uploads",
    "is_free",
    "process_upload",
    "requeue_uploads",
]

logger = logging.getLogger(__name__)

# Longer than the archive needs for its copy of the largest instance.
LEASE = timedelta(minutes=15)
RENEW_SECONDS = 1.0
# Shares of the work, as the bar shows it.
UNPACKED, CONVERTED = 0.2, 0.9
_CHANGED = (
    "changed",
    "Tệp nhận được không trùng với tệp gốc: có thể tệp đã bị sửa trong lúc gửi. Hãy gửi lại.",
    "What came is not the sender's file, which may have been changed while it was sent. "
    "Send it again.",
)
_stopping = threading.Event()


def due_uploads(context: Context, limit: int = 20) -> list[str]:
    """Uploads that wait for a worker, or were left by one that died; oldest first."""
    now = context.clock()
    query = select(uploads.c.id).where(_waits(now)).order_by(uploads.c.created_at).limit(limit)
    with context.database.read() as connection:
        return list(connection.scalars(query))


def _waits(now: datetime) -> ColumnElement[bool]:
    """For a worker, and not for the end of a preview."""
    is_shown = (uploads.c.preview != PreviewState.WORKING.value) | is_free(now)
    return or_(
        (uploads.c.state == UploadState.DUE.value) & is_shown,
        (uploads.c.state == UploadState.WORKING.value) & is_free(now),
    )


def is_free(now: datetime) -> ColumnElement[bool]:
    """Nobody holds the row any more."""
    return uploads.c.leased_until.is_(None) | (uploads.c.leased_until < now)


def requeue_uploads(context: Context) -> None:
    """At the start of the only worker: what an earlier one held is due again."""
    _stopping.clear()
    again = (
        update(uploads)
        .where(uploads.c.state == UploadState.WORKING.value)
        .values(state=UploadState.DUE.value, leased_until=None)
    )
    shown_again = (
        update(uploads)
        .where(uploads.c.preview == PreviewState.WORKING.value)
        .values(preview=PreviewState.DUE.value, leased_until=None)
    )
    with context.database.begin() as connection:
        connection.execute(again)
        connection.execute(shown_again)


def interrupt_uploads() -> None:
    """At a worker's end: stop converting; the rows are due again when a worker starts."""
    _stopping.set()


def process_upload(context: Context, upload_id: str) -> UploadState | None:
    """Work on one upload to its end; return its state, None when it was not ours to work on."""
    now = context.clock()
    claim = (
        update(uploads)
        .where(uploads.c.id == upload_id, _waits(now))
        .values(state=UploadState.WORKING.value, leased_until=now + LEASE, error={})
    )
    with context.database.begin() as connection:
        if connection.execute(claim).rowcount != 1:
            return None
        row = connection.execute(select(uploads).where(uploads.c.id == upload_id)).one()
    work = Work(context, row)
    try:
        outcome = work.run()
    except ConversionRefused as refusal:
        if refusal.code == "cancelled":
            return work.cancelled()
        return work.refused(refusal.code, refusal.vi, refusal.en)
    except (DicomNodeError, OSError) as error:
        logger.warning("upload %s: %s", upload_id, type(error).__name__)
        return work.refused(
            "storage",
            "Không lưu được vì lỗi ổ đĩa hoặc kho ảnh; hãy thử lại sau hoặc báo quản trị viên.",
            "It could not be stored for an error of disk or archive; "
            "try again later, or tell an administrator.",
        )
    return work.done(outcome)


class Work:
    """One upload being worked on."""

    def __init__(self, context: Context, row: Any) -> None:
        self.context = context
        self.row = row
        self.folder = folder_of(context, row.id)
        self.progress = (0.0, "", "")
        self._wanted = True
        self._renewed = 0.0

    def run(self) -> dict[str, Any]:
        self._clear()
        self._check_digest()
        contents, names = self._contents()
        prepared = self._prepared(contents, names)
        files = list(contents.dicom)
        notes: list[dict[str, str]] = []
        slides = len(contents.slides)
        for number, (path, facts) in enumerate(zip(contents.slides, prepared, strict=True)):
            begin = UNPACKED + (CONVERTED - UNPACKED) * number / slides
            share = (CONVERTED - UNPACKED) / slides
            made = self._convert(path, facts, begin, share)
            files += made[0]
            notes += [{"vi": vi, "en": en} for vi, en in made[1]]
        results = self._store(files)
        return {
            "studies": sorted({each.study_instance_uid for each in results}),
            "instances": len(results),
            "quarantined": sum(each.outcome is StoreOutcome.QUARANTINED for each in results),
            "conflicts": sum(each.outcome is StoreOutcome.CONFLICT for each in results),
            "unreadable": len(files) - len(results),
            "slides": slides,
            "notes": notes,
        }

    # -- steps

    def _check_digest(self) -> None:
        """Blocks were checked one by one; that together they are the sender's file, here."""
        if not self.row.digest:
            return
        digest = hashlib.blake2b(digest_size=32)
        with content_path(self.context, self.row.id).open("rb") as file:
            while data := file.read(1 << 22):
                digest.update(data)
                self._renew()
        if digest.hexdigest() != self.row.digest:
            raise ConversionRefused(*_CHANGED)

    def _contents(self) -> tuple[Contents, list[str]]:
        """What was sent, and what the slides in it are called."""
        content = content_path(self.context, self.row.id)
        if is_archive(content):
            unpacked = self.folder / "unpacked"
            unpacked.mkdir()
            unpack(content, unpacked, report=self._report_unpacking)
            found = find_contents(unpacked)
            return found, [path.name for path in found.slides]
        found = find_contents(content)
        if found.slides:
            # Readers tell some formats by their suffix; of the sender's name nothing else is used.
            suffix = Path(self.row.name).suffix.lower()
            named = self.folder / f"slide{suffix if suffix in SLIDE_SUFFIXES else ''}"
            named.unlink(missing_ok=True)
            os.link(content, named)
            found = Contents(slides=[named])
        return found, [self.row.name]

    def _prepared(self, contents: Contents, names: list[str]) -> list[SlideFacts]:
        """The headers of the slides, made once: a second run must give the same bytes."""
        if not contents.slides:
            return []
        return self._headers(names)

    def _headers(self, names: list[str]) -> list[SlideFacts]:
        kept = self.row.outcome.get("prepared")
        # What has been shown keeps its header: other words now would be other instances.
        is_shown = bool(self.row.outcome.get("series"))
        if kept and (is_shown or self.row.outcome.get("facts") == self.row.facts):
            return [SlideFacts.from_json(each) for each in kept]
        several = len(names) > 1
        prepared: list[SlideFacts] = []
        for number, name in enumerate(names):
            facts = dict(self.row.facts)
            if several and "container_id" in facts:
                facts["container_id"] = f"{facts['container_id']}-{number + 1}"
            slide = slide_facts(
                self.context,
                self.row.site,
                facts,
                seed=f"{self.row.id}/{number}",
                received_at=f"{self.row.created_at:%Y-%m-%dT%H:%M:%S}",
                name=name,
            )
            if prepared:
                slide = _numbered(slide, prepared[-1].series_number + 1)
            prepared.append(slide)
        outcome = {"prepared": [each.as_json() for each in prepared], "facts": self.row.facts}
        self._set(outcome=outcome)
        return prepared

    def _convert(
        self, path: Path, facts: SlideFacts, begin: float, share: float
    ) -> tuple[list[Path], list[tuple[str, str]]]:
        folder = self.folder / "dicom" / facts.seed.rpartition("/")[2]
        folder.mkdir(parents=True)

        def report(fraction: float, vi: str, en: str) -> None:
            self.progress = (begin + share * fraction, vi, en)

        made = convert(path, folder, facts, report, cancelled=self._is_unwanted)
        return made.files, made.notes

    def _store(self, files: list[Path]) -> list[StoreResult]:
        origin = Origin(self.row.site, host=self.row.host, channel=Channel.UPLOAD)
        results = []
        for number, path in enumerate(files):
            share = (1 - CONVERTED) * number / len(files)
            self.progress = (CONVERTED + share, "Đang lưu vào kho", "Storing")
            self._renew()
            try:
                results.append(self.context.archive.store_file(path, origin))
            except CannotUnderstand:
                continue  # told as unreadable; the others of a folder are stored
        if files and not results:
            raise refuse("damaged", "no DICOM file in it can be read", "không đọc được DICOM")
        return results

    # -- ends

    def done(self, outcome: Mapping[str, Any]) -> UploadState:
        """Everything is stored: the original may go, unless the installation keeps them."""
        self._clear()
        if self.context.settings.keep_originals:
            _keep(self.context, self.row)
        actor = self._actor()
        with self.context.database.begin() as connection:
            connection.execute(
                update(uploads)
                .where(uploads.c.id == self.row.id)
                .values(
                    state=UploadState.DONE.value,
                    progress=1.0,
                    message={},
                    outcome=dict(outcome),
                    updated_at=self.context.clock(),
                    leased_until=None,
                )
            )
            for uid in outcome["studies"]:
                audit.record(
                    connection,
                    AuditEvent.IMPORT,
                    actor,
                    at=self.context.clock(),
                    upload=self.row.id,
                    study_instance_uid=uid,
                    count=outcome["instances"],
                    step="stored",
                )
        for series in self.row.outcome.get("series", []):
            withdraw(self.context.archive.settings.folder, series)
        shutil.rmtree(self.folder, ignore_errors=True)
        logger.info("upload %s: %d instances", self.row.id, outcome["instances"])
        return UploadState.DONE

    def refused(self, code: str, vi: str, en: str) -> UploadState:
        """It cannot be taken; the bytes stay for a while, should other facts help."""
        self._clear()
        with self.context.database.begin() as connection:
            connection.execute(
                update(uploads)
                .where(uploads.c.id == self.row.id, uploads.c.state == UploadState.WORKING.value)
                .values(
                    state=UploadState.REFUSED.value,
                    message={},
                    error={"code": code, "vi": vi, "en": en},
                    updated_at=self.context.clock(),
                    leased_until=None,
                )
            )
            audit.record(
                connection,
                AuditEvent.IMPORT,
                self._actor(),
                at=self.context.clock(),
                outcome="failure",
                upload=self.row.id,
                code=code,
            )
        logger.info("upload %s refused: %s", self.row.id, code)
        return UploadState.REFUSED

    def cancelled(self) -> UploadState:
        """Nobody wants it any more; or the worker ends and the row is due again."""
        self._clear()
        if self._wanted:
            self._set(state=UploadState.DUE.value, leased_until=None)
            return UploadState.DUE
        shutil.rmtree(self.folder, ignore_errors=True)
        return UploadState.CANCELLED

    # -- small things

    def _clear(self) -> None:
        for name in ("unpacked", "dicom"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for path in self.folder.glob("slide*"):
            path.unlink(missing_ok=True)

    def _report_unpacking(self, fraction: float) -> None:
        self.progress = (UNPACKED * fraction, "Đang mở gói", "Unpacking")
        self._renew()

    def _is_unwanted(self) -> bool:
        self._renew()
        return not self._wanted or _stopping.is_set()

    def _renew(self) -> None:
        """Show the progress, keep the lease, and see whether somebody cancelled."""
        if time.monotonic() - self._renewed < RENEW_SECONDS:
            return
        self._renewed = time.monotonic()
        self._wanted = self._show_progress()

    def _show_progress(self) -> bool:
        fraction, vi, en = self.progress
        return self._set(
            progress=fraction,
            message={"vi": vi, "en": en} if vi else {},
            leased_until=self.context.clock() + LEASE,
        )

    @property
    def _is_stopping(self) -> bool:
        return _stopping.is_set()

    def _is_ours(self) -> ColumnElement[bool]:
        return uploads.c.state == UploadState.WORKING.value

    def _set(self, **values: Any) -> bool:
        change = (
            update(uploads).where(uploads.c.id == self.row.id, self._is_ours()).values(**values)
        )
        with self.context.database.begin() as connection:
            return connection.execute(change).rowcount == 1

    def _actor(self) -> Principal:
        return accounts.principal_of(self.context, self.row.owner) if self.row.owner else SYSTEM


def _numbered(slide: SlideFacts, number: int) -> SlideFacts:
    return SlideFacts.from_json({**slide.as_json(), "series_number": number})


def _keep(context: Context, row: Any) -> None:
    """Put the original aside, under the upload's id: its own name may be a patient's."""
    folder = context.settings.data / "originals"
    folder.mkdir(mode=0o750, exist_ok=True)
    suffix = Path(row.name).suffix.lower()
    safe = suffix if suffix in SLIDE_SUFFIXES | {".zip", ".tar", ".dcm"} else ""
    os.replace(content_path(context, row.id), folder / f"{row.id}{safe}")
