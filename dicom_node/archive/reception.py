"""Receiving one instance, piece by piece, straight to disk."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from dicom_node.archive.arrival import Arrival, read_arrival
from dicom_node.archive.files import FileStore, TemporaryFile, store_error
from dicom_node.archive.header import first_value, read_header
from dicom_node.errors import DicomNodeError, OutOfResources
from dicom_node.part10 import FileMeta, encode_meta, meta_is_complete, read_meta
from dicom_node.records import Origin, StoreResult

__all__ = ["Reception"]

logger = logging.getLogger(__name__)

_PIECE = 1 << 20


class Reception:
    """One instance being received. Call `write` as bytes come, then `finish` or `abort`.

    With `meta` the bytes are a bare data set, as C-STORE brings it. Without, they are a whole
    Part 10 file, as STOW and uploads bring it; its meta is replaced by ours.

    An error while writing is kept for `finish`, so that the caller may read the rest of what the
    peer sends and then answer. Not thread-safe.
    """

    def __init__(
        self,
        files: FileStore,
        commit: Callable[[Arrival], StoreResult],
        clock: Callable[[], datetime],
        origin: Origin,
        meta: FileMeta | None,
        maximum_bytes: int,
    ) -> None:
        self._files = files
        self._commit = commit
        self._clock = clock
        self._origin = origin
        self._commanded = meta is not None
        self._meta = meta
        self._maximum_bytes = maximum_bytes
        self._head = bytearray()  # of a Part 10 file, until its meta is complete
        self._error: DicomNodeError | None = None
        self._file: TemporaryFile | None = None
        try:
            self._file = files.create(origin)
            if meta is not None:
                self._begin(meta)
        except DicomNodeError as error:
            self._fail(error)
        except OSError as error:
            self._fail(store_error(error))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. Never raises; after an error they are dropped."""
        if self._file is None:
            return
        try:
            if self._meta is None:
                self._head += data
                if meta_is_complete(self._head):
                    self._begin_part10()
            else:
                self._file.write(data)
            if self._file is not None and self._file.size > self._maximum_bytes:
                self._fail(OutOfResources("the instance is larger than this archive takes"))
        except DicomNodeError as error:
            self._fail(error)
        except OSError as error:
            self._fail(store_error(error))

    def finish(self) -> StoreResult:
        """Make the instance durable and indexed; only then return.

        Raises
        ------
        OutOfResources
        DatasetMismatch
            The data set names another SOP Class or Instance than its C-STORE did.
        CannotUnderstand
            The bytes are no DICOM.
        """
        try:
            if self._file is not None and self._meta is None:
                self._begin_part10()
            if self._error is not None:
                raise self._error
            arrival = self._read()
            assert self._file is not None
            self._files.reserve(0)
            arrival.sha256, arrival.folder_synced = self._file.seal()
        except OSError as error:
            raise store_error(error) from error
        finally:
            self.abort()
        result = self._commit(arrival)
        logger.info("%s %s", result.outcome, result.sop_instance_uid)
        return result

    def abort(self) -> None:
        """Leave nothing behind; harmless after `finish`."""
        if self._file is not None:
            self._file.discard()
            self._file = None

    def _fail(self, error: DicomNodeError) -> None:
        self._error = error
        self.abort()

    def _begin(self, meta: FileMeta) -> None:
        """Write our meta; data set bytes follow."""
        assert self._file is not None
        head = encode_meta(meta)
        self._meta = replace(meta, dataset_offset=len(head))
        self._file.write(head)

    def _begin_part10(self) -> None:
        assert self._file is not None
        meta = read_meta(self._head)
        rest = memoryview(self._head)[meta.dataset_offset :]
        self._begin(meta)
        self._file.write(rest)
        self._head = bytearray()

    def _read(self) -> Arrival:
        assert self._file is not None
        assert self._meta is not None
        if not self._commanded:
            self._take_uids_of_dataset()
        return read_arrival(
            self._file.descriptor, self._meta, self._origin, self._clock(), self._commanded
        )

    def _take_uids_of_dataset(self) -> None:
        """Write the file anew when its meta lacks or contradicts the data set's SOP UIDs."""
        assert self._file is not None
        assert self._meta is not None
        with open(self._file.descriptor, "rb", closefd=False) as file:
            file.seek(0)
            head = file.read(_PIECE)
            found = read_header(head, self._meta.dataset_offset, self._meta.transfer_syntax_uid)
            meta = FileMeta(
                str(first_value(found.dicom_json, "00080016")) or self._meta.sop_class_uid,
                str(first_value(found.dicom_json, "00080018")) or self._meta.sop_instance_uid,
                self._meta.transfer_syntax_uid,
                self._meta.dataset_offset,
            )
            if meta == self._meta:
                return
            old, self._file = self._file, self._files.create(self._origin)
            try:
                self._begin(meta)
                file.seek(meta.dataset_offset)
                while piece := file.read(_PIECE):
                    self._file.write(piece)
            finally:
                old.discard()
