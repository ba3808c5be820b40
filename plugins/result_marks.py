"""Confirmed results of an opinion as numbers in its documents."""

import math
from collections.abc import Iterator

from dicom_node.objects import (
    Author,
    Mark,
    MarkKind,
    SegmentReference,
    Value,
    present_segments,
)
from plugins.derived import MASKS, algorithm_of, layer_identity, segments_of, tracking_uid
from plugins.nouns import Export, Text
from plugins.results import ConfirmedResult, LayerKind
from plugins.results import Value as ResultValue

__all__ = ["result_marks"]

CONFIRMED = Text("Xác nhận bởi", "Confirmed by")
RANGE = Text("khoảng", "range")


def result_marks(export: Export) -> Iterator[Mark]:
    """One mark a group of coded values; what has no code stays on the screen."""
    for confirmed in export.opinion.results:
        groups: dict[str, list[ResultValue]] = {}
        rejected = confirmed.edits.get("rejected") or ()
        for value in confirmed.result.values:
            if value.name is not None and _is_number(value) and value.group not in rejected:
                groups.setdefault(value.group or value.key, []).append(value)
        for name, values in groups.items():
            yield _mark(confirmed, name, values, export)


def _mark(confirmed: ConfirmedResult, name: str, values: list[ResultValue], export: Export) -> Mark:
    language = export.opinion.language
    first, person = values[0], confirmed.confirmed_by
    title = first.group_label or confirmed.result.title
    series = confirmed.result.series_instance_uids
    return Mark(
        uid=tracking_uid(confirmed, first.layer, first.segment)
        if first.layer
        else tracking_uid(confirmed, name),
        kind=MarkKind.RESULT,
        label=title.in_language(language),
        author=Author(
            name=person.name,
            username=person.username,
            organization=person.site,
            licence_number=person.licence_number,
        ),
        values=tuple(
            Value(
                name=value.name,
                number=value.value,
                unit=value.unit,
                label=_label(value, language),
            )
            for value in values
            if value.name is not None and value.value is not None
        ),
        text=_remark(confirmed, values, language),
        algorithm=algorithm_of(confirmed),
        series_instance_uid=series[0] if series else "",
        segment=_segment(confirmed, first, export),
        finding_site=first.finding_site,
        laterality=first.laterality,
    )


def _segment(
    confirmed: ConfirmedResult, value: ResultValue, export: Export
) -> SegmentReference | None:
    """The segment of the mask that goes home beside this report."""
    layer = confirmed.result.layer(value.layer) if value.layer else None
    if layer is None or layer.kind is not LayerKind.MASK or not layer.is_exported:
        return None
    if confirmed.result.study_instance_uid != export.study_instance_uid:
        return None
    array = layer.load() if layer.load is not None else layer.array
    present = present_segments(array, segments_of(layer, confirmed, export.opinion.language))
    numbers = [one.number for one in present]
    if value.segment not in numbers:
        return None
    own = layer_identity(export, confirmed, layer, MASKS)
    return SegmentReference(
        own.series_instance_uid,
        own.sop_instance_uid,
        numbers.index(value.segment) + 1,
        layer.series_instance_uid,
    )


def _label(value: ResultValue, language: str) -> str:
    label = value.label.in_language(language)
    details = [] if value.method is None else [value.method.in_language(language)]
    if value.low is not None and value.high is not None and value.low != value.high:
        bounds = f"{value.low:.{value.digits}f}–{value.high:.{value.digits}f}"
        details.append(f"{RANGE.in_language(language)} {bounds}")
    return f"{label} ({'; '.join(details)})" if details else label


def _remark(confirmed: ConfirmedResult, values: list[ResultValue], language: str) -> str:
    """Who confirmed it, how good it is, and what the values' notes say."""
    who = f"{CONFIRMED.in_language(language)} {confirmed.confirmed_by.name}"
    said = [reason.in_language(language) for reason in confirmed.result.reasons]
    said += [value.note.in_language(language) for value in values if value.note is not None]
    return ". ".join([who, *dict.fromkeys(part.rstrip(".") for part in said)]) + "."


def _is_number(value: ResultValue) -> bool:
    return value.value is not None and math.isfinite(value.value)
