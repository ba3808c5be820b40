"""Confirmed masks and maps of an opinion, in the words of `dicom_node.objects`.

Exporters of derived images and the measurement report name the same segments, so UIDs follow
from the opinion, the result and the layer alone.
"""

import uuid
from collections.abc import Iterator

from pydicom.dataset import Dataset

from dicom_node.objects import Algorithm, Identity, Segment, Slices
from plugins.nouns import Export
from plugins.results import ConfirmedResult, Layer, LayerKind

__all__ = [
    "MASKS",
    "algorithm_of",
    "exported_layers",
    "layer_identity",
    "layer_slices",
    "segments_of",
    "tracking_uid",
]

MASKS = "masks"


def exported_layers(
    export: Export, kind: LayerKind
) -> Iterator[tuple[ConfirmedResult, Layer, int]]:
    """Layers of that kind in the export's study, with their number within the opinion."""
    number = 0
    for confirmed in export.opinion.results:
        for layer in confirmed.result.layers:
            if layer.kind is kind and layer.is_exported:
                number += 1
                if confirmed.result.study_instance_uid == export.study_instance_uid:
                    yield confirmed, layer, number


def layer_identity(
    export: Export,
    confirmed: ConfirmedResult,
    layer: Layer,
    purpose: str,
    series_number: int = 0,
    number: int = 1,
) -> Identity:
    """UIDs of the object that shows a layer for a `purpose`: one series a result and purpose."""
    name = f"{confirmed.id}/{purpose}"
    return Identity(
        series_instance_uid=_uid(export, name),
        sop_instance_uid=_uid(export, f"{name}/{layer.key}"),
        series_number=series_number + 10 * export.opinion.version,
        instance_number=number,
    )


def layer_slices(export: Export, confirmed: ConfirmedResult, layer: Layer) -> Slices:
    """The layer's planes with the headers of their source slices.

    Raises
    ------
    ValueError
        The host no longer has the array, or a header of a source slice.
    """
    array = layer.load() if layer.load is not None else layer.array
    headers = [_header(export, sop_instance_uid) for sop_instance_uid, _ in layer.frames]
    return Slices(headers, array, algorithm_of(confirmed))


def segments_of(layer: Layer, confirmed: ConfirmedResult, language: str) -> tuple[Segment, ...]:
    """The layer's labels as segments of an object."""
    return tuple(
        Segment(
            number=one.number,
            label=one.label.in_language(language),
            category=one.category,
            type=one.type,
            colour=one.colour,
            tracking_uid=tracking_uid(confirmed, layer.key, one.number),
            finding_site=one.finding_site,
            laterality=one.laterality,
        )
        for one in layer.segments
    )


def tracking_uid(confirmed: ConfirmedResult, name: str, number: int = 0) -> str:
    """The same for the same finding in masks and report (PS3.16 TID 4108)."""
    return _from_name(uuid.UUID(confirmed.id), f"{name}/{number}")


def algorithm_of(confirmed: ConfirmedResult) -> Algorithm:
    """What made the result, with the parameters it was made with."""
    result = confirmed.result
    return Algorithm(
        name=f"hoichan {result.analysis}",
        version=result.version,
        parameters={str(key): str(value) for key, value in result.parameters.items()},
    )


def _header(export: Export, sop_instance_uid: str) -> Dataset:
    header = export.images.get(sop_instance_uid)
    if header is None:
        raise ValueError(f"no header of the source image {sop_instance_uid}")
    return header


def _uid(export: Export, name: str) -> str:
    return _from_name(uuid.UUID(export.opinion.id), f"{export.study_instance_uid}/{name}")


def _from_name(namespace: uuid.UUID, name: str) -> str:
    return f"2.25.{uuid.uuid5(namespace, name).int}"
