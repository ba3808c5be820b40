"""Drawings of other programs in, ours out.

In: a file becomes marks of the caller's, and point sets where it holds thousands; what is left out
is said. Out: QuPath's GeoJSON, or whatever an exporter makes of the marks as they are now.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from sqlalchemy import Connection

from dicom_node.headers import header_dataset
from dicom_node.records import ReadScope
from plugins.contributions import Exporter
from plugins.interchange import (
    Drawing,
    Format,
    Ignored,
    InterchangeError,
    read_drawings,
    sniff,
    write_geojson,
)
from plugins.interchange.drawing import Notes
from plugins.nouns import Annotation, AnnotationKind, Export, Opinion, OpinionKind, PointSet
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult import annotations, point_sets
from workstation.consult.bulk import sorted_out
from workstation.consult.case import load_case
from workstation.consult.dicom_drawings import read_dicom_drawings
from workstation.consult.mark_content import checked_content
from workstation.consult.moves import known
from workstation.consult.opinion import author_of
from workstation.consult.rows import CaseRecord
from workstation.consult.slides import Slide, chosen_slide, slides_of
from workstation.context import Context
from workstation.errors import InvalidRequest
from workstation.roles import Principal

__all__ = ["EXPORTS", "ExportedFile", "Imported", "export_drawings", "import_drawings"]

# how far a file's µm per pixel may be from the slide's: scanners differ from themselves by less
MPP_TOLERANCE = 0.02
# format → exporter, media type, ending
EXPORTS = {
    "geojson": ("", "application/geo+json", "geojson"),
    "ann": ("bulk_annotations", "application/dicom", "dcm"),
    "seg": ("slide_segmentation", "application/dicom", "dcm"),
    "sr": ("tid1500", "application/dicom", "dcm"),
}


@dataclass(frozen=True)
class Imported:
    """What was taken from a file, and what was not.

    ``already`` counts marks and point sets that the case had before; ``new_classes`` are names no
    mark or set of the slide had.
    """

    format: str
    series_instance_uid: str
    marks: int
    point_sets: int
    points: int
    already: int
    new_classes: tuple[str, ...]
    ignored: tuple[Ignored, ...]
    revision: int


@dataclass(frozen=True)
class ExportedFile:
    data: bytes
    media_type: str
    ending: str


def import_drawings(
    context: Context,
    principal: Principal,
    case_id: str,
    data: bytes,
    series_instance_uid: str = "",
    file_format: str = "",
) -> Imported:
    """Take in a file: all that can be taken, in one transaction.

    The same file a second time adds nothing.

    Parameters
    ----------
    series_instance_uid : str
        The slide; may be left out where the case has only one, or where the file names it.
    file_format : str
        A `Format`; without one it is known by the content.

    Raises
    ------
    NotFound, NotAllowed, Conflict, InvalidRequest
    """
    now = context.clock()
    with context.database.read() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.ANNOTATE, case)
    kind = _format(file_format, data)
    try:
        if kind is Format.DICOM:
            slides = list(slides_of(context, case))
            slide, found = read_dicom_drawings(context, slides, data, series_instance_uid)
            ignored: tuple[Ignored, ...] = ()
        else:
            slide = chosen_slide(context, case, series_instance_uid)
            read = read_drawings(data, kind)
            _require_scale(read.mpp, slide)
            found, ignored = list(read.items), read.ignored
    except InterchangeError as error:
        raise InvalidRequest(
            "unreadable_drawings", error.text.vi, error.text.en, field="file"
        ) from error
    notes = Notes()
    drawings, sets = sorted_out(found, annotations.MOST_AT_ONCE)
    contents = _contents(case_id, drawings, slide, notes)
    before = _names(_held_on(context, principal, case_id, slide))
    with context.database.begin() as connection:
        case = known(connection, now, case_id)
        access.require(principal, Action.ANNOTATE, case)
        fresh = _not_held(connection, contents)
        fresh_sets = point_sets.not_held(connection, case_id, slide, sets)
        made = annotations.insert_marks(context, connection, principal, case, fresh)
        kept = point_sets.insert_sets(context, connection, principal, case_id, slide, fresh_sets)
        audit.record(
            connection,
            AuditEvent.IMPORT,
            principal,
            at=now,
            case_id=case_id,
            format=str(kind),
            count=str(len(made) + len(kept)),
        )
    return Imported(
        format=str(kind),
        series_instance_uid=slide.series_instance_uid,
        marks=len(made),
        point_sets=len(kept),
        points=sum(one.count for one in kept),
        already=len(contents) - len(made) + len(sets) - len(kept),
        new_classes=tuple(one for one in _names([*made, *kept]) if one and one not in before),
        ignored=(*ignored, *notes.ignored),
        revision=max((one.revision for one in made), default=0),
    )


def _not_held(connection: Connection, contents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Marks that do not live in the case yet; one that was deleted comes back as another mark."""
    held = annotations.known_ids(connection, [one["id"] for one in contents])
    return [
        {**one, "id": str(uuid.uuid4())} if one["id"] in held else one
        for one in contents
        if not held.get(one["id"], False)
    ]


def _held_on(
    context: Context, principal: Principal, case_id: str, slide: Slide
) -> list[Annotation | PointSet]:
    """Living marks, then point sets, of one slide of the case."""
    marks = annotations.list_annotations(context, principal, case_id).items
    sets = point_sets.list_point_sets(context, principal, case_id)
    held: list[Annotation | PointSet] = [*marks, *sets]
    return [one for one in held if one.series_instance_uid == slide.series_instance_uid]


def _names(found: Sequence[Annotation | PointSet]) -> dict[str, None]:
    return dict.fromkeys(str(one.classification.get("name") or "") for one in found)


def _format(given: str, data: bytes) -> Format:
    found = sniff(data)
    if given:
        try:
            found = Format(given)
        except ValueError:
            found = None
    if found is None:
        raise InvalidRequest(
            "unknown_format",
            "Không nhận ra định dạng tệp; dùng GeoJSON của QuPath, XML của ASAP hoặc ImageScope, "
            "hoặc DICOM ANN, SR, SEG.",
            "The format is not known; use QuPath's GeoJSON, XML of ASAP or ImageScope, or DICOM "
            "ANN, SR or SEG.",
            field="file",
        )
    return found


def _require_scale(mpp: float | None, slide: Slide) -> None:
    if mpp is None or slide.mpp is None or abs(mpp / slide.mpp[0] - 1) <= MPP_TOLERANCE:
        return
    raise InvalidRequest(
        "another_scale",
        f"Tệp dành cho tiêu bản {mpp:.4g} µm/pixel, tiêu bản này là {slide.mpp[0]:.4g} µm/pixel.",
        f"The file is for a slide of {mpp:.4g} µm per pixel; this one has {slide.mpp[0]:.4g}.",
        field="file",
    )


def _contents(
    case_id: str, drawings: Sequence[Drawing], slide: Slide, notes: Notes
) -> list[dict[str, Any]]:
    """The marks to make; what lies beside the slide or has no extent is left out."""
    contents: dict[str, dict[str, Any]] = {}
    for drawing in drawings:
        low, high = drawing.points.min(axis=0), drawing.points.max(axis=0)
        if (high < 0).any() or low[0] > slide.width or low[1] > slide.height:
            notes.ignore("Nằm ngoài tiêu bản", "Beside the slide")
            continue
        content = _content(drawing, slide)
        try:
            checked_content(content)
        except InvalidRequest as error:
            notes.ignore(error.text.vi, error.text.en)
            continue
        # the same drawing of the same file is the same mark
        content["id"] = _id(case_id, content)
        contents[content["id"]] = content
    return list(contents.values())


def _content(drawing: Drawing, slide: Slide) -> dict[str, Any]:
    kind = drawing.kind
    if kind is AnnotationKind.TEXT and not drawing.name:
        kind = AnnotationKind.POINT
    origin = {"tool": "import", **drawing.origin}
    if drawing.rings:
        origin["rings"] = list(drawing.rings)
    return {
        "kind": str(kind),
        "study_instance_uid": slide.study_instance_uid,
        "series_instance_uid": slide.series_instance_uid,
        "sop_instance_uid": slide.sop_instance_uid,
        "sop_class_uid": slide.sop_class_uid,
        "frame_of_reference_uid": slide.frame_of_reference_uid,
        "points_mm": slide.to_mm(drawing.points).tolist(),
        "text": drawing.name,
        "classification": dict(drawing.classification),
        "origin": origin,
    }


def _id(case_id: str, content: dict[str, Any]) -> str:
    digest = hashlib.sha256(
        repr(
            [content[key] for key in ("kind", "series_instance_uid", "points_mm", "text")]
            + [content["classification"].get("name", "")]
        ).encode()
    ).hexdigest()
    return str(uuid.uuid5(uuid.UUID(case_id), digest))


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
    held = _held_on(context, principal, case_id, slide)
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
