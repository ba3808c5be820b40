"""Un-shear, oblique planes, slabs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import SimpleITK as sitk
import vtk
from numpy.typing import NDArray
from scipy import ndimage
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

import kernels
from benchmarks.contest import Contest, Peer, within
from benchmarks.scenes import ct_stack
from kernels import Plane, Projection

SPACING = (1.0, 0.5, 0.5)
EDGE = 512


def oblique_plane() -> Plane:
    """A plane through the middle of 300 slices of 512 x 512, turned about two axes."""
    row = np.array([0.94, 0.18, 0.29])
    row /= np.linalg.norm(row)
    column = np.array([-0.12, 0.96, -0.22])
    column -= (column @ row) * row
    column /= np.linalg.norm(column)
    middle = np.array([127.75, 127.75, 149.5])
    pixel = 0.45
    return Plane(
        middle - (EDGE - 1) / 2 * pixel * (row + column), row, column, (pixel, pixel), (EDGE, EDGE)
    )


AFFINE = np.array(
    [[0, 0, SPACING[2], 0], [0, SPACING[1], 0, 0], [SPACING[0], 0, 0, 0], [0, 0, 0, 1.0]]
)


def vtk_image(volume: NDArray[np.int16]) -> Any:
    image = vtk.vtkImageData()
    image.SetDimensions(*volume.shape[::-1])
    image.SetSpacing(*SPACING[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(volume.reshape(-1)))
    return image


def vtk_reslice(image: Any, plane: Plane, slices: int, step_mm: float, mode: str) -> Any:
    axes = vtk.vtkMatrix4x4()
    row, column = plane.directions()
    for axis, vector in enumerate((row, column, plane.normal, np.asarray(plane.origin_mm))):
        for index in range(3):
            axes.SetElement(index, axis, vector[index])
    pixel = float(np.asarray(plane.spacing_mm)[0])
    filter_ = vtk.vtkImageReslice()
    filter_.SetInputData(image)
    filter_.SetResliceAxes(axes)
    filter_.SetInterpolationModeToLinear()
    filter_.SetOutputScalarType(vtk.VTK_FLOAT)
    filter_.SetBackgroundLevel(-1024)
    filter_.SetOutputDimensionality(2)
    filter_.SetOutputSpacing(pixel, pixel, step_mm)
    filter_.SetOutputOrigin(0, 0, 0)
    filter_.SetOutputExtent(0, EDGE - 1, 0, EDGE - 1, 0, 0)
    filter_.SetSlabNumberOfSlices(slices)
    getattr(filter_, f"SetSlabModeTo{mode}")()

    def run() -> NDArray[np.float32]:
        filter_.Modified()
        filter_.Update()
        scalars = filter_.GetOutput().GetPointData().GetScalars()
        return np.asarray(vtk_to_numpy(scalars).reshape(EDGE, EDGE))

    return run


def itk_volume(volume: NDArray[np.int16]) -> Any:
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing(SPACING[::-1])
    return image


def viewed(execute: Callable[[], Any]) -> Callable[[], NDArray[Any]]:
    """Give the result of a filter as an array, without a copy, kept alive till the next."""
    kept: list[Any] = []

    def run() -> NDArray[Any]:
        kept[:] = [execute()]
        return np.asarray(sitk.GetArrayViewFromImage(kept[0]))

    return run


def itk_plane(image: Any, plane: Plane) -> Any:
    row, column = plane.directions()
    filter_ = sitk.ResampleImageFilter()
    filter_.SetSize((EDGE, EDGE, 1))
    filter_.SetOutputOrigin([float(value) for value in np.asarray(plane.origin_mm)])
    filter_.SetOutputSpacing((*[float(value) for value in np.asarray(plane.spacing_mm)], 1.0))
    filter_.SetOutputDirection(np.stack([row, column, plane.normal], axis=1).ravel().tolist())
    filter_.SetInterpolator(sitk.sitkLinear)
    filter_.SetDefaultPixelValue(-1024)
    filter_.SetOutputPixelType(sitk.sitkFloat32)
    run = viewed(lambda: filter_.Execute(image))
    return lambda: run()[0]


def scipy_places(plane: Plane) -> NDArray[np.float64]:
    row, column = plane.directions()
    pixel = np.asarray(plane.spacing_mm)
    i, j = np.mgrid[:EDGE, :EDGE]
    points = (
        np.asarray(plane.origin_mm)
        + i[..., None] * pixel[0] * column
        + j[..., None] * pixel[1] * row
    )
    return np.asarray((points[..., ::-1] / SPACING).transpose(2, 0, 1))


INSIDE = np.s_[120:-120, 120:-120]  # libraries differ on what lies at the very edge


def unshear_stack() -> Contest:
    volume = ct_stack(40)
    shear = np.zeros((40, 2))
    shear[:, 0] = np.arange(40) * 1.31
    upright = kernels.unshear(volume, shear, SPACING[1:])
    ours = np.zeros_like(upright.array)
    image = sitk.GetImageFromArray(volume)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((1, 0, 0, 0, 1, -1.31 / SPACING[1], 0, 0, 1))
    filter_ = sitk.ResampleImageFilter()
    filter_.SetSize(upright.array.shape[::-1])
    filter_.SetInterpolator(sitk.sitkLinear)
    filter_.SetDefaultPixelValue(-1024)
    filter_.SetTransform(transform)

    simpleitk = viewed(lambda: filter_.Execute(image))
    matrix = np.array([[1, 0, 0], [-1.31 / SPACING[1], 1, 0], [0, 0, 1]])
    theirs = np.zeros_like(upright.array)

    def scipy() -> np.ndarray:
        ndimage.affine_transform(
            volume, matrix, output_shape=theirs.shape, output=theirs, order=1, cval=-1024
        )
        return theirs

    inside = np.s_[:, 110:500]
    return Contest(
        "un-shear, 40 x 512 x 512 int16",
        lambda: kernels.unshear(volume, shear, SPACING[1:], out=ours).array,
        [
            Peer("SimpleITK affine Resample", simpleitk, within(1, inside), bar=30),
            Peer("SciPy affine_transform", scipy, within(1, inside)),
        ],
        bytes_moved=4 * upright.array.size,
        threads=2,
    )


def oblique_reslice() -> Contest:
    volume, plane = ct_stack(300), oblique_plane()
    ours = np.zeros(plane.shape, np.float32)
    places = scipy_places(plane)
    theirs = np.zeros(plane.shape, np.float32)

    def scipy() -> np.ndarray:
        ndimage.map_coordinates(volume, places, theirs, order=1, cval=-1024)
        return theirs

    close = within(5e-3, INSIDE)
    return Contest(
        "oblique plane, 512 x 512 float32 from 300 x 512 x 512 int16",
        lambda: kernels.reslice(volume, AFFINE, plane, out=ours),
        [
            Peer(
                "VTK ImageReslice", vtk_reslice(vtk_image(volume), plane, 1, 1.0, "Max"), close, 2.5
            ),
            Peer("SimpleITK Resample", itk_plane(itk_volume(volume), plane), close, bar=2.5),
            Peer("SciPy map_coordinates", scipy, close),
        ],
        bytes_moved=(8 * 2 + 4) * EDGE * EDGE,
        threads=2,
    )


def slab_contest(how: Projection, mode: str, bar: float | None) -> Contest:
    volume, plane = ct_stack(300), oblique_plane()
    ours = np.zeros(plane.shape, np.float32)
    return Contest(
        f"slab {how} of 20 samples, 512 x 512 from 300 x 512 x 512 int16",
        lambda: kernels.slab(volume, AFFINE, plane, 9.5, how, step_mm=0.5, out=ours),
        [
            Peer(
                "VTK ImageReslice slab",
                vtk_reslice(vtk_image(volume), plane, 20, 0.5, mode),
                within(5e-3, INSIDE),
                bar,
            )
        ],
        bytes_moved=(20 * 8 * 2 + 4) * EDGE * EDGE,
        threads=2,
    )


def slab_maximum() -> Contest:
    return slab_contest(Projection.MAXIMUM, "Max", 1.5)


def slab_mean() -> Contest:
    return slab_contest(Projection.MEAN, "Mean", None)


def maximum_along_axis() -> Contest:
    volume = ct_stack(40)
    return Contest(
        "maximum along the first axis, 40 x 512 x 512 int16",
        lambda: kernels.project(volume),
        [Peer("NumPy max", lambda: volume.max(axis=0), within(0))],
        bytes_moved=2 * volume.size,
        threads=2,
        why_lost="NumPy does this at the speed of memory; ours is NumPy, and a draw is meant.",
    )


ALL = [unshear_stack, oblique_reslice, slab_maximum, slab_mean, maximum_along_axis]
