"""A head as a function of place: from patient millimetres to Hounsfield units."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOOD", "OEDEMA", "Field", "Head"]

Field = NDArray[np.float32]

AIR, SKIN, FAT, MUSCLE, CORTICAL, DIPLOE = -1000.0, 45.0, -95.0, 50.0, 1450.0, 620.0
CSF, WHITE, GREY, DEEP_GREY, BLOOD, OEDEMA, DURA = 7.0, 27.5, 37.0, 38.5, 66.0, 19.0, 50.0
GYRUS_MM = 25.0

# Axis of the left lateral ventricle: x, y, z and radius in mm, frontal horn to occipital horn.
VENTRICLE = (
    (14.0, -34.0, 9.0, 3.0),
    (8.0, -22.0, 13.0, 4.6),
    (5.0, -6.0, 16.0, 3.6),
    (8.0, 6.0, 21.0, 4.6),
    (15.0, 24.0, 20.0, 5.6),
    (25.0, 37.0, 9.0, 6.4),
    (22.0, 54.0, 5.0, 3.0),
)
TEMPORAL_HORN = ((25.0, 37.0, 9.0, 5.5), (33.0, 14.0, -14.0, 2.2), (30.0, -6.0, -20.0, 1.6))


class Head:
    """One head, as a function of place."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.gyri = Waves(generator, GYRUS_MM, 28)
        self.fine = Waves(generator, 9.0, 20)
        self.coarse = Waves(generator, 60.0, 12)

    def mottle(self, x: Field, y: Field, z: Field) -> Field:
        return self.fine.at(x, y, z)

    def scalp_depth(self, x: Field, y: Field, z: Field) -> Field:
        """Return mm below the skin; negative outside."""
        a = 76 + 4 * np.tanh(y / 45)
        b = np.where(y < 0, 98, 96).astype(np.float32)
        upper = z > 0
        narrow = np.where(upper, 1, 1 - 0.10 * (z / 70) ** 2)
        qx, qy = x / (a * narrow), y / (b * narrow)
        qz = np.where(upper, z / 88, 0)
        radius = np.sqrt(qx**2 + qy**2 + qz**2) + 1e-6
        slope = np.sqrt((qx / a) ** 2 + (qy / b) ** 2 + (qz / 88) ** 2) / radius + 1e-6
        return np.asarray((1 - radius) / slope, np.float32)

    def inner_depth(self, x: Field, y: Field, z: Field, depth: Field) -> tuple[Field, Field, Field]:
        """Return the depth of the skull's outer side, its thickness, and mm inside it."""
        temporal = np.exp(-(((np.abs(x) - 72) / 18) ** 2) - ((z + 12) / 26) ** 2 - (y / 45) ** 2)
        scalp = 5.2 + 6.0 * temporal + 0.5 * self.coarse.at(x, y, z)
        ends = np.exp(-((x / 14) ** 2) - ((np.abs(y) - 92) / 22) ** 2)
        thick = 5.6 - 2.4 * temporal + 1.8 * ends + 0.4 * self.coarse.at(z, x, y)
        return scalp, thick, np.asarray(depth - scalp - thick, np.float32)

    def base(self, x: Field, y: Field) -> Field:
        """Return the height in mm of the floor the brain rests on."""
        side = np.abs(x)
        orbits = np.exp(-(((side - 32) / 17) ** 2) - ((y + 60) / 26) ** 2)
        anterior = -27.0 + 15.0 * orbits + 0.10 * (y + 60)
        lateral = 1 / (1 + np.exp(-(side - 17) / 3.5))
        middle = (-46.0 + 0.011 * (side - 38) ** 2) * lateral - 30.0 * (1 - lateral)
        to_middle = 1 / (1 + np.exp(-(y + 27 - 0.05 * side) / 3.5))
        to_back = 1 / (1 + np.exp(-(y - 4 - 0.28 * side) / 4))
        floor = anterior + (middle - anterior) * to_middle
        posterior = -72.0 + 0.008 * (side**2 + (y - 38) ** 2)
        return np.asarray(floor + (posterior - floor) * to_back, np.float32)

    def tentorium(self, x: Field, y: Field) -> Field:
        """Return the height in mm of the roof over the cerebellum."""
        return np.asarray(0.5 - 0.42 * np.abs(x) - 0.22 * (y - 14), np.float32)

    def brain(self, x: Field, y: Field, z: Field) -> NDArray[np.bool_]:
        depth = self.scalp_depth(x, y, z)
        _, _, inside = self.inner_depth(x, y, z, depth)
        return (inside > 0) & (z > self.base(x, y))

    def attenuation(self, x: Field, y: Field, z: Field) -> Field:
        """Return HU."""
        depth = self.scalp_depth(x, y, z)
        scalp, thick, inside = self.inner_depth(x, y, z, depth)
        hu = np.full(x.shape, AIR, np.float32)
        hu[depth > 0] = SKIN
        hu[depth > 1.8] = FAT
        hu[(depth > 4.4) & (scalp - depth < 1.1 * (scalp - 5.5))] = MUSCLE
        within = (depth - scalp) / thick
        wall = (within > 0) & (within < 1)
        hu[wall] = CORTICAL
        marrow = wall & (thick > 4.2) & (within > 0.30) & (within < 0.72)
        hu[marrow] = DIPLOE + 130 * self.fine.at(x[marrow], y[marrow], z[marrow])
        below = (inside > 0) & (z <= self.base(x, y))
        if below.any():
            hu[below] = self.face(x[below], y[below], z[below], self.base(x, y)[below])
        cavity = (inside > 0) & ~below
        if cavity.any():
            hu[cavity] = self.content(x[cavity], y[cavity], z[cavity], inside[cavity])
        return hu

    def face(self, x: Field, y: Field, z: Field, floor: Field) -> Field:
        """Return HU below the skull base: bone, sinuses, orbits, soft tissue."""
        side = np.abs(x)
        hu = np.where(self.gyri.at(x, y, z) > 0.8, FAT, MUSCLE).astype(np.float32)
        hu[(y < -20) & (side < 52)] = FAT
        orbit = np.sqrt((side - 33) ** 2 + ((y + 70) / 1.15) ** 2 + (z + 42) ** 2)
        hu[orbit < 21] = 750
        hu[orbit < 19] = FAT
        globe = np.sqrt((side - 33) ** 2 + (y + 78) ** 2 + (z + 42) ** 2)
        hu[globe < 12] = 9
        hu[(globe > 10.8) & (globe < 12)] = 55
        hu[np.sqrt((side - 33) ** 2 + ((y + 87) * 2) ** 2 + (z + 42) ** 2) < 4.5] = 85
        optic = np.hypot(side - 33 + (y + 66) * 0.42, z + 41)
        hu[(optic < 2.0) & (y > -66) & (y < -32)] = 32
        ethmoid = (side < 13) & (y > -86) & (y < -38)
        hu[ethmoid] = np.where(np.abs(self.fine.at(x, y, z))[ethmoid] < 0.16, 420, AIR + 20)
        sphenoid = np.sqrt((x / 15) ** 2 + ((y + 26) / 12) ** 2 + ((z + 43) / 11) ** 2)
        hu[sphenoid < 1.16] = 800
        hu[sphenoid < 1] = AIR + 10
        hu[(side < 0.7) & (sphenoid < 1)] = 500
        clivus = (side < 13) & (y > -12) & (y < 4)
        hu[clivus] = 560
        mastoid = (side > 38) & (y > 8) & (y < 48)
        hu[mastoid] = np.where(self.fine.at(x, y, z)[mastoid] > 0.1, -650, 750)
        hu[(y > 34) & (side < 34)] = MUSCLE
        hu[floor - z < 2.8] = 750
        return hu

    def content(self, x: Field, y: Field, z: Field, inside: Field) -> Field:
        """Return HU within the skull."""
        side = np.abs(x)
        gyrus = np.abs(self.gyri.at(x, y, z)) * (GYRUS_MM / (2 * np.pi))  # mm from a sulcus
        reach = np.clip(1 - inside / 17, 0, 1)
        sulcus = gyrus < 1.05 * reach
        ribbon = (gyrus < 4.0 * np.clip(1 - inside / 24, 0, 1)) | (inside < 4.6)
        hu = np.where(ribbon, GREY, WHITE).astype(np.float32)
        hu += 0.7 * self.coarse.at(x, y, z)

        # Deep grey matter; the white matter left between is the internal capsule.
        for cx, cy, cz, rx, ry, rz in (
            (13.5, -25.0, 9.0, 6.0, 9.0, 12.0),  # head of the caudate
            (17.5, 0.0, 25.0, 3.5, 20.0, 4.0),  # its body
            (10.5, 9.0, 8.0, 9.5, 14.0, 10.0),  # thalamus
        ):
            hu[((side - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2 < 1] = (
                DEEP_GREY
            )
        bent = side - 27 + 0.010 * (y + 3) ** 2 + 0.30 * np.abs(y + 3) * (side < 27)
        hu[(bent / 7.5) ** 2 + ((y + 3) / 20) ** 2 + ((z - 3) / 13) ** 2 < 1] = DEEP_GREY

        # Insula, and the Sylvian fissure that opens to it.
        height = (z > -14) & (z < 20)
        insula = np.abs(side - 41 + 0.008 * y**2)
        hu[(insula < 5) & height & (np.abs(y) < 25)] = GREY
        fissure = height & (insula < 1.5) & (np.abs(y) < 22)
        course = np.abs(y + 15 - 0.32 * (side - 41) - 2.5 * np.sin(side / 5))
        hu[height & (side > 40) & (course < 5)] = GREY
        fissure |= height & (side > 40) & (course < 1.5)

        # The fissure between the hemispheres, but not through the corpus callosum.
        wave = x - 0.6 * self.coarse.at(x, y, z)
        core = (y / 43) ** 2 + ((z - 10) / 24) ** 2
        parted = core > 1
        hu[parted & (np.abs(wave) < 5.5)] = GREY
        fissure |= parted & (np.abs(wave) < 1.7 + 0.5 * self.gyri.at(x, y, z))
        fluid = sulcus | (inside < 1.5 + 0.5 * self.coarse.at(y, z, x)) | fissure

        cerebellum = (y > 2 + 0.42 * side) & (z < self.tentorium(x, y))
        self.posterior_fossa(hu, fluid, cerebellum, x, y, z, inside)
        falx = parted & (np.abs(x) < 0.8) & ~cerebellum & ((y < -46) | (y > 42) | (z > 40))
        roof = np.abs(z - self.tentorium(x, y))
        sheet = (y > 10) & (roof < 1.0) & (inside < 45)
        sinus = (side + 0.5 * inside < 5.0) & ((y > 55) | (z > 60)) & ~cerebellum

        fluid |= self.ventricles(x, y, z)
        hu[fluid] = CSF
        hu[falx | sheet] = DURA
        hu[sinus] = DURA + 5
        hu[(x**2 + (y - 23) ** 2 + (z - 4) ** 2) < 2.0**2] = 130  # pineal
        plexus = (side - 24) ** 2 + (y - 37) ** 2 + (z - 9) ** 2
        hu[plexus < 3.2**2] = np.where(plexus[plexus < 3.2**2] < 1.6**2, 150, 55)
        self.petrous_bones(hu, side, y, z)
        return hu

    def posterior_fossa(
        self,
        hu: Field,
        fluid: NDArray[np.bool_],
        cerebellum: NDArray[np.bool_],
        x: Field,
        y: Field,
        z: Field,
        inside: Field,
    ) -> None:
        """Put cerebellum, brain stem and cisterns into `hu` and `fluid`."""
        side = np.abs(x)
        folia = np.sin(2.1 * (y + 0.6 * side) + 2 * self.coarse.at(x, y, z))
        hu[cerebellum] = (35.0 + 1.5 * folia)[cerebellum]
        nuclei = cerebellum & (((side - 17) / 13) ** 2 + ((y - 40) / 16) ** 2 < 1)
        hu[nuclei] = 31.0
        fluid &= ~cerebellum | (inside < 1.5)
        centre = 3 + 0.10 * (z + 30)
        thin = np.clip(1 - 0.012 * (z + 30), 0.78, 1)  # the midbrain is slimmer than the pons
        stem = np.sqrt((x / 16) ** 2 + ((y - centre - 2) / 13) ** 2) / thin
        low = z < -7
        star = np.sqrt((x / 21) ** 2 + ((y + 6) / 15) ** 2)
        fluid |= (z < -9) & (z > -27) & (star < 1) & (y < 4)  # suprasellar cistern
        fluid |= low & (stem < 1.22)
        inner = low & (stem < 1)
        hu[inner] = 31.5
        fluid &= ~inner
        fluid |= (x / 6.5) ** 2 + ((y - 22) / 4.0) ** 2 + ((z + 30) / 11) ** 2 < 1  # fourth
        fluid |= ((side / 9) ** 2 + ((y - 17) / 4) ** 2 + ((z + 4) / 6) ** 2) < 1  # quadrigeminal

    def ventricles(self, x: Field, y: Field, z: Field) -> NDArray[np.bool_]:
        side = np.abs(x)
        lateral = np.zeros(x.shape, np.bool_)
        for line in (VENTRICLE, TEMPORAL_HORN):
            for start, end in pairwise(line):
                lateral |= inside_tube(side, y, z, start, end)
        third = (x / 2.0) ** 2 + ((y - 1) / 13) ** 2 + ((z - 2) / 9) ** 2 < 1
        return third | (lateral & (side > 0.9))

    def petrous_bones(self, hu: Field, side: Field, y: Field, z: Field) -> None:
        ridge = inside_tube(side, y, z, (13.0, -4.0, -43.0, 4.0), (60.0, 24.0, -40.0, 10.0))
        hu[ridge] = 1500
        cells = ridge & (side > 44)
        hu[cells] = np.where(self.fine.at(side[cells], y[cells], z[cells]) > 0, -550, 900)
        hu[inside_tube(side, y, z, (30.0, 8.0, -42.0, 3.0), (44.0, 16.0, -42.0, 3.0))] = 2000
        wing = inside_tube(side, y, z, (12.0, -26.0, -22.0, 2.5), (60.0, -34.0, -14.0, 3.5))
        hu[wing] = 1100

    def infarct(self, x: Field, y: Field, z: Field) -> NDArray[np.bool_]:
        """Return where an early right middle cerebral artery infarct lies."""
        ragged = 0.10 * self.gyri.at(x, y, z)
        return ((x + 52) / 25) ** 2 + ((y - 6) / 31) ** 2 + ((z - 18) / 26) ** 2 + ragged < 1


class Waves:
    """A smooth random field of one wavelength: plane waves in random directions."""

    def __init__(self, generator: np.random.Generator, wavelength_mm: float, count: int) -> None:
        directions = generator.normal(size=(count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        spread = generator.uniform(0.85, 1.2, size=(count, 1))
        self.waves = (directions * spread * 2 * np.pi / wavelength_mm).astype(np.float32)
        self.phases = generator.uniform(0, 2 * np.pi, count).astype(np.float32)

    def at(self, x: Field, y: Field, z: Field) -> Field:
        """Return the field; mean 0, standard deviation 1."""
        total = np.zeros(x.shape, np.float32)
        for (kx, ky, kz), phase in zip(self.waves, self.phases, strict=True):
            total += np.cos(kx * x + ky * y + kz * z + phase)
        return np.asarray(total * np.float32(np.sqrt(2 / len(self.phases))))


def inside_tube(
    x: Field, y: Field, z: Field, start: Sequence[float], end: Sequence[float]
) -> NDArray[np.bool_]:
    """Tell which points lie in a tube from `start` to `end` (x, y, z, radius)."""
    ax, ay, az, first = start
    dx, dy, dz = end[0] - ax, end[1] - ay, end[2] - az
    share = ((x - ax) * dx + (y - ay) * dy + (z - az) * dz) / (dx**2 + dy**2 + dz**2)
    share = np.clip(share, 0, 1)
    distance = (x - ax - share * dx) ** 2 + (y - ay - share * dy) ** 2 + (z - az - share * dz) ** 2
    return np.asarray(distance < (first + share * (end[3] - first)) ** 2)
