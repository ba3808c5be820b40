"""All frames at once are what each frame is alone."""

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from dicom_node.archive import Archive
from dicom_node.slides.extents import frame_extents
from tests.dicom_node.slides.glass import Glass, image_of, put, slide_of

SOME = [(0, 0, 2, 1), (0, 0, 0, 0), (0, 0, 1, 2), (0, 0, 2, 2)]


@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGBaseline8Bit])
def test_arrays_are_what_the_table_says(archive: Archive, syntax: str, fragments: int) -> None:
    dataset = Glass().level(syntax=syntax, fragments=fragments)
    put(archive, dataset)
    image = image_of(archive, dataset)
    extents = frame_extents(image.table, image.record)
    assert extents.is_there.all()
    for frame in range(9):
        told = image.table.fragments(frame)
        first, pieces = int(extents.first[frame]), int(extents.pieces[frame])
        assert pieces == len(told)
        mine = slice(first, first + pieces)
        pairs = zip(extents.offsets[mine].tolist(), extents.lengths[mine].tolist(), strict=True)
        assert tuple(pairs) == told
        assert int(extents.total[frame]) == sum(length for _, length in told)


def test_frames_that_were_cut_off_are_not_there(archive: Archive) -> None:
    dataset = Glass().level()
    dataset.PixelData = dataset.PixelData[: 8 * 16 * 3 * 5 + 6]
    put(archive, dataset)
    image = image_of(archive, dataset)
    extents = frame_extents(image.table, image.record)
    np.testing.assert_array_equal(extents.is_there, [True] * 5 + [False] * 4)
    with pytest.raises(IndexError):
        image.table.fragments(5)


def test_what_only_the_frames_tell_is_read_from_them(archive: Archive) -> None:
    """Pixel Measures may stand in every frame's own groups: then the whole header is read."""
    glass = Glass()
    dataset = glass.level(sparse=SOME)
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    del dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.PixelMeasuresSequence = measures
    put(archive, dataset)
    assert slide_of(archive, glass).facts["mpp"] == [0.5, 0.5]
