"""Drawings of a slide as a file: QuPath's GeoJSON, or what an exporter makes of the marks."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from dicom_node.headers import header_dataset
from dicom_node.records import ReadScope
from plugins.contributions import Exporter
from plugins.interchange import Drawing, write_geojson
from plugins.nouns import Annotation, AnnotationKind, Export, Opinion, OpinionKind, PointSet
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult import annotations, point_sets
from workstation.consult.case import load_case
from workstation.consult.moves import known
from workstation.consult.opinion import author_of
from workstation.consult.rows import CaseRecord
from workstation.consult.slides import Slide, chosen_slide
from workstation.context import Context
from workstation.errors import InvalidRequest
from workstation.roles import Principal

__all__ = ["EXPORTS", "ExportedFile", "export_drawings", "held_on"]

# format → exporter, media type, ending
EXPORTS = {
    "geojson": ("", "application/geo+json", "geojson"),
    "ann": ("bulk_annotations", "application/dicom", "dcm"),
    "seg": ("slide_segmentation", "application/dicom", "dcm"),
    "sr": ("tid1500", "application/dicom", "dcm"),
}


@dataclass(frozen=True)
class ExportedFile:
    data: bytes
    media_type: str
    ending: str


def export_drawings(
    context: Context,
    principal: Principal,
    case_id: str,
    file_format: str,
    series_instance_uid: str = "",
) -> ExportedFile:
    """All living marks and point sets of one slide as a file.

    What is DICOM is a preliminary document of the caller's, under UIDs of its own.

    Raises
    ------
    NotFound, InvalidRequest
    """
    now = context.clock()
    with context.database.read() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.SEE, case)
    if file_format not in EXPORTS:
        raise InvalidRequest(
            "unknown_format",
            f"Định dạng phải là một trong: {', '.join(EXPORTS)}.",
            f"The format is one of {', '.join(EXPORTS)}.",
            field="format",
        )
    slide = chosen_slide(context, case, series_instance_uid)
    held = held_on(context, principal, case_id, slide)
    marks = tuple(one for one in held if isinstance(one, Annotation))
    sets = tuple(one for one in held if isinstance(one, PointSet))
    exporter_id, media_type, ending = EXPORTS[file_format]
    if exporter_id:
        data = _document(context, principal, case, slide, marks, sets, exporter_id)
    else:
        data = write_geojson(
            [*(_drawing(one, slide) for one in marks), *(d for s in sets for d in _drawings(s))]
        )
    with context.database.begin() as connection:
        audit.record(
            connection,
            AuditEvent.EXPORT,
            principal,
            at=now,
            case_id=case_id,
            format=file_format,
            count=str(len(marks) + len(sets)),
        )
    return ExportedFile(data, media_type, ending)


def _drawing(mark: Annotation, slide: Slide) -> Drawing:
    rings = mark.origin.get("rings") or ()
    return Drawing(
        mark.kind,
        slide.to_pixels(np.array(mark.points_mm)),
        name=mark.text,
        classification=mark.classification,
        rings=tuple(one for one in rings if isinstance(one, int)),
        origin=mark.origin,
        id=mark.id,
        measurements=mark.measurements,
    )


def _drawings(one: PointSet) -> list[Drawing]:
    assert one.load is not None
    points, starts = one.load()
    whole = points.astype(np.float64)
    kind = {
        "POINT": AnnotationKind.COUNTER,
        "POLYGON": AnnotationKind.POLYGON,
        "POLYLINE": AnnotationKind.POLYLINE,
    }[one.graphic_type]
    parts = np.split(whole, starts[1:]) if len(starts) else [whole]
    return [Drawing(kind, part, one.name, one.classification) for part in parts]


def _document(
    context: Context,
    principal: Principal,
    case: CaseRecord,
    slide: Slide,
    marks: tuple[Annotation, ...],
    sets: tuple[PointSet, ...],
    exporter_id: str,
) -> bytes:
    exporter = context.plugins.get(Exporter, exporter_id)
    export = _export(context, principal, case, slide, marks, sets)
    made: Sequence[Dataset] | None = (
        context.plugins.call(exporter, exporter.encode, export) if exporter else None
    )
    if not made:
        raise InvalidRequest(
            "nothing_to_export",
            "Không có nét vẽ nào để xuất ở định dạng này.",
            "There is no drawing to export in this format.",
            field="format",
        )
    buffer = BytesIO()
    dcmwrite(buffer, made[0], enforce_file_format=True)
    return buffer.getvalue()


def _export(
    context: Context,
    principal: Principal,
    case: CaseRecord,
    slide: Slide,
    marks: tuple[Annotation, ...],
    sets: tuple[PointSet, ...],
) -> Export:
    """The marks as a document that nobody has signed."""
    noun = load_case(context, case.id)
    scope = ReadScope(studies=frozenset({slide.study_instance_uid}))
    header = header_dataset(context.archive.header(_held_part(context, slide), scope=scope))
    with context.database.read() as connection:
        author = author_of(connection, principal)
    opinion = Opinion(
        id=str(uuid.uuid4()),
        case_id=case.id,
        version=1,
        kind=OpinionKind.PRELIMINARY,
        template_id="",
        language=principal.language,
        sections={},
        section_titles={},
        section_codes={},
        answers=(),
        key_images=(),
        annotations=marks,
        concordance="",
        transfer="",
        author=author,
        signed_at=context.clock(),
        content_hash="",
        point_sets=sets,
    )
    evidence = (
        slide.study_instance_uid,
        slide.series_instance_uid,
        slide.sop_class_uid,
        slide.sop_instance_uid,
    )
    return Export(
        case=replace(noun, results=()),
        opinion=opinion,
        study_instance_uid=slide.study_instance_uid,
        headers={slide.study_instance_uid: header},
        evidence=[evidence],
        institution=noun.consulted_site_name,
        uid=lambda name: f"2.25.{uuid.uuid5(uuid.UUID(opinion.id), name).int}",
        images={slide.sop_instance_uid: header},
    )


def _held_part(context: Context, slide: Slide) -> str:
    """The instance that holds the header of level 0: itself, or the first part it was cut into."""
    scope = ReadScope(studies=frozenset({slide.study_instance_uid}))
    held = [
        one
        for one in context.archive.study_instances(slide.study_instance_uid, scope=scope)
        if one.series_instance_uid == slide.series_instance_uid
    ]
    uids = {one.sop_instance_uid for one in held}
    if slide.sop_instance_uid in uids:
        return slide.sop_instance_uid
    for one in held:
        header = header_dataset(context.archive.header(one.sop_instance_uid, scope=scope))
        source = header.get("SOPInstanceUIDOfConcatenationSource")
        if source == slide.sop_instance_uid and not header.get("ConcatenationFrameOffsetNumber"):
            return one.sop_instance_uid
    raise access.not_found()


def held_on(
    context: Context, principal: Principal, case_id: str, slide: Slide
) -> list[Annotation | PointSet]:
    """Living marks, then point sets, of one slide of the case."""
    marks = annotations.list_annotations(context, principal, case_id).items
    sets = point_sets.list_point_sets(context, principal, case_id)
    held: list[Annotation | PointSet] = [*marks, *sets]
    return [one for one in held if one.series_instance_uid == slide.series_instance_uid]
