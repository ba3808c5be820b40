"""Dark regions beside their mirror image: which, how large, how much water."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.asymmetry import Asymmetry, DarkCluster, WaterUptake, net_water_uptake
from kernels.midsagittal import MidsagittalPlane
from plugins.builtin.stroke import codes
from plugins.builtin.stroke.findings import Findings, findings_of, group, mask_layer, on_source
from plugins.builtin.stroke.head import Head, map_to_source
from plugins.builtin.stroke.words import SIDES
from plugins.nouns import Text
from plugins.results import Layer, LayerKind, Segment, Value

__all__ = ["SCORED_IN", "difference_layer", "hypodensity"]

LAYER = "hypodensity"
# readers score early change before they see where the arithmetic found it
SCORED_IN = "stroke_aspects"
UPTAKE = Text("100·(1 − HU/HU₀), 20–80 HU", "100·(1 − HU/HU₀), 20–80 HU")
TITLE = Text("Vùng giảm tỷ trọng so với bên đối diện", "Darker than the other side")
OLD_HU, OLD_PERCENT = 18.0, 30.0
MIRROR_REACH_MM = 160.0  # twice the half width of a brain
DOUBTS: Mapping[str, Text] = {
    "fluid": Text("sát dịch não tủy (não thất, rãnh)", "beside fluid (ventricle, sulcus)"),
    "skull base": Text("sát nền sọ", "beside the skull base"),
    "posterior fossa": Text("hố sau (xảo ảnh cứng tia)", "posterior fossa (beam hardening)"),
    "edge": Text("sát vỏ sọ", "beside the skull"),
}
COLOURS = ((70, 170, 255), (120, 220, 230), (160, 140, 255), (90, 230, 170))


@dataclass(frozen=True)
class Outcome:
    values: tuple[Value, ...]
    layer: Layer


def hypodensity(head: Head, asymmetry: Asymmetry, edits: Mapping[str, Any]) -> Outcome:
    """Measure every cluster; doubtful ones are listed and left out of the mask."""
    numbered = np.zeros(asymmetry.labels.shape, np.int32)
    trusted = [cluster for cluster in asymmetry.clusters if not cluster.doubts]
    for number, cluster in enumerate(trusted, start=1):
        numbered[asymmetry.labels == cluster.label] = number
    found = findings_of(head, LAYER, numbered, on_source(head, numbered), edits)
    sides = [one.side for one in trusted]
    values: list[Value] = []
    for number in found.numbers:
        values += _measured(found, number, sides)
    values += _doubtful([cluster for cluster in asymmetry.clusters if cluster.doubts])
    labels = found.kept(edits, found.numbers)
    segments = [_segment(number, found.side(number, sides)) for number in found.numbers]
    layer = mask_layer(found, TITLE, labels, segments, is_shown=False)
    return Outcome(tuple(values), replace(layer, withheld_until=SCORED_IN))


def difference_layer(head: Head, asymmetry: Asymmetry) -> Layer:
    """The map behind it all: HU less the other side's."""
    scan = head.scan
    return Layer(
        "difference",
        Text("Chênh lệch hai bên (HU)", "Difference between sides (HU)"),
        LayerKind.MAP,
        scan.series_instance_uid,
        scan.frames,
        map_to_source(head.copy, asymmetry.difference_hu),
        unit=codes.HU,
        range=(0.0, -12.0),  # the darker, the brighter shown
        palette="hot iron",
        is_exported=False,
        withheld_until=SCORED_IN,
    )


def _measured(found: Findings, number: int, sides: Sequence[str]) -> list[Value]:
    name = group(LAYER, number)
    uptake = _uptake(found.head, found.on_copy(number))
    side = found.side(number, sides)
    title = Text(f"Vùng {number}, {SIDES[side].vi}", f"Region {number}, {side}")
    shared = {
        "group": name,
        "group_label": title,
        "laterality": codes.SIDES[side],
        "layer": LAYER,
        "segment": number,
        "withheld_until": SCORED_IN,
    }
    is_old = uptake.lesion_hu < OLD_HU or uptake.percent > OLD_PERCENT
    old = Text("cũ? (rất giảm tỷ trọng)", "old? (very dark)") if is_old else None
    return [
        Value(
            f"{name}_volume",
            Text("Thể tích", "Volume"),
            found.volume_ml(number),
            codes.ML,
            codes.VOLUME,
            method=Text("ΔHU < −4", "ΔHU < −4"),
            **shared,  # type: ignore[arg-type]
        ),
        Value(
            f"{name}_water",
            Text("Hấp thu nước (NWU)", "Net water uptake (NWU)"),
            uptake.percent,
            codes.PERCENT,
            codes.WATER_UPTAKE,
            note=old,
            method=UPTAKE,
            **shared,  # type: ignore[arg-type]
        ),
        Value(
            f"{name}_hu",
            Text("Đậm độ", "Attenuation"),
            uptake.lesion_hu,
            codes.HU,
            codes.ATTENUATION,
            **shared,  # type: ignore[arg-type]
        ),
        Value(
            f"{name}_mirror_hu",
            Text("Đậm độ bên đối diện", "Attenuation of the other side"),
            uptake.normal_hu,
            codes.HU,
            **shared,  # type: ignore[arg-type]
        ),
    ]


def _uptake(head: Head, region: NDArray[np.bool_]) -> WaterUptake:
    """Net water uptake, on the slices around the region only."""
    copy, plane = head.copy, head.plane
    used = np.flatnonzero(region.any(axis=(1, 2)))
    if not len(used):
        return WaterUptake(0.0, 0.0, 0.0, 0.0, 0.0)
    # the mirror image of a slanted head lies higher or lower
    reach = int(np.ceil((MIRROR_REACH_MM * abs(plane.normal[0]) + 5.0) / copy.spacing_mm[0]))
    low, high = max(int(used[0]) - reach, 0), int(used[-1]) + reach + 1
    offset = plane.offset_mm - plane.normal[0] * low * copy.spacing_mm[0]
    return net_water_uptake(
        copy.hu[low:high],
        region[low:high],
        head.brain.mask[low:high],
        MidsagittalPlane(plane.normal, float(offset)),
        copy.spacing_mm,
    )


def _doubtful(clusters: Sequence[DarkCluster]) -> list[Value]:
    """What is probably no lesion, with the reason; on the screen only."""
    return [
        Value(
            f"doubtful_{position}",
            SIDES[cluster.side],
            cluster.volume_ml,
            codes.ML,
            note=Text(
                ", ".join(DOUBTS[doubt].vi for doubt in cluster.doubts),
                ", ".join(DOUBTS[doubt].en for doubt in cluster.doubts),
            ),
            group="doubtful",
            group_label=Text("Nhiều khả năng không phải tổn thương", "Probably no lesion"),
            withheld_until=SCORED_IN,
        )
        for position, cluster in enumerate(clusters, start=1)
    ]


def _segment(number: int, side: str) -> Segment:
    return Segment(
        number,
        Text(f"Giảm tỷ trọng {number}, {SIDES[side].vi}", f"Hypodensity {number}, {side}"),
        COLOURS[(number - 1) % len(COLOURS)],
        codes.ABNORMAL,
        codes.LESION,
        codes.BRAIN,
        codes.SIDES[side],
    )
