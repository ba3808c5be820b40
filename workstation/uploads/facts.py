"""What the laboratory says of a file, checked; and the slide's header made of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dicom_node.archive import StudyQuery
from dicom_node.conversion import SlideFacts, refuse
from dicom_node.conversion.dataset import uid_of
from dicom_node.objects import text
from dicom_node.records import ReadScope, StudyRecord
from workstation.context import Context
from workstation.errors import InvalidRequest

__all__ = ["checked_facts", "slide_facts"]

# Name to longest value; what a browser or a folder's sidecar file may say.
TEXTS: Mapping[str, int] = {
    "patient_id": 64,
    "patient_name": 200,
    "patient_birth_date": 10,
    "patient_sex": 1,
    "study_instance_uid": 64,
    "accession_number": 16,
    "study_description": 64,
    "container_id": 64,
    "part_id": 64,
    "block_id": 64,
    "stain": 64,
    "specimen_description": 1024,
    "batch": 64,  # slides sent together without an accession number are one study
}
_SMALLEST_MPP, _LARGEST_MPP = 0.02, 50.0


def checked_facts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Known names with text that is short enough; others are left out. Raises InvalidRequest."""
    facts: dict[str, Any] = {}
    for name, longest in TEXTS.items():
        value = values.get(name, "")
        if not isinstance(value, str) or len(value.strip()) > longest:
            raise InvalidRequest(
                "bad_fact",
                f"Giá trị của «{name}» không hợp lệ hoặc quá dài.",
                f"The value of {name!r} is not valid, or too long.",
            )
        if value.strip():
            facts[name] = value.strip()
    if values.get("mpp"):
        facts["mpp"] = _mpp(values["mpp"])
    return facts


def _mpp(value: Any) -> float:
    try:
        number = float(str(value).replace(",", "."))
    except ValueError:
        number = 0.0
    if not _SMALLEST_MPP <= number <= _LARGEST_MPP:
        raise InvalidRequest(
            "bad_mpp",
            "Số µm/điểm ảnh phải từ 0,02 đến 50.",
            "Micrometres a pixel must be between 0.02 and 50.",
        )
    return number


def slide_facts(
    context: Context, site: str, facts: Mapping[str, Any], *, seed: str, received_at: str, name: str
) -> SlideFacts:
    """The header of a slide: its study as we hold it, or a new one.

    Parameters
    ----------
    name : str
        Of the file, without folder; names the slide when nobody else does.

    Raises
    ------
    ConversionRefused
        Nobody said whose slide it is.
    """
    study = _known_study(context, site, facts)
    values = {key: facts[key] for key in ("part_id", "block_id", "stain") if key in facts}
    slide = SlideFacts(
        patient_id=facts.get("patient_id", ""),
        patient_name=_person_name(facts.get("patient_name", "")),
        patient_birth_date=facts.get("patient_birth_date", "").replace("-", ""),
        patient_sex=facts.get("patient_sex", ""),
        study_instance_uid="",
        accession_number=facts.get("accession_number", ""),
        study_id=facts.get("accession_number", ""),
        study_date=received_at[:10].replace("-", ""),
        study_time=received_at[11:19].replace(":", ""),
        study_description=facts.get("study_description", ""),
        specimen_description=facts.get("specimen_description", ""),
        container_id=facts.get("container_id") or name.rsplit(".", 1)[0],
        seed=seed,
        received_at=received_at,
        mpp=facts.get("mpp", 0.0),
        **values,
    )
    if study is not None:
        return _in_study(context, slide, study)
    if not slide.patient_id or not slide.patient_name:
        raise refuse("no_patient")
    # The same patient and accession number mean the same study, whenever a slide of it comes.
    which = slide.accession_number or facts.get("batch", "") or seed
    uid = uid_of("study", site, slide.patient_id, which)
    slide = replace(slide, study_instance_uid=uid)
    known = _study(context, site, uid)
    return slide if known is None else _in_study(context, slide, known)


def _person_name(name: str) -> str:
    """A name as people type it, family name first, or as DICOM writes it."""
    return name if "^" in name else text.person_name_of(name)


def _known_study(context: Context, site: str, facts: Mapping[str, Any]) -> StudyRecord | None:
    """The study that was picked. Raises ConversionRefused when the site holds no such study."""
    uid = facts.get("study_instance_uid", "")
    if not uid:
        return None
    found = _study(context, site, uid)
    if found is None:
        raise refuse("no_study")
    return found


def _study(context: Context, site: str, uid: str) -> StudyRecord | None:
    query = StudyQuery({"StudyInstanceUID": [uid]})
    found = context.archive.studies(query, scope=ReadScope(sites=frozenset({site})))
    return found[0] if found else None


def _in_study(context: Context, slide: SlideFacts, study: StudyRecord) -> SlideFacts:
    """The study's own patient: two patients in one study would alarm every reader."""
    scope = ReadScope(everything=True)
    series = context.archive.study_series(study.study_instance_uid, scope=scope)
    numbers = [int(each.series_number) for each in series if each.series_number.isdigit()]
    return replace(
        slide,
        study_instance_uid=study.study_instance_uid,
        patient_id=study.patient_id,
        issuer_of_patient_id=study.issuer_of_patient_id,
        patient_name=study.patient_name,
        patient_birth_date=study.patient_birth_date,
        patient_sex=study.patient_sex,
        accession_number=study.accession_number,
        study_id=study.study_id,
        study_date=study.study_date,
        study_time=study.study_time,
        study_description=study.study_description,
        referring_physician_name=study.referring_physician_name,
        series_number=max(numbers, default=0) + 1,
    )


def digest_of(path: Any) -> str:
    """The SHA-256 of a file: the seed of a slide nobody uploaded by browser."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
