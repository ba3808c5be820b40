"""Instances as the routes see them: record, frame table and pixels, remembered between requests.

A stored instance never changes, so what was looked up once stays true. Whether the caller may see
it is asked every time, of `ReadScope.covers`.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dicom_node.archive import Archive, FrameTable
from dicom_node.errors import NotFound
from dicom_node.pixels.description import PixelDescription
from dicom_node.pixels.frames import Frames
from dicom_node.records import InstanceRecord, ReadScope
from dicom_node.slides.roles import CLASSES_IN_SLIDES, holds_label_text, shows_label

__all__ = ["Holding", "Holdings"]

_PIECE = 1 << 20
_EVERYTHING = ReadScope(everything=True)


@dataclass
class Holding:
    """One instance. Everything but the record is read when first asked for."""

    archive: Archive
    record: InstanceRecord

    @cached_property
    def table(self) -> FrameTable:
        return self.archive.frame_offsets(self.record)

    @cached_property
    def frames(self) -> Frames:
        """Raises CannotDecode when the header does not describe pixels."""
        table = self.table
        if not len(table):
            raise NotFound("the instance has no pixel data")
        description = PixelDescription.from_header(
            self._outline, self.record.transfer_syntax_uid, len(table)
        )
        return Frames(self.read, table, description)

    @cached_property
    def shows_label(self) -> bool:
        """Whether the pixels may show what is written on a slide's glass."""
        return self._may_be_of_a_slide and shows_label(self._outline)

    @cached_property
    def holds_label(self) -> bool:
        """Whether pixels or data set tell what is written on a slide's glass."""
        return self.shows_label or (self._may_be_of_a_slide and holds_label_text(self._outline))

    @cached_property
    def _outline(self) -> dict[str, Any]:
        """The header without what is in its sequences, which may be megabytes."""
        return {
            tag: {"vr": "SQ"} if element.get("vr") == "SQ" else element
            for tag, element in self.header().items()
        }

    @property
    def _may_be_of_a_slide(self) -> bool:
        return self.record.sop_class_uid in CLASSES_IN_SLIDES

    def header(self) -> dict[str, Any]:
        """The DICOM JSON header. Not kept: those of enhanced images are large."""
        return self.archive.header(self.record.sop_instance_uid, scope=_EVERYTHING)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the data set; raises NotFound outside it."""
        return self.archive.read_range(self.record, offset, length)

    def pieces(self, offset: int, length: int) -> Iterator[bytes]:
        """Bytes of the data set, a megabyte at a time."""
        if self.table.deflated:
            length, piece = 0, self.read(offset, length)
            yield piece
        while length > 0:
            size = min(length, _PIECE)
            yield self.read(offset, size)
            offset, length = offset + size, length - size

    def file_pieces(self) -> Iterator[bytes]:
        """The stored file, a megabyte at a time."""
        with self.record.path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    @property
    def middle_frame(self) -> int:
        return len(self.table) // 2


class Holdings:
    """The latest instances asked for. Safe for many threads."""

    def __init__(self, archive: Archive, most: int) -> None:
        self._archive = archive
        self._most = most
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Holding] = OrderedDict()

    def get(self, study: str, series: str, instance: str, scope: ReadScope) -> Holding:
        """Return one instance of a series of a study. Raises NotFound."""
        with self._lock:
            holding = self._held.get(instance)
            if holding is not None:
                self._held.move_to_end(instance)
        if holding is None:
            record = self._archive.instance(
                instance,
                scope=scope,
                study_instance_uid=study,
                series_instance_uid=series,
            )
            return self.of(record)
        record = holding.record
        ours = (record.study_instance_uid, record.series_instance_uid) == (study, series)
        if not ours or not scope.covers(record.study_instance_uid, record.site):
            raise NotFound(f"no instance {instance}")
        return holding

    def of(self, record: InstanceRecord) -> Holding:
        """Remember an instance whose record the archive just gave."""
        with self._lock:
            holding = self._held.get(record.sop_instance_uid)
            if holding is None or holding.record != record:
                holding = self._held[record.sop_instance_uid] = Holding(self._archive, record)
            self._held.move_to_end(record.sop_instance_uid)
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return holding
