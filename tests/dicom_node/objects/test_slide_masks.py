"""Masks of slides come back as outlines, whoever wrote them and however they are tiled."""

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy import ndimage
from skimage.measure import find_contours

from dicom_node.objects import mask_outlines, slide_masks
from dicom_node.objects.mask_outlines import outlines_of
from dicom_node.objects.slide_masks import TooLargeMask, read_slide_masks
from dicom_node.objects.slide_space import slide_geometry
from kernels import polygon_mask
from tests.dicom_node.objects.masks import highdicom_masks

TILE = 96


def blobs(shape: tuple[int, int], seed: int = 3) -> NDArray[np.bool_]:
    noise = np.random.default_rng(seed).normal(size=shape)
    return np.asarray(ndimage.gaussian_filter(noise, 9) > 0.005)


def tiled(mask: NDArray[np.bool_]) -> list[tuple[int, int, NDArray[np.bool_]]]:
    rows, columns = mask.shape
    return [
        (row, column, mask[row : row + TILE, column : column + TILE])
        for row in range(0, rows, TILE)
        for column in range(0, columns, TILE)
    ]


def painted(regions: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Regions with their holes, filled by the even-odd rule."""
    mask = np.zeros(shape, np.bool_)
    for rings in regions:
        one = np.zeros(shape, np.bool_)
        for ring in rings:
            one ^= polygon_mask(ring[:, ::-1] - 0.5, shape)
        mask |= one
    return mask


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_outlines_fill_to_the_mask_they_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = blobs((420, 530))
    regions = outlines_of(tiled(mask), 530)
    _, count = ndimage.label(mask)
    assert len(regions) == count
    assert any(len(rings) > 1 for rings in regions), "holes are holes of somebody"
    assert overlap(painted(regions, mask.shape), mask) > 0.98
    # every corner kept: the very pixels
    monkeypatch.setattr(mask_outlines, "TOLERANCE", 0.0)
    assert np.array_equal(painted(outlines_of(tiled(mask), 530), mask.shape), mask)


def test_outlines_are_those_of_marching_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_outlines, "TOLERANCE", 0.0)
    mask = blobs((210, 190), seed=8)
    ours = [ring for rings in outlines_of(tiled(mask), 190) for ring in rings]
    theirs = find_contours(np.pad(mask, 1).astype(float), 0.5, fully_connected="low")
    assert len(ours) == len(theirs)
    # their pixel centres are whole numbers, and the padding moved them by one
    places = {tuple(point) for ring in theirs for point in (ring[:, ::-1] - 0.5).tolist()}
    assert {tuple(point) for ring in ours for point in ring.tolist()} <= places


def test_corners_keep_apart_and_tiles_do_not() -> None:
    diagonal = np.eye(2, dtype=bool)
    assert len(outlines_of([(0, 0, diagonal)], 2)) == 2
    halves = [(0, 0, np.ones((4, 3), bool)), (0, 3, np.ones((4, 3), bool))]
    ((ring,),) = outlines_of(halves, 6)
    # corners are cut by no more than the tolerance
    assert ring.min(axis=0) == pytest.approx([0, 0], abs=mask_outlines.TOLERANCE)
    assert ring.max(axis=0) == pytest.approx([6, 4], abs=mask_outlines.TOLERANCE)
    assert outlines_of([(0, 0, np.zeros((4, 4), bool))], 4) == []


def test_noise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(1).random((200, 200)) > 0.5
    for limit in ("MOST_EDGES", "MOST_RINGS"):
        with monkeypatch.context() as patched:
            patched.setattr(mask_outlines, limit, 100)
            with pytest.raises(ValueError):
                outlines_of([(0, 0, mask)], 200)


@pytest.fixture(scope="module")
def header(test_data: Path) -> Dataset:
    """A level of a real slide, 500 pixels and more."""
    (path,) = (test_data / "wsi/dicom_cmu1_pyramid").glob("level-1-*.dcm")
    return pydicom.dcmread(path)


def masks_of(header: Dataset) -> NDArray[np.bool_]:
    shape = header.TotalPixelMatrixRows, header.TotalPixelMatrixColumns
    return np.stack([blobs(shape, 1), blobs(shape, 2)], axis=-1)


@pytest.mark.parametrize(
    ("kind", "organisation"),
    [
        ("BINARY", "TILED_SPARSE"),
        ("BINARY", "TILED_FULL"),
        ("FRACTIONAL", "TILED_SPARSE"),
        ("LABELMAP", "TILED_SPARSE"),
        ("LABELMAP", "TILED_FULL"),
    ],
)
def test_every_kind_of_mask_is_read(header: Dataset, kind: str, organisation: str) -> None:
    masks = masks_of(header)
    labels = ["U", "Mô đệm"]
    if kind == "LABELMAP":
        masks[..., 1] &= ~masks[..., 0]
        pixels = (masks[..., 0] + 2 * masks[..., 1]).astype(np.uint8)
    elif organisation == "TILED_FULL":
        masks, labels = masks[..., :1], labels[:1]
        pixels = masks.astype(np.uint8)
    else:
        pixels = masks.astype(np.uint8)
    if kind == "FRACTIONAL":
        pixels = np.where(masks, 0.6, 0.4)
    made = highdicom_masks(
        header,
        pixels,
        labels,
        segmentation_type=kind,
        dimension_organization_type=organisation,
        omit_empty_frames=organisation == "TILED_SPARSE",
    )
    read = read_slide_masks(made)
    assert (read.width, read.height) == (masks.shape[1], masks.shape[0])
    assert read.frame_of_reference_uid == header.FrameOfReferenceUID
    assert header.SOPInstanceUID in read.images
    assert read.geometry.affine == pytest.approx(slide_geometry(header).affine)
    assert {one.colour for one in read.regions} == {"#c81e1e"}
    assert read.regions[0].type.value == "108369006"
    for number, label in enumerate(labels):
        rings = [one.rings for one in read.regions if one.label == label]
        assert overlap(painted(rings, masks.shape[:2]), masks[..., number]) > 0.97


def test_compressed_masks_are_read(header: Dataset) -> None:
    masks = masks_of(header)
    made = highdicom_masks(
        header,
        np.where(masks, 1.0, 0.0),
        ["U", "Mô đệm"],
        segmentation_type="FRACTIONAL",
        dimension_organization_type="TILED_SPARSE",
        transfer_syntax_uid=pydicom.uid.RLELossless,
    )
    rings = [one.rings for one in read_slide_masks(made).regions if one.label == "Mô đệm"]
    assert overlap(painted(rings, masks.shape[:2]), masks[..., 1]) > 0.97


def test_what_is_no_mask_of_a_slide_is_refused(
    header: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError):
        read_slide_masks(header)
    made = highdicom_masks(
        header, masks_of(header).astype(np.uint8), ["a", "b"], segmentation_type="BINARY"
    )
    group = made.PerFrameFunctionalGroupsSequence[3].PlanePositionSlideSequence[0]
    group.ColumnPositionInTotalImagePixelMatrix = 5
    with pytest.raises(ValueError, match="side by side"):
        read_slide_masks(made)
    monkeypatch.setattr(slide_masks, "MOST_PIXELS", 1000)
    with pytest.raises(TooLargeMask):
        read_slide_masks(made)


def test_highdicom_reads_the_same_matrix(header: Dataset) -> None:
    """The judge of where tiles lie is another reader."""
    masks = masks_of(header)
    made = highdicom_masks(header, masks.astype(np.uint8), ["a", "b"])
    matrix = highdicom.seg.Segmentation.from_dataset(made).get_total_pixel_matrix()
    for number, label in enumerate("ab"):
        rings = [one.rings for one in read_slide_masks(made).regions if one.label == label]
        assert overlap(painted(rings, masks.shape[:2]), matrix[..., number] > 0) > 0.97
