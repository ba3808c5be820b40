"""Real files as guests see them."""

from collections import defaultdict
from pathlib import Path

import pydicom

from plugins import Instance, Series, Study

__all__ = ["real_series", "real_study"]


def real_series(place: Path) -> list[Series]:
    """The series of a folder (or one file), by Series Instance UID."""
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    found: dict[str, list[Instance]] = defaultdict(list)
    for path in files:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        uid = str(header.get("SOPInstanceUID") or header.file_meta.MediaStorageSOPInstanceUID)
        sop_class = str(header.get("SOPClassUID") or header.file_meta.MediaStorageSOPClassUID)
        frames = int(header.get("NumberOfFrames") or 1)
        found[str(header.get("SeriesInstanceUID"))].append(
            Instance(uid, sop_class, "", frames, header)
        )
    return [_series(uid, instances) for uid, instances in found.items()]


def real_study(place: Path) -> Study:
    series = real_series(place)
    return Study(
        series[0].study_instance_uid, "DEMO_A", "", "", "", "", "", "", "", "", tuple(series)
    )


def _series(uid: str, instances: list[Instance]) -> Series:
    header = instances[0].header
    return Series(
        series_instance_uid=uid,
        study_instance_uid=str(header.get("StudyInstanceUID") or ""),
        modality=str(header.get("Modality") or ""),
        series_number=str(header.get("SeriesNumber") or ""),
        series_description=str(header.get("SeriesDescription") or ""),
        body_part_examined=str(header.get("BodyPartExamined") or ""),
        instances=tuple(instances),
    )
