"""A stroke that never was: a head CT perfusion series whose core and penumbra are known.

The head is that of `kernels.head_phantom`, cut into classes on a 1 mm grid. A voxel of the scan
is the mean of what it covers, seen from wherever the head has moved to; nothing is interpolated
from a picture. What is proven on it is proven on formulas, not on patients.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import choice, finite_array, number, positive, room, whole
from kernels._jit import jit
from kernels._threads import spread
from kernels.bolus import Bolus
from kernels.head import Head, inside_tube
from kernels.rigid import rotation_matrix

__all__ = ["PerfusionHead", "perfusion_head"]

TISSUE_FACTOR = 1.05 / 0.733  # rho / k_H, mL/g: doi:10.1155/2011/467563
CLASSES = (
    "static",
    "grey",
    "white",
    "grey penumbra",
    "white penumbra",
    "grey core",
    "white core",
    "artery",
    "occluded artery",
    "vein",
)
# Class: CBF in mL/100 g/min, CBV in mL/100 g, delay in s.
PERFUSION = {
    1: (60.0, 4.0, 0.5),
    2: (25.0, 2.0, 1.0),
    3: (28.0, 4.2, 7.0),
    4: (15.5, 2.3, 7.0),
    5: (7.0, 1.2, 8.5),
    6: (4.0, 0.8, 8.5),
}
# Right arteries as tubes: x, y, z and radius in mm.
ARTERIES = (
    (
        (3.5, -28.0, -8.0, 1.7),
        (3.5, -50.0, 10.0, 1.7),
        (3.5, -45.0, 35.0, 1.6),
        (3.5, 0.0, 56, 1.4),
    ),
    ((9.0, -14.0, -27.0, 2.2), (8.0, -14.0, -12.0, 2.1), (36.0, -14.0, -10.0, 1.8)),
    (
        (0.0, -9.0, -28.0, 1.9),
        (0.0, -9.0, -12.0, 1.9),
        (18.0, 14.0, -6.0, 1.5),
        (14.0, 40.0, 2, 1.3),
    ),
)
SYLVIAN = ((36.0, -14.0, -10.0, 1.7), (40.0, -4.0, -4.0, 1.6), (43.0, 4.0, 16.0, 1.5))
MOST_ML = 300.0
MARGIN_MM = 20  # how far the head goes on above and below the slab


@dataclass(frozen=True)
class PerfusionHead:
    """A perfusion series and what is true of it.

    Attributes
    ----------
    hu : (times, slices, rows, columns) int16
        Hounsfield units, slices from the bottom up; the patient's left at high columns.
    times_s : (times, slices) float64
        When each slice was taken.
    spacing_mm : (3,) float64
        Between slices, rows, columns.
    bolus : Bolus
        The arterial curve at full strength.
    motion : (times, 6) float64
        Of the head: shift in mm and rotation vector in degrees, each (slice, row, column),
        about the middle of the grid.
    masks : mapping of str to (slices, rows, columns) bool
        "brain" (all within the skull), "tissue", "core", "hypoperfused" (core and penumbra),
        "artery", "vein", where at least half of the unmoved voxel is that.
    volumes_ml : mapping of str to float
        Of each, exactly.
    """

    hu: NDArray[np.int16]
    times_s: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]
    bolus: Bolus
    motion: NDArray[np.float64]
    masks: Mapping[str, NDArray[np.bool_]]
    volumes_ml: Mapping[str, float]


def perfusion_head(
    times_s: ArrayLike | None = None,
    shape: Sequence[int] = (20, 256, 256),
    spacing_mm: Sequence[float] = (5.0, 0.9, 0.9),
    core_ml: float = 26.0,
    hypoperfused_ml: float = 167.0,
    side: str = "left",
    centre_mm: Sequence[float] = (20.0, 0.0, 45.0),
    noise_hu: float = 4.0,
    motion: ArrayLike | None = None,
    seed: int = 0,
    bolus: Bolus | None = None,
) -> PerfusionHead:
    """Make a perfusion series of a head, with a stroke or without.

    Parameters
    ----------
    times_s : (times,) or (times, slices), optional
        Of all slices, or of each (a shuttle's differ); 0 to 59 s by default.
    core_ml, hypoperfused_ml : float
        Tissue whose flow is nearly gone, and all tissue that is filled late; both 0: healthy.
    side : "left" or "right"
    centre_mm : (slice, row, distance from the midline)
        Of the territory; height 0 is 25 mm above the lowest slice's middle.
    noise_hu : float
        Standard deviation of independent noise in each voxel.
    motion : (times, 6), optional
        As in `PerfusionHead`.
    seed : int
        Of head and noise.

    Raises
    ------
    ValueError
        An argument is out of range, or the volumes do not fit the head.
    """
    slices, rows, columns = (whole("shape", length, 1) for length in shape)
    times = np.arange(60.0) if times_s is None else np.asarray(times_s, np.float64)
    if times.ndim == 1:
        times = np.repeat(times[:, None], slices, axis=1)
    times = finite_array("times_s", times, (None, slices))
    room("shape", (len(times), slices, rows, columns), 2)
    spacing = finite_array("spacing_mm", spacing_mm, (3,))
    positive("the least spacing_mm", float(spacing.min()))
    centre = finite_array("centre_mm", centre_mm, (3,))
    choice("side", side, ("left", "right"))
    if not 0 <= number("core_ml", core_ml) <= number("hypoperfused_ml", hypoperfused_ml) <= MOST_ML:
        raise ValueError(
            f"core_ml is {core_ml!r}, hypoperfused_ml {hypoperfused_ml!r}; "
            f"expected 0 <= core_ml <= hypoperfused_ml <= {MOST_ML:.0f}"
        )
    if not 0 <= number("noise_hu", noise_hu) <= 100:
        raise ValueError(f"noise_hu is {noise_hu!r}; expected 0 to 100")
    poses = np.zeros((len(times), 6)) if motion is None else motion
    poses = finite_array("motion", poses, (len(times), 6))
    bolus = bolus or Bolus()

    generator = np.random.default_rng(whole("seed", seed, 0))
    head = ClassedHead(generator, slices * spacing[0])
    head.injure(core_ml, hypoperfused_ml, 1.0 if side == "left" else -1.0, centre)
    table = class_curves(bolus, times)
    hu = np.empty((len(times), slices, rows, columns), np.int16)
    still = head.view(hu.shape[1:], spacing, np.zeros(6))
    for moment, pose in enumerate(poses):
        view = head.view(hu.shape[1:], spacing, pose) if pose.any() else still
        picture = view.picture(table[moment])
        picture += np.float32(noise_hu) * generator.standard_normal(picture.shape, np.float32)
        np.rint(picture, out=picture)
        hu[moment] = np.clip(picture, -1024, 3071, out=picture)

    shares = {
        name: still.shares[list(members)].sum(axis=0)
        for name, members in (
            ("tissue", (1, 2, 3, 4, 5, 6)),
            ("core", (5, 6)),
            ("hypoperfused", (3, 4, 5, 6)),
            ("artery", (7,)),
            ("vein", (9,)),
        )
    }
    shares["brain"] = still.brain
    voxel_ml = float(spacing.prod()) / 1000
    masks = {name: share >= 0.5 for name, share in shares.items()}
    volumes = {
        name: float(share.sum(dtype=np.float64)) * voxel_ml for name, share in shares.items()
    }
    return PerfusionHead(
        hu=hu,
        times_s=times,
        spacing_mm=spacing,
        bolus=bolus,
        motion=poses,
        masks=MappingProxyType(masks),
        volumes_ml=MappingProxyType(volumes),
    )


def class_curves(bolus: Bolus, times: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the enhancement in HU of each class: (times, slices, classes)."""
    table = np.zeros((*times.shape, len(CLASSES)))
    for member, (cbf, cbv, delay) in PERFUSION.items():
        table[..., member] = bolus.tissue_hu(
            times, cbf, 60 * cbv / cbf, delay, tissue_factor=TISSUE_FACTOR
        )
    table[..., 7] = bolus.arterial_hu(times)
    # What comes to an occluded artery's branches comes late, spread out and mixed.
    table[..., 8] = bolus.tissue_hu(times, 0.7 * 6000 / 3.0, 3.0, 6.0)
    table[..., 9] = bolus.tissue_hu(times, 6000 / 4.0, 4.0, 2.5)
    return table.astype(np.float32)


class ClassedHead:
    """The head on a 1 mm grid: Hounsfield units, and how each voxel takes up contrast."""

    def __init__(self, generator: np.random.Generator, slab_mm: float) -> None:
        height = int(np.ceil(slab_mm)) + 2 * MARGIN_MM
        self.corner = np.array([-27.5 - MARGIN_MM, -110.0, -90.0])
        self.slab_mm = slab_mm
        self.z, self.y, self.x = (
            (self.corner[axis] + 0.5 + np.arange(length)).astype(np.float32)
            for axis, length in enumerate((height, 220, 180))
        )
        self.head = Head(generator)
        shape = height, 220, 180
        self.hu = np.empty(shape, np.int16)
        self.brain = np.empty(shape, np.bool_)
        self.classes = np.zeros(shape, np.uint8)
        x = np.broadcast_to(self.x, shape[1:])
        y = np.broadcast_to(self.y[:, None], shape[1:])
        side = np.abs(x)
        for index, level in enumerate(self.z):
            z = np.full(shape[1:], level, np.float32)
            picture = self.head.attenuation(x, y, z)
            within = self.head.brain(x, y, z)
            classes = self.classes[index]
            classes[within & (picture > 15) & (picture < 45)] = 1
            classes[within & (picture > 15) & (picture < 32)] = 2
            soft = within & (picture < 100)
            for line in ARTERIES:
                for start, end in pairwise(line):
                    classes[soft & inside_tube(side, y, z, start, end)] = 7
            for start, end in pairwise(SYLVIAN):
                classes[soft & inside_tube(side, y, z, start, end)] = 7
            classes[soft & (picture == 55) & (side < 6)] = 9
            picture[(classes == 7) | (classes == 9)] = 45
            self.hu[index], self.brain[index] = np.rint(picture), within

    def injure(
        self, core_ml: float, hypoperfused_ml: float, sign: float, centre: NDArray[np.float64]
    ) -> None:
        """Starve the tissue nearest to a ragged territory's centre; 1 mL is 1000 voxels."""
        z, y, x = self.z[:, None, None], self.y[:, None], sign * self.x
        distance = ((z - centre[0]) / 26) ** 2 + ((y - centre[1]) / 31) ** 2
        distance = distance + ((x - centre[2]) / 25) ** 2
        ragged = self.head.gyri.at(*np.broadcast_arrays(self.x, self.y[:, None], z))
        distance += 0.10 * ragged
        inner = ((z - centre[0] + 2) / 20) ** 2 + ((y - centre[1]) / 26) ** 2
        inner = inner + ((x - centre[2] + 10) / 16) ** 2 + 0.10 * ragged
        scanned = (z > -27.5) & (z < -27.5 + self.slab_mm) & (x > 4)
        tissue = np.isin(self.classes, (1, 2)) & scanned
        starved = self.nearest(distance, tissue, hypoperfused_ml)
        core = self.nearest(inner, starved, core_ml)
        self.classes[starved] += 2
        self.classes[core] += 2
        if starved.any():
            for index, level in enumerate(self.z):
                height = np.full(self.hu.shape[1:], level, np.float32)
                across = np.broadcast_to(x, height.shape)
                down = np.broadcast_to(self.y[:, None], height.shape)
                for start, end in pairwise(SYLVIAN):
                    branch = inside_tube(across, down, height, start, end)
                    self.classes[index][branch & (self.classes[index] == 7)] = 8

    def nearest(
        self, distance: NDArray[np.float32], allowed: NDArray[np.bool_], volume_ml: float
    ) -> NDArray[np.bool_]:
        count = round(1000 * volume_ml)
        candidates = np.flatnonzero(allowed)
        if count > len(candidates):
            raise ValueError(
                f"{volume_ml:.0f} mL do not fit; expected at most {len(candidates) / 1000:.0f} mL"
            )
        chosen = np.zeros(allowed.shape, np.bool_)
        if count:
            order = np.argpartition(distance.reshape(-1)[candidates], count - 1)[:count]
            chosen.reshape(-1)[candidates[order]] = True
        return chosen

    def view(
        self, shape: Sequence[int], spacing: NDArray[np.float64], pose: NDArray[np.float64]
    ) -> "View":
        """Scan the moved head: the mean of all that each voxel covers."""
        half = (np.array(shape) - 1) / 2 * spacing
        middle = np.array([half[0] - 25, 0.0, 0.0])
        turn = rotation_matrix(pose[3:]).T  # from the scanner back to the head
        start = turn @ (-half - pose[:3]) + middle - self.corner
        steps = np.ascontiguousarray(turn * spacing)
        # Twice as many points as millimetres through the slice: one to a voxel of the fine grid
        # would lie on its faces, and a head at rest half a millimetre off one that moved.
        samples = np.maximum(np.ceil(spacing) * (2, 1, 1), 2).astype(np.int64)
        lines, rows, columns = shape[0] * shape[1], shape[1], shape[2]
        base = np.empty((lines, columns), np.float32)
        brain = np.empty((lines, columns), np.float32)
        shares = np.zeros((len(CLASSES), lines, columns), np.float32)
        fine = self.hu, self.classes, self.brain
        spread(scan_rows, lines, *fine, start, steps, samples, rows, base, brain, shares)
        return View(base.reshape(shape), brain.reshape(shape), shares.reshape(len(CLASSES), *shape))


@dataclass(frozen=True)
class View:
    """A scan without contrast and noise, and the share of every class in each voxel."""

    base: NDArray[np.float32]
    brain: NDArray[np.float32]
    shares: NDArray[np.float32]

    def picture(self, table: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add the enhancement, (slices, classes) HU."""
        picture = np.empty_like(self.base)
        for index, values in enumerate(table):
            np.einsum("c,cyx->yx", values, self.shares[:, index], out=picture[index])
        picture += self.base
        return picture


@jit(
    "void(i8, i8, i2[:,:,::1], u1[:,:,::1], b1[:,:,::1], f8[::1], f8[:,::1], i8[::1], i8, "
    "f4[:,::1], f4[:,::1], f4[:,:,::1])",
    writes=3,
)
def scan_rows(
    start: int,
    stop: int,
    hu: NDArray[np.int16],
    classes: NDArray[np.uint8],
    within: NDArray[np.bool_],
    origin: NDArray[np.float64],
    steps: NDArray[np.float64],
    samples: NDArray[np.int64],
    rows: int,
    base: NDArray[np.float32],
    brain: NDArray[np.float32],
    shares: NDArray[np.float32],
) -> None:
    """Average the fine grid's voxels at evenly spread points of each scanned voxel."""
    slices, height, width = classes.shape
    part = np.float32(1 / (samples[0] * samples[1] * samples[2]))
    for line in range(start, stop):
        index, row = line // rows, line % rows
        for column in range(base.shape[1]):
            total = 0.0
            inside = 0.0
            for a in range(samples[0]):
                i = index + (a + 0.5) / samples[0] - 0.5
                for b in range(samples[1]):
                    j = row + (b + 0.5) / samples[1] - 0.5
                    z0 = origin[0] + steps[0, 0] * i + steps[0, 1] * j
                    y0 = origin[1] + steps[1, 0] * i + steps[1, 1] * j
                    x0 = origin[2] + steps[2, 0] * i + steps[2, 1] * j
                    for c in range(samples[2]):
                        k = column + (c + 0.5) / samples[2] - 0.5
                        z = int(z0 + steps[0, 2] * k)
                        y = int(y0 + steps[1, 2] * k)
                        x = int(x0 + steps[2, 2] * k)
                        if y < 0 or x < 0 or y >= height or x >= width:
                            total += hu[0, 0, 0]  # air
                        else:
                            z = min(max(z, 0), slices - 1)
                            total += hu[z, y, x]
                            inside += within[z, y, x]
                            shares[classes[z, y, x], line, column] += part
            base[line, column] = total * part
            brain[line, column] = inside * part
