"""Records of the index as rows of a search result (PS3.18 10.6.3, F.2)."""

from typing import Any

from dicom_node.records import InstanceRecord, SeriesRecord, StudyRecord

__all__ = ["instance_row", "series_row", "study_row"]

Row = dict[str, Any]

# The patient's and the study's attributes; a series or instance row shows them when asked to.
_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def study_row(study: StudyRecord, base: str) -> Row:
    """A study with every attribute of Table 10.6.3-3 that we keep."""
    row: Row = {
        "00080005": _value("CS", "ISO_IR 192"),
        "00080020": _value("DA", study.study_date),
        "00080030": _value("TM", study.study_time),
        "00080050": _value("SH", study.accession_number),
        "00080056": _value("CS", "ONLINE"),
        "00080061": {"vr": "CS", "Value": list(study.modalities)},
        "00080090": _name(study.referring_physician_name),
        "00081030": _value("LO", study.study_description),
        "00081190": _value("UR", f"{base}/studies/{study.study_instance_uid}"),
        "00100010": _name(study.patient_name),
        "00100020": _value("LO", study.patient_id),
        "00100021": _value("LO", study.issuer_of_patient_id),
        "00100030": _value("DA", study.patient_birth_date),
        "00100040": _value("CS", study.patient_sex),
        "0020000D": _value("UI", study.study_instance_uid),
        "00200010": _value("SH", study.study_id),
        "00201206": _value("IS", study.series_count),
        "00201208": _value("IS", study.instance_count),
    }
    if not any(study.modalities):
        row["00080061"] = {"vr": "CS"}
    return row


def series_row(series: SeriesRecord, base: str) -> Row:
    """A series, with the UID of its study."""
    url = f"{base}/studies/{series.study_instance_uid}/series/{series.series_instance_uid}"
    return {
        "00080005": _value("CS", "ISO_IR 192"),
        "00080021": _value("DA", series.series_date),
        "00080031": _value("TM", series.series_time),
        "00080056": _value("CS", "ONLINE"),
        "00080060": _value("CS", series.modality),
        "0008103E": _value("LO", series.series_description),
        "00081190": _value("UR", url),
        "00180015": _value("CS", series.body_part_examined),
        "0020000D": _value("UI", series.study_instance_uid),
        "0020000E": _value("UI", series.series_instance_uid),
        "00200011": _integer(series.series_number),
        "00201209": _value("IS", series.instance_count),
    }


def instance_row(instance: InstanceRecord, url: str) -> Row:
    """An instance, with the UIDs of its study and series."""
    row: Row = {
        "00080005": _value("CS", "ISO_IR 192"),
        "00080016": _value("UI", instance.sop_class_uid),
        "00080018": _value("UI", instance.sop_instance_uid),
        "00080056": _value("CS", "ONLINE"),
        "00081190": _value("UR", url),
        "00083002": _value("UI", instance.transfer_syntax_uid),
        "0020000D": _value("UI", instance.study_instance_uid),
        "0020000E": _value("UI", instance.series_instance_uid),
        "00200013": _integer(instance.instance_number),
    }
    if instance.rows and instance.columns:
        row["00280010"] = _value("US", instance.rows)
        row["00280011"] = _value("US", instance.columns)
        row["00280008"] = _value("IS", max(instance.number_of_frames, 1))
    return row


def _value(vr: str, value: str | int) -> Row:
    return {"vr": vr} if value == "" else {"vr": vr, "Value": [value]}


def _integer(text: str) -> Row:
    """A number the sender wrote; words in its place are shown as they are (PS3.18 F.2.3.1)."""
    try:
        return _value("IS", int(text) if text else "")
    except ValueError:
        return _value("IS", text)


def _name(text: str) -> Row:
    groups = {key: part for key, part in zip(_NAME_GROUPS, text.split("="), strict=False) if part}
    return {"vr": "PN", "Value": [groups]} if groups else {"vr": "PN"}
