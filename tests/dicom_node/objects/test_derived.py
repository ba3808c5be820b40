"""SEG, Parametric Map and colour captures on real slices, tilted and uneven ones among them."""

from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.objects import (
    Algorithm,
    Identity,
    Segment,
    Slices,
    color_capture,
    parametric_map,
    segmentation,
)
from tests.dicom_node.objects.conftest import signed_opinion
from tests.dicom_node.objects.judges import assert_valid, encoded, written

ALGORITHM = Algorithm("hoichan stroke", "1.0", {"threshold": "-4 HU"})
ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
LESION = Code("301766008", "SCT", "Lesion of Brain")
HEMORRHAGE = Code("50960005", "SCT", "Hemorrhage")
BRAIN = Code("12738006", "SCT", "Brain")
LEFT = Code("7771000", "SCT", "Left")
TMAX = Code("113084", "DCM", "Tmax")
SECONDS = Code("s", "UCUM", "second")

SEGMENTS = (
    Segment(1, "Vùng giảm tỷ trọng", ABNORMAL, LESION, (255, 80, 80), "2.25.101", BRAIN, LEFT),
    Segment(2, "Máu tụ", ABNORMAL, HEMORRHAGE, (80, 160, 255), "2.25.102", BRAIN),
    Segment(3, "Không có", ABNORMAL, LESION, (0, 0, 0), "2.25.103"),
)


@pytest.fixture
def headers(test_data: Path) -> list[Dataset]:
    """The GE head in true order: tilted by 18.5 degrees, 4, 1.08 and 7 mm apart."""
    found = [
        pydicom.dcmread(path, stop_before_pixels=True)
        for path in sorted((test_data / "ct_head" / "ge_tilt_infarct").iterdir())
        if path.suffix == ".dcm"
    ]
    assert len(found) == 28
    return sorted(found, key=lambda header: float(header.ImagePositionPatient[2]))


def mask_on(headers: list[Dataset]) -> np.ndarray:
    mask = np.zeros((len(headers), headers[0].Rows, headers[0].Columns), np.uint8)
    mask[10:13, 200:240, 100:160] = 1
    mask[20, 300:310, 50:61] = 2
    return mask


def test_a_mask_lies_on_its_source_slices(
    headers: list[Dataset], identity: Identity, tmp_path: Path
) -> None:
    mask = mask_on(headers)

    made = segmentation(
        signed_opinion(headers[0]),
        identity,
        Slices(headers, mask, ALGORITHM),
        SEGMENTS,
        "Mặt nạ tổn thương",
    )

    assert made is not None
    assert_valid(made, tmp_path, report=False)
    read = highdicom.seg.segread(written(made, tmp_path))
    assert read.number_of_segments == 2
    assert read.get_segment_description(1).anatomic_regions[0].value == BRAIN.value
    assert [str(item.SegmentAlgorithmType) for item in read.SegmentSequence] == [
        "SEMIAUTOMATIC",
        "SEMIAUTOMATIC",
    ]
    back = read.get_pixels_by_source_instance(
        [str(header.SOPInstanceUID) for header in headers], assert_missing_frames_are_empty=True
    )
    assert np.array_equal(back[..., 0] != 0, mask == 1)
    assert np.array_equal(back[..., 1] != 0, mask == 2)
    for frame in read.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        header = next(one for one in headers if one.SOPInstanceUID == source)
        place = frame.PlanePositionSequence[0].ImagePositionPatient
        assert [float(v) for v in place] == [float(v) for v in header.ImagePositionPatient]


def test_the_same_mask_makes_the_same_bytes(headers: list[Dataset], identity: Identity) -> None:
    opinion = signed_opinion(headers[0])
    slices = Slices(headers, mask_on(headers), ALGORITHM)

    first, second = (segmentation(opinion, identity, slices, SEGMENTS, "Mask") for _ in range(2))

    assert first is not None
    assert second is not None
    assert encoded(first) == encoded(second)


def test_an_empty_mask_makes_nothing(headers: list[Dataset], identity: Identity) -> None:
    empty = np.zeros_like(mask_on(headers))

    assert (
        segmentation(
            signed_opinion(headers[0]),
            identity,
            Slices(headers, empty, ALGORITHM),
            SEGMENTS,
            "Mask",
        )
        is None
    )


def test_a_label_without_a_segment_is_refused(headers: list[Dataset], identity: Identity) -> None:
    mask = mask_on(headers)
    mask[0, 0, 0] = 9

    with pytest.raises(ValueError, match=r"\[9\]"):
        segmentation(
            signed_opinion(headers[0]), identity, Slices(headers, mask, ALGORITHM), SEGMENTS, "Mask"
        )


def test_a_map_keeps_every_float(
    headers: list[Dataset], identity: Identity, tmp_path: Path
) -> None:
    values = np.random.default_rng(4).normal(6, 3, mask_on(headers).shape).astype(np.float32)

    made = parametric_map(
        signed_opinion(headers[0]),
        identity,
        Slices(headers, values, ALGORITHM),
        label="Tmax",
        quantity=TMAX,
        unit=SECONDS,
        shown=(0.0, 12.0),
    )

    assert_valid(made, tmp_path, report=False)
    read = pydicom.dcmread(written(made, tmp_path))
    back = np.frombuffer(read.FloatPixelData, "<f4").reshape(values.shape)
    places = [
        float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        for frame in read.PerFrameFunctionalGroupsSequence
    ]
    order = np.argsort(places)
    assert np.array_equal(back[order], values)
    shared = read.SharedFunctionalGroupsSequence[0]
    mapping = shared.RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "s"
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert quantity.CodeValue == TMAX.value
    assert read.ContentQualification == "RESEARCH"


def test_a_map_that_is_not_finite_is_refused(headers: list[Dataset], identity: Identity) -> None:
    values = np.zeros(mask_on(headers).shape, np.float32)
    values[3, 4, 5] = np.nan

    with pytest.raises(ValueError, match="not finite"):
        parametric_map(
            signed_opinion(headers[0]),
            identity,
            Slices(headers, values, ALGORITHM),
            label="Tmax",
            quantity=TMAX,
            unit=SECONDS,
            shown=(0.0, 12.0),
        )


def test_pictures_in_colour(headers: list[Dataset], identity: Identity, tmp_path: Path) -> None:
    pictures = np.random.default_rng(5).integers(0, 255, (28, 33, 47, 3), np.uint8)

    made = color_capture(
        signed_opinion(headers[0]), identity, Slices(headers, pictures, ALGORITHM), "Tmax"
    )

    assert_valid(made, tmp_path, report=False)
    assert np.array_equal(pydicom.dcmread(written(made, tmp_path)).pixel_array, pictures)
    assert "threshold = -4 HU" in made.DerivationDescription
