"""The stages of a stroke CT for which a library has a way, on the same arrays."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.contest import Contest, Peer, on_average, overlap, within
from kernels import (
    AnalysisCopy,
    analyse,
    analysis_copy,
    brain_mask,
    distance_mm,
    find_midsagittal_plane,
    masked_gaussian,
    mirror,
    perfusion_head,
    stroke_phantom,
)
from kernels.bolus import RESIDUES, Bolus
from kernels.brain import BrainMask
from kernels.midsagittal import MidsagittalPlane
from kernels.morphology import largest_part
from kernels.perfusion.deconvolution import (
    OSCILLATION,
    OSCILLATION_THRESHOLDS,
    circulant_inverse,
    deconvolve,
)
from kernels.perfusion.denoising import leading_courses
from kernels.perfusion.motion import steady
from kernels.rigid import rotation_vector_deg
from kernels.stack import StackGeometry
from kernels.stroke_phantom import Finding, StrokePhantom

__all__ = ["ALL"]

Floats = NDArray[np.float32]
VOXELS = 100_000
TIMES = 60
SIGMA_MM = 2.5
MOVED = 3  # frames of the motion contest


@lru_cache(maxsize=1)
def head() -> tuple[StrokePhantom, StackGeometry, AnalysisCopy, BrainMask, MidsagittalPlane]:
    """30 slices of 512 x 512 with an infarct, and what the first stages make of it."""
    phantom = stroke_phantom(
        (Finding("infarct", "left", 50.0),), (30, 512, 512), (5.0, 0.46, 0.46), yaw_deg=7, seed=901
    )
    geometry = analyse(phantom.positions_mm, phantom.orientation)
    copy = analysis_copy(phantom.hu[geometry.order], geometry, phantom.spacing_mm[1:])
    brain = brain_mask(copy.hu, copy.spacing_mm, copy.valid)
    plane = find_midsagittal_plane(copy.hu, brain.mask, copy.spacing_mm)
    return phantom, geometry, copy, brain, plane


@lru_cache(maxsize=1)
def curves() -> tuple[Floats, NDArray[np.float64]]:
    """Tissue curves of every residue, flow, transit and delay with 1 HU of noise; an artery."""
    bolus, times = Bolus(), np.arange(float(TIMES))
    random = np.random.default_rng(902)
    clean = [
        bolus.tissue_hu(
            times,
            random.uniform(5, 80),
            random.uniform(3, 14),
            random.uniform(0, 8),
            RESIDUES[index % len(RESIDUES)],
        )
        for index in range(500)
    ]
    table = np.repeat(np.array(clean, np.float32), VOXELS // 500, axis=0)
    table += random.standard_normal(table.shape, np.float32)
    return table, np.asarray(bolus.arterial_hu(times))


def itk(values: NDArray[Any], spacing_mm: NDArray[np.float64]) -> Any:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing([float(step) for step in spacing_mm[::-1]])
    return image


def analysis_copies() -> Contest:
    phantom, geometry, copy, _, _ = head()
    stack = np.ascontiguousarray(phantom.hu[geometry.order])
    image = itk(stack, phantom.spacing_mm)
    image.SetOrigin(phantom.positions_mm[geometry.order[0]].tolist())
    axes = (geometry.row_direction, geometry.column_direction, geometry.normal)
    image.SetDirection(np.stack(axes, axis=1).ravel().tolist())
    directions = (copy.affine[:3, :3] / copy.spacing_mm)[:, ::-1]
    size = [int(length) for length in copy.hu.shape[::-1]]

    def theirs() -> Floats:
        joined = sitk.BinShrink(image, [2, 2, 1])
        found = sitk.Resample(
            joined,
            size,
            sitk.Transform(),
            sitk.sitkLinear,
            copy.affine[:3, 3].tolist(),
            [float(step) for step in copy.spacing_mm[::-1]],
            directions.ravel().tolist(),
            -1024.0,
            sitk.sitkFloat32,
        )
        return np.asarray(sitk.GetArrayFromImage(found))

    def ours() -> Floats:
        return analysis_copy(stack, geometry, phantom.spacing_mm[1:]).hu

    return Contest(
        "analysis copy, 30 x 512 x 512 to 1 x 1 x 2.5 mm",
        ours,
        [Peer("SimpleITK BinShrink, Resample", theirs, on_average(3.0))],
        stack.nbytes + copy.hu.nbytes,
        2,
    )


def masked_gaussians() -> Contest:
    _, _, copy, brain, _ = head()
    sigma = SIGMA_MM / copy.spacing_mm

    def normalised(smooth: Callable[[Floats], Floats]) -> Floats:
        total = smooth(np.where(brain.mask, copy.hu, np.float32(0)))
        weight = smooth(brain.mask.astype(np.float32))
        return np.where(brain.mask, total / np.maximum(weight, 0.05), np.float32(0))

    def with_itk(values: Floats) -> Floats:
        found = sitk.DiscreteGaussian(
            itk(values, copy.spacing_mm), [SIGMA_MM**2] * 3, 32, 0.003, True
        )
        return np.asarray(sitk.GetArrayFromImage(found))

    def with_recursive(values: Floats) -> Floats:
        found = sitk.SmoothingRecursiveGaussian(itk(values, copy.spacing_mm), SIGMA_MM)
        return np.asarray(sitk.GetArrayFromImage(found))

    def with_scipy(values: Floats) -> Floats:
        return np.asarray(ndimage.gaussian_filter(values, sigma, truncate=3))

    def ours() -> Floats:
        found = masked_gaussian(copy.hu, brain.mask, SIGMA_MM, copy.spacing_mm)
        return np.where(brain.mask, found, np.float32(0))

    return Contest(
        f"masked Gaussian, {'x'.join(map(str, copy.hu.shape))}",
        ours,
        [
            Peer("SimpleITK DiscreteGaussian", lambda: normalised(with_itk), on_average(0.5)),
            Peer(
                "SimpleITK SmoothingRecursiveGaussian",
                lambda: normalised(with_recursive),
                on_average(0.5),
            ),
            Peer("scipy gaussian_filter", lambda: normalised(with_scipy), within(0.01)),
        ],
        2 * copy.hu.nbytes,
        2,
        why_lost="Ours is SciPy's filter, with checks before it.",
    )


def mirrors() -> Contest:
    _, _, copy, brain, plane = head()
    values = np.where(brain.mask, copy.hu, np.float32(-1024))
    spacing = copy.spacing_mm
    normal = plane.normal[::-1]
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((np.eye(3) - 2 * np.outer(normal, normal)).ravel().tolist())
    transform.SetTranslation((2 * plane.offset_mm * normal).tolist())
    image = itk(values, spacing)

    def with_itk() -> Floats:
        found = sitk.Resample(image, image, transform, sitk.sitkLinear, -1024.0)
        return np.asarray(sitk.GetArrayFromImage(found))

    matrix = (np.eye(3) - 2 * np.outer(plane.normal, plane.normal)) * spacing / spacing[:, None]
    offset = 2 * plane.offset_mm * plane.normal / spacing

    def with_scipy() -> Floats:
        return np.asarray(ndimage.affine_transform(values, matrix, offset, order=1, cval=-1024.0))

    inside = ndimage.binary_erosion(
        (with_itk() > -1000) & (mirror(values, plane, spacing, -1024.0) > -1000), iterations=2
    )
    return Contest(
        f"mirror image, {'x'.join(map(str, values.shape))}",
        lambda: mirror(values, plane, spacing, -1024.0),
        [
            Peer("SimpleITK Resample", with_itk, within(0.1, inside)),
            Peer("scipy affine_transform", with_scipy, within(0.1, inside)),
        ],
        2 * values.nbytes,
        2,
    )


def distances() -> Contest:
    _, _, copy, brain, _ = head()
    mask, spacing = brain.mask, copy.spacing_mm
    image = itk(mask.astype(np.uint8), spacing)

    def with_itk() -> Floats:
        found = sitk.SignedMaurerDistanceMap(image, False, False, True)
        return np.asarray(np.maximum(sitk.GetArrayFromImage(found), 0))

    def with_scipy() -> NDArray[np.float64]:
        return np.asarray(ndimage.distance_transform_edt(~mask, spacing))

    return Contest(
        f"distance map, {'x'.join(map(str, mask.shape))}",
        lambda: distance_mm(mask, spacing),
        [
            Peer("scipy distance_transform_edt", with_scipy, within(1e-3)),
            Peer("SimpleITK SignedMaurerDistanceMap", with_itk, on_average(1.0)),
        ],
        mask.nbytes + 4 * mask.size,
        2,
    )


def parts() -> Contest:
    _, _, copy, brain, _ = head()
    soft = (copy.hu > -5) & (copy.hu < 95) & ~brain.bone
    image = itk(soft.astype(np.uint8), copy.spacing_mm)

    def with_itk() -> NDArray[np.bool_]:
        labels = sitk.RelabelComponent(sitk.ConnectedComponent(image), sortByObjectSize=True)
        return np.asarray(sitk.GetArrayFromImage(labels) == 1)

    return Contest(
        f"largest connected part, {'x'.join(map(str, soft.shape))}",
        lambda: largest_part(soft),
        [Peer("SimpleITK ConnectedComponent, RelabelComponent", with_itk, overlap(1.0))],
        2 * soft.nbytes,
        2,
        why_lost="Ours is SciPy's label.",
    )


def deconvolved_by_numpy(table: Floats, inverses: list[Floats], bound: float) -> Floats:
    """Flow by the same inverses, in whole-array NumPy."""
    flow = np.zeros(len(table), np.float32)
    members = np.arange(len(table))
    for index, inverse in enumerate(inverses):
        residues = table[members] @ inverse.T
        length = residues.shape[1]
        places = np.r_[0:TIMES, length - 15 : length]
        top = places[residues[:, places].argmax(axis=1)]
        rows = np.arange(len(top))
        peak = residues[rows, top]
        left, right = residues[rows, top - 1], residues[rows, (top + 1) % length]
        bend = np.minimum(left - 2 * peak + right, -1e-12)
        shift = np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
        rough = np.abs(residues[:, 2:] - 2 * residues[:, 1:-1] + residues[:, :-2]).sum(axis=1)
        settled = rough < bound * length * np.maximum(peak, 1e-12)
        if index == len(inverses) - 1:
            settled[:] = True
        height = np.where(peak > 0, peak - 0.25 * (left - right) * shift, 0)
        flow[members[settled]] = height[settled]
        members = members[~settled]
        if not len(members):
            break
    return flow


def bsvd() -> Contest:
    table, artery = curves()

    def theirs() -> Floats:
        matrix = np.stack([np.roll(np.r_[artery, np.zeros(TIMES)], n) for n in range(2 * TIMES)], 1)
        inverse = np.linalg.pinv(matrix, rcond=0.15)[:, :TIMES].astype(np.float32)
        return deconvolved_by_numpy(table, [inverse], np.inf)

    return Contest(
        f"bSVD, {VOXELS // 1000} 000 curves of {TIMES}",
        lambda: deconvolve(table, artery, 1.0, "bsvd").flow_per_s,
        [Peer("NumPy pinv, matmul, max", theirs, on_average(1e-4))],
        table.nbytes,
        2,
    )


def osvd() -> Contest:
    table, artery = curves()

    def theirs() -> Floats:
        inverses = [
            circulant_inverse(artery, 1.0, share, fades=True).astype(np.float32)
            for share in OSCILLATION_THRESHOLDS
        ]
        return deconvolved_by_numpy(table, inverses, OSCILLATION)

    return Contest(
        f"oSVD, {VOXELS // 1000} 000 curves of {TIMES}",
        lambda: deconvolve(table, artery, 1.0, "osvd").flow_per_s,
        [Peer("NumPy matmul, threshold by threshold", theirs, on_average(1e-4))],
        table.nbytes,
        2,
    )


def denoising() -> Contest:
    table, _ = curves()
    members = np.ones(len(table), np.bool_)

    def ours() -> Floats:
        courses = leading_courses(table, members, 4)
        return np.asarray((table @ courses) @ courses.T)

    def whole() -> Floats:
        left, sizes, right = np.linalg.svd(table, full_matrices=False)
        return np.asarray((left[:, :4] * sizes[:4]) @ right[:4])

    def covariance() -> Floats:
        _, vectors = np.linalg.eigh(table.T @ table)
        return np.asarray(table @ (vectors[:, -4:] @ vectors[:, -4:].T))

    return Contest(
        f"principal components, {VOXELS // 1000} 000 curves of {TIMES}",
        ours,
        [
            Peer("NumPy svd", whole, within(0.05)),
            Peer("NumPy eigh of the Gram matrix", covariance, within(0.05)),
        ],
        2 * table.nbytes,
        2,
    )


def motion() -> Contest:
    """Frames put back; the truth is known, so that nobody is compared with anybody's guess."""
    truth = np.random.default_rng(903).uniform(-4, 4, (3 + MOVED, 6))
    truth[:3] = 0
    scan = perfusion_head(np.arange(0, 2.0 * len(truth), 2.0), motion=truth, seed=904)
    spacing = scan.spacing_mm

    def bone(frame: NDArray[np.int16]) -> Any:
        return itk(np.clip(frame, 150, 1200).astype(np.float32), spacing)

    def theirs() -> NDArray[np.float64]:
        fixed = bone(scan.hu[:3].mean(axis=0))
        middle = (np.array(scan.hu.shape[:0:-1]) - 1) / 2 * spacing[::-1]
        found = []
        for frame in scan.hu[3:]:
            start = sitk.Euler3DTransform()
            start.SetCenter(middle.tolist())
            method = sitk.ImageRegistrationMethod()
            method.SetMetricAsMeanSquares()
            method.SetMetricSamplingStrategy(method.RANDOM)
            method.SetMetricSamplingPercentage(0.1, 7)
            method.SetInterpolator(sitk.sitkLinear)
            method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 100)
            method.SetOptimizerScalesFromPhysicalShift()
            method.SetShrinkFactorsPerLevel([2, 1])
            method.SetSmoothingSigmasPerLevel([4, 3])
            method.SetInitialTransform(start)
            method.Execute(fixed, bone(frame))
            sitk.Resample(itk(frame, spacing), fixed, start, sitk.sitkBSpline, -1024.0)
            turn = np.array(start.GetMatrix()).reshape(3, 3)[::-1, ::-1]
            shift = np.array(start.TransformPoint(middle.tolist())) - middle
            found.append(np.r_[shift[::-1], rotation_vector_deg(turn)])
        return np.array(found)

    def agrees(mine: NDArray[np.float64], its: NDArray[np.float64]) -> str:
        worst = [float(np.abs(one - truth[3:]).max()) for one in (mine, its)]
        if worst[0] > 1:
            raise AssertionError(f"motion is off by {worst[0]} mm or degrees")
        return f"worst error {worst[0]:.2f} mm or degrees, theirs {worst[1]:.2f}"

    return Contest(
        f"motion, {MOVED} frames of 20 x 256 x 256 (60 frames: times {60 // MOVED}, extrapolated)",
        lambda: steady(scan.hu, spacing).motion[3:],
        [Peer("SimpleITK rigid registration, Resample", theirs, agrees)],
        scan.hu.nbytes,
        2,
    )


ALL = [
    analysis_copies,
    masked_gaussians,
    mirrors,
    distances,
    parts,
    bsvd,
    osvd,
    denoising,
    motion,
]
