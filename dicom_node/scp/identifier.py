"""Identifiers of query and retrieve: data sets in, data sets out (PS3.4 C.4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from dicom_node.archive.header import first_value, read_header
from dicom_node.part10 import IMPLICIT_LITTLE_ENDIAN

__all__ = ["Identifier", "encode_dataset", "read_dataset", "read_identifier"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """What a peer asks for.

    ``keys`` are the attributes asked for, in order, with their matching values: "" for universal
    matching, a list where several were given.
    """

    level: str  # PATIENT, STUDY, SERIES or IMAGE
    keys: Mapping[str, str | list[str]] = field(default_factory=dict)

    def unique_keys(self) -> dict[str, str | list[str]]:
        """Return the patient and the UIDs that name what to retrieve."""
        names = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        return {name: value for name in names if (value := self.keys.get(name))}


def read_dataset(raw: bytes, transfer_syntax: str) -> dict[str, Any]:
    """Return a message's data set in the DICOM JSON Model.

    Raises
    ------
    ValueError
        It cannot be read.
    """
    header = read_header(raw, 0, transfer_syntax)
    if header.problem:
        raise ValueError(header.problem)
    return header.dicom_json


def read_identifier(raw: bytes, transfer_syntax: str) -> Identifier:
    """Decode an identifier. Raises ValueError."""
    found = read_dataset(raw, transfer_syntax)
    keys: dict[str, str | list[str]] = {}
    for tag in found:
        keyword = keyword_for_tag(int(tag, 16))
        if keyword and keyword not in ("QueryRetrieveLevel", "SpecificCharacterSet"):
            keys[keyword] = _matching_value(found, tag)
    return Identifier(str(first_value(found, "00080052")).strip(), keys)


def _matching_value(found: Mapping[str, Any], tag: str) -> str | list[str]:
    values = found[tag].get("Value", [])
    if len(values) > 1:
        return [str(value) for value in values if value is not None]
    return "" if found[tag]["vr"] == "SQ" else str(first_value(dict(found), tag))


def encode_dataset(dataset: Dataset, transfer_syntax: str) -> bytes:
    """Encode a data set for a message."""
    encoded = encode(dataset, transfer_syntax == IMPLICIT_LITTLE_ENDIAN, True)
    if encoded is None:
        raise ValueError("the data set cannot be encoded")
    return bytes(encoded)
