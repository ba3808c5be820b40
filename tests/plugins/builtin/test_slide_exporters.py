"""Opinions on slides: every document says the same, in numbers that hold to a hundredth of a µm."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_node.objects import read_bulk_annotations, slide_geometry
from plugins.contributions import Exporter
from plugins.nouns import (
    Annotation,
    AnnotationKind,
    Export,
    KeyImage,
    PointSet,
    Region,
)
from plugins.registry import Registry
from plugins.testing import NOON, RADIOLOGIST, annotation, case, export, opinion, uid
from tests.dicom_node.objects.judges import assert_valid, dciodvfy, dsrdump, pdf_text, written
from tests.dicom_node.objects.test_bulk_annotations import KNOWN_FALSE

Kind = AnnotationKind
SLIDES = [
    "wsi/dicom_cmu1_pyramid/level-0-frames-0-30.dcm",
    "wsi/dicom_highdicom_sm/sm_image.dcm",
    "wsi/dicom_google_misc/multi_frame_jpeg_camelyon_challenge_image.dcm",
]
TUMOUR = {
    "name": "U",
    "colour": "#e6194b",
    "code": {"value": "108369006", "scheme_designator": "SCT", "meaning": "Neoplasm"},
}
MITOSIS = {"name": "Nhân phân chia", "colour": "#00c8ff"}
# a hundredth of a micrometre, in mm
EXACT = 1e-5

SHAPES: dict[Kind, list[tuple[float, float]]] = {
    Kind.POINT: [(10.25, 20.5)],
    Kind.TEXT: [(11, 12)],
    Kind.LENGTH: [(1.5, 2.25), (40, 30)],
    Kind.ANGLE: [(1, 2), (20, 20), (30, 5)],
    Kind.ARROW: [(5, 5), (15, 15)],
    Kind.POLYLINE: [(1, 2), (5, 9), (30, 5.125)],
    Kind.POLYGON: [(2, 2), (30, 3), (25, 30), (4, 28.75)],
    Kind.FREEHAND: [(2, 2), (30, 3), (25, 30), (2, 2)],
    Kind.RECTANGLE: [(3, 3), (33, 3), (33, 23), (3, 23)],
    Kind.ELLIPSE: [(5, 20), (45, 20), (25, 10), (25, 30)],
    Kind.COUNTER: [(7, 7), (8, 9), (21.125, 40)],
}
MEASURED = {
    Kind.LENGTH: [("length", 0.0123, "mm")],
    Kind.POLYGON: [("area", 0.0004, "mm2")],
    Kind.RECTANGLE: [("area", 2.0, "mm2")],
    Kind.COUNTER: [("count", 3, "{count}"), ("area", 2, "mm2"), ("density", 1.5, "/mm2")],
}


@pytest.fixture(params=SLIDES)
def header(request: pytest.FixtureRequest, test_data: Path) -> Dataset:
    return pydicom.dcmread(test_data / request.param, stop_before_pixels=True)


def in_mm(header: Dataset, pixels: Any) -> tuple[tuple[float, float, float], ...]:
    flat = slide_geometry(header).to_slide_mm(np.asarray(pixels, float))
    return tuple((float(x), float(y), 0.0) for x, y in flat)


def marks(header: Dataset) -> tuple[Annotation, ...]:
    """One of each kind on the slide, its numbers made up."""
    said = {Kind.TEXT: "bờ diện cắt", Kind.POLYGON: "ổ xâm nhập"}
    classes = {Kind.POLYGON: TUMOUR, Kind.RECTANGLE: TUMOUR, Kind.COUNTER: MITOSIS}
    return tuple(
        annotation(
            kind,
            in_mm(header, points),
            tuple({"name": n, "value": v, "unit": u} for n, v, u in MEASURED.get(kind, ())),
            id=f"5d7c1a51-0e3f-4f0e-9d32-{number:012d}",
            study_instance_uid=header.StudyInstanceUID,
            series_instance_uid=header.SeriesInstanceUID,
            sop_instance_uid=header.SOPInstanceUID,
            sop_class_uid=header.SOPClassUID,
            frame_of_reference_uid=header.get("FrameOfReferenceUID") or uid("slide space"),
            text=said.get(kind, ""),
            classification=classes.get(kind, {}),
        )
        for number, (kind, points) in enumerate(SHAPES.items())
    )


def point_set(header: Dataset, **changes: Any) -> PointSet:
    points = (np.random.default_rng(3).random((50, 2)) * 40).astype(np.float32)
    fields: dict[str, Any] = {
        "id": "5d7c1a51-0e3f-4f0e-9d32-6a35b1f3c0aa",
        "case_id": "case-1",
        "study_instance_uid": header.StudyInstanceUID,
        "series_instance_uid": header.SeriesInstanceUID,
        "sop_instance_uid": header.SOPInstanceUID,
        "sop_class_uid": header.SOPClassUID,
        "frame_of_reference_uid": uid("slide space"),
        "name": "Nhân Ki-67 dương",
        "classification": {"name": "Ki-67+", "colour": "#a8541c"},
        "graphic_type": "POINT",
        "count": 50,
        "vertices": 50,
        "algorithm": "StarDist 0.9",
        "content_hash": "ab" * 32,
        "author": RADIOLOGIST,
        "created_at": NOON,
        "load": lambda: (points, np.empty(0, np.uint32)),
    }
    return PointSet(**{**fields, **changes})


def signed(header: Dataset, **changes: Any) -> Export:
    region = Region("ab" * 16, 4, 2, 40, 36)
    key = KeyImage(
        study_instance_uid=header.StudyInstanceUID,
        series_instance_uid=header.SeriesInstanceUID,
        sop_instance_uid=header.SOPInstanceUID,
        sop_class_uid=header.SOPClassUID,
        caption="Vùng xâm nhập",
        region=region,
    )
    fields = {
        "annotations": marks(header),
        "key_images": (key,),
        "point_sets": (point_set(header),),
        **changes,
    }
    said = opinion(**fields)
    return export(
        case(area="pathology", modalities=("SM",)),
        said,
        header,
        evidence=list(
            dict.fromkeys(
                (
                    one.study_instance_uid,
                    one.series_instance_uid,
                    one.sop_class_uid,
                    one.sop_instance_uid,
                )
                for one in (*said.key_images, *said.annotations, *said.point_sets)
            )
        ),
        images={header.SOPInstanceUID: header},
    )


def encoded(exporter: str, of: Export) -> list[Dataset]:
    found = Registry.load().get(Exporter, exporter)
    assert found is not None
    return list(found.encode(of))


def test_everything_pleases_strangers(header: Dataset, tmp_path: Path) -> None:
    of = signed(header)
    for exporter in ("tid1500", "comprehensive", "basic_text", "key_images"):
        (report,) = encoded(exporter, of)
        assert_valid(report, tmp_path)
    for exporter in ("pdf", "pictures", "slide_segmentation"):
        for made in encoded(exporter, of):
            verdict = dciodvfy(written(made, tmp_path))
            assert not verdict.errors, verdict.text
    (annotations,) = encoded("bulk_annotations", of)
    verdict = dciodvfy(written(annotations, tmp_path))
    assert [error for error in verdict.errors if KNOWN_FALSE not in error] == [], verdict.text


def test_the_same_opinion_makes_the_same_bytes(header: Dataset) -> None:
    for exporter in ("bulk_annotations", "slide_segmentation", "tid1500"):
        twice = []
        for _ in range(2):
            buffer = BytesIO()
            for made in encoded(exporter, signed(header)):
                pydicom.dcmwrite(buffer, made, enforce_file_format=True)
            twice.append(buffer.getvalue())
        assert twice[0] == twice[1], exporter


def test_millimetres_come_back_from_annotations(header: Dataset, tmp_path: Path) -> None:
    (made,) = encoded("bulk_annotations", signed(header))
    found = read_bulk_annotations(pydicom.dcmread(written(made, tmp_path)))
    assert found.images == (header.SOPInstanceUID,)
    outlines = [
        slide_geometry(header).to_slide_mm(outline)
        for group in found.groups
        for outline in group.outlines
    ]
    for mark in marks(header):
        points = np.array(mark.points_mm)[:, :2]
        if mark.kind is Kind.FREEHAND:
            points = points[:-1]
        parts = np.split(points, len(points)) if mark.kind is Kind.COUNTER else [points]
        for part in parts:
            assert any(
                one.shape == part.shape and np.abs(one - part).max() < EXACT for one in outlines
            ), mark.kind


def origin_of(header: Dataset) -> tuple[float, float]:
    """What the header says, or zero: two of the three do not say."""
    for origin in header.get("TotalPixelMatrixOriginSequence", ()):
        return (
            float(origin.XOffsetInSlideCoordinateSystem),
            float(origin.YOffsetInSlideCoordinateSystem),
        )
    return 0.0, 0.0


def test_highdicom_agrees_where_pixels_lie(header: Dataset, tmp_path: Path) -> None:
    (made,) = encoded("bulk_annotations", signed(header))
    theirs = highdicom.ann.annread(written(made, tmp_path))
    groups = {group.label: group for group in theirs.get_annotation_groups()}
    (text,) = groups["bờ diện cắt"].get_graphic_data("2D")
    measures = header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    transform = highdicom.spatial.ImageToReferenceTransformer(
        image_position=(*origin_of(header), 0.0),
        image_orientation=[float(one) for one in header.ImageOrientationSlide],
        pixel_spacing=[float(one) for one in measures.PixelSpacing],
    )
    (mark,) = [one for one in marks(header) if one.kind is Kind.TEXT]
    assert np.abs(transform(text)[0, :2] - np.array(mark.points_mm)[0, :2]).max() < EXACT


def test_annotations_say_class_colour_text_and_number(header: Dataset) -> None:
    (made,) = encoded("bulk_annotations", signed(header))
    groups = {(g.AnnotationGroupLabel, g.GraphicType): g for g in made.AnnotationGroupSequence}
    polygon = groups["U", "POLYGON"]
    assert polygon.AnnotationPropertyTypeCodeSequence[0].CodeValue == "108369006"
    assert polygon.AnnotationPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    assert "ổ xâm nhập" in polygon.AnnotationGroupDescription
    area = polygon.MeasurementsSequence[0]
    assert area.MeasurementUnitsCodeSequence[0].CodeValue == "um2"
    value = np.frombuffer(area.MeasurementValuesSequence[0].FloatingPointValues, "<f4")
    assert value == pytest.approx([400])
    assert groups["Nhân phân chia", "POINT"].NumberOfAnnotations == 3
    cells = groups["Ki-67+", "POINT"]
    assert cells.NumberOfAnnotations == 50
    assert "PointCoordinatesData" in cells
    assert cells.AnnotationGroupGenerationType == "AUTOMATIC"
    assert groups["U", "RECTANGLE"].AnnotationGroupGenerationType == "MANUAL"


def scoords(items: Any) -> Iterator[Dataset]:
    for item in items:
        if item.ValueType in ("SCOORD3D", "SCOORD"):
            yield item
        yield from scoords(item.get("ContentSequence") or ())


def test_the_report_has_slide_millimetres(header: Dataset, tmp_path: Path) -> None:
    (made,) = encoded("tid1500", signed(header))
    read = pydicom.dcmread(written(made, tmp_path))
    space = marks(header)[0].frame_of_reference_uid
    found = list(scoords(read.ContentSequence))
    assert {item.ReferencedFrameOfReferenceUID for item in found} == {space}
    drawn = [np.array(item.GraphicData, float).reshape(-1, 3) for item in found]
    kinds = {item.GraphicType for item in found}
    assert kinds == {"POINT", "MULTIPOINT", "POLYLINE", "POLYGON", "ELLIPSE"}
    for mark in marks(header):
        points = np.array(mark.points_mm)
        closed = np.vstack([points, points[:1]])
        # Graphic Data is single precision by the standard: a few nanometres on a slide
        assert any(
            one.shape == wanted.shape and np.abs(one - wanted).max() < EXACT
            for one in drawn
            for wanted in (points, closed)
        ), mark.kind


def test_the_report_has_classes_counts_and_densities(header: Dataset, tmp_path: Path) -> None:
    (made,) = encoded("tid1500", signed(header))
    said = dsrdump(written(made, tmp_path)).text
    assert '(117259009,SCT,"Microscopy")' in said
    assert '(108369006,SCT,"Neoplasm")' in said
    assert '(/mm2,UCUM,"per square millimeter")' in said
    assert '"1.5" (/mm2' in said
    assert '"12.3" (um,UCUM' in said
    assert '"400.0" (um2,UCUM' in said
    assert '"2.0" (mm2,UCUM' in said
    assert '"50.0" ({count},UCUM' in said


def test_the_fallback_counts_pixels_of_the_whole_matrix(header: Dataset) -> None:
    (made,) = encoded("comprehensive", signed(header))
    found = list(scoords(made.ContentSequence))
    assert {item.get("PixelOriginInterpretation") for item in found} == {"VOLUME"}
    points = [np.array(item.GraphicData, float).reshape(-1, 2) for item in found]
    wanted = np.array(SHAPES[Kind.LENGTH])
    assert any(one.shape == wanted.shape and np.abs(one - wanted).max() < 1e-3 for one in points)


def test_key_images_name_the_tiles_that_show_them(header: Dataset) -> None:
    (made,) = encoded("key_images", signed(header))
    (image,) = [item for item in made.ContentSequence if item.ValueType == "IMAGE"]
    referenced = image.ReferencedSOPSequence[0]
    assert referenced.ReferencedSOPInstanceUID == header.SOPInstanceUID
    if header.get("DimensionOrganizationType") == "TILED_FULL":
        frames = np.atleast_1d(referenced.ReferencedFrameNumber).tolist()
        across = -(-header.TotalPixelMatrixColumns // header.Columns)
        for frame in frames:
            x = (frame - 1) % across * header.Columns
            y = (frame - 1) // across * header.Rows
            assert x + header.Columns > 4
            assert x < 44
            assert y + header.Rows > 2
            assert y < 38
    else:
        assert "ReferencedFrameNumber" not in referenced


def test_the_page_says_it_in_words(header: Dataset, tmp_path: Path) -> None:
    (made,) = encoded("pdf", signed(header))
    text = pdf_text(bytes(made.EncapsulatedDocument), tmp_path)
    for said in ("vùng đa giác · U", "400,0 µm²", "12,3 µm", "2,00 mm²", "1,50/mm²", "Ki-67+"):
        assert said in text, said
    assert "Số lượng 50" in text
    assert "StarDist 0.9" in text
    if str(header.get("ContainerIdentifier") or ""):
        assert f"Tiêu bản {header.ContainerIdentifier}" in text


def test_the_mask_covers_what_the_outline_covers(header: Dataset, tmp_path: Path) -> None:
    (made,) = encoded("slide_segmentation", signed(header, point_sets=()))
    seg = highdicom.seg.segread(written(made, tmp_path))
    labels = [one.SegmentLabel for one in seg.SegmentSequence]
    assert labels[0] == "U"
    matrix = seg.get_total_pixel_matrix()
    assert matrix.shape[:2] == (header.TotalPixelMatrixRows, header.TotalPixelMatrixColumns)
    # polygon and rectangle of one class together
    assert matrix[15, 15, 0] == 1
    assert matrix[2, 40, 0] == 0
    assert matrix[4, 32, 0] == 1
    assert matrix[20, 25, labels.index("vùng elip")] == 1
    assert seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing == [
        pytest.approx(one) for one in reversed(slide_geometry(header).spacing_mm)
    ]


def test_nothing_drawn_nothing_sent(header: Dataset) -> None:
    of = signed(header, annotations=(), point_sets=(), key_images=())
    assert encoded("bulk_annotations", of) == []
    assert encoded("slide_segmentation", of) == []
    points = tuple(one for one in marks(header) if one.kind is Kind.POINT)
    assert encoded("slide_segmentation", signed(header, annotations=points, point_sets=())) == []


def test_a_ct_opinion_has_no_annotations_of_slides() -> None:
    assert encoded("bulk_annotations", export()) == []
    assert encoded("slide_segmentation", export()) == []


def test_points_that_are_gone_are_an_error(header: Dataset) -> None:
    with pytest.raises(ValueError):
        encoded("bulk_annotations", signed(header, point_sets=(point_set(header, load=None),)))
