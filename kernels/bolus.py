"""A bolus of contrast in closed form: what goes in, and what any tissue answers.

The arterial curve is a gamma variate; the tissue curve is its convolution with one of three
residue functions. No step is numerical, so that a phantom is wrong only by the noise put into it.

References
----------
Kudo et al., Radiology 267:201 (2013), doi:10.1148/radiol.12112618, for the three residues.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import choice, positive

__all__ = ["RESIDUES", "Bolus"]

RESIDUES = ("exponential", "linear", "box")


@dataclass(frozen=True)
class Bolus:
    """The arterial curve ``A x**3 exp(-x / b)``, ``x`` seconds after arrival.

    Attributes
    ----------
    arrival_s : float
        When contrast comes to the artery.
    shape_s : float
        b: the peak is 3 b after the arrival.
    peak_hu : float
        Enhancement at the peak.
    """

    arrival_s: float = 8.0
    shape_s: float = 1.5
    peak_hu: float = 300.0

    def __post_init__(self) -> None:
        positive("shape_s", self.shape_s)
        positive("peak_hu", self.peak_hu)

    @property
    def height(self) -> float:
        """A, in HU/s^3."""
        return self.peak_hu * float(np.exp(3)) / (3 * self.shape_s) ** 3

    @property
    def area_hu_s(self) -> float:
        """The integral over all time."""
        return 6 * self.height * self.shape_s**4

    def arterial_hu(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Return the arterial enhancement in HU."""
        x = self.since(times_s, 0)
        return np.asarray(self.height * x**3 * np.exp(-x / self.shape_s))

    def tissue_hu(
        self,
        times_s: ArrayLike,
        cbf_ml_100g_min: float,
        mtt_s: float,
        delay_s: float = 0.0,
        residue: str = "exponential",
        tissue_factor: float = 1.0,
    ) -> NDArray[np.float64]:
        """Return the tissue's enhancement in HU: ``F (C_a * R)``.

        Parameters
        ----------
        times_s : any shape
        mtt_s : float
            The integral of the residue function.
        delay_s : float
            How much later than in the artery contrast comes; may be negative.
        residue : "exponential", "linear" or "box"
        tissue_factor : float
            Density over haematocrit ratio (rho / k_H), mL/g.
        """
        choice("residue", residue, RESIDUES)
        positive("mtt_s", mtt_s)
        x = self.since(times_s, delay_s)
        if residue == "box":
            answer = self.first_integral(x) - self.first_integral(x - mtt_s)
        elif residue == "linear":
            span = 2 * mtt_s
            fall = self.second_integral(x) - self.second_integral(x - span)
            answer = self.first_integral(x) - fall / span
        else:
            answer = self.decayed(x, mtt_s)
        return np.asarray(cbf_ml_100g_min / 6000 * tissue_factor * answer)

    def since(self, times_s: ArrayLike, delay_s: float) -> NDArray[np.float64]:
        return np.maximum(np.asarray(times_s, np.float64) - self.arrival_s - delay_s, 0)

    def first_integral(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        y = np.maximum(x, 0) / self.shape_s
        return np.asarray(self.area_hu_s * (1 - np.exp(-y) * (1 + y + y**2 / 2 + y**3 / 6)))

    def second_integral(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        y = np.maximum(x, 0) / self.shape_s
        rest = np.exp(-y) * (4 + 3 * y + y**2 + y**3 / 6)
        return np.asarray(self.area_hu_s * self.shape_s * (y - 4 + rest))

    def decayed(self, x: NDArray[np.float64], mtt_s: float) -> NDArray[np.float64]:
        """Convolve with ``exp(-t / mtt_s)``."""
        rate = 1 / self.shape_s - 1 / mtt_s
        z = rate * x
        near = np.abs(z) < 2  # where the closed form cancels: its power series
        series = np.zeros_like(z)
        term = np.ones_like(z)
        for n in range(24):
            series += term / (n + 4)
            term = term * np.where(near, -z, 0) / (n + 1)
        far = np.where(near, 2.0, z)
        closed = 6 - np.exp(-far) * (far**3 + 3 * far**2 + 6 * far + 6)
        integral = np.where(near, series, closed / far**4)
        return np.asarray(self.height * np.exp(-x / mtt_s) * x**4 * integral)
