"""The facts that are documented of real series, found by the kernels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_windowing

from kernels import (
    Display,
    Plane,
    Rescale,
    StackGeometry,
    StackProblem,
    Window,
    analyse,
    display,
    even,
    modality_values,
    padding_mask,
    region_statistics,
    reslice,
    unshear,
)


def slices_of(folder: Path) -> list[Dataset]:
    """Read every image with a place in the patient below `folder`."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    found = [pydicom.dcmread(file, force=True) for file in files]
    return [slice_ for slice_ in found if "ImagePositionPatient" in slice_]


def geometry_of(slices: Sequence[Dataset]) -> StackGeometry:
    return analyse(
        np.array([slice_.ImagePositionPatient for slice_ in slices], float),
        np.array([slice_.ImageOrientationPatient for slice_ in slices], float),
        [float(slice_.get("SliceThickness") or np.nan) for slice_ in slices],
    )


def stored_of(slices: Sequence[Dataset], geometry: StackGeometry) -> NDArray[np.int16]:
    return np.stack([slices[index].pixel_array for index in geometry.order])


@pytest.fixture(scope="module")
def tilted(test_data: Path) -> list[Dataset]:
    return slices_of(test_data / "ct_head" / "ge_tilt_infarct")


def test_tilt_and_spacings_of_the_ge_head(tilted: list[Dataset]) -> None:
    found = geometry_of(tilted)
    assert abs(found.tilt_deg) == pytest.approx(18.5, abs=0.005)
    assert found.swivel_deg == pytest.approx(0, abs=0.005)
    assert found.spacings_mm == pytest.approx([4.002] * 13 + [1.081] + [6.999] * 13, abs=0.001)
    assert found.shear_mm[-1, 0] == pytest.approx(-48.21, abs=0.01)
    assert found.overlaps == (13,)
    assert not found.gaps
    assert set(found.problems) == {
        StackProblem.TILTED,
        StackProblem.OVERLAP,
        StackProblem.UNEVEN_SPACING,
        StackProblem.MIXED_THICKNESS,
    }
    assert found.is_volume


def test_padding_of_the_ge_head_is_in_no_statistic(tilted: list[Dataset]) -> None:
    geometry = geometry_of(tilted)
    stored = stored_of(tilted, geometry)
    padding = padding_mask(stored, int(tilted[0].PixelPaddingValue))
    assert padding.mean() == pytest.approx(0.237, abs=0.001)
    hu = modality_values(
        stored, [Rescale(float(s.RescaleSlope), float(s.RescaleIntercept)) for s in tilted]
    )
    corner = np.zeros(hu.shape, bool)
    corner[:, :150, :150] = True
    assert region_statistics(hu, corner, ~padding).minimum > -1500
    assert region_statistics(hu, corner, ~padding).median == pytest.approx(-995, abs=5)


def test_the_ge_head_stands_upright_after_unshearing(tilted: list[Dataset]) -> None:
    """The skull's front and back lie over each other from slice to slice, as the table's do not."""
    geometry = geometry_of(tilted)
    stored = stored_of(tilted, geometry)
    spacing = np.array(tilted[0].PixelSpacing, float)
    upright = unshear(stored, geometry.shear_mm, spacing, valid=stored != -1500)
    assert upright.array.shape == (28, 512 + int(np.ceil(48.21 / spacing[0])), 512)
    assert set(np.unique(upright.array[~upright.valid])) == {-1024}
    assert upright.array[upright.valid].min() > -1500
    # In patient space nothing moved: voxels of both are found at the same place.
    k, i, j = 20, 300, 250
    source = i - (geometry.shear_mm[k, 0] - upright.origin_shift_mm[0]) / spacing[0]
    lower = int(np.floor(source))
    share = source - lower
    expected = (1 - share) * stored[k, lower, j] + share * stored[k, lower + 1, j]
    assert upright.array[k, i, j] == pytest.approx(expected, abs=0.51)
    evened = even(upright.array, geometry.positions_along_normal_mm, 2.0)
    assert not evened.invented.any()


def test_windows_of_the_ge_head_agree_with_pydicom(tilted: list[Dataset]) -> None:
    slice_ = tilted[12]
    hu = apply_modality_lut(slice_.pixel_array, slice_)
    low, high = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    theirs = (apply_windowing(hu, slice_) - low) / (high - low) * 255
    ours = display(slice_.pixel_array, Display(Rescale(1, 0), Window(35, 100)))
    assert np.abs(ours - theirs).max() <= 0.5 + 1e-2


def test_tilt_is_found_where_no_tag_tells_it(test_data: Path) -> None:
    slices = slices_of(test_data / "ct_geometry" / "tilt_4slices")
    assert not any("GantryDetectorTilt" in slice_ for slice_ in slices)
    found = geometry_of(slices)
    assert abs(found.tilt_deg) == pytest.approx(14.0, abs=0.005)
    assert found.spacings_mm == pytest.approx([4.8515] * 3, abs=0.001)


def test_the_missing_slice_is_found(test_data: Path) -> None:
    found = geometry_of(slices_of(test_data / "ct_geometry" / "missing_slice_4slices"))
    assert [(gap.missing, gap.extent_mm) for gap in found.gaps] == [(1, 10.0)]
    assert StackProblem.GAP in found.problems


def test_the_feet_first_chest_is_the_right_way_up(test_data: Path) -> None:
    slices = slices_of(test_data / "ct_body" / "chest_lidc_ffs")
    found = geometry_of(slices)
    heights = [float(slices[index].ImagePositionPatient[2]) for index in found.order]
    assert heights == sorted(heights)  # from the feet up, whatever the number or location says
    numbers = [int(slices[index].InstanceNumber) for index in found.order]
    assert numbers == sorted(numbers, reverse=True)
    assert found.is_uniform
    assert found.spacings_mm == pytest.approx([1.0] * 23, abs=1e-3)
    assert not found.problems
    # A coronal plane drawn head up shows the highest slice in its first row.
    stored = stored_of(slices, found)
    hu = modality_values(stored, Rescale(1, -1000), dtype="int16")
    spacing = np.array(slices[0].PixelSpacing, float)
    affine = found.affine(spacing)
    top = affine @ [23, 256, 0, 1]
    plane = Plane(top[:3], (1, 0, 0), (0, 0, -1), (1.0, spacing[1]), (24, 512))
    assert np.abs(reslice(hu, affine, plane) - hu[::-1, 256]).max() <= 1e-3


def test_the_contrast_abdomen_overlaps_evenly(test_data: Path) -> None:
    found = geometry_of(slices_of(test_data / "ct_body" / "abdomen_j2k_empty_uids"))
    assert found.is_uniform
    assert found.problems == (StackProblem.OVERLAP,)


def test_one_slice_in_each_of_three_planes_is_no_volume(test_data: Path) -> None:
    slices = slices_of(test_data / "ct_body" / "chest_prior_current_3planes")
    found = geometry_of(slices)
    assert StackProblem.ORIENTATION_MIXED in found.problems
    assert not found.is_volume


def test_the_philips_brain_is_even_and_its_scout_set_apart(test_data: Path) -> None:
    study = test_data / "ct_head" / "philips_phantom_study"
    brain, scout = slices_of(study / "S2010"), slices_of(study / "S1000")
    found = geometry_of(brain)
    assert found.is_uniform
    assert found.spacings_mm == pytest.approx([5.0] * 27, abs=1e-3)
    mixed = geometry_of(brain + scout)
    assert mixed.excluded == (28,)
    assert not mixed.is_volume


def test_coronal_slices_are_ordered_along_their_own_normal(test_data: Path) -> None:
    found = geometry_of(slices_of(test_data / "modalities" / "mr_series16"))
    assert found.is_uniform
    assert found.spacings_mm == pytest.approx([2.0] * 15, abs=1e-3)
    assert abs(found.normal[1]) > 0.9
