"""Un-shear, even spacing and reslicing, the slow way: one voxel at a time, in float64."""

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

Volume = NDArray[np.float64]


def trilinear(volume: Volume, z: float, y: float, x: float, fill: float) -> float:
    total = 0.0
    for length, place in zip(volume.shape, (z, y, x), strict=True):
        if place < -1e-6 or place > length - 1 + 1e-6:
            return fill
    for k in (floor(z), floor(z) + 1):
        for i in (floor(y), floor(y) + 1):
            for j in (floor(x), floor(x) + 1):
                weight = max(0, 1 - abs(z - k)) * max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j))
                if weight > 0:
                    nearest = [
                        min(max(at, 0), length - 1)
                        for at, length in zip((k, i, j), volume.shape, strict=True)
                    ]
                    total += weight * float(volume[tuple(nearest)])
    return total


def voxel_of(affine: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.solve(affine, np.append(point, 1.0))[:3]


def plane_points(plane) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    rows, columns = plane.shape
    points = np.empty((rows, columns, 3))
    for i in range(rows):
        for j in range(columns):
            points[i, j] = (
                plane.origin_mm
                + i * plane.spacing_mm[0] * plane.column_direction
                + j * plane.spacing_mm[1] * plane.row_direction
            )
    return points


def sample(volume: Volume, affine, points, fill: float) -> NDArray[np.float64]:  # type: ignore[no-untyped-def]
    flat = points.reshape(-1, 3)
    found = [trilinear(volume, *voxel_of(affine, point), fill) for point in flat]
    return np.array(found).reshape(points.shape[:-1])


def slab(volume: Volume, affine, plane, thickness: float, count: int, how: str, fill: float):  # type: ignore[no-untyped-def]
    points = plane_points(plane)
    normal = np.cross(plane.row_direction, plane.column_direction)
    result = np.full(plane.shape, fill)
    for index in np.ndindex(*plane.shape):
        values = []
        for ray in range(count):
            off = 0.0 if count == 1 else thickness * (ray / (count - 1) - 0.5)
            place = voxel_of(affine, points[index] + off * normal)
            value = trilinear(volume, *place, float("nan"))
            if value == value:
                values.append(value)
        if values:
            chosen = {"maximum": max, "minimum": min, "mean": lambda v: sum(v) / len(v)}[how]
            result[index] = chosen(values)
    return result


def unshear(volume: Volume, shear, spacing, fill: float, valid=None):  # type: ignore[no-untyped-def]
    slices, rows, columns = volume.shape
    least = shear.min(axis=0)
    shifts = (shear - least) / spacing
    more = [ceil(value - 1e-6) for value in shifts.max(axis=0)]
    result = np.full((slices, rows + more[0], columns + more[1]), fill, np.float64)
    kept = np.zeros(result.shape, bool)
    for k, i, j in np.ndindex(*result.shape):
        y, x = i - shifts[k, 0], j - shifts[k, 1]
        if not (-1e-6 <= y <= rows - 1 + 1e-6 and -1e-6 <= x <= columns - 1 + 1e-6):
            continue
        corners = {}
        for m in (floor(y), floor(y) + 1):
            for n in (floor(x), floor(x) + 1):
                weight = max(0, 1 - abs(y - m)) * max(0, 1 - abs(x - n))
                if weight > 1e-5:
                    corners[min(max(m, 0), rows - 1), min(max(n, 0), columns - 1)] = weight
        if valid is None or all(valid[k][corner] for corner in corners):
            total = sum(corners.values())
            result[k, i, j] = sum(w * volume[k][at] for at, w in corners.items()) / total
            kept[k, i, j] = True
        else:
            nearest = max(corners, key=lambda at: corners[at])
            if valid[k][nearest]:
                result[k, i, j], kept[k, i, j] = volume[k][nearest], True
    return result, kept, least


def even(volume: Volume, places, step: float, gaps: list[int]):  # type: ignore[no-untyped-def]
    targets, made, invented = [], [], []
    place = places[0]
    while place <= places[-1] + 1e-6 * step:
        below = max(k for k in range(len(places)) if places[k] <= place + 1e-6 * step)
        if below == len(places) - 1:
            made.append(volume[below])
            invented.append(False)
        else:
            share = (place - places[below]) / (places[below + 1] - places[below])
            share = min(max(share, 0), 1)
            made.append((1 - share) * volume[below] + share * volume[below + 1])
            invented.append(below in gaps and 1e-6 < share < 1 - 1e-6)
        targets.append(place)
        place = places[0] + len(targets) * step
    return np.array(made), np.array(targets), np.array(invented)
