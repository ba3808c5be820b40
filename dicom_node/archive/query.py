"""Matching: from DICOM keywords and matching values to SQL (PS3.4 C.2.2.2, PS3.18 8.3.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, false, or_, true
from sqlalchemy.sql.elements import ColumnElement as Element

from dicom_node.archive.tables import instances, series, studies
from dicom_node.names import fold, fold_person_name
from dicom_node.records import ReadScope

__all__ = [
    "INSTANCE_KEYS",
    "SERIES_KEYS",
    "STUDY_KEYS",
    "Query",
    "StudyQuery",
    "condition",
    "in_scope",
]

Value = str | Sequence[str]

_STUDY_COLUMNS: dict[str, Element[str]] = {
    "StudyInstanceUID": studies.c.study_instance_uid,
    "PatientID": studies.c.patient_id,
    "IssuerOfPatientID": studies.c.issuer_of_patient_id,
    "PatientName": studies.c.patient_name_folded,
    "PatientBirthDate": studies.c.patient_birth_date,
    "PatientSex": studies.c.patient_sex,
    "StudyDate": studies.c.study_date,
    "StudyTime": studies.c.study_time,
    "StudyID": studies.c.study_id,
    "AccessionNumber": studies.c.accession_number,
    "StudyDescription": studies.c.study_description,
    "ReferringPhysicianName": studies.c.referring_physician_name_folded,
    "ModalitiesInStudy": studies.c.modalities,
}
_SERIES_COLUMNS: dict[str, Element[str]] = {
    "SeriesInstanceUID": series.c.series_instance_uid,
    "Modality": series.c.modality,
    "SeriesNumber": series.c.series_number,
    "SeriesDescription": series.c.series_description,
    "BodyPartExamined": series.c.body_part_examined,
    "SeriesDate": series.c.series_date,
    "SeriesTime": series.c.series_time,
}
_INSTANCE_COLUMNS: dict[str, Element[str]] = {
    "SOPInstanceUID": instances.c.sop_instance_uid,
    "SOPClassUID": instances.c.sop_class_uid,
    "InstanceNumber": instances.c.instance_number,
}
_COLUMNS = _STUDY_COLUMNS | _SERIES_COLUMNS | _INSTANCE_COLUMNS

STUDY_KEYS = frozenset(_STUDY_COLUMNS)
SERIES_KEYS = frozenset(_SERIES_COLUMNS) | STUDY_KEYS
INSTANCE_KEYS = frozenset(_INSTANCE_COLUMNS) | SERIES_KEYS

_NAMES = frozenset({"PatientName", "ReferringPhysicianName"})
_RANGES = frozenset({"PatientBirthDate", "StudyDate", "StudyTime", "SeriesDate", "SeriesTime"})
_UIDS = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"})
_NUMBERS = frozenset({"SeriesNumber", "InstanceNumber"})


@dataclass(frozen=True)
class Query:
    """What to look for, at whatever level it is asked.

    Parameters
    ----------
    matches : mapping of DICOM keyword to matching value
        As in C-FIND and QIDO: "" or "*" match everything, ``*`` and ``?`` are wildcards, dates and
        times take ranges (``20260101-20260131``), UIDs take lists (a sequence, or one string with
        backslashes or commas). Keys of a higher level may be used at a lower one. A keyword outside
        `STUDY_KEYS`, `SERIES_KEYS` or `INSTANCE_KEYS` of the level is a ValueError.
    limit : int or None
    offset : int
    fuzzy : bool
        Names: every word given must begin a word of the name, in any order; case and diacritics
        never count. Without it a name must match as a whole, wildcards apart.
    """

    matches: Mapping[str, Value] = field(default_factory=dict)
    limit: int | None = None
    offset: int = 0
    fuzzy: bool = False


# The name the callers of the study level know it by.
StudyQuery = Query


def in_scope(scope: ReadScope, site: Element[str], study: Element[str]) -> ColumnElement[bool]:
    """Return the condition every read carries: what the caller may see."""
    if scope.everything:
        return true()
    allowed: list[ColumnElement[bool]] = []
    if scope.sites:
        allowed.append(site.in_(sorted(scope.sites)))
    if scope.studies:
        allowed.append(study.in_(sorted(scope.studies)))
    return or_(*allowed) if allowed else false()


def condition(query: Query, keys: frozenset[str]) -> ColumnElement[bool]:
    """Return the SQL condition of a query at the level that knows `keys`."""
    unknown = sorted(set(query.matches) - keys)
    if unknown:
        raise ValueError(f"cannot match on {', '.join(unknown)}")
    parts = (_match(key, value, query.fuzzy) for key, value in query.matches.items())
    return and_(true(), *(part for part in parts if part is not None))


def uses(query: Query, keys: frozenset[str]) -> bool:
    """True when the query matches on one of these keywords."""
    return not keys.isdisjoint(query.matches)


def _match(key: str, value: Value, fuzzy: bool) -> ColumnElement[bool] | None:
    """Return one keyword's condition; None when it matches everything."""
    column = _COLUMNS[key]
    if key in _UIDS or not isinstance(value, str):
        values = _list(value)
        if not values or values == ["*"]:
            return None
        if key in _UIDS:
            return column.in_(values)
        parts = [part for one in values if (part := _match(key, one, fuzzy)) is not None]
        return or_(*parts) if len(parts) == len(values) else None
    value = value.strip()
    if value in ("", "*", '""'):
        return None
    if key in _NAMES:
        return _match_name(column, value, fuzzy)
    if key in _RANGES:
        return _match_range(column, value, is_time=key.endswith("Time"))
    if key == "ModalitiesInStudy":
        parts = [column.like(f"%\\{_pattern(one)}\\%", escape="!") for one in _list(value)]
        return or_(*parts)
    if "\\" in value:
        return _match(key, value.split("\\"), fuzzy)
    if key in _NUMBERS and value.lstrip("+-").isdigit():
        value = str(int(value))
    if "*" in value or "?" in value:
        return column.like(_pattern(value), escape="!")
    return column == value


def _list(value: Value) -> list[str]:
    values = value.replace(",", "\\").split("\\") if isinstance(value, str) else value
    return [one.strip() for one in values if one.strip()]


def _pattern(value: str) -> str:
    """Turn DICOM wildcards into those of LIKE, with "!" as escape."""
    for character in "!%_":
        value = value.replace(character, f"!{character}")
    return value.replace("*", "%").replace("?", "_")


def _match_name(column: Element[str], value: str, fuzzy: bool) -> ColumnElement[bool]:
    if fuzzy:
        words = fold(value.replace("^", " ").replace("=", " ")).replace("*", "").split()
        return and_(true(), *(column.like(f"% {_pattern(word)}%", escape="!") for word in words))
    groups = [group.strip() for group in fold_person_name(value).split("=") if group.strip()]
    return and_(true(), *(column.like(f"%= {_pattern(group)} =%", escape="!") for group in groups))


def _match_range(column: Element[str], value: str, is_time: bool) -> ColumnElement[bool]:
    value = value.replace(":", "") if is_time else value.replace(".", "")
    # "~" sorts behind every digit, so an end of 1030 takes in 103059.9.
    if "-" not in value:
        return column.like(_pattern(value) + "%", escape="!") if is_time else column == value
    low, _, high = value.partition("-")
    parts: list[ColumnElement[bool]] = [column != ""]
    if low.strip():
        parts.append(column >= low.strip())
    if high.strip():
        parts.append(column <= high.strip() + ("~" if is_time else ""))
    return and_(*parts)
