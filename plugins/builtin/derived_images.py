"""Exporters: confirmed masks as SEG, confirmed maps as Parametric Maps and as pictures."""

from collections.abc import Iterator, Sequence

import numpy as np
from pydicom.dataset import Dataset

from dicom_node.objects import color_capture, parametric_map, segmentation
from dicom_node.objects.derived import Slices
from plugins.contributions import Contribution, Exporter
from plugins.derived import MASKS, exported_layers, layer_identity, layer_slices, segments_of
from plugins.documents import signed_opinion
from plugins.map_pictures import map_pictures
from plugins.nouns import Export, Text
from plugins.results import LayerKind

__all__ = ["contribute"]

WARNING = Text(
    "NGHIÊN CỨU – HỖ TRỢ QUYẾT ĐỊNH, KHÔNG DÙNG ĐỂ CHẨN ĐOÁN",
    "RESEARCH – DECISION SUPPORT, NOT FOR DIAGNOSIS",
)


def masks(export: Export) -> Sequence[Dataset]:
    opinion = signed_opinion(export)
    made = [
        segmentation(
            opinion,
            layer_identity(export, confirmed, layer, MASKS, 9020, number),
            layer_slices(export, confirmed, layer),
            segments_of(layer, confirmed, opinion.language),
            layer.title.in_language(opinion.language),
        )
        for confirmed, layer, number in exported_layers(export, LayerKind.MASK)
    ]
    return [one for one in made if one is not None]


def maps(export: Export) -> Sequence[Dataset]:
    opinion = signed_opinion(export)
    return [
        parametric_map(
            opinion,
            layer_identity(export, confirmed, layer, "maps", 9040, number),
            layer_slices(export, confirmed, layer),
            label=layer.title.in_language(opinion.language),
            quantity=layer.quantity,
            unit=layer.unit,
            shown=layer.range,
        )
        for confirmed, layer, number in exported_layers(export, LayerKind.MAP)
        if layer.quantity is not None and layer.unit is not None
    ]


def pictures(export: Export) -> Sequence[Dataset]:
    opinion = signed_opinion(export)
    language = opinion.language
    made = []
    for confirmed, layer, number in exported_layers(export, LayerKind.MAP):
        slices = layer_slices(export, confirmed, layer)
        identity = layer_identity(export, confirmed, layer, "pictures", 9060, number)
        count = len(slices.array)
        coloured = map_pictures(
            np.asarray(slices.array, np.float32),
            palette=layer.palette,
            shown=layer.range,
            title=layer.title.in_language(language),
            unit=layer.unit.value if layer.unit is not None else "",
            warning=WARNING.in_language(language),
            places=[f"{position} / {count}" for position in range(1, count + 1)],
        )
        made.append(
            color_capture(
                opinion,
                identity,
                Slices(slices.headers, coloured, slices.algorithm),
                layer.title.in_language(language),
            )
        )
    return made


def contribute() -> Iterator[Contribution]:
    yield Exporter("segmentation", Text("Mặt nạ (SEG)", "Masks (SEG)"), encode=masks)
    yield Exporter(
        "parametric_map", Text("Bản đồ tham số (PM)", "Parametric maps (PM)"), encode=maps
    )
    yield Exporter(
        "map_pictures",
        Text("Bản đồ dạng ảnh màu (SC)", "Maps as colour pictures (SC)"),
        encode=pictures,
    )
