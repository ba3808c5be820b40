"""Comprehensive 3D SR with the measurements of an opinion (PS3.16 TID 1500).

Each drawing is one measurement group. A region (ellipse, rectangle, polygon) is a planar ROI
(TID 1410); anything else is a plain group (TID 1501) whose numbers are inferred from the drawn
coordinates. Coordinates are in the patient's or the slide's space where the image has one, else in
pixels.
"""

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CoordinatesForMeasurement,
    CoordinatesForMeasurement3D,
    FindingSite,
    ImageRegion,
    ImageRegion3D,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    ReferencedSegment,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    UIDRefContentItem,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SegmentationStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from dicom_node.objects import codes, context, modules, text
from dicom_node.objects.content import (
    Algorithm,
    Identity,
    Mark,
    MarkKind,
    Reference,
    SegmentReference,
    SignedOpinion,
    Value,
)
from dicom_node.objects.words import ADVISORY, SERIES_DESCRIPTION, revision

__all__ = ["measurement_report"]

QUALITATIVE_EVALUATIONS: Final = Code("C0034375", "UMLS", "Qualitative Evaluations")
SERIES_UID: Final = Code("112002", "DCM", "Series Instance UID")

Coordinates = CoordinatesForMeasurement | CoordinatesForMeasurement3D

POINTS: Final = frozenset({MarkKind.PROBE, MarkKind.POINT, MarkKind.TEXT})

PROCEDURES: Final = {
    "CT": codes.COMPUTED_TOMOGRAPHY,
    "MR": Code("113091000", "SCT", "Magnetic resonance imaging"),
    "US": Code("16310003", "SCT", "Ultrasonography"),
    "PT": Code("82918005", "SCT", "Positron emission tomography"),
    "SM": codes.MICROSCOPY,
}


def measurement_report(
    opinion: SignedOpinion, identity: Identity, *, in_space: bool = True
) -> Dataset:
    """Encode the opinion's numbers and drawings.

    The free text stands in the Basic Text SR; this report repeats only the conclusion, so that
    neither can be read without it.

    Parameters
    ----------
    in_space : bool
        Comprehensive 3D SR with coordinates in the patient's space. False: Comprehensive SR for
        receivers that refuse it, with coordinates in pixels where they are known.

    References
    ----------
    PS3.3 A.35.13, A.35.3, PS3.16 TID 1500
    """
    ds = modules.common(
        opinion,
        identity,
        sop_class_uid=Comprehensive3DSRStorage if in_space else ComprehensiveSRStorage,
        modality="SR",
        series_description=SERIES_DESCRIPTION.in_language(opinion.language),
    )
    modules.add_verification(ds, opinion)
    modules.add_evidence(
        ds, [*opinion.references, *_segmentations(opinion)], opinion.study_instance_uid
    )
    modality = str(opinion.header.get("Modality") or "")
    procedure = context.coded_item(
        codes.PROCEDURE_REPORTED, PROCEDURES.get(modality, codes.IMAGING_PROCEDURE)
    )
    procedure.RelationshipType = RelationshipTypeValues.HAS_CONCEPT_MOD.value
    items = [
        *context.language_items(opinion.language),
        *context.observer_items(opinion.author),
        procedure,
    ]
    marks = opinion.marks if in_space else [replace(m, points_mm=()) for m in opinion.marks]
    groups = [_group(mark, opinion) for mark in marks]
    if groups:
        items.append(context.container(codes.IMAGING_MEASUREMENTS, groups))
    items.append(context.container(QUALITATIVE_EVALUATIONS, _evaluations(opinion)))
    root = context.container(codes.IMAGING_MEASUREMENT_REPORT, items, template_id="1500", root=True)
    for element in root:
        ds[element.tag] = element
    return ds


def _segmentations(opinion: SignedOpinion) -> list[Reference]:
    """The masks that go home beside this report, once each."""
    found = {mark.segment.sop_instance_uid: mark.segment for mark in opinion.marks if mark.segment}
    return [
        Reference(
            opinion.study_instance_uid,
            segment.series_instance_uid,
            str(SegmentationStorage),
            segment.sop_instance_uid,
        )
        for segment in found.values()
    ]


def _evaluations(opinion: SignedOpinion) -> list[Dataset]:
    language = opinion.language
    items: list[Dataset] = [
        context.text_item(codes.localized(codes.ADVISORY, language), ADVISORY.in_language(language))
    ]
    changed = revision(opinion.kind, opinion.version, opinion.reason, language)
    if changed:
        items.append(context.text_item(codes.localized(codes.REVISION, language), changed))
    for name, key in ((codes.CONCORDANCE, opinion.concordance), (codes.TRANSFER, opinion.transfer)):
        if key.strip():
            answer = codes.assessment(name, key, language)
            items.append(context.coded_item(codes.localized(name, language), answer))
    items += [
        context.text_item(codes.SECTION_TEXT[passage.code], passage.text)
        for passage in opinion.passages
        if passage.code in codes.CONCLUSIONS and passage.text.strip()
    ]
    return items


def _group(mark: Mark, opinion: SignedOpinion) -> Dataset:
    """One measurement group; without coordinates where the drawing has no honest shape."""
    region = _region(mark)
    inferred_from = None if mark.is_closed else _coordinates(mark)
    values = [value for value in mark.values if math.isfinite(value.number)]
    measurements = [
        # thousands of counted points stand once, below the count
        _measurement(value, None if number and mark.kind is MarkKind.COUNTER else inferred_from)
        for number, value in enumerate(values)
    ]
    shared: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(
            uid=mark.uid, identifier=text.unlimited_text(mark.label) or mark.kind.value
        ),
        "algorithm_id": _algorithm(mark.algorithm),
        "measurements": measurements,
        "finding_type": mark.classification.code if mark.classification else None,
        "finding_sites": _sites(mark),
    }
    if mark.segment is not None:
        template: Any = VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=_segment(mark.segment), **shared
        )
    elif region is not None:
        template = PlanarROIMeasurementsAndQualitativeEvaluations(
            referenced_region=region, **shared
        )
    else:
        template = MeasurementsAndQualitativeEvaluations(
            source_images=_source_images(mark), **shared
        )
    group: Dataset = template[0]
    group.ContinuityOfContent = "SEPARATE"
    if mark.author != opinion.author:
        for position, item in enumerate(context.observer_items(mark.author)):
            group.ContentSequence.insert(position, item)
    if region is not None:
        # coordinates in space name no image; viewers want to know where to open it
        group.ContentSequence.extend(_source_images(mark) or [])
    if inferred_from is not None and not measurements:
        # an arrow points at something even when nothing was measured
        group.ContentSequence.append(_contained(inferred_from))
    if mark.series_instance_uid:
        group.ContentSequence.append(
            UIDRefContentItem(
                name=SERIES_UID,
                value=mark.series_instance_uid,
                relationship_type=RelationshipTypeValues.CONTAINS,
            )
        )
    if mark.text.strip():
        group.ContentSequence.append(context.text_item(codes.COMMENT, mark.text))
    return group


def _segment(segment: SegmentReference) -> ReferencedSegment:
    return ReferencedSegment(
        sop_class_uid=SegmentationStorage,
        sop_instance_uid=segment.sop_instance_uid,
        segment_number=segment.number,
        source_series=SourceSeriesForSegmentation(segment.source_series_instance_uid),
    )


def _sites(mark: Mark) -> list[FindingSite] | None:
    if mark.finding_site is None:
        return None
    return [FindingSite(mark.finding_site, laterality=mark.laterality)]


def _measurement(value: Value, inferred_from: Coordinates | None) -> Measurement:
    return Measurement(
        name=value.name,
        # seven digits are more than any pixel supports, and print the same everywhere
        value=float(f"{value.number:.7g}"),
        unit=value.unit,
        derivation=value.derivation,
        algorithm_id=_algorithm(value.algorithm),
        referenced_coordinates=None if inferred_from is None else [inferred_from],
    )


def _algorithm(algorithm: Algorithm | None) -> AlgorithmIdentification | None:
    if algorithm is None:
        return None
    return AlgorithmIdentification(
        name=text.unlimited_text(algorithm.name) or "-",
        version=text.unlimited_text(algorithm.version) or "-",
        parameters=[
            text.unlimited_text(f"{key} = {value}")
            for key, value in sorted(algorithm.parameters.items())
        ]
        or None,
    )


def _source_images(mark: Mark) -> list[SourceImageForMeasurementGroup] | None:
    if mark.reference is None:
        return None
    return [
        SourceImageForMeasurementGroup(
            referenced_sop_class_uid=mark.reference.sop_class_uid,
            referenced_sop_instance_uid=mark.reference.sop_instance_uid,
            referenced_frame_numbers=context.frame_numbers(mark.reference),
        )
    ]


def _region(mark: Mark) -> ImageRegion | ImageRegion3D | None:
    """The closed outline of a region, or None."""
    if not mark.is_closed:
        return None
    graphic = "ELLIPSE" if mark.kind is MarkKind.ELLIPSE else "POLYGON"
    try:
        if _is_in_space(mark):
            return ImageRegion3D(
                graphic_type=graphic,
                graphic_data=_closed(mark.points_mm, graphic),
                frame_of_reference_uid=mark.frame_of_reference_uid,
            )
        if mark.points_px and mark.reference is not None:
            return ImageRegion(
                graphic_type="ELLIPSE" if graphic == "ELLIPSE" else "POLYLINE",
                graphic_data=_closed(mark.points_px, graphic),
                source_image=_source_of(mark),
            )
    except ValueError:  # too few points, or not in one plane: the numbers go without an outline
        return None
    return None


def _coordinates(mark: Mark) -> Coordinates | None:
    """The drawn points of a line, an angle or a point, or None."""
    graphic = "POINT" if mark.kind in POINTS else "POLYLINE"
    if mark.kind is MarkKind.COUNTER:
        graphic = "MULTIPOINT" if len(mark.points_mm or mark.points_px) > 1 else "POINT"
    count = 1 if graphic == "POINT" else None
    try:
        if _is_in_space(mark):
            return CoordinatesForMeasurement3D(
                graphic_type=graphic,
                graphic_data=_array(mark.points_mm[:count]),
                frame_of_reference_uid=mark.frame_of_reference_uid,
                purpose=codes.SOURCE_OF_MEASUREMENT,
            )
        if mark.points_px and mark.reference is not None:
            drawn = CoordinatesForMeasurement(
                graphic_type=graphic,
                graphic_data=_array(mark.points_px[:count]),
                source_image=_source_of(mark),
                purpose=codes.SOURCE_OF_MEASUREMENT,
            )
            if mark.reference.sop_class_uid == VLWholeSlideMicroscopyImageStorage:
                # pixels of the whole matrix, not of its first tile (C.18.6.1.4)
                drawn.PixelOriginInterpretation = "VOLUME"
            return drawn
    except (ValueError, IndexError):
        return None
    return None


def _contained(coordinates: Coordinates) -> Dataset:
    coordinates.RelationshipType = RelationshipTypeValues.CONTAINS.value
    return coordinates


def _is_in_space(mark: Mark) -> bool:
    return bool(mark.frame_of_reference_uid and mark.points_mm)


def _source_of(mark: Mark) -> SourceImageForRegion:
    assert mark.reference is not None
    return SourceImageForRegion(
        referenced_sop_class_uid=mark.reference.sop_class_uid,
        referenced_sop_instance_uid=mark.reference.sop_instance_uid,
        referenced_frame_numbers=context.frame_numbers(mark.reference),
    )


def _array(points: tuple[tuple[float, ...], ...]) -> np.ndarray:
    array = np.asarray(points, np.float64)
    if not np.isfinite(array).all():
        raise ValueError("a drawn point is not finite")
    return array


def _closed(points: tuple[tuple[float, ...], ...], graphic: str) -> np.ndarray:
    array = _array(points)
    if graphic == "POLYGON" and len(array) and not np.array_equal(array[0], array[-1]):
        array = np.vstack([array, array[:1]])
    return array
