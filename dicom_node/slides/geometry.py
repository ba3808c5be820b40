"""Where a slide's pixels lie on the glass.

All conversions go through level 0. Writers give every level the same Total Pixel Matrix Origin,
although it is the place of the *centre* of a level's first pixel: a mark converted by the level on
screen would land 0.5 * (2**k - 1) pixels of level 0 away (PS3.3 C.8.12.2.1).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["USUAL_ORIENTATION", "SlideGeometry", "tile_count"]

# A slide lying as it does on the stage: columns run along -Y, rows along -X.
USUAL_ORIENTATION = (0.0, -1.0, 0.0, -1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class SlideGeometry:
    """Level 0 of a slide in the slide coordinate system.

    Attributes
    ----------
    spacing_mm : (float, float)
        Along x, from column to column, and along y, from row to row. DICOM has them the other way
        round.
    origin_mm : (float, float)
        X and Y of the centre of the first pixel.
    orientation : six floats
        Image Orientation (Slide): where columns go, where rows go.
    """

    spacing_mm: tuple[float, float]
    origin_mm: tuple[float, float] = (0.0, 0.0)
    orientation: tuple[float, ...] = USUAL_ORIENTATION

    @property
    def affine(self) -> NDArray[np.float64]:
        """(2, 3): pixel corners (column, row, 1) to slide (x, y) in mm; pixel i is [i, i + 1)."""
        along_x, along_y = self.spacing_mm
        column = np.array(self.orientation[:2]) * along_x
        row = np.array(self.orientation[3:5]) * along_y
        corner = np.array(self.origin_mm) - 0.5 * (column + row)
        return np.column_stack([column, row, corner])

    def to_slide_mm(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn (n, 2) columns and rows of level 0 into (n, 2) x and y in mm."""
        affine = self.affine
        return np.asarray(pixels, float) @ affine[:, :2].T + affine[:, 2]

    def to_pixels(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn (n, 2) x and y in mm into (n, 2) columns and rows of level 0."""
        affine = self.affine
        inverse = np.linalg.inv(affine[:, :2])
        return np.asarray((np.asarray(points_mm, float) - affine[:, 2]) @ inverse.T, np.float64)


def tile_count(length: int, tile: int) -> int:
    """How many tiles cover so many pixels."""
    return math.ceil(length / tile)
