"""Showing a slide before all of it has come: its levels up to 10x, then each larger one.

They are stored as the whole will have them: byte for byte the instances that the whole conversion
makes later, so the archive takes them then for what they are. The header of the largest level is
kept beside them: marks lie on the same millimetres before and after, and everybody is told that
the slide is not complete.
"""

import json
import logging
import os
import shutil
from pathlib import Path

from sqlalchemy import ColumnElement, select, update

from dicom_node.conversion import ConversionRefused, convert
from dicom_node.conversion.blocks import Blocks, SparseFile
from dicom_node.conversion.contents import SLIDE_SUFFIXES
from dicom_node.conversion.partial import ANNOUNCED, PLACES
from dicom_node.conversion.priority import make_plan
from dicom_node.errors import DicomNodeError
from dicom_node.slides.announced import announce, set_arrived_share
from dicom_node.slides.early import keep_places
from workstation.context import Context
from workstation.database import uploads
from workstation.uploads.processing import LEASE, Work, is_free
from workstation.uploads.rows import PreviewState, UploadState, content_path

__all__ = ["due_previews", "show_early"]

logger = logging.getLogger(__name__)

_UNFINISHED = (UploadState.RECEIVING.value, UploadState.DUE.value)


def due_previews(context: Context, limit: int = 20) -> list[str]:
    """Uploads whose smaller levels have come, and wait to be shown; oldest first."""
    waiting = (uploads.c.state == UploadState.RECEIVING.value) & (
        (uploads.c.preview == PreviewState.DUE.value)
        | ((uploads.c.preview == PreviewState.WORKING.value) & is_free(context.clock()))
    )
    query = select(uploads.c.id).where(waiting).order_by(uploads.c.created_at).limit(limit)
    with context.database.read() as connection:
        return list(connection.scalars(query))


def show_early(context: Context, upload_id: str) -> PreviewState | None:
    """Store the levels that are here; None when it was not ours to do."""
    now = context.clock()
    claim = (
        update(uploads)
        .where(
            uploads.c.id == upload_id,
            uploads.c.state == UploadState.RECEIVING.value,
            (uploads.c.preview == PreviewState.DUE.value)
            | ((uploads.c.preview == PreviewState.WORKING.value) & is_free(now)),
        )
        .values(preview=PreviewState.WORKING.value, leased_until=now + LEASE)
    )
    with context.database.begin() as connection:
        if connection.execute(claim).rowcount != 1:
            return None
        row = connection.execute(select(uploads).where(uploads.c.id == upload_id)).one()
    early = _Early(context, row)
    try:
        early.show()
        state = PreviewState.DONE
    except (ConversionRefused, DicomNodeError, OSError) as error:
        # Whoever sends it hears of it when the whole is looked at.
        logger.info("upload %s is not shown early: %s", upload_id, type(error).__name__)
        state = early.given_up()
    early.end(state)
    return state


class _Early(Work):
    """The smaller levels of one upload, whose row another request may change meanwhile."""

    def show(self) -> None:
        self._clear()
        content = content_path(self.context, self.row.id)
        suffix = Path(self.row.name).suffix.lower()
        named = self.folder / f"early{suffix if suffix in SLIDE_SUFFIXES else ''}"
        named.unlink(missing_ok=True)
        os.link(content, named)
        (facts,) = self._headers([self.row.name])
        folder = self.folder / "early-dicom"
        folder.mkdir()
        blocks = Blocks(self.folder / "blocks", self.row.size, self.row.block_bytes)
        with SparseFile(content, blocks) as file:
            plan = make_plan(file, float(self.row.facts.get("mpp") or 0.0))
            steps = plan.reached(file.here)
        made = convert(named, folder, facts, cancelled=self._is_unwanted, blocks=blocks)
        coming = {
            path: json.loads(path.read_text(encoding="utf-8"))
            for path in made.files
            if path.suffix == ANNOUNCED
        }
        headers = list(coming.values())
        series = sorted({header["0020000E"]["Value"][0] for header in headers})
        if not series:  # all of it came meanwhile
            return
        archive_folder = self.context.archive.settings.folder
        announce(archive_folder, headers)
        places = {
            header["00080018"]["Value"][0]: path.with_suffix(PLACES)
            for path, header in coming.items()
            if path.with_suffix(PLACES).exists()
        }
        here = blocks.here
        for one in series:
            keep_places(archive_folder, one, content, blocks, places)
            set_arrived_share(archive_folder, one, blocks.received_bytes(here) / self.row.size)
        # Before anything is stored: what is shown must stay what it is.
        outcome = {
            "prepared": [facts.as_json()],
            "facts": self.row.facts,
            "series": series,
        }
        self._set(outcome=self.row.outcome | outcome)
        self._store([path for path in made.files if path.suffix != ANNOUNCED])
        self._set(outcome=outcome | {"studies": [facts.study_instance_uid], "shown": steps})
        logger.info("upload %s is shown early", self.row.id)

    def given_up(self) -> PreviewState:
        """The state after a failure: due again when only the worker ends."""
        return PreviewState.DUE if self._wanted and self._is_stopping else PreviewState.REFUSED

    def end(self, state: PreviewState) -> None:
        self._clear()
        self._set(preview=state.value, leased_until=None)

    def _clear(self) -> None:
        shutil.rmtree(self.folder / "early-dicom", ignore_errors=True)
        for path in self.folder.glob("early*"):
            path.unlink(missing_ok=True)

    def _show_progress(self) -> bool:
        return self._set(leased_until=self.context.clock() + LEASE)

    def _is_ours(self) -> ColumnElement[bool]:
        return uploads.c.state.in_(_UNFINISHED) & (uploads.c.preview == PreviewState.WORKING.value)
