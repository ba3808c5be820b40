"""What one instance says of itself."""

import pytest

from dicom_node.archive import Archive
from dicom_node.errors import CannotDecode
from tests.dicom_node.slides.glass import Glass, image_of, put


def test_spacing_is_from_row_to_row_first(archive: Archive) -> None:
    dataset = Glass().level()
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = [0.0007, 0.0005]  # from row to row, from column to column
    put(archive, dataset)
    assert image_of(archive, dataset).spacing_mm == (0.0005, 0.0007)


def test_without_spacing_the_imaged_volume_tells(archive: Archive) -> None:
    dataset = Glass().level(
        SharedFunctionalGroupsSequence=None, ImagedVolumeWidth=0.04, ImagedVolumeHeight=0.012
    )
    put(archive, dataset)
    assert image_of(archive, dataset).spacing_mm == pytest.approx((0.001, 0.0005))


def test_more_tiles_than_any_slide_has_are_refused(archive: Archive) -> None:
    for claim in (
        {"TotalPixelMatrixColumns": 2**31 - 1, "TotalPixelMatrixRows": 2**31 - 1},
        {"TotalPixelMatrixFocalPlanes": 2**31 - 1},
    ):
        dataset = Glass().level(**claim)
        put(archive, dataset)
        with pytest.raises(CannotDecode):
            image_of(archive, dataset)


def test_paths_that_have_no_frames_are_not_counted(archive: Archive) -> None:
    """A label's header may list the three channels of the scan."""
    label = Glass().level(16, 8, paths=("a", "b", "c"), frames=slice(0, 1), role="LABEL")
    channels = Glass().level(paths=("a", "b", "c"))
    part = Glass().level(paths=("a", "b"), frames=slice(0, 3), ConcatenationUID="1.2.3")
    put(archive, label, channels, part)
    assert image_of(archive, label).path_ids == ("a",)
    assert image_of(archive, channels).path_ids == ("a", "b", "c")
    assert image_of(archive, part).path_ids == ("a", "b")  # the others' frames are in other parts
