"""Slides, the slow way: one pixel at a time."""

from math import log10

import numpy as np
from numpy.typing import NDArray


def halved(tile: NDArray[np.generic]) -> NDArray[np.generic]:
    rows, columns = tile.shape[:2]
    result = np.zeros(((rows + 1) // 2, (columns + 1) // 2, *tile.shape[2:]), tile.dtype)
    for index in np.ndindex(*result.shape):
        total = 2
        for down in (0, 1):
            for across in (0, 1):
                i = min(2 * index[0] + down, rows - 1)
                j = min(2 * index[1] + across, columns - 1)
                total += int(tile[(i, j, *index[2:])])
        result[index] = total >> 2
    return result


def chroma(pixel: NDArray[np.uint8]) -> int:
    values = [int(value) for value in pixel]
    return max(values) - min(values)


def otsu(values: list[int]) -> int:
    """The level that leaves the least variance within the two parts; the first of equals."""
    best, least = 255, float("inf")
    for level in range(256):
        lower = [value for value in values if value <= level]
        upper = [value for value in values if value > level]
        if lower and upper:
            within = len(lower) * np.var(lower) + len(upper) * np.var(upper)
            if within < least - 1e-6:
                best, least = level, within
    return best


def focus(grey: NDArray[np.uint8], block: int) -> NDArray[np.float64]:
    padded = np.pad(grey.astype(np.int64), 1, mode="edge")
    edges = (
        padded[:-2, 1:-1]
        + padded[2:, 1:-1]
        + padded[1:-1, :-2]
        + padded[1:-1, 2:]
        - 4 * padded[1:-1, 1:-1]
    )
    rows, columns = -(-grey.shape[0] // block), -(-grey.shape[1] // block)
    result = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            part = edges[i * block : (i + 1) * block, j * block : (j + 1) * block]
            result[i, j] = part.var()
    return result


def unmixed(pixel: NDArray[np.uint8], stains: NDArray[np.float64]) -> list[float]:
    density = [-log10(max(int(value) / 255, 1e-6)) for value in pixel]
    return [max(float(amount), 0.0) for amount in np.linalg.solve(stains.T, density)]


def composed(channels, ranges, colours):  # type: ignore[no-untyped-def]
    result = np.zeros((*channels.shape[1:], 3))
    for channel, (low, high), colour in zip(channels, ranges, colours, strict=True):
        for i, j in np.ndindex(*channel.shape):
            light = min(max((float(channel[i, j]) - low) / (high - low), 0), 1) * 255
            result[i, j] += light * np.asarray(colour)
    return np.clip(np.floor(result + 0.5), 0, 255).astype(np.uint8)


def counted(points, origin, cell: float, shape):  # type: ignore[no-untyped-def]
    result = np.zeros(shape, np.uint32)
    for x, y in points:
        column, row = (float(x) - origin[0]) / cell, (float(y) - origin[1]) / cell
        if 0 <= column < shape[1] and 0 <= row < shape[0]:
            result[int(row), int(column)] += 1
    return result


def within_polygon(row: float, column: float, corners) -> bool:  # type: ignore[no-untyped-def]
    inside = False
    for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if (y0 <= row) != (y1 <= row) and column >= x0 + (row - y0) / (y1 - y0) * (x1 - x0):
            inside = not inside
    return inside
