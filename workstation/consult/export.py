"""A signed opinion becomes DICOM objects of the asking hospital's study, kept before they go.

Whatever an exporter makes is stored in our own archive first; what is sent, now or after a
crash, is always those stored bytes under the same SOP Instance UIDs.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from typing import Any

from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import VLWholeSlideMicroscopyImageStorage
from sqlalchemy import select

from dicom_node.archive import Query
from dicom_node.errors import NotFound
from dicom_node.headers import header_dataset
from dicom_node.records import Channel, InstanceRecord, Origin, ReadScope, StoreOutcome
from plugins.contributions import Exporter
from plugins.nouns import Export, Opinion
from workstation.consult.case import load_case
from workstation.consult.opinion import load_opinion
from workstation.consult.pictures import picture_of
from workstation.context import Context
from workstation.database import deliveries

__all__ = ["ExportFailed", "ExportedObject", "encode"]

EVERYTHING = ReadScope(everything=True)


class ExportFailed(Exception):
    """An exporter broke down, or made an object the archive does not accept."""


@dataclass(frozen=True, slots=True)
class ExportedObject:
    """One object of an opinion, as kept in the archive and written in its delivery row."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def encode(
    context: Context, exporter: Exporter, opinion_id: str, study_instance_uid: str
) -> list[ExportedObject]:
    """Encode one opinion for one study and keep the objects durably; none when it has none.

    Raises
    ------
    ExportFailed
        With a sentence for the administrator.
    """
    export = _export(context, exporter, opinion_id, study_instance_uid)
    datasets: Sequence[Dataset] | None = context.plugins.call(exporter, exporter.encode, export)
    if datasets is None:
        raise ExportFailed(f"The exporter {exporter.id!r} failed; the list of plugins says why.")
    study = context.archive.study(study_instance_uid, scope=EVERYTHING)
    origin = Origin(site=study.site, ae_title=context.settings.ae_title, channel=Channel.LOCAL)
    return [_keep(context, exporter, dataset, origin) for dataset in datasets]


def _keep(context: Context, exporter: Exporter, dataset: Dataset, origin: Origin) -> ExportedObject:
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    result = context.archive.store_bytes(buffer.getvalue(), origin)
    # CONFLICT: an earlier try, perhaps by an older version of the exporter, stored other bytes
    # under this UID and may have sent them. Those stay the opinion's object.
    if result.outcome is StoreOutcome.QUARANTINED:
        raise ExportFailed(f"The archive put what {exporter.id!r} made aside: {result.reason}")
    return ExportedObject(
        study_instance_uid=str(dataset.StudyInstanceUID),
        series_instance_uid=str(dataset.SeriesInstanceUID),
        sop_class_uid=str(dataset.SOPClassUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
    )


def _export(
    context: Context, exporter: Exporter, opinion_id: str, study_instance_uid: str
) -> Export:
    opinion = load_opinion(context, opinion_id)
    case = load_case(context, opinion.case_id)
    namespace = uuid.uuid5(uuid.UUID(opinion.id), f"{exporter.id}/{study_instance_uid}")

    def uid(name: str) -> str:
        # A UUID as a UID (PS3.5 B.2).
        return f"2.25.{uuid.uuid5(namespace, name).int}"

    return Export(
        case=case,
        opinion=opinion,
        study_instance_uid=study_instance_uid,
        headers={
            study: _header(context, study, opinion)
            for study in {study_instance_uid, *case.study_instance_uids}
        },
        evidence=_evidence(opinion),
        institution=case.consulted_site_name,
        uid=uid,
        previous=_previous(context, exporter, opinion, study_instance_uid),
        images=_images(context, opinion),
        render=partial(picture_of, context.archive),
    )


def _header(context: Context, study_instance_uid: str, opinion: Opinion) -> Dataset:
    """The header of one source instance: one the opinion refers to, or else the first image."""
    instances = context.archive.study_instances(study_instance_uid, scope=EVERYTHING)
    referenced = {evidence[3] for evidence in _evidence(opinion)}
    chosen = min(instances, key=lambda i: (i.sop_instance_uid not in referenced, not _is_image(i)))
    header = context.archive.header(chosen.sop_instance_uid, scope=EVERYTHING)
    return header_dataset(header)


def _images(context: Context, opinion: Opinion) -> dict[str, Dataset]:
    """The headers of what the opinion refers to and of the slices that its results' layers lie on,
    as far as they are still there.
    """
    headers: dict[str, Dataset] = {}
    referenced = [evidence[3] for evidence in _evidence(opinion)]
    layered = [
        sop_instance_uid
        for confirmed in opinion.results
        for layer in confirmed.result.layers
        for sop_instance_uid, _ in layer.frames
    ]
    for sop_instance_uid in dict.fromkeys([*referenced, *layered]):
        try:
            header = context.archive.header(sop_instance_uid, scope=EVERYTHING)
        except NotFound:
            continue
        headers[sop_instance_uid] = header_dataset(header)
    for study, series, sop_class_uid, sop_instance_uid in _evidence(opinion):
        is_slide = sop_class_uid == VLWholeSlideMicroscopyImageStorage
        if is_slide and sop_instance_uid not in headers:
            first = _first_part(context, study, series, sop_instance_uid)
            if first is not None:
                headers[sop_instance_uid] = first
    return headers


def _first_part(
    context: Context, study_instance_uid: str, series_instance_uid: str, source_uid: str
) -> Dataset | None:
    """The header of the first part of a slide's level that came cut in parts (C.7.6.16.1)."""
    uids = {"StudyInstanceUID": [study_instance_uid], "SeriesInstanceUID": [series_instance_uid]}
    parts = [
        header_dataset(header)
        for _, header in context.archive.records_with_headers(Query(uids), scope=EVERYTHING)
    ]
    return next(
        (
            part
            for part in parts
            if part.get("SOPInstanceUIDOfConcatenationSource") == source_uid
            and not part.get("ConcatenationFrameOffsetNumber")
        ),
        None,
    )


def _is_image(instance: InstanceRecord) -> bool:
    return instance.rows > 0


def _evidence(opinion: Opinion) -> list[tuple[str, str, str, str]]:
    referring: Iterable[Any] = (
        *opinion.key_images,
        *opinion.annotations,
        *opinion.point_sets,
    )
    return list(
        dict.fromkeys(
            (
                one.study_instance_uid,
                one.series_instance_uid,
                one.sop_class_uid,
                one.sop_instance_uid,
            )
            for one in referring
        )
    )


def _previous(
    context: Context, exporter: Exporter, opinion: Opinion, study_instance_uid: str
) -> list[tuple[str, str, str, str]]:
    if not opinion.predecessor:
        return []
    query = select(deliveries.c.objects).where(
        deliveries.c.opinion_id == opinion.predecessor,
        deliveries.c.study_instance_uid == study_instance_uid,
        deliveries.c.exporter == exporter.id,
    )
    with context.database.read() as connection:
        rows = connection.scalars(query).all()
    return list(
        dict.fromkeys(
            (
                one["study_instance_uid"],
                one["series_instance_uid"],
                one["sop_class_uid"],
                one["sop_instance_uid"],
            )
            for objects in rows
            for one in objects
        )
    )
