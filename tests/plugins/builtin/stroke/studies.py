"""Phantoms and real scans as studies: headers as a scanner writes them, pixels in memory."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from kernels.perfusion_head import PerfusionHead
from kernels.stroke_phantom import StrokePhantom
from plugins.nouns import Instance, Series, Study, Text
from plugins.testing import ct_header, uid

__all__ = ["Bench", "perfusion_series", "phantom_series", "real_head", "study_of"]

Pixels = dict[str, NDArray[np.int16]]


@dataclass
class Bench:
    """Remembers, and notes what it is told."""

    memory: MutableMapping[str, Any] = field(default_factory=dict)
    said: list[tuple[float, Text]] = field(default_factory=list)

    def report(self, fraction: float, message: Text) -> None:
        self.said.append((fraction, message))


def study_of(*parts: tuple[Series, Pixels]) -> Study:
    """A study whose slices are read from memory, as the host reads them from the archive."""
    pixels: Pixels = {}
    for _, own in parts:
        pixels.update(own)

    def load(places: Sequence[tuple[str, int]]) -> NDArray[np.int16]:
        return np.stack([pixels[sop_instance_uid] for sop_instance_uid, _ in places])

    return Study(
        study_instance_uid=uid("study"),
        site="DEMO_A",
        patient_id="P1",
        patient_name="LÊ^THỊ HOA",
        patient_birth_date="19600102",
        patient_sex="F",
        study_date="20261123",
        study_time="030000",
        accession_number="A1",
        study_description="CLVT sọ não",
        series=tuple(series for series, _ in parts),
        load_slices=load,
    )


def phantom_series(
    phantom: StrokePhantom, name: str = "head", description: str = "So nao 5 mm", **elements: Any
) -> tuple[Series, Pixels]:
    """A non-contrast series; instances come in no order."""
    places = [
        (position, plane, {})
        for position, plane in zip(phantom.positions_mm, phantom.hu, strict=True)
    ]
    return _series(name, description, phantom.orientation, phantom.spacing_mm, places, elements)


def perfusion_series(
    head: PerfusionHead, name: str = "perfusion", description: str = "CTP", **elements: Any
) -> tuple[Series, Pixels]:
    """A perfusion series; every image has the time it was taken."""
    places = []
    for time in range(len(head.hu)):
        for number, plane in enumerate(head.hu[time]):
            seconds = 10 * 3600 + float(head.times_s[time, number])
            clock = f"{int(seconds // 3600):02d}{int(seconds % 3600 // 60):02d}{seconds % 60:09.6f}"
            position = np.array([-115.0, -115.0, number * head.spacing_mm[0]])
            places.append((position, plane, {"AcquisitionTime": clock}))
    return _series(name, description, [1, 0, 0, 0, 1, 0], head.spacing_mm, places, elements)


def _series(
    name: str,
    description: str,
    orientation: Any,
    spacing_mm: Any,
    places: Sequence[tuple[NDArray[np.float64], NDArray[np.int16], Mapping[str, Any]]],
    elements: Mapping[str, Any],
) -> tuple[Series, Pixels]:
    order = np.random.default_rng(7).permutation(len(places))
    instances, pixels = [], {}
    for number, index in enumerate(order, start=1):
        position, plane, own = places[index]
        header = ct_header(
            number,
            tuple(float(value) for value in position),  # type: ignore[arg-type]
            **{
                "SOPInstanceUID": uid(f"{name} {index}"),
                "SeriesInstanceUID": uid(name),
                "ImageOrientationPatient": [float(value) for value in orientation],
                "PixelSpacing": [float(spacing_mm[1]), float(spacing_mm[2])],
                "SliceThickness": f"{float(spacing_mm[0]):.6g}",
                "Rows": plane.shape[0],
                "Columns": plane.shape[1],
                "BodyPartExamined": "HEAD",
                "ConvolutionKernel": "H31s",
                **own,
                **elements,
            },
        )
        instances.append(_instance(header))
        pixels[str(header.SOPInstanceUID)] = plane
    series = Series(uid(name), uid("study"), "CT", "2", description, "HEAD", tuple(instances))
    return series, pixels


def real_head(folder: Path) -> tuple[Series, Pixels]:
    """A real series of files, padding at -1024 as the host gives it."""
    instances, pixels = [], {}
    for path in sorted(folder.iterdir()):
        header = pydicom.dcmread(path)
        stored = header.pixel_array.astype(np.float32)
        values = stored * float(header.RescaleSlope) + float(header.RescaleIntercept)
        values[stored == float(header.get("PixelPaddingValue", -32768))] = -1024
        pixels[str(header.SOPInstanceUID)] = values.astype(np.int16)
        instances.append(_instance(header))
    first = instances[0].header
    series = Series(
        str(first.SeriesInstanceUID),
        str(first.StudyInstanceUID),
        "CT",
        str(first.get("SeriesNumber") or ""),
        str(first.get("SeriesDescription") or ""),
        str(first.get("BodyPartExamined") or ""),
        tuple(instances),
    )
    return series, pixels


def _instance(header: Dataset) -> Instance:
    return Instance(str(header.SOPInstanceUID), str(header.SOPClassUID), "", 1, header)
