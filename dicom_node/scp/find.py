"""C-FIND as SCP, Study Root and Patient Root (PS3.4 C.4.1).

Relational queries are welcome: a key of any level may be used at any level below. Names match
whatever their case and diacritics.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from dicom_node.archive import INSTANCE_KEYS, SERIES_KEYS, STUDY_KEYS, Archive, Query
from dicom_node.archive.header import first_value
from dicom_node.events import Queried
from dicom_node.records import InstanceRecord, ReadScope, SeriesRecord, StudyRecord
from dicom_node.scp.association import Association, Message
from dicom_node.scp.identifier import Identifier, encode_dataset, read_identifier
from dicom_node.status import Status

__all__ = ["find", "serve_find"]

_PAGE = 200
_PATIENT_KEYS = frozenset(
    {"PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex"}
)
_KEYS = {
    "PATIENT": _PATIENT_KEYS,
    "STUDY": STUDY_KEYS,
    "SERIES": SERIES_KEYS,
    "IMAGE": INSTANCE_KEYS,
}
_COUNTS = frozenset(
    {
        "NumberOfPatientRelatedStudies",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
        "NumberOfSeriesRelatedInstances",
        "RetrieveAETitle",
        "InstanceAvailability",
    }
)

Attributes = dict[str, Any]


def serve_find(association: Association, message: Message) -> None:
    """Answer with every match, until they end or the peer cancels."""
    syntax = message.context.transfer_syntax
    try:
        identifier = read_identifier(message.dataset, syntax)
        if identifier.level not in _KEYS:
            raise ValueError("Query/Retrieve Level is missing or unknown")
    except ValueError as error:
        association.refuse(message, Status.CANNOT_UNDERSTAND, str(error))
        return
    # FF01 tells that some keys given were not matched on (PS3.4 table C.4-1).
    ignored = any(
        value not in ("", "*")
        for key, value in identifier.keys.items()
        if key not in _KEYS[identifier.level] | _COUNTS
    )
    pending = Status.PENDING_KEYS_IGNORED if ignored else Status.PENDING
    scope = association.peers.read_scope(association.calling_ae, association.host)
    count, status = 0, Status.SUCCESS
    for match in find(association.archive, identifier, scope):
        if association.is_cancelled(message):
            status = Status.CANCELLED
            break
        match["RetrieveAETitle"] = association.settings.ae_title
        answer = encode_dataset(_dataset(identifier, match), syntax)
        association.answer(message, pending, answer)
        count += 1
    association.note(Queried(association.calling_ae, association.host, identifier.level, count))
    association.answer(message, status)


def find(archive: Archive, identifier: Identifier, scope: ReadScope) -> Iterator[Attributes]:
    """Yield the attributes of each match, by keyword."""
    matches = {
        key: value for key, value in identifier.keys.items() if key in _KEYS[identifier.level]
    }
    query = Query(matches)
    if identifier.level == "PATIENT":
        yield from _patients(archive, query, scope)
    elif identifier.level == "STUDY":
        for study in _pages(lambda page: archive.studies(page, scope=scope), query):
            yield _study(study)
    elif identifier.level == "SERIES":
        yield from _with_studies(
            archive,
            scope,
            _pages(lambda page: archive.series(page, scope=scope), query),
            _series,
        )
    else:
        found = _pages(lambda page: list(archive.records_with_headers(page, scope=scope)), query)
        for record, header in found:
            yield _instance(record) | _from_header(identifier, header)


def _pages(read: Callable[[Query], list[Any]], query: Query) -> Iterator[Any]:
    """Read page by page: a peer may cancel, and nothing is gathered in memory."""
    while page := read(replace(query, limit=_PAGE)):
        yield from page
        if len(page) < _PAGE:
            return
        query = replace(query, offset=query.offset + _PAGE)


def _patients(archive: Archive, query: Query, scope: ReadScope) -> Iterator[Attributes]:
    """Group studies by patient; the same ID at two sites is two patients."""
    patients: dict[tuple[str, str, str], Attributes] = {}
    for study in _pages(lambda page: archive.studies(page, scope=scope), query):
        key = (study.site, study.issuer_of_patient_id, study.patient_id)
        known = patients.setdefault(key, _patient(study) | {"NumberOfPatientRelatedStudies": 0})
        known["NumberOfPatientRelatedStudies"] += 1
    yield from patients.values()


def _with_studies(
    archive: Archive,
    scope: ReadScope,
    records: Iterator[SeriesRecord],
    attributes: Callable[[SeriesRecord], Attributes],
) -> Iterator[Attributes]:
    """Add the attributes of each record's study."""
    studies: dict[str, Attributes] = {}
    for record in records:
        uid = record.study_instance_uid
        if uid not in studies:
            studies[uid] = _study(archive.study(uid, scope=scope))
        yield studies[uid] | attributes(record)


def _patient(study: StudyRecord) -> Attributes:
    return {
        "PatientID": study.patient_id,
        "IssuerOfPatientID": study.issuer_of_patient_id,
        "PatientName": study.patient_name,
        "PatientBirthDate": study.patient_birth_date,
        "PatientSex": study.patient_sex,
    }


def _study(study: StudyRecord) -> Attributes:
    return _patient(study) | {
        "StudyInstanceUID": study.study_instance_uid,
        "StudyDate": study.study_date,
        "StudyTime": study.study_time,
        "StudyID": study.study_id,
        "AccessionNumber": study.accession_number,
        "StudyDescription": study.study_description,
        "ReferringPhysicianName": study.referring_physician_name,
        "ModalitiesInStudy": list(study.modalities),
        "NumberOfStudyRelatedSeries": study.series_count,
        "NumberOfStudyRelatedInstances": study.instance_count,
        "InstanceAvailability": "ONLINE",
    }


def _series(series: SeriesRecord) -> Attributes:
    return {
        "SeriesInstanceUID": series.series_instance_uid,
        "StudyInstanceUID": series.study_instance_uid,
        "Modality": series.modality,
        "SeriesNumber": series.series_number,
        "SeriesDescription": series.series_description,
        "BodyPartExamined": series.body_part_examined,
        "SeriesDate": series.series_date,
        "SeriesTime": series.series_time,
        "NumberOfSeriesRelatedInstances": series.instance_count,
        "InstanceAvailability": "ONLINE",
    }


def _instance(record: InstanceRecord) -> Attributes:
    return {
        "SOPInstanceUID": record.sop_instance_uid,
        "SOPClassUID": record.sop_class_uid,
        "SeriesInstanceUID": record.series_instance_uid,
        "StudyInstanceUID": record.study_instance_uid,
        "InstanceNumber": record.instance_number,
        "InstanceAvailability": "ONLINE",
    }


def _from_header(identifier: Identifier, header: Mapping[str, Any]) -> Attributes:
    """Return what is asked for of an instance beyond its record, single values only."""
    found: Attributes = {}
    for keyword in identifier.keys:
        element = header.get(f"{tag_for_keyword(keyword) or 0:08X}", {})
        if element.get("vr") not in (None, "SQ", "UN") and "Value" in element:
            values = element["Value"]
            single = first_value(dict(header), f"{tag_for_keyword(keyword):08X}")
            found[keyword] = single if len(values) == 1 else values
    return found


def _dataset(identifier: Identifier, match: Attributes) -> Dataset:
    """Return what was asked for of a match; what we do not know is empty."""
    dataset = Dataset()
    dataset.QueryRetrieveLevel = identifier.level
    wanted = [*identifier.keys, "RetrieveAETitle"]
    texts = [str(match.get(keyword, "")) for keyword in wanted]
    if not all(text.isascii() for text in texts):
        dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword in wanted:
        value = match.get(keyword)
        setattr(dataset, keyword, "" if value is None or isinstance(value, dict) else value)
    return dataset
