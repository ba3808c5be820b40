"""Slices in true order, told apart by what they are."""

import random
from pathlib import Path

import pytest

from plugins import Series, stacks_of
from plugins.testing import ct_header, ct_series, ct_study, uid
from tests.plugins.real_series import real_series


def shuffled(series: Series) -> Series:
    instances = list(series.instances)
    random.Random(7).shuffle(instances)
    return ct_series([instance.header for instance in instances])


def numbers(series: Series) -> list[list[int]]:
    return [[frame.instance_number for frame in stack.frames] for stack in stacks_of(series)]


def test_order_is_by_position_whatever_the_order_of_arrival() -> None:
    (series,) = ct_study(slices=12).series

    (stack,) = stacks_of(shuffled(series))

    assert [frame.instance_number for frame in stack.frames] == list(range(1, 13))
    assert stack.along_mm == pytest.approx([5.0 * n for n in range(12)])
    assert stack.is_volume


def test_order_is_by_position_even_against_instance_numbers() -> None:
    headers = [ct_header(10 - n, (0, 0, 3.0 * n)) for n in range(10)]

    assert numbers(ct_series(headers)) == [list(range(10, 0, -1))]


def test_a_tilt_comes_from_geometry() -> None:
    (series,) = ct_study(slices=10, tilt_deg=-18.5).series

    (stack,) = stacks_of(series)

    assert stack.geometry is not None
    assert abs(stack.geometry.tilt_deg) == pytest.approx(18.5)
    assert stack.geometry.spacings_mm == pytest.approx([5.0] * 9)
    assert stack.is_volume


@pytest.mark.parametrize(("told", "seen"), [("-18.5", -18.5), ("+18.5", 18.5), (None, -18.5)])
def test_the_sign_of_a_tilt_is_the_tags(told: str | None, seen: float) -> None:
    """The angle is measured, whatever the tag's number; without a tag so is the sign."""
    tag = {} if told is None else {"GantryDetectorTilt": told}
    headers = [ct_header(n + 1, (0, 0, 5.0 * n), -18.5, **tag) for n in range(6)]

    (stack,) = stacks_of(ct_series(headers))

    assert stack.tilt_deg == pytest.approx(seen)


def test_a_tag_that_tells_a_tilt_there_is_none_of() -> None:
    headers = [ct_header(n + 1, (0, 0, 5.0 * n), GantryDetectorTilt="-12") for n in range(6)]

    (stack,) = stacks_of(ct_series(headers))

    assert str(stack.tilt_deg) == "0.0"


@pytest.mark.parametrize(
    ("folder", "seen"), [("ct_head/ge_tilt_infarct", 18.5), ("ct_geometry/tilt_4slices", -14.0)]
)
def test_the_tilt_that_readers_of_real_heads_see(folder: str, seen: float, test_data: Path) -> None:
    """A GE head whose tag says +18.5, and a Siemens one without the tag."""
    (series,) = real_series(test_data / folder)

    assert stacks_of(series)[0].tilt_deg == pytest.approx(seen, abs=0.05)


def test_localizers_stand_apart_and_last() -> None:
    scout = ct_header(1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SOPInstanceUID=uid("s"))
    headers = [scout, *(ct_header(n + 2, (0, 0, 5.0 * n)) for n in range(4))]

    stacks = stacks_of(ct_series(headers))

    assert [len(stack.frames) for stack in stacks] == [4, 1]
    assert stacks[1].is_localizer
    assert not stacks[1].is_volume


def test_planes_are_parted() -> None:
    sagittal = [0, 1, 0, 0, 0, -1]  # its normal points to the patient's right
    headers = [ct_header(n, (0, 0, 5.0 * n)) for n in range(4)]
    headers += [
        ct_header(n + 9, (5.0 * n, 0, 0), ImageOrientationPatient=sagittal) for n in range(3)
    ]

    assert numbers(ct_series(headers)) == [[0, 1, 2, 3], [11, 10, 9]]


@pytest.mark.parametrize(
    ("keyword", "values"),
    [("AcquisitionNumber", ["1", "2"]), ("EchoTime", ["20", "80"]), ("ConvolutionKernel", "AB")],
)
def test_acquisitions_at_the_same_places_are_parted(keyword: str, values: list[str]) -> None:
    headers = [
        ct_header(10 * part + n, (0, 0, 5.0 * n), **{keyword: value})
        for part, value in enumerate(values)
        for n in range(5)
    ]

    stacks = stacks_of(ct_series(headers))

    assert [len(stack.frames) for stack in stacks] == [5, 5]
    assert [stack.trait for stack in stacks] == [(keyword, value) for value in values]
    assert all(stack.is_volume for stack in stacks)


def test_a_trait_that_differs_without_crowding_parts_nothing() -> None:
    """Sequential scanners number each slice as an acquisition of its own."""
    headers = [ct_header(n, (0, 0, 5.0 * n), AcquisitionNumber=str(n)) for n in range(8)]

    assert numbers(ct_series(headers)) == [list(range(8))]


def test_duplicates_that_nothing_tells_apart_stay_and_forbid_planes() -> None:
    headers = [ct_header(n, (0, 0, 5.0 * (n // 2))) for n in range(8)]

    (stack,) = stacks_of(ct_series(headers))

    assert len(stack.frames) == 8
    assert not stack.is_volume


def test_a_frame_of_reference_made_up_for_each_image_is_not_heeded() -> None:
    headers = [
        ct_header(n, (0, 0, 5.0 * n), FrameOfReferenceUID=uid(f"space {n}")) for n in range(6)
    ]

    (stack,) = stacks_of(ct_series(headers))

    assert stack.is_volume
    assert not stack.has_one_reference


@pytest.mark.parametrize(
    "changes",
    [
        {"ImagePositionPatient": None},
        {"ImageOrientationPatient": None},
        {"ImagePositionPatient": [1.0, 2.0]},
        {"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]},
        {"PixelSpacing": None},
        {"PixelSpacing": [0, 0]},
        {"InstanceNumber": None},
    ],
)
def test_bad_headers_are_taken_without_complaint(changes: dict[str, object]) -> None:
    headers = [ct_header(n, (0, 0, 5.0 * n)) for n in range(4)]
    for header in headers:
        for keyword, value in changes.items():
            setattr(header, keyword, value)

    (stack,) = stacks_of(ct_series(headers))

    assert len(stack.frames) == 4
    assert stack.is_volume == ("InstanceNumber" in changes)


def test_an_empty_series_has_no_stack() -> None:
    assert stacks_of(ct_series([])) == ()


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ct_head/ge_tilt_infarct", [28]),
        ("ct_geometry/tilt_4slices", [4]),
        ("ct_geometry/missing_slice_4slices", [4]),
        ("ct_body/chest_lidc_ffs", [24]),
        ("ct_body/abdomen_j2k_empty_uids", [20]),
        ("modalities/mr_series16", [16]),
        ("modalities/mr_enhanced/BRTUM001.dcm", [15]),
    ],
)
def test_real_series_are_one_stack(name: str, sizes: list[int], test_data: Path) -> None:
    (series,) = real_series(test_data / name)

    stacks = stacks_of(series)

    assert [len(stack.frames) for stack in stacks] == sizes
    assert list(stacks[0].along_mm) == sorted(stacks[0].along_mm)
    assert stacks[0].is_volume


def test_the_tilt_of_a_real_head(test_data: Path) -> None:
    (series,) = real_series(test_data / "ct_head/ge_tilt_infarct")

    geometry = stacks_of(series)[0].geometry

    assert geometry is not None
    assert abs(geometry.tilt_deg) == pytest.approx(18.5, abs=0.05)
    assert sorted({round(float(s), 2) for s in geometry.spacings_mm}) == [1.08, 4.0, 7.0]
