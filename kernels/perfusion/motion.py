"""The head put back where it was: rigid registration of every frame by the skull alone.

Bone does not take up contrast, so that only it is compared: Hounsfield units are clipped to
what is surely bone. The six parameters are found by Gauss-Newton steps whose gradients are
those of the reference (inverse compositional), first on pixels of 3.6, then of 1.8 mm.

Thick slices of a moved head fall between one another, and cubics ring beside bone, anew in every
frame: next to a skull of 1000 HU that is more than contrast does. What is soft is therefore
sampled a second time, from frames whose bone was cut to `SOFT_HU` before.

References
----------
Baker and Matthews, Int J Comput Vis 56:221 (2004), doi:10.1023/B:VISI.0000011205.11775.fd.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.interpolate import CubicSpline

from kernels._checks import array, finite_array, positive
from kernels._jit import helper, jit
from kernels._threads import spread
from kernels.perfusion.refusal import PerfusionFlag, PerfusionRefused, Refusal
from kernels.rigid import rotation_matrix, rotation_vector_deg

__all__ = ["SteadySeries", "steady"]

BONE_HU = 150.0
CORTEX_HU = 1200.0
LEVELS = ((4.0, 4.0), (2.0, 3.5))  # pixels joined to so many mm, smoothing in mm
MOST_POINTS = 30_000
FINE_MM = 1.7  # between slices, after interpolation
MARGIN_SLICES = 1
STEPS = 40
STILL = 1e-3  # mm and degrees
FARTHEST_MM, FARTHEST_DEG = 30.0, 25.0
LEAST_LIKENESS = 0.9
LEAST_IN_SLAB = 0.9
MOVED_MM, MOVED_DEG = 3.0, 3.0
SOFT_HU = 100  # more than tissue ever has, and within a byte
UNMOVED = 0.05  # mm or degrees below which a frame is left as it is
BASELINE_FRAMES = 3

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class SteadySeries:
    """Frames with the head at rest.

    Attributes
    ----------
    hu : (times, slices, rows, columns) int16
    soft_hu : (times, slices, rows, columns) int8, or None
        The same for tissue: what is beyond 100 HU either way was cut off before sampling, so that
        bone lends less. None where no frame was moved: `hu` is as good.
    taken : (times, slices) bool
        False where the frame was rejected, or the slice has left the slab.
    motion : (times, 6) float64
        Of the head since the baseline: shift in mm, then rotation vector in degrees, each
        (slice, row, column), about the middle of the grid. Six curves to show.
    likeness : (times,) float64
        Correlation of the skull with the baseline's after registration.
    rejected : tuple of int
        Frames whose skull could not be matched.
    flags : tuple of PerfusionFlag
        `PerfusionFlag.MOTION` where the head moved by over 3 mm or 3 degrees, or a frame
        was rejected.
    """

    hu: NDArray[np.int16]
    soft_hu: NDArray[np.int8] | None
    taken: NDArray[np.bool_]
    motion: Doubles
    likeness: Doubles
    rejected: tuple[int, ...]
    flags: tuple[PerfusionFlag, ...]


def steady(hu: ArrayLike, spacing_mm: ArrayLike, taken: ArrayLike | None = None) -> SteadySeries:
    """Register every frame to the mean of the first three.

    Parameters
    ----------
    hu : (times, slices, rows, columns) int16
    spacing_mm : (slice, row, column) distances
    taken : (times, slices) bool, optional
        Which images there are; a frame is moved as a whole.

    Raises
    ------
    PerfusionRefused
        No skull is in the first frame.
    ValueError
        An argument has the wrong shape or type.
    """
    series = np.ascontiguousarray(array("hu", hu, (4,), "i"), np.int16)
    spacing = finite_array("spacing_mm", spacing_mm, (3,))
    positive("the least spacing_mm", float(spacing.min()))
    here = np.ones(series.shape[:2], np.bool_) if taken is None else np.array(taken)
    if here.shape != series.shape[:2] or here.dtype != np.bool_:
        raise ValueError(
            f"taken has shape {here.shape} and dtype {here.dtype}; "
            f"expected {series.shape[:2]} booleans"
        )
    if min(series.shape) < 1 or min(series.shape[1:]) < 8:
        raise ValueError(f"hu has shape {series.shape}; expected 8 slices, rows, columns or more")

    frames = len(series)
    poses = [Pose.at_rest() for _ in range(frames)]
    likeness = np.zeros(frames)
    skulls = [Skull(series[0], spacing, *level) for level in LEVELS]
    register(series[:BASELINE_FRAMES], spacing, skulls, poses, likeness)
    baseline = np.stack(
        [moved(frame, pose, spacing) for frame, pose in zip(series, poses[:3], strict=False)]
    ).mean(axis=0)
    skulls = [Skull(baseline, spacing, *level) for level in LEVELS]
    register(series, spacing, skulls, poses, likeness)

    motion = np.array([pose.curve() for pose in poses])
    far = (np.abs(motion[:, :3]) > FARTHEST_MM) | (np.abs(motion[:, 3:]) > FARTHEST_DEG)
    bad = far.any(axis=1) | (likeness < LEAST_LIKENESS * np.median(likeness))
    result = series.copy()
    here[bad] = False
    displaced = np.flatnonzero(~bad & (np.abs(motion).max(axis=1) >= UNMOVED))
    for index in displaced:
        here[index] &= in_slab(poses[index], series.shape[1:], spacing) >= LEAST_IN_SLAB

    soft = np.empty(series.shape, np.int8) if len(displaced) else None

    def put_back(start: int, stop: int) -> None:
        for index in range(start, stop):
            cut = np.clip(series[index], -SOFT_HU, SOFT_HU)
            if index in displaced:
                result[index] = moved(series[index], poses[index], spacing)
                cut = np.clip(moved(cut, poses[index], spacing), -SOFT_HU, SOFT_HU)
            if soft is not None:
                soft[index] = cut

    spread(put_back, frames if len(displaced) else 0)
    large = (np.abs(motion[:, :3]) > MOVED_MM) | (np.abs(motion[:, 3:]) > MOVED_DEG)
    return SteadySeries(
        hu=result,
        soft_hu=soft,
        taken=here,
        motion=motion,
        likeness=likeness,
        rejected=tuple(int(index) for index in np.flatnonzero(bad)),
        flags=(PerfusionFlag.MOTION,) if large.any() or bad.any() else (),
    )


@dataclass
class Pose:
    """Where a point of the baseline's head is in a frame: ``turn @ point + shift``, in mm."""

    turn: Doubles
    shift: Doubles

    @staticmethod
    def at_rest() -> "Pose":
        return Pose(np.eye(3), np.zeros(3))

    def curve(self) -> Doubles:
        return np.concatenate([self.shift, rotation_vector_deg(self.turn)])


class Skull:
    """The edges of the reference's bone, and how they change as the head moves."""

    def __init__(
        self, hu: NDArray[np.int16] | Floats, spacing: Doubles, pixel_mm: float, blur_mm: float
    ) -> None:
        joined = max(round(pixel_mm / float(spacing[1:].mean())), 1)
        self.joined = joined
        slices = hu.shape[0]
        parts = max(round(float(spacing[0]) / FINE_MM), 1)
        heights = np.arange((slices - 1) * parts + 1) / parts
        self.between = CubicSpline(np.arange(slices), np.eye(slices))(heights).astype(np.float32)
        self.spacing = spacing * (1 / parts, joined, joined)
        self.corner = (np.array([0, joined - 1, joined - 1]) - np.array(hu.shape) + 1) / 2 * spacing
        # A slice is blurred by its own thickness; the rest makes the blur round.
        along = np.sqrt(max(blur_mm**2 - float(spacing[0]) ** 2 / 12, 0.0))
        self.sigma = np.array([along, blur_mm, blur_mm]) / self.spacing
        self.margin = MARGIN_SLICES * parts
        volume = self.bone(hu)
        slopes = np.array(np.gradient(volume, *self.spacing), np.float32)
        steep = np.sqrt((slopes**2).sum(axis=0))
        steep[: self.margin] = steep[len(steep) - self.margin :] = 0
        candidates = np.flatnonzero(steep > 0.1 * steep.max())
        if not steep.max() > 1 or len(candidates) < 100:
            raise PerfusionRefused(Refusal.NO_BRAIN, "No skull is found in the first images.")
        chosen = candidates[:: -(-len(candidates) // MOST_POINTS)]
        where = np.stack(np.unravel_index(chosen, volume.shape), axis=1)
        self.points = np.asarray(where * self.spacing + self.corner, np.float64)
        self.values = volume.reshape(-1)[chosen]
        slope = slopes.reshape(3, -1)[:, chosen].T.astype(np.float64)
        # d/d(angle) of value(point + angle x point) is point x slope
        turning = np.cross(self.points, slope)
        self.jacobian = np.concatenate([slope, turning], axis=1).astype(np.float32)

    def bone(self, hu: NDArray[np.int16] | Floats) -> Floats:
        """Return clipped, joined and smoothed values of a frame."""
        slices, rows, columns = hu.shape
        j = self.joined
        down, across = rows // j, columns // j
        clipped = np.clip(hu[:, : down * j, : across * j], BONE_HU, CORTEX_HU)
        blocks = clipped.reshape(slices, down, j, across, j)
        mean = blocks.mean(axis=(2, 4), dtype=np.float32) - np.float32(BONE_HU)
        fine = np.tensordot(self.between, mean, axes=1)
        return np.asarray(ndimage.gaussian_filter(fine, self.sigma, mode="nearest", truncate=3))


def register(
    series: NDArray[np.int16],
    spacing: Doubles,
    skulls: list[Skull],
    poses: list[Pose],
    likeness: Doubles,
) -> None:
    """Find, in place, the pose of every frame and how alike its skull then is."""

    def work(start: int, stop: int) -> None:
        for index in range(start, stop):
            pose = Pose.at_rest()
            for skull in skulls:
                likeness[index] = descend(skull, skull.bone(series[index]), pose)
            poses[index] = pose

    spread(work, len(series))


def descend(skull: Skull, volume: Floats, pose: Pose) -> float:
    """Improve the pose, in place, until it stands still; return the correlation."""
    sums = np.zeros(33)
    for _ in range(STEPS):
        accumulate(
            skull.points,
            skull.values,
            skull.jacobian,
            volume,
            pose.turn,
            pose.shift,
            skull.corner,
            skull.spacing,
            float(skull.margin),
            sums,
        )
        matrix = np.zeros((6, 6))
        matrix[np.triu_indices(6)] = sums[:21]
        matrix = matrix + np.triu(matrix, 1).T
        if sums[32] < 100 or np.linalg.cond(matrix) > 1e12:
            return 0.0
        step = np.linalg.solve(matrix, sums[21:27])
        turn = rotation_matrix(np.degrees(step[3:])).T
        pose.turn = pose.turn @ turn
        pose.shift = pose.shift - pose.turn @ step[:3]
        if np.abs(step[:3]).max() < STILL and np.degrees(np.abs(step[3:]).max()) < STILL:
            break
    count = sums[32]
    covariance = sums[31] - sums[27] * sums[28] / count
    spread_of = (sums[29] - sums[27] ** 2 / count) * (sums[30] - sums[28] ** 2 / count)
    return float(covariance / np.sqrt(spread_of)) if spread_of > 0 else 0.0


def moved(frame: NDArray[np.int16], pose: Pose, spacing: Doubles) -> NDArray[np.int16]:
    """Sample a frame where the baseline's voxels are in it."""
    half = (np.array(frame.shape) - 1) / 2
    steps = pose.turn * spacing / spacing[:, None]  # voxels of the frame per voxel
    start = pose.shift / spacing - steps @ half + half
    result = np.empty_like(frame)
    sample_frame(frame, start, np.ascontiguousarray(steps), result)
    return result


def in_slab(pose: Pose, shape: tuple[int, ...], spacing: Doubles) -> Doubles:
    """Return the share of each slice that the frame has seen, of its middle three quarters."""
    slices, rows, columns = shape
    z, y, x = (
        (np.linspace(-0.375, 0.375, 9) * length if axis else np.arange(slices) - (slices - 1) / 2)
        * spacing[axis]
        for axis, length in enumerate((slices, rows, columns))
    )
    row = pose.turn[0]
    height = z[:, None, None] * row[0] + y[:, None] * row[1] + x * row[2] + pose.shift[0]
    reach = slices * spacing[0] / 2
    return np.asarray((np.abs(height) <= reach).mean(axis=(1, 2)))


@jit(
    "void(f8[:,::1], f4[::1], f4[:,::1], f4[:,:,::1], f8[:,::1], f8[::1], f8[::1], f8[::1], f8, "
    "f8[::1])"
)
def accumulate(
    points: Doubles,
    values: Floats,
    jacobian: Floats,
    volume: Floats,
    turn: Doubles,
    shift: Doubles,
    corner: Doubles,
    spacing: Doubles,
    margin: float,
    sums: Doubles,
) -> None:
    """Sum what a Gauss-Newton step needs, and the moments of both pictures.

    `sums` holds the upper triangle of the normal matrix (21), its right side (6), the sums of
    reference, frame, their squares and product (5), and the number of points.
    """
    slices, rows, columns = volume.shape
    sums[:] = 0
    for n in range(points.shape[0]):
        p0, p1, p2 = points[n, 0], points[n, 1], points[n, 2]
        z = (turn[0, 0] * p0 + turn[0, 1] * p1 + turn[0, 2] * p2 + shift[0] - corner[0]) / spacing[
            0
        ]
        y = (turn[1, 0] * p0 + turn[1, 1] * p1 + turn[1, 2] * p2 + shift[1] - corner[1]) / spacing[
            1
        ]
        x = (turn[2, 0] * p0 + turn[2, 1] * p1 + turn[2, 2] * p2 + shift[2] - corner[2]) / spacing[
            2
        ]
        if not (z >= margin and z < slices - 1 - margin and y >= 0 and x >= 0):
            continue  # beyond the slab the smoothed frame is a guess
        k, i, j = int(z), int(y), int(x)
        if i >= rows - 1 or j >= columns - 1:
            continue
        c, a, b = z - k, y - i, x - j
        low = (1 - a) * ((1 - b) * volume[k, i, j] + b * volume[k, i, j + 1])
        low += a * ((1 - b) * volume[k, i + 1, j] + b * volume[k, i + 1, j + 1])
        high = (1 - a) * ((1 - b) * volume[k + 1, i, j] + b * volume[k + 1, i, j + 1])
        high += a * ((1 - b) * volume[k + 1, i + 1, j] + b * volume[k + 1, i + 1, j + 1])
        seen = (1 - c) * low + c * high
        error = seen - values[n]
        at = 0
        for r in range(6):
            for s in range(r, 6):
                sums[at] += jacobian[n, r] * jacobian[n, s]
                at += 1
            sums[21 + r] += jacobian[n, r] * error
        sums[27] += values[n]
        sums[28] += seen
        sums[29] += values[n] * values[n]
        sums[30] += seen * seen
        sums[31] += values[n] * seen
        sums[32] += 1


@helper
def catmull_rom(share: float, weights: Doubles) -> None:
    """Write the weights of four samples at `share` between the middle two."""
    weights[0] = share * (-0.5 + share * (1 - 0.5 * share))
    weights[1] = 1 + share * share * (1.5 * share - 2.5)
    weights[2] = share * (0.5 + share * (2 - 1.5 * share))
    weights[3] = share * share * (0.5 * share - 0.5)


@jit("void(i2[:,:,::1], f8[::1], f8[:,::1], i2[:,:,::1])")
def sample_frame(
    frame: NDArray[np.int16], start: Doubles, steps: Doubles, result: NDArray[np.int16]
) -> None:
    """Sample by cubics; the outermost slices go on for ever, beside the rows is air.

    Linear weights would blur by how far the head moved, and a blurred edge looks like contrast.
    """
    slices, rows, columns = frame.shape
    wz, wy, wx = np.empty(4), np.empty(4), np.empty(4)
    for index in range(slices):
        for row in range(rows):
            for column in range(columns):
                z = start[0] + steps[0, 0] * index + steps[0, 1] * row + steps[0, 2] * column
                y = start[1] + steps[1, 0] * index + steps[1, 1] * row + steps[1, 2] * column
                x = start[2] + steps[2, 0] * index + steps[2, 1] * row + steps[2, 2] * column
                if y < 0 or x < 0 or y > rows - 1 or x > columns - 1:
                    result[index, row, column] = -1024
                    continue
                z = min(max(z, 0.0), slices - 1.0)
                k, i, j = int(z), int(y), int(x)
                catmull_rom(z - k, wz)
                catmull_rom(y - i, wy)
                catmull_rom(x - j, wx)
                total = 0.0
                for a in range(4):
                    at = min(max(k + a - 1, 0), slices - 1)
                    plane = 0.0
                    for b in range(4):
                        line = frame[at, min(max(i + b - 1, 0), rows - 1)]
                        plane += wy[b] * (
                            wx[0] * line[max(j - 1, 0)]
                            + wx[1] * line[j]
                            + wx[2] * line[min(j + 1, columns - 1)]
                            + wx[3] * line[min(j + 2, columns - 1)]
                        )
                    total += wz[a] * plane
                total = min(max(total, -1024.0), 32767.0)
                result[index, row, column] = np.int16(np.rint(total))
