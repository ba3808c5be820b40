"""Heads with strokes that never were: every volume, shift and plane in them is known.

The head is that of `kernels.head`, posed as patients lie, with what a stroke leaves drawn into
it as formulas in its own millimetres (x to the left, y to the back, z up).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kernels._checks import choice, finite_array, number, positive, room, whole
from kernels.head import BLOOD, Field, Head, inside_tube
from kernels.phantom import Grid, noise

__all__ = ["FINDINGS", "Finding", "StrokePhantom", "stroke_drill", "stroke_phantom"]

FINDINGS = ("infarct", "haemorrhage", "calcification", "dense vessel")
# Patient Position → signs of the row and the column direction (PS3.3 C.7.3.1.1.2)
POSITIONS = {"HFS": (1, 1), "HFP": (-1, -1), "FFS": (-1, 1), "FFP": (1, -1)}
SEPTUM_MM = (0.0, -12.0, 15.0)
ANCHORS_MM = ((0.0, -80.0, 15.0), (0.0, 82.0, 15.0))
# The left middle cerebral artery, first segment: x, y, z in mm.
VESSEL_MM = ((9.0, -13.0, -14.0), (16.0, -11.0, -13.0), (24.0, -11.0, -12.0), (33.0, -9.0, -11.0))
VESSEL_RADIUS_MM, VESSEL_HU, THROMBUS_HU = 1.7, 42.0, 68.0


@dataclass(frozen=True)
class Finding:
    """One thing to be found.

    Parameters
    ----------
    kind : "infarct", "haemorrhage", "calcification" or "dense vessel"
    side : "left" or "right"
        The patient's; where `centre_mm` is given it does not count.
    volume_ml : float
        Of the ellipsoid; none for a vessel.
    centre_mm : (x, y, z), optional
        In the head's own millimetres.
    hu : float, optional
        The change for an infarct (-8), else the value: 66 for blood, 150 for calcium, 68 for a
        clotted vessel.
    ragged : float
        How far the edge strays from an ellipsoid's, as a share of its radius.
    """

    kind: str
    side: str = "right"
    volume_ml: float = 30.0
    centre_mm: tuple[float, float, float] | None = None
    hu: float | None = None
    ragged: float = 0.0

    def __post_init__(self) -> None:
        choice("kind", self.kind, FINDINGS)
        choice("side", self.side, ("left", "right"))
        if not 0 < number("volume_ml", self.volume_ml) <= 200:
            raise ValueError(f"volume_ml is {self.volume_ml!r}; expected above 0, at most 200")
        if not 0 <= number("ragged", self.ragged) <= 0.3:
            raise ValueError(f"ragged is {self.ragged!r}; expected 0 to 0.3")
        if self.centre_mm is not None:
            finite_array("centre_mm", self.centre_mm, (3,))

    @property
    def middle_mm(self) -> tuple[float, float, float]:
        if self.centre_mm is not None:
            return self.centre_mm
        x, y, z = {"infarct": (46.0, 4.0, 22.0), "haemorrhage": (28.0, 0.0, 8.0)}.get(
            self.kind, (40.0, 40.0, 25.0)
        )
        return (x if self.side == "left" else -x), y, z


@dataclass(frozen=True, eq=False)
class StrokePhantom:
    """A head CT and what is true of it.

    Attributes
    ----------
    hu : (slices, rows, columns) int16
    positions_mm : (slices, 3) float64
        Image Position (Patient) of each slice.
    orientation : (6,) float64
        Image Orientation (Patient).
    spacing_mm : (3,) float64
        Between slices along the normal, between rows, between columns.
    masks : mapping of str to (slices, rows, columns) bool
        "brain" (within the inner table, above the skull base, no bone), and one per finding:
        its kind, with the number of its place among the findings after a colon.
    volumes_ml : mapping of str to float
        Of each mask by the formulas; of "brain" by counting voxels.
    midline_normal : (3,) float64
        Unit vector to the patient's left, in patient axes.
    centre_mm : (3,) float64
        The head's origin in patient mm: a point of the mid-sagittal plane.
    anchors_mm, septum_mm : (2, 3) and (3,) float64
        Where the falx is fixed in front and behind, and the septum between the frontal horns.
    shift_mm : float
        How far the septum lies from the mid-sagittal plane, positive to the left.
    vessels_mm : mapping of "left", "right" to (n, 3) float64
        The middle cerebral arteries' first segments.
    findings : tuple of Finding
    """

    hu: NDArray[np.int16]
    positions_mm: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]
    masks: Mapping[str, NDArray[np.bool_]]
    volumes_ml: Mapping[str, float]
    midline_normal: NDArray[np.float64]
    centre_mm: NDArray[np.float64]
    anchors_mm: NDArray[np.float64]
    septum_mm: NDArray[np.float64]
    shift_mm: float
    vessels_mm: Mapping[str, NDArray[np.float64]]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Pose:
    """How the head lies: turned about its long axis, leant to a side, moved."""

    yaw_deg: float = 0.0
    roll_deg: float = 0.0
    offset_mm: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))

    @property
    def turn(self) -> NDArray[np.float64]:
        """The head's axes as columns, in patient axes."""
        a, b = np.radians(self.yaw_deg), np.radians(self.roll_deg)
        left = np.array([np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.sin(b)])
        back = np.array([-np.sin(a), np.cos(a), 0.0])
        return np.stack([left, back, np.cross(left, back)], axis=1)

    def place(self, points: Sequence[Sequence[float]]) -> NDArray[np.float64]:
        """Return patient mm of points of the head."""
        return np.asarray(np.asarray(points, np.float64) @ self.turn.T + self.offset_mm)

    def into_head(self, x: Field, y: Field, z: Field) -> tuple[Field, Field, Field]:
        away = [
            part - np.float32(shift) for part, shift in zip((x, y, z), self.offset_mm, strict=True)
        ]
        turn = self.turn.astype(np.float32)
        return tuple(
            turn[0, axis] * away[0] + turn[1, axis] * away[1] + turn[2, axis] * away[2]
            for axis in range(3)
        )


class StrokeHead(Head):
    """A head whose inside is pushed to a side and holds findings."""

    def __init__(
        self, generator: np.random.Generator, findings: tuple[Finding, ...], shift_mm: float
    ) -> None:
        super().__init__(generator)
        self.findings = findings
        self.shift_mm = shift_mm

    def push(self, y: Field, z: Field, inside: Field) -> Field:
        """Return how far to the left the contents are pushed: least at skull and falx ends."""
        free = ramp(inside / 32) * ramp((y + 58) / 34)
        free *= ramp((62 - y) / 40) * ramp((z + 45) / 40) * ramp((70 - z) / 35)
        return np.asarray(self.shift_mm * free, np.float32)

    def content(self, x: Field, y: Field, z: Field, inside: Field) -> Field:
        pushed = x - self.push(y, z, inside) if self.shift_mm else x
        hu = super().content(pushed, y, z, inside)
        dense = {f.side: f.hu for f in self.findings if f.kind == "dense vessel"}
        for side, sign in (("left", 1), ("right", -1)):
            filled = THROMBUS_HU if side in dense and dense[side] is None else dense.get(side)
            for first, second in pairwise(VESSEL_MM):
                lumen = inside_tube(
                    sign * x, y, z, (*first, VESSEL_RADIUS_MM), (*second, VESSEL_RADIUS_MM)
                )
                hu[lumen] = VESSEL_HU if filled is None else filled
        for finding in self.findings:
            if finding.kind == "dense vessel":
                continue
            there = self.covers(finding, x, y, z)
            if finding.kind == "infarct":
                tissue = there & (hu > 15) & (hu < 60)
                hu[tissue] += -8.0 if finding.hu is None else finding.hu
            else:
                usual = BLOOD if finding.kind == "haemorrhage" else 150.0
                hu[there] = usual if finding.hu is None else finding.hu
        return hu

    def covers(self, finding: Finding, x: Field, y: Field, z: Field) -> NDArray[np.bool_]:
        cx, cy, cz = finding.middle_mm
        scale = (finding.volume_ml * 1000 * 3 / (4 * np.pi * 0.85 * 1.25)) ** (1 / 3)
        radius = np.sqrt(((x - cx) / 0.85) ** 2 + ((y - cy) / 1.25) ** 2 + (z - cz) ** 2)
        edge = scale
        if finding.ragged:
            edge = scale * (1 + finding.ragged * np.clip(self.gyri.at(x, y, z), -2, 2))
        return np.asarray(radius < edge)


def stroke_phantom(
    findings: Sequence[Finding] = (),
    shape: Sequence[int] = (30, 256, 256),
    spacing_mm: Sequence[float] = (5.0, 0.92, 0.92),
    tilt_deg: float = 0.0,
    yaw_deg: float = 0.0,
    roll_deg: float = 0.0,
    offset_mm: Sequence[float] = (0.0, 0.0, 0.0),
    shift_mm: float = 0.0,
    patient_position: str = "HFS",
    seed: int = 0,
    noise_hu: float = 3.5,
    head_holder: bool = True,
) -> StrokePhantom:
    """Make a non-contrast head CT of a stroke.

    Parameters
    ----------
    findings : sequence of Finding
    shape : (slices, rows, columns)
    spacing_mm : (slice, row, column) distances; the first is measured along the normal
    tilt_deg : float
        Gantry tilt, with the sign of `StackGeometry.tilt_deg`; -45 to 45.
    yaw_deg, roll_deg : float
        How the head is turned about z, and leant to a side: the mid-sagittal plane's normal is
        (cos yaw cos roll, sin yaw cos roll, sin roll). -45 to 45.
    offset_mm : (x, y, z)
        Where the head's origin lies.
    shift_mm : float
        How far the septum is pushed to the left (negative: right); -20 to 20.
    patient_position : "HFS", "HFP", "FFS" or "FFP"
        How rows and columns run through the patient (PS3.3 C.7.3.1.1.2).
    seed : int
        The same seed gives the same head and noise, voxel for voxel; noise apart, the same head
        with and without findings.
    noise_hu : float
        Standard deviation of the noise; 0 to 500.

    Raises
    ------
    ValueError
        An argument is out of range.
    """
    if len(shape) != 3:
        raise ValueError(f"shape is {tuple(shape)}; expected (slices, rows, columns)")
    slices, rows, columns = room("shape", shape, 8)
    for name, length in (("slices", slices), ("rows", rows), ("columns", columns)):
        whole(f"shape ({name})", length, 1)
    spacing = finite_array("spacing_mm", spacing_mm, (3,))
    positive("the least spacing_mm", float(spacing.min()))
    for name, angle in (("tilt_deg", tilt_deg), ("yaw_deg", yaw_deg), ("roll_deg", roll_deg)):
        if abs(number(name, angle)) > 45:
            raise ValueError(f"{name} is {angle!r}; expected -45 to 45")
    if abs(number("shift_mm", shift_mm)) > 20:
        raise ValueError(f"shift_mm is {shift_mm!r}; expected -20 to 20")
    if not 0 <= number("noise_hu", noise_hu) <= 500:
        raise ValueError(f"noise_hu is {noise_hu!r}; expected 0 to 500")
    signs = POSITIONS[choice("patient_position", patient_position, tuple(POSITIONS))]
    pose = Pose(yaw_deg, roll_deg, finite_array("offset_mm", offset_mm, (3,)))

    grid = Grid(slices, rows, columns, spacing, np.radians(tilt_deg))
    generator = np.random.default_rng(whole("seed", seed, 0))
    head = StrokeHead(generator, tuple(findings), float(shift_mm))
    keys = {
        f"{finding.kind}:{place}": finding
        for place, finding in enumerate(head.findings)
        if finding.kind != "dense vessel"
    }
    hu = np.empty((slices, rows, columns), np.int16)
    masks = {name: np.empty(hu.shape, np.bool_) for name in ("brain", *keys)}
    steps = int(np.clip(np.ceil(spacing[0] / 2.5), 1, 3))
    blur = np.maximum(0.45 / spacing[1:], 0.3)
    for index in range(slices):
        picture = np.zeros((rows, columns), np.float32)
        for step in range(steps):  # partial volume through the slice
            points = pose.into_head(*grid.points(index + (step + 0.5) / steps - 0.5))
            picture += head.attenuation(*points) / steps
        x, y, z = pose.into_head(*grid.points(index))
        masks["brain"][index] = head.brain(x, y, z) & (picture < 140) & (picture > -100)
        for name, finding in keys.items():
            masks[name][index] = head.covers(finding, x, y, z) & head.brain(x, y, z)
        if head_holder:
            shell = np.abs(np.hypot(x, y + 8) - 121)
            picture[(shell < 1.2) & (y > 48)] = -180
        picture = ndimage.gaussian_filter(picture, blur)
        if noise_hu:
            picture += noise_hu * noise(generator, picture.shape, spacing[1:])
        hu[index] = np.clip(np.rint(picture), -1024, 3071)

    volumes = {name: formula_ml(head, finding) for name, finding in keys.items()}
    volumes["brain"] = float(masks["brain"].sum()) * float(spacing.prod()) / 1000
    positions, orientation = grid.positions(), [grid.row_direction, grid.column_direction]
    corner = np.zeros(3)
    for axis, sign, length in ((0, signs[0], columns), (1, signs[1], rows)):
        if sign == -1:
            corner = corner + orientation[axis] * spacing[2 - axis] * (length - 1)
    turned = (slice(None), slice(None, None, signs[1]), slice(None, None, signs[0]))
    flipped = {name: np.ascontiguousarray(mask[turned]) for name, mask in masks.items()}
    for mask in flipped.values():
        mask.setflags(write=False)
    septum = np.add(SEPTUM_MM, (float(shift_mm), 0, 0))
    return StrokePhantom(
        hu=np.ascontiguousarray(hu[turned]),
        positions_mm=positions + corner,
        orientation=np.concatenate([orientation[0] * signs[0], orientation[1] * signs[1]]),
        spacing_mm=spacing,
        masks=MappingProxyType(flipped),
        volumes_ml=MappingProxyType(volumes),
        midline_normal=pose.turn[:, 0],
        centre_mm=np.asarray(pose.offset_mm),
        anchors_mm=pose.place(ANCHORS_MM),
        septum_mm=pose.place([septum.tolist()])[0],
        shift_mm=float(shift_mm),
        vessels_mm=MappingProxyType(
            {
                side: pose.place([(sign * x, y, z) for x, y, z in VESSEL_MM])
                for side, sign in (("left", 1), ("right", -1))
            }
        ),
        findings=head.findings,
    )


def stroke_drill(
    seed: int,
    shape: Sequence[int] = (30, 256, 256),
    spacing_mm: Sequence[float] = (5.0, 0.92, 0.92),
) -> StrokePhantom:
    """Make an exercise for a reader: one head of five kinds, posed and graded by chance.

    The kinds, equally often: nothing at all, an infarct (faint to plain), a haemorrhage (with a
    midline shift when large), a calcification that is none, a dense vessel with a faint infarct.
    What is there is in the result's `findings` and `shift_mm`.

    Parameters
    ----------
    seed : int
    shape, spacing_mm
        As for `stroke_phantom`. Vessels show on slices of 1.25 mm or less only.
    """
    generator = np.random.default_rng([whole("seed", seed, 0), 5])
    kind = int(generator.integers(5))
    side = str(generator.choice(["left", "right"]))
    findings: tuple[Finding, ...] = ()
    shift = 0.0
    if kind == 1:
        change = -float(generator.uniform(3, 9))
        findings = (Finding("infarct", side, float(generator.uniform(15, 90)), None, change),)
    elif kind == 2:
        volume = float(np.exp(generator.uniform(np.log(3), np.log(90))))
        findings = (Finding("haemorrhage", side, volume, ragged=0.08),)
        shift = max(0.0, volume - 25) / 7 * (-1 if side == "left" else 1)
    elif kind == 3:
        findings = (Finding("calcification", side, 0.8, None, 160.0),)
    elif kind == 4:
        change = -float(generator.uniform(2, 4))
        findings = (Finding("dense vessel", side), Finding("infarct", side, 45.0, None, change))
    return stroke_phantom(
        findings,
        shape,
        spacing_mm,
        yaw_deg=float(generator.uniform(-12, 12)),
        roll_deg=float(generator.uniform(-4, 4)),
        shift_mm=shift,
        seed=int(generator.integers(1 << 30)),
    )


def ramp(share: NDArray[Any]) -> Field:
    """Rise smoothly from 0 at 0 to 1 at 1."""
    within = np.clip(share, 0, 1)
    return np.asarray(within * within * (3 - 2 * within), np.float32)


def formula_ml(head: StrokeHead, finding: Finding) -> float:
    """Return a finding's volume by a fine grid over its formula."""
    reach = (finding.volume_ml * 1000) ** (1 / 3) * 1.3
    axis = (np.arange(-reach, reach, 0.5) + 0.25).astype(np.float32)
    total = 0
    cx, cy, cz = (np.float32(value) for value in finding.middle_mm)
    for height in axis:
        total += int(head.covers(
            finding, *np.broadcast_arrays(cx + axis, cy + axis[:, None], cz + height)
        ).sum())  # fmt: skip
    return total * 0.125 / 1000
