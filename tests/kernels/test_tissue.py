"""Tissue and focus."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.filters import threshold_otsu

from benchmarks.scenes import slide_tile
from kernels import focus_map, tissue_mask
from tests.kernels.arrays import guises
from tests.naive import slides as naive

RANDOM = np.random.default_rng(16)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10_000))
def test_tissue_agrees_with_the_twin(rows: int, columns: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(150, 256, (rows, columns, 3)).astype(np.uint8)
    values = [naive.chroma(pixel) for pixel in picture.reshape(-1, 3)]
    limit = naive.otsu(values)
    for guise in guises(picture):
        found = tissue_mask(guise)
        assert found.threshold == limit
        assert found.mask.ravel().tolist() == [value > limit for value in values]
        assert found.fraction == pytest.approx(found.mask.mean())


def test_tissue_agrees_with_scikit_image_and_opencv() -> None:
    picture = slide_tile(256)
    chroma = picture.max(axis=2) - picture.min(axis=2)
    found = tissue_mask(picture)
    assert found.threshold == threshold_otsu(chroma)
    assert found.threshold == cv2.threshold(chroma, 0, 1, cv2.THRESH_OTSU)[0]
    assert np.array_equal(found.mask, chroma > found.threshold)


def test_a_given_threshold_is_used_and_no_contrast_is_no_tissue() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0, 0] = [30, 0, 0]
    assert tissue_mask(picture, threshold=29).mask.tolist() == [[True, False], [False, False]]
    assert not tissue_mask(picture, threshold=30).mask.any()
    flat = np.full((5, 5, 3), [200, 100, 150], np.uint8)
    assert not tissue_mask(flat).mask.any()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3, 4, 7, 64]))
def test_focus_agrees_with_the_twin(rows: int, columns: int, block: int) -> None:
    picture = RANDOM.integers(0, 256, (rows, columns)).astype(np.uint8)
    assert np.allclose(focus_map(picture, block), naive.focus(picture, block), atol=1e-6)


def test_focus_agrees_with_scipy_at_full_contrast_and_any_guise() -> None:
    picture = (RANDOM.random((130, 3000)) > 0.5).astype(np.uint8) * 255
    edges = ndimage.laplace(picture.astype(np.int32))
    found = focus_map(picture, 3000)
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(edges.var(), rel=1e-12)
    for guise in guises(picture[:, :200]):
        assert np.allclose(focus_map(guise), naive.focus(picture[:, :200], 64))
    colour = np.dstack([picture, picture[::-1], picture])
    assert np.array_equal(focus_map(colour), focus_map(picture[::-1]))


def test_a_blurred_half_is_less_sharp() -> None:
    picture = slide_tile(512)[..., 1]
    blurred = picture.copy()
    blurred[:, 128:256] = cv2.GaussianBlur(picture, (0, 0), 3)[:, 128:256]
    found = focus_map(blurred)
    assert found[:, :2].min() > 3 * found[:, 2:4].max()


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_empty(shape: tuple[int, int]) -> None:
    assert focus_map(np.zeros(shape, np.uint8)).size == 0
    assert tissue_mask(np.zeros((*shape, 3), np.uint8)).mask.shape == shape


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: tissue_mask(np.zeros((4, 4), np.uint8)), "rgb"),
        (lambda: tissue_mask(np.zeros((4, 4, 4), np.uint8)), "rgb"),
        (lambda: tissue_mask(np.zeros((4, 4, 3))), "rgb"),
        (lambda: tissue_mask(np.zeros((4, 4, 3), np.uint8), 256), "threshold"),
        (lambda: focus_map(np.zeros((4, 4))), "grey"),
        (lambda: focus_map(np.zeros((4, 4, 2), np.uint8)), "grey"),
        (lambda: focus_map(np.zeros((4, 4), np.uint8), 0), "block"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()
