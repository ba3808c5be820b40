"""The exporters, from a case's opinion to a stranger's PACS."""

import re
import subprocess
import time
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage, ComprehensiveSRStorage

from plugins import (
    AnnotationKind,
    Exporter,
    KeyImage,
    OpinionKind,
    Person,
    Registry,
)
from plugins.testing import annotation, case, ct_header, export, opinion, uid
from tests.dicom_node.objects.conftest import first_header
from tests.dicom_node.objects.judges import assert_valid, encoded, pdf_text, written

EXPORTERS = ["tid1500", "basic_text", "pdf", "key_images"]
IMAGES = ["segmentation", "parametric_map", "map_pictures", "bulk_annotations"]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


def exporter(registry: Registry, name: str) -> Exporter:
    found = registry.get(Exporter, name)
    assert found is not None
    return found


def test_all_are_always_sent(registry: Registry) -> None:
    """The issue wants SR with numbers, SR with words, and PDF; none stands in for another."""
    sent = [one.id for one in registry.of(Exporter) if not one.fallback_for]

    assert sorted(sent) == sorted([*EXPORTERS, *IMAGES])


def test_what_stands_in_for_what(registry: Registry) -> None:
    """A PACS without 3D SR still gets numbers, one without PDF still gets pages."""
    assert {one.id: one.fallback_for for one in registry.of(Exporter) if one.fallback_for} == {
        "comprehensive": "tid1500",
        "slide_segmentation": "bulk_annotations",
        "pictures": "pdf",
    }


def test_without_space_the_drawing_is_in_pixels(registry: Registry, tmp_path: Path) -> None:
    header = ct_header(1, (-128.0, -128.0, 0.0))
    drawn = annotation(points_mm=((-128.0, -128.0, 0.0), (-98.0, -128.0, 0.0)))

    (ds,) = exporter(registry, "comprehensive").encode(
        export(
            of_opinion=opinion(annotations=(drawn,)),
            header=header,
            images={uid("instance 1"): header},
        )
    )

    text = assert_valid(ds, tmp_path)
    assert ds.SOPClassUID == ComprehensiveSRStorage
    assert "SCOORD3D" not in text
    group = ds.ContentSequence[6].ContentSequence[0]
    number = next(item for item in group.ContentSequence if item.ValueType == "NUM")
    assert number.ContentSequence[0].GraphicData == [0.5, 0.5, 60.5, 0.5]


def test_without_headers_the_numbers_go_without_points(registry: Registry, tmp_path: Path) -> None:
    (ds,) = exporter(registry, "comprehensive").encode(export())

    text = assert_valid(ds, tmp_path)
    assert "SCOORD" not in text
    assert '"Length")="30.0"' in text


def test_pages_as_images(registry: Registry, tmp_path: Path) -> None:
    encode = exporter(registry, "pictures").encode

    made = encode(export())

    assert [encoded(ds) for ds in made] == [encoded(ds) for ds in encode(export())]
    for number, ds in enumerate(made, start=1):
        assert_valid(ds, tmp_path, report=False)
        assert (ds.InstanceNumber, ds.BurnedInAnnotation) == (number, "YES")
    grey = made[0].pixel_array
    assert grey.shape == (ds.Rows, ds.Columns)
    assert grey.max() == 255, "paper is white"
    assert grey.min() < 60, "ink is dark"
    assert len({ds.SOPInstanceUID for ds in made}) == len(made)
    assert len({ds.SeriesInstanceUID for ds in made}) == 1


def test_a_person_finds_the_image(registry: Registry, tmp_path: Path) -> None:
    header = ct_header(14, SeriesNumber="2", SOPInstanceUID=uid("instance 1"))

    (ds,) = exporter(registry, "pdf").encode(
        export(header=header, images={uid("instance 1"): header})
    )

    assert "Loạt 2, ảnh 14" in pdf_text(bytes(ds.EncapsulatedDocument), tmp_path)


@pytest.mark.parametrize("name", EXPORTERS)
@pytest.mark.parametrize(
    "header",
    ["ct_head/ge_tilt_infarct", "charsets/chrH31.dcm", "modalities/pr_mr_liver/IM_0156", ""],
)
def test_each_object_is_valid(
    name: str, header: str, registry: Registry, test_data: Path, tmp_path: Path
) -> None:
    own = first_header(test_data, header) if header else ct_header()
    image = KeyImage(
        str(own.StudyInstanceUID), str(own.SeriesInstanceUID),
        str(own.SOPInstanceUID), str(own.SOPClassUID),
    )  # fmt: skip

    (ds,) = exporter(registry, name).encode(
        export(of_opinion=opinion(key_images=(image,)), header=own)
    )

    assert_valid(ds, tmp_path, report=name != "pdf")
    assert ds.StudyInstanceUID == own.StudyInstanceUID


@pytest.mark.parametrize("name", EXPORTERS)
def test_encoding_again_gives_the_same_bytes(name: str, registry: Registry) -> None:
    one = exporter(registry, name)

    assert [encoded(ds) for ds in one.encode(export())] == [
        encoded(ds) for ds in one.encode(export())
    ]


def test_an_opinion_without_key_images_has_no_key_object(registry: Registry) -> None:
    encode = exporter(registry, "key_images").encode

    assert encode(export(of_opinion=opinion(key_images=()))) == []
    assert encode(export(header=ct_header(StudyInstanceUID=uid("another study")))) == []


def test_measurements_keep_their_tracking_uid_from_version_to_version(registry: Registry) -> None:
    encode = exporter(registry, "tid1500").encode

    def tracking(ds: Dataset) -> list[str]:
        return re.findall(r"UI: (2\.25\.\d+)", str(ds.ContentSequence[6]))

    (first,) = encode(export())
    (second,) = encode(
        export(of_opinion=opinion(id="opinion-2", version=2), uids=lambda name: uid("2" + name))
    )

    assert tracking(first)[0] == tracking(second)[0]
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesNumber < second.SeriesNumber


def test_an_addendum_points_at_its_predecessor(registry: Registry, tmp_path: Path) -> None:
    previous = (uid("study"), uid("old series"), str(BasicTextSRStorage), uid("old"))
    signed = opinion(
        kind=OpinionKind.ADDENDUM,
        version=2,
        predecessor="opinion-1",
        reason="Có thêm phim chụp lại.",
    )

    (ds,) = exporter(registry, "basic_text").encode(export(of_opinion=signed, previous=[previous]))

    text = assert_valid(ds, tmp_path)
    assert "Báo cáo bổ sung" in text
    assert "Bổ sung cho phiên bản 1; phiên bản đó vẫn có giá trị. Có thêm phim chụp lại." in text
    assert ds.PredecessorDocumentsSequence[0].StudyInstanceUID == uid("study")


def test_what_the_case_says_is_on_the_page(registry: Registry, tmp_path: Path) -> None:
    (ds,) = exporter(registry, "pdf").encode(export())

    text = " ".join(pdf_text(bytes(ds.EncapsulatedDocument), tmp_path).split())

    for part in (
        "Bệnh viện Đa khoa Trung ương",
        "Bệnh viện Đa khoa huyện A",
        "LÊ THỊ HOA",
        "Nghi đột quỵ não giờ thứ hai",
        "Tăng huyết áp 10 năm",
        "Khoa Cấp cứu",
        "Có chảy máu não không?",
        "Có, ổ máu tụ nhân bèo phải.",
        "Chảy máu não vùng nhân bèo phải.",
        "Đồng thuận",
        "Đề nghị chuyển",
        "M1",
        "Độ dài 30,0 mm",
        "Ổ máu tụ",
        "Số giấy phép hành nghề: 001234/BYT",
    ):
        assert part in text, part


def test_key_images_are_drawn_by_the_host(registry: Registry, tmp_path: Path) -> None:
    asked: list[KeyImage] = []

    def render(image: KeyImage) -> bytes:
        asked.append(image)
        raise OSError("the disk is gone")

    (ds,) = exporter(registry, "pdf").encode(export(render=render))

    assert [image.caption for image in asked] == ["Ổ máu tụ"]
    assert "Ổ máu tụ" in pdf_text(bytes(ds.EncapsulatedDocument), tmp_path)


def test_odd_annotations_do_not_keep_the_opinion_back(registry: Registry, tmp_path: Path) -> None:
    odd = (
        annotation(id="not a uuid", measurements=({"name": "length"}, {"value": "x"}, {"a": 1})),
        annotation(id="2", frame_of_reference_uid="", points_mm=()),
        annotation(id="3", sop_instance_uid="", sop_class_uid="", series_instance_uid=""),
        annotation(
            id="4",
            kind=AnnotationKind.PROBE,
            measurements=({"name": "mystery", "value": 3, "unit": "furlongs per fortnight"},),
            origin={"algorithm": "lesion", "algorithm_version": "1.0", "parameters": {"hu": -950}},
            author=Person("x", "", "NOWHERE"),
        ),
        annotation(
            id="5",
            kind=AnnotationKind.ELLIPSE,
            frame_of_reference_uid="",
            origin={"points_px": [[1, 1], [9, 1], [5, 0], [5, 2]]},
        ),
    )
    signed = opinion(annotations=odd)
    evidence = [entry for entry in export(of_opinion=signed).evidence if entry[3]]

    for name in ("tid1500", "basic_text"):
        (ds,) = exporter(registry, name).encode(export(of_opinion=signed, evidence=evidence))
        text = assert_valid(ds, tmp_path)
        assert "lesion" in text


def test_an_image_without_a_place_in_space_is_marked_in_pixels(
    registry: Registry, tmp_path: Path
) -> None:
    drawn = annotation(
        measurements=({"name": "length", "value": 40, "unit": "{pixel}"},),
        origin={"uncalibrated": True, "points_px": [[10.5, 20.5], [50.5, 20.5]]},
    )
    signed = opinion(annotations=(drawn,))

    (ds,) = exporter(registry, "tid1500").encode(export(of_opinion=signed))
    text = assert_valid(ds, tmp_path)
    (pdf,) = exporter(registry, "pdf").encode(export(of_opinion=signed))

    assert "SCOORD:" in text
    assert "SCOORD3D" not in text
    assert "({pixels},UCUM" in text
    assert "Độ dài 40,0 px" in pdf_text(bytes(pdf.EncapsulatedDocument), tmp_path)


def test_a_question_without_an_answer_is_not_answered(registry: Registry, tmp_path: Path) -> None:
    signed = opinion(kind=OpinionKind.ADDENDUM, answers=opinion().answers[:1])

    (ds,) = exporter(registry, "basic_text").encode(export(of_opinion=signed))

    text = assert_valid(ds, tmp_path)
    assert "Có chảy máu não không?" in text
    assert "Có chỉ định chuyển tuyến không?" not in text


def wait_for(port: int) -> None:
    """Until someone answers C-ECHO there."""
    for _ in range(600):
        echo = ["/usr/bin/echoscu", "-to", "1", "localhost", str(port)]
        if subprocess.run(echo, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError("storescp did not start")


def test_a_real_pacs_takes_them_all(registry: Registry, tmp_path: Path, free_port: int) -> None:
    """DCMTK's storescu to DCMTK's storescp; without -R it would not propose 3D SR."""
    received = tmp_path / "received"
    received.mkdir()
    files = [
        written(ds, tmp_path, f"{name}.dcm")
        for name in EXPORTERS
        for ds in exporter(registry, name).encode(export(of_case=case()))
    ]
    pacs = subprocess.Popen(
        ["/usr/bin/storescp", "--promiscuous", "-od", str(received), str(free_port)]
    )
    try:
        wait_for(free_port)
        sent = subprocess.run(
            ["/usr/bin/storescu", "-R", "--max-send-pdu", "16384", "localhost", str(free_port)]
            + [str(path) for path in files],
            capture_output=True,
            check=False,
            timeout=60,
        )
    finally:
        pacs.terminate()
        pacs.wait(60)

    assert sent.returncode == 0, sent.stderr
    kept = {pydicom.dcmread(path).SOPClassUID for path in received.iterdir()}
    assert kept == {pydicom.dcmread(path).SOPClassUID for path in files}
