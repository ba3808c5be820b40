"""Deconvolution is its formulas, and agrees with library decompositions."""

import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray

from kernels.bolus import Bolus
from kernels.perfusion import METHODS, deconvolve
from kernels.perfusion.deconvolution import (
    OSCILLATION,
    OSCILLATION_THRESHOLDS,
    circulant_inverse,
    toeplitz_inverse,
)
from tests.kernels.arrays import guises
from tests.naive import perfusion as naive

TIMES = np.arange(28.0)
BOLUS = Bolus(arrival_s=4.0)
ARTERY = BOLUS.arterial_hu(TIMES)


def curves(seed: int, count: int = 60, noise: float = 0.7) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    tissue = [
        BOLUS.tissue_hu(
            TIMES,
            generator.uniform(5, 80),
            generator.uniform(3, 12),
            generator.uniform(-3, 6),
            generator.choice(["exponential", "linear", "box"]),
        )
        for _ in range(count)
    ]
    return np.array(tissue) + noise * generator.standard_normal((count, len(TIMES)))


@pytest.mark.parametrize("share", [0.02, 0.15, 0.6])
def test_the_circulant_inverse_is_that_of_a_library(share: float) -> None:
    padded = np.concatenate([ARTERY, np.zeros_like(ARTERY)])
    matrix = scipy.linalg.circulant(padded) * 1.5
    expected = np.linalg.pinv(matrix, rcond=share)[:, : len(ARTERY)]
    assert np.allclose(circulant_inverse(ARTERY, 1.5, share), expected, atol=1e-12)


@pytest.mark.parametrize("share", [0.02, 0.15, 0.6])
def test_the_fading_inverse_is_a_library_filter(share: float) -> None:
    # |A|^2 conj(A) / (|A|^4 + t^4): the minimiser of |A k - c|^2 + t^4 |A^-1 k|^2.
    padded = np.concatenate([ARTERY, np.zeros_like(ARTERY)])
    matrix = scipy.linalg.circulant(padded) * 1.5
    level = share * np.linalg.norm(matrix, 2)
    square = matrix.T @ matrix
    response = scipy.linalg.solve(
        square @ square + level**4 * np.eye(len(matrix)), square @ matrix.T, assume_a="pos"
    )[:, : len(ARTERY)]
    found = circulant_inverse(ARTERY, 1.5, share, fades=True)
    assert np.allclose(found, response, atol=1e-9)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.6])
def test_the_triangular_inverse_is_that_of_a_library(share: float) -> None:
    matrix = scipy.linalg.toeplitz(ARTERY, np.zeros_like(ARTERY)) * 1.5
    expected = np.linalg.pinv(matrix, rcond=share)
    assert np.allclose(toeplitz_inverse(ARTERY, 1.5, share), expected, atol=1e-12)


@pytest.mark.parametrize(("method", "share"), [("ssvd", 0.2), ("bsvd", 0.15), ("bsvd", 0.4)])
def test_fixed_thresholds_are_their_formula(method: str, share: float) -> None:
    found = deconvolve(curves(1), ARTERY, 1.0, method, threshold=share)
    for voxel, curve in enumerate(curves(1)):
        if method == "ssvd":
            residue = naive.truncated_solution(naive.triangular(ARTERY, 1.0), curve, share)
            flow, lag = naive.peak(residue, len(TIMES), 0)
        else:
            padded = np.concatenate([curve, np.zeros_like(curve)])
            residue = naive.truncated_solution(naive.circulant(ARTERY, 1.0), padded, share)
            flow, lag = naive.peak(residue, len(TIMES), 15)
        assert found.flow_per_s[voxel] == pytest.approx(flow, rel=1e-4)
        assert found.tmax_s[voxel] == pytest.approx(lag, abs=2e-3)


@pytest.mark.parametrize("noise", [0.0, 0.7, 3.0])
def test_the_least_threshold_that_is_calm_is_chosen(noise: float) -> None:
    measured = curves(2, noise=noise)
    found = deconvolve(measured, ARTERY)
    matrix = naive.circulant(ARTERY, 1.0)
    for voxel, curve in enumerate(measured):
        padded = np.concatenate([curve, np.zeros_like(curve)])
        residue, share = naive.optimal_solution(
            matrix, padded, list(OSCILLATION_THRESHOLDS), OSCILLATION
        )
        flow, lag = naive.peak(residue, len(TIMES), 15)
        assert found.threshold[voxel] == pytest.approx(share)
        assert found.flow_per_s[voxel] == pytest.approx(flow, rel=1e-4)
        assert found.tmax_s[voxel] == pytest.approx(lag, abs=2e-3)


def test_a_delay_only_shifts_a_circulant_result() -> None:
    times = np.arange(60.0)
    artery = BOLUS.arterial_hu(times)

    def delayed(seconds: float) -> NDArray[np.float64]:
        return BOLUS.tissue_hu(times, 60, 3, seconds)[None]

    for method in ("bsvd", "osvd"):
        now, later = (deconvolve(delayed(each), artery, 1.0, method) for each in (0, 5))
        assert later.flow_per_s[0] == pytest.approx(now.flow_per_s[0], rel=0.01)
        assert later.tmax_s[0] - now.tmax_s[0] == pytest.approx(5, abs=0.02)
    now, later = (deconvolve(delayed(each), artery, 1.0, "ssvd") for each in (0, 5))
    assert later.flow_per_s[0] < 0.9 * now.flow_per_s[0]  # the reason for the others


@pytest.mark.parametrize("method", METHODS)
def test_the_interval_is_in_the_flow(method: str) -> None:
    # Flow is per second: samples said to be 2 s apart halve it and double Tmax.
    one = deconvolve(curves(3), ARTERY, 1.0, method, threshold=0.2)
    two = deconvolve(curves(3), ARTERY, 2.0, method, threshold=0.2)
    assert np.allclose(two.flow_per_s, one.flow_per_s / 2, rtol=1e-4)
    assert np.allclose(two.tmax_s, one.tmax_s * 2, atol=1e-2)


def test_silent_curves_have_no_flow() -> None:
    found = deconvolve(np.zeros((5, len(TIMES))), ARTERY)
    assert not found.flow_per_s.any()
    assert not found.tmax_s.any()


def test_no_curves_are_no_error() -> None:
    assert deconvolve(np.zeros((0, len(TIMES))), ARTERY).flow_per_s.shape == (0,)


def test_blocks_do_not_show() -> None:
    measured = np.tile(curves(4), (1200, 1))
    whole = deconvolve(measured, ARTERY)
    part = deconvolve(measured[:60], ARTERY)
    assert np.allclose(whole.flow_per_s.reshape(-1, 60), part.flow_per_s, rtol=1e-5)


def test_every_guise_gives_the_same() -> None:
    measured = curves(5, 8).astype(np.float32)
    expected = deconvolve(measured, ARTERY)
    for guise in guises(measured):
        assert np.array_equal(deconvolve(guise, ARTERY).tmax_s, expected.tmax_s)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"curves_hu": np.zeros(28)}, "curves_hu"),
        ({"arterial_hu": ARTERY[1:]}, "arterial_hu"),
        ({"arterial_hu": np.full(28, np.nan)}, "arterial_hu"),
        ({"arterial_hu": np.zeros(28)}, "arterial_hu"),
        ({"interval_s": 0}, "interval_s"),
        ({"method": "magic"}, "method"),
        ({"threshold": 1.0}, "threshold"),
        ({"threshold": -1}, "threshold"),
        ({"oscillation": 0}, "oscillation"),
    ],
)
def test_bad_input_is_named(change: dict[str, object], names: str) -> None:
    arguments = {"curves_hu": curves(6), "arterial_hu": ARTERY} | change
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        deconvolve(**arguments)
