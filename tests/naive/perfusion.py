"""Perfusion, the slow way: one voxel, one sample at a time, with whole decompositions."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def circulant(arterial: Array, interval: float) -> Array:
    length = 2 * len(arterial)
    matrix = np.zeros((length, length))
    for i in range(length):
        for j in range(length):
            lag = (i - j) % length
            if lag < len(arterial):
                matrix[i, j] = interval * arterial[lag]
    return matrix


def triangular(arterial: Array, interval: float) -> Array:
    length = len(arterial)
    matrix = np.zeros((length, length))
    for i in range(length):
        for j in range(i + 1):
            matrix[i, j] = interval * arterial[i - j]
    return matrix


def truncated_solution(matrix: Array, curve: Array, share: float) -> Array:
    left, sizes, right = np.linalg.svd(matrix)
    solution = np.zeros(len(curve))
    for n in range(len(sizes)):
        if sizes[n] >= share * sizes[0]:
            solution += (left[:, n] @ curve) / sizes[n] * right[n]
    return solution


def faded_solution(matrix: Array, curve: Array, share: float) -> Array:
    left, sizes, right = np.linalg.svd(matrix)
    solution = np.zeros(len(curve))
    for n in range(len(sizes)):
        kept = sizes[n] ** 4 / (sizes[n] ** 4 + (share * sizes[0]) ** 4)
        solution += kept * (left[:, n] @ curve) / sizes[n] * right[n]
    return solution


def oscillation(residue: Array) -> float:
    turns = 0.0
    for n in range(2, len(residue)):
        turns += abs(residue[n] - 2 * residue[n - 1] + residue[n - 2])
    return turns / (len(residue) * max(residue))


def optimal_solution(
    matrix: Array, curve: Array, shares: list[float], bound: float
) -> tuple[Array, float]:
    for share in shares:
        residue = faded_solution(matrix, curve, share)
        if max(residue) <= 0 or oscillation(residue) < bound:
            break
    return residue, share


def peak(residue: Array, times: int, before: int) -> tuple[float, float]:
    """Flow and fractional lag in samples; the last `before` samples are negative lags."""
    length = len(residue)
    allowed = [n for n in range(length) if n < times or n >= length - before]
    at = max(allowed, key=lambda n: (residue[n], -n))
    if residue[at] <= 0:
        return 0.0, 0.0
    around = length > times
    left = residue[at - 1] if at > 0 or around else residue[at]
    right = residue[(at + 1) % length] if at + 1 < length or around else residue[at]
    bend = left - 2 * residue[at] + right
    shift = min(max((left - right) / (2 * bend), -0.5), 0.5) if bend < 0 else 0.0
    height = residue[at] + (right - left) / 2 * shift + bend / 2 * shift**2
    return float(height), (at if at < times else at - length) + shift


def leading_courses(casorati: Array, rank: int) -> Array:
    left, sizes, right = np.linalg.svd(casorati, full_matrices=False)
    result = np.zeros_like(casorati)
    for n in range(rank):
        result += sizes[n] * np.outer(left[:, n], right[n])
    return result


def smoothed(
    picture: Array, tissue: NDArray[np.bool_], sigma: tuple[float, float], reach: tuple[int, int]
) -> Array:
    """Normalised convolution of one slice."""
    result = picture.copy()
    rows, columns = picture.shape
    for r in range(rows):
        for c in range(columns):
            if not tissue[r, c]:
                continue
            total, weights = 0.0, 0.0
            for i in range(max(r - reach[0], 0), min(r + reach[0] + 1, rows)):
                for j in range(max(c - reach[1], 0), min(c + reach[1] + 1, columns)):
                    if tissue[i, j]:
                        weight = np.exp(
                            -0.5 * ((i - r) / sigma[0]) ** 2 - 0.5 * ((j - c) / sigma[1]) ** 2
                        )
                        total += weight * picture[i, j]
                        weights += weight
            result[r, c] = total / weights
    return result


def averaged_alike(
    amounts: Array,
    guide: Array,
    places: NDArray[np.intp],
    spacing: Array,
    sigma: float,
    noise: float,
) -> Array:
    """Each voxel against every other of its slice, all of them tissue."""
    result = np.zeros_like(amounts)
    for own in range(len(places)):
        weights = 0.0
        for other in range(len(places)):
            step = (places[own] - places[other]) * spacing
            if step[0] or step @ step > (2.5 * sigma) ** 2:
                continue
            apart = sum((a - b) ** 2 for a, b in zip(guide[own], guide[other], strict=True))
            like = 1 - apart / (14**2 * amounts.shape[1] * noise**2)
            if like <= 0:
                continue
            weight = like**2 * np.exp(-(step @ step) / (2 * sigma**2))
            weights += weight
            result[own] += weight * amounts[other]
        result[own] /= weights
    return result


def pieces(mask: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Face-joined pieces of `least` voxels or more, by flooding."""
    left = {tuple(int(n) for n in place) for place in np.argwhere(mask)}
    kept = np.zeros(mask.shape, np.bool_)
    while left:
        piece, edge = [], [left.pop()]
        while edge:
            z, y, x = edge.pop()
            piece.append((z, y, x))
            for step in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
                other = (z + step[0], y + step[1], x + step[2])
                if other in left:
                    left.remove(other)
                    edge.append(other)
        if len(piece) >= least:
            for place in piece:
                kept[place] = True
    return kept


def agreement(found: Array, true: Array) -> tuple[float, float]:
    """Pearson's r, and the intraclass correlation ICC(2,1) of Shrout and Fleiss."""
    table = np.stack([found.ravel(), true.ravel()], axis=1)
    count, raters = table.shape
    grand = table.mean()
    between_rows = raters * ((table.mean(axis=1) - grand) ** 2).sum() / (count - 1)
    between_raters = count * ((table.mean(axis=0) - grand) ** 2).sum() / (raters - 1)
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + grand
    error = (rest**2).sum() / ((count - 1) * (raters - 1))
    icc = (between_rows - error) / (
        between_rows + (raters - 1) * error + raters * (between_raters - error) / count
    )
    return float(np.corrcoef(table.T)[0, 1]), float(icc)
