"""Drawings of other programs: a file becomes marks of the caller's.

Where it holds thousands, they become point sets; what is left out is said.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from plugins.interchange import Drawing, Format, Ignored, InterchangeError, read_drawings, sniff
from plugins.interchange.drawing import Notes
from plugins.nouns import Annotation, AnnotationKind, PointSet
from workstation import access, audit
from workstation.access import Action
from workstation.audit import AuditEvent
from workstation.consult import annotations, point_sets
from workstation.consult.bulk import sorted_out
from workstation.consult.dicom_drawings import read_dicom_drawings
from workstation.consult.drawing_export import held_on
from workstation.consult.mark_content import checked_content
from workstation.consult.moves import known
from workstation.consult.slides import Slide, chosen_slide, slides_of
from workstation.context import Context
from workstation.errors import InvalidRequest
from workstation.roles import Principal

__all__ = ["Imported", "import_drawings"]

# how far a file's µm per pixel may be from the slide's: scanners differ from themselves by less
MPP_TOLERANCE = 0.02


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
    before = _names(held_on(context, principal, case_id, slide))
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
