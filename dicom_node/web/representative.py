"""Which instance stands for a series or a study when only one picture can be shown."""

from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from dicom_node.archive import Archive, Query
from dicom_node.errors import NotFound
from dicom_node.records import InstanceRecord, ReadScope, SeriesRecord
from dicom_node.slides.roles import shows_label
from dicom_node.web.metadata import matching
from dicom_node.web.service import Target

__all__ = ["representative"]

# Series that mark or report on others; their pixels, if any, are no view of the patient.
_SECOND_RATE = frozenset(
    {"SEG", "SR", "PR", "KO", "DOC", "PLAN", "RTSTRUCT", "RTDOSE", "RWV", "REG"}
)
_SLIDE = "SM"


def representative(archive: Archive, target: Target, scope: ReadScope) -> InstanceRecord:
    """The middle instance of a series; of a study, that of its largest series of images.

    Raises
    ------
    NotFound
        Nothing is held there, or nothing with pixels.
    """
    series = archive.series(matching(Target(target.study, target.series)), scope=scope)
    for one in sorted(series, key=_rank):
        found = _of_series(archive, one, scope)
        if found is not None:
            return found
    raise NotFound("nothing with pixels is held under these UIDs")


def _rank(series: SeriesRecord) -> tuple[bool, int]:
    return series.modality in _SECOND_RATE, -series.instance_count


def _of_series(archive: Archive, series: SeriesRecord, scope: ReadScope) -> InstanceRecord | None:
    records = archive.study_instances(
        series.study_instance_uid, scope=scope, series_instance_uid=series.series_instance_uid
    )
    images = [record for record in records if record.rows and record.columns]
    if not images:
        return None
    if series.modality == _SLIDE or images[0].sop_class_uid == VLWholeSlideMicroscopyImageStorage:
        return _of_slide(archive, series, scope)
    return images[len(images) // 2]


def _of_slide(archive: Archive, series: SeriesRecord, scope: ReadScope) -> InstanceRecord | None:
    """The thumbnail, or the smallest level; never the label, which may bear a name."""
    query = Query(
        {
            "StudyInstanceUID": [series.study_instance_uid],
            "SeriesInstanceUID": [series.series_instance_uid],
        }
    )
    found = archive.records_with_headers(query, scope=scope)
    levels = [record for record, header in found if not shows_label(header)]
    levels = [record for record in levels if record.rows >= 16 and record.columns >= 16] or levels
    return min(levels, key=lambda one: (one.number_of_frames, -one.rows), default=None)
