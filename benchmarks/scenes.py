"""The same made-up data for everybody."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["ct_stack", "slide_tile", "sparse_header"]


@lru_cache(maxsize=2)
def ct_stack(slices: int, seed: int = 0) -> NDArray[np.int16]:
    """Return (slices, 512, 512) smooth structure with noise, in HU; nobody may write to it."""
    noise = np.random.default_rng(seed).normal(0, 40, (7, 512, 512)).astype(np.float32)
    y, x = np.ogrid[:512, :512]
    plane = (500 * np.cos(y / 29) + 300 * np.sin(x / 23)).astype(np.float32)
    stack = np.empty((slices, 512, 512), np.int16)
    for index in range(slices):
        stack[index] = np.rint(plane + noise[index % 7] + 400 * np.sin(index / 17))
    return stack


def slide_tile(edge: int = 1024, seed: int = 0) -> NDArray[np.uint8]:
    """Return (edge, edge, 3): pink and violet tissue with nuclei on half a tile, glass beside."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:edge, :edge]
    tissue = (x + 60 * np.sin(y / 90) < edge * 0.62).astype(np.float64)
    haematoxylin = 0.12 + 0.06 * np.sin(x / 31) * np.cos(y / 27)
    for _ in range(edge * edge // 3000):
        row, column = generator.integers(0, edge, 2)
        radius = generator.uniform(5, 9)
        top, left = max(0, row - 12), max(0, column - 12)
        part = np.s_[top : row + 13, left : column + 13]
        away = (y[part] - row) ** 2 + (x[part] - column) ** 2
        haematoxylin[part] += 0.8 * (away < radius**2)
    eosin = 0.35 + 0.12 * np.sin(x / 53 + 1) + 0.10 * np.cos(y / 41)
    stains = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]])
    density = (
        np.minimum(haematoxylin, 1.6)[..., None] * stains[0] + eosin[..., None] * stains[1]
    ) * tissue[..., None]
    light = 243 * np.exp(-density) + generator.normal(0, 2.5, density.shape)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def sparse_header(frames: int) -> bytes:
    """Return the Per-Frame Functional Groups of a sparse slide, explicit VR little endian."""
    generator = np.random.default_rng(1)
    places = generator.integers(1, 100_000, (frames, 2))
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end, end_of_sequence = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
    parts = []
    for column, row in places:
        parts.append(
            item
            + b"\x48\x00\x1a\x02SQ\0\0\xff\xff\xff\xff"
            + item
            + b"\x40\x00\x2a\x07DS\x08\x0012.34567"
            + b"\x40\x00\x3a\x07DS\x08\x0065.43210"
            + b"\x40\x00\x4a\x07DS\x02\x000 "
            + b"\x48\x00\x1e\x02SL\x04\x00"
            + int(column).to_bytes(4, "little")
            + b"\x48\x00\x1f\x02SL\x04\x00"
            + int(row).to_bytes(4, "little")
            + end
            + end_of_sequence
            + end
        )
    return b"\x00\x52\x30\x92SQ\0\0\xff\xff\xff\xff" + b"".join(parts) + end_of_sequence
