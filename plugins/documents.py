"""A signed opinion of a case, in the words of `dicom_node.objects`.

Exporters, ours and others', take it from here to the builder they need::

    basic_text(signed_opinion(export), identity(export, series_number=9001))
"""

import logging
import math
import uuid
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from dicom_node.objects import (
    Algorithm,
    Author,
    Classification,
    DocumentKind,
    Identity,
    Mark,
    MarkKind,
    Passage,
    QuestionAnswer,
    Reference,
    Request,
    SignedOpinion,
    Value,
    class_code,
    drawn_value,
    slide_geometry,
    tiles_of_region,
)
from dicom_node.objects import KeyImage as DocumentImage
from plugins.frames import frames_of_instance, to_pixels
from plugins.nouns import (
    Annotation,
    Case,
    Export,
    Instance,
    KeyImage,
    Person,
    PointSet,
    Text,
)
from plugins.result_marks import result_marks

__all__ = ["identity", "signed_opinion"]

logger = logging.getLogger(__name__)

TITLE = Text("Phiếu trả lời hội chẩn từ xa", "Remote consult answer")

IMAGE_PLACE = ("Loạt", "ảnh", "khung")
IMAGE_PLACE_EN = ("Series", "image", "frame")
SLIDE = Text("Tiêu bản", "Slide")

# keys of Case.clinical that the asking hospital wants to read again, in the order of the form
FACTS = {
    "history": Text("Tiền sử", "Past history"),
    "status_on_admission": Text("Tình trạng lúc vào viện", "Status on admission"),
    "course": Text("Diễn biến, điều trị", "Course and treatment"),
    "onset_time": Text("Giờ khởi phát", "Onset"),
    "last_known_well": Text("Lần cuối còn bình thường", "Last known well"),
    "nihss": Text("NIHSS", "NIHSS"),
    "local_dx": Text("Chẩn đoán tại chỗ", "Local diagnosis"),
    "local_read": Text("Kết quả đọc tại chỗ", "Local reading"),
}


def signed_opinion(export: Export) -> SignedOpinion:
    """Say what `export` says, for the builders of documents."""
    case, opinion = export.case, export.opinion
    language = opinion.language
    return SignedOpinion(
        header=export.headers.get(export.study_instance_uid, Dataset()),
        study_instance_uid=export.study_instance_uid,
        language=language,
        kind=DocumentKind(opinion.kind),
        version=opinion.version,
        title=TITLE.in_language(language),
        request=_request(case, language),
        author=_author(opinion.author, case),
        signed_at=opinion.signed_at,
        institution=export.institution,
        station=case.consulted_site,
        software_version=_software_version(),
        content_hash=opinion.content_hash,
        passages=tuple(
            Passage(
                title=_title(opinion.section_titles.get(key), key, language),
                text=text,
                code=opinion.section_codes.get(key),
            )
            for key, text in opinion.sections.items()
        ),
        answers=_answers(export),
        key_images=tuple(_key_image(image, export) for image in opinion.key_images),
        marks=(
            *(
                _mark(number, annotation, export)
                for number, annotation in enumerate(opinion.annotations, start=1)
            ),
            *result_marks(export),
            *(
                _counted(number, one, export)
                for number, one in enumerate(opinion.point_sets, start=1)
            ),
        ),
        concordance=opinion.concordance,
        transfer=opinion.transfer,
        reason=opinion.reason,
        evidence=tuple(_reference(entry) for entry in export.evidence),
        predecessors=tuple(_reference(entry) for entry in export.previous),
    )


def identity(export: Export, series_number: int) -> Identity:
    """UIDs of the document this exporter makes of this opinion; always the same ones."""
    return Identity(
        series_instance_uid=export.uid("series"),
        sop_instance_uid=export.uid("instance"),
        # a series of its own for each version, so that old and new lie in order
        series_number=series_number + 10 * export.opinion.version,
    )


def _request(case: Case, language: str) -> Request:
    facts = (
        (label.in_language(language), str(case.clinical.get(key) or ""))
        for key, label in FACTS.items()
    )
    return Request(
        number=case.number,
        reason=case.reason,
        requesting_institution=case.requesting_site_name or case.requesting_site,
        requesting_department=case.requesting_department,
        requester=case.requester.name if case.requester else "",
        priority=case.priority.value,
        submitted_at=case.submitted_at,
        facts=tuple((label, value) for label, value in facts if value.strip()),
    )


def _answers(export: Export) -> tuple[QuestionAnswer, ...]:
    """Each question with its answer; an addendum repeats only those it answers."""
    answered = {answer.question_id: answer.text for answer in export.opinion.answers}
    return tuple(
        QuestionAnswer(question.text, answered[question.id])
        for question in export.case.questions
        if answered.get(question.id, "").strip()
    )


def _author(person: Person, case: Case) -> Author:
    names = {
        case.consulted_site: case.consulted_site_name,
        case.requesting_site: case.requesting_site_name,
    }
    return Author(
        name=person.name,
        username=person.username,
        organization=names.get(person.site) or person.site,
        licence_number=person.licence_number,
    )


def _title(title: Text | None, key: str, language: str) -> str:
    return title.in_language(language) if title else key


def _reference(entry: tuple[str, str, str, str]) -> Reference:
    study, series, sop_class, instance = entry
    return Reference(study, series, sop_class, instance)


def _key_image(image: KeyImage, export: Export) -> DocumentImage:
    header, region = export.images.get(image.sop_instance_uid), image.region
    picture = b""
    if export.render is not None:
        try:
            picture = export.render(image)
        except Exception:  # a page without a picture still says everything
            logger.exception("no picture of %s", image.sop_instance_uid)
    return DocumentImage(
        reference=_image_reference(image, header),
        caption=image.caption,
        picture=picture,
        place=_place(image.sop_instance_uid, image.frame_number, export),
        shape=(region.width, region.height) if region else _shape(header),
        offset=(region.x, region.y) if region else (0, 0),
    )


def _image_reference(image: KeyImage, header: Dataset | None) -> Reference:
    """The frame it is; of a slide, the tiles that show the chosen part, or the whole slide."""
    frames: tuple[int, ...] = ()
    if image.region is not None and header is not None:
        box = (image.region.x, image.region.y, image.region.width, image.region.height)
        frames = tiles_of_region(header, box)
    return Reference(
        image.study_instance_uid,
        image.series_instance_uid,
        image.sop_class_uid,
        image.sop_instance_uid,
        None if _is_slide(image.sop_class_uid) else image.frame_number,
        frames,
    )


def _is_slide(sop_class_uid: str) -> bool:
    return sop_class_uid == VLWholeSlideMicroscopyImageStorage


def _shape(header: Dataset | None) -> tuple[int, int]:
    if header is None:
        return (0, 0)
    return int(header.get("Columns") or 0), int(header.get("Rows") or 0)


def _mark(number: int, annotation: Annotation, export: Export) -> Mark:
    algorithm = _algorithm(annotation.origin)
    # an image without a place in space: its millimetres are the viewer's own, its pixels are not
    drawn_px = _points(annotation.origin.get("points_px"))
    return Mark(
        uid=_tracking_uid(annotation, export),
        kind=MarkKind(annotation.kind),
        label=f"M{number}",
        author=_author(annotation.author, export.case),
        reference=Reference(
            annotation.study_instance_uid,
            annotation.series_instance_uid,
            annotation.sop_class_uid,
            annotation.sop_instance_uid,
            None if _is_slide(annotation.sop_class_uid) else annotation.frame_number,
        )
        if annotation.sop_instance_uid
        else None,
        frame_of_reference_uid=annotation.frame_of_reference_uid,
        points_mm=() if drawn_px else annotation.points_mm,
        points_px=drawn_px or _pixels(annotation, export),
        values=tuple(
            value
            for entry in annotation.measurements
            if (value := _value(entry, algorithm)) is not None
        ),
        text=annotation.text,
        algorithm=algorithm,
        place=_place(annotation.sop_instance_uid, annotation.frame_number, export),
        classification=_classification(annotation.classification),
    )


def _counted(number: int, one: PointSet, export: Export) -> Mark:
    """A point set in words and numbers: how many; its points go as bulk annotations."""
    algorithm = Algorithm(one.algorithm, "") if one.algorithm else None
    return Mark(
        uid=_tracking_uid(one, export),
        kind=MarkKind.COUNTER,
        label=f"P{number}",
        author=_author(one.author, export.case),
        reference=Reference(
            one.study_instance_uid,
            one.series_instance_uid,
            one.sop_class_uid,
            one.sop_instance_uid,
        ),
        values=(drawn_value("count", one.count, "{count}", algorithm),),
        text=one.name,
        algorithm=algorithm,
        place=_place(one.sop_instance_uid, 1, export),
        classification=_classification(one.classification),
    )


def _classification(said: Mapping[str, Any]) -> Classification | None:
    if not said:
        return None
    code = said.get("code")
    return Classification(
        name=said["name"],
        code=Code(**code) if code else class_code(said["name"]),
        colour=said["colour"],
    )


def _pixels(annotation: Annotation, export: Export) -> tuple[tuple[float, float], ...]:
    """Where the drawing lies on its image, or nothing where it lies on none."""
    header = export.images.get(annotation.sop_instance_uid)
    if header is None or annotation.origin.get("reformatted"):
        return ()
    if _is_slide(annotation.sop_class_uid):
        points = slide_geometry(header).to_pixels(np.array(annotation.points_mm)[:, :2])
        return tuple((float(x), float(y)) for x, y in points)
    frames = frames_of_instance(
        Instance(
            annotation.sop_instance_uid,
            annotation.sop_class_uid,
            "",
            annotation.frame_number,
            header,
        )
    )
    return to_pixels(frames[annotation.frame_number - 1], annotation.points_mm)


def _place(sop_instance_uid: str, frame_number: int, export: Export) -> str:
    """``Loạt 2, ảnh 14``: how a person finds the image."""
    header = export.images.get(sop_instance_uid)
    if header is None:
        return ""
    number = str(header.get("InstanceNumber") or "").strip()
    series = str(header.get("SeriesNumber") or "").strip()
    words = IMAGE_PLACE if export.opinion.language == "vi" else IMAGE_PLACE_EN
    if _is_slide(str(header.get("SOPClassUID") or "")):
        return _slide_place(header, export.opinion.language)
    parts = [f"{words[0]} {series}" if series else "", f"{words[1]} {number}" if number else ""]
    if int(header.get("NumberOfFrames") or 1) > 1:
        parts.append(f"{words[2]} {frame_number}")
    return ", ".join(part for part in parts if part)


def _slide_place(header: Dataset, language: str) -> str:
    """``Tiêu bản S26-1 A2``: what is written on the glass."""
    container = str(header.get("ContainerIdentifier") or "").strip()
    series = str(header.get("SeriesNumber") or "").strip()
    return f"{SLIDE.in_language(language)} {container or series}".strip()


def _value(entry: Mapping[str, Any], algorithm: Algorithm | None) -> Value | None:
    try:
        number = float(entry["value"])
    except (KeyError, TypeError, ValueError):
        return None
    if not math.isfinite(number):
        return None
    return drawn_value(
        str(entry.get("name", "value")), number, str(entry.get("unit", "")), algorithm
    )


def _algorithm(origin: Mapping[str, Any]) -> Algorithm | None:
    name = str(origin.get("algorithm") or "")
    if not name:
        return None
    parameters = origin.get("parameters")
    return Algorithm(
        name=name,
        version=str(origin.get("algorithm_version") or ""),
        parameters={str(k): str(v) for k, v in parameters.items()}
        if isinstance(parameters, Mapping)
        else {},
    )


def _points(value: Any) -> tuple[tuple[float, float], ...]:
    try:
        return tuple((float(x), float(y)) for x, y in value or ())
    except (TypeError, ValueError):
        return ()


def _tracking_uid(annotation: Annotation | PointSet, export: Export) -> str:
    """The same for the same drawing in every version of the opinion (TID 4108)."""
    try:
        return f"2.25.{uuid.UUID(annotation.id).int}"
    except ValueError:
        return export.uid(f"mark/{annotation.id}")


def _software_version() -> str:
    try:
        return version("hoichan")
    except PackageNotFoundError:
        return "0"
