"""Confirmed masks, maps and numbers on their way home, on the real tilted head."""

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import (
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    ParametricMapStorage,
    SegmentationStorage,
)

from plugins import Exporter, Registry
from plugins.nouns import Export, Text
from plugins.results import ConfirmedResult, Layer, LayerKind, Segment, Value
from plugins.testing import confirmed, export, opinion, result
from tests.dicom_node.objects.judges import assert_valid, encoded, pdf_text, written

ML = Code("ml", "UCUM", "mL")
VOLUME = Code("118565006", "SCT", "Volume")
ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
LESION = Code("301766008", "SCT", "Lesion of Brain")
BRAIN = Code("12738006", "SCT", "Brain")
LEFT = Code("7771000", "SCT", "Left")
TMAX = Code("113084", "DCM", "Tmax")
SECONDS = Code("s", "UCUM", "s")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load()


@pytest.fixture
def headers(test_data: Path) -> list[Dataset]:
    files = sorted((test_data / "ct_head" / "ge_tilt_infarct").iterdir())
    found = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
    return sorted(found, key=lambda header: float(header.ImagePositionPatient[2]))


@pytest.fixture
def seen(headers: list[Dataset]) -> ConfirmedResult:
    """A mask with two regions of which the second is marked, and a map."""
    frames = tuple((str(header.SOPInstanceUID), 1) for header in headers)
    series = str(headers[0].SeriesInstanceUID)
    mask = np.zeros((28, 512, 512), np.uint8)
    mask[9:12, 200:220, 300:330] = 2
    tmax = np.zeros(mask.shape, np.float32)
    tmax[9:12] = np.linspace(0.5, 11, 512, dtype=np.float32)
    segments = tuple(
        Segment(
            number, Text(f"Vùng {number}", f"Region {number}"), (9, 90, 200), ABNORMAL, LESION,
            BRAIN, LEFT,
        )
        for number in (1, 2)
    )  # fmt: skip
    shared: dict[str, Any] = {"series_instance_uid": series, "frames": frames}
    volume = {
        "label": Text("Thể tích", "Volume"),
        "unit": ML,
        "name": VOLUME,
        "method": Text("cộng diện tích các lát", "planimetry"),
        "layer": "mask",
        "finding_site": BRAIN,
        "laterality": LEFT,
    }
    return confirmed(
        result(
            study_instance_uid=str(headers[0].StudyInstanceUID),
            series_instance_uids=(series,),
            values=(
                Value(
                    "a",
                    value=12.5,
                    group="region_2",
                    segment=2,
                    group_label=Text("Vùng 2", "Region 2"),
                    **volume,
                ),
                Value(
                    "b",
                    value=3.5,
                    group="region_1",
                    segment=1,
                    group_label=Text("Vùng 1", "Region 1"),
                    **volume,
                ),
                Value(
                    "c",
                    Text("Tỉ số", "Ratio"),
                    None,
                    ML,
                    VOLUME,
                    note=Text("không có lõi", "no core"),
                ),
                Value("d", Text("Chỉ trên màn hình", "Screen only"), 4.0, ML),
            ),
            layers=(
                Layer(
                    "mask",
                    Text("Mặt nạ", "Mask"),
                    LayerKind.MASK,
                    array=mask,
                    segments=segments,
                    **shared,
                ),
                Layer(
                    "tmax",
                    Text("Tmax", "Tmax"),
                    LayerKind.MAP,
                    array=tmax,
                    quantity=TMAX,
                    unit=SECONDS,
                    range=(0, 12),
                    palette="rainbow",
                    **shared,
                ),
                Layer(
                    "hidden",
                    Text("Bước giữa", "Between"),
                    LayerKind.MAP,
                    array=tmax,
                    is_exported=False,
                    **shared,
                ),
            ),
        )
    )


def goods(headers: list[Dataset], *results: ConfirmedResult, **changes: Any) -> Export:
    return export(
        of_opinion=opinion(
            id="0d9b53ad-8f21-4b6c-9a86-0dd6c1b7a111",
            results=results,
            annotations=(),
            key_images=(),
            **changes,
        ),
        header=headers[0],
        images={str(header.SOPInstanceUID): header for header in headers},
    )


def made(registry: Registry, name: str, wanted: Export) -> list[Dataset]:
    found = registry.get(Exporter, name)
    assert found is not None
    return list(found.encode(wanted))


def test_masks_maps_and_pictures_go_home_valid(
    registry: Registry, headers: list[Dataset], seen: ConfirmedResult, tmp_path: Path
) -> None:
    wanted = goods(headers, seen)

    (mask,) = made(registry, "segmentation", wanted)
    (tmax,) = made(registry, "parametric_map", wanted)
    (picture,) = made(registry, "map_pictures", wanted)

    assert mask.SOPClassUID == SegmentationStorage
    assert tmax.SOPClassUID == ParametricMapStorage
    assert picture.SOPClassUID == MultiFrameTrueColorSecondaryCaptureImageStorage
    for ds in (mask, tmax, picture):
        assert_valid(ds, tmp_path, report=False)
        assert ds.StudyInstanceUID == headers[0].StudyInstanceUID
    assert len({ds.SeriesInstanceUID for ds in (mask, tmax, picture)}) == 3


def test_the_report_points_at_the_segment_it_measured(
    registry: Registry, headers: list[Dataset], seen: ConfirmedResult, tmp_path: Path
) -> None:
    wanted = goods(headers, seen)

    (mask,) = made(registry, "segmentation", wanted)
    (report,) = made(registry, "tid1500", wanted)

    assert_valid(report, tmp_path)
    read = highdicom.sr.srread(written(report, tmp_path))
    (group,) = read.content.get_volumetric_roi_measurement_groups()
    segment = group.referenced_segment
    assert segment.referenced_sop_instance_uid == mask.SOPInstanceUID
    number = int(segment.referenced_segment_numbers[0])
    item = mask.SegmentSequence[number - 1]
    assert item.SegmentLabel == "Vùng 2"
    assert item.TrackingUID == group.tracking_uid
    (volume,) = group.get_measurements()
    assert (volume.name.value, volume.value, volume.unit.value) == ("118565006", 12.5, "ml")
    (site,) = group.finding_sites
    assert (site.value.value, site.laterality.value) == (BRAIN.value, LEFT.value)
    assert report.VerificationFlag == "VERIFIED"


def test_a_preliminary_report_is_not_verified(
    registry: Registry, headers: list[Dataset], seen: ConfirmedResult
) -> None:
    (report,) = made(registry, "tid1500", goods(headers, seen, kind="preliminary"))

    assert report.VerificationFlag == "UNVERIFIED"


def test_the_printed_page_names_numbers_method_and_who_confirmed_them(
    registry: Registry, headers: list[Dataset], seen: ConfirmedResult, tmp_path: Path
) -> None:
    (page,) = made(registry, "pdf", goods(headers, seen))

    text = " ".join(pdf_text(bytes(page.EncapsulatedDocument), tmp_path).split())
    assert "12,5 mL" in text
    assert "cộng diện tích các lát" in text
    assert seen.confirmed_by.name in text
    assert "Screen only" not in text
    assert "Chỉ trên màn hình" not in text


def test_what_a_reader_rejected_stays_here(
    registry: Registry, headers: list[Dataset], seen: ConfirmedResult, tmp_path: Path
) -> None:
    rejected = confirmed(seen.result, edits={"rejected": ["region_2", "region_1"]})

    (report,) = made(registry, "tid1500", goods(headers, rejected))

    read = highdicom.sr.srread(written(report, tmp_path))
    assert not read.content.get_volumetric_roi_measurement_groups()


def test_the_same_opinion_makes_the_same_bytes(
    registry: Registry, headers: list[Dataset], seen: ConfirmedResult
) -> None:
    wanted = goods(headers, seen)

    for name in ("segmentation", "parametric_map", "map_pictures", "tid1500"):
        first, second = made(registry, name, wanted), made(registry, name, wanted)
        assert [encoded(ds) for ds in first] == [encoded(ds) for ds in second]


def test_without_results_nothing_is_made(registry: Registry, headers: list[Dataset]) -> None:
    for name in ("segmentation", "parametric_map", "map_pictures"):
        assert not made(registry, name, goods(headers))
