"""Where the indexes of an archive's slides stand: found by slide, made when instances arrive."""

import logging
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from dicom_node.archive import Archive, Query
from dicom_node.errors import DicomNodeError, NotFound
from dicom_node.records import InstanceRecord, ReadScope
from dicom_node.slides.announced import arrived_share
from dicom_node.slides.build import Build
from dicom_node.slides.early import Box, early_tile, wish
from dicom_node.slides.index import SlideIndex, slide_id, version_of

__all__ = ["Shelf", "index_slides", "slide_index"]

logger = logging.getLogger(__name__)

_EVERYTHING = ReadScope(everything=True)
_MOST_OPEN = 256
_HEXADECIMAL = frozenset("0123456789abcdef")
# Who opened a slide while it was coming in may look at what had come for so long.
_KEPT_SECONDS = 86_400.0


class Shelf:
    """The indexes of one archive's slides. Safe for many threads and processes.

    Files are ``slides/<slide>/<version>.idx`` in the archive's folder. They are made of what is in
    the archive and may be deleted at any time.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._folder = archive.settings.folder / "slides"
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._open: OrderedDict[tuple[str, str], SlideIndex] = OrderedDict()

    def known(self, slide: str, version: str) -> SlideIndex | None:
        """An index that is open already. Never waits for anything."""
        return self._open.get((slide, version))

    def version(self, slide: str, version: str, scope: ReadScope) -> SlideIndex:
        """One version of a slide, the latest or not. Raises NotFound."""
        if not (_is_name(slide, 32) and _is_name(version, 16)):
            raise NotFound("no such slide")
        found = self.known(slide, version) or self._opened(slide, version)
        if found is None or not found.is_in(scope):
            raise NotFound("no such slide")
        return found

    def current(self, slide: str, scope: ReadScope) -> SlideIndex:
        """A slide as the archive holds it now. Raises NotFound."""
        for study, series in sorted(self._series_of(slide, scope)):
            records = self._records(study, scope, series)
            if records:
                return self._of(records)
        raise NotFound("no such slide")

    def arriving(self, index: SlideIndex) -> float | None:
        """How much has come of a slide that is still on its way, 0 to 1; None of all others."""
        received = index.facts["received"]
        if received["frames"] >= received["expected"]:
            return None
        return arrived_share(self._archive.settings.folder, index.slide)

    def early_tile(self, index: SlideIndex, level: int, column: int, row: int) -> bytes | None:
        """A tile that is not received, from the file it is arriving in; None while it is not here.

        It is what the instance will hold, marked for browsers, whole: `SlideSource` gives the same.
        """
        uid = index.facts["levels"][level]["sop_instance_uid"]
        return early_tile(self._archive.settings.folder, index.slide, uid, column, row)

    def wish(
        self, index: SlideIndex, level: int, box: Box, reader: str
    ) -> list[tuple[int, int]] | None:
        """Ask that the tiles of a level on its way come first; say which are here, if any will."""
        uid = index.facts["levels"][level]["sop_instance_uid"]
        return wish(self._archive.settings.folder, index.slide, uid, box, reader)

    def of_study(self, study_instance_uid: str, scope: ReadScope) -> list[SlideIndex]:
        """The slides of a study, by Series Number."""
        by_series: dict[str, list[InstanceRecord]] = defaultdict(list)
        for record in self._records(study_instance_uid, scope):
            by_series[record.series_instance_uid].append(record)
        return [self._of(records) for records in by_series.values()]

    def of_series(self, series_instance_uid: str, scope: ReadScope) -> SlideIndex:
        """The slide that is this series. Raises NotFound."""
        found = self._archive.series(
            Query({"SeriesInstanceUID": [series_instance_uid]}), scope=scope
        )
        for series in found:
            records = self._records(series.study_instance_uid, scope, series_instance_uid)
            if records:
                return self._of(records)
        raise NotFound("no such slide")

    def _records(
        self, study_instance_uid: str, scope: ReadScope, series_instance_uid: str = ""
    ) -> list[InstanceRecord]:
        matches = {
            "StudyInstanceUID": [study_instance_uid],
            "SOPClassUID": [str(VLWholeSlideMicroscopyImageStorage)],
            "SeriesInstanceUID": [series_instance_uid] if series_instance_uid else [],
        }
        return self._archive.instances(Query(matches), scope=scope)

    def _series_of(self, slide: str, scope: ReadScope) -> set[tuple[str, str]]:
        """Study and series a slide's name stands for, within the scope.

        Several only when two studies claim the same Series Instance UID.
        """
        if not _is_name(slide, 32):
            raise NotFound("no such slide")
        found = set()
        for path in (self._folder / slide).glob("*.idx"):
            index = self._opened(slide, path.stem)
            if index is not None and index.is_in(scope):
                found.add((index.study_instance_uid, index.series_instance_uid))
        if found:
            return found
        every = self._archive.series(Query({"Modality": "SM"}), scope=scope)
        return {
            (one.study_instance_uid, one.series_instance_uid)
            for one in every
            if slide_id(one.series_instance_uid) == slide
        }

    def _of(self, records: list[InstanceRecord]) -> SlideIndex:
        """The index of exactly these instances, made if there is none."""
        slide = slide_id(records[0].series_instance_uid)
        version = version_of(records[0].study_instance_uid, records)
        found = self.known(slide, version) or self._opened(slide, version)
        if found is not None:
            return found
        with self._building:
            # Somebody may have waited for the same slide.
            found = self._opened(slide, version)
            if found is None:
                Build(self._archive, records).write(self._path(slide, version))
                self._clear(slide, records[0].study_instance_uid, version)
                found = self._opened(slide, version)
        if found is None:
            raise NotFound("the slide's index went away")
        return found

    def _path(self, slide: str, version: str) -> Path:
        return self._folder / slide / f"{version}.idx"

    def _opened(self, slide: str, version: str) -> SlideIndex | None:
        key = slide, version
        with self._lock:
            found = self._open.get(key)
            if found is not None:
                self._open.move_to_end(key)
                return found
        try:
            found = SlideIndex(self._path(slide, version))
        except (OSError, ValueError):
            return None
        with self._lock:
            self._open[key] = found
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        return found

    def _clear(self, slide: str, study_instance_uid: str, version: str) -> None:
        """Remove the versions of the same series that nobody looks at any more."""
        long_ago = time.time() - _KEPT_SECONDS
        for path in (self._folder / slide).iterdir():
            with suppress(OSError):
                if path.stem == version or path.stat().st_mtime > long_ago:
                    continue
                index = self._opened(slide, path.stem) if path.suffix == ".idx" else None
                if index is None or index.study_instance_uid == study_instance_uid:
                    path.unlink()


def slide_index(archive: Archive, series_instance_uid: str, scope: ReadScope) -> SlideIndex:
    """The index of one slide as the archive holds it now. Raises NotFound."""
    return Shelf(archive).of_series(series_instance_uid, scope)


def index_slides(archive: Archive, study_instance_uids: Iterable[str]) -> None:
    """Make the indexes of all slides of these studies, so that nobody waits who opens one.

    For whoever learns that instances came. What fails is logged; the next reader tries again.
    """
    shelf = Shelf(archive)
    for uid in study_instance_uids:
        try:
            shelf.of_study(uid, _EVERYTHING)
        except (DicomNodeError, OSError, ValueError):
            logger.exception("cannot index the slides of study %s", uid)


def _is_name(text: str, length: int) -> bool:
    return len(text) == length and _HEXADECIMAL.issuperset(text)
