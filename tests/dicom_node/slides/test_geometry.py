"""Pixels to millimetres, against highdicom and against the trap of half a pixel."""

import numpy as np
import pytest
from highdicom.spatial import ImageToReferenceTransformer
from pydicom import dcmread

from dicom_node.archive import Archive
from dicom_node.slides import SlideGeometry
from tests.dicom_node.slides.glass import Glass, put, slide_of, stored_file

CORNERS = np.array([[0.0, 0.0], [0.5, 0.5], [40.0, 24.0], [17.25, 3.75]])


@pytest.mark.parametrize(
    "orientation",
    [
        [0.0, -1.0, 0.0, -1.0, 0.0, 0.0],
        [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0],
        [0.8, 0.6, 0.0, -0.6, 0.8, 0.0],
    ],
)
def test_highdicom_finds_the_same_places(archive: Archive, orientation: list[float]) -> None:
    glass = Glass()
    dataset = glass.level(ImageOrientationSlide=orientation)
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = [0.0007, 0.0005]
    put(archive, dataset)
    affine = np.array(slide_of(archive, glass).facts["to_slide_mm"])
    theirs = ImageToReferenceTransformer.for_image(
        dcmread(stored_file(archive, dataset)), for_total_pixel_matrix=True
    )
    ours = CORNERS @ affine[:, :2].T + affine[:, 2]
    # Theirs counts from the centre of the first pixel's corner likewise: 0.5 is its middle.
    np.testing.assert_allclose(ours, theirs(CORNERS)[:, :2], atol=1e-9)


def test_the_origin_is_the_centre_of_the_first_pixel() -> None:
    geometry = SlideGeometry((0.0005, 0.0005), (25.0, 50.0))
    np.testing.assert_allclose(
        geometry.to_slide_mm(np.array([[0.5, 0.5], [0.0, 0.0]])),
        [[25.0, 50.0], [25.00025, 50.00025]],
        atol=1e-12,
    )


def test_there_and_back_is_where_it_was() -> None:
    geometry = SlideGeometry((0.00025, 0.00026), (12.3, 45.6), (0.6, -0.8, 0.0, -0.8, -0.6, 0.0))
    pixels = np.random.default_rng(1).uniform(0, 100_000, (1000, 2))
    back = geometry.to_pixels(geometry.to_slide_mm(pixels))
    # 0.01 micrometres are 0.04 pixels; this is far below.
    assert np.abs(back - pixels).max() < 1e-6


def test_the_half_pixel_trap(archive: Archive) -> None:
    """All levels claim one origin; only level 0 is believed, and levels are laid by corners."""
    glass = Glass()
    put(
        archive,
        glass.level(128, 64),
        glass.level(32, 16, spacing=0.002, InstanceNumber=2),
    )
    facts = slide_of(archive, glass).facts
    small = facts["levels"][1]
    assert small["downsample"] == [4.0, 4.0]
    affine = np.array(facts["to_slide_mm"])
    corner = affine[:, 2]
    # The small level's first pixel has its centre 2 pixels of level 0 from the corner ...
    centre = affine[:, :2] @ (0.5 * np.array(small["downsample"])) + corner
    # ... although its header puts that centre where level 0's first pixel has its own.
    trap = SlideGeometry((0.002, 0.002), (25.0, 50.0)).to_slide_mm(np.array([[0.5, 0.5]]))[0]
    np.testing.assert_allclose(np.abs(centre - trap), 0.5 * (4 - 1) * 0.0005, atol=1e-12)


def test_scale_and_power_are_told(archive: Archive) -> None:
    glass = Glass()
    dataset = glass.level(spacing=0.00025)
    put(archive, dataset)
    facts = slide_of(archive, glass).facts
    assert facts["mpp"] == [0.25, 0.25]
    assert facts["objective_power"] == 40.0


def test_no_scale_is_said_in_words(archive: Archive) -> None:
    glass = Glass()
    put(archive, glass.level(SharedFunctionalGroupsSequence=None))
    facts = slide_of(archive, glass).facts
    assert facts["mpp"] is None
    assert facts["objective_power"] is None
    assert any("how large a pixel is" in one["en"] for one in facts["problems"])
