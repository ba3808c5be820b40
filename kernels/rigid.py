"""Rigid motion in the order of the arrays: (slice, row, column) millimetres."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kernels._checks import finite_array

__all__ = ["rotation_matrix", "rotation_vector_deg"]


def rotation_matrix(vector_deg: ArrayLike) -> NDArray[np.float64]:
    """Return the (3, 3) rotation about `vector_deg`, whose length is the angle in degrees.

    Axes and results are in (slice, row, column) order (Rodrigues' formula).
    """
    vector = np.radians(finite_array("vector_deg", vector_deg, (3,)))
    angle = float(np.linalg.norm(vector))
    cross = skew(vector)
    if angle < 1e-9:
        return np.asarray(np.eye(3) + cross)
    turned = np.sin(angle) / angle * cross
    return np.asarray(np.eye(3) + turned + (1 - np.cos(angle)) / angle**2 * cross @ cross)


def rotation_vector_deg(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the (3,) vector of a rotation by less than a half turn: `rotation_matrix` undone."""
    found = finite_array("matrix", matrix, (3, 3))
    angle = float(np.arccos(np.clip((np.trace(found) - 1) / 2, -1, 1)))
    odd = np.array(
        [found[2, 1] - found[1, 2], found[0, 2] - found[2, 0], found[1, 0] - found[0, 1]]
    )
    factor = 0.5 if angle < 1e-9 else angle / (2 * np.sin(angle))
    return np.asarray(np.degrees(odd * factor))


def skew(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c = vector
    return np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
