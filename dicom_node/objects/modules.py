"""The modules every document shares: patient, study, series, equipment, evidence (PS3.3 C.7, C.17).

Patient and study come from a header as some vendor wrote it: any character set, any length,
modules missing. What goes out is UTF-8 and keeps to its value representations.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicom_node.objects import text
from dicom_node.objects.codes import PRIVATE_SCHEME
from dicom_node.objects.content import LOCAL, Identity, Reference, SignedOpinion
from dicom_node.objects.items import MANUFACTURER, MODEL, code_item
from dicom_node.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

__all__ = [
    "MANUFACTURER",
    "MODEL",
    "add_evidence",
    "add_verification",
    "code_item",
    "common",
    "leave_patient_blank",
    "local_time",
    "patient_name",
    "reference_tree",
]


def local_time(opinion: SignedOpinion) -> datetime:
    """When it was signed, on the clock of the study (Timezone Offset From UTC), else ours."""
    return opinion.signed_at.astimezone(_zone(opinion.header))


def leave_patient_blank(ds: Dataset) -> None:
    """Write, without a value, what every image must say of patient and study."""
    for keyword in (
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "AccessionNumber",
        "StudyID",
        "StudyDate",
        "StudyTime",
        "ReferringPhysicianName",
    ):
        setattr(ds, keyword, "")


def common(
    opinion: SignedOpinion,
    identity: Identity,
    *,
    sop_class_uid: UID,
    modality: str,
    series_description: str,
) -> Dataset:
    """A data set with file meta, patient, study, series, equipment and SOP common modules."""
    ds = Dataset()
    ds.file_meta = _file_meta(sop_class_uid, identity.sop_instance_uid)
    ds.SpecificCharacterSet = "ISO_IR 192"
    _add_patient_and_study(ds, opinion.header, opinion.study_instance_uid)

    at = local_time(opinion)
    ds.SOPClassUID = sop_class_uid
    ds.SOPInstanceUID = identity.sop_instance_uid
    ds.InstanceCreationDate = ds.ContentDate = ds.SeriesDate = f"{at:%Y%m%d}"
    ds.InstanceCreationTime = ds.ContentTime = ds.SeriesTime = f"{at:%H%M%S}"
    ds.TimezoneOffsetFromUTC = f"{at:%z}"
    ds.Modality = modality
    ds.SeriesInstanceUID = identity.series_instance_uid
    ds.SeriesNumber = identity.series_number
    ds.SeriesDescription = text.long_string(series_description)
    ds.InstanceNumber = identity.instance_number
    ds.Manufacturer = MANUFACTURER
    ds.ManufacturerModelName = MODEL
    ds.DeviceSerialNumber = text.long_string(opinion.station) or MODEL
    ds.SoftwareVersions = text.long_string(opinion.software_version) or "-"
    ds.InstitutionName = text.long_string(opinion.institution)
    ds.CodingSchemeIdentificationSequence = [_private_scheme()]
    return ds


def add_verification(ds: Dataset, opinion: SignedOpinion) -> None:
    """SR Document General: who stands for it, what it follows, what it was asked by (C.17.2)."""
    at = local_time(opinion)
    name = text.person_name_of(opinion.author.name or opinion.author.username) or "-"
    organization = text.long_string(opinion.author.organization or opinion.institution)
    ds.PreliminaryFlag = "FINAL" if opinion.is_final else "PRELIMINARY"
    ds.CompletionFlag = "COMPLETE" if opinion.is_final else "PARTIAL"
    ds.VerificationFlag = "VERIFIED" if opinion.is_final else "UNVERIFIED"
    if opinion.is_final:
        observer = Dataset()
        observer.VerifyingObserverName = name
        observer.VerifyingObserverIdentificationCodeSequence = []
        observer.VerifyingOrganization = organization or "-"
        observer.VerificationDateTime = f"{at:%Y%m%d%H%M%S%z}"
        ds.VerifyingObserverSequence = [observer]
    author = Dataset()
    author.ObserverType = "PSN"
    author.PersonName = name
    author.PersonIdentificationCodeSequence = []
    # Type 2C beside Institution Code Sequence: one of the two must say where
    author.InstitutionName = organization
    author.InstitutionCodeSequence = []
    ds.AuthorObserverSequence = [author]
    ds.ReferencedRequestSequence = [request_item(ds, opinion)]
    ds.PerformedProcedureCodeSequence = []
    ds.ReferencedPerformedProcedureStepSequence = []
    if opinion.predecessors:
        ds.PredecessorDocumentsSequence = reference_tree(opinion.predecessors)


def add_evidence(ds: Dataset, references: Iterable[Reference], study_instance_uid: str) -> None:
    """Everything referred to: of this study as current, of others as pertinent (C.17.2.3)."""
    references = tuple(references)
    here = [r for r in references if r.study_instance_uid == study_instance_uid]
    elsewhere = [r for r in references if r.study_instance_uid != study_instance_uid]
    if here:
        ds.CurrentRequestedProcedureEvidenceSequence = reference_tree(here)
    if elsewhere:
        ds.PertinentOtherEvidenceSequence = reference_tree(elsewhere)


def reference_tree(references: Sequence[Reference]) -> list[Dataset]:
    """Hierarchical SOP Instance Reference items: study, series, instance (C.17.2.1)."""
    studies: dict[str, dict[str, list[Reference]]] = {}
    for reference in references:
        series = studies.setdefault(reference.study_instance_uid, {})
        series.setdefault(reference.series_instance_uid, []).append(reference)
    items = []
    for study_uid, all_series in studies.items():
        study_item = Dataset()
        study_item.StudyInstanceUID = study_uid
        study_item.ReferencedSeriesSequence = []
        for series_uid, instances in all_series.items():
            series_item = Dataset()
            series_item.SeriesInstanceUID = series_uid
            series_item.ReferencedSOPSequence = [
                instance_item(reference) for reference in instances
            ]
            study_item.ReferencedSeriesSequence.append(series_item)
        items.append(study_item)
    return items


def patient_name(header: Dataset) -> str:
    """The patient's name in Unicode, whatever the character set of the header."""
    return text.person_name(string(header, "PatientName"))


def instance_item(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item


def request_item(ds: Dataset, opinion: SignedOpinion) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = ds.StudyInstanceUID
    item.ReferencedStudySequence = []
    item.AccessionNumber = ds.AccessionNumber
    item.PlacerOrderNumberImagingServiceRequest = text.long_string(opinion.request.number)
    item.FillerOrderNumberImagingServiceRequest = ""
    item.RequestedProcedureID = ""
    item.RequestedProcedureDescription = ""
    item.RequestedProcedureCodeSequence = []
    return item


def _private_scheme() -> Dataset:
    item = Dataset()
    item.CodingSchemeDesignator = PRIVATE_SCHEME
    item.CodingSchemeName = "Codes of the Hội chẩn consult workstation"
    item.CodingSchemeResponsibleOrganization = MANUFACTURER
    return item


def _file_meta(sop_class_uid: UID, sop_instance_uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = sop_class_uid
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta


def _add_patient_and_study(ds: Dataset, header: Dataset, study_instance_uid: str) -> None:
    ds.PatientName = patient_name(header)
    ds.PatientID = text.long_string(string(header, "PatientID"))
    issuer = text.long_string(string(header, "IssuerOfPatientID"))
    if issuer:
        ds.IssuerOfPatientID = issuer
    ds.PatientBirthDate = text.valid_date(string(header, "PatientBirthDate"))
    sex = string(header, "PatientSex").strip().upper()
    ds.PatientSex = sex if sex in ("M", "F", "O") else ""
    ds.StudyInstanceUID = study_instance_uid
    ds.StudyDate = text.valid_date(string(header, "StudyDate"))
    ds.StudyTime = text.valid_time(string(header, "StudyTime"))
    referring = text.person_name(string(header, "ReferringPhysicianName"))
    ds.ReferringPhysicianName = text.clip(referring, 64).rstrip("^=")
    ds.StudyID = text.short_string(string(header, "StudyID"))
    ds.AccessionNumber = text.short_string(string(header, "AccessionNumber"))
    description = text.long_string(string(header, "StudyDescription"))
    if description:
        ds.StudyDescription = description


def string(header: Dataset, keyword: str) -> str:
    """The value as Unicode; the first of several; empty when missing or not readable at all."""
    try:
        value = header.get(keyword)
    except Exception:  # a raw element may hold anything: the report goes home without it
        return ""
    if value is None:
        return ""
    if not isinstance(value, str) and isinstance(value, Sequence):
        value = value[0] if value else ""
    return _undo_wrong_charset(str(value), header)


def _undo_wrong_charset(value: str, header: Dataset) -> str:
    """Read as UTF-8 what was written as UTF-8 without saying so.

    A header without Specific Character Set promises ASCII (PS3.3 C.12.1.1.2); when it breaks
    the promise, pydicom reads Latin-1. In Việt Nam the bytes then are UTF-8.
    """
    if value.isascii() or str(header.get("SpecificCharacterSet") or "").strip():
        return value
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _zone(header: Dataset) -> timezone:
    offset = string(header, "TimezoneOffsetFromUTC").strip()
    if len(offset) == 5 and offset[0] in "+-" and offset[1:].isdigit():
        minutes = int(offset[1:3]) * 60 + int(offset[3:])
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    return LOCAL
