"""Stains, against scikit-image, torchstain and twins."""

import numpy as np
import pytest
import skimage.color
from torchstain.numpy.normalizers import NumpyMacenkoNormalizer

from benchmarks.scenes import slide_tile
from kernels import (
    HAEMATOXYLIN_EOSIN_DAB,
    fit_macenko,
    normalise_macenko,
    normalise_reinhard,
    optical_density,
    reinhard_statistics,
    separate_stains,
)
from kernels.macenko import percentile
from tests.kernels.arrays import guises
from tests.naive import slides as naive

RANDOM = np.random.default_rng(17)
NOISE = RANDOM.integers(0, 256, (13, 11, 3)).astype(np.uint8)


def test_separation_agrees_with_the_twin_and_scikit_image() -> None:
    found = separate_stains(NOISE)
    for pixel, amounts in zip(NOISE.reshape(-1, 3), found.reshape(-1, 3), strict=True):
        assert np.allclose(amounts, naive.unmixed(pixel, HAEMATOXYLIN_EOSIN_DAB), atol=2e-5)
    assert np.abs(found - 6 * skimage.color.rgb2hed(NOISE)).max() <= 1e-3
    for guise in guises(NOISE):
        assert np.array_equal(separate_stains(guise), found)


def test_other_stains_and_optical_density() -> None:
    stains = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.6, 0.1, 0.8]])
    found = separate_stains(NOISE, stains)
    assert np.allclose(found[2, 3], naive.unmixed(NOISE[2, 3], stains), atol=2e-5)
    density = optical_density(NOISE)
    assert density[0, 0, 0] == pytest.approx(-np.log10(max(NOISE[0, 0, 0] / 255, 1e-6)), rel=1e-6)
    assert optical_density(np.zeros((1, 1, 3), np.uint8)).max() == 6


def test_macenko_agrees_with_torchstain() -> None:
    tile = slide_tile(512)
    theirs = NumpyMacenkoNormalizer().normalize(tile, stains=False)[0].astype(float)
    ours = normalise_macenko(tile)
    assert np.abs(ours - theirs).mean() <= 2
    assert np.abs(ours - theirs).max() <= 6
    for guise in guises(tile[:200]):
        assert np.array_equal(normalise_macenko(guise), normalise_macenko(tile[:200]))


def test_a_slide_normalised_by_its_own_fit_stays_itself() -> None:
    tile = slide_tile(512)
    fit = fit_macenko(tile)
    same = normalise_macenko(tile, fit, fit).astype(int)
    stained = (tile < 200).any(axis=2)
    assert np.abs(same - tile)[stained].mean() <= 2
    assert np.allclose(np.linalg.norm(fit.stains, axis=1), 1)
    haematoxylin = np.array([0.5626, 0.7201, 0.4062])
    assert fit.stains[0] @ haematoxylin > 0.98


def test_tiles_of_one_slide_change_alike() -> None:
    tile = slide_tile(512)
    fit = fit_macenko(tile)
    whole = normalise_macenko(tile, fit)
    assert np.array_equal(normalise_macenko(tile[100:200, 50:90], fit), whole[100:200, 50:90])


def test_reinhard_agrees_with_scikit_images_colour_space() -> None:
    tile, like = slide_tile(256), slide_tile(256, seed=9)
    lab = skimage.color.rgb2lab(tile)
    statistics = reinhard_statistics(tile)
    assert np.allclose(statistics[0], lab.reshape(-1, 3).mean(axis=0), atol=0.01)
    assert np.allclose(statistics[1], lab.reshape(-1, 3).std(axis=0), atol=0.01)
    wanted = reinhard_statistics(like)
    moved = (lab - statistics[0]) / statistics[1] * wanted[1] + wanted[0]
    theirs = np.floor(np.clip(skimage.color.lab2rgb(moved), 0, 1) * 255 + 0.5)
    assert np.abs(normalise_reinhard(tile, wanted) - theirs).max() <= 1
    assert np.abs(normalise_reinhard(tile, statistics).astype(int) - tile).max() <= 1


def test_a_picture_of_one_colour_survives_reinhard() -> None:
    flat = np.full((3, 3, 3), 180, np.uint8)
    found = normalise_reinhard(flat, reinhard_statistics(slide_tile(64)))
    assert len(np.unique(found.reshape(-1, 3), axis=0)) == 1


def test_empty_and_one_pixel() -> None:
    assert separate_stains(np.zeros((0, 4, 3), np.uint8)).shape == (0, 4, 3)
    assert separate_stains(np.full((1, 1, 3), 255, np.uint8)).tolist() == [[[0, 0, 0]]]
    assert normalise_reinhard(np.zeros((0, 4, 3), np.uint8), np.ones((2, 3))).shape == (0, 4, 3)


WHITE = np.full((30, 30, 3), 255, np.uint8)
PINK = np.full((30, 30, 3), [200, 100, 150], np.uint8)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: separate_stains(np.zeros((4, 4, 3))), "rgb"),
        (lambda: separate_stains(WHITE, np.ones((3, 3))), "stains"),
        (lambda: separate_stains(WHITE, np.full((3, 3), np.nan)), "stains"),
        (lambda: fit_macenko(WHITE), "rgb"),
        (lambda: fit_macenko(PINK), "rgb"),
        (lambda: fit_macenko(np.zeros((0, 0, 3), np.uint8)), "rgb"),
        (lambda: normalise_macenko(WHITE), "rgb"),
        (lambda: reinhard_statistics(np.zeros((0, 0, 3), np.uint8)), "rgb"),
        (lambda: normalise_reinhard(PINK, [1, 2, 3]), "reference"),
        (lambda: normalise_reinhard(PINK, np.full((2, 3), np.inf)), "reference"),
    ],
)
def test_bad_input_is_named(call, names: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        call()


@pytest.mark.parametrize("count", [1, 2, 3, 100, 1001])
@pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
def test_a_percentile_is_numpys(count: int, percent: float) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert percentile(values, percent) == pytest.approx(np.percentile(values, percent), abs=1e-12)
