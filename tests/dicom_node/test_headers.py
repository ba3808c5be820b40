"""A lazily converted header is the data set it stands for."""

import copy
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicom_node import headers
from dicom_node.headers import header_dataset


def as_json(path: Path) -> dict[str, object]:
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    said: dict[str, object] = ds.to_json_dict(
        bulk_data_threshold=1 << 20,
        bulk_data_element_handler=lambda _: "x",
        suppress_invalid_tags=True,
    )
    return said


FILES = [
    "ct_head/single_slices/ct_brain_single.dcm",
    "ct_head/single_slices/J2K_pixelrep_mismatch.dcm",
    "modalities/mr_enhanced/BRTUM001.dcm",
    "modalities/us/us_8frames_jpeg_fragmented.dcm",
]


@pytest.mark.parametrize("name", FILES)
def test_it_equals_what_pydicom_makes(name: str, test_data: Path) -> None:
    said = as_json(test_data / name)

    lazy = header_dataset(said)

    assert lazy == Dataset.from_json(said, bulk_data_uri_handler=lambda *_: b"")
    assert len(lazy) == len(said)


@pytest.mark.parametrize("name", FILES)
def test_it_equals_in_any_order_of_looking(name: str, test_data: Path) -> None:
    said = as_json(test_data / name)
    lazy = header_dataset(said)

    assert str(lazy.get("SOPInstanceUID")) == str(lazy["SOPInstanceUID"].value)
    assert "PatientID" in lazy
    assert [element.tag for element in lazy] == sorted(lazy.keys())
    assert copy.deepcopy(lazy) == lazy


def test_it_can_be_changed() -> None:
    lazy = header_dataset({"00100020": {"vr": "LO", "Value": ["P1"]}, "00100040": {"vr": "CS"}})

    assert lazy.PatientSex in ("", None)
    lazy.PatientID = "P2"
    lazy.StudyID = "7"
    del lazy.PatientSex

    assert (lazy.PatientID, lazy.StudyID, len(lazy)) == ("P2", "7", 2)
    assert lazy.get("PatientSex") is None


def test_only_what_is_looked_at_is_converted_and_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    converted: list[str] = []
    real = DataElement.from_json

    def counting(*arguments: Any) -> DataElement:
        converted.append(arguments[1])
        return real(*arguments)

    monkeypatch.setattr(headers.DataElement, "from_json", counting)
    lazy = header_dataset(
        {"00100020": {"vr": "LO", "Value": ["P1"]}, "00280010": {"vr": "US", "Value": [512]}}
    )

    assert (lazy.PatientID, lazy.PatientID) == ("P1", "P1")
    assert converted == ["00100020"]
