"""A digital perfusion phantom after Kudo et al. (2013): every flow, volume, transit and delay.

One section holds one residue function and one blood volume: 7 x 7 tiles, whose columns are the
mean transit times and whose rows are the delays. The formulas are exact (`kernels.bolus`); the
published file is not used, so its arrival, sampling and noise are not claimed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array, number, positive, room, whole
from kernels.bolus import RESIDUES, Bolus

__all__ = ["PerfusionPhantom", "perfusion_phantom"]

MTT_S = (24.0, 12.0, 8.0, 6.0, 4.8, 4.0, 3.4)
CBV_ML_100G = (1.0, 2.0, 3.0, 4.0, 5.0)
BASELINE_HU = 35.0


@dataclass(frozen=True)
class PerfusionPhantom:
    """Noisy sections and what is true of each tile.

    Attributes
    ----------
    hu : (times, 15, 7 tile, 7 tile) float32
        Sections: exponential, linear, box; in each the blood volumes rise.
    times_s : (times, 15) float64
        When each section was taken.
    bolus : Bolus
        The arterial curve, which is in no section.
    cbf_ml_100g_min, cbv_ml_100g, mtt_s, delay_s : (15, 7, 7) float64
        Of each tile.
    tile : int
        Edge of a tile in pixels.
    """

    hu: NDArray[np.float32]
    times_s: NDArray[np.float64]
    bolus: Bolus
    cbf_ml_100g_min: NDArray[np.float64]
    cbv_ml_100g: NDArray[np.float64]
    mtt_s: NDArray[np.float64]
    delay_s: NDArray[np.float64]
    tile: int

    def tile_means(self, picture: ArrayLike) -> NDArray[np.float64]:
        """Average a (15, rows, columns) map over each tile: (15, 7, 7)."""
        found = np.asarray(picture, np.float64)
        return np.asarray(found.reshape(15, 7, self.tile, 7, self.tile).mean(axis=(2, 4)))


def perfusion_phantom(
    times_s: ArrayLike | None = None,
    delays_s: Sequence[float] = (-3, -2, -1, 0, 1, 2, 3),
    noise_hu: float = 0.0,
    tile: int = 16,
    seed: int = 0,
    bolus: Bolus | None = None,
) -> PerfusionPhantom:
    """Make the phantom.

    Parameters
    ----------
    times_s : (times,) or (times, 15), optional
        Of all sections, or of each; 0 to 59 s by default.
    delays_s : 7 numbers
        The published phantom has 0 to 3 s by halves; negative ones are the harder test.
    noise_hu : float
        Standard deviation of independent Gaussian noise, as it is left after smoothing.

    Raises
    ------
    ValueError
        An argument has the wrong shape or range.
    """
    sections = len(RESIDUES) * len(CBV_ML_100G)
    times = np.arange(60.0) if times_s is None else np.asarray(times_s, np.float64)
    if times.ndim == 1:
        times = np.repeat(times[:, None], sections, axis=1)
    times = finite_array("times_s", times, (None, sections))
    delays = finite_array("delays_s", delays_s, (7,))
    if not 0 <= number("noise_hu", noise_hu) <= 100:
        raise ValueError(f"noise_hu is {noise_hu!r}; expected 0 to 100")
    edge = 7 * whole("tile", tile, 1)
    shape = room("shape", (len(times), sections, edge, edge), 4)
    bolus = bolus or Bolus()

    hu = np.empty(shape, np.float32)
    cbv = np.empty((sections, 7, 7))
    for section in range(sections):
        residue = RESIDUES[section // len(CBV_ML_100G)]
        cbv[section] = CBV_ML_100G[section % len(CBV_ML_100G)]
        for row, delay in enumerate(delays):
            for column, mtt in enumerate(MTT_S):
                flow = 60 * cbv[section, 0, 0] / mtt
                curve = bolus.tissue_hu(times[:, section], flow, mtt, float(delay), residue)
                place = np.s_[:, section, row * tile : (row + 1) * tile]
                hu[place][:, :, column * tile : (column + 1) * tile] = (BASELINE_HU + curve)[
                    :, None, None
                ]
    generator = np.random.default_rng(whole("seed", seed, 0))
    if noise_hu:
        hu += positive("noise_hu", noise_hu) * generator.standard_normal(shape, np.float32)
    mtts = np.broadcast_to(np.asarray(MTT_S), cbv.shape).copy()
    return PerfusionPhantom(
        hu=hu,
        times_s=times,
        bolus=bolus,
        cbf_ml_100g_min=60 * cbv / mtts,
        cbv_ml_100g=cbv,
        mtt_s=mtts,
        delay_s=np.broadcast_to(delays[:, None], cbv.shape).copy(),
        tile=tile,
    )
