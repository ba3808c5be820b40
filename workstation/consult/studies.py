"""A study of the archive as guests see it."""

from collections import defaultdict
from typing import Any

from dicom_node.archive import Archive
from dicom_node.headers import header_dataset
from dicom_node.pixels.volume import read_slices
from dicom_node.records import InstanceRecord, ReadScope
from plugins.nouns import Instance, Series, Study
from workstation.consult.slide_pixels import open_slide
from workstation.consult.volumes import load_volume

__all__ = ["load_study"]


def load_study(archive: Archive, study_instance_uid: str, *, scope: ReadScope) -> Study:
    """The study with its series and the header of every instance, read from the index.

    Raises
    ------
    dicom_node.errors.NotFound
        No such study in `scope`.
    """
    record = archive.study(study_instance_uid, scope=scope)
    headers = {
        _first(header, "00080018"): header
        for header in archive.headers(study_instance_uid, scope=scope)
    }
    instances: dict[str, list[Instance]] = defaultdict(list)
    for instance in archive.study_instances(study_instance_uid, scope=scope):
        header = headers.get(instance.sop_instance_uid, {})
        instances[instance.series_instance_uid].append(_instance(instance, header))
    return Study(
        study_instance_uid=record.study_instance_uid,
        site=record.site,
        patient_id=record.patient_id,
        patient_name=record.patient_name,
        patient_birth_date=record.patient_birth_date,
        patient_sex=record.patient_sex,
        study_date=record.study_date,
        study_time=record.study_time,
        accession_number=record.accession_number,
        study_description=record.study_description,
        series=tuple(
            Series(
                series_instance_uid=series.series_instance_uid,
                study_instance_uid=series.study_instance_uid,
                modality=series.modality,
                series_number=series.series_number,
                series_description=series.series_description,
                body_part_examined=series.body_part_examined,
                instances=tuple(instances[series.series_instance_uid]),
            )
            for series in archive.study_series(study_instance_uid, scope=scope)
        ),
        load_volume=lambda series: load_volume(archive, series, scope=scope),
        load_slices=lambda places: read_slices(archive, places, scope=scope),
        load_slide=lambda series: open_slide(archive, series, scope=scope),
    )


def _instance(record: InstanceRecord, header: dict[str, Any]) -> Instance:
    return Instance(
        sop_instance_uid=record.sop_instance_uid,
        sop_class_uid=record.sop_class_uid,
        transfer_syntax_uid=record.transfer_syntax_uid,
        number_of_frames=record.number_of_frames,
        header=header_dataset(header),
    )


def _first(header: dict[str, Any], tag: str) -> str:
    return str((header.get(tag, {}).get("Value") or [""])[0])
