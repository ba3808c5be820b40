"""What the laboratory says of a slide; the file itself knows only how it was scanned."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

__all__ = ["SlideFacts"]


@dataclass(frozen=True, slots=True)
class SlideFacts:
    """Patient, study and specimen of one slide.

    Parameters
    ----------
    study_instance_uid : str
        Of a study we hold, or a new one.
    container_id : str
        What is written on the slide; the Container Identifier (PS3.3 C.7.6.22).
    block_id, part_id : str
        The block the section was cut from, and the part the block was taken from.
    stain : str
        As the laboratory says it: "H&E", "Ki-67".
    mpp : float
        Micrometres a pixel, for files that do not say; 0 leaves it to the file.
    received_at : str
        ISO 8601; stands in for the time of the scan where the file has none.
    seed : str
        All UIDs follow from it: the same seed and file give the same instances.
    """

    patient_id: str
    patient_name: str
    study_instance_uid: str
    container_id: str
    seed: str
    received_at: str
    patient_birth_date: str = ""
    patient_sex: str = ""
    issuer_of_patient_id: str = ""
    accession_number: str = ""
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    referring_physician_name: str = ""
    institution_name: str = ""
    block_id: str = ""
    part_id: str = ""
    specimen_description: str = ""
    stain: str = ""
    series_number: int = 1
    mpp: float = 0.0

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.received_at)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SlideFacts":
        """Undo `as_json`; unknown names are left out."""
        names = {each.name for each in fields(cls)}
        return cls(**{name: item for name, item in value.items() if name in names})
