"""Stroke arithmetic the slow way: one voxel at a time, in float64."""

from itertools import product
from math import ceil, exp, floor, sqrt

import numpy as np
from numpy.typing import NDArray

Volume = NDArray[np.float64]


def distance_mm(mask: NDArray[np.bool_], spacing) -> Volume:  # type: ignore[no-untyped-def]
    marked = np.argwhere(mask)
    result = np.full(mask.shape, 1e6)
    for place in np.ndindex(*mask.shape):
        for other in marked:
            away = sqrt(
                sum(((a - b) * s) ** 2 for a, b, s in zip(place, other, spacing, strict=True))
            )
            result[place] = min(result[place], away)
    return result


def interpolate(volume: Volume, place, fill: float) -> float:  # type: ignore[no-untyped-def]
    """Linear; the outermost voxels reach half a voxel further."""
    if any(at < -0.5 or at > n - 0.5 for at, n in zip(place, volume.shape, strict=True)):
        return fill
    clamped = [min(max(at, 0.0), n - 1.0) for at, n in zip(place, volume.shape, strict=True)]
    total = 0.0
    for corner in product(*[(floor(at), floor(at) + 1) for at in clamped]):
        weight = 1.0
        for at, index in zip(clamped, corner, strict=True):
            weight *= max(0.0, 1 - abs(at - index))
        if weight > 0:
            total += weight * float(volume[corner])
    return total


def mirror(volume: Volume, normal, offset: float, spacing, fill: float) -> Volume:  # type: ignore[no-untyped-def]
    result = np.empty(volume.shape)
    for place in np.ndindex(*volume.shape):
        point = [index * step for index, step in zip(place, spacing, strict=True)]
        away = sum(p * n for p, n in zip(point, normal, strict=True)) - offset
        other = [(p - 2 * away * n) / s for p, n, s in zip(point, normal, spacing, strict=True)]
        result[place] = interpolate(volume, other, fill)
    return result


def mirror_cost(volume: Volume, points, normal, offset: float, spacing, cap: float) -> float:  # type: ignore[no-untyped-def]
    total = 0.0
    for point in points:
        away = sum(p * n for p, n in zip(point, normal, strict=True)) - offset
        other = [(p - 2 * away * n) / s for p, n, s in zip(point, normal, spacing, strict=True)]
        here = interpolate(volume, [p / s for p, s in zip(point, spacing, strict=True)], -100.0)
        total += min(abs(here - interpolate(volume, other, -100.0)), cap)
    return total / len(points)


def masked_gaussian(volume: Volume, mask, sigma_mm: float, spacing) -> Volume:  # type: ignore[no-untyped-def]
    """Weights out to three deviations, the array reflected at its ends like (b a | a b c)."""
    weights = []
    for step in spacing:
        sigma = sigma_mm / step
        reach = int(3 * sigma + 0.5)
        line = [exp(-0.5 * (at / sigma) ** 2) for at in range(-reach, reach + 1)]
        weights.append([value / sum(line) for value in line])
    result = np.zeros(volume.shape)
    for place in np.ndindex(*volume.shape):
        total = held = 0.0
        for offsets in product(*[range(len(line)) for line in weights]):
            weight = 1.0
            index = []
            for at, offset, line, n in zip(place, offsets, weights, volume.shape, strict=True):
                weight *= line[offset]
                where = (at + offset - len(line) // 2) % (2 * n)
                index.append(where if where < n else 2 * n - 1 - where)
            if mask[tuple(index)]:
                total += weight * volume[tuple(index)]
                held += weight
        if held > 0.05:
            result[place] = total / held
    return result


def shrink(volume: Volume, valid, factors, fill: float):  # type: ignore[no-untyped-def]
    slices, rows, columns = volume.shape
    shape = slices, max(rows // factors[0], 1), max(columns // factors[1], 1)
    result, kept = np.full(shape, fill), np.zeros(shape, bool)
    for k, i, j in np.ndindex(*shape):
        block = (k, slice(i * factors[0], (i + 1) * factors[0]),
                 slice(j * factors[1], (j + 1) * factors[1]))  # fmt: skip
        inside = [
            float(v) for v, sure in zip(volume[block].flat, valid[block].flat, strict=True) if sure
        ]
        if len(inside) >= ceil(factors[0] * factors[1] / 2):
            result[k, i, j] = sum(inside) / len(inside)
            kept[k, i, j] = True
    return result, kept
