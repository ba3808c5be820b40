"""The digital phantom is its formulas; deconvolution meets the published class on it.

Bars are those of the digital phantom study of Kudo et al. (doi:10.1148/radiol.12112618) and of
the best packages on it (doi:10.1007/s00234-013-1237-7); seeds here are not the ones tuned on.
"""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad

from kernels import PerfusionPhantom, perfusion_phantom
from kernels.bolus import RESIDUES, Bolus
from kernels.perfusion import deconvolve
from kernels.perfusion.curves import on_one_clock
from kernels.perfusion.maps import measure_curves
from tests.naive.perfusion import agreement


@pytest.mark.parametrize("residue", RESIDUES)
@pytest.mark.parametrize("mtt", [1.5, 1.502, 3.4, 24.0])
def test_tissue_is_the_convolution_integral(residue: str, mtt: float) -> None:
    bolus = Bolus()
    left = {
        "exponential": lambda t: np.exp(-t / mtt),
        "linear": lambda t: max(1 - t / (2 * mtt), 0),
        "box": lambda t: float(t < mtt),
    }[residue]
    for t in (9.0, 13.5, 30.0, 55.0):
        corners = [at for at in (t - mtt, t - 2 * mtt) if 8 < at < t]

        def product(s: float, t: float = t) -> float:
            return float(bolus.arterial_hu(s)) * left(t - s)

        expected, _ = quad(product, 8, t, points=corners or None)
        found = float(bolus.tissue_hu(t + 2.5, 60, mtt, 2.5, residue))
        assert found == pytest.approx(expected * 60 / 6000, rel=1e-4, abs=1e-9)


def test_the_bolus_is_the_published_one() -> None:
    bolus = Bolus()
    assert bolus.height == pytest.approx(66.125, abs=1e-3)
    assert bolus.area_hu_s == pytest.approx(2008.55, abs=0.01)
    assert bolus.arterial_hu(12.5) == pytest.approx(300)
    assert not bolus.arterial_hu(8.0)


def test_sections_hold_every_flow() -> None:
    phantom = perfusion_phantom(noise_hu=1.0, tile=24, seed=3)
    assert phantom.hu.shape == (60, 15, 168, 168)
    assert phantom.cbf_ml_100g_min.min() == pytest.approx(2.5)
    assert phantom.cbf_ml_100g_min.max() == pytest.approx(88.2, abs=0.1)
    means = phantom.tile_means(phantom.hu[20])
    for section, row, column in ((0, 0, 0), (7, 3, 5), (14, 6, 6)):
        truth = phantom.bolus.tissue_hu(
            20.0,
            phantom.cbf_ml_100g_min[section, row, column],
            phantom.mtt_s[section, row, column],
            phantom.delay_s[section, row, column],
            RESIDUES[section // 5],
        )
        assert means[section, row, column] == pytest.approx(35 + float(truth), abs=0.2)
    assert phantom.hu[0].std() == pytest.approx(1.0, abs=0.01)


class Measured:
    """What the maps' own arithmetic makes of a phantom, beside the truth."""

    def __init__(self, phantom: PerfusionPhantom, method: str = "osvd") -> None:
        times = phantom.times_s
        clock = np.arange(times.min(), times.max(axis=0).min() + 1e-6, 1.0)
        taken = np.ones(times.shape, np.bool_)
        pixels = phantom.hu[0, 0].size
        curves = np.moveaxis(phantom.hu - np.float32(35), 0, -1).reshape(15 * pixels, -1)
        bounds = np.arange(16) * pixels
        curves = on_one_clock(np.ascontiguousarray(curves), bounds, times, taken, clock)
        artery = phantom.bolus.arterial_hu(times[:, 0])[None].astype(np.float32)
        artery = on_one_clock(artery, np.array([0, 1]), times[:, :1], taken[:, :1], clock)[0]
        noise = float(np.median(curves[:, :5].std(axis=1, ddof=1)))
        found = measure_curves(curves, artery, 1.0, noise, method, tissue_factor=1.0)

        def means(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return phantom.tile_means(values.reshape(phantom.hu.shape[1:]))

        flow = means(found.cbf_ml_100g_min)
        self.cbf = agreement(flow, phantom.cbf_ml_100g_min)
        self.cbv = agreement(means(found.cbv_ml_100g), phantom.cbv_ml_100g)
        self.mtt = agreement(means(found.mtt_s), phantom.mtt_s)
        self.delay_dependence = float(np.median(np.ptp(flow, axis=1) / flow.mean(axis=1)))
        tmax = means(found.tmax_s)
        delays = phantom.delay_s[:, :, :1] - phantom.delay_s.mean()
        self.slope = float(np.median((tmax * delays).sum(axis=1) / (delays**2).sum(axis=1)))


@pytest.mark.parametrize("bolus", [Bolus(), Bolus(9.5, 1.8, 260.0)], ids=["high", "low and broad"])
def test_without_noise(bolus: Bolus) -> None:
    """C1."""
    phantom = perfusion_phantom(tile=1, bolus=bolus)
    found = Measured(phantom)
    assert found.cbf[0] >= 0.94
    assert found.cbf[1] >= 0.92
    assert min(found.cbv) >= 0.99
    assert min(found.mtt) >= 0.97
    assert found.delay_dependence <= 0.02
    assert found.slope == pytest.approx(1, abs=0.02)
    assert Measured(phantom, "ssvd").delay_dependence > 0.5  # else this test could not fail


@pytest.mark.parametrize("seed", [101, 102])
def test_with_noise(seed: int) -> None:
    """C2."""
    found = Measured(perfusion_phantom(noise_hu=1.0, seed=seed))
    assert found.cbf[0] >= 0.91
    assert found.cbv[0] >= 0.97
    assert found.mtt[0] >= 0.91
    assert found.mtt[1] >= 0.82
    assert found.delay_dependence <= 0.10
    assert found.slope == pytest.approx(1, abs=0.10)


JITTERED = np.arange(0, 60, 1.5)[:, None] + np.random.default_rng(5).uniform(0, 1.5, 15)


@pytest.mark.parametrize(
    ("times", "mtt", "icc"),
    [
        (np.arange(0, 60, 1.5), 0.88, 0.77),
        (JITTERED, 0.88, 0.77),
        (np.arange(0, 45, 1.5), 0.88, 0.77),
        (np.arange(0, 60, 2.0), 0.86, 0.74),
        (np.arange(0, 70, 2.0), 0.86, 0.74),
    ],
    ids=["1.5 s", "shuttle", "1.5 s for 45 s", "2 s", "2 s for 70 s"],
)
def test_other_sampling(times: NDArray[np.float64], mtt: float, icc: float) -> None:
    """C3."""
    found = Measured(perfusion_phantom(times, noise_hu=1.0, seed=103))
    assert found.cbf[0] >= 0.90
    assert found.cbv[0] >= 0.97
    assert found.mtt[0] >= mtt
    assert found.mtt[1] >= icc
    assert found.slope == pytest.approx(1, abs=0.10)
    clean = Measured(perfusion_phantom(times, tile=1))
    assert clean.cbf[0] >= 0.94
    assert clean.cbv[0] >= 0.98
    assert clean.mtt[0] >= 0.97
    assert clean.delay_dependence <= 0.02


def test_native_two_seconds_break_the_oscillation_bound() -> None:
    # Why everything is put on a clock of 1 s first.
    times = np.arange(0, 60, 2.0)
    phantom = perfusion_phantom(times, tile=1)
    curves = np.moveaxis(phantom.hu[:, :, :, :] - np.float32(35), 0, -1).reshape(735, -1)
    native = deconvolve(curves, phantom.bolus.arterial_hu(times), 2.0)
    flow = phantom.cbf_ml_100g_min.reshape(-1)
    assert agreement(6000 * native.flow_per_s, flow)[0] < 0.85


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"times_s": np.zeros((5, 3))}, "times_s"),
        ({"delays_s": (0, 1)}, "delays_s"),
        ({"noise_hu": -1}, "noise_hu"),
        ({"tile": 0}, "tile"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_input_is_named(change: dict[str, object], names: str) -> None:
    with pytest.raises(ValueError, match=rf"^{names} .*expected"):
        perfusion_phantom(**change)
