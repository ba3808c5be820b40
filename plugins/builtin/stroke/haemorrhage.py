"""Candidates of blood: which, how large by two methods, and why one may be none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.haemorrhage import (
    HaemorrhageCandidate,
    HaemorrhageCandidates,
    HaemorrhageVolume,
    measure_haemorrhage,
)
from plugins.builtin.stroke import codes
from plugins.builtin.stroke.findings import Findings, findings_of, group, mask_layer, on_source
from plugins.builtin.stroke.head import Head
from plugins.builtin.stroke.words import SIDES
from plugins.nouns import Text
from plugins.results import Layer, Segment, Value

__all__ = ["LAYER", "haemorrhages"]

LAYER = "haemorrhage"
MOST = 10
TITLE = Text("Nghi chảy máu (ứng viên)", "Possible haemorrhage (candidates)")
DOUBTS: Mapping[str, Text] = {
    "symmetric": Text(
        "đối xứng (đám rối mạch mạc, nhân nền)", "symmetric (choroid, basal ganglia)"
    ),
    "sinus or falx": Text("xoang tĩnh mạch hoặc liềm não", "venous sinus or falx"),
    "skull base": Text("sát nền sọ", "beside the skull base"),
    "posterior fossa": Text("hố sau (xảo ảnh cứng tia)", "posterior fossa (beam hardening)"),
}
COLOURS = ((255, 80, 80), (255, 140, 60), (255, 90, 160), (240, 200, 60))
NONE = Text("Không có ứng viên", "No candidates")
NOT_EXCLUDED = Text("không loại trừ chảy máu", "does not rule out haemorrhage")


@dataclass(frozen=True)
class Outcome:
    values: tuple[Value, ...]
    layer: Layer


def haemorrhages(
    head: Head, candidates: HaemorrhageCandidates, edits: Mapping[str, Any]
) -> Outcome:
    """Measure every candidate on the source slices; doubtful ones are listed, not marked."""
    trusted = [one for one in candidates.candidates if not one.doubts][:MOST]
    numbered = np.zeros(candidates.labels.shape, np.int32)
    for number, one in enumerate(trusted, start=1):
        numbered[candidates.labels == one.label] = number
    found = findings_of(head, LAYER, numbered, regrown(head, numbered), edits)
    sides = [one.side for one in trusted]
    values: list[Value] = []
    for number in found.numbers:
        values += _measured(found, number, sides)
    if not found.numbers:
        values.append(
            Value(
                "haemorrhage_none",
                NONE,
                None,
                codes.ML,
                note=NOT_EXCLUDED,
                group=LAYER,
                group_label=TITLE,
            )
        )
    values += _doubtful([one for one in candidates.candidates if one.doubts])
    segments = [_segment(number, found.side(number, sides)) for number in found.numbers]
    labels = found.kept(edits, found.numbers)
    return Outcome(tuple(values), mask_layer(found, TITLE, labels, segments))


def regrown(head: Head, numbered: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Candidates grown anew to their half height on the source's own pixels."""
    brain = head.copy.to_source(head.brain.mask)
    result = on_source(head, numbered)
    for number in range(1, int(numbered.max(initial=0)) + 1):
        own = result == number
        result[own] = 0
        free = brain & (result == 0)
        result[_volume(head, own, free).mask & free] = number
    return result


def _volume(
    head: Head, mask: NDArray[np.bool_], within: NDArray[np.bool_] | None = None
) -> HaemorrhageVolume:
    scan = head.scan
    spacing = [float(np.median(scan.geometry.spacings_mm)), *scan.spacing_mm]
    return measure_haemorrhage(scan.hu, mask, scan.geometry.weights_mm, spacing, within)


def _measured(found: Findings, number: int, sides: Sequence[str]) -> list[Value]:
    name = group(LAYER, number)
    volume = _volume(found.head, found.mask(number))
    side = found.side(number, sides)
    shared: dict[str, Any] = {
        "group": name,
        "group_label": Text(
            f"Ổ {number}, {SIDES[side].vi}", f"Candidate {number}, {SIDES[side].en}"
        ),
        "laterality": codes.SIDES.get(side),
        "finding_site": codes.BRAIN,
        "layer": LAYER,
        "segment": number,
    }
    abc = volume.abc
    return [
        Value(
            f"{name}_volume",
            Text("Thể tích (đếm điểm ảnh)", "Volume (planimetry)"),
            volume.volume_ml,
            codes.ML,
            codes.VOLUME,
            method=Text("cộng diện tích các lát", "planimetry"),
            is_main=number == 1,
            **shared,
        ),
        Value(
            f"{name}_abc2",
            Text("Thể tích ABC/2", "Volume ABC/2"),
            abc.simple_ml if abc else None,
            codes.ML,
            codes.VOLUME,
            method=Text("ABC/2", "ABC/2"),
            **shared,
        ),
        Value(
            f"{name}_abc2_weighted",
            Text("Thể tích ABC/2 (Kothari)", "Volume ABC/2 (Kothari)"),
            abc.weighted_ml if abc else None,
            codes.ML,
            codes.VOLUME,
            method=Text("ABC/2, C có trọng số", "ABC/2, C weighted"),
            **shared,
        ),
        Value(
            f"{name}_hu",
            Text("Đậm độ", "Attenuation"),
            volume.mean_hu,
            codes.HU,
            codes.ATTENUATION,
            digits=0,
            **shared,
        ),
    ]


def _doubtful(candidates: Sequence[HaemorrhageCandidate]) -> list[Value]:
    return [
        Value(
            f"dense_{position}",
            SIDES[one.side],
            one.volume_ml,
            codes.ML,
            note=Text(
                ", ".join(DOUBTS[doubt].vi for doubt in one.doubts),
                ", ".join(DOUBTS[doubt].en for doubt in one.doubts),
            ),
            group="dense_doubtful",
            group_label=Text("Nhiều khả năng không phải máu", "Probably no blood"),
        )
        for position, one in enumerate(candidates, start=1)
    ]


def _segment(number: int, side: str) -> Segment:
    return Segment(
        number,
        Text(f"Nghi chảy máu {number}, {SIDES[side].vi}", f"Candidate {number}, {SIDES[side].en}"),
        COLOURS[(number - 1) % len(COLOURS)],
        codes.ABNORMAL,
        codes.HEMORRHAGE,
        codes.BRAIN,
        codes.SIDES.get(side),
    )
