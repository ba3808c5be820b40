"""An instance on its way into the index: what its bytes say of it."""

import json
import mmap
import re
import zlib
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dicom_node.archive.frames import frame_table
from dicom_node.archive.header import Header, first_value, read_header
from dicom_node.errors import CannotUnderstand, DatasetMismatch
from dicom_node.names import fold_person_name
from dicom_node.part10 import FileMeta
from dicom_node.records import Origin, QuarantineReason

__all__ = ["STUDY_ATTRIBUTES", "Arrival", "is_uid", "read_arrival"]

_UID = re.compile(r"[0-9.]{1,64}")
_BIGGEST = 2**31 - 1
_STUDY_TAGS = {
    "patient_id": "00100020",
    "issuer_of_patient_id": "00100021",
    "patient_name": "00100010",
    "patient_birth_date": "00100030",
    "patient_sex": "00100040",
    "study_date": "00080020",
    "study_time": "00080030",
    "study_id": "00200010",
    "accession_number": "00080050",
    "study_description": "00081030",
    "referring_physician_name": "00080090",
}
_NAMES = ("patient_name", "referring_physician_name")
STUDY_ATTRIBUTES = (*_STUDY_TAGS, *(f"{name}_folded" for name in _NAMES))
_SERIES_TAGS = {
    "modality": "00080060",
    "series_number": "00200011",
    "series_description": "0008103E",
    "body_part_examined": "00180015",
    "series_date": "00080021",
    "series_time": "00080031",
}


@dataclass(slots=True)
class Arrival:
    """One instance, complete on disk or about to be; `sha256` is set when it is.

    `study`, `series` and `instance` are columns of the tables of these names. `quarantine` is the
    reason to keep it apart, or None. `folder_synced` must be done before the row is committed.
    """

    origin: Origin
    meta: FileMeta
    received_at: datetime
    size: int
    sha256: str
    study_instance_uid: str
    series_instance_uid: str
    study: dict[str, Any]
    series: dict[str, Any]
    instance: dict[str, Any]
    dicom_json: bytes
    frames: bytes
    quarantine: QuarantineReason | None
    problem: str
    folder_synced: "Future[None] | None" = None


def is_uid(value: str) -> bool:
    """True for what may stand for an object in our index and in URLs (PS3.5 9.1)."""
    return _UID.fullmatch(value) is not None


def read_arrival(
    descriptor: int, meta: FileMeta, origin: Origin, received_at: datetime, commanded: bool
) -> Arrival:
    """Read the instance in an open file that begins with our own meta.

    Parameters
    ----------
    descriptor : int
        Of a readable file.
    meta : FileMeta
        With the offset of the data set.
    commanded : bool
        `meta` holds the Affected SOP UIDs of a C-STORE, which the data set must not contradict.

    Raises
    ------
    CannotUnderstand
        There is no data set at all.
    DatasetMismatch
    """
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as buffer:
        size = len(buffer)
        header = read_header(buffer, meta.dataset_offset, meta.transfer_syntax_uid)
        frames = frame_table(buffer, header, meta.transfer_syntax_uid).to_bytes()
    if size == meta.dataset_offset:
        raise CannotUnderstand("the data set is empty")
    found = header.dicom_json
    if commanded:
        _agree("SOP Class UID", meta.sop_class_uid, _text(found, "00080016"))
        _agree("SOP Instance UID", meta.sop_instance_uid, _text(found, "00080018"))
    study_instance_uid, series_instance_uid = _text(found, "0020000D"), _text(found, "0020000E")
    series = {column: _text(found, tag) for column, tag in _SERIES_TAGS.items()}
    study = {column: _text(found, tag) for column, tag in _STUDY_TAGS.items()}
    for name in _NAMES:
        study[f"{name}_folded"] = fold_person_name(study[name])
    return Arrival(
        origin=origin,
        meta=meta,
        received_at=received_at,
        size=size,
        sha256="",
        study_instance_uid=study_instance_uid,
        series_instance_uid=series_instance_uid,
        study=study,
        series=series | {"series_order": _number(found, "00200011")},
        instance={
            "instance_number": _text(found, "00200013"),
            "instance_order": _number(found, "00200013"),
            "rows": _number(found, "00280010"),
            "columns": _number(found, "00280011"),
            "number_of_frames": _number(found, "00280008") or int(header.pixel_data is not None),
        },
        dicom_json=zlib.compress(json.dumps(found, separators=(",", ":")).encode(), 1),
        frames=frames,
        quarantine=_reason(origin, meta, header, study_instance_uid, series_instance_uid),
        problem=header.problem,
    )


def _reason(
    origin: Origin, meta: FileMeta, header: Header, study_uid: str, series_uid: str
) -> QuarantineReason | None:
    """Return why the instance cannot be shown to anyone; None when it can."""
    if not (is_uid(study_uid) and is_uid(series_uid)) and header.problem:
        return QuarantineReason.UNREADABLE
    if not is_uid(meta.sop_instance_uid) or not is_uid(meta.sop_class_uid):
        return QuarantineReason.NO_INSTANCE_UID
    if not is_uid(study_uid):
        return QuarantineReason.NO_STUDY_UID
    if not is_uid(series_uid):
        return QuarantineReason.NO_SERIES_UID
    return None if origin.site is not None else QuarantineReason.UNKNOWN_SENDER


def _agree(what: str, expected: str, found: str) -> None:
    if found and found != expected:
        raise DatasetMismatch(f"the data set's {what} is {found}, its command says {expected}")


def _text(dicom_json: dict[str, Any], tag: str) -> str:
    # PostgreSQL keeps no NUL in text.
    return str(first_value(dicom_json, tag)).replace("\x00", "")


def _number(dicom_json: dict[str, Any], tag: str) -> int:
    value = first_value(dicom_json, tag)
    return max(-_BIGGEST, min(value, _BIGGEST)) if isinstance(value, int) else 0
