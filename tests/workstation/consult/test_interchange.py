"""Files of other programs become marks that lie where they lay, and go out again the same."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dicom_node.objects import (
    AnnotationGroup,
    GraphicType,
    bulk_annotations,
    read_bulk_annotations,
    slide_geometry,
)
from dicom_node.objects.content import Identity, Reference
from dicom_node.records import ReadScope
from kernels import polygon_mask
from plugins.contributions import Exporter
from plugins.testing import uid
from tests.dicom_node.objects.conftest import signed_opinion
from tests.dicom_node.objects.judges import encoded
from tests.dicom_node.objects.masks import highdicom_masks
from tests.workstation.cases import written
from tests.workstation.conftest import PASSWORD
from tests.workstation.slides import drawn, read_slide, slide_case
from workstation.accounts import Principal
from workstation.consult import annotations, dicom_drawings, point_sets
from workstation.consult import opinion as opinions
from workstation.consult.drawing_export import export_drawings
from workstation.consult.drawing_import import import_drawings
from workstation.consult.export import encode
from workstation.consult.rows import CaseRecord
from workstation.consult.slides import Slide
from workstation.context import Context
from workstation.errors import InvalidRequest, NotAllowed, NotFound

People = dict[str, Principal]
# a hundredth of a micrometre, in mm
EXACT = 1e-5


@pytest.fixture
def case(context: Context, people: People, test_data: Path) -> CaseRecord:
    return slide_case(context, people, test_data)


def geojson(*features: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": properties,
    }


POLYGON = [[100.25, 200.5], [400.125, 220], [390, 600.75], [100.25, 200.5]]
HOLE = [[200, 300], [200, 350], [250, 350], [200, 300]]


def test_the_index_and_the_header_say_the_same_place(context: Context, case: CaseRecord) -> None:
    slide = read_slide(context, case)
    header = pydicom.dcmread(
        context.archive.instance(slide.sop_instance_uid, scope=all_of(slide)).path
    )
    np.testing.assert_array_equal(slide.affine, slide_geometry(header).affine)


def all_of(slide: Slide) -> ReadScope:
    return ReadScope(studies=frozenset({slide.study_instance_uid}))


def test_geojson_goes_in_and_comes_out(context: Context, people: People, case: CaseRecord) -> None:
    pathologist = people["pathologist"]
    data = geojson(
        feature(
            "Polygon",
            [POLYGON, HOLE],
            name="ổ 1",
            classification={"name": "U", "color": [200, 0, 0]},
        ),
        feature("MultiPoint", [[10, 10], [20.5, 30.25]]),
        feature("Point", [1e6, 5]),
        feature("GeometryCollection", []),
    )
    made = import_drawings(context, pathologist, case.id, data)
    assert (made.format, made.marks, made.point_sets) == ("geojson", 2, 0)
    assert sum(one.count for one in made.ignored) == 2
    polygon, counter = annotations.list_annotations(context, pathologist, case.id).items
    slide = read_slide(context, case)
    assert polygon.text == "ổ 1"
    assert polygon.classification == {"name": "U", "colour": "#c80000"}
    assert polygon.frame_of_reference_uid == slide.frame_of_reference_uid
    area = next(one for one in polygon.measurements if one["name"] == "area")
    assert slide.mpp is not None
    outer, hole = (shoelace(one) * slide.mpp[0] * slide.mpp[1] / 1e6 for one in (POLYGON, HOLE))
    assert area["value"] == pytest.approx(outer - hole)
    assert counter.measurements[0] == {"name": "count", "value": 2.0, "unit": "{count}"}
    out = export_drawings(context, people["requester.a"], case.id, "geojson")
    first, second = json.loads(out.data)["features"]
    for before, after in zip([POLYGON, HOLE], first["geometry"]["coordinates"], strict=True):
        assert same_ring(before, after)
    np.testing.assert_allclose(
        second["geometry"]["coordinates"], [[10, 10], [20.5, 30.25]], atol=1e-7
    )
    assert made.new_classes == ("U",)
    # once more: nothing new
    again = import_drawings(context, pathologist, case.id, data)
    assert (again.marks, again.already, again.new_classes) == (0, 2, ())
    assert len(annotations.list_annotations(context, pathologist, case.id).items) == 2


def shoelace(ring: Any) -> float:
    x, y = np.array(ring, float).T
    return abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2


def same_ring(before: Any, after: Any) -> bool:
    """The same points, in either direction and from any start."""
    one = {tuple(np.round(point, 6)) for point in before}
    return one == {tuple(np.round(point, 6)) for point in after}


@pytest.mark.parametrize("form", ["ann", "sr", "geojson"])
def test_a_round_trip_through_each_format_moves_nothing(
    context: Context, people: People, case: CaseRecord, form: str
) -> None:
    pathologist = people["pathologist"]
    slide = read_slide(context, case)
    shapes = {
        "polygon": [(10.125, 20.3), (500.7, 33), (410, 810.9)],
        "polyline": [(1, 1), (77.7, 88.8), (2000.01, 3)],
        "length": [(5, 5), (6.5, 9.25)],
        "point": [(1234.5678, 2345.6789)],
        "ellipse": [(50, 200), (450, 200), (250, 100), (250, 300)],
    }
    for kind, pixels in shapes.items():
        annotations.add(context, pathologist, case.id, drawn(slide, kind, pixels))
    before = annotations.list_annotations(context, pathologist, case.id).items
    file = export_drawings(context, pathologist, case.id, form)
    for mark in before:
        annotations.remove(context, pathologist, case.id, mark.id)
    made = import_drawings(context, pathologist, case.id, file.data)
    assert made.ignored == ()
    after = annotations.list_annotations(context, pathologist, case.id).items
    assert len(after) == len(before)
    for mark in before:
        if form == "geojson" and mark.kind == "ellipse":
            continue  # a polygon there
        wanted = np.array(mark.points_mm)
        assert any(
            len(one.points_mm) == len(wanted)
            and np.abs(np.array(one.points_mm) - wanted).max() < EXACT
            for one in after
        ), mark.kind


def test_whatever_level_was_named_a_mark_is_level_0s(
    context: Context, people: People, case: CaseRecord
) -> None:
    slide = read_slide(context, case)
    levels = context.archive.study_instances(slide.study_instance_uid, scope=all_of(slide))
    assert len(levels) == 3
    for level in levels:
        content = drawn(slide, "point", [(100.5, 7)], sop_instance_uid=level.sop_instance_uid)
        made = annotations.add(context, people["pathologist"], case.id, content)
        assert made.sop_instance_uid == slide.sop_instance_uid
        pixels = slide.to_pixels(np.array(made.points_mm))
        np.testing.assert_allclose(pixels, [(100.5, 7)], atol=1e-6)


def test_annotations_of_a_lower_level_are_scaled_from_corners(
    context: Context, people: People, case: CaseRecord
) -> None:
    slide = read_slide(context, case)
    levels = context.archive.study_instances(slide.study_instance_uid, scope=all_of(slide))
    headers = {
        one.sop_instance_uid: pydicom.dcmread(one.path, stop_before_pixels=True) for one in levels
    }
    second_header = sorted(headers.values(), key=lambda one: -one.TotalPixelMatrixColumns)[1]
    step = slide.width / second_header.TotalPixelMatrixColumns
    group = AnnotationGroup(uid("g"), "U", GraphicType.POINT, np.array([[100.0, 50.0]]))
    data = annotation_file(second_header, [group])
    made = import_drawings(context, people["pathologist"], case.id, data)
    assert made.marks == 1
    (mark,) = annotations.list_annotations(context, people["pathologist"], case.id).items
    pixels = slide.to_pixels(np.array(mark.points_mm))
    np.testing.assert_allclose(pixels, [[100 * step, 50 * step]], rtol=0.001)


def annotation_file(header: Any, groups: list[AnnotationGroup]) -> bytes:
    source = Reference(
        header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPClassUID, header.SOPInstanceUID
    )
    identity = Identity(uid("series of annotations"), uid("annotations"), 9007)
    return encoded(bulk_annotations(signed_opinion(header), identity, source, groups))


def test_thousands_become_a_point_set(context: Context, people: People, case: CaseRecord) -> None:
    pathologist = people["pathologist"]
    points = (np.random.default_rng(2).random((20_000, 2)) * 2000).astype(np.float32)
    data = geojson(feature("MultiPoint", points.tolist(), classification={"name": "Ki-67"}))
    made = import_drawings(context, pathologist, case.id, data)
    assert (made.marks, made.point_sets, made.points) == (0, 1, 20_000)
    (kept,) = point_sets.list_point_sets(context, pathologist, case.id)
    data_kept, _ = point_sets.points_bytes(context, pathologist, case.id, kept.id)
    assert data_kept == points.tobytes()
    assert kept.classification["name"] == "Ki-67"
    file = export_drawings(context, pathologist, case.id, "ann")
    again = import_drawings(context, pathologist, case.id, file.data)
    assert (again.format, again.points, again.already) == ("dicom", 0, 1)
    point_sets.remove(context, pathologist, case.id, kept.id)
    again = import_drawings(context, pathologist, case.id, file.data)
    assert (again.points, again.already) == (20_000, 0)
    sets = point_sets.list_point_sets(context, pathologist, case.id)
    assert {one.content_hash for one in sets} == {kept.content_hash}


def test_many_outlines_become_a_set_of_outlines(
    context: Context, people: People, case: CaseRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotations, "MOST_AT_ONCE", 5)
    triangles = [
        feature("Polygon", [[[x, 0], [x + 3, 0], [x, 9], [x, 0]]], classification={"name": "Nhân"})
        for x in range(9)
    ]
    made = import_drawings(context, people["pathologist"], case.id, geojson(*triangles))
    assert (made.marks, made.point_sets, made.points) == (0, 1, 9)
    (kept,) = point_sets.list_point_sets(context, people["pathologist"], case.id)
    assert (kept.graphic_type, kept.vertices) == ("POLYGON", 27)
    out = export_drawings(context, people["pathologist"], case.id, "geojson")
    assert len(json.loads(out.data)["features"]) == 9


def test_real_files_of_other_slides_are_refused_in_words(
    context: Context, people: People, case: CaseRecord, test_data: Path
) -> None:
    pathologist = people["pathologist"]
    folder = test_data / "wsi"
    for name, code in (
        ("annotations/imagescope/CMU-1-JP2K-33005.xml", "another_scale"),
        ("dicom_highdicom_sm/sm_annotations.dcm", "unreadable_drawings"),
        ("dicom_google_misc/wsi_annotation.dcm", "unreadable_drawings"),
        ("dicom_highdicom_sm/sm_image.dcm", "unreadable_drawings"),
        ("svs_cmu1_small_region/CMU-1-Small-Region.svs", "unknown_format"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            import_drawings(context, pathologist, case.id, (folder / name).read_bytes())
        assert refused.value.code == code, name
        assert refused.value.text.vi
    asap = (folder / "annotations/wsidicom/asap/asap-dot.xml").read_bytes()
    made = import_drawings(context, pathologist, case.id, asap)
    assert made.marks == 0
    assert made.ignored[0].reason.vi == "Nằm ngoài tiêu bản"
    assert annotations.list_annotations(context, pathologist, case.id).items == ()


def test_spoiled_dicom_is_refused(
    context: Context, people: People, case: CaseRecord, test_data: Path
) -> None:
    whole = (test_data / "wsi/dicom_highdicom_sm/sm_annotations.dcm").read_bytes()
    for data in (whole[:200], whole[:3000], whole[:132] + b"\xff" * 500):
        with pytest.raises(InvalidRequest):
            import_drawings(context, people["pathologist"], case.id, data)


def test_only_those_who_may(context: Context, people: People, case: CaseRecord) -> None:
    data = geojson(feature("Point", [5, 5]))
    for username, error in (
        ("technician.a", NotAllowed),
        ("requester.b", NotFound),
        ("radiologist", NotFound),
        ("admin", NotFound),
    ):
        with pytest.raises(error):
            import_drawings(context, people[username], case.id, data)
    for username in ("requester.b", "radiologist", "admin"):
        with pytest.raises(NotFound):
            export_drawings(context, people[username], case.id, "geojson")
    with pytest.raises(InvalidRequest):
        import_drawings(context, people["pathologist"], case.id, data, "1.2.3")
    with pytest.raises(InvalidRequest):
        export_drawings(context, people["pathologist"], case.id, "docx")
    with pytest.raises(InvalidRequest):
        export_drawings(context, people["pathologist"], case.id, "ann")


def test_a_mask_goes_out(context: Context, people: People, case: CaseRecord) -> None:
    slide = read_slide(context, case)
    content = drawn(slide, "rectangle", [(10, 10), (60, 10), (60, 40), (10, 40)])
    annotations.add(context, people["pathologist"], case.id, content)
    file = export_drawings(context, people["pathologist"], case.id, "seg")
    ds = pydicom.dcmread(BytesIO(file.data))
    assert ds.Modality == "SEG"
    assert ds.SegmentSequence[0].SegmentLabel == "vùng chữ nhật"


def filled(slide: Slide, marks: Any, shape: tuple[int, int], step: float = 1) -> np.ndarray:
    """Marks painted on level 0, or on every `step`-th of its pixels."""
    mask = np.zeros(shape, np.bool_)
    for mark in marks:
        corners = slide.to_pixels(np.array(mark.points_mm)) / step - 0.5
        mask |= polygon_mask(corners[:, ::-1], shape)
    return mask


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_a_mask_of_ours_comes_back(context: Context, people: People, case: CaseRecord) -> None:
    pathologist = people["pathologist"]
    slide = read_slide(context, case)
    tumour = {
        "name": "U",
        "colour": "#c81e1e",
        "code": {"value": "108369006", "scheme_designator": "SCT", "meaning": "Neoplasm"},
    }
    own = {"name": "Mô đệm", "colour": "#3cb44b"}
    for said, pixels in (
        (tumour, [(100.25, 200), (700, 260), (640, 900), (120, 700)]),
        (own, [(900, 100), (1300, 100), (1300, 400), (900, 400)]),
    ):
        content = drawn(slide, "polygon", pixels, classification=said)
        annotations.add(context, pathologist, case.id, content)
    before = annotations.list_annotations(context, pathologist, case.id).items
    file = export_drawings(context, pathologist, case.id, "seg")
    for mark in before:
        annotations.remove(context, pathologist, case.id, mark.id)
    made = import_drawings(context, pathologist, case.id, file.data)
    assert (made.format, made.marks, made.ignored) == ("dicom", 2, ())
    assert made.new_classes == ("U", "Mô đệm")
    after = annotations.list_annotations(context, pathologist, case.id).items
    shape = (1000, 1400)
    for one, other in zip(before, after, strict=True):
        assert overlap(filled(slide, [one], shape), filled(slide, [other], shape)) > 0.99
        assert len(other.points_mm) < 30, "straight lines stay straight"
    assert after[0].classification["name"] == "U"
    assert after[0].classification["code"]["value"] == "108369006"
    assert after[0].classification["colour"] == tumour["colour"]
    assert after[1].classification["name"] == "Mô đệm"
    # deleted and wanted again
    for mark in after:
        annotations.remove(context, pathologist, case.id, mark.id)
    again = import_drawings(context, pathologist, case.id, file.data)
    assert (again.marks, again.already) == (2, 0)


def mask_file(header: Any, mask: np.ndarray, **attributes: Any) -> bytes:
    """A mask on the grid of an image, written by highdicom."""
    made = highdicom_masks(header, mask.astype(np.uint8), ["ổ"])
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return encoded(made)


def test_a_mask_of_a_lower_level_lies_where_that_level_does(
    context: Context, people: People, case: CaseRecord
) -> None:
    slide = read_slide(context, case)
    levels = context.archive.study_instances(slide.study_instance_uid, scope=all_of(slide))
    headers = [pydicom.dcmread(one.path) for one in levels]
    second = sorted(headers, key=lambda one: -one.TotalPixelMatrixColumns)[1]
    step = slide.width / second.TotalPixelMatrixColumns
    shape = second.TotalPixelMatrixRows, second.TotalPixelMatrixColumns
    mask = polygon_mask([(50, 40), (60, 160), (140, 100)], shape)
    data = mask_file(second, mask)
    made = import_drawings(context, people["pathologist"], case.id, data)
    assert made.marks == 1
    marks = annotations.list_annotations(context, people["pathologist"], case.id).items
    assert overlap(filled(slide, marks, shape, step), mask) > 0.97


def test_masks_of_other_places_are_refused(
    context: Context, people: People, case: CaseRecord
) -> None:
    slide = read_slide(context, case)
    levels = context.archive.study_instances(slide.study_instance_uid, scope=all_of(slide))
    headers = [pydicom.dcmread(one.path) for one in levels]
    smallest = min(headers, key=lambda one: int(one.TotalPixelMatrixColumns))
    shape = smallest.TotalPixelMatrixRows, smallest.TotalPixelMatrixColumns
    mask = polygon_mask([(20, 20), (20, 60), (60, 60)], shape)
    other = mask_file(smallest, mask, FrameOfReferenceUID=uid("another glass"))
    empty = mask_file(smallest, mask, SegmentSequence=[])
    good = mask_file(smallest, mask)
    for data, said in ((other, "tiêu bản khác"), (empty, "không"), (good[:-500], "không đọc")):
        with pytest.raises(InvalidRequest) as refused:
            import_drawings(context, people["pathologist"], case.id, data)
        assert said in refused.value.text.vi
    assert annotations.list_annotations(context, people["pathologist"], case.id).items == ()


def test_a_deflated_bomb_is_refused(
    context: Context, people: People, case: CaseRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    slide = read_slide(context, case)
    content = drawn(slide, "rectangle", [(10, 10), (60, 10), (60, 40), (10, 40)])
    annotations.add(context, people["pathologist"], case.id, content)
    plain = export_drawings(context, people["pathologist"], case.id, "seg").data
    ds = pydicom.dcmread(BytesIO(plain))
    ds.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    file = BytesIO()
    pydicom.dcmwrite(file, ds, enforce_file_format=True)
    made = import_drawings(context, people["pathologist"], case.id, file.getvalue())
    assert made.marks == 1
    monkeypatch.setattr(dicom_drawings, "MOST_INFLATED_BYTES", 1000)
    with pytest.raises(InvalidRequest, match="too large"):
        import_drawings(context, people["pathologist"], case.id, file.getvalue())


def test_a_level_cut_into_parts_is_named_as_it_was_before_the_cut(
    context: Context, people: People, test_data: Path
) -> None:
    """Annotations refer to the source of a concatenation, never to a part (PS3.3 C.37.1)."""
    whole = uid("before the cut")
    case = slide_case(
        context,
        people,
        test_data,
        levels=1,
        ConcatenationUID=uid("concatenation"),
        SOPInstanceUIDOfConcatenationSource=whole,
        InConcatenationNumber=1,
        InConcatenationTotalNumber=1,
        ConcatenationFrameOffsetNumber=0,
    )
    slide = read_slide(context, case)
    assert slide.sop_instance_uid == whole
    (part,) = context.archive.study_instances(slide.study_instance_uid, scope=all_of(slide))
    for named in (whole, part.sop_instance_uid):
        content = drawn(slide, "point", [(9.5, 7)], sop_instance_uid=named)
        made = annotations.add(context, people["pathologist"], case.id, content)
        assert made.sop_instance_uid == whole
    file = export_drawings(context, people["pathologist"], case.id, "ann")
    ds = pydicom.dcmread(BytesIO(file.data))
    assert ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID == whole
    (group,) = read_bulk_annotations(ds).groups
    np.testing.assert_allclose(group.points, [(9.5, 7)] * 2, atol=1e-6)
    again = import_drawings(context, people["pathologist"], case.id, file.data)
    assert again.series_instance_uid == slide.series_instance_uid
    _, revision = written(
        context,
        people["pathologist"],
        case,
        annotation_ids=[made.id],
        key_images=[
            {
                "study_instance_uid": slide.study_instance_uid,
                "series_instance_uid": slide.series_instance_uid,
                "sop_instance_uid": whole,
            }
        ],
    )
    signed = opinions.sign(
        context,
        people["pathologist"],
        case.id,
        kind="final",
        password=PASSWORD,
        draft_revision=revision,
    )
    exporter = context.plugins.get(Exporter, "bulk_annotations")
    assert exporter is not None
    (sent,) = encode(context, exporter, signed.id, slide.study_instance_uid)
    held = context.archive.instance(sent.sop_instance_uid, scope=all_of(slide))
    assert pydicom.dcmread(held.path).ReferencedImageSequence[0].ReferencedSOPInstanceUID == whole
