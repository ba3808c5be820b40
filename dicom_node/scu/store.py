"""C-STORE as SCU (PS3.4 Annex B): files go out as the bytes they are."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from pydicom import dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from pydicom.uid import ImplicitVRLittleEndian as ImplicitLE
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from dicom_node.errors import PeerError
from dicom_node.peers import Peer
from dicom_node.scu.association import associate

__all__ = ["SendResult", "store"]

# Paths given to send_c_store are streamed from disk without decoding.
_config.STORE_SEND_CHUNKED_DATASET = True

# One association offers at most 128 presentation contexts (PS3.8 9.3.2.2: odd ids up to 255),
# and a kind of object takes up to two.
MAXIMUM_KINDS = 64


@dataclass(frozen=True, slots=True)
class SendResult:
    """What the peer answered for one file.

    ``status`` is the DIMSE status, or None when no answer came: then ``error`` says why.
    ``refused`` means that sending the same object again will not help.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    status: int | None
    error: str = ""
    refused: bool = False

    @property
    def stored(self) -> bool:
        # 0xBxxx are warnings: stored, with coercion or elements discarded (PS3.4 B.2.3).
        return self.status is not None and (self.status == 0 or self.status >> 12 == 0xB)


@dataclass(frozen=True, slots=True)
class _Outgoing:
    path: Path
    sop_class_uid: UID
    sop_instance_uid: UID
    transfer_syntax_uid: UID


def store(
    peer: Peer,
    calling_ae: str,
    files: Sequence[Path],
    *,
    progress: Callable[[SendResult], None] | None = None,
    cancelled: Event | None = None,
    originator: tuple[str, int] | None = None,
) -> list[SendResult]:
    """Send Part 10 `files` to `peer`; one result each, in order.

    A file that is no DICOM file, that the peer refuses, or that no context was accepted for,
    is a result with ``refused`` set; the others still go. An object whose association broke has
    ``status`` None; the rest go on a new one. Setting `cancelled` stops between two files.
    `originator` is the AE title and Message ID of the C-MOVE that asks for this.

    Raises
    ------
    PeerError
        An association did not come about; what `progress` reported before holds.
    """
    results: dict[int, SendResult] = {}

    def report(index: int, result: SendResult) -> None:
        results[index] = result
        if progress is not None:
            progress(result)

    outgoing: list[tuple[int, _Outgoing]] = []
    for index, path in enumerate(files):
        try:
            outgoing.append((index, _read_meta(path)))
        except Exception as error:
            message = f"Not a DICOM file we can send: {error}"
            report(index, SendResult(path, "", "", None, message, refused=True))
    for batch in _batches(outgoing):
        rest = batch
        while rest and not (cancelled is not None and cancelled.is_set()):
            # An object that makes the peer abort must not hold up those behind it.
            rest = _send_batch(peer, calling_ae, rest, report, cancelled, originator)
    for index, path in enumerate(files):
        if index not in results:
            results[index] = SendResult(path, "", "", None, "Cancelled before it was sent.")
    return [results[index] for index in sorted(results)]


def _read_meta(path: Path) -> _Outgoing:
    meta = read_file_meta_info(path)
    return _Outgoing(
        path,
        UID(meta.MediaStorageSOPClassUID),
        UID(meta.MediaStorageSOPInstanceUID),
        UID(meta.TransferSyntaxUID),
    )


def _batches(
    outgoing: list[tuple[int, _Outgoing]],
) -> Iterator[list[tuple[int, _Outgoing]]]:
    batch: list[tuple[int, _Outgoing]] = []
    kinds: set[tuple[UID, UID]] = set()
    for entry in outgoing:
        kind = (entry[1].sop_class_uid, entry[1].transfer_syntax_uid)
        if kind not in kinds and len(kinds) == MAXIMUM_KINDS:
            yield batch
            batch, kinds = [], set()
        kinds.add(kind)
        batch.append(entry)
    if batch:
        yield batch


def _contexts(batch: list[tuple[int, _Outgoing]]) -> list[PresentationContext]:
    """One context per SOP Class and syntax, and Implicit VR as a second choice of native data."""
    kinds = dict.fromkeys((o.sop_class_uid, o.transfer_syntax_uid) for _, o in batch)
    for sop_class, syntax in list(kinds):
        if syntax == ExplicitVRLittleEndian:
            kinds[sop_class, ImplicitLE] = None
    return [build_context(sop_class, syntax) for sop_class, syntax in kinds]


def _send_batch(
    peer: Peer,
    calling_ae: str,
    batch: list[tuple[int, _Outgoing]],
    report: Callable[[int, SendResult], None],
    cancelled: Event | None,
    originator: tuple[str, int] | None,
) -> list[tuple[int, _Outgoing]]:
    """Send on one association; return what is left when it broke behind a first object."""
    with associate(peer, calling_ae, _contexts(batch)) as association:
        for place, (index, one) in enumerate(batch, start=1):
            if cancelled is not None and cancelled.is_set():
                return []
            result = _send(association, peer, one, place % 65535 or 1, originator)
            report(index, result)
            if result.status is None and not result.refused:
                return batch[place:]
    return []


def _send(
    association: Association,
    peer: Peer,
    one: _Outgoing,
    message_id: int,
    originator: tuple[str, int] | None,
) -> SendResult:
    def result(status: int | None, error: str = "", refused: bool = False) -> SendResult:
        return SendResult(one.path, one.sop_class_uid, one.sop_instance_uid, status, error, refused)

    accepted = {
        context.transfer_syntax[0]
        for context in association.accepted_contexts
        if context.abstract_syntax == one.sop_class_uid
    }
    convertible = (
        ImplicitLE in accepted
        and not one.transfer_syntax_uid.is_compressed
        and one.transfer_syntax_uid != DeflatedExplicitVRLittleEndian
    )
    options: dict[str, Any] = {"msg_id": message_id}
    if originator is not None:
        options |= {"originator_aet": originator[0], "originator_id": originator[1]}
    try:
        if one.transfer_syntax_uid in accepted:
            answer = association.send_c_store(os.fspath(one.path), **options)
        elif convertible:
            answer = association.send_c_store(dcmread(one.path), **options)
        else:
            message = (
                f"{peer} does not accept {one.sop_class_uid.name} in "
                f"{one.transfer_syntax_uid.name}."
            )
            return result(None, message, refused=True)
    except (OSError, ValueError, RuntimeError, PeerError) as error:
        return result(None, f"Sending to {peer} failed: {error}")
    if "Status" not in answer:
        return result(None, f"{peer} gave no answer to the C-STORE.")
    status = int(answer.Status)
    if status == 0 or status >> 12 == 0xB:
        return result(status)
    # PS3.4 table B.2-1: A7xx is out of resources, worth another try; A9xx, Cxxx and 0x0122 are
    # the peer's last word on this object.
    refused = status >> 8 == 0xA9 or status >> 12 == 0xC or status == 0x0122
    return result(status, f"{peer} answered the C-STORE with status 0x{status:04X}.", refused)
